package external

import (
	"fmt"
	"net"
	"net/netip"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/target"
)

// Resolve turns rules of --resolve, host[:port]=address[:port], into the target's
// map, for the ports of the addresses that users open and the usual two. A rule
// that is none is ErrOptions.
func Resolve(rules []string, urls ...string) (map[string]string, error) {
	out := map[string]string{}
	for _, rule := range rules {
		from, to, ok := strings.Cut(rule, "=")
		host, port := hostAndPort(from)
		ip, at := hostAndPort(to)
		if _, err := netip.ParseAddr(ip); !ok || host == "" || err != nil {
			return nil, fmt.Errorf("%w: --resolve %q: want host=address[:port], such as paperless.example.com=192.168.1.10", ErrOptions, rule)
		}
		ports := []string{port}
		if port == "" {
			ports = portsOf(host, at != "", urls)
		}
		for _, p := range ports {
			out[net.JoinHostPort(host, p)] = net.JoinHostPort(ip, orElse(at, p))
		}
	}
	return out, nil
}

// portsOf are the ports that a rule without one is about: those of the
// addresses, and unless the rule names the one that it leads to, the usual two.
func portsOf(host string, only bool, urls []string) []string {
	var ports []string
	for _, raw := range urls {
		if hp, err := target.HostPort(raw); err == nil {
			if h, p, err := net.SplitHostPort(hp); err == nil && strings.EqualFold(h, host) {
				ports = append(ports, p)
			}
		}
	}
	if only && len(ports) > 0 {
		return ports
	}
	return append(ports, "443", "80")
}

// hostAndPort takes host, host:port, [v6]:port and a bare v6 address.
func hostAndPort(s string) (host, port string) {
	s = strings.TrimSpace(s)
	if h, p, err := net.SplitHostPort(s); err == nil {
		return strings.ToLower(h), p
	}
	return strings.ToLower(strings.Trim(s, "[]")), ""
}
