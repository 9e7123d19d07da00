package conformance

import (
	"context"
	"slices"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/conformance/provider"
)

// accountTests are about the claims that an account is made of, and about the local
// accounts that must not be taken over by them.
func accountTests() []*Test {
	const (
		core, email, name = "OIDC Core 5.1", "OIDC Core 5.7", "OIDC Core 5.7; RFC 8265"
		crashed           = "a server error stands in for the sign-in"
		taken             = "whoever chooses the claim at the provider takes over the local account"
	)
	set := provider.Set
	return as(Account, []Test{
		{
			ID: "rp-email_verified-string-true", Row: "5.20", Clause: core, Should: Refuse, Severity: check.Medium, Means: crashed + "; the second try works", Remedy: "UI-EVSTRING",
			Title: "An email_verified that is a string makes no crash", Provider: `sends "true" as a string in email_verified`, Person: set("email_verified", "true"), Needs: signsUp,
		},
		{
			ID: "rp-email_verified-string-again", Row: "5.21", Clause: core, Should: Either, Severity: check.Low, Means: crashed,
			Title: "The second sign-in with such a claim makes no crash", Provider: `sends "true" as a string in email_verified, twice`, Person: set("email_verified", "true"), Run: twice,
		},
		{
			ID: "rp-email_verified-string-false", Row: "5.22", Clause: core, Should: Refuse, Severity: check.Medium, Means: crashed + "; the second try works", Remedy: "UI-EVSTRING",
			Title: `An email_verified of "false" makes no crash`, Provider: `sends "false" as a string in email_verified`, Person: set("email_verified", "false"), Needs: signsUp,
		},
		{
			ID: "rp-email_verified-number", Row: "5.23", Clause: core, Should: Either, Severity: check.Low, Means: crashed,
			Title: "An email_verified of 1 makes no crash", Provider: "sends 1 in email_verified", Person: set("email_verified", 1),
		},
		{
			ID: "rp-email_verified-null", Row: "5.24", Clause: core, Should: Refuse, Severity: check.Medium, Means: crashed + ", and an account without an owner is left behind", Remedy: "UI-EVSTRING",
			Title: "An email_verified of null makes no crash", Provider: "sends null in email_verified", Person: set("email_verified", nil), Needs: signsUp,
		},
		{
			ID: "rp-email_verified-missing", Row: "5.25", Clause: core, Should: Either, Severity: check.Low, Means: crashed,
			Title: "A user without email_verified makes no crash", Provider: "leaves email_verified out", Person: provider.Drop("email_verified"),
		},
		{
			ID: "rp-email-missing", Row: "5.26", Clause: core, Should: Accept, Severity: check.Medium, Means: "users without an address cannot sign in",
			Title: "A user without an address is signed in", Provider: "leaves email out", Person: provider.Drop("email"),
		},
		{
			ID: "rp-email-number", Row: "5.27", Clause: core, Should: Either, Severity: check.Low, Means: crashed,
			Title: "An email that is a number makes no crash", Provider: "sends a number as email", Person: set("email", 7),
		},
		{
			ID: "rp-email-list", Row: "5.28", Clause: core, Should: Either, Severity: check.Low, Means: crashed,
			Title: "An email that is a list makes no crash", Provider: "sends a list as email", Person: set("email", []any{"email-list@" + domain}),
		},
		{
			ID: "rp-email-no-address", Row: "5.29", Clause: core, Should: Either, Severity: check.Low, Means: crashed,
			Title: "An email that is no address makes no crash", Provider: "sends a word as email", Person: set("email", "not an address"),
		},
		{
			ID: "rp-email-long", Row: "5.30", Clause: "RFC 5321 4.5.3.1", Should: Either, Severity: check.Low, Means: crashed,
			Title: "An address of 400 characters makes no crash", Provider: "sends an address of 400 characters", Person: set("email", strings.Repeat("l", 380)+"@"+domain),
		},
		{
			ID: "rp-email-of-local-unverified", Row: "5.31", Clause: email, Severity: check.High, Means: taken,
			Title: "An unverified address of a local user does not sign in as that user", Provider: "sends the address of a local user, not verified",
			Person: provider.All(set("email", local(1).Email), set("email_verified", false)), Judge: notAs(local(1).Username),
		},
		{
			ID: "rp-email-of-local", Row: "5.32", Clause: email, Severity: check.High, Means: taken, Remedy: "SEC-EMAILAUTH", Depends: byMail,
			Title: "The address of a local user does not sign in as that user", Provider: "sends the address of a local user, verified",
			Person: set("email", local(2).Email), Judge: notAs(local(2).Username),
		},
		{
			ID: "rp-email-of-local-case", Row: "5.33", Clause: email, Severity: check.High, Means: taken, Remedy: "SEC-EMAILAUTH", Depends: byMail,
			Title: "Nor does the address in other case", Provider: "sends the address of a local user in capitals",
			Person: set("email", strings.ToUpper(local(3).Email)), Judge: notAs(local(3).Username),
		},
		{
			ID: "rp-email_authentication-unverified", Row: "5.34", Clause: email, App: WithMail, Severity: check.High, Matters: byMail, Means: taken, Remedy: "SEC-EMAILAUTH",
			Title: "With email_authentication an unverified address does not sign in as the local user", Provider: "sends the address of a local user, not verified",
			Person: provider.All(set("email", local(4).Email), set("email_verified", false)), Judge: notAs(local(4).Username),
		},
		{
			ID: "rp-email_authentication-password", Row: "5.35", Clause: email, App: WithMail, Severity: check.Medium, Matters: byMail, Means: "the first sign-in by address removes the local password", Remedy: "SEC-EMAILAUTH",
			Title: "With email_authentication the local password survives", Provider: "sends the address of a local user, verified",
			Person: set("email", local(5).Email), Run: password(5), Judge: fact("local password", "removed"),
		},
		{
			ID: "rp-email_authentication-superuser", Row: "5.36", Clause: email, App: WithMail, Severity: check.Medium, Matters: byMail, Means: "superusers are not spared", Remedy: "SEC-EMAILAUTH",
			Title: "With email_authentication superusers are spared", Provider: "sends the address of a superuser, verified",
			Person: set("email", local(6).Email), Judge: notAs(local(6).Username),
		},
		{
			ID: "rp-email_authentication-string-false", Row: "5.37", Clause: email, App: WithMail, Severity: check.High, Matters: byMail, Means: `the string "false" counts as verified: ` + taken, Remedy: "SEC-EMAILAUTH",
			Title: `With email_authentication the string "false" does not count as verified`, Provider: `sends the address of a local user and "false" as a string`,
			Person: provider.All(set("email", local(7).Email), set("email_verified", "false")), Judge: notAs(local(7).Username),
		},
		{
			ID: "rp-verified_email-unverified", Row: "5.38", Clause: email, App: WithVerified, Severity: check.High, Matters: trusts, Means: taken, Remedy: "SEC-EMAILAUTH",
			Title: "With verified_email an unverified address does not sign in as the local user", Provider: "sends the address of a local user, not verified",
			Person: provider.All(set("email", local(8).Email), set("email_verified", false)), Judge: notAs(local(8).Username),
		},
		{
			ID: "rp-email_authentication-case", Row: "5.39", Clause: email, App: WithMail, Should: Either, Severity: check.Low, Matters: byMail, Means: crashed,
			Title: "With email_authentication an address in other case makes no crash", Provider: "sends the address of a local user in capitals",
			Person: set("email", strings.ToUpper(local(9).Email)),
		},
		{
			ID: "rp-email-stored-with-capitals", Row: "5.55", Clause: email, Severity: check.Low, Means: "a second account with the same address comes to exist unnoticed", Needs: signsUp,
			Title: "An address that is stored with capitals is recognized", Provider: "sends the address of a local user, who is stored with capitals",
			Person: set("email", strings.ToLower(local(10).Email)), Judge: func(s *Seen) check.Verdict {
				if s.Outcome == SignedIn && s.As != local(10).Username {
					return check.Weaker
				}
				return check.Conforming
			},
		},
		{
			ID: "rp-email_authentication-stored-with-capitals", Row: "5.56", Clause: email, App: WithMail, Should: Either, Severity: check.Low, Matters: byMail, Means: crashed,
			Title: "With email_authentication such an address makes no crash", Provider: "sends the address of a local user, who is stored with capitals",
			Person: set("email", strings.ToLower(local(10).Email)),
		},
		{
			ID: "rp-name-of-admin", Row: "5.40", Clause: name, Severity: check.High, Means: taken,
			Title: "The user name of a local user is no key", Provider: "sends the user name of a local superuser",
			Person: set("preferred_username", local(6).Username), Judge: notAs(local(6).Username),
		},
		{
			ID: "rp-name-of-admin-case", Row: "5.41", Clause: name, Severity: check.High, Means: taken,
			Title: "The user name of a local user in capitals is no key", Provider: "sends the user name of a local superuser in capitals",
			Person: set("preferred_username", strings.ToUpper(local(6).Username)), Judge: notAs(local(6).Username),
		},
		{
			ID: "rp-name-full-width", Row: "5.42", Clause: name, Severity: check.Low, Means: "an account that looks like the administrator's comes to exist", Needs: signsUp,
			Title: "A name in full-width letters is not stored as it is", Provider: "sends admin in full-width letters",
			Person: set("preferred_username", "ａｄｍｉｎ"), Judge: named("ａｄｍｉｎ"),
		},
		{
			ID: "rp-name-cyrillic", Row: "5.43", Clause: name, Severity: check.Low, Means: "an account that looks like the administrator's comes to exist", Needs: signsUp,
			Title: "A name with a Cyrillic letter is not stored as it is", Provider: "sends admin with a Cyrillic а",
			Person: set("preferred_username", "аdmin"), Judge: named("аdmin"),
		},
		{
			ID: "rp-name-system-user", Row: "5.44", Clause: name, Severity: check.Medium, Means: "the account is in no list of users that an administrator sees", Needs: signsUp,
			Title: "The name of a system user is not given out", Provider: "sends the name of a system user of Paperless-ngx",
			Person: set("preferred_username", "consumer"), Judge: named("consumer"),
		},
		{
			ID: "rp-name-anonymous", Row: "5.57", Clause: name, Severity: check.Medium, Means: "the account of anonymous visitors has an owner", Needs: signsUp,
			Title: "The name AnonymousUser is not given out", Provider: "sends AnonymousUser as user name",
			Person: set("preferred_username", "AnonymousUser"), Judge: named("AnonymousUser"),
		},
		{
			ID: "rp-name-missing", Row: "5.45", Clause: core, Should: Accept, Severity: check.Medium, Means: "users without a name cannot sign in",
			Title: "A user without preferred_username is signed in", Provider: "leaves preferred_username out", Person: provider.Drop("preferred_username"),
		},
		{
			ID: "rp-name-markup", Row: "5.46", Clause: core, Severity: check.Medium, Means: "markup comes into a user name", Needs: signsUp,
			Title: "A name with spaces and markup is not stored as it is", Provider: "sends a name with spaces and markup",
			Person: set("preferred_username", "a b <i>c</i>"), Judge: named("a b <i>c</i>"),
		},
		{
			ID: "rp-name-long", Row: "5.47", Clause: core, Should: Either, Severity: check.Low, Means: crashed,
			Title: "A name of 200 characters makes no crash", Provider: "sends a name of 200 characters", Person: set("preferred_username", strings.Repeat("n", 200)),
		},
		{
			ID: "rp-name-number", Row: "5.48", Clause: core, Should: Refuse, Severity: check.Low, Means: crashed,
			Title: "A name that is a number makes no crash", Provider: "sends a number as preferred_username", Person: set("preferred_username", 5), Needs: signsUp,
		},
		{
			ID: "rp-name-list", Row: "5.49", Clause: core, Should: Either, Severity: check.Low, Means: crashed,
			Title: "A name that is a list makes no crash", Provider: "sends a list as preferred_username", Person: set("preferred_username", []any{"name-list"}),
		},
		{
			ID: "rp-name-null-byte", Row: "5.50", Clause: core, Should: Either, Severity: check.Low, Means: crashed,
			Title: "A name with a null byte makes no crash", Provider: "sends a name with a null byte", Person: set("preferred_username", "null\x00byte"),
		},
		{
			ID: "rp-given_name-long", Row: "5.51", Clause: core, Should: Accept, Severity: check.Low, Means: "users with long names cannot sign in",
			Title: "A given name of 400 characters is accepted", Provider: "sends a given name of 400 characters", Person: set("given_name", strings.Repeat("g", 400)),
		},
		{
			ID: "rp-given_name-markup", Row: "5.52", Clause: core, Should: Either, Severity: check.Low, Means: crashed,
			Title: "Markup in names makes no crash", Provider: "sends markup in given_name and name", Person: provider.All(set("given_name", "<i>x</i>"), set("name", "<i>x</i> y")),
		},
		{
			ID: "rp-uid_field-name", Row: "5.53", Clause: email, App: WithUIDField, Should: Accept, Severity: check.Low, Matters: byName, Means: "nobody can sign in with uid_field",
			Title: "With uid_field preferred_username a user is signed in", Provider: "does everything right",
		},
		{
			ID: "rp-uid_field-name-taken", Row: "5.54", Clause: email, App: WithUIDField, Should: Apart, Severity: check.High, Matters: byName, Means: "whoever gets a name at the provider gets the account",
			Title: "With uid_field preferred_username a name that changes hands is not the old account", Provider: "sends the preferred_username of another user",
			Run: after(set("preferred_username", "uid-field-name")), Person: set("preferred_username", "uid-field-name"),
		},
	})
}

// named judges by the user name: weaker where the account has just that name.
func named(name string) func(*Seen) check.Verdict { return notAs(name) }

// twice signs the same person in twice, and looks after the second time only.
func twice(ctx context.Context, v *Visit) error {
	if err := once(ctx, v); err != nil {
		return err
	}
	return once(ctx, v)
}

// password signs in and tries the password of a local user afterwards.
func password(n int) func(context.Context, *Visit) error {
	return func(ctx context.Context, v *Visit) error {
		if err := once(ctx, v); err != nil {
			return err
		}
		ok, err := v.tryPassword(ctx, local(n))
		v.Fact("local password", "removed")
		if ok {
			v.Fact("local password", "still there")
		}
		return err
	}
}

// groupTests are about the claim that the groups of an account are taken from.
func groupTests() []*Test {
	const clause = "Paperless-ngx: PAPERLESS_SOCIAL_ACCOUNT_SYNC_GROUPS"
	const crashed = "a server error stands in for the sign-in while the claim has that form"
	groups := func(v any) provider.Change { return provider.Set("groups", v) }
	return as(Account, []Test{
		{
			ID: "rp-groups-list", Row: "5.60", Clause: clause, Needs: syncsGroups, Severity: check.Medium, Means: "groups differ from those of the provider",
			Title: "Groups are those of the claim that exist", Provider: "sends two names that exist and one that does not", Person: groups([]any{groupNamed, "a", "no-such-group"}),
			Run: member, Judge: groupsAre("a", groupNamed),
		},
		{
			ID: "rp-groups-absent", Row: "5.61", Clause: clause, Needs: syncsGroups, Severity: check.Medium, Means: "groups differ from those of the provider",
			Title: "Without the claim no groups stay", Provider: "leaves the groups claim out", Person: provider.Drop("groups"), Run: member, Judge: groupsAre(),
		},
		{
			ID: "rp-groups-string", Row: "5.62", Clause: clause, Needs: syncsGroups, Severity: check.Medium, Means: "the string is split into letters, and groups named by one letter are given",
			Title: "A groups claim that is a string gives no other group", Provider: "sends the groups claim as one string", Person: groups(groupNamed), Run: member, Judge: groupsAre(groupNamed),
		},
		{
			ID: "rp-groups-empty", Row: "5.63", Clause: clause, Needs: syncsGroups, Severity: check.Medium, Means: "groups differ from those of the provider",
			Title: "An empty list takes the groups away", Provider: "sends an empty list", Person: groups([]any{}), Run: member, Judge: groupsAre(),
		},
		{
			ID: "rp-groups-objects", Row: "5.64", Clause: clause, Needs: syncsGroups, Severity: check.Medium, Means: "groups differ from those of the provider",
			Title: "A list of objects gives no groups", Provider: "sends a list of objects", Person: groups([]any{map[string]any{"name": groupNamed}}), Run: member, Judge: groupsAre(),
		},
		{
			ID: "rp-groups-number", Row: "5.65", Clause: clause, Needs: syncsGroups, Should: Refuse, Severity: check.Low, Means: crashed,
			Title: "A groups claim that is a number makes no crash", Provider: "sends a number as groups claim", Person: groups(5), Run: member, Judge: groupsAre(),
		},
		{
			ID: "rp-groups-object", Row: "5.66", Clause: clause, Needs: syncsGroups, Severity: check.Low, Means: "the keys of an object count as names of groups",
			Title: "A groups claim that is an object gives no groups", Provider: "sends an object with a group as key", Person: groups(map[string]any{groupNamed: true}), Run: member, Judge: groupsAre(),
		},
		{
			ID: "rp-groups-null", Row: "5.67", Clause: clause, Needs: syncsGroups, Severity: check.Low, Means: "groups differ from those of the provider",
			Title: "A groups claim of null gives no groups", Provider: "sends null as groups claim", Person: groups(nil), Run: member, Judge: groupsAre(),
		},
		{
			ID: "rp-groups-many", Row: "5.68", Clause: clause, Needs: syncsGroups, Severity: check.Low, Means: "users with many groups cannot sign in",
			Title: "Three thousand groups are no trouble", Provider: "sends 3000 names", Person: groups(many()), Run: member, Judge: groupsAre(groupNamed),
		},
		{
			ID: "rp-groups-case", Row: "5.69", Clause: clause, Needs: syncsGroups, Severity: check.Low, Means: "groups differ from those of the provider",
			Title: "Names of groups count with their case", Provider: "sends the name of a group in capitals", Person: groups([]any{strings.ToUpper(groupNamed)}), Run: member, Judge: groupsAre(),
		},
	})
}

func many() []any {
	out := []any{groupNamed}
	for range 3000 {
		out = append(out, "no-such-group")
	}
	return out
}

// member signs somebody in who has two groups, then again with the claim of the test.
func member(ctx context.Context, v *Visit) error {
	v.Play.As(v.Person("", provider.Set("groups", []any{groupNamed, "a"})))
	if err := once(ctx, v); err != nil {
		return err
	}
	v.Play.As(v.Person("", v.Test.Person))
	if err := once(ctx, v); err != nil || v.Seen.Outcome != SignedIn {
		return err
	}
	groups, err := v.groups(ctx, v.Seen.Email)
	slices.Sort(groups)
	v.Fact("groups", strings.Join(groups, " "))
	return err
}

// groupsAre judges by the groups of the account.
func groupsAre(want ...string) func(*Seen) check.Verdict {
	slices.Sort(want)
	return func(s *Seen) check.Verdict {
		have := s.Says("groups")
		switch {
		case have == strings.Join(want, " "):
			return check.Conforming
		case have == "":
			return check.Stricter
		}
		return check.Weaker
	}
}
