package node

import (
	"time"
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
	AdminHTTPS     bool     `yaml:"admin_https" about:"Offer administration below /admin/ over HTTPS too, to accounts with the right to manage."`

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
