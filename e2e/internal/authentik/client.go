package authentik

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// A Client asks authentik's REST API (docs/facts/authentik.md#3). It only reads:
// there is no way to write through it.
type Client struct {
	HTTP   *http.Client
	Origin string // scheme://host[:port], and the path below which authentik lives
	Host   string // Host header; empty: the origin's
	Token  string
}

// ErrToken marks a token that authentik does not accept, or that may not see what
// was asked for.
var ErrToken = errors.New("authentik refuses the token")

// ErrNone marks what authentik does not have.
var ErrNone = errors.New("authentik does not have it")

// answerLimit bounds what is read of one answer.
const answerLimit = 8 << 20

// many is one page for all that an authentik of ordinary size has.
var many = url.Values{"page_size": {"200"}}

func with(query url.Values, name, value string) url.Values {
	out := url.Values{name: {value}}
	for k, v := range query {
		out[k] = v
	}
	return out
}

// get decodes the answer of one GET below the API into v.
func (c Client) get(ctx context.Context, path string, query url.Values, v any) error {
	text, err := c.read(ctx, APIPath+path, query)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, v); err != nil {
		return fmt.Errorf("GET %s%s of authentik: %w", APIPath, path, err)
	}
	return nil
}

func (c Client) read(ctx context.Context, path string, query url.Values) ([]byte, error) {
	address := c.Origin + path
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, fmt.Errorf("ask authentik for %s: %w", path, err)
	}
	r.Host = c.Host
	if strings.HasPrefix(path, APIPath) {
		r.Header.Set("Accept", "application/json")
		if c.Token != "" {
			r.Header.Set("Authorization", "Bearer "+c.Token)
		}
	}
	res, err := c.HTTP.Do(r)
	if err != nil {
		if u := (*url.Error)(nil); errors.As(err, &u) {
			err = u.Err // the address stands in front already
		}
		return nil, fmt.Errorf("ask authentik for %s: %w", path, err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(res.Body, answerLimit))
	switch {
	case err != nil:
		return nil, fmt.Errorf("ask authentik for %s: %w", path, err)
	case res.StatusCode == http.StatusForbidden || res.StatusCode == http.StatusUnauthorized:
		// authentik answers a bad token with 403.
		return nil, fmt.Errorf("%w: GET %s answered %d", ErrToken, path, res.StatusCode)
	case res.StatusCode == http.StatusNotFound:
		return nil, fmt.Errorf("%w: GET %s of authentik answered 404", ErrNone, path)
	case res.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("GET %s of authentik answered %d", path, res.StatusCode)
	}
	return text, nil
}

// Ready reports whether the server is up.
func (c Client) Ready(ctx context.Context) error {
	_, err := c.read(ctx, ReadyPath, nil)
	return err
}

// Discovery reports whether an application's discovery document is there.
func (c Client) Discovery(ctx context.Context, slug string) error {
	path := DiscoveryPath(slug)
	text, err := c.read(ctx, path, nil)
	if err != nil {
		return err
	}
	var doc struct {
		Issuer string `json:"issuer"`
	}
	if err := json.Unmarshal(text, &doc); err != nil || doc.Issuer == "" {
		return fmt.Errorf("GET %s: no discovery document", path)
	}
	return nil
}

// Version is the running version. It needs a token: the public configuration
// of authentik does not tell it.
func (c Client) Version(ctx context.Context) (string, error) {
	var v struct {
		Current string `json:"version_current"`
	}
	err := c.get(ctx, "/admin/version/", nil, &v)
	return v.Current, err
}

// list asks for the objects of one kind.
func list[T any](ctx context.Context, c Client, path string, query url.Values) ([]T, error) {
	var page struct {
		Results []T `json:"results"`
	}
	err := c.get(ctx, path, query, &page)
	return page.Results, err
}
