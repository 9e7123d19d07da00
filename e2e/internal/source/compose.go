package source

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/template"
	"github.com/compose-spec/compose-go/v2/types"

	"github.com/ssocheck/ssocheck/e2e/internal/lazyregexp"
)

// ErrService says that the Paperless service cannot be told from the others.
var ErrService = errors.New("which service is Paperless?")

// A project is what was read of compose files: values from compose-go, places
// from the text.
type project struct {
	Docs    []*document // in order, each before the ones that override it
	Model   *types.Project
	Service string
	env     []*Entry // of the service, in the order in which they take effect
	Dotenv  []*Entry // .env beside the first file
	Images  map[string]string
	Others  []*Entry // PAPERLESS_ variables of other services
	talks   bool     // compose-go would log pieces of values
	find    lookup
	stack   bool // a stack of Portainer, which sets what stands in stack.env, and ${NAME}
}

// readCompose reads compose files as Compose does. Problems that Compose would
// stop at are findings; what can be read is read all the same.
func (r *reader) readCompose(files []*file) (*project, error) {
	p := &project{Images: map[string]string{}}
	dir := filepath.Dir(files[0].Path)
	if f, err := openFile(filepath.Join(dir, ".env")); err == nil {
		var problems []Problem
		p.Dotenv, problems = readEnvFile(f, r.environ)
		r.Problems = append(r.Problems, problems...)
		r.files = append(r.files, f)
		for _, e := range p.Dotenv {
			e.From = "dotenv"
		}
	}
	p.find = r.lookupWith(p.Dotenv)
	for _, f := range files {
		if err := r.addDocument(p, f, 0); err != nil {
			return nil, err
		}
	}
	r.loadModel(p, dir)
	if err := p.choose(r.Sources.Service); err != nil {
		return nil, err
	}
	r.serviceEnv(p)
	return p, nil
}

// lookupWith finds a variable as Compose does for ${NAME}: the shell first,
// then .env.
func (r *reader) lookupWith(dotenv []*Entry) lookup {
	values := map[string]string{}
	for _, e := range dotenv {
		if e.Set {
			values[e.Name] = e.Value
		}
	}
	maps.Copy(values, r.Sources.Environ)
	return func(name string) (string, bool) { v, ok := values[name]; return v, ok }
}

// addDocument parses a file and what it includes.
func (r *reader) addDocument(p *project, f *file, depth int) error {
	d, err := parseYAML(f)
	if err != nil {
		return err
	}
	r.Problems = append(r.Problems, d.mended...)
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
	p.Docs = append(p.Docs, d)
	return nil
}

func includes(d *document) []string {
	if d.root == nil {
		return nil
	}
	var out []string
	for _, n := range d.items(d.Get(d.root, "include")) {
		if s := d.Text(n); s != "" {
			out = append(out, s)
			continue
		}
		path := d.Get(n, "path")
		if s := d.Text(path); s != "" {
			out = append(out, s)
		}
		for _, item := range d.items(path) {
			out = append(out, d.Text(item))
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
	for _, n := range d.items(d.Get(d.root, "include")) {
		path, dir := d.Get(n, "path"), d.Text(d.Get(n, "project_directory"))
		first := cmp.Or(d.Text(n), d.Text(path))
		if list := d.items(path); first == "" && len(list) > 0 {
			first = d.Text(list[0])
		}
		named := d.Get(n, "env_file")
		switch {
		case d.Text(named) != "":
			out = append(out, d.Read.beside(d.Text(named)))
		case len(d.items(named)) > 0:
			for _, item := range d.items(named) {
				out = append(out, d.Read.beside(d.Text(item)))
			}
		default:
			out = append(out, filepath.Join(d.Read.beside(cmp.Or(dir, filepath.Dir(first))), ".env"))
		}
	}
	return out
}

var dollarName = lazyregexp.New(`\$\{?([A-Za-z_][A-Za-z0-9_]*)`)

// namesUnset reports whether an env file names, behind a $, what has no value.
// compose-go would write the name to a logger that is our caller's, and such a
// name may well be a piece of a password.
func namesUnset(path string, find lookup) bool {
	f, err := openFile(path)
	if err != nil {
		return false
	}
	for _, m := range dollarName.FindAllSubmatch(f.Text, -1) {
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

var obsoleteVersion = lazyregexp.New(`(?m)^version(\s*):`)

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
		text := f.Text
		for _, d := range p.Docs {
			if d.file == f {
				text = d.Read.Text
			}
		}
		path, err := filepath.Abs(f.Path)
		if err != nil {
			path = f.Path
		}
		// The obsolete top-level key would make compose-go write to the log.
		text = obsoleteVersion.ReplaceAll(text, []byte("x-version$1:"))
		details.ConfigFiles = append(details.ConfigFiles, types.ConfigFile{Filename: path, Content: text})
	}
	for _, e := range p.Dotenv {
		if e.Set {
			details.Environment[e.Name] = e.Value
		}
	}
	maps.Copy(details.Environment, r.Sources.Environ)
	model, err := composeLoad(details, abs)
	if err != nil {
		r.composeError(p, err)
		return
	}
	p.Model = model
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

var composePath = lazyregexp.New(`\b(?:services|networks|volumes|secrets|configs)(?:\.[A-Za-z0-9_-]+)+`)

var (
	composePlace = lazyregexp.New(`^(?:validating|failed to parse|parsing|yaml: unmarshal errors:|load(?:ing)?) [^:]*: *`)
	absolutePath = lazyregexp.New(`/[^\s:'"]*/([^\s/:'"]+)`)
	longQuote    = lazyregexp.New(`"[^"]{40,}"|'[^']{40,}'`)
	otherUser    = lazyregexp.New(`(://[^/\s:@]*:)[^@\s]+@`)
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
	pr := Problem{
		Code: "CFG-COMPOSE", Level: Error, File: p.Docs[len(p.Docs)-1].file, Refuses: ByCompose,
		Message: "Compose refuses this file: " + composeReason(err), Fix: "docker compose config names the line",
	}
	parts := strings.Split(path, ".")
	if errors.Is(err, ErrUnreadable) {
		pr.Message = "Compose cannot read a file that this one extends or includes"
		pr.Fix = "check the paths under extends and include"
	}
	if path != "" {
		pr.Message = "Compose refuses " + path + ": " + composeReason(err)
		if errors.Is(err, errTemplate) {
			return // serviceEnv reports the place
		}
		if len(parts) >= 3 && parts[0] == "services" {
			for _, d := range p.Docs {
				for _, s := range d.Services() {
					if s.Key != parts[1] {
						continue
					}
					pr.File, pr.At = d.Read, s.at
					for _, kv := range d.pairs(s.Value) {
						if kv.Key != parts[2] {
							continue
						}
						pr.At = kv.at
						for _, v := range d.pairs(kv.Value) {
							if len(parts) > 3 && v.Key == parts[3] {
								pr.At, pr.Setting = v.at, v.Key
							}
						}
					}
				}
			}
		}
	}
	r.Compose = &pr // reported unless a rule with a better word finds the same place
}

// PaperlessImage matches the name of an image of Paperless-ngx or its forerunners.
var PaperlessImage = lazyregexp.New(`(?:^|/)(?:paperless-ngx|paperless-ng|paperless)(?:[:@]|$)`)

// choose finds the Paperless service: the named one, else by image, else by
// its PAPERLESS_ variables.
func (p *project) choose(want string) error {
	var names, byImage, byLogin, byEnv []string
	for _, d := range p.Docs {
		for _, s := range d.Services() {
			image, _ := substitute(d.Text(d.Get(s.Value, "image")), p.find)
			if image != "" {
				p.Images[s.Key] = image
			}
			if !slices.Contains(names, s.Key) {
				names = append(names, s.Key)
			}
			for _, e := range environmentOf(d, s.Value, s.Key) {
				if !strings.HasPrefix(e.Name, "PAPERLESS_") {
					continue
				}
				if !slices.Contains(byEnv, s.Key) {
					byEnv = append(byEnv, s.Key)
				}
				if LoginVariable(e.Name) && !slices.Contains(byLogin, s.Key) {
					byLogin = append(byLogin, s.Key)
				}
			}
		}
	}
	if p.Model != nil {
		for name, s := range p.Model.Services {
			if s.Image != "" {
				p.Images[name] = s.Image
			}
		}
	}
	for _, name := range names {
		if PaperlessImage.MatchString(p.Images[name]) {
			byImage = append(byImage, name)
		}
	}
	if want != "" {
		if !slices.Contains(names, want) {
			return fmt.Errorf("%w: there is no service %q; there are: %s", ErrService, want, strings.Join(names, ", "))
		}
		p.Service = want
		return nil
	}
	both := slices.DeleteFunc(slices.Clone(byImage), func(n string) bool { return !slices.Contains(byLogin, n) })
	for _, list := range [][]string{both, byImage, byLogin, byEnv} {
		switch {
		case len(list) == 1:
			p.Service = list[0]
			return nil
		case len(list) > 1:
			return fmt.Errorf("%w: there are several: %s; choose one with --service", ErrService, strings.Join(list, ", "))
		}
	}
	if len(names) == 0 {
		return fmt.Errorf("%w: %s has no services", ErrService, p.Docs[0].file.Path)
	}
	return fmt.Errorf("%w: none of %s has a Paperless image or a PAPERLESS_ variable; name it with --service", ErrService, strings.Join(names, ", "))
}
