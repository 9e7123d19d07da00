package model

import (
	"encoding/json"
	"io"
	"maps"
	"slices"
	"strings"
)

// An object is JSON with its keys in order and spaced as Python writes it:
// Paperless quotes the raw body of an error in its log.
type object []pair

type pair struct {
	name  string
	value any
}

// sorted is an object of a map, some names first.
func sorted(m map[string]any, first ...string) object {
	var o object
	for _, name := range first {
		if v, ok := m[name]; ok {
			o = append(o, pair{name, v})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(m)) {
		if !slices.Contains(first, name) {
			o = append(o, pair{name, m[name]})
		}
	}
	return o
}

func python(sb *strings.Builder, v any) {
	switch v := v.(type) {
	case object:
		sb.WriteByte('{')
		for i, p := range v {
			if i > 0 {
				sb.WriteString(", ")
			}
			scalar(sb, p.name)
			sb.WriteString(": ")
			python(sb, p.value)
		}
		sb.WriteByte('}')
	case map[string]any:
		python(sb, sorted(v))
	case []string:
		items := make([]any, 0, len(v))
		for _, s := range v {
			items = append(items, s)
		}
		python(sb, items)
	case []any:
		sb.WriteByte('[')
		for i, item := range v {
			if i > 0 {
				sb.WriteString(", ")
			}
			python(sb, item)
		}
		sb.WriteByte(']')
	default:
		scalar(sb, v)
	}
}

func scalar(sb *strings.Builder, v any) {
	var out strings.Builder
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		sb.WriteString("null") // plain data always encodes
		return
	}
	sb.WriteString(strings.TrimSpace(out.String()))
}

func (v *visit) json(status int, body any) {
	var sb strings.Builder
	python(&sb, body)
	v.w.Header().Set("Content-Type", "application/json")
	v.w.WriteHeader(status)
	_, _ = io.WriteString(v.w, sb.String()) // the client went away: nothing to do
}
