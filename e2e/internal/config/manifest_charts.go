package config

import (
	"path/filepath"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// chart reads the values that a HelmRelease or the like hands to a chart.
func (c *cluster) chart(d *document, n ast.Node, kind string) {
	spec := d.get(n, "spec")
	values := []ast.Node{d.get(spec, "values")}
	sources := append(d.items(d.get(spec, "sources")), d.get(spec, "source"))
	for _, s := range sources {
		values = append(values, d.get(d.get(s, "helm"), "valuesObject"))
		if text := d.get(d.get(s, "helm"), "values"); text != nil {
			c.text(d, text)
		}
		for _, p := range d.items(d.get(d.get(s, "helm"), "parameters")) {
			c.parameter(d, p)
		}
	}
	if text := d.get(spec, "valuesContent"); text != nil {
		c.text(d, text)
	}
	for _, v := range values {
		if v != nil {
			c.charts = append(c.charts, c.r.walkValues(c, d, v)...)
		}
	}
	c.r.open = append(c.r.open, "the chart of this "+kind+" and what it fills in")
}

var parameterName = regexp.MustCompile(`(?:^|[.\[])(PAPERLESS_[A-Z0-9_]+)\]?(?:\.value)?$`)

// parameter reads a value that is set by its path, such as env.PAPERLESS_URL.
func (c *cluster) parameter(d *document, n ast.Node) {
	name := d.get(n, "name")
	m := parameterName.FindStringSubmatchIndex(d.text(name))
	if m == nil || d.get(n, "value") == nil {
		return
	}
	e := &entry{name: d.text(name)[m[2]:m[3]], from: "values", form: asItem}
	d.scalar(e, d.get(n, "value"))
	e.nameAt = d.place(name.GetToken())
	e.value = strings.ReplaceAll(e.raw, `\,`, ",") // Helm takes a comma for the next parameter
	if e.value != e.raw {
		e.pos = nil
	}
	c.r.opaque(e, true)
	c.charts = append(c.charts, e)
}

// text reads values that stand as a text in a manifest.
func (c *cluster) text(d *document, n ast.Node) {
	e := &entry{file: d.read}
	d.scalar(e, n)
	if e.style != literal && e.style != folded {
		return
	}
	from, _ := d.read.at(e.valueAt)
	to := e.lastLine()
	var text strings.Builder
	for line := 1; line <= len(d.read.starts); line++ {
		if line > from && line <= to {
			text.WriteString(d.read.line(line))
		}
		text.WriteByte('\n')
	}
	inner, err := newFile(d.file.path, []byte(text.String()))
	if err != nil {
		return
	}
	inner.disk, inner.kind = d.file, d.file.kind
	docs, err := parseDocuments(inner)
	if err != nil {
		return
	}
	for _, doc := range docs {
		c.charts = append(c.charts, c.r.walkValues(c, doc, doc.root)...)
	}
}

// kustomization reads the literals that its generators make variables of.
func (c *cluster) kustomization(d *document, n ast.Node) {
	for _, kind := range []string{"ConfigMap", "Secret"} {
		generator := map[string]string{"ConfigMap": "configMapGenerator", "Secret": "secretGenerator"}[kind]
		for _, g := range d.items(d.get(n, generator)) {
			key := kind + "/" + d.text(d.get(g, "name"))
			o := c.objects[key]
			if o == nil {
				o = &object{name: key, keys: map[string]*entry{}}
				c.objects[key] = o
			}
			put := func(e *entry) {
				if o.keys[e.name] == nil {
					o.list = append(o.list, e.name)
				}
				o.keys[e.name] = e
			}
			envs := d.items(d.get(g, "envs"))
			if one := d.get(g, "env"); one != nil {
				envs = append(envs, one)
			}
			for _, item := range envs {
				for _, e := range c.r.literalFile(d.file, d.text(item), "envs of the "+generator) {
					put(e)
				}
			}
			for _, item := range d.items(d.get(g, "files")) {
				if e := c.r.keyFile(d.file, d.text(item)); e != nil {
					put(e)
				}
			}
			for _, item := range d.items(d.get(g, "literals")) {
				for _, e := range listItem(d, item, "") {
					e.value = e.raw
					if e.quote != 0 { // kustomize takes quotes around a value off
						e.value = e.raw[1 : len(e.raw)-1]
					}
					e.from, e.set, e.form = "manifest", true, asLiteral
					put(e)
				}
			}
		}
	}
}

// isKustomization reports whether a document without a kind is a Kustomization.
func isKustomization(d *document, n ast.Node) bool {
	return d.get(n, "configMapGenerator") != nil || d.get(n, "secretGenerator") != nil || d.get(n, "resources") != nil
}

// keyFile reads KEY=path, or a path whose last part is the key: what the file
// holds is the value.
func (r *reader) keyFile(f *file, text string) *entry {
	key, path, named := strings.Cut(text, "=")
	if !named {
		key, path = filepath.Base(text), text
	}
	file, err := openFile(f.beside(path))
	if err != nil || f.virtual {
		return nil
	}
	file.kind = envKind
	r.files = append(r.files, file)
	value := string(file.text)
	return &entry{name: key, value: value, raw: value, set: true, style: bare, file: file, from: "file", pos: span(0, len(value)), end: len(value)}
}

// resources are the files that a Kustomization among the files names, as far as
// they are here and were not given.
func (r *reader) resources(files []*file) []*file {
	known := map[string]bool{}
	for _, f := range r.files {
		known[filepath.Clean(f.path)] = true
	}
	for i := 0; i < len(files) && len(files) < 200; i++ {
		f := files[i]
		docs, err := parseDocuments(f)
		if err != nil || f.virtual {
			continue
		}
		for _, d := range docs {
			if k := d.text(d.get(d.root, "kind")); k != "Kustomization" && k != "Component" && (k != "" || !isKustomization(d, d.root)) {
				continue
			}
			for _, item := range d.items(d.get(d.root, "resources")) {
				path := filepath.Clean(f.beside(d.text(item)))
				if known[path] {
					continue
				}
				more, err := openFile(path)
				if err != nil {
					continue
				}
				known[path] = true
				if more.kind, err = recognise(more); err == nil && more.kind == manifestKind {
					r.files = append(r.files, more)
					files = append(files, more)
				}
			}
		}
	}
	return files
}
