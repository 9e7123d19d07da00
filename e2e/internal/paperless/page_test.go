package paperless_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ssocheck/ssocheck/e2e/internal/paperless"
)

func TestPage(t *testing.T) {
	t.Parallel()
	const body = `<html><head><script>var x = "<form action='/accounts/oidc/authentik/login/'>"</script><title>Paperless-ngx
	 sign in</title></head><body>
	<form method="post" class="a"><input type="hidden" name="csrfmiddlewaretoken" value="a&amp;b"></form>
	<form id="social-login" method="post" action="/accounts/oidc/authentik/login/?process=&amp;next=%2F"><button>S&amp;S</button></form>
	<input value="bob" name="username">`
	p := paperless.ParsePage(body)
	assert.Equal(t, "Paperless-ngx sign in", p.Title())
	assert.Equal(t, "S&S", p.Text())
	assert.Equal(t, "a&b", p.CSRFToken())
	assert.Equal(t, "bob", p.Input("username"))
	action, ok := p.FormAction("/accounts/oidc/authentik/login/")
	assert.True(t, ok)
	assert.Equal(t, "/accounts/oidc/authentik/login/?process=&next=%2F", action)
	_, ok = p.FormAction("/accounts/oidc/Authentik/login/")
	assert.False(t, ok, "a provider id of another case is another one")
	b, ok := p.Button()
	assert.True(t, ok)
	assert.Equal(t, paperless.Button{ProviderID: "authentik", Name: "S&S", Action: action}, b)
	assert.False(t, p.HasInput("login"))
	assert.Empty(t, paperless.ParsePage("").Text())
	assert.Empty(t, paperless.Page{}.Text())
}

// What attributes in another order, without quotes, or in a comment mean is what
// a browser makes of them.
func TestPageAsBrowsersReadIt(t *testing.T) {
	t.Parallel()
	p := paperless.ParsePage(`<!-- <form action="/accounts/oidc/old/login/"> --><noscript>Turn scripts on.</noscript>
	<FORM ACTION=/accounts/oidc/authentik/login/><input value='t"k' type=hidden name=csrfmiddlewaretoken><button><b>Sign</b> in</button></FORM>
	<input name=login>`)
	b, ok := p.Button()
	assert.True(t, ok)
	assert.Equal(t, paperless.Button{ProviderID: "authentik", Name: "Sign in", Action: "/accounts/oidc/authentik/login/"}, b)
	assert.Equal(t, `t"k`, p.CSRFToken())
	assert.True(t, p.HasInput("login"))
	assert.Equal(t, "Sign in", p.Text())
}
