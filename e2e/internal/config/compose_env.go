package config

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// environmentOf reads the environment of a service, list or mapping.
func environmentOf(d *document, service ast.Node, name string) []*entry {
	env := d.get(service, "environment")
	if env == nil {
		return nil
	}
	var out []*entry
	for _, kv := range d.pairs(env) {
		e := &entry{name: kv.key, nameAt: kv.at, from: "environment", service: name}
		d.scalar(e, kv.value)
		out = append(out, e)
	}
	for _, item := range d.items(env) {
		out = append(out, listItem(d, item, name)...)
	}
	for _, e := range out {
		e.broken = e.broken || d.broken[e.name]
	}
	return out
}

// listItem reads an item of a list: NAME=value, NAME, or NAME: value, which YAML
// makes a mapping of.
func listItem(d *document, item ast.Node, service string) []*entry {
	e := &entry{from: "environment", service: service}
	d.scalar(e, item)
	if e.style == mapping { // - KEY: value
		var out []*entry
		for _, kv := range d.pairs(item) {
			e := &entry{name: kv.key, nameAt: kv.at, from: "environment", service: service}
			d.scalar(e, kv.value)
			e.extra = "list"
			out = append(out, e)
		}
		return out
	}
	key, value, found := strings.Cut(e.raw, "=")
	e.name, e.nameAt = key, e.valueAt
	if len(e.pos) > 0 {
		e.nameAt = e.pos[0]
	}
	if !found {
		e.style, e.set, e.raw = absent, false, ""
		return []*entry{e}
	}
	e.raw = value
	if n := len(key) + 1; len(e.pos) >= n {
		last := e.pos[n-1] + 1
		e.pos = e.pos[n:]
		e.valueAt = last
	}
	if e.style == plain {
		e.style = listed
	}
	if len(value) > 1 && (value[0] == '"' || value[0] == '\'') && value[len(value)-1] == value[0] {
		e.quote = value[0]
	}
	return []*entry{e}
}

// serviceEnv collects the variables of the service, lowest precedence first:
// env_file, then environment, each over the ones before it.
func (r *reader) serviceEnv(p *project) {
	var files, own []*entry
	var paths []string
	seen := map[string]bool{}
	for _, d := range p.docs {
		for _, s := range d.services() {
			if s.key != p.service {
				for _, e := range environmentOf(d, s.value, s.key) {
					if strings.HasPrefix(e.name, "PAPERLESS_") {
						e.value = e.raw
						p.others = append(p.others, e)
					}
				}
				continue
			}
			r.extend(p, d, s, 0, &own, &files, &paths, seen)
		}
	}
	for _, e := range own {
		r.settle(p, e)
	}
	p.env = append(files, own...)
	if p.model == nil {
		return
	}
	// compose-go has the last word on values.
	service, ok := p.model.Services[p.service]
	if !ok {
		return
	}
	last := map[string]*entry{}
	for _, e := range own {
		last[e.name] = e
	}
	for name, value := range service.Environment {
		e := last[name]
		switch {
		case value == nil, e != nil && (e.unknown != "" || len(e.gaps) > 0 || e.broken):
		case e == nil: // from an extends or include that the text did not show
			f := p.docs[0].file
			p.env = append(p.env, &entry{name: name, value: *value, raw: *value, set: true, file: f, from: "environment", service: p.service})
		case !e.set || e.value != *value:
			if e.style != absent || *value != "" {
				e.value, e.set = *value, true
				if len(e.pos) != len(*value) {
					e.pos = nil
				}
			}
		}
	}
}

// extend collects a service with what it extends.
func (r *reader) extend(p *project, d *document, s pair, depth int, own, files *[]*entry, paths *[]string, seen map[string]bool) {
	if depth > 8 {
		return
	}
	if ext := d.get(s.value, "extends"); ext != nil {
		name, path := d.text(ext), ""
		if name == "" {
			name, path = d.text(d.get(ext, "service")), d.text(d.get(ext, "file"))
		}
		base := d
		if path, err := substitute(path, p.find); err == nil && path != "" {
			base = nil
			if f, err := openFile(d.file.beside(path)); err == nil {
				r.files = append(r.files, f)
				if doc, err := parseYAML(f); err == nil {
					r.problems = append(r.problems, doc.mended...)
					base = doc
				}
			}
		}
		if base != nil {
			for _, b := range base.services() {
				if b.key == name && (base != d || b.key != s.key) {
					if image := base.text(base.get(b.value, "image")); image != "" && p.images[s.key] == "" {
						p.images[s.key], _ = substitute(image, p.find)
					}
					r.extend(p, base, b, depth+1, own, files, paths, seen)
				}
			}
		}
	}
	for _, ef := range envFiles(d, s.value) {
		path, err := substitute(ef.path, p.find)
		if err != nil {
			continue
		}
		full := d.file.beside(path)
		if seen[full] {
			continue
		}
		seen[full] = true
		*paths = append(*paths, full)
		f, err := openFile(full)
		if err != nil {
			switch {
			case filepath.Base(path) == "stack.env":
				p.stack = true
				r.open = append(r.open, "stack.env, which Portainer makes of the environment of the stack")
				continue
			case !folderHere(full):
				r.open = append(r.open, "env_file "+path+", which is not on this machine")
				continue
			}
			r.lacks = true
			if ef.required {
				r.problems = append(r.problems, problem{
					code: "CFG-ENVFILE", level: Error, file: d.read, at: ef.at, width: len(ef.path), refuses: byCompose,
					message: "env_file " + path + " cannot be read: Compose refuses to start",
					fix:     "create it beside " + filepath.Base(d.file.path) + ", or correct the path",
				})
			}
			continue
		}
		r.files = append(r.files, f)
		if ef.raw {
			*files = append(*files, readLiteral(f)...)
			continue
		}
		entries, problems := readEnvFile(f, p.find)
		r.problems = append(r.problems, problems...)
		*files = append(*files, entries...)
	}
	*own = append(*own, environmentOf(d, s.value, p.service)...)
}

// settle gives a variable of environment: its value.
func (r *reader) settle(p *project, e *entry) {
	switch e.style {
	case absent:
		e.value, e.set = p.find(e.name)
		if !e.set {
			e.unknown = "the shell (or .env) where docker compose runs"
			if p.stack {
				e.unknown = "the environment of the stack in Portainer"
			}
		}
		return
	case mapping:
		return
	}
	if e.yaml == "bool" || e.yaml == "number" {
		e.value = e.raw
		return
	}
	value, at, refs, err := interpolate(e.raw, e.pos, p.find)
	e.value, e.pos, e.refs = value, at, refs
	if p.stack && err == nil {
		e.openRefs("set in Portainer")
	}
	if err != nil {
		r.problems = append(r.problems, dollarProblem(e, err))
	}
}

// folderHere reports whether the folder of a path is on this machine; if not, the
// files are looked at somewhere else than where they are used.
func folderHere(path string) bool {
	info, err := os.Stat(filepath.Dir(path))
	return err == nil && info.IsDir()
}

// openRefs makes gaps of the references that have no value here.
func (e *entry) openRefs(why string) {
	var out strings.Builder
	var gaps []gap
	last := 0
	for _, ref := range e.refs {
		if ref.name == "" || ref.known || ref.sub != "" {
			continue
		}
		// Pieces before it have been put together in order, so its place is found by
		// doing the same once more.
		head, err := substitute(e.raw[last:ref.at], func(name string) (string, bool) { return e.refValue(name) })
		if err != nil {
			return
		}
		out.WriteString(head)
		gaps = append(gaps, gap{at: out.Len(), n: len(ref.text), name: ref.name, why: why})
		out.WriteString(ref.text)
		last = ref.at + len(ref.text)
	}
	if len(gaps) == 0 {
		return
	}
	tail, err := substitute(e.raw[last:], func(name string) (string, bool) { return e.refValue(name) })
	if err != nil {
		return
	}
	out.WriteString(tail)
	if len(gaps) == 1 && out.Len() == gaps[0].n {
		e.unknown = "${" + gaps[0].name + "}, " + why
		return
	}
	e.value, e.gaps, e.pos = out.String(), gaps, nil
}

func (e *entry) refValue(name string) (string, bool) {
	for _, ref := range e.refs {
		if ref.name == name {
			return ref.sub, ref.known
		}
	}
	return "", false
}

// An envFileRef is one env_file of a service.
type envFileRef struct {
	path     string
	required bool
	raw      bool // format: raw: the values are as they are written
	at       int
}

func envFiles(d *document, service ast.Node) []envFileRef {
	node := d.get(service, "env_file")
	if node == nil {
		return nil
	}
	var out []envFileRef
	add := func(n ast.Node) {
		if s := d.text(n); s != "" {
			out = append(out, envFileRef{path: s, required: true, at: d.place(n.GetToken())})
			return
		}
		path := d.get(n, "path")
		if s := d.text(path); s != "" {
			out = append(out, envFileRef{path: s, required: d.text(d.get(n, "required")) != "false", raw: d.text(d.get(n, "format")) == "raw", at: d.place(path.GetToken())})
		}
	}
	if items := d.items(node); items != nil {
		for _, n := range items {
			add(n)
		}
		return out
	}
	add(node)
	return out
}

// uses reports whether the compose files name a variable outside of the service's
// environment: in a secret made of it, or as ${NAME}.
func (p *project) uses(name string) bool {
	named := regexp.MustCompile(`\$\{?` + regexp.QuoteMeta(name) + `\b|\benvironment:\s*["']?` + regexp.QuoteMeta(name) + `\b["']?\s*(?:\n|$|\})`)
	for _, d := range p.docs {
		if named.Match(d.read.text) {
			return true
		}
	}
	return false
}
