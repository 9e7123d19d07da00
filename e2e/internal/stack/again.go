package stack

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
	"github.com/ssocheck/ssocheck/e2e/internal/paperless"
)

// A boot of Paperless loads its program seven times: for migrations, search index,
// administrator, checks, web server, tasks and their schedule. A variant differs
// from what is configured in settings that the web server alone reads, when it
// starts. So one Paperless boots, and each variant is its web server, started once
// more with other settings: in a container of its own, with an edge, a network, a
// broker and a database of its own, on the data folder of the first. What cannot be
// started so boots by itself, and so does what was started so and does not answer.

// A model is a Paperless that others are started from.
type model struct {
	of     *running
	server paperless.WebServer
	env    map[string]string // that its container was made with
	bundle *deployment.Deployment
	image  string
	dump   []byte // of its database: migrated, with the accounts, nobody signed in yet
}

// A family is what one plan starts. The first pair boots; the others wait for it.
type family struct {
	first string // variant
	done  chan struct{}
	model *model // nil: see why
	why   string // none can be started from it
	once  sync.Once
}

// end tells the others how the first pair came up. The first word counts.
func (f *family) end(m *model, why error) {
	f.once.Do(func() {
		if f.model = m; m == nil {
			f.why = why.Error()
		}
		close(f.done)
	})
}

// wait hands out the model of the family, once the first pair is up.
func (f *family) wait(ctx context.Context) (*model, error) {
	select {
	case <-f.done:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if f.model == nil {
		return nil, errors.New(f.why)
	}
	return f.model, nil
}

// owned are the variables that each pair has its own value of.
var owned = []string{"PAPERLESS_DBNAME"}

// differs says what keeps a Paperless with this environment from being the model's
// web server with other settings; "" when nothing does.
func (m *model) differs(b *deployment.Deployment, env map[string]string, image string) string {
	switch {
	case m.image != image || m.bundle.Paperless.Version != b.Paperless.Version:
		return "it is another version"
	case !maps.Equal(m.bundle.Paperless.Files, b.Paperless.Files):
		return "its files differ"
	case !maps.Equal(m.bundle.Paperless.ExtraHosts, b.Paperless.ExtraHosts):
		return "its extra_hosts differ"
	}
	for _, name := range m.changed(env) {
		if slices.Contains(owned, name) {
			continue
		}
		if !slices.Contains(paperless.ToldAtStart, name) {
			return name + " is not read by the web server alone"
		}
		if m.server.Env[name] != m.env[name] {
			return name + " comes from elsewhere than its variable"
		}
	}
	return ""
}

// changed are the variables that differ from the model's, in order.
func (m *model) changed(env map[string]string) []string {
	all := maps.Clone(m.env)
	maps.Copy(all, env)
	var out []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		a, inA := m.env[name]
		b, inB := env[name]
		if a != b || inA != inB {
			out = append(out, name)
		}
	}
	return out
}

// again is a container that is the model's web server with this environment.
func (m *model) again(c Container) Container {
	env := maps.Clone(m.server.Env)
	for _, name := range m.changed(c.Env) {
		if value, ok := c.Env[name]; ok {
			env[name] = value
		} else {
			delete(env, name)
		}
	}
	c.Shares = variantShare
	c.Env, c.Entrypoint, c.VolumesFrom = env, m.server.Args, m.of.id
	return c
}

// how says in words how a variant came about.
func (m *model) how(env map[string]string) string {
	var said []string
	for _, name := range m.changed(env) {
		if slices.Contains(owned, name) {
			continue
		}
		if value, ok := env[name]; ok {
			said = append(said, "with "+name+"="+value)
		} else {
			said = append(said, "without "+name)
		}
	}
	return fmt.Sprintf("the web server of %s, started once more %s (in a container of its own, on a copy of its database and on its data folder, without the image's start-up)",
		m.of.Name, strings.Join(said, " and "))
}

// againLimit is for a web server by itself. One that takes longer is not worth the
// wait: a boot of its own is as sure.
const againLimit = 5 * time.Minute

// another starts a Paperless from a model. An error says why it has to boot itself.
func (p *pair) another(ctx context.Context, m *model) (evidence.Boot, error) {
	cs := p.pairContainers(p.bundle, p.images, p.site, p.redactor.Key())
	app := cs[2]
	if why := m.differs(p.bundle, app.Env, p.images.PaperlessImage); why != "" {
		return evidence.Boot{}, errors.New(why)
	}
	how, name := m.how(app.Env), app.Env["PAPERLESS_DBNAME"]
	if _, err := p.restore(ctx, name, &seed{dump: m.dump, from: m.of.Name}); err != nil {
		return evidence.Boot{}, err
	}
	if err := p.surroundings(ctx, cs); err != nil {
		return evidence.Boot{}, err
	}
	began := time.Now()
	err := p.up(ctx, m.again(app), againLimit, bootAgain)
	if err == nil && !p.sameAccounts(m) {
		err = p.users(ctx)
	}
	if err != nil {
		if stopped := p.stop(ctx, p.app); stopped != nil {
			return evidence.Boot{}, errors.Join(err, stopped)
		}
		p.app = nil
		if _, dropped := p.exec(ctx, p.postgres, nil, "dropdb", "-U", databaseUser, name); dropped != nil {
			err = errors.Join(err, dropped)
		}
		return evidence.Boot{}, err
	}
	p.whole(ctx)
	boot := evidence.Boot{Up: true, Seconds: time.Since(began).Seconds(), How: how}
	p.say("%s: up after %.0f s, as %s", p.app.Name, boot.Seconds, strings.SplitN(how, " (", 2)[0])
	p.took(ctx, productPaperless, p.images.PaperlessImage, bootAgain, boot.Seconds)
	return boot, nil
}

func (p *pair) sameAccounts(m *model) bool {
	return reflect.DeepEqual(m.bundle.Paperless.Users, p.bundle.Paperless.Users) && reflect.DeepEqual(m.bundle.Paperless.Links, p.bundle.Paperless.Links)
}

// asModel makes a Paperless that is up the one that others are started from.
func (p *pair) asModel(ctx context.Context) (*model, error) {
	if p.sqlite {
		return nil, errors.New("its database is a file of its own")
	}
	m := &model{of: p.app, env: p.app.Env, bundle: p.bundle, image: p.images.PaperlessImage}
	answer, err := p.exec(ctx, p.app, nil, paperless.FindWebServer()...)
	if err != nil {
		return nil, err
	}
	if m.server, err = paperless.ReadWebServer(answer); err != nil {
		return nil, err
	}
	if m.dump, err = p.dump(ctx, p.app.Env["PAPERLESS_DBNAME"]); err != nil {
		return nil, err
	}
	return m, nil
}
