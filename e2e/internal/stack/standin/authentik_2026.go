package standin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
)

// What the server of 2026.8 does otherwise than the ones before it: it is one
// program in front of Python (docs/facts/releases-2026.md#1.2).
const (
	oneProgram   = "2026.8.0"
	trustedCIDRs = "AUTHENTIK_LISTEN__TRUSTED_PROXY_CIDRS"
	starting     = "authentik starting"
)

// defaultTrusted are the networks whose X-Forwarded headers count by default.
const defaultTrusted = "127.0.0.0/8,10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,fe80::/10,::1/128"

// trusted are the networks of a list; an item without a length is an error, as
// the product's (docs/facts/releases-2026.md#A08).
func trusted(list string) ([]netip.Prefix, error) {
	var out []netip.Prefix
	for item := range strings.SplitSeq(or(list, defaultTrusted), ",") {
		p, err := netip.ParsePrefix(strings.TrimSpace(item))
		if err != nil {
			return nil, errors.New("invalid IP address syntax")
		}
		out = append(out, p)
	}
	return out, nil
}

// believed is the request as the server sees it: the forwarded headers of a peer
// that is in none of the networks are dropped.
func believed(r *http.Request, networks []netip.Prefix) *http.Request {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err == nil {
		if ip, err := netip.ParseAddr(host); err == nil {
			ip = ip.Unmap().WithZone("")
			if slices.ContainsFunc(networks, func(p netip.Prefix) bool { return p.Contains(ip) }) {
				return r
			}
		}
	}
	out := r.Clone(r.Context())
	for name := range out.Header {
		if strings.HasPrefix(name, "X-Forwarded-") || name == "Forwarded" {
			out.Header.Del(name)
		}
	}
	return out
}

// notYet is the answer while Python cannot be reached.
func notYet(w http.ResponseWriter, r *http.Request, version string) {
	if !deployment.AtLeast(version, oneProgram) {
		http.Error(w, "failed to connect to authentik backend: "+starting, http.StatusBadGateway)
		return
	}
	accept, text, kind := r.Header.Get("Accept"), starting, "text/plain"
	switch {
	case strings.Contains(accept, "application/json"):
		text, kind = `{"error":"`+starting+`"}`, "application/json"
		w.Header().Set("Retry-After", "5")
	case strings.Contains(accept, "text/html"):
		text, kind = "<!doctype html><title>"+starting+"</title>", "text/html"
	}
	w.Header().Set("Content-Type", kind)
	w.WriteHeader(http.StatusServiceUnavailable)
	_, _ = w.Write([]byte(text)) // the client went away: nothing to do
}

// skipped is a major release that lies between two versions; "" for none. From
// 2026.8 on the server refuses to start then (docs/facts/releases-2026.md#1.1).
func skipped(from, to string) (string, error) {
	known, err := deployment.KnownVersions()
	if err != nil {
		return "", err
	}
	for _, w := range known.Ways {
		first, last := slices.Index(w.Series, deployment.Series(from)), slices.Index(w.Series, deployment.Series(to))
		if w.Product == deployment.AuthentikProduct && first >= 0 && last > first+1 {
			return w.Series[first+1], nil
		}
	}
	return "", nil
}

// migrate refuses a skipped major and notes the version that wrote the database.
func migrate(ctx context.Context, db database, version string) error {
	text, err := db.get(ctx, "version")
	if err != nil {
		return err
	}
	var before string
	if len(text) > 0 {
		if err := json.Unmarshal(text, &before); err != nil {
			return fmt.Errorf("read the version of the database: %w", err)
		}
	}
	if between, err := skipped(before, version); err != nil || between != "" && deployment.AtLeast(version, oneProgram) {
		return errors.Join(err, errors.New("RuntimeError: Major version skips are not allowed. Please upgrade one major version at a time."), ErrExit) //nolint:revive,staticcheck // the product's own words
	}
	return db.put(ctx, "version", version)
}
