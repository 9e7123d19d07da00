package source

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// environmentOf reads the environment of a service, list or mapping.
func environmentOf(d *document, service ast.Node, name string) []*Entry {
	env := d.Get(service, "environment")
	if env == nil {
		return nil
	}
	var out []*Entry
	for _, kv := range d.pairs(env) {
		e := &Entry{Name: kv.Key, NameAt: kv.at, From: "environment", Service: name}
		d.scalar(e, kv.Value)
		out = append(out, e)
	}
	for _, item := range d.items(env) {
		out = append(out, listItem(d, item, name)...)
	}
	for _, e := range out {
		e.Broken = e.Broken || d.broken[e.Name]
	}
	return out
}

// listItem reads an item of a list: NAME=value, NAME, or NAME: value, which YAML
// makes a mapping of.
func listItem(d *document, item ast.Node, service string) []*Entry {
	e := &Entry{From: "environment", Service: service}
	d.scalar(e, item)
	if e.Style == Mapping { // - KEY: value
		var out []*Entry
		for _, kv := range d.pairs(item) {
			e := &Entry{Name: kv.Key, NameAt: kv.at, From: "environment", Service: service}
			d.scalar(e, kv.Value)
			e.Extra = "list"
			out = append(out, e)
		}
		return out
	}
	key, value, found := strings.Cut(e.Raw, "=")
	e.Name, e.NameAt = key, e.ValueAt
	if len(e.Pos) > 0 {
		e.NameAt = e.Pos[0]
	}
	if !found {
		e.Style, e.Set, e.Raw = Absent, false, ""
		return []*Entry{e}
	}
	e.Raw = value
	if n := len(key) + 1; len(e.Pos) >= n {
		last := e.Pos[n-1] + 1
		e.Pos = e.Pos[n:]
		e.ValueAt = last
	}
	if e.Style == Plain {
		e.Style = Listed
	}
	if len(value) > 1 && (value[0] == '"' || value[0] == '\'') && value[len(value)-1] == value[0] {
		e.Quote = value[0]
	}
	return []*Entry{e}
}

// serviceEnv collects the variables of the service, lowest precedence first:
// env_file, then environment, each over the ones before it.
func (r *reader) serviceEnv(p *project) {
	var files, own []*Entry
	var paths []string
	seen := map[string]bool{}
	for _, d := range p.Docs {
		for _, s := range d.Services() {
			if s.Key != p.Service {
				for _, e := range environmentOf(d, s.Value, s.Key) {
					if strings.HasPrefix(e.Name, "PAPERLESS_") {
						e.Value = e.Raw
						p.Others = append(p.Others, e)
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
	if p.Model == nil {
		return
	}
	// compose-go has the last word on values.
	service, ok := p.Model.Services[p.Service]
	if !ok {
		return
	}
	last := map[string]*Entry{}
	for _, e := range own {
		last[e.Name] = e
	}
	for name, value := range service.Environment {
		e := last[name]
		switch {
		case value == nil, e != nil && (e.Unknown != "" || len(e.Gaps) > 0 || e.Broken):
		case e == nil: // from an extends or include that the text did not show
			f := p.Docs[0].file
			p.env = append(p.env, &Entry{Name: name, Value: *value, Raw: *value, Set: true, File: f, From: "environment", Service: p.Service})
		case !e.Set || e.Value != *value:
			if e.Style != Absent || *value != "" {
				e.Value, e.Set = *value, true
				if len(e.Pos) != len(*value) {
					e.Pos = nil
				}
			}
		}
	}
}

// extend collects a service with what it extends.
func (r *reader) extend(p *project, d *document, s pair, depth int, own, files *[]*Entry, paths *[]string, seen map[string]bool) {
	if depth > 8 {
		return
	}
	if ext := d.Get(s.Value, "extends"); ext != nil {
		name, path := d.Text(ext), ""
		if name == "" {
			name, path = d.Text(d.Get(ext, "service")), d.Text(d.Get(ext, "file"))
		}
		base := d
		if path, err := substitute(path, p.find); err == nil && path != "" {
			base = nil
			if f, err := openFile(d.file.beside(path)); err == nil {
				r.files = append(r.files, f)
				if doc, err := parseYAML(f); err == nil {
					r.Problems = append(r.Problems, doc.mended...)
					base = doc
				}
			}
		}
		if base != nil {
			for _, b := range base.Services() {
				if b.Key == name && (base != d || b.Key != s.Key) {
					if image := base.Text(base.Get(b.Value, "image")); image != "" && p.Images[s.Key] == "" {
						p.Images[s.Key], _ = substitute(image, p.find)
					}
					r.extend(p, base, b, depth+1, own, files, paths, seen)
				}
			}
		}
	}
	for _, ef := range envFiles(d, s.Value) {
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
				r.Open = append(r.Open, "stack.env, which Portainer makes of the environment of the stack")
				continue
			case !folderHere(full):
				r.Open = append(r.Open, "env_file "+path+", which is not on this machine")
				continue
			}
			r.Lacks = true
			if ef.required {
				r.Problems = append(r.Problems, Problem{
					Code: "CFG-ENVFILE", Level: Error, File: d.Read, At: ef.at, Width: len(ef.path), Refuses: ByCompose,
					Message: "env_file " + path + " cannot be read: Compose refuses to start",
					Fix:     "create it beside " + filepath.Base(d.file.Path) + ", or correct the path",
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
		r.Problems = append(r.Problems, problems...)
		*files = append(*files, entries...)
	}
	*own = append(*own, environmentOf(d, s.Value, p.Service)...)
}

// settle gives a variable of environment: its value.
func (r *reader) settle(p *project, e *Entry) {
	switch e.Style {
	case Absent:
		e.Value, e.Set = p.find(e.Name)
		if !e.Set {
			e.Unknown = "the shell (or .env) where docker compose runs"
			if p.stack {
				e.Unknown = "the environment of the stack in Portainer"
			}
		}
		return
	case Mapping:
		return
	}
	if e.yaml == "bool" || e.yaml == "number" {
		e.Value = e.Raw
		return
	}
	value, at, refs, err := interpolate(e.Raw, e.Pos, p.find)
	e.Value, e.Pos, e.Refs = value, at, refs
	if p.stack && err == nil {
		e.openRefs("set in Portainer")
	}
	if err != nil {
		r.Problems = append(r.Problems, dollarProblem(e, err))
	}
}

// folderHere reports whether the folder of a path is on this machine; if not, the
// files are looked at somewhere else than where they are used.
func folderHere(path string) bool {
	info, err := os.Stat(filepath.Dir(path))
	return err == nil && info.IsDir()
}

// openRefs makes gaps of the references that have no value here.
func (e *Entry) openRefs(why string) {
	var out strings.Builder
	var gaps []Gap
	last := 0
	for _, ref := range e.Refs {
		if ref.Name == "" || ref.Known || ref.Sub != "" {
			continue
		}
		// Pieces before it have been put together in order, so its place is found by
		// doing the same once more.
		head, err := substitute(e.Raw[last:ref.At], func(name string) (string, bool) { return e.refValue(name) })
		if err != nil {
			return
		}
		out.WriteString(head)
		gaps = append(gaps, Gap{at: out.Len(), n: len(ref.Text), Name: ref.Name, Why: why})
		out.WriteString(ref.Text)
		last = ref.At + len(ref.Text)
	}
	if len(gaps) == 0 {
		return
	}
	tail, err := substitute(e.Raw[last:], func(name string) (string, bool) { return e.refValue(name) })
	if err != nil {
		return
	}
	out.WriteString(tail)
	if len(gaps) == 1 && out.Len() == gaps[0].n {
		e.Unknown = "${" + gaps[0].Name + "}, " + why
		return
	}
	e.Value, e.Gaps, e.Pos = out.String(), gaps, nil
}

func (e *Entry) refValue(name string) (string, bool) {
	for _, ref := range e.Refs {
		if ref.Name == name {
			return ref.Sub, ref.Known
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
	node := d.Get(service, "env_file")
	if node == nil {
		return nil
	}
	var out []envFileRef
	add := func(n ast.Node) {
		if s := d.Text(n); s != "" {
			out = append(out, envFileRef{path: s, required: true, at: d.Place(n.GetToken())})
			return
		}
		path := d.Get(n, "path")
		if s := d.Text(path); s != "" {
			out = append(out, envFileRef{path: s, required: d.Text(d.Get(n, "required")) != "false", raw: d.Text(d.Get(n, "format")) == "raw", at: d.Place(path.GetToken())})
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
func (p *project) Uses(name string) bool {
	named := regexp.MustCompile(`\$\{?` + regexp.QuoteMeta(name) + `\b|\benvironment:\s*["']?` + regexp.QuoteMeta(name) + `\b["']?\s*(?:\n|$|\})`)
	for _, d := range p.Docs {
		if named.Match(d.Read.Text) {
			return true
		}
	}
	return false
}
