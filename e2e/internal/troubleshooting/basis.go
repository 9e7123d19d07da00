package troubleshooting

import (
	"fmt"
	"strings"
)

// A Basis is how we know that a cause shows as its item says, from the best
// evidence down: what it rests on, and where that stands.
type Basis struct {
	Kind BasisKind
	// Sources are what is cited, as paths from the root of the repository with the
	// place in the file: fixtures/observed.json#30-wrong-secret. TestBasis looks them
	// up. Empty only where we have the model alone.
	Sources []string
}

// BasisKind is what a Basis is. The zero value is no basis at all, which no item has.
type BasisKind int

// The kinds, the best first.
const (
	// ObservedPair was recorded with both real products.
	ObservedPair BasisKind = iota + 1
	// ObservedAlone was recorded with one real product: Paperless-ngx with a scripted
	// provider, or authentik with a client that is not Paperless-ngx.
	ObservedAlone
	// ReadInSource stands in the source of a product, or in parts of it that were run.
	ReadInSource
	// Reported was written by somebody whom it happened to, or by who maintains the product.
	Reported
	// Modelled is an assumption of ours: the lab does it, and no fact says so.
	Modelled
)

// BasisKinds are all of them, the best first.
func BasisKinds() []BasisKind {
	return []BasisKind{ObservedPair, ObservedAlone, ReadInSource, Reported, Modelled}
}

func (k BasisKind) String() string {
	switch k {
	case ObservedPair:
		return "observed on the real pair"
	case ObservedAlone:
		return "observed on one of the real products"
	case ReadInSource:
		return "read in source"
	case Reported:
		return "reported"
	case Modelled:
		return "modelled only"
	}
	return fmt.Sprintf("basis %d", int(k))
}

func (b Basis) String() string {
	if len(b.Sources) == 0 {
		return b.Kind.String()
	}
	return b.Kind.String() + ": " + strings.Join(b.Sources, ", ")
}

// The files that are cited most.
const (
	pairFacts      = "fixtures/observed.json#"
	settingFacts   = "fixtures/paperless-settings.json#"
	hostileFacts   = "docs/facts/hostile.json#"
	paperlessFacts = "docs/facts/paperless.md#"
	authentikFacts = "docs/facts/authentik.md#"
	reports        = "docs/facts/failures.md#"
)

// bases is what the items rest on, by code. It stands here for all of them, so that
// it can be read beside the facts.
var bases = map[string]Basis{
	"NET-CERT": on(Modelled),
	"NET-DOWN": on(Modelled),

	"VER-OLD":       on(ReadInSource, paperlessFacts+"0"),
	"CFG-QUOTES":    on(ObservedAlone, paperlessFacts+"8"),
	"CFG-YAMLMAP":   on(ObservedAlone, paperlessFacts+"8", reports+"F5.37"),
	"CFG-JSON":      on(ObservedPair, pairFacts+"12-json-trailing-comma", pairFacts+"13-json-unbalanced", pairFacts+"14-json-single-quotes"),
	"CFG-PROXYJSON": on(ObservedAlone, paperlessFacts+"8"),
	"CFG-APPSPACE":  on(ObservedAlone, paperlessFacts+"2"),
	"CFG-MODULE":    on(ObservedPair, pairFacts+"16-apps-typo"),
	"CFG-SECRETKEY": on(ReadInSource, settingFacts+"H04"),
	"CFG-BOOL":      on(ObservedAlone, paperlessFacts+"2", settingFacts+"H05"),
	"CFG-URLSLASH":  on(ObservedAlone, paperlessFacts+"8"),
	"CFG-URLSCHEME": on(ObservedAlone, paperlessFacts+"8"),

	"REG-LOCKOUT":   on(ObservedPair, pairFacts+"53-both-noprovider"),
	"STALE":         on(Modelled),
	"CFG-APPS":      on(ObservedPair, pairFacts+"10-no-apps"),
	"CFG-FILE":      on(ReadInSource, paperlessFacts+"10"),
	"CFG-KEY":       on(ObservedPair, pairFacts+"49-provider-name-app-typo"),
	"CFG-NOAPP":     on(ObservedPair, pairFacts+"11-no-providers", pairFacts+"15-empty-apps-list"),
	"CFG-LIST":      on(ReadInSource, paperlessFacts+"2"),
	"CFG-PROVID":    on(ReadInSource, paperlessFacts+"3.1"),
	"CFG-DUP":       on(ReadInSource, paperlessFacts+"3.1"),
	"CFG-SERVERURL": on(ReadInSource, paperlessFacts+"3.1"),

	"PROXY-ALLOWED":  on(ReadInSource, settingFacts+"F20", paperlessFacts+"8"),
	"PROXY-CSRF":     on(ObservedPair, pairFacts+"45-noproxy-no-url", pairFacts+"46-noproxy-url-other"),
	"PROXY-IP":       on(ReadInSource, settingFacts+"H10", paperlessFacts+"8", reports+"F11.88"),
	"PROXY-IPHEADER": on(ReadInSource, settingFacts+"PAPERLESS_ALLAUTH_TRUSTED_CLIENT_IP_HEADER"),
	"PROXY-COOKIE":   on(Modelled),

	"NET-DNS":     on(ObservedPair, pairFacts+"32-dns"),
	"NET-REFUSED": on(ObservedPair, pairFacts+"34-conn-refused", hostileFacts+"7.22"),
	"NET-TIMEOUT": on(ObservedAlone, hostileFacts+"7.19", reports+"F4.19"),
	"NET-TLS":     on(ObservedAlone, hostileFacts+"7.24", reports+"F4.25"),
	"IDP-NOPROV":  on(Modelled),
	"IDP-SLUG":    on(ObservedPair, pairFacts+"25-wrong-slug"),
	"NET-404":     on(ObservedAlone, hostileFacts+"7.15", authentikFacts+"4.1"),
	"NET-HTML":    on(ObservedAlone, hostileFacts+"7.17"),

	"IDP-CLIENT":   on(ObservedPair, pairFacts+"31-wrong-client-id"),
	"IDP-GRANT":    on(ReadInSource, "docs/facts/releases-2026.md#M3", "docs/facts/releases-2026.md#1.4", authentikFacts+"0.1"),
	"IDP-DENIED":   on(ObservedPair, pairFacts+"60-denied-by-policy"),
	"IDP-INACTIVE": on(ObservedPair, pairFacts+"61-ak-inactive", "docs/facts/running-pair.md#authentik"),
	"IDP-PASSWORD": on(ObservedAlone, authentikFacts+"4.5"),

	"RED-EMPTY":        on(ObservedPair, pairFacts+"23-redirect-empty", authentikFacts+"2"),
	"RED-REGEX":        on(ReadInSource, authentikFacts+"2"),
	"PROXY-PROTO":      on(ObservedPair, pairFacts+"47-noproxy-proto-http"),
	"PROXY-HOST":       on(ObservedAlone, hostileFacts+"10.5", reports+"F1.3"),
	"PROXY-PORT":       on(ObservedAlone, hostileFacts+"10.5", reports+"F1.4"),
	"RED-ESCAPED":      on(Reported, reports+"F1.8", authentikFacts+"8"),
	"RED-SCHEME":       on(ObservedPair, pairFacts+"21-redirect-http"),
	"RED-HOST":         on(ReadInSource, authentikFacts+"2"),
	"RED-PORT":         on(ReadInSource, authentikFacts+"2"),
	"RED-PREFIX":       on(ReadInSource, authentikFacts+"2"),
	"RED-CASE":         on(ReadInSource, authentikFacts+"2"),
	"RED-PROVID":       on(ObservedPair, pairFacts+"24-provider-id-other"),
	"RED-SLASH":        on(ObservedPair, pairFacts+"20-redirect-no-slash"),
	"RED-PATH":         on(Reported, reports+"F1.7"),
	"RED-UNREGISTERED": on(ObservedPair, pairFacts+"20-redirect-no-slash", "docs/facts/running-pair.md#authentik"),

	"STATE-LOST":       on(ObservedAlone, hostileFacts+"2.5", reports+"F14"),
	"CFG-DOLLAR":       on(Reported, reports+"0.8"),
	"CFG-NEWLINE":      on(ReadInSource, reports+"F5.38"),
	"CFG-SECRETQUOTES": on(Modelled),
	"TOK-TYPO":         on(Reported, reports+"F2.11"),
	"TOK-SECRET":       on(ObservedPair, pairFacts+"30-wrong-secret"),
	"TOK-METHOD":       on(Reported, reports+"F2.12", reports+"F2.13"),
	"TOK-CODE":         on(ObservedAlone, hostileFacts+"6.1", authentikFacts+"4.5"),
	"IDP-SCOPE":        on(ObservedAlone, authentikFacts+"4.5"),
	"IDT-JWE":          on(ObservedAlone, hostileFacts+"4.53", reports+"F3.15"),
	"IDT-ISS":          on(ObservedAlone, hostileFacts+"4.25", hostileFacts+"4.27"),
	"IDT-AUD":          on(ObservedAlone, hostileFacts+"4.31"),
	"IDT-EXP":          on(ObservedAlone, hostileFacts+"4.14"),

	"MAIL-MANDATORY": on(ReadInSource, paperlessFacts+"4.3"),
	"MAIL-SMTP":      on(ReadInSource, paperlessFacts+"4.2", settingFacts+"H12", reports+"F6.43"),
	"UI-EVSTRING":    on(ObservedAlone, hostileFacts+"5.20"),
	"UI-NOSUB":       on(ObservedAlone, hostileFacts+"5.3", paperlessFacts+"3.6"),
	"USER-INACTIVE":  on(ReadInSource, paperlessFacts+"4.2", settingFacts+"F16"),
	"SIGN-CLOSED":    on(ObservedPair, pairFacts+"40-signups-closed"),
	"SIGN-EMAILUSED": on(ObservedPair, pairFacts+"42-email-taken"),
	"SIGN-OFF":       on(ObservedPair, pairFacts+"00-guide-verbatim"),
	"LINK-STALESUB":  on(Reported, reports+"F6.41", paperlessFacts+"3.6"),
	"LINK-PROVID":    on(ReadInSource, paperlessFacts+"3.6"),
	"SEC-EMAILAUTH":  on(ObservedAlone, hostileFacts+"5.35", hostileFacts+"5.37"),
	"SIGN-DUPUSER":   on(ObservedPair, pairFacts+"43-username-taken", reports+"F6.40"),
	"LINK-OTHER":     on(ObservedAlone, hostileFacts+"12.6"),
	"IDP-NOEMAIL":    on(ObservedPair, pairFacts+"62-scope-openid-only"),

	"AUTHZ-GROUPS": on(ObservedPair, pairFacts+"72-default-groups"),
	"AUTHZ-SYNC":   on(ObservedAlone, hostileFacts+"5.61", reports+"F7.49"),
	"AUTHZ-EMPTY":  on(ObservedPair, pairFacts+"02-auto-signup-true"),

	"VER-REDIRECT": on(ObservedPair, pairFacts+"50-redirect-to-sso"),
	"VER-SSOONLY":  on(ObservedPair, pairFacts+"51-disable-regular"),
	"REDIR-LOOP":   on(Modelled),
	"REDIR-OFF":    on(ReadInSource, paperlessFacts+"2"),
	"REG-STILLON":  on(ReadInSource, paperlessFacts+"2"),
	"REG-API":      on(ObservedPair, pairFacts+"51-disable-regular", pairFacts+"regular_login_disabled"),
	"OUT-RELOGIN":  on(ReadInSource, paperlessFacts+"5", reports+"F10"),
	"OUT-404":      on(ReadInSource, authentikFacts+"4.1"),

	"RU-BYPASS":  on(ObservedPair, pairFacts+"remote_user"),
	"RU-NAME":    on(Reported, reports+"F12.99", paperlessFacts+"6"),
	"RU-OFF":     on(ObservedPair, pairFacts+"remote_user"),
	"RU-API":     on(ObservedPair, pairFacts+"remote_user"),
	"RU-RIGHTS":  on(ReadInSource, paperlessFacts+"6"),
	"RU-RELOGIN": on(ReadInSource, paperlessFacts+"6"),

	"CFG-UNKNOWN":   on(ObservedPair, pairFacts+"03-no-dead-knobs", pairFacts+"04-enable-allauth-false"),
	"CFG-PKCESTR":   on(ReadInSource, paperlessFacts+"1", reports+"0.7"),
	"SEC-PKCE":      on(ObservedPair, pairFacts+"65-pkce-off", hostileFacts+"9.3"),
	"CFG-PKCEPLACE": on(ReadInSource, paperlessFacts+"3.6", reports+"0.7"),
	"CFG-SCOPES":    on(ReadInSource, paperlessFacts+"3.6"),
	"CFG-CLAIMS":    on(ObservedPair, pairFacts+"06-claims-none"),
	"CFG-MAILOAUTH": on(Reported, reports+"F1.2", paperlessFacts+"2"),
	"SEC-PROTO":     on(ObservedPair, pairFacts+"35-default-proto-http"),
}

func on(k BasisKind, sources ...string) Basis { return Basis{k, sources} }
