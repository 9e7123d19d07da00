package model

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/paperless"
)

// The texts of 3.11 were printed by CPython 3.11's json.loads. That of 3.13 for
// an object was recorded (fixtures/observed.json#12-json-trailing-comma); the one for an
// array follows it.
func TestPyJSONErrors(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		text string
		py11 string
		py13 string // empty: the same
	}{
		"empty":                 {"", "Expecting value: line 1 column 1 (char 0)", ""},
		"space only":            {" \n", "Expecting value: line 2 column 1 (char 2)", ""},
		"trailing comma object": {`{"a": 1,}`, "Expecting property name enclosed in double quotes: line 1 column 9 (char 8)", "Illegal trailing comma before end of object: line 1 column 8 (char 7)"},
		"trailing comma array":  {`[1, ]`, "Expecting value: line 1 column 5 (char 4)", "Illegal trailing comma before end of array: line 1 column 3 (char 2)"},
		"single quotes":         {`{'a': 1}`, "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)", ""},
		"python True":           {`{"a": True}`, "Expecting value: line 1 column 7 (char 6)", ""},
		"unbalanced":            {`{"a": {"b": 1}`, "Expecting ',' delimiter: line 1 column 15 (char 14)", ""},
		"no colon":              {`{"a" 1}`, "Expecting ':' delimiter: line 1 column 6 (char 5)", ""},
		"no comma":              {"{\"a\": 1\n \"b\": 2}", "Expecting ',' delimiter: line 2 column 2 (char 9)", ""},
		"extra":                 {`{} {}`, "Extra data: line 1 column 4 (char 3)", ""},
		"open string":           {`{"a": "b`, "Unterminated string starting at: line 1 column 7 (char 6)", ""},
		"open escape":           {`"a\`, "Unterminated string starting at: line 1 column 1 (char 0)", ""},
		"newline in string":     {"\"a\nb\"", "Invalid control character at: line 1 column 3 (char 2)", ""},
		"bad escape":            {`"a\x"`, `Invalid \escape: line 1 column 3 (char 2)`, ""},
		"bad unicode":           {`"\u12g4 "`, `Invalid \uXXXX escape: line 1 column 3 (char 2)`, ""},
		"bom":                   {"\ufeff{}", "Unexpected UTF-8 BOM (decode using utf-8-sig): line 1 column 1 (char 0)", ""},
		"minus":                 {"-", "Expecting value: line 1 column 1 (char 0)", ""},
		"open array":            {"[", "Expecting value: line 1 column 2 (char 1)", ""},
		"open object":           {"{", "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)", ""},
		"quoted whole":          {`'{"a": 1}'`, "Expecting value: line 1 column 1 (char 0)", ""},
		"umlaut counts once":    {`{"ä": ö}`, "Expecting value: line 1 column 7 (char 6)", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := pyJSON(tt.text, false)
			require.EqualError(t, err, tt.py11)
			want := tt.py13
			if want == "" {
				want = tt.py11
			}
			_, err = pyJSON(tt.text, true)
			require.EqualError(t, err, want)
		})
	}
}

func TestPyJSONValues(t *testing.T) {
	t.Parallel()
	v, err := pyJSON(` {"s": "a\u00e9\ud83d\ude00\n", "n": -12, "f": 1.5e1, "l": [true, false, null], "o": {}, "s": "last"} `, true)
	require.NoError(t, err)
	assert.Equal(t, map[string]any{"s": "last", "n": int64(-12), "f": 15.0, "l": []any{true, false, nil}, "o": map[string]any{}}, v)
	v, err = pyJSON(`"a\u00e9\ud83d\ude00\n"`, true)
	require.NoError(t, err)
	assert.Equal(t, "aé😀\n", v)
}

func TestPythonWords(t *testing.T) {
	t.Parallel()
	assert.Equal(t, `'on'`, pyRepr("on"))
	assert.Equal(t, `"it's"`, pyRepr("it's"))
	assert.Equal(t, `b'{"error": "x"}'`, pyBytes([]byte(`{"error": "x"}`)))
	assert.Equal(t, `b"it's\xc3\xa4\n"`, pyBytes([]byte("it'sä\n")))
	for _, v := range []any{"False", []any{0}, int64(1), true} {
		assert.True(t, paperless.Truthy(v), "%v", v)
	}
	for _, v := range []any{"", nil, []any{}, int64(0), false, map[string]any{}} {
		assert.False(t, paperless.Truthy(v), "%v", v)
	}
}
