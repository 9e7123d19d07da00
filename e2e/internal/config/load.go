package config

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
)

// Sources are what a person has.
type Sources struct {
	Files     []string // compose files in order, env files, paperless.conf
	Blueprint string   // authentik blueprint; empty: the guide's step 1 for these values
	Service   string   // compose service that is Paperless; empty: found
	// PaperlessVersion and AuthentikVersion override what the images say. When
	// they differ from the image, lint tells what changes on the way there.
	PaperlessVersion, AuthentikVersion string
	// ToPaperless and ToAuthentik are versions to upgrade to: Lint also says what
	// is wrong only with them. Empty: no upgrade.
	ToPaperless, ToAuthentik string
	Environ                  map[string]string // for ${NAME}
	// Complete says that the files are the whole configuration: what they lack is
	// not set. A Compose file is the whole anyway.
	Complete bool
	// Texts are files that are not on disk, by the path that Files or Blueprint gives:
	// what stands on standard input, and what docker inspect printed.
	Texts map[string][]byte

	from string // the Paperless version before an upgrade; empty: the image's
}

// Load reads files as the products do, into a bundle that can be run. The
// findings are what lint has to say. An error means that nothing can be tested;
// it names the file, the line where there is one, and a remedy.
func Load(s Sources) (*deployment.Deployment, []Finding, error) {
	sub, err := load(s)
	if err != nil {
		return nil, nil, err
	}
	return sub.bundle, sub.lint(), nil
}

// Lint is Load without the bundle, and with what an upgrade brings, if one was
// asked for.
func Lint(s Sources) ([]Finding, error) {
	said, _, err := LintAll(s)
	return said, err
}

// LintAll is Lint, and apart from it what comments in the files do not want said.
func LintAll(s Sources) (said, ignored []Finding, err error) {
	now, err := load(s)
	if err != nil {
		return nil, nil, err
	}
	said, err = now.findings(s)
	return said, now.ignored, err
}

// findings are what lint has to say, and what an upgrade brings.
func (s *subject) findings(src Sources) ([]Finding, error) {
	if src.ToPaperless+src.ToAuthentik == "" {
		return s.lint(), nil
	}
	return s.upgrade(src)
}

// Environ is the process's environment as Compose sees it.
func Environ() map[string]string {
	env := map[string]string{}
	for _, kv := range os.Environ() {
		if k, v, ok := strings.Cut(kv, "="); ok {
			env[k] = v
		}
	}
	return env
}

// A reader collects what the files say.
type reader struct {
	sources      Sources
	files        []*file
	composeFiles []*file
	problems     []problem
	manifests    []*file
	compose      *problem // what Compose itself refuses

	image string   // of Paperless, where no Compose file says it
	whole bool     // the files that are not Compose's say all that is set
	open  []string // where more variables may come from, which cannot be seen here
	lacks bool     // a file is not there that may set more, as a problem says

	labels map[string]string // of the container, where no Compose file says them
	sites  []secureSite      // that proxies in the files serve by https
}

// given reads the files that were given, and tells what each of them is.
func (r *reader) given() ([]*file, error) {
	var out []*file
	for _, path := range r.sources.Files {
		f, err := r.openFile(path)
		if err != nil {
			return nil, err
		}
		if f.kind, err = recognise(f); err != nil {
			return nil, err
		}
		r.files = append(r.files, f)
		out = append(out, f)
	}
	return out, nil
}

// openFile opens a file, on disk or not.
func (r *reader) openFile(path string) (*file, error) {
	text, ok := r.sources.Texts[path]
	if !ok {
		return openFile(path)
	}
	f, err := newFile(path, text)
	if err == nil {
		f.virtual = true
	}
	return f, err
}

// readFile reads a file that is a configuration by itself.
func (r *reader) readFile(f *file) ([]*entry, error) {
	switch f.kind {
	case confKind:
		entries, problems := readConf(f, r.environ)
		r.problems = append(r.problems, problems...)
		return entries, nil
	case valuesKind:
		return r.readValues(f)
	case unitKind:
		return r.readUnit(f)
	case nixKind:
		return r.readNix(f)
	case scriptKind:
		return r.readScript(f)
	case inspectKind:
		return r.readInspect(f)
	case printedKind:
		return r.readPrinted(f)
	}
	return nil, fmt.Errorf("%w: %s", ErrUnreadable, f.path)
}

func (r *reader) environ(name string) (string, bool) {
	v, ok := r.sources.Environ[name]
	return v, ok
}

// load reads the sources into what the rules look at.
func load(s Sources) (*subject, error) {
	for _, v := range [][2]string{{"Paperless-ngx", s.PaperlessVersion}, {"authentik", s.AuthentikVersion}} {
		if err := deployment.CheckVersion(v[0], v[1]); err != nil {
			return nil, err
		}
	}
	data, err := loadSettings()
	if err != nil {
		return nil, err
	}
	r := &reader{sources: s}
	var env []*entry
	var dotenv []*file
	sub := &subject{reader: r, data: data}
	given, err := r.given()
	if err != nil {
		return nil, err
	}
	for _, f := range given {
		switch f.kind {
		case composeKind:
			r.composeFiles = append(r.composeFiles, f)
		case envKind:
			dotenv = append(dotenv, f)
		case blueprintKind:
			if r.sources.Blueprint == "" {
				r.sources.Blueprint = f.path
			}
		case manifestKind:
			r.manifests = append(r.manifests, f)
		default:
			entries, err := r.readFile(f)
			if err != nil {
				return nil, err
			}
			env = append(env, entries...)
		}
	}
	for _, f := range dotenv {
		if len(r.composeFiles) > 0 && filepath.Base(f.path) == ".env" {
			continue // read as Compose reads it: for ${NAME}
		}
		entries, problems := readEnvFile(f, r.environ)
		env = append(env, entries...)
		r.problems = append(r.problems, problems...)
	}
	if len(r.manifests) > 0 {
		entries, err := r.readManifests(r.manifests)
		if err != nil {
			return nil, err
		}
		env = append(env, entries...)
	}
	if len(r.composeFiles) > 0 {
		p, err := r.readCompose(r.composeFiles)
		if err != nil {
			return nil, err
		}
		sub.project = p
		env = append(env, p.env...)
	}
	if len(env) == 0 && sub.project == nil {
		if len(r.files) == 0 {
			return nil, errors.New("no file to read; give a compose file, an env file or paperless.conf")
		}
		if !slices.ContainsFunc(r.problems, func(p problem) bool { return p.level == Error }) {
			return nil, fmt.Errorf("%w: %s:1: no NAME=value in it; give the file that configures Paperless", ErrUnreadable, r.files[0].path)
		}
	}
	sub.all = env
	sub.vars = map[string]*entry{}
	for _, e := range env {
		if before := sub.vars[e.name]; before != nil {
			e.over = before
		}
		sub.vars[e.name] = e
	}
	sub.fragment = sub.project == nil && !r.whole && !s.Complete
	if r.sources.Blueprint != "" {
		if err := sub.readBlueprint(); err != nil {
			return nil, err
		}
	}
	sub.standIns()
	if err := sub.build(); err != nil {
		return nil, err
	}
	return sub, nil
}

func (s *subject) readBlueprint() error {
	f, err := s.reader.openFile(s.reader.sources.Blueprint)
	if err != nil {
		return err
	}
	env := map[string]string{}
	if s.project != nil {
		for _, e := range s.project.dotenv {
			if e.set {
				env[e.name] = e.value
			}
		}
	}
	maps.Copy(env, s.reader.sources.Environ)
	b, err := ParseBlueprint(f.path, f.text, env)
	if err != nil {
		return err
	}
	if len(b.Model.Providers) == 0 {
		return fmt.Errorf("%w: %s:1: there is no OAuth2 provider in this blueprint; give the one that makes Paperless's provider", ErrUnreadable, f.path)
	}
	s.blueprint, s.blueprintFile = b, f
	return nil
}
