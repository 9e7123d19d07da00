package source

import (
	"path/filepath"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/ssocheck/ssocheck/e2e/internal/lazyregexp"
)

// chart reads the values that a HelmRelease or the like hands to a chart.
func (c *cluster) chart(d *document, n ast.Node, kind string) {
	spec := d.Get(n, "spec")
	values := []ast.Node{d.Get(spec, "values")}
	sources := append(d.items(d.Get(spec, "sources")), d.Get(spec, "source"))
	for _, s := range sources {
		values = append(values, d.Get(d.Get(s, "helm"), "valuesObject"))
		if text := d.Get(d.Get(s, "helm"), "values"); text != nil {
			c.text(d, text)
		}
		for _, p := range d.items(d.Get(d.Get(s, "helm"), "parameters")) {
			c.parameter(d, p)
		}
	}
	if text := d.Get(spec, "valuesContent"); text != nil {
		c.text(d, text)
	}
	for _, v := range values {
		if v != nil {
			c.charts = append(c.charts, c.r.walkValues(c, d, v)...)
		}
	}
	if c.r.Image == "" && c.tag != "" && len(c.charts) > 0 {
		c.r.Image = "paperless-ngx:" + c.tag
	}
	c.r.Open = append(c.r.Open, "the chart of this "+kind+" and what it fills in")
}

var parameterName = lazyregexp.New(`(?:^|[.\[])(PAPERLESS_[A-Z0-9_]+)\]?(?:\.value)?$`)

// parameter reads a value that is set by its path, such as env.PAPERLESS_URL.
func (c *cluster) parameter(d *document, n ast.Node) {
	name := d.Get(n, "name")
	if d.Text(name) == "image.tag" && c.tag == "" {
		c.tag = d.Text(d.Get(n, "value"))
	}
	m := parameterName.FindStringSubmatchIndex(d.Text(name))
	if m == nil || d.Get(n, "value") == nil {
		return
	}
	path := d.Text(name)
	e := &Entry{Name: path[m[2]:m[3]], From: "values", form: asItem, path: [2]string{path[:m[2]], path[m[3]:]}}
	d.scalar(e, d.Get(n, "value"))
	e.NameAt = d.Place(name.GetToken())
	e.Value = strings.ReplaceAll(e.Raw, `\,`, ",") // Helm takes a comma for the next parameter
	if e.Value != e.Raw {
		e.Pos = nil
	}
	c.r.opaque(e, true)
	c.charts = append(c.charts, e)
}

// text reads values that stand as a text in a manifest.
func (c *cluster) text(d *document, n ast.Node) {
	e := &Entry{File: d.Read}
	d.scalar(e, n)
	if e.Style != Literal && e.Style != Folded {
		return
	}
	from, _ := d.Read.At(e.ValueAt)
	to := e.lastLine()
	var text strings.Builder
	for line := 1; line <= len(d.Read.starts); line++ {
		if line > from && line <= to {
			text.WriteString(d.Read.line(line))
		}
		text.WriteByte('\n')
	}
	inner, err := newFile(d.file.Path, []byte(text.String()))
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
		for _, g := range d.items(d.Get(n, generator)) {
			o := c.named(kind + "/" + d.Text(d.Get(g, "name")))
			envs := d.items(d.Get(g, "envs"))
			if one := d.Get(g, "env"); one != nil {
				envs = append(envs, one)
			}
			for _, item := range envs {
				for _, e := range c.r.literalFile(d.file, d.Text(item), "envs of the "+generator) {
					o.put(e)
				}
			}
			for _, item := range d.items(d.Get(g, "files")) {
				if e := c.r.keyFile(d.file, d.Text(item)); e != nil {
					o.put(e)
				}
			}
			for _, item := range d.items(d.Get(g, "literals")) {
				for _, e := range listItem(d, item, "") {
					e.Value = e.Raw
					if e.Quote != 0 { // kustomize takes quotes around a value off
						e.Value = e.Raw[1 : len(e.Raw)-1]
					}
					e.From, e.Set, e.form = "manifest", true, asLiteral
					o.put(e)
				}
			}
		}
	}
}

// isKustomization reports whether a document without a kind is a Kustomization.
func isKustomization(d *document, n ast.Node) bool {
	return d.Get(n, "configMapGenerator") != nil || d.Get(n, "secretGenerator") != nil || d.Get(n, "resources") != nil
}

// keyFile reads KEY=path, or a path whose last part is the key: what the file
// holds is the value.
func (r *reader) keyFile(f *file, text string) *Entry {
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
	value := string(file.Text)
	return &Entry{Name: key, Value: value, Raw: value, Set: true, Style: Bare, File: file, From: "file", Pos: span(0, len(value)), End: len(value)}
}

// resources are the files that a Kustomization among the files names, as far as
// they are here and were not given.
func (r *reader) resources(files []*file) []*file {
	known := map[string]bool{}
	for _, f := range r.files {
		known[filepath.Clean(f.Path)] = true
	}
	for i := 0; i < len(files) && len(files) < 200; i++ {
		f := files[i]
		docs, err := parseDocuments(f)
		if err != nil || f.virtual {
			continue
		}
		for _, d := range docs {
			if k := d.Text(d.Get(d.root, "kind")); k != "Kustomization" && k != "Component" && (k != "" || !isKustomization(d, d.root)) {
				continue
			}
			for _, item := range d.items(d.Get(d.root, "resources")) {
				path := filepath.Clean(f.beside(d.Text(item)))
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
