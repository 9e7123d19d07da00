package doctor

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/authentik/shell"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/source"
	"github.com/ssocheck/ssocheck/e2e/internal/troubleshooting"
)

// Names of what is no file on disk, as findings name it.
const (
	runningEnvironment = "the environment of the container"
	runningProvider    = "authentik as it runs"
)

// A configuration is what runs, with the places of the user's files where they say
// the same.
type configuration struct {
	bundle *deployment.Deployment
	lint   []source.Diagnostic
	stale  []string // settings whose running value is not the files'
	// fixed is what the files alone would be; nil: they are not here, or say the same.
	fixed *deployment.Deployment
	notes []string
}

// versionsOf are the versions that run; empty where they are not known.
type versionsOf struct{ paperless, authentik string }

// configured reads what runs, and the files that it came from.
func configured(f *found, files []string, service string, v versionsOf, a *shell.Answer, salt string) (*configuration, error) {
	texts := map[string][]byte{runningEnvironment: inspected(f.paperless)}
	blueprint := ""
	if a != nil && len(a.Providers) > 0 {
		texts[runningProvider], blueprint = blueprintOf(a), runningProvider
	}
	load := func(files []string, service string) (*deployment.Deployment, []source.Diagnostic, error) {
		b, lint, err := troubleshooting.Load(source.Sources{
			Files: files, Blueprint: blueprint, Service: service, PaperlessVersion: v.paperless, AuthentikVersion: v.authentik, Environ: environ(blueprint), Texts: texts,
		})
		if err != nil {
			return nil, nil, err
		}
		known(b, a, salt)
		return b, lint, nil
	}
	runs, lint, err := load([]string{runningEnvironment}, "")
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrPair, f.paperless.Name, err)
	}
	hosts(runs, f.paperless)
	c := &configuration{bundle: runs, lint: placeless(lint)}
	if len(files) == 0 {
		files = f.paperless.Files
	}
	if missing := unreadable(files); len(missing) > 0 {
		c.notes = append(c.notes, fmt.Sprintf("the files that %s was made from are not to be read here (%s): findings name no lines; give them with --config", f.paperless.Name, strings.Join(missing, ", ")))
		return c, nil
	}
	if len(files) == 0 {
		return c, nil
	}
	want, wantLint, err := load(files, service)
	if err != nil {
		// Broken files still run until somebody recreates the container.
		c.notes = append(c.notes, fmt.Sprintf("the files that %s was made from cannot be read as they are now: %s", f.paperless.Name, err))
		return c, nil
	}
	c.stale = stale(want, runs)
	runs.Origins = origins(want, runs)
	if len(c.stale) > 0 {
		c.fixed = want
		return c, nil
	}
	// The files say what runs: lines and edits are theirs.
	want.Paperless.Version, want.Authentik.Version = runs.Paperless.Version, runs.Authentik.Version
	if want.Paperless.ExtraHosts == nil {
		want.Paperless.ExtraHosts = runs.Paperless.ExtraHosts
	}
	c.bundle, c.lint = want, withoutProvider(wantLint)
	return c, nil
}

// secretFiles are what *_FILE settings point at, as far as the user's own files say
// which file of this machine that is; nil where they do not.
func secretFiles(c *Container, o Options) map[string]string {
	files := o.Config
	if len(files) == 0 {
		files = c.Files
	}
	if len(files) == 0 {
		return nil
	}
	b, _, err := troubleshooting.Load(source.Sources{Files: files, Service: serviceOf(c, o), Environ: source.Environ()})
	if err != nil {
		return nil // it is said where the files are read for their findings
	}
	return b.Paperless.Files
}

// serviceOf is the service of the files that the container is.
func serviceOf(c *Container, o Options) string {
	if o.Service != "" {
		return o.Service
	}
	return c.Service
}

// environ is what the files may refer to. The client secret of authentik is not
// known; its variable stands for it.
func environ(blueprint string) map[string]string {
	env := source.Environ()
	if blueprint != "" {
		delete(env, secretVariable)
	}
	return env
}

// secretVariable stands in the blueprint for the secret that stays in authentik.
const secretVariable = "SSOCHECK_DOCTOR_SECRET"

// known puts in what was seen of authentik, and what was not: what a reader of
// files assumes in its place is not so here.
func known(b *deployment.Deployment, a *shell.Answer, salt string) {
	b.Assumed, b.Authentik.Raw, b.Authentik.RawModel = nil, nil, nil
	if b.Relations == nil {
		b.Relations = map[string]string{}
	}
	b.Relations["client_secret"] = relation(b, a, salt)
	if a == nil {
		b.Authentik.Model = deployment.Model{}
		return
	}
	b.Authentik.Model = *a.Model()
}

// relation is how the client secret of a configuration relates to that of authentik,
// which stays there.
func relation(b *deployment.Deployment, a *shell.Answer, salt string) string {
	app, _ := b.Paperless.App()
	if a != nil {
		for i := range a.Providers {
			if p := &a.Providers[i]; p.ClientID == app.ClientID && p.ClientType != "public" {
				return p.Secret.Relation(salt, app.Secret)
			}
		}
	}
	return deployment.SecretUnknown
}

// blueprintOf is the answer as lint reads authentik's side.
func blueprintOf(a *shell.Answer) []byte {
	const marker = "ssocheck-client-secret-stands-here"
	m := a.Model()
	for i := range m.Providers {
		if m.Providers[i].ClientType != "public" {
			m.Providers[i].ClientSecret = marker
		}
	}
	text := string(deployment.Blueprint(&deployment.Deployment{Authentik: deployment.Authentik{Model: *m}}))
	return []byte(strings.ReplaceAll(text, `"`+marker+`"`, "!Env "+secretVariable))
}

// inspected is the container as docker inspect tells of it, with what is read only.
func inspected(c *Container) []byte {
	text, err := json.Marshal([]map[string]any{{
		"Name":   "/" + c.Name,
		"Config": map[string]any{"Image": c.Image, "Env": c.full.Config.Env, "Labels": c.full.Config.Labels},
		"Image":  c.full.Image, "State": map[string]any{"Status": c.State},
	}})
	if err != nil {
		return nil // strings always encode
	}
	return text
}

// hosts are those that Compose's extra_hosts put into the container.
func hosts(b *deployment.Deployment, c *Container) {
	if c.full.HostConfig == nil {
		return
	}
	for _, line := range c.full.HostConfig.ExtraHosts {
		name, address, ok := strings.Cut(line, ":")
		if !ok {
			name, address, ok = strings.Cut(line, "=")
		}
		if !ok {
			continue
		}
		if b.Paperless.ExtraHosts == nil {
			b.Paperless.ExtraHosts = map[string]string{}
		}
		b.Paperless.ExtraHosts[name] = address
	}
}

func unreadable(files []string) []string {
	return slices.DeleteFunc(slices.Clone(files), func(path string) bool {
		f, err := os.Open(path)
		if err != nil {
			return false
		}
		return errors.Join(f.Close()) == nil
	})
}

// stale are the settings that the files give another value than the container has,
// sorted. What comes from outside of the files is not known.
func stale(want, runs *deployment.Deployment) []string {
	have := map[string]bool{}
	for name := range want.Paperless.Env {
		have[name] = true
	}
	for name := range runs.Paperless.Env {
		have[name] = true
	}
	var out []string
	for _, name := range slices.Sorted(maps.Keys(have)) {
		a, inFiles := want.Paperless.Env[name]
		b, running := runs.Paperless.Env[name]
		if inFiles != running || a != b {
			out = append(out, name)
		}
	}
	return out
}

// origins are the places in the files of what runs.
func origins(want, runs *deployment.Deployment) map[string]deployment.Origin {
	out := map[string]deployment.Origin{}
	for name := range runs.Paperless.Env {
		if o, ok := want.Origins[name]; ok {
			out[name] = o
		}
	}
	return out
}

// placeless are findings about what is no file: they have no line and no edit.
func placeless(list []source.Diagnostic) []source.Diagnostic {
	out := withoutProvider(list)
	for i := range out {
		if out[i].File == runningEnvironment {
			out[i].Line, out[i].Column, out[i].Width, out[i].Source, out[i].Edit = 0, 0, 0, "", nil
		}
	}
	return out
}

// withoutProvider takes the lines off what is said of authentik's side.
func withoutProvider(list []source.Diagnostic) []source.Diagnostic {
	out := slices.Clone(list)
	for i := range out {
		// There is no blueprint: what lint reads as one is authentik itself.
		out[i].Message = strings.ReplaceAll(out[i].Message, "the blueprint", "authentik")
		out[i].Fix = strings.ReplaceAll(out[i].Fix, "the blueprint", "authentik")
		if out[i].File == runningProvider {
			out[i].Line, out[i].Column, out[i].Width, out[i].Source, out[i].Edit = 0, 0, 0, "", nil
		}
	}
	return out
}
