package checklist

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
	"github.com/ssocheck/ssocheck/e2e/internal/paperless"
	"github.com/ssocheck/ssocheck/e2e/internal/source"
	"github.com/ssocheck/ssocheck/e2e/internal/target"
)

// The roles of the users whose accounts an upgrade must keep (deployment.WithUpgradeUsers).
const (
	upgradeNew    = deployment.RoleUpgradeNew
	upgradeLinked = deployment.RoleUpgradeLinked
)

// Upgrade returns the checks of an upgrade: before runs on the old versions and
// remembers who reached which account; after runs on the new versions over the
// same databases and compares. The two lists belong together and serve one
// upgrade: what is remembered lives in them.
func Upgrade() (before, after []*check.Check) {
	m := &memory{}
	people := &check.Check{
		ID:    "upgrade-people",
		Title: "Users sign in before the upgrade, and their accounts are remembered",
		Doc: "Somebody new signs in with authentik, a local user links authentik in My Profile, and the administrator asks for an " +
			"API token. What each of them reached is kept for the comparison after the upgrade.",
		Needs:   []*check.Check{LoginButton},
		Changes: true,
		Links:   upgradeLinked,
		Run:     booted(m.remember),
	}
	accounts := &check.Check{
		ID:          "upgrade-accounts",
		Title:       "Every account is still there after the upgrade, and no other one",
		Doc:         "The list of accounts after the migrations is that of before: id, name, e-mail address, groups, active and superuser.",
		Guide:       "checklist 4",
		Needs:       []*check.Check{LoginPage},
		Browserless: true,
		Run:         booted(m.accounts),
	}
	signIn := &check.Check{
		ID:    "upgrade-sign-in",
		Title: "Each user reaches the same account as before the upgrade",
		Doc: "The users of before sign in again on the new versions: they reach the account of before, with the same links and " +
			"rights, and no second account is made.",
		Guide: "checklist 3",
		Needs: []*check.Check{LoginButton},
		Run:   booted(m.signIn),
	}
	sessions := &check.Check{
		ID:    "upgrade-sessions",
		Title: "Sessions and API tokens of before the upgrade still work",
		Doc: "A browser that was signed in before the upgrade still is, unless the secret key was changed, and an API token of " +
			"before still opens the API.",
		Needs:       []*check.Check{LoginPage},
		Browserless: true,
		Run:         booted(m.sessions),
	}
	settings := &check.Check{
		ID:          "upgrade-settings",
		Title:       "No setting loses its meaning with the upgrade",
		Doc:         "What the old version read of the configuration, the new one reads too, and in the same way.",
		Guide:       "troubleshooting 1",
		Browserless: true,
		Run:         m.settings,
	}
	return []*check.Check{people}, []*check.Check{settings, accounts, sessions, signIn}
}

// memory is what the checks before an upgrade tell those after it.
type memory struct {
	bundle *deployment.Deployment
	users  []evidence.User
	people []remembered
	token  string // API token of the administrator; a secret
}

// remembered is one person and what they reached.
type remembered struct {
	who     deployment.AuthentikUser
	reached evidence.Session
	cookies []*http.Cookie // of the session; secrets
}

func (m *memory) remember(ctx context.Context, p *check.Pass) error {
	m.bundle, m.people = p.Bundle, nil // also after a first try
	for _, visit := range []struct {
		role string
		come func(*walk, context.Context, deployment.AuthentikUser) (*evidence.Session, error)
	}{{upgradeNew, (*walk).enter}, {upgradeLinked, (*walk).link}} {
		who, ok := p.Bundle.SSOUser(visit.role)
		if !ok {
			return fmt.Errorf("nobody has the role %s", visit.role)
		}
		if err := p.Session.ClearCookies(ctx); err != nil {
			return err
		}
		s, err := visit.come(newWalk(p), ctx, who)
		if errors.Is(err, check.ErrSkip) {
			note(p, "%s does not take part: %s", who.Username, err)
			continue
		}
		if err != nil {
			return err
		}
		cookies, err := p.Session.CookiesFor(ctx, at(p, "/"))
		if err != nil {
			return fmt.Errorf("read the browser's cookies: %w", err)
		}
		m.people = append(m.people, remembered{who: who, reached: *s, cookies: cookies})
	}
	var err error
	if m.token, err = apiToken(ctx, p); err != nil {
		return err
	}
	if m.users, err = users(ctx, p); err != nil {
		return err
	}
	p.Record.Users = m.users
	if len(m.people) == 0 {
		return check.Warnf("nobody could get an account: after the upgrade only the accounts are compared")
	}
	return nil
}

// link signs in with the local account of the user, links authentik in My
// Profile, and signs in once more through it.
func (w *walk) link(ctx context.Context, who deployment.AuthentikUser) (*evidence.Session, error) {
	local, ok := w.p.Bundle.LocalUser(who.Role)
	if !ok {
		return nil, check.Skipf("there is no local account to link")
	}
	if w.p.Bundle.Paperless.On(deployment.DisableRegularLogin) {
		return nil, check.Skipf("nobody can sign in locally to link while %s is on", deployment.DisableRegularLogin)
	}
	if err := w.local(ctx, local); err != nil {
		return nil, err
	}
	if err := w.connect(ctx); err != nil {
		return nil, err
	}
	e, err := w.authenticate(ctx, who)
	if err != nil {
		return nil, err
	}
	if e.place != atApp {
		return nil, check.Unmetf("connecting authentik in My Profile: %s", e)
	}
	if _, err := w.signOut(ctx); err != nil {
		return nil, err
	}
	s, err := w.enter(ctx, who)
	if err != nil {
		return nil, err
	}
	if !sameEmail(s.Email, local.Email) {
		return nil, check.Unmetf("%s linked authentik, but signing in with it reaches %s", local.Username, or(s.Email, "an account without an e-mail address"))
	}
	return s, nil
}

// apiToken is the administrator's API token, or "" when there is none to be had.
func apiToken(ctx context.Context, p *check.Pass) (string, error) {
	admin, ok := p.Bundle.LocalUser("admin")
	if !ok {
		return "", nil
	}
	c, err := p.Target.Client()
	if err != nil {
		return "", err
	}
	r, err := target.NewRequest(ctx, http.MethodPost, at(p, ""), paperless.TokenPath, url.Values{"username": {admin.Username}, "password": {admin.Password}})
	if err != nil {
		return "", err
	}
	var got struct {
		Token string `json:"token"`
	}
	status, err := api(ctx, c, r, &got)
	if err != nil {
		return "", err
	}
	if got.Token != "" && p.Target.Redactor != nil {
		p.Target.Redactor.Add(got.Token)
	}
	probed(p, "API token of the administrator", r.Method, r.URL.String(), status, "")
	return got.Token, nil
}

// known says why there is nothing to compare with, or nil.
func (m *memory) known() error {
	if m.bundle == nil {
		return check.Skipf("nobody signed in before the upgrade")
	}
	return nil
}

func (m *memory) accounts(ctx context.Context, p *check.Pass) error {
	if err := m.known(); err != nil {
		return err
	}
	if m.users == nil {
		return check.Skipf("no administrator is known to list the accounts")
	}
	p.Record.Before = m.users
	var err error
	if p.Record.Users, err = users(ctx, p); err != nil {
		return err
	}
	if p.Record.Users == nil {
		return check.Unmetf("the administrator could list the accounts before the upgrade, and cannot any more")
	}
	var odd []string
	for _, was := range m.users {
		i := slices.IndexFunc(p.Record.Users, func(u evidence.User) bool { return u.ID == was.ID })
		if i < 0 {
			odd = append(odd, fmt.Sprintf("%s (id %d) is gone", was.Username, was.ID))
			continue
		}
		if change := changed(was, p.Record.Users[i]); change != "" {
			odd = append(odd, was.Username+": "+change)
		}
	}
	for _, u := range fresh(m.users, p.Record.Users) {
		odd = append(odd, u.Username+" was not there before")
	}
	if len(odd) > 0 {
		return check.Unmetf("the accounts are not those of before: %s", strings.Join(odd, "; "))
	}
	return nil
}

// changed says what is different about an account, or "".
func changed(was, is evidence.User) string {
	groups := func(u evidence.User) string {
		return or(strings.Join(slices.Sorted(slices.Values(u.Groups)), ", "), "none")
	}
	for _, field := range []struct{ name, was, is string }{
		{"user name", was.Username, is.Username},
		{"e-mail address", or(was.Email, "none"), or(is.Email, "none")},
		{"active", strconv.FormatBool(was.Active), strconv.FormatBool(is.Active)},
		{"superuser", strconv.FormatBool(was.Superuser), strconv.FormatBool(is.Superuser)},
		{"groups", groups(was), groups(is)},
	} {
		if field.was != field.is {
			return fmt.Sprintf("%s %s, before %s", field.name, field.is, field.was)
		}
	}
	return ""
}

func (m *memory) signIn(ctx context.Context, p *check.Pass) error {
	if err := m.known(); err != nil {
		return err
	}
	if len(m.people) == 0 {
		return check.Skipf("nobody could get an account before the upgrade")
	}
	if err := before(ctx, p); err != nil {
		return err
	}
	for _, was := range m.people {
		if err := p.Session.ClearCookies(ctx); err != nil {
			return err
		}
		if err := m.again(ctx, newWalk(p), was); err != nil {
			return err
		}
	}
	added, known, err := after(ctx, p)
	if err != nil {
		return err
	}
	if known && len(added) > 0 {
		return check.Unmetf("signing in again made new accounts: %s", names(added))
	}
	return nil
}

// again signs somebody in and compares what they reach with what they reached.
func (m *memory) again(ctx context.Context, w *walk, was remembered) error {
	who, _ := w.p.Bundle.SSOUser(was.who.Role)
	app, _ := m.bundle.Paperless.App()
	linked := &evidence.Linked{Who: who.Username, ProviderID: app.ProviderID}
	if idp := m.bundle.IdPProvider(); idp != nil {
		linked.SubMode = idp.SubMode
	}
	w.p.Record.Was = linked
	e, err := w.viaButton(ctx, who)
	if err != nil {
		return err
	}
	if e.place != atApp {
		linked.Still = stillLinked(ctx, w.p, was)
	}
	// A user of before must never see a form on the new versions.
	if e.place == atSignup {
		return check.Unmetf("%s had an account before the upgrade, and now Paperless asks to make one", who.Username)
	}
	if e.place != atApp {
		return check.Unmetf("%s: %s", who.Username, e)
	}
	is, err := w.proven(ctx)
	if err != nil {
		return err
	}
	links := func(s evidence.Session) string {
		return or(strings.Join(slices.Sorted(slices.Values(s.Social)), ", "), "none")
	}
	switch {
	case !strings.EqualFold(is.Email, was.reached.Email):
		return check.Unmetf("%s reaches the account of %s, before the upgrade that of %s", who.Username, or(is.Email, "somebody without an e-mail address"), or(was.reached.Email, "somebody without an e-mail address"))
	case is.Username != "" && was.reached.Username != "" && is.Username != was.reached.Username:
		return check.Unmetf("%s reaches the account %s, before the upgrade %s", who.Username, is.Username, was.reached.Username)
	case len(is.Social) != len(was.reached.Social):
		return check.Unmetf("the account of %s has other links than before the upgrade: %s, before %s", who.Username, links(*is), links(was.reached))
	case is.UISettings != was.reached.UISettings && is.UISettings >= 400:
		return check.Unmetf("%s has lost rights: /api/ui_settings/ answers %d, before the upgrade %d", who.Username, is.UISettings, was.reached.UISettings)
	}
	return nil
}

// stillLinked asks with the session of before whether the account has its link;
// nil when that session tells nothing any more.
func stillLinked(ctx context.Context, p *check.Pass, was remembered) *bool {
	c, err := clientWith(p, was.cookies)
	if err != nil {
		return nil
	}
	s, err := whoIs(ctx, p, c)
	if err != nil || !s.SignedIn() {
		return nil
	}
	return new(len(s.Social) > 0)
}

const secretKey = "PAPERLESS_SECRET_KEY"

func (m *memory) sessions(ctx context.Context, p *check.Pass) error {
	if err := m.known(); err != nil {
		return err
	}
	// The session data is signed with the key: another key ends every session.
	// The default of before 3.0.0 is not ours to know.
	old, _ := m.bundle.Paperless.Value(secretKey)
	now, _ := p.Bundle.Paperless.Value(secretKey)
	kept := old == now && old != ""
	for _, was := range m.people {
		c, err := clientWith(p, was.cookies)
		if err != nil {
			return err
		}
		s, err := whoIs(ctx, p, c)
		if err != nil {
			return err
		}
		probed(p, "session of before the upgrade of "+was.who.Username, http.MethodGet, at(p, paperless.ProfilePath), s.Profile, "")
		switch {
		case s.SignedIn() && !strings.EqualFold(s.Email, was.reached.Email):
			return check.Unmetf("the session of %s from before the upgrade is now that of %s", was.who.Username, s.Email)
		case !s.SignedIn() && kept:
			return check.Unmetf("the session of %s from before the upgrade is dead (/api/profile/ answers %d), though the secret key is the same", was.who.Username, s.Profile)
		case !s.SignedIn():
			note(p, "the secret key of before is not known to be that of now: %s has to sign in again", was.who.Username)
		}
	}
	if m.token == "" {
		return nil
	}
	if p.Target.Redactor != nil {
		p.Target.Redactor.Add(m.token)
	}
	c, err := p.Target.Client()
	if err != nil {
		return err
	}
	r, err := target.NewRequest(ctx, http.MethodGet, at(p, ""), paperless.ProfilePath, nil)
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Token "+m.token)
	status, err := api(ctx, c, r, nil)
	if err != nil {
		return err
	}
	probed(p, "API token of before the upgrade", r.Method, r.URL.String(), status, "")
	if status != http.StatusOK {
		return check.Unmetf("an API token of before the upgrade does not work any more: /api/profile/ answers %d", status)
	}
	return nil
}

// settings compares how the two versions read the configuration.
func (m *memory) settings(_ context.Context, p *check.Pass) error {
	if m.bundle == nil {
		return check.Skipf("nothing ran before the upgrade")
	}
	key := func(problem deployment.Problem) string {
		return problem.Code + " " + problem.Setting + " " + problem.Seen
	}
	had := map[string]bool{}
	for _, problem := range source.Problems(m.bundle) {
		had[key(problem)] = true
	}
	var lost, gained []string
	for _, problem := range source.Problems(p.Bundle) {
		if !had[key(problem)] {
			lost = append(lost, problem.Setting+": "+problem.Seen)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(p.Bundle.Paperless.Env)) {
		if deployment.Introduced(name) == "" {
			continue
		}
		switch was, is := m.bundle.Paperless.On(name), p.Bundle.Paperless.On(name); {
		case was && !is:
			lost = append(lost, name+" was on, is now off")
		case !was && is:
			gained = append(gained, name)
		}
	}
	switch {
	case len(lost) > 0:
		return check.Unmetf("settings lose their meaning with the upgrade: %s", strings.Join(lost, "; "))
	case len(gained) > 0:
		return check.Warnf("settings that the old version did not read begin to work: %s", strings.Join(gained, ", "))
	}
	return nil
}
