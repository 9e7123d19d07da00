package e2e_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ssocheck/ssocheck/e2e/internal/troubleshooting"
)

// design holds the codes that were fixed from the start, by the guide's item that explains
// them. A code is for ever, so this list only grows.
var design = map[int]string{
	0: "CFG-UNKNOWN CFG-PKCESTR CFG-DOLLAR CFG-QUOTES CFG-NEWLINE CFG-YAMLMAP CFG-BOOL CFG-SECRETKEY IDP-DENIED IDP-INACTIVE " +
		"USER-INACTIVE AUTHZ-EMPTY AUTHZ-GROUPS PROXY-CSRF PROXY-HOST PROXY-PROTO PROXY-IP RU-OFF RU-NAME RU-BYPASS RU-API",
	1: "CFG-JSON CFG-APPS CFG-MODULE",
	2: "CFG-NOAPP CFG-DUP VER-OLD STALE",
	3: "RED-SCHEME RED-HOST RED-PORT RED-PREFIX RED-PROVID RED-SLASH RED-PATH IDP-CLIENT IDP-SLUG IDP-SCOPE " +
		"NET-DNS NET-REFUSED NET-TIMEOUT NET-TLS NET-HTML NET-404 TOK-SECRET TOK-METHOD IDT-JWE IDT-ISS IDT-AUD IDT-EXP STATE-LOST",
	4: "SIGN-OFF SIGN-CLOSED SIGN-DUPUSER SIGN-EMAILUSED LINK-OTHER LINK-STALESUB",
	5: "REDIR-OFF REDIR-LOOP OUT-RELOGIN REG-STILLON REG-API REG-LOCKOUT",
}

// TestDesignCodes demands every code that was fixed from the start, at the guide's item it names.
func TestDesignCodes(t *testing.T) {
	t.Parallel()
	for guide, codes := range design {
		for code := range strings.FieldsSeq(codes) {
			item := troubleshooting.Find(code)
			if assert.NotNil(t, item, "%s is missing", code) {
				assert.Equal(t, guide, item.Guide, code)
			}
		}
	}
}
