package config

import (
	"fmt"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// readInspect reads what docker inspect (or podman inspect) prints: the
// environment as it really is. With several containers the one that is
// Paperless counts.
func (r *reader) readInspect(f *file) ([]*entry, error) {
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
			config := d.get(n, "Config")
			image := d.text(d.get(config, "Image"))
			name := strings.TrimPrefix(d.text(d.get(n, "Name")), "/")
			names = append(names, name)
			if want := r.sources.Service; want != "" && want != name || want == "" && len(list) > 1 && !paperlessImage.MatchString(image) {
				continue
			}
			var out []*entry
			for _, item := range d.items(d.get(config, "Env")) {
				for _, e := range listItem(d, item, "") {
					e.from, e.value, e.quote = "inspect", e.raw, 0
					e.set = e.style != absent
					out = append(out, e)
				}
			}
			r.image = image
			for _, kv := range d.pairs(d.get(config, "Labels")) {
				r.label(kv.key + "=" + d.text(kv.value))
			}
			if v := d.text(d.get(d.get(config, "Labels"), "org.opencontainers.image.version")); v != "" && paperlessImage.MatchString(image) && tagNumber.MatchString(v) {
				r.image = "paperless-ngx:" + v
			}
			if !anySetting(out) && !paperlessImage.MatchString(image) {
				return nil, fmt.Errorf("%w: the container %s is not Paperless: it has no PAPERLESS_ variable; name the one that is", ErrUnreadable, name)
			}
			return out, nil
		}
	}
	return nil, fmt.Errorf("%w: none of these containers is Paperless: %s; name it with --service", ErrService, strings.Join(names, ", "))
}

// readPrinted reads what env prints: values as they are, one that has line
// breaks over several lines.
func (r *reader) readPrinted(f *file) ([]*entry, error) {
	r.whole = true
	var out []*entry
	for n := 1; n <= len(f.starts); n++ {
		line, start := f.line(n), f.starts[n-1]
		name, value, ok := strings.Cut(line, "=")
		if !ok || !variableName.MatchString(name) {
			if len(out) > 0 {
				e := out[len(out)-1]
				e.value += "\n" + line
				e.raw = e.value
				e.pos = append(e.pos, max(start-1, 0))
				e.pos = append(e.pos, span(start, len(line))...)
				e.end = start + len(line)
			}
			continue
		}
		at := start + len(name) + 1
		out = append(out, &entry{
			name: name, value: value, raw: value, set: true, style: bare, file: f, from: "printed",
			nameAt: start, valueAt: at, end: at + len(value), pos: span(at, len(value)),
		})
	}
	for _, e := range out { // the line break at the end of the output
		e.value = strings.TrimRight(e.value, "\n")
		e.raw = e.value
		e.pos = e.pos[:min(len(e.pos), len(e.value))]
	}
	if !anySetting(out) {
		return nil, fmt.Errorf("%w: %s has no PAPERLESS_ variable; run env in the container of Paperless", ErrUnreadable, f.path)
	}
	return out, nil
}
