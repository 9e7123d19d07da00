package lab_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/fixtures"
)

// A recording is fixtures/observed.json. Every field of it has a place here:
// one that nobody knows fails the decoding.
type recording struct {
	About    string            `json:"about"`
	Harness  map[string]string `json:"harness_env"`
	Rows     []row             `json:"rows"`
	Flows    []flow            `json:"flows"`
	Upgrades []upgrade         `json:"upgrades"`
	Traps    []string          `json:"traps"`
}

// A row is one sign-in: what was set up, and what was seen.
type row struct {
	ID        string            `json:"id"`
	Paperless string            `json:"paperless"`
	Authentik string            `json:"authentik"`
	User      string            `json:"user"`
	Env       map[string]string `json:"paperless_env"`
	Dropped   []string          `json:"harness_env_dropped"`
	Changes   map[string]any    `json:"authentik_changes"`
	direct    float64           // status of the API to a Remote-User header, of a flow
	seen
}

func (r row) name() string { return r.ID + "@" + r.Paperless + "+" + r.Authentik }

// seen is the half of a row that the products answer.
type seen struct {
	Boot     boot       `json:"boot"`
	SignIn   *signIn    `json:"sign_in_page"`
	Hops     []hop      `json:"hops"`
	Steps    []string   `json:"authentik_steps"`
	Final    *ending    `json:"final"`
	Signed   *who       `json:"signed_in"`
	Password *passwords `json:"password_api"`
	Log      []string   `json:"paperless_log"`
	Events   []string   `json:"authentik_events"`
}

type boot struct {
	Up   bool     `json:"up"`
	Exit *int     `json:"exit"`
	Log  []string `json:"log"`
}

// An address is a URL; a query value of "…" was different every time.
type address struct {
	Host  string            `json:"host,omitempty"` // "": relative
	Path  string            `json:"path"`
	Query map[string]string `json:"query"`
}

type hop struct {
	Method   string   `json:"method"`
	Status   int      `json:"status"`
	URL      address  `json:"url"`
	Location *address `json:"location"`
}

type signIn struct {
	Status int     `json:"status"`
	URL    address `json:"url"`
	Title  string  `json:"title"`
	Local  bool    `json:"local_form"`
	Forms  []form  `json:"sso_forms"`
	Text   string  `json:"text"`
}

type form struct {
	Tag    string   `json:"tag"`
	Method string   `json:"method"`
	Action string   `json:"action"`
	Button []string `json:"button"`
}

type ending struct {
	URL   address `json:"url"`
	Title string  `json:"title"`
	Text  string  `json:"text"`
}

type who struct {
	Profile    int      `json:"profile"`
	Email      *string  `json:"email"`
	First      *string  `json:"first"`
	Last       *string  `json:"last"`
	Social     []string `json:"social"`
	UsablePW   *bool    `json:"usable_pw"`
	UISettings int      `json:"ui_settings"`
}

type passwords struct {
	Token int `json:"token"`
	Basic int `json:"basic"`
}

func observed(t *testing.T) recording {
	t.Helper()
	text, err := fixtures.FS.ReadFile("observed.json")
	require.NoError(t, err)
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	var out recording
	require.NoError(t, d.Decode(&out), "a recorded field that no test knows")
	_, err = d.Token()
	require.ErrorIs(t, err, io.EOF)
	return out
}

// changing is how the recording writes a value that was different every time.
const changing = "…"

// A rule is how a recorded value is compared where plain equality is not right.
type rule struct {
	path string // [] stands for any index, * at the start for any beginning
	why  string
	same func(want, got any) bool
	// elsewhere: not compared here but in TestObservedInBrowser, or not at all,
	// as the reason says. Only there may same be nil.
	elsewhere func(want any) bool
}

// rules are all the exceptions there are: everything else must be equal.
var rules = []rule{
	{
		path: "*.text", why: "white space is the browser's; of what the web application's script draws the first 18 words are compared",
		same:      sameSpace,
		elsewhere: func(want any) bool { return scripted(str(want)) },
	},
	{path: "user_menu", why: "drawn by the web application's script", elsewhere: always},
	{path: "connect_link", why: "drawn by the web application's script", elsewhere: always},
	{path: "regular_login_disabled.post[]", why: "white space is the browser's", same: func(want, got any) bool { return same(want, got) || str(want) != "" && sameSpace(want, got) }},
	{path: "seconds_until_usable", why: "a time of another machine", elsewhere: always},
	{path: "after.authentik_upgrade_seconds", why: "a time of another machine", elsewhere: always},
	{path: "after.boot.secs", why: "a time of another machine", elsewhere: always},
	{
		path: "*signed_in.profile", why: "0: the page that asked was authentik's, so the browser kept the answer from it; the log has the 401",
		same: refusedByBrowser,
	},
	{path: "*signed_in.ui_settings", why: "as profile", same: refusedByBrowser},
	{
		path: "authentik_steps", why: "'no form' is the recorder's own word for a page after the flow",
		same: func(want, got any) bool {
			list, ok := want.([]any)
			return !ok && want == got || ok && same(slices.DeleteFunc(slices.Clone(list), func(s any) bool { return s == "no form" }), got)
		},
	},
	{
		path: "paperless_log", why: "at most the last six lines were kept, cut at 300 characters; the frames of the products' own sources are not ours",
		same: sameLog,
	},
}

// scripted tells a text that only a browser with scripts shows.
func scripted(text string) bool {
	return strings.HasPrefix(text, "Error loading settings Paperless-ngx") || strings.HasPrefix(text, "Successfully signed in as ") ||
		strings.HasPrefix(text, "The third-party account ")
}

func refusedByBrowser(want, got any) bool {
	return want == got || want == 0.0 && got == 401.0
}

func always(want any) bool { return want != nil }

func sameSpace(want, got any) bool { return space(want) == space(got) }

func str(v any) string { s, _ := v.(string); return s }

func space(v any) string { return strings.Join(strings.Fields(str(v)), " ") }

func same(want, got any) bool { return assert.ObjectsAreEqual(want, got) }

var (
	stamp = regexp.MustCompile(`^\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}\] `)
	place = regexp.MustCompile(`0x[0-9a-f]+`)
	// frames are lines of the traceback that quote the products' sources, and a
	// line of Celery's list of tasks that the recorder's filter let through.
	frames = regexp.MustCompile(`^  File "[^"]+", line \d+, in \w+$|^    (raise|return) \S.*$|^  \. paperless_mail\.mail\.error_callback$`)
	// trouble is what the recorder looked for.
	trouble = regexp.MustCompile(`^\[(WARNING|ERROR)\] |^[\w.]+(Error|Exception|Exist)\b`)
)

// kept is how many lines of a log the recorder kept, and cut where it cut them.
const (
	kept = 6
	cut  = 300
)

func sameLog(want, got any) bool {
	all, ok := want.([]any)
	if !ok {
		return want == got
	}
	var recorded, logged []string
	for _, l := range all {
		if !frames.MatchString(str(l)) {
			recorded = append(recorded, str(l))
		}
	}
	list, _ := got.([]any)
	for _, l := range list {
		if line := stamp.ReplaceAllString(str(l), ""); trouble.MatchString(line) {
			logged = append(logged, line)
		}
	}
	if len(all) >= kept && len(logged) > len(recorded) {
		logged = logged[len(logged)-len(recorded):]
	}
	return slices.EqualFunc(recorded, logged, func(r, l string) bool {
		whole := len([]rune(r)) < cut
		r = stamp.ReplaceAllString(r, "")
		r, l = place.ReplaceAllString(r, "0x"), place.ReplaceAllString(l, "0x")
		return r == l || !whole && strings.HasPrefix(l, r)
	})
}

func (r rule) holds(want, got any) bool {
	if r.same == nil {
		return same(want, got)
	}
	return r.same(want, got)
}

// applies reports whether the rule is about the path.
func (r rule) applies(path string) bool {
	if end, ok := strings.CutPrefix(r.path, "*"); ok {
		return strings.HasSuffix(path, end)
	}
	return path == r.path
}

// A comparison walks a recorded tree beside the lab's.
type comparison struct {
	problems []string
	used     map[string]bool // rules that were needed
	ruled    []ruled         // what was compared by a rule
}

type ruled struct {
	path      string
	rule      rule
	want, got any
}

var index = regexp.MustCompile(`\[\d+\]`)

func (c *comparison) walk(path string, want, got any) {
	for _, r := range rules {
		if !r.applies(index.ReplaceAllString(path, "[]")) {
			continue
		}
		if r.elsewhere != nil && r.elsewhere(want) {
			c.used[r.path] = true
			return
		}
		c.ruled = append(c.ruled, ruled{path, r, want, got})
		if !r.holds(want, got) {
			c.differ(path, want, got)
		} else if !same(want, got) {
			c.used[r.path] = true
		}
		return
	}
	switch w := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok {
			c.differ(path, want, got)
			return
		}
		names := maps.Clone(w)
		maps.Copy(names, g)
		for _, name := range slices.Sorted(maps.Keys(names)) {
			if _, ok := w[name]; !ok && g[name] != nil {
				c.differ(path+"."+name, nil, g[name])
				continue
			}
			c.walk(strings.TrimPrefix(path+"."+name, "."), w[name], g[name])
		}
	case []any:
		g, _ := got.([]any)
		if len(w) != len(g) {
			c.differ(path, want, got)
			return
		}
		for i := range w {
			c.walk(fmt.Sprintf("%s[%d]", path, i), w[i], g[i])
		}
	default:
		if s, ok := got.(string); want == changing && ok && s != "" {
			return
		}
		if !same(want, got) {
			c.differ(path, want, got)
		}
	}
}

func (c *comparison) differ(path string, want, got any) {
	text := func(v any) string {
		out, err := json.Marshal(v)
		if err != nil {
			return fmt.Sprint(v)
		}
		return string(out)
	}
	c.problems = append(c.problems, fmt.Sprintf("%s\n  recorded %s\n  the lab  %s", path, text(want), text(got)))
}

// tree is a value as plain JSON.
func tree(t *testing.T, v any) any {
	t.Helper()
	text, err := json.Marshal(v)
	require.NoError(t, err)
	var out any
	require.NoError(t, json.Unmarshal(text, &out))
	return out
}

func compare(want, got any) *comparison {
	c := &comparison{used: map[string]bool{}}
	c.walk("", want, got)
	return c
}

// requireSame compares. What is not compared by plain equality is then proved to
// be looked at: another value in its place must be noticed.
func requireSame(t *testing.T, want, got any) *comparison {
	t.Helper()
	c := compare(tree(t, want), tree(t, got))
	assert.Empty(t, c.problems, "%s", strings.Join(c.problems, "\n"))
	for _, r := range c.ruled {
		holder := map[string]any{r.path: r.want}
		mutate(holder, "", func(path string) {
			assert.False(t, r.rule.holds(holder[r.path], r.got), "%s is recorded and compared with nothing", path)
		})
	}
	return c
}

// TestComparison: whatever value of a recording is another one, it is noticed.
func TestComparison(t *testing.T) {
	t.Parallel()
	r := observed(t).Rows[0]
	want, got := tree(t, r.seen), tree(t, r.seen)
	require.Empty(t, compare(want, got).problems)
	n := 0
	mutate(want, "", func(path string) {
		n++
		assert.NotEmpty(t, compare(want, got).problems, "%s is another, and nobody notices", path)
	})
	assert.Greater(t, n, 100)
	assert.NotEmpty(t, compare(map[string]any{}, map[string]any{"more": 1.0}).problems)
	assert.NotEmpty(t, compare([]any{1.0}, []any{1.0, 2.0}).problems)
	assert.NotEmpty(t, compare(changing, "").problems, "it must be there")
}

// mutate changes one value after the other, calls tried, and puts it back.
func mutate(v any, path string, tried func(path string)) {
	change := func(path string, old any, set func(any)) {
		switch o := old.(type) {
		case map[string]any, []any:
			mutate(old, path, tried)
			return
		case string:
			set("x" + o)
		case bool:
			set(!o)
		case float64:
			set(o + 1)
		default:
			set("x")
		}
		tried(path)
		set(old)
	}
	switch v := v.(type) {
	case map[string]any:
		for name, old := range v {
			change(strings.TrimPrefix(path+"."+name, "."), old, func(n any) { v[name] = n })
		}
	case []any:
		for i, old := range v {
			change(fmt.Sprintf("%s[%d]", path, i), old, func(n any) { v[i] = n })
		}
	}
}
