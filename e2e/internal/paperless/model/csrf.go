package model

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/ssocheck/ssocheck/e2e/internal/lazyregexp"
)

// host is the host that Django believes in: X-Forwarded-Host only when it is
// told to.
func (c *call) host() string {
	if xf := c.r.Header.Get("X-Forwarded-Host"); xf != "" && c.set.xfHost {
		return xf
	}
	return c.r.Host
}

// secure reports whether Django believes the request came over https. Paperless
// itself is spoken to in plain http, so only the header can say so.
func (c *call) secure() bool {
	name, want := c.set.sslHeader[0], c.set.sslHeader[1]
	if name == "" {
		return false
	}
	first, _, _ := strings.Cut(c.r.Header.Get(name), ",")
	return first != "" && strings.TrimSpace(first) == want
}

func (c *call) scheme() string {
	if c.secure() {
		return "https"
	}
	return "http"
}

// absolute is a URL of ours for the provider: Host header and forced protocol
// decide, PAPERLESS_URL does not.
func (c *call) absolute(path string) string {
	scheme := c.scheme()
	if c.set.protocol == "https" {
		scheme = "https"
	}
	return scheme + "://" + c.host() + c.set.script + path
}

func hostname(host string) string {
	if h, _, err := net.SplitHostPort(host); err == nil {
		return h
	}
	return host
}

var validHost = lazyregexp.New(`^([A-Za-z0-9.-]+|\[[a-fA-F0-9.:]+\])(:[0-9]+)?$`)

func (c *call) hostAllowed(host string) bool {
	if !validHost.MatchString(host) {
		return false
	}
	name := strings.ToLower(strings.TrimSuffix(hostname(host), "."))
	for _, pattern := range c.set.hosts {
		pattern = strings.ToLower(pattern)
		if pattern == "*" || pattern == name ||
			(strings.HasPrefix(pattern, ".") && (strings.HasSuffix(name, pattern) || name == pattern[1:])) {
			return true
		}
	}
	return false
}

// safe reports whether a next parameter stays on this host.
func (c *call) safe(next string) bool {
	if next == "" {
		return false
	}
	if c.set.allauth && !c.set.at("2.5.3") {
		return true // the open redirect that 2.5.3 closed
	}
	next = strings.TrimSpace(next)
	for _, form := range []string{next, strings.ReplaceAll(next, `\`, "/")} {
		u, err := url.Parse(form)
		if err != nil || strings.HasPrefix(form, "///") || (u.Host == "" && u.Scheme != "") {
			return false
		}
		if u.Host != "" && (u.Host != c.host() || (u.Scheme != "https" && (u.Scheme != "http" || c.secure()) && u.Scheme != "")) {
			return false
		}
	}
	return true
}

// next is where to go after a sign-in: the parameter if it is safe.
func (c *call) next(param string) string {
	if c.safe(param) {
		return param
	}
	return c.set.script + "/dashboard"
}

// csrfAge is Django's: a year.
const csrfAge = 31449600

func (c *call) loadCSRF() {
	if k, err := c.r.Cookie(c.set.prefix + "csrftoken"); err == nil && len(k.Value) == csrfLength {
		c.csrf = k.Value
	}
}

const (
	csrfLength  = 32
	csrfLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
)

// ensureCSRF makes the cookie if there is none.
func (c *call) ensureCSRF() {
	if c.csrf == "" {
		c.csrf = random(csrfLength)
		c.redactor.Add(c.csrf)
	}
	name := c.set.prefix + "csrftoken"
	for _, k := range c.cookies {
		if k.Name == name {
			k.Value = c.csrf
			return
		}
	}
	c.cookies = append(c.cookies, &http.Cookie{
		Name: name, Value: c.csrf, Path: "/", MaxAge: csrfAge,
		Expires: c.now().Add(csrfAge * time.Second), SameSite: http.SameSiteLaxMode,
	})
}

// csrfToken is the value of the hidden field: the secret behind a random mask,
// different on every page.
func (c *call) csrfToken() string {
	c.ensureCSRF()
	mask := random(csrfLength)
	out := make([]byte, csrfLength)
	for i := range out {
		n := strings.IndexByte(csrfLetters, c.csrf[i]) + strings.IndexByte(csrfLetters, mask[i])
		out[i] = csrfLetters[n%len(csrfLetters)]
	}
	return mask + string(out)
}

// unmask is the secret of a token; a bare secret is one too.
func unmask(token string) string {
	if len(token) != 2*csrfLength {
		return token
	}
	out := make([]byte, csrfLength)
	for i := range out {
		n := strings.IndexByte(csrfLetters, token[csrfLength+i]) - strings.IndexByte(csrfLetters, token[i])
		out[i] = csrfLetters[((n%len(csrfLetters))+len(csrfLetters))%len(csrfLetters)]
	}
	return string(out)
}

// csrfProblem says why a writing request is not believed, or "".
func (c *call) csrfProblem() string {
	switch c.r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return ""
	}
	if origin := c.r.Header.Get("Origin"); origin != "" {
		if origin != c.scheme()+"://"+c.host() && !c.trusted(origin) {
			return fmt.Sprintf("Origin checking failed - %s does not match any trusted origins.", origin)
		}
	} else if c.secure() {
		if problem := c.refererProblem(); problem != "" {
			return problem
		}
	}
	if c.csrf == "" {
		return "CSRF cookie not set."
	}
	from := "POST"
	token := c.form.Get("csrfmiddlewaretoken")
	if token == "" {
		from = "the 'X-Csrftoken' HTTP header"
		token = c.r.Header.Get("X-Csrftoken")
	}
	switch {
	case token == "":
		return "CSRF token missing."
	case len(token) != csrfLength && len(token) != 2*csrfLength:
		return "CSRF token from " + from + " has incorrect length."
	case unmask(token) != c.csrf:
		return "CSRF token from " + from + " incorrect."
	}
	return ""
}

func (c *call) refererProblem() string {
	raw := c.r.Header.Get("Referer")
	if raw == "" {
		return "Referer checking failed - no Referer."
	}
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Scheme == "" || u.Host == "":
		return "Referer checking failed - Referer is malformed."
	case u.Scheme != "https":
		return "Referer checking failed - Referer is insecure while host is secure."
	case u.Host != c.host() && !c.trusted(u.Scheme+"://"+u.Host):
		return fmt.Sprintf("Referer checking failed - %s does not match any trusted origins.", raw)
	}
	return ""
}

func (c *call) trusted(origin string) bool {
	for _, t := range c.set.origins {
		if t == origin {
			return true
		}
		scheme, host, _ := strings.Cut(t, "://")
		if suffix, ok := strings.CutPrefix(host, "*"); ok {
			have, name, _ := strings.Cut(origin, "://")
			if have == scheme && strings.HasSuffix(name, suffix) {
				return true
			}
		}
	}
	return false
}

// checkCSRF refuses a form that did not come from one of our pages.
func (c *call) checkCSRF() *reply {
	problem := c.csrfProblem()
	if problem == "" {
		return nil
	}
	c.logf("WARNING", "django.security.csrf", "Forbidden (%s): %s", problem, c.r.URL.Path)
	rep := c.page("csrf", "403 Forbidden", nil)
	rep.status, rep.logged = http.StatusForbidden, true
	return rep
}
