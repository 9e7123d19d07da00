package target

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

// An AuthentikAPI asks authentik's REST API with a token. It only reads.
type AuthentikAPI struct {
	Client *http.Client
	Origin string // scheme://host[:port]
	Host   string // Host header; empty: the origin's
	Token  string
}

// ErrToken marks a token that authentik does not accept.
var ErrToken = errors.New("authentik does not accept the API token")

// Get decodes the answer of one GET below /api/v3 into v.
func (a AuthentikAPI) Get(ctx context.Context, path string, v any) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, a.Origin+"/api/v3"+path, nil)
	if err != nil {
		return fmt.Errorf("authentik API: %w", err)
	}
	r.Host = a.Host
	r.Header.Set("Accept", "application/json")
	if a.Token != "" {
		r.Header.Set("Authorization", "Bearer "+a.Token)
	}
	res, err := a.Client.Do(r)
	if err != nil {
		return fmt.Errorf("authentik API: %w", err)
	}
	defer res.Body.Close()
	// authentik answers a bad token with 403 (docs/facts/authentik.md#3).
	if res.StatusCode == http.StatusForbidden || res.StatusCode == http.StatusUnauthorized {
		return fmt.Errorf("authentik API %s: %w (%s)", path, ErrToken, res.Status)
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("authentik API %s: %s", path, res.Status)
	}
	if err := json.NewDecoder(io.LimitReader(res.Body, 8<<20)).Decode(v); err != nil {
		return fmt.Errorf("authentik API %s: %w", path, err)
	}
	return nil
}

// Registered are the redirect URIs of the provider with this client id. Old
// versions store them as lines of one text, newer ones as a list.
func (a AuthentikAPI) Registered(ctx context.Context, clientID string) ([]string, error) {
	var page struct {
		Results []struct {
			ClientID     string          `json:"client_id"`
			RedirectURIs json.RawMessage `json:"redirect_uris"`
		} `json:"results"`
	}
	if err := a.Get(ctx, "/providers/oauth2/?client_id="+url.QueryEscape(clientID)+"&page_size=100", &page); err != nil {
		return nil, err
	}
	for _, p := range page.Results {
		if p.ClientID != clientID {
			continue // the filter is ignored by versions that do not know it
		}
		var list []struct {
			URL string `json:"url"`
		}
		if err := json.Unmarshal(p.RedirectURIs, &list); err == nil {
			uris := make([]string, 0, len(list))
			for _, r := range list {
				uris = append(uris, r.URL)
			}
			return uris, nil
		}
		var text string
		if err := json.Unmarshal(p.RedirectURIs, &text); err != nil {
			return nil, fmt.Errorf("authentik API: redirect_uris: %w", err)
		}
		return strings.Fields(text), nil
	}
	return nil, errors.New("authentik API: no OAuth2 provider has the client id of the configuration")
}

// Events are the actions of the newest 100 events, oldest first.
func (a AuthentikAPI) Events(ctx context.Context) ([]string, error) {
	var page struct {
		Results []struct {
			Action string `json:"action"`
		} `json:"results"`
	}
	if err := a.Get(ctx, "/events/events/?ordering=-created&page_size=100", &page); err != nil {
		return nil, err
	}
	actions := make([]string, 0, len(page.Results))
	for i := len(page.Results) - 1; i >= 0; i-- {
		actions = append(actions, page.Results[i].Action)
	}
	return actions, nil
}

// Version is the running version. It needs a token: the public configuration
// of authentik does not tell it.
func (a AuthentikAPI) Version(ctx context.Context) (string, error) {
	var v struct {
		Current string `json:"version_current"`
	}
	if err := a.Get(ctx, "/admin/version/", &v); err != nil {
		return "", err
	}
	return v.Current, nil
}
