// Package evidence is what was seen: plain data, redacted where it is recorded.
// Diagnosis reads it and needs neither a browser nor Docker. It imports nothing
// of ours but the words of OpenID Connect.
package evidence

import (
	"slices"
	"time"

	"github.com/ssocheck/ssocheck/e2e/internal/oidc"
)

// A Record is everything that was seen while one check ran. The zero value of a
// field means "not looked at", never "false": see the pointers.
type Record struct {
	Check     string  `json:"check"`
	Variant   string  `json:"variant,omitempty"`
	Paperless Product `json:"paperless"`
	Authentik Product `json:"authentik"`

	Boot     Boot       `json:"boot"`
	Steps    []Step     `json:"steps,omitempty"`
	SignIn   *Page      `json:"sign_in,omitempty"` // the sign-in page, before anything was pressed
	Hops     []Hop      `json:"hops,omitempty"`    // document responses of the browser, in order
	Final    *Page      `json:"final,omitempty"`   // where the browser stood at the end
	Signed   *Session   `json:"signed,omitempty"`  // who Paperless says is signed in
	Console  []Line     `json:"console,omitempty"`
	Cookies  []Cookie   `json:"cookies,omitempty"`
	Exchange []Exchange `json:"exchanges,omitempty"` // both channels, as the edge saw them
	Log      []Line     `json:"log,omitempty"`       // container log lines of this check
	Probes   []Probe    `json:"probes,omitempty"`
	Users    []User     `json:"users,omitempty"`        // Paperless accounts after the check
	Before   []User     `json:"users_before,omitempty"` // Paperless accounts before the check
	Events   []string   `json:"events,omitempty"`       // authentik event actions
	// Was is what the user of this check had before an upgrade; nil elsewhere.
	Was *Linked `json:"was,omitempty"`
	// Registered are the redirect URIs that a running authentik says it has;
	// empty when it was not asked (the bundle's are used then).
	Registered []string `json:"registered,omitempty"`
	// Stale names the settings whose running value differs from the file's.
	Stale []string `json:"stale,omitempty"`
	Notes []string `json:"notes,omitempty"`
	// NotModelled says what the lab could not answer; the check is skipped then.
	NotModelled []string `json:"not_modelled,omitempty"`
}

// A Product is one side of the pair.
type Product struct {
	Version string `json:"version"`
	URL     string `json:"url"`
}

// Boot is how the Paperless container started.
type Boot struct {
	Up      bool    `json:"up"`
	Exit    *int    `json:"exit,omitempty"` // exit code when it stopped by itself
	Seconds float64 `json:"seconds,omitempty"`
	// How says how it came about where it did not boot like one of its own; empty:
	// it did.
	How string   `json:"how,omitempty"`
	Log []string `json:"log,omitempty"` // last lines, when it is not up
}

// A Step is one named action in the browser.
type Step struct {
	Name       string  `json:"name"`
	At         float64 `json:"at"`      // seconds since the check began
	Seconds    float64 `json:"seconds"` // how long it took
	Error      string  `json:"error,omitempty"`
	Screenshot string  `json:"screenshot,omitempty"` // file name beside the report
	// Rect is the element that was pressed or filled, in CSS pixels of the
	// viewport (x, y, width, height); nil when there is none.
	Rect []float64 `json:"rect,omitempty"`
}

// A Hop is one document response on the way to the page.
type Hop struct {
	Method   string `json:"method"`
	URL      string `json:"url"`                // redacted
	Status   int    `json:"status"`             // 0 when the request never got a response
	Location string `json:"location,omitempty"` // redacted
	Error    string `json:"error,omitempty"`    // net::ERR_… when there was no response
	// Client is who asked: 0 the browser, else the nth of the check's own users
	// without a browser. Each has cookies of its own.
	Client int `json:"client,omitempty"`
	// Own is set where the check asked on purpose for what must be refused, such as
	// a replayed callback: no part of anybody's sign-in.
	Own bool `json:"own,omitempty"`
}

// OwnHeader marks a request as Own on its way to the edge, which takes it off.
const OwnHeader = "X-Ssocheck-Own"

// A Page is a rendered page, its text collected through open shadow roots.
type Page struct {
	URL       string `json:"url"` // redacted
	Status    int    `json:"status"`
	Title     string `json:"title"`
	Text      string `json:"text"`
	LocalForm bool   `json:"local_form"` // username and password inputs of Paperless are visible
	Forms     []Form `json:"forms,omitempty"`
	// Stages are authentik's stage elements on the page (ak-stage-password …) that
	// are drawn: an element is there before its script has drawn anything into it.
	Stages []string `json:"stages,omitempty"`
	// Parsing: more of its document is still to be read; false for one that was cut off.
	Parsing bool `json:"-"`
}

// A Form is one form of a page.
type Form struct {
	Method  string   `json:"method"`
	Action  string   `json:"action"`
	Buttons []string `json:"buttons,omitempty"` // visible texts
}

// A Session is who Paperless says is signed in, asked with the browser's
// session cookie (GET /api/profile/ and /api/ui_settings/).
type Session struct {
	Profile        int      `json:"profile"`     // status; 200 is signed in
	UISettings     int      `json:"ui_settings"` // status; 403 is signed in without rights
	Email          string   `json:"email,omitempty"`
	Username       string   `json:"username,omitempty"` // when the user may see it
	FirstName      string   `json:"first_name,omitempty"`
	LastName       string   `json:"last_name,omitempty"`
	Social         []string `json:"social,omitempty"` // linked accounts, as named in My Profile
	UsablePassword *bool    `json:"usable_password,omitempty"`
}

// SignedIn reports whether Paperless knows the browser's user.
func (s *Session) SignedIn() bool { return s != nil && s.Profile == 200 }

// A Line is one line of a log.
type Line struct {
	Source string    `json:"source"` // paperless, authentik, edge, console …
	Time   time.Time `json:"time,omitzero"`
	Text   string    `json:"text"`
}

// A Cookie is a cookie without its value.
type Cookie struct {
	Name     string `json:"name"`
	Domain   string `json:"domain"`
	Path     string `json:"path"`
	Secure   bool   `json:"secure"`
	HTTPOnly bool   `json:"http_only"`
	SameSite string `json:"same_site,omitempty"`
	Print    string `json:"print,omitempty"` // fingerprint, to see whether the value changed
}

// The channels of an Exchange.
const (
	Front = oidc.Front // the browser asked
	Back  = oidc.Back  // Paperless asked
)

// An Exchange is one request and response at the edge.
type Exchange struct {
	Seq     int          `json:"seq"`
	At      float64      `json:"at"` // seconds since the edge started
	Channel oidc.Channel `json:"channel"`
	// Endpoint is what the address is for in a sign-in, as the edge saw it; empty:
	// for nothing, or the recording is of before it was written down (target.Stamped).
	Endpoint oidc.Endpoint     `json:"endpoint,omitempty"`
	To       string            `json:"to"` // paperless or authentik
	Method   string            `json:"method"`
	URL      string            `json:"url"` // redacted
	Status   int               `json:"status"`
	Seconds  float64           `json:"seconds"`
	Form     map[string]string `json:"form,omitempty"`     // request form, redacted
	Auth     string            `json:"auth,omitempty"`     // client authentication: client_secret_basic, client_secret_post, none, Bearer, Session
	Location string            `json:"location,omitempty"` // redacted
	Type     string            `json:"type,omitempty"`     // response content type
	// Body is the response as JSON with secrets redacted, for discovery, token
	// and userinfo; else empty.
	Body map[string]any `json:"body,omitempty"`
	// IDToken describes the ID token of a token response.
	IDToken *IDToken `json:"id_token,omitempty"`
	// Cookies are the names of the cookies that came with the request.
	Cookies    []string `json:"cookies,omitempty"`
	SetCookies []string `json:"set_cookies,omitempty"` // names only
	// Headers are request headers that matter: Host, Origin, Referer, X-Forwarded-*, Remote-User (value only for our own test names).
	Headers map[string]string `json:"headers,omitempty"`
	Error   string            `json:"error,omitempty"` // no response: why
	// Own is as in Hop, also of what Paperless asked for while it answered such a request.
	Own bool `json:"own,omitempty"`
}

// An IDToken is what can be said of an ID token without keeping it.
type IDToken struct {
	Form     string   `json:"form"` // JWS, JWE or opaque
	Alg      string   `json:"alg,omitempty"`
	Enc      string   `json:"enc,omitempty"` // JWE only
	Issuer   string   `json:"iss,omitempty"`
	Audience []string `json:"aud,omitempty"`
	Subject  string   `json:"sub,omitempty"`    // fingerprint
	Issued   int64    `json:"iat,omitempty"`    // Unix seconds
	Expires  int64    `json:"exp,omitempty"`    // Unix seconds
	Claims   []string `json:"claims,omitempty"` // names only
}

// A Probe is one request that a check made by itself, outside the browser.
type Probe struct {
	Name   string `json:"name"` // such as "password on /api/token/"
	Method string `json:"method"`
	URL    string `json:"url"`
	Status int    `json:"status"`           // 0 when there was no response
	Detail string `json:"detail,omitempty"` // Location, error text or what matters of the body
}

// A Linked is somebody who was signed in with authentik before an upgrade.
type Linked struct {
	Who        string `json:"who"`         // user name in authentik
	ProviderID string `json:"provider_id"` // that the link was made under
	SubMode    string `json:"sub_mode"`    // of the provider in authentik; empty: authentik's default
	// Still reports whether the account of before still has a link; nil: not known.
	Still *bool `json:"still,omitempty"`
}

// A User is one Paperless account.
type User struct {
	ID        int      `json:"id"`
	Username  string   `json:"username"`
	Email     string   `json:"email"`
	Active    bool     `json:"active"`
	Superuser bool     `json:"superuser"`
	Groups    []string `json:"groups,omitempty"`
}

// Flow is the documents that users asked for, without the check's Own requests.
func (r *Record) Flow() []Hop {
	return slices.DeleteFunc(slices.Clone(r.Hops), func(h Hop) bool { return h.Own })
}

// Find returns the newest exchange that fits; nil when none does. The check's Own
// requests fit nothing.
func (r *Record) Find(channel oidc.Channel, to string, endpoint oidc.Endpoint) *Exchange {
	for i := len(r.Exchange) - 1; i >= 0; i-- {
		e := &r.Exchange[i]
		if !e.Own && e.Channel == channel && e.To == to && e.Endpoint == endpoint {
			return e
		}
	}
	return nil
}

// Hop returns the last hop whose URL contains the part; nil when none does. The
// check's Own requests do not count.
func (r *Record) Hop(part string) *Hop {
	for i := len(r.Hops) - 1; i >= 0; i-- {
		if !r.Hops[i].Own && contains(r.Hops[i].URL, part) {
			return &r.Hops[i]
		}
	}
	return nil
}

// LogLine returns the last log or boot line that contains the part, or "".
func (r *Record) LogLine(part string) string {
	for i := len(r.Log) - 1; i >= 0; i-- {
		if contains(r.Log[i].Text, part) {
			return r.Log[i].Text
		}
	}
	for i := len(r.Boot.Log) - 1; i >= 0; i-- {
		if contains(r.Boot.Log[i], part) {
			return r.Boot.Log[i]
		}
	}
	return ""
}

// Probe returns the probe of this name; nil when it was not made.
func (r *Record) Probe(name string) *Probe {
	for i := range r.Probes {
		if r.Probes[i].Name == name {
			return &r.Probes[i]
		}
	}
	return nil
}
