package provider

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ssocheck/ssocheck/e2e/internal/oidc"
)

// How the verifier of a token request fits the challenge.
const (
	PKCENone  = "no challenge"
	PKCEFits  = "S256, fits"
	PKCEWrong = "does not fit"
)

func pkce(g *grant, verifier string) string {
	if g == nil || g.challenge == "" {
		return PKCENone
	}
	sum := sha256.Sum256([]byte(verifier))
	if base64.RawURLEncoding.EncodeToString(sum[:]) == g.challenge {
		return PKCEFits
	}
	return PKCEWrong
}

// A Request is one that the provider got. It holds no secret: only how secrets came.
type Request struct {
	Endpoint  oidc.Endpoint
	Method    string
	Path      string
	Params    []string // names of the parameters, sorted
	Elsewhere bool     // it came to the other host
	Plain     bool     // without TLS
	Status    int      // of the answer; 0: none
	// Auth is how the relying party authenticated itself: client_secret_basic,
	// client_secret_post, none; at userinfo "bearer", "other bearer" or "none".
	Auth string
	// Secret reports whether the client secret came along, and as it is.
	Secret  bool
	Client  string // id of the client that asked for tokens
	PKCE    string // of a token request
	Query   url.Values
	Code    string // that was given out, or brought; a secret
	Seconds float64

	asked    time.Time
	verifier string
}

// Verifier is the PKCE verifier of a token request; a secret.
func (r Request) Verifier() string { return r.verifier }

func request(r *http.Request, e oidc.Endpoint, elsewhere, plain bool) Request {
	n := Request{Endpoint: e, Method: r.Method, Path: r.URL.Path, Elsewhere: elsewhere, Plain: plain}
	if e == oidc.Authorization {
		n.Query = r.URL.Query()
	}
	for name := range r.Form {
		n.Params = append(n.Params, name)
	}
	slices.Sort(n.Params)
	return n
}

// client notes how the relying party authenticated itself.
func (n *Request) client(r *http.Request, form url.Values, c Client) {
	n.Client = form.Get(oidc.ClientID)
	id, secret, ok := r.BasicAuth()
	switch {
	case ok:
		n.Client = id
		if strings.HasPrefix(c.ID, id+":") { // an id with a colon, not encoded
			n.Client = c.ID
		}
		n.Auth, n.Secret = oidc.SecretBasic, id+":"+secret == c.ID+":"+c.Secret
	case form.Has(oidc.ClientSecret):
		n.Auth, n.Secret = oidc.SecretPost, form.Get(oidc.ClientSecret) == c.Secret
	default:
		n.Auth = oidc.NoSecret
	}
}

func (n *Request) bearer(r *http.Request, known bool) {
	switch {
	case known:
		n.Auth = "bearer"
	case r.Header.Get("Authorization") != "":
		n.Auth = "other bearer"
	default:
		n.Auth = oidc.NoSecret
	}
}

// Requests are those of the play so far, in the order of their answers.
func (y *Play) Requests() []Request {
	y.mu.Lock()
	defer y.mu.Unlock()
	return slices.Clone(y.requests)
}

// Unanswered is how many requests of the play were left without an answer so far.
func (y *Play) Unanswered() int {
	y.mu.Lock()
	defer y.mu.Unlock()
	n := 0
	for i := range y.requests {
		if y.requests[i].Status == 0 {
			n++
		}
	}
	return n
}

// answer sends a document, changed as the script says.
func (c *call) answer(a Answer, doc map[string]any) {
	if a.Silent {
		c.keep(0)
		select { // the relying party gives up, or the test does
		case <-c.r.Context().Done():
		case <-c.stop:
		case <-time.After(3 * c.o.Patience):
		}
		panic(http.ErrAbortHandler)
	}
	if a.Change != nil {
		a.Change(doc)
	}
	for name, values := range a.Header {
		c.w.Header()[name] = values
	}
	if a.Where != "" {
		c.w.Header().Set("Location", c.expand(a.Where))
		if a.Status == 0 {
			a.Status = http.StatusFound
		}
		c.write(a.Status, "", nil)
		return
	}
	if a.Status == 0 {
		a.Status = http.StatusOK
	}
	body := c.body(a, doc)
	kind := a.Type
	if kind == "" {
		kind = "application/json"
	}
	if a.Drip {
		c.drip(a.Status, kind, body)
		return
	}
	c.write(a.Status, kind, body)
}

func (c *call) body(a Answer, doc map[string]any) []byte {
	var v any = doc
	switch {
	case a.Empty:
		return nil
	case a.Body != nil:
		v = a.Body
	}
	if text, ok := v.(string); ok {
		return []byte(c.expand(text))
	}
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // plain data always encodes
	}
	body := []byte(c.expand(string(text)))
	if a.Padding > 0 {
		body = append(body, strings.Repeat(" ", a.Padding)...)
	}
	return body
}

func (c *call) keep(status int) {
	c.note.Status = status
	c.note.Seconds = c.o.Now().Sub(c.note.asked).Seconds()
	c.play.mu.Lock()
	defer c.play.mu.Unlock()
	c.play.requests = append(c.play.requests, c.note)
}

func (c *call) head(status int, kind string) {
	if c.elsewhere || c.plain {
		c.w.Header().Set("X-Content-Type-Options", "nosniff")
	}
	switch kind {
	case "-":
		c.w.Header()["Content-Type"] = nil // not even what net/http would guess
	case "":
	default:
		c.w.Header().Set("Content-Type", kind)
	}
	c.keep(status)
	c.w.WriteHeader(status)
}

func (c *call) write(status int, kind string, body []byte) {
	c.w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	c.head(status, kind)
	_, _ = c.w.Write(body) // the relying party went away: that is recorded elsewhere
}

// drip sends the body in pieces, each well within the relying party's patience, all
// of them beyond it.
func (c *call) drip(status int, kind string, body []byte) {
	const pieces = 8
	c.head(status, kind)
	flush := http.NewResponseController(c.w)
	size := max(1, len(body)/pieces)
	tick := time.NewTicker(c.o.Patience / 5)
	defer tick.Stop()
	for chunk := range slices.Chunk(body, size) {
		if _, err := c.w.Write(chunk); err != nil {
			return
		}
		_ = flush.Flush() // where that cannot be, all comes at the end, and the test sees it
		select {
		case <-tick.C:
		case <-c.stop:
			return
		}
	}
}

var moment = regexp.MustCompile(`^\{now([+-]\d+)?\}$`)

// expandDoc fills in the times and addresses of a document's members.
func (c *call) expandDoc(doc map[string]any) map[string]any {
	for name, v := range doc {
		switch v := v.(type) {
		case string:
			if m := moment.FindStringSubmatch(v); m != nil {
				shift, _ := strconv.ParseInt(strings.TrimPrefix(m[1], "+"), 10, 64) // empty: 0
				doc[name] = c.o.Now().Unix() + shift
				continue
			}
			doc[name] = c.expand(v)
		case []any: // the script's own, which other tests have too
			list := slices.Clone(v)
			for i := range list {
				if text, ok := list[i].(string); ok {
					list[i] = c.expand(text)
				}
			}
			doc[name] = list
		}
	}
	return doc
}

func (c *call) expand(text string) string {
	if !strings.Contains(text, "{") {
		return text
	}
	host := strings.TrimPrefix(strings.TrimPrefix(c.o.Origin, "https://"), "http://")
	return strings.NewReplacer(
		"{origin}", c.o.Origin, "{host}", host, "{issuer}", c.play.client.Issuer, "{client}", c.play.client.ID,
		"{elsewhere}", "https://"+c.o.Elsewhere, "{plain}", "http://"+c.o.Elsewhere,
	).Replace(text)
}

// String is a request as the report has it.
func (r Request) String() string {
	where := ""
	if r.Elsewhere {
		where = " at another host"
	}
	if r.Plain {
		where += " without TLS"
	}
	auth := ""
	if r.Auth != "" {
		auth = ", " + r.Auth
	}
	return fmt.Sprintf("%s %s%s%s: %d", r.Method, r.Path, where, auth, r.Status)
}

// URL is the address that was asked, without its query: it would hold secrets.
func (r Request) URL(origin, elsewhere string) string {
	if r.Elsewhere {
		origin = "https://" + elsewhere
		if r.Plain {
			origin = "http://" + elsewhere
		}
	}
	return origin + r.Path
}
