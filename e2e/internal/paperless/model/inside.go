package model

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	paperless "github.com/ssocheck/ssocheck/e2e/internal/paperless"
)

// Inside answers what paperless.Command asks in the container, with the options of
// the server that runs there. page opens the sign-in page; nil: nothing answers.
func Inside(ctx context.Context, o Options, look paperless.Look, resolve func(context.Context, string) ([]string, error), page func(*http.Request) (*http.Response, error)) paperless.Seen {
	seen := paperless.Seen{Version: o.Bundle.Paperless.Version, Files: map[string]paperless.File{}}
	for _, path := range look.Files {
		text, ok := o.Bundle.Paperless.Files[path]
		if !ok {
			seen.Files[path] = paperless.File{Error: "No such file or directory"}
			continue
		}
		seen.Files[path] = paperless.File{There: true, Print: hashed(look.Salt, text), Stripped: hashed(look.Salt, strings.TrimRight(text, "\r\n"))}
	}
	if look.Page != "" {
		seen.Page = openPage(ctx, look, page)
	}
	if look.Discovery == "" {
		return seen
	}
	if u, err := url.Parse(look.Discovery); err == nil {
		addresses, err := resolve(ctx, u.Hostname())
		seen.Addresses = addresses
		if err != nil {
			seen.Resolve = "[Errno -2] Name or service not known"
		}
	}
	o.Timeout = time.Duration(look.Seconds) * time.Second
	env, _ := environment(o)
	c := &call{Server: &Server{opts: o, set: &settings{version: o.Bundle.Paperless.Version, env: env}}}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "/", nil)
	if err != nil {
		return seen // the address is ours
	}
	c.r = r
	d := &paperless.Discovery{URL: look.Discovery}
	seen.Discovery = d
	got, exc := c.fetch(http.MethodGet, look.Discovery, "", nil)
	if exc != nil {
		d.Error = exc.class + ": " + exc.msg
		return seen
	}
	d.Status = got.status
	d.JSON = json.Unmarshal(got.body, &d.Document) == nil
	return seen
}

func hashed(salt, text string) string {
	mac := hmac.New(sha256.New, []byte(salt))
	mac.Write([]byte(text))
	return hex.EncodeToString(mac.Sum(nil))
}

// openPage asks past the proxy, under the name that users use.
func openPage(ctx context.Context, look paperless.Look, page func(*http.Request) (*http.Response, error)) *paperless.Opened {
	err := errors.New("<urlopen error [Errno 111] Connection refused>")
	if page == nil {
		return &paperless.Opened{Error: err.Error()}
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, look.Page, nil)
	if err != nil {
		return &paperless.Opened{Error: err.Error()}
	}
	r.Host = look.Host
	r.Header.Set("X-Forwarded-Proto", look.Scheme)
	r.Header.Set("X-Forwarded-Host", look.Host)
	res, err := page(r)
	if err != nil {
		return &paperless.Opened{Error: "<urlopen error " + err.Error() + ">"}
	}
	defer func() { _ = res.Body.Close() }()
	body, _ := io.ReadAll(io.LimitReader(res.Body, bodyLimit)) // what broke off is what was seen
	return &paperless.Opened{Status: res.StatusCode, Location: res.Header.Get("Location"), Body: string(body)}
}

// LookUp resolves a name as the container does.
func LookUp(ctx context.Context, name string) ([]string, error) {
	return net.DefaultResolver.LookupHost(ctx, name)
}
