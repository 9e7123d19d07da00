package source

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/dotenv"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
)

func textFile(tb testing.TB, name, text string) *file {
	tb.Helper()
	f, err := newFile(name, []byte(text))
	require.NoError(tb, err)
	return f
}

func vars(entries []*Entry) map[string]string {
	out := map[string]string{}
	for _, e := range entries {
		if e.Set {
			out[e.Name] = e.Value
		}
	}
	return out
}

var Shell = map[string]string{"HOME": "/home/me", "EMPTY": ""}

func find(name string) (string, bool) { v, ok := Shell[name]; return v, ok }

// What is read of an env file is what compose-go reads.
func TestEnvFileAsCompose(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"plain":            "A=b\nB=c d\n\n# x\nC=",
		"spaces":           "  A = b  \nB= 'c' \nC\t=\td",
		"export":           "export A=b\nexport B='c'",
		"quotes":           `A="b c"` + "\n" + `B='$c "d"'` + "\n" + `C="e\n\"f\" \$g"`,
		"several lines":    "A='{\n  \"b\": 1\n}'\nB=2",
		"comment":          "A=b # c\nB=b#c\nC='b # c' # d",
		"references":       "A=$HOME\nB=${HOME}/x\nC=${NO:-d}\nD=$NO\nE=$$x\nF='$HOME'\nG=\"$HOME\"\nH=$A",
		"empty reference":  "A=${EMPTY:-x}\nB=${EMPTY-x}\nC=${NO-x}",
		"CR":               "A=b\r\nB='c'\r\nC=d",
		"colon":            "A: b",
		"inherited":        "HOME\nNO\nA=b",
		"octal":            `A="\0101 \012 \0777"`,
		"byte order mark":  "\uFEFFA=b",
		"JSON":             `A={"b": "c", "d": [1]}`,
		"escaped quote":    `A='it\'s'` + "\nB=c",
		"empty":            "",
		"only comments":    "# a\n#b",
		"equals in value":  "A=b=c==",
		"trailing blanks":  "A=b   \t\nB='c'   ",
		"unicode":          "A=ä→\nB='ü'",
		"backslashes":      `A=b\nc` + "\n" + `B="b\\nc"` + "\n" + `C='b\\c'`,
		"dots and dashes":  "A.B=1\nA-C=2",
		"quote in a value": `A=b"c"d` + "\nB=it's",
	}
	for name, text := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want, err := dotenv.ParseWithLookup(strings.NewReader(text), find)
			require.NoError(t, err)
			entries, problems := readEnvFile(textFile(t, "x.env", text), find)
			assert.Empty(t, problems)
			assert.Equal(t, want, vars(entries))
		})
	}
}

// The places of the bytes of a value are where they stand.
func checkPlaces(t *testing.T, e *Entry) {
	t.Helper()
	if len(e.Pos) == 0 {
		return
	}
	require.Len(t, e.Pos, len(e.Value))
	for i := range len(e.Value) {
		if c := e.Value[i]; c > ' ' && c != '\\' && e.Pos[i] < len(e.File.Text) {
			got := e.File.Text[e.Pos[i]]
			if got != c && got != '\\' && got != '$' {
				t.Fatalf("byte %d of %s (%q) is said to stand at %d, where %q is", i, e.Name, c, e.Pos[i], got)
			}
		}
	}
}

func TestEnvFileProblems(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ text, code, fix string }{
		"no assignment":   {"just words\nA=b", "CFG-ENVLINE", "NAME=value"},
		"open quote":      {"A='b\nB=c", "CFG-QUOTES", "close the quote"},
		"behind a quote":  {"A='b'c\nB=d", "CFG-QUOTES", "one pair of quotes"},
		"bad reference":   {"A=${b", "CFG-DOLLAR", "single quotes"},
		"required":        {"A=${NO:?set it}", "CFG-UNSET", ".env"},
		"stray brace":     {"}\nA=b", "CFG-ENVLINE", "NAME=value"},
		"name with blank": {"A B=c", "CFG-ENVLINE", "NAME=value"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, problems := readEnvFile(textFile(t, "x.env", tt.text), find)
			require.NotEmpty(t, problems)
			assert.Equal(t, tt.code, problems[0].Code)
			assert.Contains(t, problems[0].Fix, tt.fix)
			_, err := dotenv.ParseWithLookup(strings.NewReader(tt.text), find)
			if name != "behind a quote" { // Compose takes it for a statement of its own
				require.Error(t, err, "Compose refuses it too")
			}
		})
	}
}

func TestConf(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		text string
		want map[string]string
	}{
		"plain":         {"A=b\n B = c d \n#x\nC=", map[string]string{"A": "b", "B": "c d", "C": ""}},
		"quotes":        {"A='b # c'\nB=\"d\\ne\"\nC='it\\'s'", map[string]string{"A": "b # c", "B": "d\ne", "C": "it's"}},
		"comment":       {"A=b # c\nB=b#c", map[string]string{"A": "b", "B": "b#c"}},
		"references":    {"A=x\nB=${A}/y\nC='${A}'\nD=$A\nE=${NO:-z}\nF=${NO}", map[string]string{"A": "x", "B": "x/y", "C": "x", "D": "$A", "E": "z", "F": ""}},
		"JSON":          {`A={"b": "c"}`, map[string]string{"A": `{"b": "c"}`}},
		"CR":            {"A=b\r\nB='c'\r\n", map[string]string{"A": "b", "B": "c"}},
		"export":        {"export A=b\n'B'=c", map[string]string{"A": "b", "B": "c"}},
		"skipped lines": {"A=b\nwhat is this\nB='c' d\nC=e", map[string]string{"A": "b", "C": "e"}},
		"no value":      {"A\nB=c", map[string]string{"B": "c"}},
		"several lines": {"A='{\n\"b\": 1}'\nB=c", map[string]string{"A": "{\n\"b\": 1}", "B": "c"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			entries, _ := readConf(textFile(t, "paperless.conf", tt.text), find)
			assert.Equal(t, tt.want, vars(entries))
			for _, e := range entries {
				if len(e.Refs) == 0 {
					checkPlaces(t, e)
				}
			}
		})
	}
}

func TestParseJSON(t *testing.T) {
	t.Parallel()
	for _, good := range []string{`{}`, ` [1, -2.5e3, true, null, "a\u00e4\ud83d\ude00"] `, `{"a": NaN, "b": -Infinity, "a": 2}`, "{\n\t\"a\"\r: 1}"} {
		_, err := ParseJSON(good)
		assert.Nil(t, err, good)
	}
	tests := map[string]struct {
		text string
		at   int
		want string
	}{
		"trailing comma":   {`{"a": 1,}`, 7, "comma behind"},
		"in a list":        {`[1,]`, 2, "comma behind"},
		"missing comma":    {`{"a": 1 "b": 2}`, 7, "comma is missing"},
		"missing colon":    {`{"a" 1}`, 4, "colon is missing"},
		"equals sign":      {`{"a"=1}`, 4, "colon is missing"},
		"single quotes":    {`{'a': 1}`, 1, "double quotes"},
		"single value":     {`{"a": 'b'}`, 6, "double quotes"},
		"Python":           {`{"a": None}`, 6, "None"},
		"no quotes":        {`{a: 1}`, 1, "double quotes"},
		"no quotes, value": {`{"a": b}`, 6, "without quotes"},
		"curly":            {`{“a”: 1}`, 1, "typographic"},
		"comment":          {"{\"a\": 1 // x\n}", 8, "comments"},
		"hash":             {"# x\n{}", 0, "comments"},
		"unclosed":         {`{"a": [1, 2}`, 11, "wrong bracket"},
		"too early":        {`{"a": {`, 7, "too early"},
		"too much":         {`{"a": 1}}`, 8, "too many"},
		"outer quotes":     {`'{"a": 1}'`, 0, "double quotes"},
		"text behind":      {`{} {}`, 3, "behind the end"},
		"line break":       {"{\"a\": \"b\nc\"}", 8, "line break"},
		"open text":        {`{"a": "b}`, 6, "never closed"},
		"bad escape":       {`{"a": "\x"}`, 7, "escape"},
		"missing value":    {`{"a": }`, 6, "value is missing"},
		"empty":            {"  ", 1, "empty"},
		"leading zero":     {`{"a": 01}`, 6, "number"},
		"placeholder":      {`{"a": <ID>}`, 6, "placeholder"},
		"deep":             {strings.Repeat("[", 1000), 100, "too deep"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := ParseJSON(tt.text)
			require.NotNil(t, err)
			assert.Contains(t, err.Text, tt.want)
			assert.Equal(t, tt.at, err.At)
			if err.Sure {
				mended := tt.text[:err.At] + err.Put + tt.text[err.At+err.Cut:]
				_, again := ParseJSON(mended)
				if again != nil {
					assert.Greater(t, again.At, err.At, "fixing goes on to the next error: %s", again.Text)
				}
			}
		})
	}
}

// What Compose does to a value is done here too: compose-go's own result counts,
// so the values of both ways must agree on the fixtures.
func TestValuesAreComposes(t *testing.T) {
	t.Parallel()
	dirs, err := filepath.Glob("../../../fixtures/configs/*/compose.yaml")
	require.NoError(t, err)
	compared := 0
	for _, path := range dirs {
		sub, err := Read(Sources{Files: []string{path}, Environ: Shell})
		if err != nil || sub.Project == nil || sub.Project.Model == nil {
			continue
		}
		for name, want := range sub.Project.Model.Services[sub.Project.Service].Environment {
			e := sub.Vars[name]
			if want == nil || e == nil {
				continue
			}
			compared++
			assert.Equal(t, *want, e.Value, "%s in %s", name, path)
			if e.From == "environment" && len(e.Refs) == 0 && e.yaml == "string" {
				assert.Len(t, e.Pos, len(e.Value), "%s in %s has places", name, path)
				checkPlaces(t, e)
			}
		}
	}
	assert.Greater(t, compared, 400)
}

func TestTagVersion(t *testing.T) {
	t.Parallel()
	known, err := deployment.KnownVersions()
	require.NoError(t, err)
	for image, want := range map[string]string{
		"ghcr.io/paperless-ngx/paperless-ngx:2.20.15":                 "2.20.15",
		"ghcr.io/paperless-ngx/paperless-ngx:v2.19.6":                 "2.19.6",
		"ghcr.io/paperless-ngx/paperless-ngx:2.20":                    "2.20.15",
		"paperlessngx/paperless-ngx:2.20.15@sha256:0123":              "2.20.15",
		"ghcr.io/paperless-ngx/paperless-ngx:latest":                  "",
		"ghcr.io/paperless-ngx/paperless-ngx":                         "",
		"localhost:5000/paperless-ngx":                                "",
		"lscr.io/linuxserver/paperless-ngx:2.20.15-ls12":              "2.20.15",
		"ghcr.io/paperless-ngx/paperless-ngx:3.0.0-beta.rc1":          "3.0.0-beta.rc1",
		"ghcr.io/paperless-ngx/paperless-ngx:dev":                     "",
		"ghcr.io/paperless-ngx/paperless-ngx:1.17":                    "1.17.0",
		"ghcr.io/paperless-ngx/paperless-ngx@sha256:0123456789abcdef": "",
	} {
		assert.Equal(t, want, tagVersion(image, known.Paperless), image)
	}
}

func TestApplyKeepsEveryOtherByte(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		text  string
		edits []Edit
		want  string
	}{
		"replace":          {"a\nb # x\nc\n", []Edit{{From: 2, To: 2, Text: "B # x"}}, "a\nB # x\nc\n"},
		"delete":           {"a\nb\nc\n", []Edit{{From: 2, To: 2}}, "a\nc\n"},
		"insert":           {"a\nb\n", []Edit{{From: 2, To: 1, Text: "n"}}, "a\nn\nb\n"},
		"insert at end":    {"a\nb\n", []Edit{{From: 3, To: 2, Text: "n"}}, "a\nb\nn\n"},
		"no last line end": {"a\nb", []Edit{{From: 2, To: 2, Text: "B"}}, "a\nB"},
		"insert, no end":   {"a\nb", []Edit{{From: 3, To: 2, Text: "n"}}, "a\nb\nn"},
		"Windows":          {"a\r\nb\r\n", []Edit{{From: 1, To: 1, Text: "A"}, {From: 3, To: 2, Text: "n"}}, "A\r\nb\r\nn\r\n"},
		"several":          {"a\nb\nc\nd\n", []Edit{{From: 3, To: 3}, {From: 1, To: 1, Text: "A"}, {From: 2, To: 1, Text: "n"}}, "A\nn\nb\nd\n"},
		"mixed line ends":  {"a\nb\r\nc\n", []Edit{{From: 2, To: 2, Text: "B"}}, "a\nB\r\nc\n"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := apply([]byte(tt.text), tt.edits)
			require.NoError(t, err)
			assert.Equal(t, tt.want, string(got))
		})
	}
	_, err := apply([]byte("a\n"), []Edit{{From: 7, To: 7}})
	require.ErrorContains(t, err, "not there")
}

func TestDiff(t *testing.T) {
	t.Parallel()
	old := "a: 1\nPAPERLESS_SECRET_KEY: hunter2-key\nc: 3\nd: 4\ne: 5\nf: 6\ng: 7\nh: 8\ni: 9\nj: 10\nk: hunter2-key\n"
	updated := strings.Replace(strings.Replace(old, "c: 3", "c: 33", 1), "j: 10\n", "", 1)
	got := Diff([]byte(old), []byte(updated), "x.yaml")
	assert.NotContains(t, got, "hunter2")
	assert.Equal(t, strings.Join([]string{
		"--- x.yaml", "+++ x.yaml",
		"@@ -1,11 +1,10 @@", " a: 1", " PAPERLESS_SECRET_KEY: ********", "-c: 3", "+c: 33", " d: 4", " e: 5", " f: 6",
		" g: 7", " h: 8", " i: 9", "-j: 10", " k: ********", "",
	}, "\n"), got)
	assert.Empty(t, Diff([]byte(old), []byte(old), "x"))
	// Secrets whose lines differ must not show either.
	other := Diff([]byte(`"secret": "hunter2-old"`), []byte(`"secret": "hunter2-new"`), "x")
	assert.NotContains(t, other, "hunter2")
}
