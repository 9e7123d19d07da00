package source

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/authentik/blueprint"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
)

// Sources are what a user has.
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

	From string // the Paperless version before an upgrade; empty: the image's
	// FromAuthentik is the authentik version before it; empty: no upgrade is asked for.
	FromAuthentik string
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
	Sources      Sources
	files        []*file
	composeFiles []*file
	Problems     []Problem
	manifests    []*file
	Compose      *Problem // what Compose itself refuses

	Image string   // of Paperless, where no Compose file says it
	whole bool     // the files that are not Compose's say all that is set
	Open  []string // where more variables may come from, which cannot be seen here
	Made  []string // variables that what runs Paperless sets itself
	Lacks bool     // a file is not there that may set more, as a problem says

	labels map[string]string // of the container, where no Compose file says them
	sites  []secureSite      // that proxies in the files serve by https
}

// given reads the files that were given, and tells what each of them is.
func (r *reader) given() ([]*file, error) {
	var out []*file
	for _, path := range r.Sources.Files {
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
	text, ok := r.Sources.Texts[path]
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
func (r *reader) readFile(f *file) ([]*Entry, error) {
	switch f.kind {
	case confKind:
		entries, problems := readConf(f, r.environ)
		r.Problems = append(r.Problems, problems...)
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
	return nil, fmt.Errorf("%w: %s", ErrUnreadable, f.Path)
}

func (r *reader) environ(name string) (string, bool) {
	v, ok := r.Sources.Environ[name]
	return v, ok
}

// Read reads files as the products do, into what the rules look at and what can
// be run. An error means that nothing can be tested; it names the file, the line
// where there is one, and a remedy.
func Read(s Sources) (*Set, error) {
	for _, v := range [][2]string{{"Paperless-ngx", s.PaperlessVersion}, {"authentik", s.AuthentikVersion}} {
		if err := deployment.CheckVersion(v[0], v[1]); err != nil {
			return nil, err
		}
	}
	data, err := KnownSettings()
	if err != nil {
		return nil, err
	}
	r := &reader{Sources: s}
	var env []*Entry
	var dotenv []*file
	sub := &Set{Reader: r, Catalogue: data}
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
			if r.Sources.Blueprint == "" {
				r.Sources.Blueprint = f.Path
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
		if len(r.composeFiles) > 0 && filepath.Base(f.Path) == ".env" {
			continue // read as Compose reads it: for ${NAME}
		}
		entries, problems := readEnvFile(f, r.environ)
		env = append(env, entries...)
		r.Problems = append(r.Problems, problems...)
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
		sub.Project = p
		env = append(env, p.env...)
	}
	if len(env) == 0 && sub.Project == nil {
		if len(r.files) == 0 {
			return nil, errors.New("no file to read; give a compose file, an env file or paperless.conf")
		}
		if !slices.ContainsFunc(r.Problems, func(p Problem) bool { return p.Level == Error }) {
			return nil, fmt.Errorf("%w: %s:1: no NAME=value in it; give the file that configures Paperless", ErrUnreadable, r.files[0].Path)
		}
	}
	sub.All = env
	sub.Vars = map[string]*Entry{}
	for _, e := range env {
		if before := sub.Vars[e.Name]; before != nil {
			e.Over = before
		}
		sub.Vars[e.Name] = e
	}
	sub.Fragment = sub.Project == nil && !r.whole && !s.Complete
	if r.Sources.Blueprint != "" {
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

func (s *Set) readBlueprint() error {
	f, err := s.Reader.openFile(s.Reader.Sources.Blueprint)
	if err != nil {
		return err
	}
	env := map[string]string{}
	if s.Project != nil {
		for _, e := range s.Project.Dotenv {
			if e.Set {
				env[e.Name] = e.Value
			}
		}
	}
	maps.Copy(env, s.Reader.Sources.Environ)
	b, err := blueprint.Parse(f.Path, f.Text, env)
	if err != nil {
		return err
	}
	if len(b.Model.Providers) == 0 {
		return fmt.Errorf("%w: %s:1: there is no OAuth2 provider in this blueprint; give the one that makes Paperless's provider", ErrUnreadable, f.Path)
	}
	s.Blueprint, s.BlueprintFile = b, f
	return nil
}
