package deployment

import (
	"os"
	"strings"
)

// How the client secret that Paperless sends relates to the one that authentik
// has. Diagnosis needs the relation, never the values, so it survives redaction.
const (
	SecretEqual   = "equal"
	SecretDollar  = "dollar"  // what is left of authentik's after Compose interpolated its $
	SecretQuotes  = "quotes"  // the same within literal quotes
	SecretNewline = "newline" // the same with a line break at the end
	SecretSpace   = "space"   // the same with spaces around it
	SecretOneOff  = "one-off" // one character lost, added or changed
	SecretEmpty   = "empty"   // Paperless has none
	SecretOther   = "other"
	SecretUnknown = "unknown" // authentik's is not known
)

// RelationServerURL says in Deployment.Relations where server_url is from, when nobody
// saw it: ServerURLAssumed.
const (
	RelationServerURL = "server_url"
	ServerURLAssumed  = "assumed" // it follows from the application's slug
)

// SecretRelation compares the two client secrets.
func (b *Deployment) SecretRelation() string {
	if r, ok := b.Relations["client_secret"]; ok {
		return r
	}
	app, _ := b.Paperless.App()
	p := b.IdPProvider()
	if p == nil || p.ClientSecret == "" {
		return SecretUnknown
	}
	have, want := app.Secret, p.ClientSecret
	switch {
	case have == want:
		return SecretEqual
	case have == "":
		return SecretEmpty
	case strings.TrimRight(have, "\r\n") == want:
		return SecretNewline
	case strings.TrimSpace(have) == want:
		return SecretSpace
	case strings.Trim(have, `"'`) == want:
		return SecretQuotes
	case strings.Contains(want, "$") && (have == os.Expand(want, func(string) string { return "" }) || have == strings.ReplaceAll(want, "$$", "$")):
		// os.Expand with an empty environment is what Compose leaves of $NAME.
		return SecretDollar
	case Distance(have, want) == 1:
		return SecretOneOff
	}
	return SecretOther
}

// Distance counts the characters that were lost, added or changed between two
// words, a swap of neighbours as one; 9 for lengths that are far apart.
func Distance(a, b string) int {
	if n := len(a) - len(b); n > 3 || n < -3 {
		return 9
	}
	before, row := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		next := make([]int, len(b)+1)
		next[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			next[j] = min(row[j]+1, next[j-1]+1, row[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				next[j] = min(next[j], before[j-2]+1)
			}
		}
		before, row = row, next
	}
	return row[len(b)]
}
