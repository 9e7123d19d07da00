package authentik

import (
	"net/url"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/oidc"
)

// Paths below the address of authentik; they are the same in all versions from
// 2024.8 on (docs/facts/authentik.md#4.1, #5.6).
const (
	// Provider is above everything that authentik answers as an OpenID provider.
	Provider = "/application/o/"

	AuthorizationPath = Provider + "authorize/"
	TokenPath         = Provider + "token/"
	UserinfoPath      = Provider + "userinfo/"

	// PagePath is above authentik's own pages, FlowPath above the pages of a flow.
	PagePath = "/if/"
	FlowPath = "/if/flow/"
	// FlowsPath is above the addresses that lead to a flow.
	FlowsPath = "/flows/"
	// DefaultFlowPath leads to the brand's flow of a kind, such as authentication/.
	DefaultFlowPath = "/flows/-/default/"

	// APIPath is above the REST API, ExecutorPath above the flows that a program answers.
	APIPath      = "/api/v3"
	ExecutorPath = APIPath + "/flows/executor/"

	// ReadyPath answers 200 when the server is up, which is before anybody can sign in.
	ReadyPath = "/-/health/ready/"
)

// ApplicationPath is what an application's own addresses begin with.
func ApplicationPath(slug string) string { return Provider + slug + "/" }

// DiscoveryPath is where the discovery document of an application is.
func DiscoveryPath(slug string) string {
	return Provider + slug + oidc.WellKnown
}

// EndSessionPath is where somebody signs out of an application.
func EndSessionPath(slug string) string { return ApplicationPath(slug) + "end-session/" }

// ExecutorOf is where a program answers the stages of a flow.
func ExecutorOf(flow string) string { return ExecutorPath + flow + "/" }

// FlowOf is the flow whose page has this path.
func FlowOf(path string) (flow string, ok bool) {
	rest, ok := strings.CutPrefix(path, FlowPath)
	return strings.Trim(rest, "/"), ok
}

// BaseOf is the address that authentik lives at, from one of its addresses: scheme
// and host, and what stands in front of authentik's own path (AUTHENTIK_WEB__PATH).
func BaseOf(u *url.URL) string {
	base := ""
	for _, p := range []string{Provider, PagePath, FlowsPath, APIPath + "/"} {
		if before, _, ok := strings.Cut(u.Path, p); ok {
			base = before
			break
		}
	}
	return u.Scheme + "://" + u.Host + base
}

// Serves reports whether a path is one of authentik's, for a host that serves
// Paperless as well.
func Serves(path string) bool {
	for _, p := range []string{PagePath, Provider, FlowsPath} {
		if strings.HasPrefix(path, p) {
			return true
		}
	}
	return false
}

// EndpointOf is the endpoint of the OpenID provider that a path is; empty: none.
// authentik may live under a path of its host (AUTHENTIK_WEB__PATH).
func EndpointOf(path string) oidc.Endpoint {
	switch {
	case strings.Contains(path, oidc.WellKnown):
		return oidc.Discovery
	case strings.HasSuffix(path, AuthorizationPath):
		return oidc.Authorization
	case strings.HasSuffix(path, TokenPath):
		return oidc.Token
	case strings.HasSuffix(path, UserinfoPath):
		return oidc.Userinfo
	case !strings.Contains(path, Provider):
		return ""
	case strings.HasSuffix(path, "/jwks/"):
		return oidc.JWKS
	case strings.HasSuffix(path, "/end-session/"):
		return oidc.EndSession
	}
	return ""
}

// Cookies that authentik sets, and the header that repeats the second one.
const (
	SessionCookie = "authentik_session"
	CSRFCookie    = "authentik_csrf"
	CSRFHeader    = "X-authentik-CSRF"
)
