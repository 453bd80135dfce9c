package node

import (
	"time"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/internal/signin"
)

// Config is everything that can be set. The key of a field in the file is its
// yaml tag; the environment variable is HANSOM_ and the key in capitals, the
// flag of `hansom serve` the key with dashes. The about tag is the comment in
// the printed file and the help of the flag; a field marked as path is taken,
// in the file, as relative to the file's folder.
type Config struct {
	Data              string `yaml:"data" is:"path" about:"Data directory: store, master key, certificate, control socket. It belongs to one process."`
	Store             string `yaml:"store" about:"Where content and settings are kept: sqlite:PATH or postgres://USER@HOST/DATABASE. Empty: hansom.db in the data directory."`
	StorePasswordFile string `yaml:"store_password_file" is:"path" about:"File with the password for a store in PostgreSQL. Empty: the one in the URL or, without that, of PGPASSWORD or a pgpass file."`
	Listen            string `yaml:"listen" about:"Address and port to listen on. Port 0 takes a free one; without a host, every address."`

	PublicURL   string `yaml:"public_url" about:"The https URL under which clients reach this server, with the path prefix if there is one. Every printed URL begins with it. Empty: https:// and the address listened on."`
	Title       string `yaml:"title" about:"Title of the server in discovery. Empty: a general one."`
	Description string `yaml:"description" about:"Description of the server in discovery."`
	Contact     string `yaml:"contact" about:"Whom to ask about this server, in discovery."`

	Certificate    string   `yaml:"tls_certificate" is:"path" about:"PEM file with the certificate and its chain, read again when it changes. Empty: one of its own, made on first start in tls below the data directory."`
	CertificateKey string   `yaml:"tls_key" is:"path" about:"PEM file with the private key of tls_certificate."`
	BehindProxy    []string `yaml:"behind_proxy" about:"Addresses or networks (CIDR) of the proxies that end TLS. With any, plain HTTP is served, and to them alone. Empty: HTTPS."`
	SourceHeader   string   `yaml:"source_header" about:"Header in which every proxy of behind_proxy adds where a request comes from, such as X-Forwarded-For, or sets it, such as X-Real-IP. Empty: what a proxy brings comes from the proxy."`
	TokenHeader    string   `yaml:"token_header" about:"Header that is taken to carry an API token, beside Authorization, such as X-Api-Key."`
	AdminHTTPS     bool     `yaml:"admin_https" about:"Offer administration below /admin/ over HTTPS too, to accounts with the right to manage."`

	Listeners          []string `yaml:"listeners" about:"Further addresses to listen on: a list of {address: ADDRESS, client_certificates: off, request or require}."`
	ClientCertificates string   `yaml:"client_certificates" about:"Certificates of clients on the address of listen: off; request, so that one that is sent is taken; or require, so that nobody gets in without one."`
	ClientCA           string   `yaml:"client_ca" is:"path" about:"PEM file with the authorities whose client certificates are taken, read again when it changes."`
	ClientCRL          []string `yaml:"client_crl" is:"path" about:"Files with revocation lists of these authorities, PEM or DER, read again when they change. With any, whoever issued a client's certificate needs one that is not out of date."`

	ACMEHosts []string `yaml:"acme_hosts" about:"Names for which a certificate is got by ACME, which needs port 443 for listen or port 80 for acme_http. Empty: none is."`
	ACME      string   `yaml:"acme" about:"Directory URL of the ACME server."`
	ACMEAgree bool     `yaml:"acme_agree" about:"Whether you agree to the terms of the ACME server; it gives no certificate otherwise."`
	ACMEEmail string   `yaml:"acme_email" about:"Address for notices of the ACME server. Empty: none is given."`
	ACMEHTTP  string   `yaml:"acme_http" about:"Address and port, such as :80, to answer the ACME server on over plain HTTP; nothing else is served there. Empty: it asks over TLS, on the address of listen."`
	ACMECA    string   `yaml:"acme_ca" is:"path" about:"PEM file with authorities that are trusted in calls of the ACME server, beside those of the system."`

	JWTLifetime time.Duration   `yaml:"jwt_lifetime" about:"How long a JWT of POST /auth/token is good. From 1m to 24h."`
	Issuers     []signin.Issuer `yaml:"issuers" about:"Outside issuers whose JWTs are taken: a list of issuer, audience, algorithms, jwks_url and rules, which docs/operate/jwt.md explains. As a flag or variable the list is YAML or JSON on one line."`

	RefuseJSON bool `yaml:"refuse_json" about:"Refuse clients that accept only application/json, instead of answering them with it."`

	MaxContentLength int64 `yaml:"max_content_length" about:"Most octets in the body of an Add, counted after decompression. At most half of bodies_budget."`
	PageObjects      int   `yaml:"page_objects" about:"Objects on a page where the client sets no limit."`
	PageMost         int   `yaml:"page_most" about:"Most objects on a page; a larger limit of a client is lowered to it. At most 10000."`
	PageBytes        int   `yaml:"page_bytes" about:"Most octets on a page, but always at least one object. At most half of pages_budget."`
	PagesBudget      int64 `yaml:"pages_budget" about:"Octets that all pages held for answering may use together; above it requests wait, then get 503."`
	BodiesBudget     int64 `yaml:"bodies_budget" about:"Octets that all bodies being taken may use together; above it requests wait, then get 503."`

	MaxConnections        int `yaml:"max_connections" about:"Most open connections; more wait unaccepted."`
	MaxRequests           int `yaml:"max_requests" about:"Most requests in work; more get 503."`
	MaxRequestsPerAccount int `yaml:"max_requests_per_account" about:"Most requests in work for one account; more get 429."`

	Channels             string   `yaml:"channels" about:"Channels over TAXII: on; fixed, so that only the operator creates and changes them; or off."`
	ListChannels         bool     `yaml:"list_channels" about:"List the channels of an API Root to those who see them; without it the list is refused to all."`
	AllowOrigins         []string `yaml:"allow_origins" about:"Origins of browser pages that may use channels, such as https://soc.example.com; * is every one, without credentials. Empty: pages of this server alone."`
	MaxStreams           int      `yaml:"max_streams" about:"Most waits and event streams that are open; more get 429. Each needs a connection and an open file."`
	MaxStreamsPerAccount int      `yaml:"max_streams_per_account" about:"Most waits and event streams open for one account; more get 429. All who ask without credentials are one account."`

	LimitRequests      int   `yaml:"limit_requests" about:"Requests per second that an account may make which has no limit of its own; more are slowed or get 429. 0: as many as it likes."`
	LimitBurst         int   `yaml:"limit_burst" about:"Requests that an account may make at once before limit_requests slows it. 0: ten seconds of them."`
	LimitObjectsPerDay int64 `yaml:"limit_objects_per_day" about:"Objects that an account may add in a day, in UTC, which has no limit of its own. 0: as many as it likes."`
	LimitBytesPerDay   int64 `yaml:"limit_bytes_per_day" about:"Octets that an account may be sent in a day, in UTC, which has no limit of its own. 0: as many as it likes."`

	Audit          string        `yaml:"audit" about:"What happens where nothing can be recorded, because the disk is full: on, and what cannot be recorded is not delivered (507); best-effort, and it is; or off, which records nothing at all."`
	AuditRetention time.Duration `yaml:"audit_retention" about:"How long records of the audit are kept, such as 9600h for 400 days. 0s: for good."`

	Push             bool     `yaml:"push" about:"Send messages of subscriptions to URLs, for accounts with the right to push."`
	OutboundAllow    []string `yaml:"outbound_allow" about:"Addresses with ports that may be called although they are private or the like, one by one, such as 10.1.2.3:8443."`
	OutboundPorts    []string `yaml:"outbound_ports" about:"Ports that may be called beside 443."`
	OutboundHosts    []string `yaml:"outbound_hosts" about:"With any, the only hosts that may be called, such as hooks.example.com or *.example.com."`
	OutboundLiterals bool     `yaml:"outbound_literals" about:"Let URLs to call name public addresses instead of hosts."`
	OutboundCA       string   `yaml:"outbound_ca" is:"path" about:"PEM file with authorities that are trusted in calls beside those of the system."`
	OutboundProxy    string   `yaml:"outbound_proxy" about:"http URL of a proxy that calls go through. The environment's is not used."`

	HeaderTimeout time.Duration `yaml:"header_timeout" about:"Longest time for the headers of a request to arrive."`
	BodyTimeout   time.Duration `yaml:"body_timeout" about:"Longest time without an octet while a body arrives."`
	IdleTimeout   time.Duration `yaml:"idle_timeout" about:"How long a connection without a request is kept."`
	StallTimeout  time.Duration `yaml:"stall_timeout" about:"How long a connection may take no octet of its answer before it is closed."`
	DrainTimeout  time.Duration `yaml:"drain_timeout" about:"How long answers may take to finish when the server stops."`

	KeyFile    string `yaml:"key_file" is:"path" about:"File with the master key that seals the server's secrets. Empty: key in the data directory, made on first start. The environment variable HANSOM_KEY, the key itself, goes before it."`
	KeyCommand string `yaml:"key_command" about:"Command that prints the master key, instead of key_file."`

	LogLevel  string `yaml:"log_level" about:"debug, info, warn or error."`
	LogFormat string `yaml:"log_format" about:"json or text."`

	// Key is the master key itself. It comes only from the environment
	// (HANSOM_KEY) and is never printed.
	Key string `yaml:"-"`
}

// Defaults gives the configuration of a server for which nothing is set.
func Defaults() Config {
	return Config{
		Data: "hansom-data", Listen: "127.0.0.1:8443",
		MaxContentLength: 10_485_760,
		PageObjects:      100,
		PageMost:         mostPage,
		PageBytes:        4 << 20,
		PagesBudget:      64 << 20,
		BodiesBudget:     256 << 20,

		MaxConnections:        12_000, // every stream has one, and others must get in beside them
		MaxRequests:           4096,
		MaxRequestsPerAccount: 1024,

		JWTLifetime: signin.DefaultJWTLifetime,

		Audit: string(exchange.AuditOn), AuditRetention: exchange.DefaultAuditKept,

		ClientCertificates: certificatesOff,
		ACME:               letsEncrypt,

		Channels: "on", ListChannels: true,
		MaxStreams: 10_000, MaxStreamsPerAccount: 32,

		HeaderTimeout: 10 * time.Second,
		BodyTimeout:   30 * time.Second,
		IdleTimeout:   120 * time.Second,
		StallTimeout:  30 * time.Second,
		DrainTimeout:  25 * time.Second,

		LogLevel: "info", LogFormat: "json",
	}
}
