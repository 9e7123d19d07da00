package report

import (
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
)

// HAR 1.2, as far as viewers need it. The times of the entries are relative to
// an arbitrary start, since exchanges know only seconds since the edge started.
type (
	harDoc struct {
		Log harLog `json:"log"`
	}
	harLog struct {
		Version string     `json:"version"`
		Creator harCreator `json:"creator"`
		Comment string     `json:"comment"`
		Entries []harEntry `json:"entries"`
	}
	harCreator struct {
		Name    string `json:"name"`
		Version string `json:"version"`
	}
	harEntry struct {
		Started  string      `json:"startedDateTime"`
		Time     float64     `json:"time"` // milliseconds
		Request  harRequest  `json:"request"`
		Response harResponse `json:"response"`
		Cache    struct{}    `json:"cache"`
		Timings  harTimings  `json:"timings"`
		Comment  string      `json:"comment,omitempty"`
	}
	harRequest struct {
		Method      string    `json:"method"`
		URL         string    `json:"url"`
		HTTPVersion string    `json:"httpVersion"`
		Headers     []harPair `json:"headers"`
		Query       []harPair `json:"queryString"`
		Cookies     []harPair `json:"cookies"`
		PostData    *harPost  `json:"postData,omitempty"`
		HeadersSize int       `json:"headersSize"`
		BodySize    int       `json:"bodySize"`
	}
	harPost struct {
		MimeType string    `json:"mimeType"`
		Params   []harPair `json:"params"`
		Text     string    `json:"text"`
	}
	harResponse struct {
		Status      int        `json:"status"`
		StatusText  string     `json:"statusText"`
		HTTPVersion string     `json:"httpVersion"`
		Headers     []harPair  `json:"headers"`
		Cookies     []harPair  `json:"cookies"`
		Content     harContent `json:"content"`
		RedirectURL string     `json:"redirectURL"`
		HeadersSize int        `json:"headersSize"`
		BodySize    int        `json:"bodySize"`
	}
	harContent struct {
		Size     int    `json:"size"`
		MimeType string `json:"mimeType"`
		Text     string `json:"text,omitempty"`
	}
	harTimings struct {
		Send    float64 `json:"send"`
		Wait    float64 `json:"wait"`
		Receive float64 `json:"receive"`
	}
	harPair struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	}
)

func har(e *evidence.Record) harDoc {
	log := harLog{
		Version: "1.2", Creator: harCreator{Name: "ssocheck", Version: "1"}, Entries: []harEntry{},
		Comment: "Redacted. Both channels as the edge saw them; times count from its start.",
	}
	for i := range e.Exchange {
		log.Entries = append(log.Entries, harExchange(&e.Exchange[i]))
	}
	if len(e.Exchange) == 0 {
		log.Comment = "Redacted. The document responses of the browser; times are not known."
		for i := range e.Hops {
			log.Entries = append(log.Entries, harExchange(&evidence.Exchange{
				Channel: evidence.Front, Method: e.Hops[i].Method, URL: e.Hops[i].URL, Status: e.Hops[i].Status,
				Location: e.Hops[i].Location, Error: e.Hops[i].Error, Own: e.Hops[i].Own,
			}))
		}
	}
	return harDoc{log}
}

// ownWord says of a request that no person's sign-in has it.
func ownWord(own bool) string {
	if own {
		return " (made by the check on purpose)"
	}
	return ""
}

func harExchange(x *evidence.Exchange) harEntry {
	ms := x.Seconds * 1000
	entry := harEntry{
		Started: time.Unix(0, 0).UTC().Add(time.Duration(x.At * float64(time.Second))).Format("2006-01-02T15:04:05.000Z07:00"),
		Time:    ms, Timings: harTimings{Wait: ms}, Comment: strings.TrimSpace(string(x.Channel) + " channel " + x.Error + ownWord(x.Own)),
		Request: harRequest{
			Method: x.Method, URL: x.URL, HTTPVersion: "HTTP/1.1", HeadersSize: -1, BodySize: -1,
			Headers: pairs(x.Headers), Query: harQuery(x.URL), Cookies: names(x.Cookies),
		},
		Response: harResponse{
			Status: x.Status, HTTPVersion: "HTTP/1.1", HeadersSize: -1, BodySize: -1, RedirectURL: x.Location,
			Headers: []harPair{}, Cookies: names(x.SetCookies), Content: harContent{Size: -1, MimeType: x.Type},
		},
	}
	if x.Location != "" {
		entry.Response.Headers = append(entry.Response.Headers, harPair{"Location", x.Location})
	}
	if len(x.Form) > 0 {
		entry.Request.PostData = &harPost{MimeType: "application/x-www-form-urlencoded", Params: pairs(x.Form)}
	}
	if x.Body != nil {
		entry.Response.Content.Text = string(indented(x.Body))
	}
	return entry
}

func pairs(m map[string]string) []harPair {
	out := []harPair{}
	for _, k := range slices.Sorted(maps.Keys(m)) {
		out = append(out, harPair{k, m[k]})
	}
	return out
}

func names(cookies []string) []harPair {
	out := []harPair{}
	for _, c := range cookies {
		out = append(out, harPair{c, ""})
	}
	return out
}

func harQuery(raw string) []harPair {
	out := []harPair{}
	for _, p := range params(raw) {
		out = append(out, harPair(p))
	}
	return out
}

// A param is one parameter of a URL, decoded, in the URL's order.
type param struct{ Name, Value string }

func params(raw string) []param {
	u, err := url.Parse(raw)
	if err != nil || u.RawQuery == "" {
		return nil
	}
	var out []param
	for part := range strings.SplitSeq(u.RawQuery, "&") {
		name, value, _ := strings.Cut(part, "=")
		if plain, err := url.QueryUnescape(value); err == nil {
			value = plain
		}
		out = append(out, param{name, value})
	}
	return out
}
