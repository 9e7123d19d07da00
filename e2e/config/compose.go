package config

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/template"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/goccy/go-yaml/ast"
)

// ErrService says that the Paperless service cannot be told from the others.
var ErrService = errors.New("which service is Paperless?")

// A project is what was read of compose files: values from compose-go, places
// from the text.
type project struct {
	docs    []*document // in order, each before the ones that override it
	model   *types.Project
	service string
	env     []*entry // of the service, in the order in which they take effect
	dotenv  []*entry // .env beside the first file
	images  map[string]string
	others  []*entry // PAPERLESS_ variables of other services
	talks   bool     // compose-go would log pieces of values
	find    lookup
	stack   bool // a stack of Portainer, which sets what stands in stack.env, and ${NAME}
}

// readCompose reads compose files as Compose does. Problems that Compose would
// stop at are findings; what can be read is read all the same.
func (r *reader) readCompose(files []*file) (*project, error) {
	p := &project{images: map[string]string{}}
	dir := filepath.Dir(files[0].path)
	if f, err := openFile(filepath.Join(dir, ".env")); err == nil {
		var problems []problem
		p.dotenv, problems = readEnvFile(f, r.environ)
		r.problems = append(r.problems, problems...)
		r.files = append(r.files, f)
		for _, e := range p.dotenv {
			e.from = "dotenv"
		}
	}
	p.find = r.lookupWith(p.dotenv)
	for _, f := range files {
		if err := r.addDocument(p, f, 0); err != nil {
			return nil, err
		}
	}
	r.loadModel(p, dir)
	if err := p.choose(r.sources.Service); err != nil {
		return nil, err
	}
	r.serviceEnv(p)
	return p, nil
}

// lookupWith finds a variable as Compose does for ${NAME}: the shell first,
// then .env.
func (r *reader) lookupWith(dotenv []*entry) lookup {
	values := map[string]string{}
	for _, e := range dotenv {
		if e.set {
			values[e.name] = e.value
		}
	}
	maps.Copy(values, r.sources.Environ)
	return func(name string) (string, bool) { v, ok := values[name]; return v, ok }
}

// addDocument parses a file and what it includes.
func (r *reader) addDocument(p *project, f *file, depth int) error {
	d, err := parseYAML(f)
	if err != nil {
		return err
	}
	r.problems = append(r.problems, d.mended...)
	for _, path := range includedEnv(d) {
		if value, err := substitute(path, p.find); err == nil {
			path = value
		}
		p.talks = p.talks || depth >= 4 || namesUnset(path, p.find)
	}
	if depth < 4 {
		for _, path := range includes(d) {
			value, err := substitute(path, p.find)
			if err != nil {
				continue
			}
			if inc, err := openFile(f.beside(value)); err == nil {
				r.files = append(r.files, inc)
				if err := r.addDocument(p, inc, depth+1); err != nil {
					return err
				}
			}
		}
	}
	p.docs = append(p.docs, d)
	return nil
}

func includes(d *document) []string {
	if d.root == nil {
		return nil
	}
	var out []string
	for _, n := range d.items(d.get(d.root, "include")) {
		if s := d.text(n); s != "" {
			out = append(out, s)
			continue
		}
		path := d.get(n, "path")
		if s := d.text(path); s != "" {
			out = append(out, s)
		}
		for _, item := range d.items(path) {
			out = append(out, d.text(item))
		}
	}
	return out
}

// includedEnv are the env files that Compose reads for what a file includes.
func includedEnv(d *document) []string {
	if d.root == nil {
		return nil
	}
	var out []string
	for _, n := range d.items(d.get(d.root, "include")) {
		path, dir := d.get(n, "path"), d.text(d.get(n, "project_directory"))
		first := cmp.Or(d.text(n), d.text(path))
		if list := d.items(path); first == "" && len(list) > 0 {
			first = d.text(list[0])
		}
		named := d.get(n, "env_file")
		switch {
		case d.text(named) != "":
			out = append(out, d.read.beside(d.text(named)))
		case len(d.items(named)) > 0:
			for _, item := range d.items(named) {
				out = append(out, d.read.beside(d.text(item)))
			}
		default:
			out = append(out, filepath.Join(d.read.beside(cmp.Or(dir, filepath.Dir(first))), ".env"))
		}
	}
	return out
}

var dollarName = regexp.MustCompile(`\$\{?([A-Za-z_][A-Za-z0-9_]*)`)

// namesUnset reports whether an env file names, behind a $, what has no value.
// compose-go would write the name to a logger that is our caller's, and such a
// name may well be a piece of a password.
func namesUnset(path string, find lookup) bool {
	f, err := openFile(path)
	if err != nil {
		return false
	}
	for _, m := range dollarName.FindAllSubmatch(f.text, -1) {
		if _, set := find(string(m[1])); !set {
			return true
		}
	}
	return false
}

// guard keeps compose-go from reading what this package would refuse: files
// over the limits, devices.
type guard struct{ dir string }

func (g guard) Accept(path string) bool {
	if !filepath.IsAbs(path) {
		path = filepath.Join(g.dir, path)
	}
	f, err := openFile(path)
	return err == nil && f.checkDepth() != nil || err != nil
}

func (guard) Load(context.Context, string) (string, error) { return "", ErrUnreadable }

func (guard) Dir(path string) string { return path }

var obsoleteVersion = regexp.MustCompile(`(?m)^version(\s*):`)

// loadModel lets compose-go read the files. It fails where Compose fails; that
// is a finding, and the values then come from the text alone.
func (r *reader) loadModel(p *project, dir string) {
	if p.talks {
		return
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		abs = dir
	}
	details := types.ConfigDetails{WorkingDir: abs, Environment: types.Mapping{}}
	for _, f := range r.composeFiles {
		text := f.text
		for _, d := range p.docs {
			if d.file == f {
				text = d.read.text
			}
		}
		path, err := filepath.Abs(f.path)
		if err != nil {
			path = f.path
		}
		// The obsolete top-level key would make compose-go write to the log.
		text = obsoleteVersion.ReplaceAll(text, []byte("x-version$1:"))
		details.ConfigFiles = append(details.ConfigFiles, types.ConfigFile{Filename: path, Content: text})
	}
	for _, e := range p.dotenv {
		if e.set {
			details.Environment[e.name] = e.value
		}
	}
	maps.Copy(details.Environment, r.sources.Environ)
	model, err := composeLoad(details, abs)
	if err != nil {
		r.composeError(p, err)
		return
	}
	p.model = model
}

// composeLoad is compose-go; a panic of it is an error of the file.
func composeLoad(details types.ConfigDetails, dir string) (model *types.Project, err error) {
	defer func() {
		if r := recover(); r != nil {
			model, err = nil, errors.New("compose gave up")
		}
	}()
	return loader.LoadWithContext(context.Background(), details, func(o *loader.Options) {
		o.SetProjectName("ssocheck", true)
		o.SkipConsistencyCheck = true
		o.SkipResolveEnvironment = true // ours knows the places, and logs nothing
		o.SkipResolveLabels = true
		o.Profiles = []string{"*"}
		o.ResourceLoaders = []loader.ResourceLoader{guard{dir: dir}}
		o.Interpolate.Substitute = func(s string, m template.Mapping) (string, error) {
			return substitute(s, lookup(m))
		}
	})
}

var composePath = regexp.MustCompile(`\b(?:services|networks|volumes|secrets|configs)(?:\.[A-Za-z0-9_-]+)+`)

var (
	composePlace = regexp.MustCompile(`^(?:validating|failed to parse|parsing|yaml: unmarshal errors:|load(?:ing)?) [^:]*: *`)
	absolutePath = regexp.MustCompile(`/[^\s:'"]*/([^\s/:'"]+)`)
	longQuote    = regexp.MustCompile(`"[^"]{40,}"|'[^']{40,}'`)
	otherUser    = regexp.MustCompile(`(://[^/\s:@]*:)[^@\s]+@`)
)

// composeReason is Compose's own reason, on one line. A long quoted text is a
// value of the file, which may be a secret; the masker sees to short ones.
func composeReason(err error) string {
	text := strings.Join(strings.Fields(err.Error()), " ")
	text = composePlace.ReplaceAllString(text, "")
	text = absolutePath.ReplaceAllString(text, "$1")
	text = longQuote.ReplaceAllString(text, "a value")
	text = otherUser.ReplaceAllString(text, "${1}"+hidden+"@")
	if r := []rune(text); len(r) > 240 {
		text = string(r[:240]) + "…"
	}
	return text
}

// composeError turns compose-go's error into a finding.
func (r *reader) composeError(p *project, err error) {
	path := composePath.FindString(err.Error())
	pr := problem{
		code: "CFG-COMPOSE", level: Error, file: p.docs[len(p.docs)-1].file, refuses: byCompose,
		message: "Compose refuses this file: " + composeReason(err), fix: "docker compose config names the line",
	}
	parts := strings.Split(path, ".")
	if errors.Is(err, ErrUnreadable) {
		pr.message = "Compose cannot read a file that this one extends or includes"
		pr.fix = "check the paths under extends and include"
	}
	if path != "" {
		pr.message = "Compose refuses " + path + ": " + composeReason(err)
		if errors.Is(err, errTemplate) {
			return // serviceEnv reports the place
		}
		if len(parts) >= 3 && parts[0] == "services" {
			for _, d := range p.docs {
				for _, s := range d.services() {
					if s.key != parts[1] {
						continue
					}
					pr.file, pr.at = d.read, s.at
					for _, kv := range d.pairs(s.value) {
						if kv.key != parts[2] {
							continue
						}
						pr.at = kv.at
						for _, v := range d.pairs(kv.value) {
							if len(parts) > 3 && v.key == parts[3] {
								pr.at, pr.setting = v.at, v.key
							}
						}
					}
				}
			}
		}
	}
	r.compose = &pr // reported unless a rule with a better word finds the same place
}

var paperlessImage = regexp.MustCompile(`(?:^|/)(?:paperless-ngx|paperless-ng|paperless)(?:[:@]|$)`)

// choose finds the Paperless service: the named one, else by image, else by
// its PAPERLESS_ variables.
func (p *project) choose(want string) error {
	var names, byImage, byLogin, byEnv []string
	for _, d := range p.docs {
		for _, s := range d.services() {
			image, _ := substitute(d.text(d.get(s.value, "image")), p.find)
			if image != "" {
				p.images[s.key] = image
			}
			if !slices.Contains(names, s.key) {
				names = append(names, s.key)
			}
			for _, e := range environmentOf(d, s.value, s.key) {
				if !strings.HasPrefix(e.name, "PAPERLESS_") {
					continue
				}
				if !slices.Contains(byEnv, s.key) {
					byEnv = append(byEnv, s.key)
				}
				if loginVariable(e.name) && !slices.Contains(byLogin, s.key) {
					byLogin = append(byLogin, s.key)
				}
			}
		}
	}
	if p.model != nil {
		for name, s := range p.model.Services {
			if s.Image != "" {
				p.images[name] = s.Image
			}
		}
	}
	for _, name := range names {
		if paperlessImage.MatchString(p.images[name]) {
			byImage = append(byImage, name)
		}
	}
	if want != "" {
		if !slices.Contains(names, want) {
			return fmt.Errorf("%w: there is no service %q; there are: %s", ErrService, want, strings.Join(names, ", "))
		}
		p.service = want
		return nil
	}
	both := slices.DeleteFunc(slices.Clone(byImage), func(n string) bool { return !slices.Contains(byLogin, n) })
	for _, list := range [][]string{both, byImage, byLogin, byEnv} {
		switch {
		case len(list) == 1:
			p.service = list[0]
			return nil
		case len(list) > 1:
			return fmt.Errorf("%w: there are several: %s; choose one with --service", ErrService, strings.Join(list, ", "))
		}
	}
	if len(names) == 0 {
		return fmt.Errorf("%w: %s has no services", ErrService, p.docs[0].file.path)
	}
	return fmt.Errorf("%w: none of %s has a Paperless image or a PAPERLESS_ variable; name it with --service", ErrService, strings.Join(names, ", "))
}

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
