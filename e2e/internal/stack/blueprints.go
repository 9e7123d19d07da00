package stack

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/ssocheck/ssocheck/e2e/internal/authentik"
)

// neededBlueprints are those of authentik's own that make what the gates wait
// for. A version that lacks one does not list it.
var neededBlueprints = []string{
	"default/default-brand.yaml",
	"default/flow-default-authentication-flow.yaml",
	"default/flow-default-invalidation-flow.yaml",
	"default/flow-password-change.yaml", // the sign-in flow refers to its stage
	"default/flow-default-provider-authorization-explicit-consent.yaml",
	"default/flow-default-provider-authorization-implicit-consent.yaml",
	"default/flow-default-provider-invalidation.yaml",
	"system/providers-oauth2.yaml",
}

const (
	// againPause is how long authentik gets for a blueprint before it is asked again.
	againPause = 20 * time.Second
	// againTries is how often: one that fails each time fails for another reason.
	againTries = 5
)

// again is how often, and when last, a blueprint was asked for again.
type again struct {
	tries int
	last  time.Time
}

// applyAgain asks authentik to apply those of its own blueprints again that we
// need and that ended in an error. Its worker applies them side by side on the
// first start: two that make the same flow, or that update each other's stages,
// end in a unique violation or a deadlock of PostgreSQL, and the loser is not
// tried again before the next hour. It is a help for a gate that is closed, and
// no gate of its own: what it cannot do, the gate tells.
func (i *idp) applyAgain(ctx context.Context) {
	all, err := i.api.Blueprints(ctx)
	if err != nil {
		i.Stack.log.DebugContext(ctx, "authentik's blueprints", "error", err)
		return
	}
	for _, b := range all {
		if b.Status != "error" || !b.Enabled || !slices.Contains(neededBlueprints, b.Path) {
			continue
		}
		if i.again == nil {
			i.again = map[string]again{}
		}
		did := i.again[b.Key]
		if did.tries >= againTries || time.Since(did.last) < againPause {
			continue
		}
		i.again[b.Key] = again{did.tries + 1, time.Now()}
		if err := i.apply(ctx, b.Key); err != nil {
			i.Stack.log.WarnContext(ctx, "apply one of authentik's blueprints again", "blueprint", b.Path, "error", err)
			continue
		}
		i.say("%s: authentik's own blueprint %s ended in an error, as happens on a first start; it is applied again (%d of %d)", i.owner(), b.Path, did.tries+1, againTries)
	}
}

// apply puts a blueprint into the worker's queue.
func (i *idp) apply(ctx context.Context, key string) error {
	path := authentik.APIPath + "/managed/blueprints/" + url.PathEscape(key) + "/apply/"
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, i.api.Origin+path, nil)
	if err != nil {
		return err
	}
	r.Host = i.api.Host
	r.Header.Set("Authorization", "Bearer "+i.api.Token)
	res, err := probe.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 1<<20)) // the connection is used again
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("POST %s: %s", path, res.Status)
	}
	return nil
}

// orApply applies what failed again while a gate of authentik's own objects is
// closed.
func (i *idp) orApply(open func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error {
		err := open(ctx)
		if err != nil && ctx.Err() == nil {
			i.applyAgain(ctx)
		}
		return err
	}
}
