package browser_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/browser"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
)

// flow is a page like authentik's: everything in nested shadow roots, a decoy
// for password managers in the light DOM, the stage drawn after a moment.
const flow = `
<form id="decoy" style="position:absolute; opacity:0.01"><input name="password"><input name="username"></form>
<ak-flow-executor></ak-flow-executor>
<script>
const stage = (name, body) => customElements.define(name, class extends HTMLElement {
	connectedCallback() {
		this.attachShadow({mode: "open"}).innerHTML = body;
		this.shadowRoot.addEventListener("submit", (e) => {
			e.preventDefault();
			document.title = e.target.password.value.length;
		});
	}
});
customElements.define("ak-flow-executor", class extends HTMLElement {
	connectedCallback() {
		this.attachShadow({mode: "open"}).innerHTML = "<main>Loading</main>";
		setTimeout(() => this.shadowRoot.querySelector("main").innerHTML = "<ak-stage-password></ak-stage-password>", 300);
	}
});
stage("ak-form", "<div><slot></slot></div>");
stage("ak-stage-password", ` + "`" + `
	<style>p { color: red }</style>
	<h1>Welcome</h1>
	<ak-form><form method="POST" action="/next?next=%2Fcb%3Fcode%3Ds3cr3tcode%26a%3Db"><label>Password <input type="password" name="password" value="s3cr3tvalue"></label>
	<button type="submit">Log <b>in</b></button><button hidden>Never</button></form></ak-form>
	<p style="display:none">You cannot see this</p><p style="visibility:hidden">nor this</p>
	<p>one<br>two</p>` + "`" + `);
</script>`

func TestShadowRoots(t *testing.T) {
	t.Parallel()
	_, site := setUp(t)
	site.handle("flow.test/", html(flow))
	s := session(t, browser.SessionOptions{Shots: true})
	ctx := t.Context()
	require.NoError(t, s.Visit(ctx, "open", "https://flow.test/", limit))
	password := browser.Deep("ak-stage-password", "input[name=password]")
	require.NoError(t, s.Wait(ctx, "see the password stage", password, limit))
	found, err := s.Exists(ctx, browser.CSS("ak-stage-password"))
	require.NoError(t, err)
	assert.False(t, found, "CSS stays outside of shadow roots")

	require.NoError(t, s.Fill(ctx, "type the password", password, "pässwörd 𝄞", limit))
	require.NoError(t, s.Click(ctx, "log in", browser.Deep("ak-stage-password", "button").WithText("log  IN"), limit))
	_, err = s.WaitAny(ctx, "be submitted", limit, map[string]browser.Condition{"": browser.URLIs("any", func(string) bool { return true })})
	require.NoError(t, err)
	page, err := s.Page(ctx)
	require.NoError(t, err)
	assert.Equal(t, "11", page.Title, "the scoped input was filled, not the decoy")
	decoy, err := s.Eval(ctx, `document.querySelector("#decoy input").value`)
	require.NoError(t, err)
	assert.JSONEq(t, `""`, string(decoy))

	assert.Equal(t, "Welcome Password Log in one two", page.Text)
	assert.Equal(t, []string{"ak-stage-password"}, page.Stages)
	require.Len(t, page.Forms, 2)
	form := page.Forms[1]
	assert.Equal(t, "post", form.Method)
	assert.Contains(t, form.Action, "/next?next=")
	assert.NotContains(t, form.Action, "s3cr3t")
	assert.Equal(t, []string{"Log in"}, form.Buttons)
	assert.False(t, page.LocalForm)

	dom, err := s.DOM(ctx)
	require.NoError(t, err)
	assert.Contains(t, dom, `<ak-flow-executor><template shadowrootmode="open"><main><ak-stage-password><template shadowrootmode="open">`)
	assert.Contains(t, dom, `type="password" name="password" value="[redacted]"`)
	assert.NotContains(t, dom, "s3cr3tcode")
	assert.Regexp(t, `^<!DOCTYPE html>`, dom)

	for _, step := range s.Steps() {
		assert.Empty(t, step.Error)
		assert.NotEmpty(t, s.Shots()[step.Screenshot], step.Name)
	}
	steps := s.Steps()
	assert.Equal(t, "02-see-the-password-stage.png", steps[1].Screenshot)
	assert.Nil(t, steps[1].Rect)
	assert.Len(t, steps[2].Rect, 4)
}

// TestOnePictureOfAPageAtRest: a picture costs as much as a page, so the press of a
// button is shown by the last one, unless something has happened since.
func TestOnePictureOfAPageAtRest(t *testing.T) {
	t.Parallel()
	_, site := setUp(t)
	answer := make(chan struct{})
	site.handle("rest.test/", html(`
		<input id="name"><button id="ok" onclick="document.body.style.background = 'green'">OK</button>
		<input id="more" oninput="fetch('/more').then(() => document.body.style.background = 'red')">
		<div style="height:3000px"></div><button id="far">Far</button>`))
	site.handle("rest.test/more", func(http.ResponseWriter, *http.Request) { <-answer })
	s := session(t, browser.SessionOptions{Shots: true})
	ctx := t.Context()
	same := func() bool { // the last two steps have one picture
		steps, shots := s.Steps(), s.Shots()
		a, b := shots[steps[len(steps)-2].Screenshot], shots[steps[len(steps)-1].Screenshot]
		require.NotEmpty(t, a)
		require.NotEmpty(t, b)
		return &a[0] == &b[0]
	}
	fill := func(id string) { require.NoError(t, s.Fill(ctx, "type into "+id, browser.CSS(id), "x", limit)) }
	press := func(id string) { require.NoError(t, s.Click(ctx, "press "+id, browser.CSS(id), limit)) }
	require.NoError(t, s.Visit(ctx, "open", "https://rest.test/", limit))
	require.NoError(t, s.Settle(ctx, limit))
	fill("#name")
	assert.False(t, same(), "it was typed into")
	press("#ok")
	assert.True(t, same(), "nothing happened between typing and the press")
	press("#ok")
	assert.False(t, same(), "the press changed the page")

	fill("#more")
	close(answer)
	require.NoError(t, s.Settle(ctx, limit))
	press("#ok")
	assert.False(t, same(), "the page has fetched something")
	fill("#name")
	_, err := s.Eval(ctx, "document.body.style.background = 'blue'")
	require.NoError(t, err)
	press("#ok")
	assert.False(t, same(), "a script was run in between")
	fill("#name")
	_, err = s.Eval(ctx, "const real = document.elementFromPoint.bind(document); let veiled = true; document.elementFromPoint = (x, y) => { const el = veiled ? null : real(x, y); veiled = false; return el }")
	require.NoError(t, err)
	fill("#name")
	press("#ok")
	assert.False(t, same(), "it had to be waited for")
	fill("#name")
	press("#far")
	assert.False(t, same(), "the page was scrolled to it")
}

func TestLocalForm(t *testing.T) {
	t.Parallel()
	_, site := setUp(t)
	tests := map[string]struct {
		body string
		want bool
	}{
		"login":                    {`<form><input id="inputUsername" name="login"><input id="inputPassword" name="password" type="password"></form>`, true},
		"sign-up has the same ids": {`<form><input id="inputUsername" name="username"><input id="inputEmail" name="email"></form>`, false},
		"hidden":                   {`<form style="display:none"><input id="inputUsername" name="login"><input id="inputPassword"></form>`, false},
		"none":                     {`<form id="form-account"></form>`, false},
	}
	s := session(t, browser.SessionOptions{})
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			site.handle("local.test/", html(tt.body))
			require.NoError(t, s.Visit(t.Context(), "open", "https://local.test/", limit))
			page, err := s.Page(t.Context())
			require.NoError(t, err)
			assert.Equal(t, tt.want, page.LocalForm)
		})
	}
}

func TestStepErrors(t *testing.T) {
	t.Parallel()
	_, site := setUp(t)
	site.handle("steps.test/", html(`
		<button id="off" disabled>Off</button>
		<button id="hidden" style="display:none">Hidden</button>
		<div style="position:relative"><button id="under">Under</button><div id="veil" class="big grey" style="position:absolute; inset:0"></div></div>
		<input id="short" maxlength="3">
		<div style="height:3000px"></div><button id="far" onclick="document.title='pressed'">Far</button>`))
	s := session(t, browser.SessionOptions{})
	ctx := t.Context()
	require.NoError(t, s.Visit(ctx, "open", "https://steps.test/?code=s3cr3tcode", limit))
	// Long enough for a few looks at the page on a machine that is busy.
	const short = 600 * time.Millisecond
	tests := map[string]struct {
		do   func() error
		want string
	}{
		"missing":  {func() error { return s.Click(ctx, "press it", browser.Deep("main", "#no").WithText("x"), short) }, `press it: no main » #no "x" within 600ms; on https://steps.test/?code=`},
		"hidden":   {func() error { return s.Wait(ctx, "see it", browser.CSS("#hidden"), short) }, "see it: #hidden is there but cannot be seen within 600ms; on https://steps.test/"},
		"disabled": {func() error { return s.Click(ctx, "press it", browser.CSS("#off"), short) }, "#off is disabled within"},
		"covered":  {func() error { return s.Click(ctx, "press it", browser.CSS("#under"), short) }, "#under is covered by <div#veil.big.grey>"},
		"too long": {func() error { return s.Fill(ctx, "type it", browser.CSS("#short"), "s3cr3tvalue", 10*short) }, "#short holds 3 of 11 characters"},
		"none": {func() error {
			_, err := s.WaitAny(ctx, "arrive", short, map[string]browser.Condition{"a": browser.Shows("Welcome"), "b": browser.URLHas("/home")})
			return err
		}, `none of what was looked for appeared within 600ms; looking for a (the text "Welcome"), b (a URL with /home)`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			err := tt.do()
			require.ErrorIs(t, err, browser.ErrLimit)
			require.ErrorContains(t, err, tt.want)
			require.ErrorContains(t, err, "(A page)")
			assert.NotContains(t, err.Error(), "s3cr3t")
			var step *browser.StepError
			require.ErrorAs(t, err, &step)
			assert.GreaterOrEqual(t, step.Limit, short)
			steps := s.Steps()
			assert.Equal(t, err.Error(), steps[len(steps)-1].Error)
		})
	}
	began := time.Now()
	err := s.Wait(ctx, "see it", browser.CSS("##"), limit)
	require.ErrorContains(t, err, "not a valid selector")
	assert.Less(t, time.Since(began), limit/2, "a selector that is wrong is told at once")

	require.NoError(t, s.Click(ctx, "press what is far below", browser.CSS("#far"), limit))
	held, err := s.Holds(ctx, browser.All(browser.Not(browser.Visible(browser.CSS("#hidden"))), browser.Present(browser.CSS("#hidden")),
		browser.AnyOf(browser.Shows("never"), browser.Shows("far"))))
	require.NoError(t, err)
	assert.True(t, held)
	page, err := s.Page(ctx)
	require.NoError(t, err)
	assert.Equal(t, "pressed", page.Title)
}

func TestFill(t *testing.T) {
	t.Parallel()
	_, site := setUp(t)
	// As a framework does: the first input is thrown away while it is being filled.
	site.handle("fill.test/", html(`<div id="box"><input id="a" value="old"></div><script>
		box.firstChild.addEventListener("input", () => box.innerHTML = '<input id="a" value="other">', {once: true});
	</script>`))
	s := session(t, browser.SessionOptions{})
	ctx := t.Context()
	require.NoError(t, s.Visit(ctx, "open", "https://fill.test/", limit))
	value := func() string {
		raw, err := s.Eval(ctx, "document.querySelector('#a').value")
		require.NoError(t, err)
		return string(raw)
	}
	require.NoError(t, s.Fill(ctx, "type", browser.CSS("#a"), "longer text", limit))
	assert.Equal(t, `"longer text"`, value())
	require.NoError(t, s.Fill(ctx, "type", browser.CSS("#a"), "", limit))
	assert.Equal(t, `""`, value())
}

func TestConsoleIsRedacted(t *testing.T) {
	t.Parallel()
	_, site := setUp(t)
	site.handle("console.test/", html(`<script>
		console.log("hello", 7, {a: 1}, "code=s3cr3tcode");
		console.error("the password is hunter22hunter");
		alert("stop");
		throw new Error("broken state=s3cr3tstate");
	</script><img src="/none.png?token=s3cr3ttoken">`))
	s := session(t, browser.SessionOptions{Redactor: evidence.NewRedactor("hunter22hunter")})
	ctx := t.Context()
	require.NoError(t, s.Visit(ctx, "open", "https://console.test/", limit))
	require.NoError(t, s.Settle(ctx, limit))
	var lines []string
	for _, line := range s.Console() {
		assert.Equal(t, "console", line.Source)
		assert.WithinDuration(t, time.Now(), line.Time, time.Minute)
		lines = append(lines, line.Text)
	}
	all := strings.Join(lines, "\n")
	assert.Contains(t, all, "log: hello 7 Object code=…")
	assert.Contains(t, all, "error: the password is …")
	assert.Contains(t, all, "exception: Uncaught Error: broken state=…")
	assert.Contains(t, all, "404 (Not Found) (https://console.test/none.png?token=…")
	assert.NotContains(t, all, "s3cr3t")
	assert.NotContains(t, all, "hunter22")
	assert.Equal(t, []string{"the page opened a dialog: stop"}, s.Notes())
}

func TestSessionsAreApart(t *testing.T) {
	t.Parallel()
	_, site := setUp(t)
	seen := make(chan http.Header, 4)
	site.handle("apart.test/", func(w http.ResponseWriter, r *http.Request) {
		seen <- r.Header
		http.SetCookie(w, &http.Cookie{Name: "sessionid", Value: "value-of-" + r.Header.Get("X-Lab"), Path: "/", HttpOnly: true, Secure: true, SameSite: http.SameSiteLaxMode})
		html("hello")(w, r)
	})
	red := evidence.NewRedactor()
	ctx := t.Context()
	one := session(t, browser.SessionOptions{Header: map[string]string{"X-Lab": "one"}, Redactor: red})
	two := session(t, browser.SessionOptions{Header: map[string]string{"X-Lab": "two"}, Redactor: red})
	for _, s := range []*browser.Session{one, two, one} {
		require.NoError(t, s.Visit(ctx, "open", "https://apart.test/", limit))
	}
	first, second, third := <-seen, <-seen, <-seen
	assert.Equal(t, "one", first.Get("X-Lab"))
	assert.Equal(t, "two", second.Get("X-Lab"))
	assert.Equal(t, "en-US,en;q=0.9", first.Get("Accept-Language"))
	assert.Empty(t, second.Get("Cookie"), "no cookie of the other session")
	assert.Equal(t, "sessionid=value-of-one", third.Get("Cookie"))

	cookies, err := one.Cookies(ctx)
	require.NoError(t, err)
	assert.Equal(t, []evidence.Cookie{{
		Name: "sessionid", Domain: "apart.test", Path: "/", Secure: true, HTTPOnly: true, SameSite: "Lax", Print: red.Print("value-of-one"),
	}}, cookies)
	c, err := two.Cookie(ctx, "https://apart.test/x", "sessionid")
	require.NoError(t, err)
	assert.Equal(t, "value-of-two", c.Value)
	none, err := two.CookiesFor(ctx, "https://other.test/")
	require.NoError(t, err)
	assert.Empty(t, none)

	require.NoError(t, two.SetCookie(ctx, "https://apart.test/", &http.Cookie{Name: "sessionid", Value: "set", Path: "/", Secure: true}))
	c, err = two.Cookie(ctx, "https://apart.test/", "sessionid")
	require.NoError(t, err)
	assert.Equal(t, "set", c.Value)
	require.NoError(t, two.ClearCookies(ctx))
	_, err = two.Cookie(ctx, "https://apart.test/", "sessionid")
	require.ErrorIs(t, err, http.ErrNoCookie)
	cookies, err = one.Cookies(ctx)
	require.NoError(t, err)
	assert.Len(t, cookies, 1, "the other session keeps its own")
}
