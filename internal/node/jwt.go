package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/hansom-taxii/hansom/internal/signin"
	"go.yaml.in/yaml/v3"
)

// issuersKey is the one key whose value is more than texts.
const issuersKey = "issuers"

// readIssuers reads a list of issuers in YAML, of which JSON is a part.
func readIssuers(text string, into *[]signin.Issuer) error {
	var list []signin.Issuer
	decoder := yaml.NewDecoder(strings.NewReader(text))
	decoder.KnownFields(true)
	err := decoder.Decode(&list)
	if wrong, ok := errors.AsType[*yaml.TypeError](err); ok { // its own words are several lines
		return fmt.Errorf("needs a list of issuers: in %s of it", strings.Join(wrong.Errors, "; in "))
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("needs a list of issuers: %w", err)
	}
	if *into = list; len(list) == 0 {
		*into = nil
	}
	return nil
}

// issuersText writes a list so that readIssuers can read it.
func issuersText(list []signin.Issuer) string {
	if len(list) == 0 {
		return ""
	}
	text, err := yaml.Marshal(list)
	if err != nil {
		return ""
	}
	return string(text)
}

func (c *Config) checkJWT() error {
	if c.JWTLifetime < signin.LeastJWTLifetime || c.JWTLifetime > signin.MostJWTLifetime {
		return fmt.Errorf("jwt_lifetime: must be from %s to %s, got %s", signin.LeastJWTLifetime, signin.MostJWTLifetime, c.JWTLifetime)
	}
	if err := signin.CheckIssuers(c.Issuers); err != nil {
		return fmt.Errorf("issuers: %w", err)
	}
	return nil
}

// offerJWT makes what gives out and takes JWTs.
func (n *node) offerJWT() (err error) {
	o := signin.JWTOptions{PublicURL: strings.TrimRight(n.conf.PublicURL, "/"), Lifetime: n.conf.JWTLifetime, Issuers: n.conf.Issuers}
	if len(o.Issuers) > 0 {
		if o.Fetch, err = n.conf.caller(); err != nil {
			return err
		}
	}
	if n.jwts, err = signin.NewJWTs(n.x, o); err != nil {
		return fmt.Errorf("configuration: issuers: %w", err)
	}
	return nil
}

// startJWT keeps the keys of outside issuers until ctx ends.
func (n *node) startJWT(ctx context.Context) {
	n.start(func() {
		n.jwts.Run(ctx, func(issuer string, err error) {
			n.log.Warn("the keys of an issuer cannot be had", slog.String("issuer", issuer), slog.Any("error", err))
		})
	})
}
