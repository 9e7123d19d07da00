package config

import (
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// proxyRules are about addresses and the reverse proxy.
func proxyRules() []Rule {
	return []Rule{
		{Code: "PROXY-CSRF", Level: Warning, Title: "Paperless trusts the origin that people open", Doc: "The button is a form: from another origin Paperless refuses it (CSRF, 403).", check: checkOrigin},
		{Code: "PROXY-ALLOWED", Level: Error, Title: "Paperless accepts the host that people open", Doc: "Bad Request (400).", check: checkAllowed},
		{Code: "SEC-PROTO", Level: Warning, Title: "The redirect URI of a public site is https", Doc: "With http its scheme is what the proxy says, right or wrong.", check: only("SEC-PROTO", checkProto)},
		{Code: "PROXY-PROTO", Level: Error, Title: "Paperless sends a redirect URI with the scheme that people see", Doc: "authentik answers: Redirect URI Error.", check: only("PROXY-PROTO", checkProto)},
		{Code: "CFG-PROXYJSON", Level: Error, Title: "PAPERLESS_PROXY_SSL_HEADER is a JSON list of two", Doc: "Paperless does not start.", check: checkSSLHeader},
		{Code: "PROXY-IP", Level: Warning, Title: "Paperless-ngx 3 counts the proxies that are there", Doc: "With fewer addresses in X-Forwarded-For the local sign-in is a server error.", check: checkProxyCount},
		{Code: "PROXY-IPHEADER", Level: Warning, Title: "The client address header is one that the proxy sends", Doc: "Without it the local sign-in is refused.", check: checkIPHeader},
		{Code: "PROXY-HOST", Level: Info, Title: "The Host header comes from whoever should say it", Doc: "With PAPERLESS_USE_X_FORWARD_HOST a client can say it, where the proxy lets the header through.", check: checkForwardHost},
		{Code: "PROXY-PREFIX", Level: Error, Title: "The path prefix begins with a slash and has none at the end", Doc: "Addresses come out wrong, the redirect URI too.", Breaks: "login-page", check: checkPrefix},
		{Code: "PROXY-ORIGINS", Level: Error, Title: "Trusted origins have a scheme", Doc: "Paperless does not start.", Breaks: "login-page", check: checkOrigins},
	}
}

func checkOrigin(s *subject) []problem {
	if !s.ssoMeant() {
		return nil
	}
	v, e := s.value("PAPERLESS_URL")
	origins, _ := s.value("PAPERLESS_CSRF_TRUSTED_ORIGINS")
	if e == nil || v == "" {
		if origins != "" {
			return nil
		}
		p := s.anywhere("PAPERLESS_URL is not set: behind a proxy with https Paperless refuses the button (CSRF, 403)", s.line("PAPERLESS_URL", "https://<the host that people open>"))
		p.setting = "PAPERLESS_URL"
		if e != nil {
			p = e.atValue(p.message, p.fix)
		}
		return []problem{p}
	}
	return s.plainURL(e, origins)
}

// plainURL is about a PAPERLESS_URL with http where a proxy serves the site by
// https: the browser then sends another origin than Paperless trusts.
func (s *subject) plainURL(e *entry, origins string) []problem {
	by := s.secure
	if by == nil {
		return nil
	}
	want := "https://" + hostOf(e.value)
	for origin := range strings.SplitSeq(origins, ",") {
		if strings.EqualFold(strings.TrimSpace(origin), want) {
			return nil // trusted all the same
		}
	}
	p := e.atValue("PAPERLESS_URL says http, but people open the site by https ("+by.by+"): Paperless refuses the button (CSRF, 403)", e.written(e.name, want))
	p.edit = e.revalue(want)
	_, header := s.value("PAPERLESS_PROXY_SSL_HEADER")
	proto, _ := s.value("PAPERLESS_ACCOUNT_DEFAULT_HTTP_PROTOCOL")
	switch {
	case header != nil:
		p.message = "PAPERLESS_URL says http, but people open the site by https (" + by.by + "): Paperless takes the button only as long as the proxy sends the header of PAPERLESS_PROXY_SSL_HEADER"
	case by.sure || proto != "http":
		p.level = Error
	default: // http on purpose, beside a proxy that serves other sites
		p.message = "PAPERLESS_URL says http; if people open the site by https (" + by.by + "), Paperless refuses the button (CSRF, 403)"
		p.fix += " if so"
		p.edit = nil
	}
	return []problem{p}
}

func checkAllowed(s *subject) []problem {
	v, e := s.value("PAPERLESS_ALLOWED_HOSTS")
	if e == nil || v == "" && s.paperless().AtLeast("3.0.0") {
		return nil
	}
	host := hostOf(s.paperless().URL)
	if u, _ := s.value("PAPERLESS_URL"); hostOf(u) != "" {
		return nil // PAPERLESS_URL adds its host
	}
	if u, _ := s.value("PAPERLESS_CSRF_TRUSTED_ORIGINS"); u == "" {
		return nil // nobody says what people open
	}
	for h := range strings.SplitSeq(v, ",") {
		if h == "*" || h == host || strings.HasPrefix(h, ".") && strings.HasSuffix(host, h) {
			return nil
		}
	}
	return []problem{e.atValue("the host that people open, "+host+", is not among them: Bad Request (400)", e.written(e.name, strings.Trim(v+","+host, ",")))}
}

func hostOf(u string) string {
	origin := originOf(u)
	if origin == "" {
		return ""
	}
	host := origin[strings.Index(origin, "://")+3:]
	if i := strings.LastIndex(host, ":"); i > 0 && !strings.HasSuffix(host, "]") {
		host = host[:i]
	}
	return host
}

func checkProto(s *subject) []problem {
	if s.blueprint == nil || s.registersPlain() {
		if p := s.plainRedirect(); len(p) > 0 {
			return p
		}
	}
	v, e := s.value("PAPERLESS_ACCOUNT_DEFAULT_HTTP_PROTOCOL")
	if e == nil || v != "http" || !strings.HasPrefix(s.paperless().URL, "https://") {
		return nil
	}
	if u, _ := s.value("PAPERLESS_URL"); u == "" {
		return nil
	}
	p := e.atValue("the site is opened by https, so the redirect URI is right only as long as the proxy says so", e.written(e.name, "https"))
	p.code = "SEC-PROTO"
	if _, h := s.value("PAPERLESS_PROXY_SSL_HEADER"); h == nil {
		p.message = "the site is opened by https and Paperless is not told so: the redirect URI begins with http, and authentik refuses it"
		p.code, p.level = "PROXY-PROTO", Error
	}
	p.edit = e.revalue("https")
	return []problem{p}
}

func checkSSLHeader(s *subject) []problem {
	v, e := s.value("PAPERLESS_PROXY_SSL_HEADER")
	if e == nil {
		return nil
	}
	const want = `["HTTP_X_FORWARDED_PROTO", "https"]`
	n, err := parseJSON(v)
	switch {
	case err != nil:
		return []problem{e.atValue("not JSON: "+err.text+"; Paperless does not start", want)}
	case !n.is('a') || len(n.items) != 2 || !n.items[0].is('s') || !n.items[1].is('s'):
		return []problem{e.atValue("this must be a list of header and value", want)}
	case !metaName.MatchString(n.items[0].str):
		p := e.atValue("the header must be in the form HTTP_X_FORWARDED_PROTO; this one is never there", want)
		p.level = Warning
		return []problem{p}
	}
	return nil
}

var metaName = regexp.MustCompile(`^HTTP_[A-Z0-9_]+$`)

func checkProxyCount(s *subject) []problem {
	if !s.paperless().AtLeast("3.0.0") {
		return nil
	}
	if v, e := s.value("PAPERLESS_ALLAUTH_TRUSTED_PROXY_COUNT"); e != nil && s.paperless().AtLeast("3.0.3") {
		n, err := strconv.Atoi(strings.TrimSpace(v))
		switch {
		case err != nil:
			return nil // CFG-NUMBER
		case n < 0:
			p := e.atValue("a negative count: Paperless does not start", "0, or the number of proxies")
			p.level = Error
			return []problem{p}
		case n > 2:
			return []problem{e.atValue("with fewer than "+strconv.Itoa(n)+" addresses in X-Forwarded-For the local sign-in is a server error", "the number of proxies in front of Paperless")}
		}
		return nil
	}
	v, e := s.value("PAPERLESS_TRUSTED_PROXIES")
	if e == nil || v == "" {
		return nil
	}
	if n := len(strings.Split(v, ",")); n > 1 {
		return []problem{e.atValue(strconv.Itoa(n)+" entries count as "+strconv.Itoa(n)+" proxies in a row: with fewer addresses in X-Forwarded-For the local sign-in is a server error", e.written("PAPERLESS_ALLAUTH_TRUSTED_PROXY_COUNT", "1"))}
	}
	if _, err := netip.ParseAddr(strings.TrimSpace(v)); err != nil {
		p := e.atValue("only the number of entries counts for the sign-in, and here it is one", "an address, or PAPERLESS_ALLAUTH_TRUSTED_PROXY_COUNT")
		p.level = Info
		return []problem{p}
	}
	return nil
}

func checkIPHeader(s *subject) []problem {
	v, e := s.value("PAPERLESS_ALLAUTH_TRUSTED_CLIENT_IP_HEADER")
	if e == nil || v == "" || !s.paperless().AtLeast("3.0.0") {
		return nil
	}
	p := e.atName("when the proxy does not send "+v+", the local sign-in is refused (403)", "remove it unless the proxy sets the header on every request")
	if !strings.EqualFold(v, "X-Real-IP") && !strings.EqualFold(v, "CF-Connecting-IP") && !strings.EqualFold(v, "True-Client-IP") {
		return []problem{p}
	}
	p.level = Info
	return []problem{p}
}

func checkForwardHost(s *subject) []problem {
	if e := s.on("PAPERLESS_USE_X_FORWARD_HOST"); e != nil {
		return []problem{e.atName("the redirect URI has the host of X-Forwarded-Host: the proxy must set it on every request", "let the proxy pass Host on, and remove this")}
	}
	return nil
}

func checkPrefix(s *subject) []problem {
	v, e := s.value("PAPERLESS_FORCE_SCRIPT_NAME")
	if e == nil || v == "" || strings.HasPrefix(v, "/") && !strings.HasSuffix(v, "/") {
		return nil
	}
	want := "/" + strings.Trim(v, "/")
	p := e.atValue("the path prefix must begin with a slash and have none at the end", e.written(e.name, want))
	p.edit = e.revalue(want)
	return []problem{p}
}

func checkOrigins(s *subject) []problem {
	var out []problem
	for _, name := range []string{"PAPERLESS_CSRF_TRUSTED_ORIGINS", "PAPERLESS_CORS_ALLOWED_HOSTS"} {
		v, e := s.value(name)
		if e == nil {
			continue
		}
		for origin := range strings.SplitSeq(v, ",") {
			if origin = strings.TrimSpace(origin); origin != "" && !strings.Contains(origin, "://") {
				out = append(out, e.atValue("an origin without scheme: Paperless does not start", e.written(name, "https://"+origin)))
				break
			}
		}
	}
	return out
}

// remoteUserRules are about the Remote-User header.
func remoteUserRules() []Rule {
	return []Rule{
		{Code: "RU-OFF", Level: Warning, Title: "The header is read where one is configured", Doc: "The header's name alone does nothing.", check: checkRemoteOff},
		{Code: "RU-NAME", Level: Error, Title: "The header has its inner name", Doc: "Paperless wants HTTP_X_AUTHENTIK_USERNAME for X-authentik-username.", check: checkRemoteName},
		{Code: "RU-BYPASS", Level: Warning, Title: "Nobody reaches Paperless past the proxy", Doc: "Whoever sends the header is that user.", check: checkRemoteBypass},
		{Code: "RU-API", Level: Warning, Title: "It is known what the header opens", Doc: "With the API setting whoever sends the header has the API too.", check: checkRemoteAPI},
	}
}

const (
	remoteUser     = "PAPERLESS_ENABLE_HTTP_REMOTE_USER"
	remoteUserAPI  = "PAPERLESS_ENABLE_HTTP_REMOTE_USER_API"
	remoteUserName = "PAPERLESS_HTTP_REMOTE_USER_HEADER_NAME"
)

func checkRemoteOff(s *subject) []problem {
	_, e := s.value(remoteUserName)
	if e == nil || s.on(remoteUser) != nil || s.on(remoteUserAPI) != nil {
		return nil
	}
	p := e.atName("the header is not read: "+remoteUser+" is not on", e.written(remoteUser, "true"))
	p.edit = e.insertAfter(remoteUser, "true")
	if s.vars[remoteUser] != nil {
		p.edit = nil
	}
	return []problem{p}
}

func checkRemoteName(s *subject) []problem {
	v, e := s.value(remoteUserName)
	if e == nil || metaName.MatchString(v) || v == "REMOTE_USER" {
		return nil
	}
	want := "HTTP_" + strings.TrimPrefix(strings.ToUpper(strings.NewReplacer("-", "_", " ", "").Replace(v)), "HTTP_")
	p := e.atValue("Paperless never sees a header of this name; it wants the inner form", e.written(e.name, want))
	p.edit = e.revalue(want)
	return []problem{p}
}

func checkRemoteBypass(s *subject) []problem {
	e := s.on(remoteUser)
	if e == nil {
		e = s.on(remoteUserAPI)
	}
	if e == nil {
		return nil
	}
	p := e.atName("whoever sends the header is that user: nothing but the proxy may reach Paperless, and it must drop the header of clients", "publish no port, or only on 127.0.0.1")
	if s.project != nil && s.project.model != nil {
		svc := s.project.model.Services[s.project.service]
		for _, port := range svc.Ports {
			if ip, err := netip.ParseAddr(port.HostIP); err != nil || !ip.IsLoopback() {
				p.level = Error
				p.message = "the service publishes its port, so everybody can send the header past the proxy and be any user, the administrator too"
			}
		}
	}
	return []problem{p}
}

func checkRemoteAPI(s *subject) []problem {
	if e := s.on(remoteUserAPI); e != nil {
		return []problem{e.atName("whoever sends the header has the whole API as that user", "leave it off unless a client needs it")}
	}
	if e := s.on(remoteUser); e != nil && !s.paperless().AtLeast("2.8.6") && s.paperless().AtLeast("2.5.0") {
		return []problem{e.atName("before 2.8.6 the header opens the API too, and makes users there", "use 2.8.6 or later")}
	} else if e != nil {
		p := e.atName("the header opens the pages, not the API: apps need a token", "if they shall use the header: "+e.written(remoteUserAPI, "true"))
		p.level = Info
		return []problem{p}
	}
	return nil
}

// only is the part of a check's problems that have one code.
func only(code string, check func(*subject) []problem) func(*subject) []problem {
	return func(s *subject) []problem {
		return slices.DeleteFunc(check(s), func(p problem) bool { return p.code != code })
	}
}
