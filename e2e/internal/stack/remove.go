package stack

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"
)

// refusals is how long the engine may refuse to remove the same things before that is
// said: one that is busy refuses for a while what it is about to remove itself.
const refusals = 15 * time.Second

// Removed counts what was removed.
type Removed struct{ Containers, Networks, Volumes int }

// Down removes what earlier runs left. What the engine does not let go is an error that
// names it.
func Down(ctx context.Context, log *slog.Logger) (Removed, error) {
	e, err := connect(ctx, true, log)
	if err != nil {
		return Removed{}, err
	}
	ctx, cancel := e.guard(ctx, patience)
	defer cancel()
	gone, err := e.remove(ctx, ownLabel)
	return gone, explain(orCause(ctx, err))
}

// remove removes every container, network and volume with a label. It looks again until
// nothing is there: a container whose making was interrupted appears late. It gives up
// when the engine refused to remove the same things for a time.
func (e *engine) remove(ctx context.Context, label string) (Removed, error) {
	var gone Removed
	var last string // what was refused at the last look
	since := time.Now()
	for clean := 0; clean < 2; {
		found, refused, err := e.removeOnce(ctx, label, &gone)
		if err != nil {
			return gone, err
		}
		clean++
		if found {
			clean = 0
		}
		if now := strings.Join(slices.Sorted(maps.Keys(refused)), " "); now != last || now == "" {
			last, since = now, time.Now()
		} else if time.Since(since) > refusals {
			return gone, e.refused(ctx, refused)
		}
		select {
		case <-ctx.Done():
			return gone, context.Cause(ctx)
		case <-time.After(100 * time.Millisecond):
		}
	}
	return gone, nil
}

// A refusal is a thing that the engine did not remove, and what it said.
type refusal struct {
	kind, name string
	err        error
}

// removeOnce looks once, removes what it finds, and adds that to gone. refused is, by id,
// what the engine did not remove.
func (e *engine) removeOnce(ctx context.Context, label string, gone *Removed) (found bool, refused map[string]refusal, err error) {
	filters := client.Filters{}.Add("label", label)
	list, err := e.cli.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: filters})
	if err != nil {
		return false, nil, err
	}
	refused = map[string]refusal{}
	var mu sync.Mutex
	removed := func(kind, id, name string, n *int, err error) {
		e.log.Debug("removed", kind, name, "error", err) // what is left is found by the next look
		mu.Lock()
		defer mu.Unlock()
		found = true
		switch {
		case err == nil:
			*n++
		case errdefs.IsNotFound(err), strings.Contains(err.Error(), "already in progress"):
			// Somebody else removes it, such as Ryuk, and a busy engine takes its time.
		default:
			refused[id] = refusal{kind: kind, name: name, err: err}
		}
	}
	var wg sync.WaitGroup
	for _, c := range list.Items {
		wg.Go(func() {
			_, err := e.cli.ContainerRemove(ctx, c.ID, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
			removed("container", c.ID, strings.TrimPrefix(strings.Join(c.Names, " "), "/"), &gone.Containers, err)
		})
	}
	wg.Wait()
	nets, err := e.cli.NetworkList(ctx, client.NetworkListOptions{Filters: filters})
	if err != nil {
		return found, refused, err
	}
	for _, network := range nets.Items {
		_, err := e.cli.NetworkRemove(ctx, network.ID, client.NetworkRemoveOptions{})
		removed("network", network.ID, network.Name, &gone.Networks, err)
	}
	volumes, err := e.cli.VolumeList(ctx, client.VolumeListOptions{Filters: filters})
	if err != nil {
		return found, refused, err
	}
	for _, v := range volumes.Items {
		_, err := e.cli.VolumeRemove(ctx, v.Name, client.VolumeRemoveOptions{Force: true})
		removed("volume", v.Name, v.Name, &gone.Volumes, err)
	}
	return found, refused, nil
}

// refused is the error for what the engine does not remove.
func (e *engine) refused(ctx context.Context, refused map[string]refusal) error {
	var kept []string
	for _, id := range slices.Sorted(maps.Keys(refused)) {
		r := refused[id]
		kept = append(kept, fmt.Sprintf("it does not remove the %s %s (%s)%s", r.kind, r.name, short(r.err.Error()), e.remedy(ctx, id, r)))
	}
	return fmt.Errorf("%w: %s", ErrEngine, strings.Join(kept, "; "))
}

// remedy is what helps against a refusal, as the end of a sentence. An engine that was
// busy may count somebody in a network who is gone (seen on Docker 20.10.24, 2026-11-30):
// it counts again when it starts.
func (e *engine) remedy(ctx context.Context, id string, r refusal) string {
	if r.kind != "network" || !strings.Contains(r.err.Error(), "active endpoints") {
		return ""
	}
	seen, err := e.cli.NetworkInspect(ctx, id, client.NetworkInspectOptions{})
	if err != nil {
		return ""
	}
	var others []string
	for _, c := range seen.Network.Containers {
		others = append(others, c.Name)
	}
	if len(others) == 0 {
		return "; nobody is in it any more: the engine has lost count, and counts again when it is restarted (sudo systemctl restart docker)"
	}
	slices.Sort(others)
	return fmt.Sprintf("; somebody else's container is in it: docker network disconnect %s %s", r.name, others[0])
}
