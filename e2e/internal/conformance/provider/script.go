package provider

import "net/http"

// A Script is what the provider does otherwise than the standard asks. The zero
// value is a provider that conforms. Addresses in it are written with {origin},
// {issuer}, {elsewhere} (another host) and {plain} (that host without TLS); the
// claims of a token with {now}, seconds since 1970, and {now±SECONDS}.
type Script struct {
	Discovery Answer
	// Later is the discovery document from the second request on; nil: as the first.
	Later *Answer
	// Moved is the document at the address where a redirect of it leads, which has
	// "moved" in its path.
	Moved    *Answer
	Callback Change // parameters of the authorization response
	Token    Answer
	IDToken  IDToken
	Userinfo Answer
	Keys     Answer
	// Lax takes a code whatever the verifier is.
	Lax bool
	// Elsewhere is what the other host answers at the token and the userinfo
	// endpoint; nil: the same.
	Elsewhere *Answer
}

// A Change edits a document: a discovery document, a token response, claims.
type Change func(doc map[string]any)

// An Answer changes one response. The zero value leaves it as it should be.
type Answer struct {
	Change  Change      // of the document that would be right
	Status  int         // 0: 200, or 302 with Location
	Body    any         // in place of the document: a string as it is, else JSON; nil: the document
	Empty   bool        // no body at all
	Type    string      // Content-Type; "-": none; empty: application/json
	Header  http.Header // beside the others
	Where   string      // Location of a redirect; empty: none
	Silent  bool        // no answer while the relying party waits
	Drip    bool        // a byte at a time, for longer than the relying party waits for one
	Padding int         // bytes of white space that make the document longer
}

// A Key is what an ID token is signed with.
type Key string

// The keys.
const (
	Own          Key = ""              // the one that the JWKS has
	Foreign      Key = "foreign"       // another one, under the same kid
	PublicKey    Key = "public key"    // HMAC with the public key as its secret
	ClientSecret Key = "client secret" // HMAC with the client secret
	Elliptic     Key = "elliptic"      // ES256; the JWKS has it then
	None         Key = "none"          // no signature: alg none
)

// An IDToken says how an ID token is made.
type IDToken struct {
	Claims    Change
	Header    Change
	Key       Key
	Broken    bool // the signature's bytes are changed
	Unsigned  bool // the signature is left empty, the algorithm is not
	Encrypted bool // as a JWE
	Repeat    bool // the same token for every sign-in
}

// Set is a change of one member.
func Set(name string, value any) Change { return func(doc map[string]any) { doc[name] = value } }

// Drop is a change that takes members away.
func Drop(names ...string) Change {
	return func(doc map[string]any) {
		for _, n := range names {
			delete(doc, n)
		}
	}
}

// All makes several changes, in order.
func All(changes ...Change) Change {
	return func(doc map[string]any) {
		for _, c := range changes {
			c(doc)
		}
	}
}
