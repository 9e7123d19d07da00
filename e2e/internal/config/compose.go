package config

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/template"
	"github.com/compose-spec/compose-go/v2/types"
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
