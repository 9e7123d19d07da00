package deployment

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"slices"
	"strings"
)

// SecretPrints are digests of a secret that was not taken out of where it is kept.
// They tell how it relates to another one, and nothing else: the key is a salt that
// is made for one comparison and forgotten.
type SecretPrints struct {
	Whole   string   `json:"whole,omitempty"`   // empty: there is no secret
	Without []string `json:"without,omitempty"` // of the secret without its nth character
	Dollar  []string `json:"dollar,omitempty"`  // of what Compose leaves of a secret with a $
}

// longestSecret bounds the digests of one secret; authentik makes 128 characters.
const longestSecret = 256

// PrintSecret makes the prints of a secret.
func PrintSecret(salt, secret string) SecretPrints {
	if secret == "" {
		return SecretPrints{}
	}
	p := SecretPrints{Whole: printed(salt, secret)}
	if r := []rune(secret); len(r) <= longestSecret {
		for i := range r {
			p.Without = append(p.Without, printed(salt, string(r[:i])+string(r[i+1:])))
		}
	}
	if strings.Contains(secret, "$") {
		p.Dollar = []string{printed(salt, lostDollar(secret)), printed(salt, strings.ReplaceAll(secret, "$$", "$"))}
	}
	return p
}

// lostDollar is what Compose leaves of a text where no $NAME in it is set.
func lostDollar(s string) string { return os.Expand(s, func(string) string { return "" }) }

func printed(salt, text string) string {
	mac := hmac.New(sha256.New, []byte(salt))
	mac.Write([]byte(text))
	return hex.EncodeToString(mac.Sum(nil))
}

// Relation is how the secret that Paperless has relates to the printed one of
// authentik, as SecretRelation says it of two that are known.
func (p SecretPrints) Relation(salt, have string) string {
	is := func(s string) bool { return printed(salt, s) == p.Whole }
	switch {
	case p.Whole == "":
		return SecretUnknown
	case is(have):
		return SecretEqual
	case have == "":
		return SecretEmpty
	case is(strings.TrimRight(have, "\r\n")):
		return SecretNewline
	case is(strings.TrimSpace(have)):
		return SecretSpace
	case is(strings.Trim(have, `"'`)):
		return SecretQuotes
	case slices.Contains(p.Dollar, printed(salt, have)):
		return SecretDollar
	case p.oneOff(salt, have):
		return SecretOneOff
	}
	return SecretOther
}

// oneOff reports whether one character is lost, added or changed.
func (p SecretPrints) oneOff(salt, have string) bool {
	if slices.Contains(p.Without, printed(salt, have)) {
		return true
	}
	mine := PrintSecret(salt, have).Without
	for i, print := range mine {
		if print == p.Whole || i < len(p.Without) && len(mine) == len(p.Without) && print == p.Without[i] {
			return true
		}
	}
	return false
}
