package stack

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/ssocheck/ssocheck/e2e/internal/authentik"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
)

// idp is one running authentik. Several pairs may use it at once, as long as
// they want the same blueprint.
type idp struct {
	*Stack
	n         int
	version   string
	path      string // that it lives under: deployment.Authentik.Path
	image     string
	blueprint []byte
	secret    idpSecrets
	ready     *once
	api       authentik.Client
	log       authentik.Events
	again     map[string]again // by the key of a blueprint; used by the gates only

	broker, server, worker *running
	users                  int // pairs that use it; guarded by Stack.mu
	failed                 bool
}

func (i *idp) owner() string { return fmt.Sprintf("authentik-%d", i.n) }

// authentik hands out an authentik with the bundle's blueprint: one that runs
// with it, else one that nobody uses and that gets it now, else a new one.
func (s *Stack) authentik(b *deployment.Deployment, images deployment.Images) (*idp, error) {
	blueprint := deployment.Blueprint(b)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, context.Canceled
	}
	var idle *idp
	for _, i := range s.idps {
		if i.version != b.Authentik.Version || i.path != b.Authentik.Path() || i.image != images.AuthentikImage || i.failed {
			continue
		}
		if bytes.Equal(i.blueprint, blueprint) {
			i.users++
			return i, nil
		}
		if i.users == 0 && idle == nil {
			idle = i
		}
	}
	if idle != nil {
		idle.users++
		idle.blueprint = blueprint
		before := idle.ready
		idle.ready = &once{}
		idle.begin(func() error {
			if err := before.wait(s.ctx); err != nil {
				return err
			}
			_, err := idle.configure(s.ctx, b)
			return err
		})
		return idle, nil
	}
	i := &idp{
		Stack: s, n: len(s.idps) + 1, version: b.Authentik.Version, path: b.Authentik.Path(), image: images.AuthentikImage, blueprint: blueprint,
		secret: s.secrets.idp, ready: &once{}, users: 1,
	}
	s.idps = append(s.idps, i)
	c := b.Clone()
	i.begin(func() error { return i.start(s.ctx, c, images) })
	return i, nil
}

// begin starts in the background; wait tells how it ended. The caller holds mu.
func (i *idp) begin(f func() error) {
	i.ready.begin(&i.wg, func() error {
		err := f()
		if err != nil {
			i.mu.Lock()
			i.failed = true
			i.mu.Unlock()
		}
		return explain(err)
	})
}

// wait waits until the authentik is usable.
func (i *idp) wait(ctx context.Context) error {
	i.mu.Lock()
	ready := i.ready
	i.mu.Unlock()
	return ready.wait(ctx)
}

// events are the actions of all events so far.
func (i *idp) events(ctx context.Context) ([]string, error) {
	events, err := i.log.Look(ctx, i.api)
	return authentik.Actions(events), err
}

func (i *idp) release() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.users--
}

// start starts the containers, on a kept database where there is one, and opens
// the gates.
func (i *idp) start(ctx context.Context, b *deployment.Deployment, images deployment.Images) error {
	began := time.Now()
	if err := i.shared(ctx, images); err != nil {
		return err
	}
	name := fmt.Sprintf("authentik-%d", i.n)
	from := i.authentikSeed(ctx, b, images)
	if from != nil && from.secret.Key != "" {
		i.secret = from.secret
	}
	warm, err := i.restore(ctx, name, from)
	if err != nil {
		return err
	}
	cs := i.authentikContainers(b, images, i.n, i.secret)
	if len(cs) == 3 {
		if i.broker, err = i.run(ctx, cs[0]); err != nil {
			return err
		}
		if err := i.pass(ctx, i.broker, i.brokerGate(i.broker)); err != nil {
			return err
		}
		cs = cs[1:]
	}
	if i.server, err = i.runFor(ctx, cs[0], i.owner()); err != nil {
		return err
	}
	if warm && from.kept != "" && i.o.keep == nil { // what is left running is whole
		cs[1].Quota = workerQuota
	}
	last, _ := i.expected(ctx, productAuthentik, images.AuthentikImage, kind(from))
	i.server.expects = last.Seconds
	if i.worker, err = i.runFor(ctx, cs[1], i.owner()); err != nil {
		return err
	}
	address, err := newAddress("authentik's address", b.Authentik.URL)
	if err != nil {
		return err
	}
	i.api = authentik.Client{HTTP: probe, Host: address.host, Token: i.secret.Token}
	gates := i.gates(warm && from.foreign)
	setUp := warm && from.setUp
	if setUp {
		gates = append(gates, i.discovered(b)...)
	}
	for _, g := range gates {
		if err := i.pass(ctx, i.server, g); err != nil {
			err = i.workerToo(ctx, err)
			if warm && from.kept != "" && ctx.Err() == nil {
				err = errors.Join(fmt.Errorf("on the database of an earlier start, which is removed now (run it again): %w", err), os.RemoveAll(from.kept))
			}
			return err
		}
	}
	if !warm {
		i.keepAuthentik(ctx, name, images)
	}
	if setUp {
		i.say("%s: our blueprint was applied to that database in an earlier start", i.server.Name)
	} else if refused, err := i.configure(ctx, b); err != nil {
		return err
	} else if !refused && (from == nil || from.kept != "") {
		i.keepSetUp(ctx, name, images)
	}
	seconds := time.Since(began).Seconds()
	i.say("%s: usable after %.0f s%s", i.server.Name, seconds, warmWord(warm))
	i.took(ctx, productAuthentik, images.AuthentikImage, kind(from), seconds)
	return nil
}

// workerToo adds how the worker ended, which explains a gate that never opens.
func (i *idp) workerToo(ctx context.Context, err error) error {
	if ended := i.ended(ctx, i.worker); ended != nil {
		return fmt.Errorf("%w; and %w", err, ended)
	}
	return err
}

// gates are what must hold before our own blueprint can be applied. Ready is not
// usable: the defaults come from the worker, minutes later.
func (i *idp) gates(foreign bool) []gate {
	told := !foreign
	return []gate{
		{gateReady, coldLimit, func(ctx context.Context) error {
			addr, err := i.addr(ctx, i.server, authentik.Port)
			if err != nil {
				return err
			}
			i.api.Origin = "http://" + addr + i.path
			return i.api.Ready(ctx)
		}},
		{gateToken, coldLimit, func(ctx context.Context) error {
			if !told {
				if _, err := i.exec(ctx, i.server, []string{"SSOCHECK_TOKEN=" + i.secret.Token}, "ak", "shell", "-c", tokenScript); err != nil {
					return err
				}
				told = true
			}
			_, err := i.api.Flows(ctx, "")
			return err
		}},
		{gateBrand, coldLimit, i.orApply(func(ctx context.Context) error {
			brands, err := i.api.Brands(ctx)
			if err != nil {
				return err
			}
			for _, brand := range brands {
				if brand.Default && brand.Flow != nil {
					return nil
				}
			}
			return errors.New("no default brand with a sign-in flow")
		})},
		{gateDefaults, coldLimit, i.orApply(i.defaults)},
	}
}

// tokenScript gives our token to an administrator of a database that was not set
// up by us: the variables for that are read on a first start only (docs/facts/authentik.md#1.3).
const tokenScript = `import os
from authentik.core.models import Token, TokenIntents, User
user = next(u for u in User.objects.filter(is_active=True).order_by("pk") if u.is_superuser)
Token.objects.update_or_create(identifier="ssocheck", defaults={"user": user, "intent": TokenIntents.INTENT_API, "key": os.environ["SSOCHECK_TOKEN"], "expiring": False})
`

// retire stops an authentik that nobody uses, and returns its database.
func (i *idp) retire(ctx context.Context) ([]byte, error) {
	i.mu.Lock()
	busy := i.users
	i.failed = true // nobody gets it any more
	i.mu.Unlock()
	if busy > 0 {
		return nil, fmt.Errorf("%s is still in use", i.owner())
	}
	for _, r := range []*running{i.worker, i.server, i.broker} {
		if err := i.stop(ctx, r); err != nil {
			return nil, err
		}
	}
	return i.dump(ctx, i.owner())
}

// defaults are the objects that the guide's provider refers to.
func (i *idp) defaults(ctx context.Context) error {
	for _, flow := range authentik.DefaultFlows {
		if flow.Since != "" && !deployment.AtLeast(i.version, flow.Since) {
			continue
		}
		have, err := i.api.Flows(ctx, flow.Slug)
		if err != nil {
			return err
		}
		if len(have) == 0 {
			return fmt.Errorf("no flow %s", flow.Slug)
		}
	}
	scopes, err := i.api.Scopes(ctx)
	if err != nil {
		return err
	}
	for _, scope := range authentik.DefaultScopes {
		if !slices.ContainsFunc(scopes, func(s authentik.Scope) bool { return s.Managed == authentik.ManagedScope+scope }) {
			return fmt.Errorf("no scope mapping %s", scope)
		}
	}
	return nil
}

// applyLimit is for one blueprint (8 s of CPU were measured for nine of them).
const applyLimit = 5 * time.Minute

// applyTries is how often a blueprint that is refused is tried again: the worker
// may be applying the same objects at this moment.
const applyTries = 3

// configure applies the blueprint in the server, where that is synchronous, and
// waits for the application. A blueprint that authentik refuses is no error: the
// checks find what is missing, and its reason stands in the log.
func (i *idp) configure(ctx context.Context, b *deployment.Deployment) (isRefused bool, err error) {
	text := deployment.Blueprint(b)
	// The worker does not get it: it would apply it at the same time, and one of
	// the two would meet half of what the other does.
	if err := i.copyIn(ctx, i.server, blueprintFile, text); err != nil {
		return false, err
	}
	refused, tries := "", 0
	err = i.pass(ctx, i.server, gate{gateBlueprint, applyLimit, func(ctx context.Context) error {
		_, err := i.exec(ctx, i.server, nil, authentik.ApplyBlueprint(path.Base(blueprintFile))...)
		var exit *exitError
		if errors.As(err, &exit) {
			if tries++; tries >= applyTries {
				refused = exit.output
				return nil
			}
		}
		return err
	}})
	if err != nil {
		return false, err
	}
	if refused != "" {
		i.say("%s: authentik refuses the blueprint: %s", i.server.Name, short(i.redactorOf(b).Text(refused)))
		for line := range strings.Lines(refused) {
			i.book.write(&running{Container: i.server.Container, id: i.server.id, owns: i.owner()}, time.Now().UTC().Format(time.RFC3339Nano)+" "+strings.TrimSpace(line))
		}
		return true, nil
	}
	for _, g := range i.discovered(b) {
		if err := i.pass(ctx, i.server, g); err != nil {
			return false, err
		}
	}
	return false, nil
}

// discovered is the gate behind which the application of a blueprint is there. One
// that makes none has no gate: the checks say so.
func (i *idp) discovered(b *deployment.Deployment) []gate {
	app := b.IdPApplication()
	if app == nil || app.Provider == "" {
		return nil
	}
	return []gate{{gateDiscovery, databaseLimit, func(ctx context.Context) error {
		return i.api.Discovery(ctx, app.Slug)
	}}}
}
