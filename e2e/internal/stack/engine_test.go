package stack

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestExplain holds that each trouble with Docker is one line that says what to do.
func TestExplain(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ text, want string }{
		"not there":     {"dial unix /var/run/docker.sock: connect: no such file or directory", "scripts/docker.sh"},
		"refused":       {"Cannot connect to the Docker daemon at tcp://127.0.0.1:1. Is the docker daemon running?", "systemctl start docker"},
		"no permission": {"permission denied while trying to connect to the docker API at unix:///var/run/docker.sock", "usermod -aG docker"},
		"full":          {"write /var/lib/docker/tmp/x: no space left on device", "docker system prune"},
		"addresses":     {"Error response from daemon: could not find an available, non-overlapping IPv4 address pool among the defaults to assign to the network", "docker network prune"},
		"addresses, 28": {"Error response from daemon: all predefined address pools have been fully subnetted", "default-address-pools"},
		"old":           {"API version 1.30 is not supported by this client: the minimum supported API version is 1.40", "20.10"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := explain(fmt.Errorf("make a network: %w", errors.New(tt.text)))
			require.ErrorIs(t, err, ErrEngine)
			assert.Contains(t, err.Error(), tt.want)
			assert.NotContains(t, err.Error(), "\n")
		})
	}
	other := errors.New("something else")
	assert.Equal(t, other, explain(other))
	require.ErrorIs(t, explain(context.Canceled), context.Canceled)
	require.NoError(t, explain(nil))
}

// TestExplainLeavesContainers: a Paperless that took more than ten minutes on a busy
// machine was told as an engine that does not answer, for its port refused connections.
func TestExplainLeavesContainers(t *testing.T) {
	t.Parallel()
	r := &running{Container: Container{Name: "paperless-1"}}
	for name, err := range map[string]error{
		"slow":    &shut{errors.New(`paperless-1: not within 10m0s: Paperless answers, or stops (Get "http://172.17.0.1:32774/accounts/login/": dial tcp 172.17.0.1:32774: connect: connection refused); its last lines: celery beat v5.5.3 is starting`)},
		"its log": &stopped{in: r, code: 1, last: "redis.exceptions.ConnectionError: Error 111 connecting: connect: connection refused"},
		"a name":  &stopped{in: r, code: 1, last: "dial tcp: lookup broker: no such host"},
		"rights":  &stopped{in: r, code: 1, last: "permission denied: connect to the mail server"},
		"old":     &stopped{in: r, code: 1, last: "the database is too old"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := explain(fmt.Errorf("the stack did not start: %w", err))
			require.ErrorIs(t, got, err)
			require.NotErrorIs(t, got, ErrEngine)
			assert.Contains(t, got.Error(), "paperless-1")
		})
	}
	full := explain(&stopped{in: r, code: 1, last: "OSError: [Errno 28] No space left on device; write: no space left on device"})
	require.ErrorIs(t, full, ErrEngine)
}

// TestProbesAreNotInAHurry: a server that works for a while on each question, one
// after the other, as authentik's only worker does, answers in the end.
func TestProbesAreNotInAHurry(t *testing.T) {
	t.Parallel()
	const slowest = 20 * time.Second // of a first answer, on a busy machine
	assert.Greater(t, probe.Timeout, slowest, "the next probe would wait behind this one")
	for _, limit := range []time.Duration{coldLimit, databaseLimit} {
		assert.Less(t, probe.Timeout, limit, "one that hangs is not the whole gate")
	}
}

func TestTar(t *testing.T) {
	t.Parallel()
	var buf bytes.Buffer
	require.NoError(t, writeTar(&buf, map[string][]byte{"/a/b": []byte("text")}))
	got, err := firstFile(&buf)
	require.NoError(t, err)
	assert.Equal(t, "text", string(got))
}

func TestBook(t *testing.T) {
	t.Parallel()
	b := &book{}
	p := &running{Container: Container{Name: "paperless-1", Source: "paperless"}, id: "1", owns: "pair-1"}
	other := &running{Container: Container{Name: "broker-1"}, id: "2", owns: "pair-1"}
	b.write(p, "2026-11-25T01:02:03.000000004Z [INFO] one")
	b.write(p, "no stamp")
	b.write(other, "2026-11-25T01:02:03.000000004Z Ready to accept connections tcp")
	lines := b.of("pair-1")
	require.Len(t, lines, 2, "a broker is no evidence")
	assert.Equal(t, "[INFO] one", lines[0].Text)
	assert.Equal(t, 2026, lines[0].Time.Year())
	assert.Equal(t, "no stamp", lines[1].Text)
	assert.Equal(t, []string{"Ready to accept connections tcp"}, b.tail(other))
	for i := range 2 * tailLimit {
		b.write(other, fmt.Sprintf("2026-11-25T01:02:03Z line %d", i))
	}
	assert.Len(t, b.tail(other), tailLimit)
}

// TestCache keeps, lists and clears without Docker.
func TestCache(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	made := time.Date(2026, 11, 25, 1, 2, 3, 0, time.UTC)
	require.NoError(t, write(dir+"/paperless-1", Kept{Product: "paperless", Version: "2.20.15", Made: made}, []byte("PGDMP1")))
	require.NoError(t, write(dir+"/authentik-1", Kept{Product: "authentik", Version: "2025.8.1", Made: made.Add(time.Hour), Secret: idpSecrets{Token: "t"}}, []byte("PGDMP22")))
	require.NoError(t, write(dir+"/paperless-1", Kept{Product: "paperless", Version: "2.20.15", Made: made}, []byte("PGDMP333")), "again")
	kept, err := Cached(dir)
	require.NoError(t, err)
	require.Len(t, kept, 2)
	assert.Equal(t, "authentik", kept[0].Product, "newest first")
	assert.EqualValues(t, 8, kept[1].Bytes)
	s := &Stack{o: options{cache: dir}}
	from := s.keptSeed(dir+"/authentik-1", "", nil)
	require.NotNil(t, from)
	assert.Equal(t, "t", from.secret.Token)
	s.o.cold = true
	assert.Nil(t, s.keptSeed(dir+"/authentik-1", "", nil))
	require.NoError(t, ClearCache(dir))
	kept, err = Cached(dir)
	require.NoError(t, err)
	assert.Empty(t, kept)
	none, err := Cached(dir + "/nowhere")
	require.NoError(t, err)
	assert.Empty(t, none)
}

func TestLastWords(t *testing.T) {
	t.Parallel()
	e := &exitError{cmd: []string{"ak", "apply_blueprint", "custom/x.yaml"}, in: "authentik-1-server", code: 1, output: "a\nEntry invalid: Serializer errors\n\n"}
	assert.Equal(t, "ak apply_blueprint in authentik-1-server: exit code 1: Entry invalid: Serializer errors", e.Error())
	assert.Len(t, []rune(short(strings.Repeat("x ", 400))), 201)
}
