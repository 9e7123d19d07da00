package external

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/url"
	"time"

	"github.com/ssocheck/ssocheck/e2e/internal/target"
)

// dialLimit is for one connection.
const dialLimit = 10 * time.Second

// keys are the public keys that the browser may accept: those whose
// certificates are good by the authority that was given. A browser cannot be
// told of an authority, so it is told of exactly these keys. What no authority
// vouches for stays an error in the browser, too.
func (p *Pair) keys(ctx context.Context) []string {
	if len(p.target.CA) == 0 {
		return nil
	}
	var keys []string
	for _, raw := range []string{p.bundle.Paperless.URL, p.bundle.Authentik.URL} {
		u, err := url.Parse(raw)
		if err != nil || u.Scheme != "https" {
			continue
		}
		own := x509.NewCertPool()
		own.AppendCertsFromPEM(p.target.CA)
		leaf, err := p.handshake(ctx, raw, own)
		if err != nil {
			// The system's authorities vouch for it, or nobody does: the browser sees.
			p.o.Log.DebugContext(ctx, "certificate", "url", raw, "error", err)
			continue
		}
		sum := sha256.Sum256(leaf.RawSubjectPublicKeyInfo)
		keys = append(keys, base64.StdEncoding.EncodeToString(sum[:]))
	}
	return keys
}

// handshake is the certificate at an address, when it is good; roots nil: by the
// system's authorities.
func (p *Pair) handshake(ctx context.Context, raw string, roots *x509.CertPool) (*x509.Certificate, error) {
	at, err := target.HostPort(raw)
	if err != nil {
		return nil, err
	}
	host, _, err := net.SplitHostPort(at)
	if err != nil {
		return nil, fmt.Errorf("external: %w", err)
	}
	if to, ok := p.target.Resolve[at]; ok {
		at = to
	}
	d := tls.Dialer{NetDialer: &net.Dialer{Timeout: dialLimit}, Config: &tls.Config{MinVersion: tls.VersionTLS12, ServerName: host, RootCAs: roots}}
	ctx, cancel := context.WithTimeout(ctx, dialLimit)
	defer cancel()
	c, err := d.DialContext(ctx, "tcp", at)
	if err != nil {
		return nil, err
	}
	leaf := c.(*tls.Conn).ConnectionState().PeerCertificates[0]
	return leaf, c.Close()
}

// certificate says in words what is wrong with the certificate at an address by
// the authorities that count; "" when nothing is, or when there is none.
func (p *Pair) certificate(ctx context.Context, raw string) string {
	if u, err := url.Parse(raw); err != nil || u.Scheme != "https" {
		return ""
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		return ""
	}
	if len(p.target.CA) > 0 {
		pool.AppendCertsFromPEM(bytes.Clone(p.target.CA))
	}
	_, err = p.handshake(ctx, raw, pool)
	var bad *tls.CertificateVerificationError
	if !errors.As(err, &bad) {
		return ""
	}
	text := bad.Err.Error()
	if len(bad.UnverifiedCertificates) > 0 {
		leaf := bad.UnverifiedCertificates[0]
		text += fmt.Sprintf(" (subject %s, issuer %s, valid %s to %s, %d certificates sent)", leaf.Subject, leaf.Issuer,
			leaf.NotBefore.UTC().Format(time.DateOnly), leaf.NotAfter.UTC().Format(time.DateOnly), len(bad.UnverifiedCertificates))
	}
	return text
}
