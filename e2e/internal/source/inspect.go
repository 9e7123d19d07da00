package source

import (
	"fmt"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// readInspect reads what docker inspect (or podman inspect) prints: the
// environment as it really is. With several containers the one that is
// Paperless counts.
func (r *reader) readInspect(f *file) ([]*Entry, error) {
	docs, err := parseDocuments(f)
	if err != nil {
		return nil, err
	}
	r.whole = true
	var names []string
	for _, d := range docs {
		list := d.items(d.root)
		if list == nil {
			list = []ast.Node{d.root}
		}
		for _, n := range list {
			config := d.Get(n, "Config")
			image := d.Text(d.Get(config, "Image"))
			name := strings.TrimPrefix(d.Text(d.Get(n, "Name")), "/")
			names = append(names, name)
			if want := r.Sources.Service; want != "" && want != name || want == "" && len(list) > 1 && !PaperlessImage.MatchString(image) {
				continue
			}
			var out []*Entry
			for _, item := range d.items(d.Get(config, "Env")) {
				for _, e := range listItem(d, item, "") {
					e.From, e.Value, e.Quote = "inspect", e.Raw, 0
					e.Set = e.Style != Absent
					out = append(out, e)
				}
			}
			r.Image = image
			for _, kv := range d.pairs(d.Get(config, "Labels")) {
				r.label(kv.Key + "=" + d.Text(kv.Value))
			}
			if v := d.Text(d.Get(d.Get(config, "Labels"), "org.opencontainers.image.version")); v != "" && PaperlessImage.MatchString(image) && tagNumber.MatchString(v) {
				r.Image = "paperless-ngx:" + v
			}
			if !anySetting(out) && !PaperlessImage.MatchString(image) {
				return nil, fmt.Errorf("%w: the container %s is not Paperless: it has no PAPERLESS_ variable; name the one that is", ErrUnreadable, name)
			}
			return out, nil
		}
	}
	return nil, fmt.Errorf("%w: none of these containers is Paperless: %s; name it with --service", ErrService, strings.Join(names, ", "))
}

// readPrinted reads what env prints: values as they are, one that has line
// breaks over several lines.
func (r *reader) readPrinted(f *file) ([]*Entry, error) {
	r.whole = true
	var out []*Entry
	for n := 1; n <= len(f.starts); n++ {
		line, start := f.line(n), f.starts[n-1]
		name, value, ok := strings.Cut(line, "=")
		if !ok || !variableName.MatchString(name) {
			if len(out) > 0 {
				e := out[len(out)-1]
				e.Value += "\n" + line
				e.Raw = e.Value
				e.Pos = append(e.Pos, max(start-1, 0))
				e.Pos = append(e.Pos, span(start, len(line))...)
				e.End = start + len(line)
			}
			continue
		}
		at := start + len(name) + 1
		out = append(out, &Entry{
			Name: name, Value: value, Raw: value, Set: true, Style: Bare, File: f, From: "printed",
			NameAt: start, ValueAt: at, End: at + len(value), Pos: span(at, len(value)),
		})
	}
	for _, e := range out { // the line break at the end of the output
		e.Value = strings.TrimRight(e.Value, "\n")
		e.Raw = e.Value
		e.Pos = e.Pos[:min(len(e.Pos), len(e.Value))]
	}
	if !anySetting(out) {
		return nil, fmt.Errorf("%w: %s has no PAPERLESS_ variable; run env in the container of Paperless", ErrUnreadable, f.Path)
	}
	return out, nil
}
