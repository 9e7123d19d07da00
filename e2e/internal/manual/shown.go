package manual

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
	"github.com/ssocheck/ssocheck/e2e/internal/oidc"
	"github.com/ssocheck/ssocheck/e2e/internal/report"
	"github.com/ssocheck/ssocheck/e2e/internal/troubleshooting"
	"github.com/ssocheck/ssocheck/fixtures"
)

// ShownFile is what the recorded runs show of each item, within fixtures: made by
// make docs, so that the command needs none of the recordings.
const ShownFile = "shown.json"

// A Shown is what one recorded run shows of an item.
type Shown struct {
	Run     string   `json:"run"`     // on which versions
	Looks   []string `json:"looks"`   // evidence without which it is not found
	Because []string `json:"because"` // what the finding quotes
}

func readShown() (map[string]Shown, error) {
	text, err := fixtures.FS.ReadFile(ShownFile)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", ShownFile, err)
	}
	var out map[string]Shown
	if err := json.Unmarshal(text, &out); err != nil {
		return nil, fmt.Errorf("read %s: %w", ShownFile, err)
	}
	return out, nil
}

// Show derives what an item looks at from a recorded run in which it was planted:
// part after part of the evidence and of the configuration is taken away, and put
// back when the item is not found any more, or quotes something else. What is
// left at the end is enough, and nothing of it can be spared.
func Show(i *troubleshooting.Item, r *report.Report) (Shown, error) {
	at := i.BreaksAt(deployment.Pair{Paperless: r.Target.Paperless.Version, Authentik: r.Target.Authentik.Version}).ID
	for _, c := range r.Checks {
		b := c.Bundle
		if b == nil {
			b = r.Bundle
		}
		if c.ID != at || c.Evidence == nil || b == nil || (c.Status != check.Failed && c.Status != check.Warned) {
			continue
		}
		because, ok := match(i, *c.Evidence, b)
		if !ok {
			continue
		}
		s := Shown{
			Run:     fmt.Sprintf("planted in the lab (Paperless-ngx %s, authentik %s)", r.Target.Paperless.Version, r.Target.Authentik.Version),
			Because: because,
		}
		rec, bundle := clone(*c.Evidence), b.Clone()
		for _, p := range parts(b) {
			less, without := clone(rec), bundle.Clone()
			p.drop(&less, without)
			if now, ok := match(i, less, without); !ok || !slices.Equal(now, because) {
				s.Looks = append(s.Looks, p.name)
				continue
			}
			rec, bundle = less, without
		}
		return s, nil
	}
	return Shown{}, fmt.Errorf("the recording of %s does not show it at %s", i.Code, at)
}

// match asks the item. One that cannot do without a part does look at it.
func match(i *troubleshooting.Item, rec evidence.Record, b *deployment.Deployment) (because []string, ok bool) {
	defer func() {
		if recover() != nil {
			because, ok = nil, false
		}
	}()
	return i.Match(rec, b)
}

// A part of what was seen or is configured.
type part struct {
	name string
	drop func(*evidence.Record, *deployment.Deployment)
}

func parts(b *deployment.Deployment) []part {
	seen := func(name string, drop func(*evidence.Record)) part {
		return part{name, func(r *evidence.Record, _ *deployment.Deployment) { drop(r) }}
	}
	set := func(name string, drop func(*deployment.Deployment)) part {
		return part{name, func(_ *evidence.Record, b *deployment.Deployment) { drop(b) }}
	}
	exchanges := func(name string, which func(evidence.Exchange) bool) part {
		return seen(name, func(r *evidence.Record) { r.Exchange = slices.DeleteFunc(r.Exchange, which) })
	}
	back := func(at oidc.Endpoint) func(evidence.Exchange) bool {
		return func(x evidence.Exchange) bool { return x.Channel == evidence.Back && x.Endpoint == at }
	}
	lines := func(source string) func(*evidence.Record) {
		return func(r *evidence.Record) {
			r.Log = slices.DeleteFunc(r.Log, func(l evidence.Line) bool { return l.Source == source })
		}
	}
	out := []part{
		seen("how Paperless started, with its last log lines", func(r *evidence.Record) { r.Boot = evidence.Boot{Up: true} }),
		seen("the sign-in page", func(r *evidence.Record) { r.SignIn = nil }),
		seen("the redirects of the browser", func(r *evidence.Record) { r.Hops = nil }),
		seen("the page where the browser ended", func(r *evidence.Record) { r.Final = nil }),
		seen("who Paperless says is signed in", func(r *evidence.Record) { r.Signed = nil }),
		seen("the cookies", func(r *evidence.Record) { r.Cookies = nil }),
		exchanges("Paperless's request for the discovery document", back(oidc.Discovery)),
		exchanges("Paperless's token request and its answer", back(oidc.Token)),
		exchanges("Paperless's userinfo request and its answer", back(oidc.Userinfo)),
		exchanges("the browser's requests at the proxy", func(x evidence.Exchange) bool { return x.Channel == evidence.Front }),
		seen("Paperless's log", lines("paperless")),
		seen("authentik's log", lines("authentik")),
		seen("requests that the check made itself", func(r *evidence.Record) { r.Probes = nil }),
		seen("Paperless's accounts before and after", func(r *evidence.Record) { r.Users, r.Before = nil, nil }),
		seen("authentik's events", func(r *evidence.Record) { r.Events = nil }),
		seen("the redirect URIs that authentik says it has", func(r *evidence.Record) { r.Registered = nil }),
		seen("which running settings differ from the files", func(r *evidence.Record) { r.Stale = nil }),
		set("the provider in authentik", func(b *deployment.Deployment) { b.Authentik.Providers = nil }),
		set("the application in authentik", func(b *deployment.Deployment) { b.Authentik.Applications = nil }),
		set("the users in authentik", func(b *deployment.Deployment) { b.Authentik.Users = nil }),
		set("the scope mappings in authentik", func(b *deployment.Deployment) { b.Authentik.Mappings = nil }),
		set("the local accounts", func(b *deployment.Deployment) { b.Paperless.Users = nil }),
		set("the links of accounts", func(b *deployment.Deployment) { b.Paperless.Links = nil }),
		set("what the proxy in front of Paperless does", func(b *deployment.Deployment) { b.Paperless.Proxy = deployment.Proxy{} }),
		set("what the proxy in front of authentik does", func(b *deployment.Deployment) { b.Authentik.Proxy = deployment.Proxy{} }),
		set("the lines of the files", func(b *deployment.Deployment) { b.Origins = nil }),
		{"the version of Paperless-ngx", func(r *evidence.Record, b *deployment.Deployment) {
			r.Paperless.Version, b.Paperless.Version = "999.0.0", "999.0.0"
		}},
		{"the version of authentik", func(r *evidence.Record, b *deployment.Deployment) {
			r.Authentik.Version, b.Authentik.Version = "9999.0.0", "9999.0.0"
		}},
	}
	for _, name := range sortedKeys(b.Paperless.Env) {
		out = append(out, set("`"+name+"`", func(b *deployment.Deployment) { delete(b.Paperless.Env, name) }))
	}
	return out
}

// clone is a copy whose lists can be cut.
func clone(r evidence.Record) evidence.Record {
	v := reflect.ValueOf(&r).Elem()
	for n := range v.NumField() {
		if f := v.Field(n); f.Kind() == reflect.Slice && !f.IsNil() {
			fresh := reflect.MakeSlice(f.Type(), f.Len(), f.Len())
			reflect.Copy(fresh, f)
			f.Set(fresh)
		}
	}
	return r
}
