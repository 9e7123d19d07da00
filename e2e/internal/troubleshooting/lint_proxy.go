package troubleshooting

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/lazyregexp"
	"github.com/ssocheck/ssocheck/e2e/internal/source"
)

func checkOrigin(s *source.Set) []source.Problem {
	if !ssoMeant(s) {
		return nil
	}
	v, e := s.Value("PAPERLESS_URL")
	origins, _ := s.Value("PAPERLESS_CSRF_TRUSTED_ORIGINS")
	if e == nil || v == "" {
		if origins != "" {
			return nil
		}
		p := s.Anywhere("PAPERLESS_URL is not set: behind a proxy with https Paperless refuses the button (CSRF, 403)", s.Line("PAPERLESS_URL", "https://<the host that users open>"))
		p.Setting = "PAPERLESS_URL"
		if e != nil {
			p = e.AtValue(p.Message, p.Fix)
		}
		return []source.Problem{p}
	}
	return plainURL(s, e, origins)
}

// plainURL is about a PAPERLESS_URL with http where a proxy serves the site by
// https: the browser then sends another origin than Paperless trusts.
func plainURL(s *source.Set, e *source.Entry, origins string) []source.Problem {
	by := s.Secure
	if by == nil {
		return nil
	}
	want := "https://" + publicHost(e.Value)
	for origin := range strings.SplitSeq(origins, ",") {
		if strings.EqualFold(strings.TrimSpace(origin), want) {
			return nil // trusted all the same
		}
	}
	p := e.AtValue("PAPERLESS_URL says http, but users open the site by https ("+by.By+"): Paperless refuses the button (CSRF, 403)", e.Written(e.Name, want))
	p.Edit = e.Revalue(want)
	_, header := s.Value("PAPERLESS_PROXY_SSL_HEADER")
	proto, _ := s.Value("PAPERLESS_ACCOUNT_DEFAULT_HTTP_PROTOCOL")
	switch {
	case header != nil:
		p.Message = "PAPERLESS_URL says http, but users open the site by https (" + by.By + "): Paperless takes the button only as long as the proxy sends the header of PAPERLESS_PROXY_SSL_HEADER"
	case by.Sure || proto != "http":
		p.Level = source.Error
	default: // http on purpose, beside a proxy that serves other sites
		p.Message = "PAPERLESS_URL says http; if users open the site by https (" + by.By + "), Paperless refuses the button (CSRF, 403)"
		p.Fix += " if so"
		p.Edit = nil
	}
	return []source.Problem{p}
}

func checkAllowed(s *source.Set) []source.Problem {
	v, e := s.Value("PAPERLESS_ALLOWED_HOSTS")
	if e == nil || v == "" && s.Paperless().AtLeast("3.0.0") {
		return nil
	}
	host := publicHost(s.Paperless().URL)
	if u, _ := s.Value("PAPERLESS_URL"); publicHost(u) != "" {
		return nil // PAPERLESS_URL adds its host
	}
	if u, _ := s.Value("PAPERLESS_CSRF_TRUSTED_ORIGINS"); u == "" {
		return nil // nobody says what users open
	}
	for h := range strings.SplitSeq(v, ",") {
		if h == "*" || h == host || strings.HasPrefix(h, ".") && strings.HasSuffix(host, h) {
			return nil
		}
	}
	return []source.Problem{e.AtValue("the host that users open, "+host+", is not among them: Bad Request (400)", e.Written(e.Name, strings.Trim(v+","+host, ",")))}
}

func publicHost(u string) string {
	origin := source.OriginOf(u)
	if origin == "" {
		return ""
	}
	host := origin[strings.Index(origin, "://")+3:]
	if i := strings.LastIndex(host, ":"); i > 0 && !strings.HasSuffix(host, "]") {
		host = host[:i]
	}
	return host
}

func checkProto(s *source.Set) []source.Problem {
	if s.Blueprint == nil || registersPlain(s) {
		if p := plainRedirect(s); len(p) > 0 {
			return p
		}
	}
	v, e := s.Value("PAPERLESS_ACCOUNT_DEFAULT_HTTP_PROTOCOL")
	if e == nil || v != "http" || !strings.HasPrefix(s.Paperless().URL, "https://") {
		return nil
	}
	if u, _ := s.Value("PAPERLESS_URL"); u == "" {
		return nil
	}
	p := e.AtValue("the site is opened by https, so the redirect URI is right only as long as the proxy says so", e.Written(e.Name, "https"))
	p.Code = "SEC-PROTO"
	if _, h := s.Value("PAPERLESS_PROXY_SSL_HEADER"); h == nil {
		p.Message = "the site is opened by https and Paperless is not told so: the redirect URI begins with http, and authentik refuses it"
		p.Code, p.Level = "PROXY-PROTO", source.Error
	}
	p.Edit = e.Revalue("https")
	return []source.Problem{p}
}

func checkSSLHeader(s *source.Set) []source.Problem {
	v, e := s.Value("PAPERLESS_PROXY_SSL_HEADER")
	if e == nil {
		return nil
	}
	const want = `["HTTP_X_FORWARDED_PROTO", "https"]`
	n, err := source.ParseJSON(v)
	switch {
	case err != nil:
		return []source.Problem{e.AtValue("not JSON: "+err.Text+"; Paperless does not start", want)}
	case !n.Is('a') || len(n.Items) != 2 || !n.Items[0].Is('s') || !n.Items[1].Is('s'):
		return []source.Problem{e.AtValue("this must be a list of header and value", want)}
	case !headerKey.MatchString(n.Items[0].Str):
		p := e.AtValue("the header must be in the form HTTP_X_FORWARDED_PROTO; this one is never there", want)
		p.Level = source.Warning
		return []source.Problem{p}
	}
	return nil
}

var headerKey = lazyregexp.New(`^HTTP_[A-Z0-9_]+$`)

func checkProxyCount(s *source.Set) []source.Problem {
	if !s.Paperless().AtLeast("3.0.0") {
		return nil
	}
	if v, e := s.Value("PAPERLESS_ALLAUTH_TRUSTED_PROXY_COUNT"); e != nil && s.Paperless().AtLeast("3.0.3") {
		n, err := strconv.Atoi(strings.TrimSpace(v))
		switch {
		case err != nil:
			return nil // CFG-NUMBER
		case n < 0:
			p := e.AtValue("a negative count: Paperless does not start", "0, or the number of proxies")
			p.Level = source.Error
			return []source.Problem{p}
		case n > 2:
			return []source.Problem{e.AtValue("with fewer than "+strconv.Itoa(n)+" addresses in X-Forwarded-For the local sign-in is a server error", "the number of proxies in front of Paperless")}
		}
		return nil
	}
	v, e := s.Value("PAPERLESS_TRUSTED_PROXIES")
	if e == nil || v == "" {
		return nil
	}
	if n := len(strings.Split(v, ",")); n > 1 {
		return []source.Problem{e.AtValue(strconv.Itoa(n)+" entries count as "+strconv.Itoa(n)+" proxies in a row: with fewer addresses in X-Forwarded-For the local sign-in is a server error", e.Written("PAPERLESS_ALLAUTH_TRUSTED_PROXY_COUNT", "1"))}
	}
	if _, err := netip.ParseAddr(strings.TrimSpace(v)); err != nil {
		p := e.AtValue("only the number of entries counts for the sign-in, and here it is one", "an address, or PAPERLESS_ALLAUTH_TRUSTED_PROXY_COUNT")
		p.Level = source.Info
		return []source.Problem{p}
	}
	return nil
}

func checkIPHeader(s *source.Set) []source.Problem {
	v, e := s.Value("PAPERLESS_ALLAUTH_TRUSTED_CLIENT_IP_HEADER")
	if e == nil || v == "" || !s.Paperless().AtLeast("3.0.0") {
		return nil
	}
	p := e.AtName("when the proxy does not send "+v+", the local sign-in is refused (403)", "remove it unless the proxy sets the header on every request")
	if !strings.EqualFold(v, "X-Real-IP") && !strings.EqualFold(v, "CF-Connecting-IP") && !strings.EqualFold(v, "True-Client-IP") {
		return []source.Problem{p}
	}
	p.Level = source.Info
	return []source.Problem{p}
}

func checkForwardHost(s *source.Set) []source.Problem {
	if e := switchedOn(s, "PAPERLESS_USE_X_FORWARD_HOST"); e != nil {
		return []source.Problem{e.AtName("the redirect URI has the host of X-Forwarded-Host: the proxy must set it on every request", "let the proxy pass Host on, and remove this")}
	}
	return nil
}

func checkPrefix(s *source.Set) []source.Problem {
	v, e := s.Value("PAPERLESS_FORCE_SCRIPT_NAME")
	if e == nil || v == "" || strings.HasPrefix(v, "/") && !strings.HasSuffix(v, "/") {
		return nil
	}
	want := "/" + strings.Trim(v, "/")
	p := e.AtValue("the path prefix must begin with a slash and have none at the end", e.Written(e.Name, want))
	p.Edit = e.Revalue(want)
	return []source.Problem{p}
}

func checkOrigins(s *source.Set) []source.Problem {
	var out []source.Problem
	for _, name := range []string{"PAPERLESS_CSRF_TRUSTED_ORIGINS", "PAPERLESS_CORS_ALLOWED_HOSTS"} {
		v, e := s.Value(name)
		if e == nil {
			continue
		}
		for origin := range strings.SplitSeq(v, ",") {
			if origin = strings.TrimSpace(origin); origin != "" && !strings.Contains(origin, "://") {
				out = append(out, e.AtValue("an origin without scheme: Paperless does not start", e.Written(name, "https://"+origin)))
				break
			}
		}
	}
	return out
}

func checkRemoteOff(s *source.Set) []source.Problem {
	_, e := s.Value(remoteUserName)
	if e == nil || switchedOn(s, deployment.RemoteUser) != nil || switchedOn(s, remoteUserAPI) != nil {
		return nil
	}
	p := e.AtName("the header is not read: "+deployment.RemoteUser+" is not on", e.Written(deployment.RemoteUser, "true"))
	p.Edit = e.InsertAfter(deployment.RemoteUser, "true")
	if s.Vars[deployment.RemoteUser] != nil {
		p.Edit = nil
	}
	return []source.Problem{p}
}

func checkRemoteName(s *source.Set) []source.Problem {
	v, e := s.Value(remoteUserName)
	if e == nil || headerKey.MatchString(v) || v == "REMOTE_USER" {
		return nil
	}
	want := "HTTP_" + strings.TrimPrefix(strings.ToUpper(strings.NewReplacer("-", "_", " ", "").Replace(v)), "HTTP_")
	p := e.AtValue("Paperless never sees a header of this name; it wants the inner form", e.Written(e.Name, want))
	p.Edit = e.Revalue(want)
	return []source.Problem{p}
}

func checkRemoteBypass(s *source.Set) []source.Problem {
	e := switchedOn(s, deployment.RemoteUser)
	if e == nil {
		e = switchedOn(s, remoteUserAPI)
	}
	if e == nil {
		return nil
	}
	p := e.AtName("whoever sends the header is that user: nothing but the proxy may reach Paperless, and it must drop the header of clients", "publish no port, or only on 127.0.0.1")
	if s.Project != nil && s.Project.Model != nil {
		svc := s.Project.Model.Services[s.Project.Service]
		for _, port := range svc.Ports {
			if ip, err := netip.ParseAddr(port.HostIP); err != nil || !ip.IsLoopback() {
				p.Level = source.Error
				p.Message = "the service publishes its port, so everybody can send the header past the proxy and be any user, the administrator too"
			}
		}
	}
	return []source.Problem{p}
}

func checkRemoteAPI(s *source.Set) []source.Problem {
	if e := switchedOn(s, remoteUserAPI); e != nil {
		return []source.Problem{e.AtName("whoever sends the header has the whole API as that user", "leave it off unless a client needs it")}
	}
	if e := switchedOn(s, deployment.RemoteUser); e != nil && !s.Paperless().AtLeast("2.8.6") && s.Paperless().AtLeast("2.5.0") {
		return []source.Problem{e.AtName("before 2.8.6 the header opens the API too, and makes users there", "use 2.8.6 or later")}
	} else if e != nil {
		p := e.AtName("the header opens the pages, not the API: apps need a token", "if they shall use the header: "+e.Written(remoteUserAPI, "true"))
		p.Level = source.Info
		return []source.Problem{p}
	}
	return nil
}

// only is the part of a check's problems that have one code.
func only(code string, check func(*source.Set) []source.Problem) func(*source.Set) []source.Problem {
	return func(s *source.Set) []source.Problem {
		return slices.DeleteFunc(check(s), func(p source.Problem) bool { return p.Code != code })
	}
}
