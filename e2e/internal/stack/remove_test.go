package stack

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// kept is an engine with one network, which it does not remove the first times.
type kept struct {
	client.APIClient
	refuses int    // times; negative: always
	word    string // for which it refuses
	others  []string
	gone    bool
}

func (k *kept) ContainerList(context.Context, client.ContainerListOptions) (client.ContainerListResult, error) {
	return client.ContainerListResult{Items: []container.Summary{}}, nil
}

func (k *kept) VolumeList(context.Context, client.VolumeListOptions) (client.VolumeListResult, error) {
	return client.VolumeListResult{}, nil
}

func (k *kept) NetworkList(context.Context, client.NetworkListOptions) (client.NetworkListResult, error) {
	var res client.NetworkListResult
	if !k.gone {
		res.Items = append(res.Items, network.Summary{Network: network.Network{ID: "96ee", Name: "ssocheck-1"}})
	}
	return res, nil
}

func (k *kept) NetworkRemove(context.Context, string, client.NetworkRemoveOptions) (client.NetworkRemoveResult, error) {
	if k.refuses == 0 {
		k.gone = true
		return client.NetworkRemoveResult{}, nil
	}
	k.refuses--
	return client.NetworkRemoveResult{}, errors.New("Error response from daemon: error while removing network: network ssocheck-1 id 96ee " + cmp.Or(k.word, "has active endpoints"))
}

func (k *kept) NetworkInspect(context.Context, string, client.NetworkInspectOptions) (client.NetworkInspectResult, error) {
	var res client.NetworkInspectResult
	res.Network.Containers = map[string]network.EndpointResource{}
	for _, name := range k.others {
		res.Network.Containers[name] = network.EndpointResource{Name: name}
	}
	return res, nil
}

// TestRemoveGivesUp: an engine that had lost count of who is in a network (Docker
// 20.10.24) refused to remove it for ever, and ssocheck down asked it for ever.
func TestRemoveGivesUp(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		engine  kept
		gone    Removed
		says    []string
		saysNot string
	}{
		"at once":                  {engine: kept{}, gone: Removed{Networks: 1}},
		"in a moment":              {engine: kept{refuses: 100}, gone: Removed{Networks: 1}},
		"somebody else removes it": {engine: kept{refuses: 1000, word: "is already in progress"}, gone: Removed{Networks: 1}},
		"never": {
			engine: kept{refuses: -1}, says: []string{"the network ssocheck-1", "has active endpoints", "systemctl restart docker"}, saysNot: "disconnect",
		},
		"somebody is in it": {
			engine: kept{refuses: -1, others: []string{"web"}}, says: []string{"docker network disconnect ssocheck-1 web"}, saysNot: "restart",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e := &engine{cli: &tt.engine, log: slog.New(slog.DiscardHandler)}
				gone, err := e.remove(t.Context(), ownLabel)
				assert.Equal(t, tt.gone, gone)
				if len(tt.says) == 0 {
					require.NoError(t, err)
					return
				}
				require.ErrorIs(t, err, ErrEngine)
				for _, words := range tt.says {
					assert.Contains(t, err.Error(), words)
				}
				assert.NotContains(t, err.Error(), tt.saysNot)
				assert.NotContains(t, err.Error(), "\n")
			})
		})
	}
}
