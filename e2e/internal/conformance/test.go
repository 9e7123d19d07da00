// Package conformance tests Paperless-ngx as a relying party of OpenID Connect
// against a provider that breaks the rules. A test is data: what the provider does,
// what a conforming relying party does, and the clause that says so. A family has a
// file of its own.
package conformance

import (
	"context"
	"slices"
	"sync"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/conformance/provider"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
)

// A Family is what the tests of one file are about.
type Family string

// The families, in the order of a report.
const (
	State         Family = "state"
	Callback      Family = "callback"
	IDToken       Family = "id_token"
	Userinfo      Family = "userinfo"
	Account       Family = "account"
	TokenEndpoint Family = "token_endpoint"
	Discovery     Family = "discovery"
	MixUp         Family = "mix_up"
	PKCE          Family = "pkce"
	Redirects     Family = "redirects"
	Session       Family = "session"
	Linking       Family = "linking"
	TokenSignIn   Family = "token_sign_in"
)

// A Should is what a conforming relying party does.
type Should string

// What a conforming relying party does.
const (
	Refuse Should = "refuses the sign-in"
	Accept Should = "signs the user in"
	Either Should = "is free to sign the user in or to refuse, without a crash"
	Apart  Should = "signs the user in to an account of its own, nobody else's"
)

// A Test is one literal: what the provider does, and what that tells of the relying
// party.
type Test struct {
	ID       string // "rp-…"; never reused
	Title    string // true when green
	Family   Family
	Clause   string // of the standard
	Module   string // of the OpenID Foundation's plan for relying parties; empty: none
	Row      string // of fixtures/hostile.json
	Provider string // what the provider does: "the provider …"
	Should   Should // empty: as Title says
	Severity check.Severity
	Means    string // what a deviation means
	// Matters says under which setting a deviation matters, where the test brings the
	// setting along in an app of its own; nil: always.
	Matters *Setting
	// Depends is the setting without which there is no deviation; nil: none.
	Depends *Setting
	// Needs is the setting without which there is nothing to test; nil: none.
	Needs *Setting
	// Remedy is the code of the item that says what to set; empty: no setting helps.
	Remedy string
	App    App    // which app of the configuration is used; empty: its own
	Also   []App  // further ones that it needs
	Since  string // version of Paperless-ngx that has what is tested; empty: all
	// Slow is set where the relying party waits for an answer: such a test has an
	// app of its own, and runs beside the others.
	Slow bool

	Script provider.Script
	Person provider.Change // of the claims of the user who signs in
	// Run does something else than to sign in once.
	Run func(context.Context, *Visit) error
	// Judge is the verdict where Should does not tell it.
	Judge func(*Seen) check.Verdict
}

// A Setting is a condition on the configuration under test.
type Setting struct {
	Name string // "with email_authentication"
	Has  func(*deployment.Deployment) bool
}

// Suite is the name of these tests where several suites can be run.
const Suite = "conformance"

// SignIn is the id of the test in which the provider does everything right. Where
// nobody can sign in every refusal is worth nothing, so it is part of every run.
const SignIn = "rp-callback-right"

// All are the tests, in the order of their families.
func All() []*Test { return slices.Clone(all()) }

var all = sync.OnceValue(func() []*Test {
	return slices.Concat(
		stateTests(), callbackTests(), idTokenTests(), subjectTests(), userinfoTests(), accountTests(), groupTests(), tokenTests(), clientTests(),
		discoveryTests(), transportTests(), mixUpTests(), pkceTests(), redirectTests(), sessionTests(), linkingTests(), tokenSignInTests(),
	)
})

// Find is the test of an id; nil: there is none.
func Find(id string) *Test {
	all := All()
	if i := slices.IndexFunc(all, func(t *Test) bool { return t.ID == id }); i >= 0 {
		return all[i]
	}
	return nil
}

// verdict compares what was seen with what a conforming relying party does.
func (t *Test) verdict(s *Seen) check.Verdict {
	if s.Outcome == Crashed {
		if t.Should == Accept || t.Should == Apart {
			return check.Stricter
		}
		return check.Crash
	}
	if t.Judge != nil {
		return t.Judge(s)
	}
	in := s.Outcome != Refused
	switch {
	case t.Should == Refuse && in, t.Should == Apart && s.Shared != "":
		return check.Weaker
	case (t.Should == Accept || t.Should == Apart) && !in:
		return check.Stricter
	}
	return check.Conforming
}

// severity is how much a deviation matters for a configuration, and why so little
// where it does not.
func (t *Test) severity(b *deployment.Deployment) (check.Severity, string) {
	if t.Matters == nil || t.Matters.Has(b) {
		return t.Severity, t.Means
	}
	return check.None, "this configuration is not concerned: it matters " + t.Matters.Name + "; " + t.Means
}

// as gives tests their family.
func as(f Family, tests []Test) []*Test {
	var out []*Test
	for i := range tests {
		tests[i].Family = f
		out = append(out, &tests[i])
	}
	return out
}
