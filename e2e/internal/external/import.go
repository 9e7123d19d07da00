package external

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/authentik"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
	"github.com/ssocheck/ssocheck/e2e/internal/target"
)

// SecretEnv is the variable that an imported blueprint takes the client secret
// from.
const SecretEnv = "SSO_CLIENT_SECRET"

// ImportOptions say which authentik is read, and which of its clients.
type ImportOptions struct {
	AuthentikURL string
	Resolve      []string // host[:port]=address[:port]
	CA           string   // PEM file of an authority beside the system's; empty: none
	Token        string   // of the API
	// ClientID names the provider; empty: that of Bundle, else the one whose name,
	// slug or redirect URI says Paperless.
	ClientID string
	Bundle   *deployment.Deployment // what Paperless's files say; nil: not known
	Log      *slog.Logger           // nil: silent
}

// An Imported is what authentik says of the client.
type Imported struct {
	Version   string // of authentik; empty: the token may not see it
	Provider  string // its name
	Slug      string
	Blueprint []byte // without the client secret: it is !Env SecretEnv
	// Secret is how the client secret of Bundle relates to that of authentik
	// (deployment.SecretEqual and so on); empty without a Bundle, or where it is not known.
	Secret string
	Public bool     // the client has no secret
	Notes  []string // what could not be read, and what follows from it
}

// Import reads the provider, its application, scope mappings and the groups that
// may use it through authentik's API. It only asks (GET), and changes nothing.
func Import(ctx context.Context, o ImportOptions) (*Imported, error) {
	p, err := importer(o)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, lookLimit)
	defer cancel()
	one, err := p.choose(ctx, o.ClientID)
	if err != nil {
		return nil, err
	}
	out := &Imported{Provider: one.Name, Slug: one.Slug, Public: one.ClientType == "public"}
	if version, err := p.idp.Version(ctx); err == nil {
		out.Version = version
	}
	m, err := p.model(ctx, one)
	if err != nil {
		return nil, err
	}
	if o.Bundle != nil && !out.Public && one.ClientSecret != "" {
		c := o.Bundle.Clone()
		c.Authentik.Model = *m
		out.Secret = c.SecretRelation()
	}
	out.Blueprint = text(m, out.Version)
	out.Notes = p.notes
	return out, nil
}

// importer is a pair of which only authentik is asked.
func importer(o ImportOptions) (*Pair, error) {
	if o.Token == "" {
		return nil, fmt.Errorf("%w: reading authentik needs an API token in %s: in authentik, Directory → Tokens and App passwords, intent API", ErrOptions, envToken)
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	u, err := url.Parse(o.AuthentikURL)
	if err != nil || u.Hostname() == "" || (u.Scheme != "https" && u.Scheme != "http") {
		return nil, fmt.Errorf("%w: --authentik-url %q is no address; want https://host", ErrOptions, o.AuthentikURL)
	}
	origin := u.Scheme + "://" + u.Host
	b := &deployment.Deployment{Observed: true, Paperless: deployment.Paperless{Env: map[string]string{}}}
	if o.Bundle != nil {
		b = o.Bundle.Clone()
	}
	b.Authentik.URL = origin
	p := &Pair{bundle: b, redactor: evidence.NewRedactor(o.Token), o: Options{Log: o.Log}}
	p.target = &target.Target{Kind: target.External, SystemCAs: true, Redactor: p.redactor}
	if o.CA != "" {
		if p.target.CA, err = readCA(o.CA); err != nil {
			return nil, err
		}
	}
	if p.target.Resolve, err = Resolve(o.Resolve, origin); err != nil {
		return nil, err
	}
	if p.client, err = p.target.Client(); err != nil {
		return nil, err
	}
	// authentik may stand below a path: its API does, too.
	p.idp = &idp{Client: authentik.Client{HTTP: p.client, Origin: origin + strings.TrimRight(u.Path, "/"), Token: o.Token}, redact: p.redactor}
	return p, nil
}

// choose is the one authentik.OAuth2Provider that Paperless uses.
func (p *Pair) choose(ctx context.Context, clientID string) (*authentik.OAuth2Provider, error) {
	all, err := p.idp.Providers(ctx, "")
	if err != nil {
		if errors.Is(err, authentik.ErrToken) {
			return nil, fmt.Errorf("%w: %w; give one that may see providers in %s", ErrOptions, err, envToken)
		}
		return nil, err
	}
	list := all
	if clientID != "" {
		list = slices.DeleteFunc(slices.Clone(list), func(one authentik.OAuth2Provider) bool { return one.ClientID != clientID })
		if len(list) == 0 {
			return nil, fmt.Errorf("%w: --client-id %s: authentik has no OAuth2 provider with it; it has %s", ErrOptions, clientID, named(all))
		}
	} else {
		list = p.theirs(list)
	}
	switch len(list) {
	case 0:
		return nil, fmt.Errorf("%w: no OAuth2 provider of authentik is Paperless's by its client id, name or redirect URI; it has %s: say which with --client-id", ErrOptions, named(all))
	case 1:
		return &list[0], nil
	}
	return nil, fmt.Errorf("%w: several providers could be Paperless's: %s: say which with --client-id, or give --config", ErrOptions, named(list))
}

func named(list []authentik.OAuth2Provider) string {
	if len(list) == 0 {
		return "none"
	}
	var names []string
	for _, one := range list {
		names = append(names, fmt.Sprintf("%s (client id %s)", one.Name, one.ClientID))
	}
	return strings.Join(names, ", ")
}

// model is what the blueprint is made of.
func (p *Pair) model(ctx context.Context, one *authentik.OAuth2Provider) (*deployment.Model, error) {
	m := &deployment.Model{}
	pr := providerOf(one)
	mappings, err := p.idp.Scopes(ctx)
	if err != nil {
		return nil, err
	}
	for _, pk := range one.Mappings {
		for _, s := range mappings {
			if s.Key != pk {
				continue
			}
			pr.Scopes = append(pr.Scopes, s.Scope)
			if s.Managed == "" && s.Expression != "" { // one of their own
				m.Mappings = append(m.Mappings, deployment.ScopeMapping{Name: s.Name, Scope: s.Scope, Expression: s.Expression})
			}
		}
	}
	p.consent(ctx, one, &pr)
	m.Providers = []deployment.OAuth2Provider{pr}
	if one.Slug == "" {
		p.note("the provider %s belongs to no application", one.Name)
		return m, nil
	}
	app := deployment.Application{Name: one.Application, Slug: one.Slug, Provider: one.Name}
	if err := p.access(ctx, m, &app); err != nil {
		p.note("who may use the application %s is not known: %s", one.Slug, err)
	}
	m.Applications = []deployment.Application{app}
	return m, nil
}

// consent takes over which of authentik's own authorization flows it is.
func (p *Pair) consent(ctx context.Context, one *authentik.OAuth2Provider, pr *deployment.OAuth2Provider) {
	if one.Flow == "" {
		return
	}
	flows, err := p.idp.Flows(ctx, "")
	if err != nil {
		p.note("the authorization flow is not known, consent is taken as implicit: %s", err)
		return
	}
	for _, f := range flows {
		if f.Key != one.Flow {
			continue
		}
		pr.Consent = f.Slug == authentik.ExplicitConsentFlow
		if !pr.Consent && f.Slug != authentik.ImplicitConsentFlow {
			p.note("the authorization flow %s is not authentik's own; the blueprint has the one with implicit consent in its place", f.Slug)
		}
	}
}

// access reads which groups may use the application.
func (p *Pair) access(ctx context.Context, m *deployment.Model, app *deployment.Application) error {
	of, err := p.idp.Application(ctx, app.Slug)
	if err != nil {
		return err
	}
	bindings, err := p.idp.Bindings(ctx, of.Key)
	if err != nil {
		return err
	}
	for _, b := range bindings {
		switch {
		case b.Group != nil && !b.Negate:
			app.Groups = append(app.Groups, b.Group.Name)
			if !slices.Contains(m.Groups, b.Group.Name) {
				m.Groups = append(m.Groups, b.Group.Name)
			}
		case b.User != nil:
			p.note("the application %s is bound to the user %s; the blueprint leaves that out", app.Slug, b.User.Username)
		case b.Policy != nil:
			p.note("the policy %s of the application %s is left out: what it decides is not known", b.Policy.Name, app.Slug)
		default:
			p.note("a binding of the application %s is left out", app.Slug)
		}
	}
	return nil
}

// text is the blueprint, with the variable in the client secret's place.
func text(m *deployment.Model, version string) []byte {
	const marker = "ssocheck-client-secret-stands-here"
	c := (&deployment.Deployment{Authentik: deployment.Authentik{Model: *m}}).Clone()
	secret := c.Authentik.Providers[0].ClientSecret != "" && c.Authentik.Providers[0].ClientType != "public"
	c.Authentik.Providers[0].ClientSecret = ""
	if secret {
		c.Authentik.Providers[0].ClientSecret = marker
	}
	out := strings.Replace(string(deployment.Blueprint(c)), `"`+marker+`"`, "!Env "+SecretEnv, 1)
	_, rest, _ := strings.Cut(out, "\n") // the first line says who else made it
	of := "authentik"
	if version != "" {
		of += " " + version
	}
	head := "# Read from " + of + " by ssocheck import-idp, for ssocheck run --blueprint and lint. It has no users.\n"
	if secret {
		head += "# The client secret is not in it: set " + SecretEnv + " where ssocheck runs, or it is not tested.\n"
	}
	return []byte(head + rest)
}
