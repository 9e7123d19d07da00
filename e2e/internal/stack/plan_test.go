package stack

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/authentik"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/edge"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// drawn is a stack that runs nothing, with secrets that can be read.
func drawn() *Stack {
	return &Stack{
		id: "run", edgeImage: "ssocheck/edge:hash", keys: &edge.Keys{CA: "(the CA)", CAKey: "(key)", Leaf: "(key)", SPKI: "(hash)"},
		secrets: secrets{database: "(database password)", edge: "(edge token)", idp: idpSecrets{Key: "(secret key)", Token: "(API token)", Password: "(akadmin password)"}},
	}
}

func onVersions(t *testing.T, paperless, authentik string) *deployment.Deployment {
	t.Helper()
	s, err := deployment.DefaultSpec()
	require.NoError(t, err)
	s.Paperless.Version, s.Authentik.Version = paperless, authentik
	return deployment.New(s)
}

// all are the containers of one pair, in the order in which they start.
func all(t *testing.T, b *deployment.Deployment) []Container {
	t.Helper()
	s := drawn()
	images, err := s.imagesOf(b)
	require.NoError(t, err)
	p, a, err := addresses(b)
	require.NoError(t, err)
	at := site{network: "ssocheck-run-1", paperless: p, authentik: a, n: 1, idp: 1}
	return slices.Concat([]Container{s.postgresContainer(images)}, s.authentikContainers(b, images, 1, s.secrets.idp), s.pairContainers(b, images, at, nil))
}

// draw is a container for the golden.
func draw(c Container) string {
	var w strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&w, format+"\n", args...) }
	line("%s", c.Name)
	line("  image    %s", c.Image)
	if c.Command != nil {
		line("  command  %s", strings.Join(c.Command, " "))
	}
	for _, k := range slices.Sorted(maps.Keys(c.Env)) {
		line("  env      %s=%s", k, c.Env[k])
	}
	for _, path := range slices.Sorted(maps.Keys(c.Files)) {
		line("  file     %s", path)
		if path != edgeConfig {
			continue
		}
		var config edge.Config
		if err := json.Unmarshal(c.Files[path], &config); err != nil {
			panic(err)
		}
		line("             tls %s, plain %s", strings.Join(config.TLS, " "), strings.Join(config.Plain, " "))
		for _, r := range config.Routes {
			line("             %s -> %s", r.Host+r.Path, r.Upstream)
		}
	}
	for _, n := range slices.Sorted(maps.Keys(c.Networks)) {
		line("  network  %s", strings.TrimSpace(n+" as "+strings.Join(c.Networks[n], ", ")))
	}
	for _, h := range c.ExtraHosts {
		line("  host     %s", h)
	}
	for _, p := range c.Ports {
		line("  port     %s", p)
	}
	if c.Shm > 0 {
		line("  shm      %d MB", c.Shm>>20)
	}
	for _, g := range c.Gates {
		line("  gate     %s", g)
	}
	return w.String()
}

// TestContainers compares what the stack says to Docker with golden files.
func TestContainers(t *testing.T) {
	t.Parallel()
	for _, v := range [][2]string{{"2.20.15", "2025.8.1"}, {"3.0.5", "2026.2.3"}, {"3.0.5", "2026.8.3"}, {"2.5.0", "2024.10.5"}} {
		t.Run(v[0]+","+v[1], func(t *testing.T) {
			t.Parallel()
			var parts []string
			for _, c := range all(t, onVersions(t, v[0], v[1])) {
				parts = append(parts, draw(c))
			}
			got := strings.Join(parts, "\n")
			path := filepath.Join("testdata", "containers", v[0]+"_"+v[1]+".txt")
			if *update {
				require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
				require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
			}
			want, err := os.ReadFile(path)
			require.NoErrorf(t, err, "create it with: go test ./e2e/internal/stack -run %s -update", t.Name())
			assert.Equal(t, string(want), got)
		})
	}
}

// TestContainersFollowTheFacts holds what docs/facts/authentik.md#1 says of the images, for every
// version that is known, against what would be started.
func TestContainersFollowTheFacts(t *testing.T) {
	t.Parallel()
	known, err := deployment.KnownVersions()
	require.NoError(t, err)
	find := func(t *testing.T, cs []Container, name string) Container {
		t.Helper()
		at := slices.IndexFunc(cs, func(c Container) bool { return c.Name == name })
		require.GreaterOrEqual(t, at, 0, "no container %s", name)
		return cs[at]
	}
	for _, r := range known.Authentik {
		t.Run("authentik "+r.Version, func(t *testing.T) {
			t.Parallel()
			cs := all(t, onVersions(t, "2.20.15", r.Version))
			server, worker := find(t, cs, "authentik-1-server"), find(t, cs, "authentik-1-worker")
			// docs/facts/authentik.md#1.1: one image, two commands; 9000 is HTTP; /dev/shm is used.
			assert.Equal(t, "ghcr.io/goauthentik/server:"+r.Version, server.Image)
			assert.Equal(t, server.Image, worker.Image)
			assert.Equal(t, []string{"server"}, server.Command)
			assert.Equal(t, []string{"worker"}, worker.Command)
			assert.Equal(t, []string{"9000/tcp"}, server.Ports)
			assert.EqualValues(t, 512<<20, server.Shm)
			assert.EqualValues(t, 512<<20, worker.Shm)
			// docs/facts/authentik.md#1.3: server and worker need the same key and database.
			for _, name := range []string{"AUTHENTIK_SECRET_KEY", "AUTHENTIK_POSTGRESQL__HOST", "AUTHENTIK_POSTGRESQL__NAME", "AUTHENTIK_POSTGRESQL__USER", "AUTHENTIK_POSTGRESQL__PASSWORD"} {
				assert.NotEmpty(t, server.Env[name], name)
				assert.Equal(t, server.Env[name], worker.Env[name], name)
			}
			for name, want := range map[string]string{
				"AUTHENTIK_AVATARS": "initials", "AUTHENTIK_DISABLE_UPDATE_CHECK": "true", "AUTHENTIK_DISABLE_STARTUP_ANALYTICS": "true",
			} {
				assert.Equal(t, want, server.Env[name], name)
				assert.Equal(t, want, worker.Env[name], name)
			}
			// docs/facts/authentik.md#1.2: Redis up to 2025.8, none from 2025.10 on.
			redis := slices.ContainsFunc(cs, func(c Container) bool { return c.Name == "authentik-1-redis" })
			assert.Equal(t, !deployment.AtLeast(r.Version, "2025.10.0"), redis)
			_, asks := server.Env["AUTHENTIK_REDIS__HOST"]
			assert.Equal(t, redis, asks)
			// docs/facts/authentik.md#1.3 and docs/facts/authentik.md#1.5: the worker sets up; a server of 2026.5 must not.
			assert.NotEmpty(t, worker.Env["AUTHENTIK_BOOTSTRAP_TOKEN"])
			_, bootstraps := server.Env["AUTHENTIK_BOOTSTRAP_TOKEN"]
			assert.Equal(t, !deployment.AtLeast(r.Version, "2026.5.0"), bootstraps)
			// docs/facts/authentik.md#1.1: from 2026.5 on it would listen on [::].
			assert.Equal(t, deployment.AtLeast(r.Version, "2026.5.0"), server.Env["AUTHENTIK_LISTEN__HTTP"] == "0.0.0.0:9000")
			// docs/facts/releases-2026.md#1: from 2026.8 on both know their address and trust the edge's network.
			for _, c := range []Container{server, worker} {
				assert.Equal(t, deployment.AtLeast(r.Version, "2026.8.0"), c.Env["AUTHENTIK_WEB__BASE_URL"] == "https://authentik.example.com", c.Name)
				for item := range strings.SplitSeq(c.Env["AUTHENTIK_LISTEN__TRUSTED_PROXY_CIDRS"], ",") {
					if deployment.AtLeast(r.Version, "2026.8.0") {
						_, err := netip.ParsePrefix(item)
						assert.NoError(t, err, "every item has its length (docs/facts/releases-2026.md#A08)")
					}
				}
				for _, g := range c.Gates {
					assert.NotContains(t, g, "curl", "no container has it")
				}
			}
			assert.True(t, strings.HasSuffix(authentik.ReadyPath, "/"), "without the slash 2026.8 answers 404")
		})
	}
	for _, r := range known.Paperless {
		t.Run("paperless "+r.Version, func(t *testing.T) {
			t.Parallel()
			b := onVersions(t, r.Version, "2025.8.1")
			cs := all(t, b)
			p, front := find(t, cs, "paperless-1"), find(t, cs, "edge-1")
			// docs/facts/paperless.md#10: port 8000, no command, broker by URL, database by host.
			assert.Equal(t, "ghcr.io/paperless-ngx/paperless-ngx:"+r.Version, p.Image)
			assert.Nil(t, p.Command)
			assert.Equal(t, []string{"8000/tcp"}, p.Ports)
			assert.Equal(t, "redis://broker:6379", p.Env["PAPERLESS_REDIS"])
			assert.Equal(t, "postgres", p.Env["PAPERLESS_DBHOST"])
			// docs/facts/paperless.md#3.3: requests trusts only what REQUESTS_CA_BUNDLE names.
			assert.Contains(t, p.Files, p.Env["REQUESTS_CA_BUNDLE"])
			// The configuration is the user's, unmodified.
			for name, value := range b.Paperless.Env {
				assert.Equal(t, value, p.Env[name], name)
			}
			assert.ElementsMatch(t, []string{"paperless.example.com", "authentik.example.com"}, front.Networks["ssocheck-run-1"])
			assert.ElementsMatch(t, []string{"443/tcp", "80/tcp", edge.APIPort + "/tcp"}, front.Ports)
		})
	}
}

func TestEnvironment(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change   func(*deployment.Deployment)
		want     map[string]string // "-": not there
		added    []string          // parts of what the report says
		notAdded []string
	}{
		"the user's servers give way": {
			change: func(b *deployment.Deployment) {
				b.Paperless.Env["PAPERLESS_DBHOST"] = "db"
				b.Paperless.Env["PAPERLESS_DBPASS_FILE"] = "/run/secrets/db"
				b.Paperless.Env["PAPERLESS_REDIS"] = "redis://cache:6379"
			},
			want:  map[string]string{"PAPERLESS_DBHOST": "postgres", "PAPERLESS_DBPASS_FILE": "-", "PAPERLESS_REDIS": "redis://broker:6379"},
			added: []string{"PAPERLESS_DBHOST: the file's value is not used", "PAPERLESS_DBPASS_FILE: the file's value", "PAPERLESS_REDIS: the file's value"},
		},
		"a CA bundle of one's own stays": {
			change: func(b *deployment.Deployment) {
				b.Paperless.Env["REQUESTS_CA_BUNDLE"] = "/etc/ssl/certs/ca-certificates.crt"
			},
			want:     map[string]string{"REQUESTS_CA_BUNDLE": "/etc/ssl/certs/ca-certificates.crt"},
			notAdded: []string{"REQUESTS_CA_BUNDLE"},
		},
		"a secret key is never added": {
			change: func(b *deployment.Deployment) {
				b.Paperless.Version = "3.0.5"
				delete(b.Paperless.Env, "PAPERLESS_SECRET_KEY")
			},
			want: map[string]string{"PAPERLESS_SECRET_KEY": "-", "PAPERLESS_DBENGINE": "postgresql"},
		},
		"what runs, not what the file says": {
			change: func(b *deployment.Deployment) {
				b.Paperless.Running = map[string]string{"PAPERLESS_URL": "https://old.example.com"}
			},
			want: map[string]string{"PAPERLESS_URL": "https://old.example.com", "PAPERLESS_APPS": "-"},
		},
		"the user's own proxy is the edge": {
			change: func(b *deployment.Deployment) {
				b.Paperless.ExtraHosts = map[string]string{"authentik.example.com": "192.168.1.10"}
			},
			added: []string{"extra_hosts authentik.example.com: left out"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := onVersions(t, "2.20.15", "2025.8.1")
			tt.change(b)
			env, _, _ := environment(b)
			for k, want := range tt.want {
				got, ok := env[k]
				if want == "-" {
					assert.False(t, ok, "%s=%s", k, got)
					continue
				}
				assert.Equal(t, want, got, k)
			}
			text := strings.Join((&Stack{}).Added(b), "\n")
			for _, part := range tt.added {
				assert.Contains(t, text, part)
			}
			for _, part := range tt.notAdded {
				assert.NotContains(t, text, part)
			}
		})
	}
}

func TestExtraHosts(t *testing.T) {
	t.Parallel()
	at := site{paperless: address{host: "paperless.example.com"}, authentik: address{host: "authentik.example.com"}}
	b := &deployment.Deployment{Paperless: deployment.Paperless{ExtraHosts: map[string]string{
		"Authentik.example.com": "192.168.1.10", "paperless.example.com": "127.0.0.1", "mail.example.com": "10.0.0.5", "authentik.example.com": "192.0.2.1",
	}}}
	assert.Equal(t, []string{"authentik.example.com:192.0.2.1", "mail.example.com:10.0.0.5", "paperless.example.com:127.0.0.1"}, extraHosts(b, at))
}

// TestUnderAPath: authentik's servers are told the path, and where one host serves
// both products the edge parts them by it.
func TestUnderAPath(t *testing.T) {
	t.Parallel()
	b := onVersions(t, "2.20.15", "2025.8.1")
	b.Paperless.URL, b.Authentik.URL = "https://home.example.com", "https://home.example.com/auth"
	var servers int
	for _, c := range all(t, b) {
		if c.Image == "ghcr.io/goauthentik/server:2025.8.1" {
			servers++
			assert.Equal(t, "/auth/", c.Env["AUTHENTIK_WEB__PATH"], c.Name)
		}
		if strings.HasPrefix(c.Name, "edge-") {
			var config edge.Config
			require.NoError(t, json.Unmarshal(c.Files[edgeConfig], &config))
			assert.Equal(t, []string{"home.example.com:443", "home.example.com:443/auth"}, []string{config.Routes[0].Host + config.Routes[0].Path, config.Routes[1].Host + config.Routes[1].Path})
			assert.Equal(t, []string{"home.example.com"}, c.Networks["ssocheck-run-1"])
		}
	}
	assert.Equal(t, 2, servers, "server and worker")
}

func TestUnsupported(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*deployment.Deployment){
		"an address":        func(b *deployment.Deployment) { b.Paperless.URL = "https://192.168.1.10" },
		"no scheme":         func(b *deployment.Deployment) { b.Authentik.URL = "authentik.example.com" },
		"one place for two": func(b *deployment.Deployment) { b.Authentik.URL = b.Paperless.URL },
		"our own port":      func(b *deployment.Deployment) { b.Authentik.URL = "https://authentik.example.com:" + edge.APIPort },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := onVersions(t, "2.20.15", "2025.8.1")
			change(b)
			_, err := drawn().newPair(b, "")
			require.ErrorIs(t, err, ErrUnsupported)
			assert.NotContains(t, err.Error(), "\n")
		})
	}
}

func TestOverrides(t *testing.T) {
	t.Parallel()
	b := onVersions(t, "2.20.15", "2025.8.1")
	s := drawn()
	more, err := deployment.ParseVersions([]byte("postgres: mine/postgres\npaperless:\n- {version: 2.20.15, image: mine/paperless}\n"))
	require.NoError(t, err)
	s.o.versions = more
	s.o.images = Overrides{Authentik: "mine/authentik", AuthentikBroker: "mine/redis"}
	images, err := s.imagesOf(b)
	require.NoError(t, err)
	assert.Equal(t, deployment.Images{
		PaperlessImage: "mine/paperless", PaperlessBroker: "docker.io/library/redis:8", AuthentikImage: "mine/authentik", AuthentikRedis: "mine/redis",
		Postgres: "mine/postgres", PostgresData: "/var/lib/postgresql/data",
	}, images)
}

func TestVersionsBetween(t *testing.T) {
	t.Parallel()
	images, err := drawn().imagesOf(onVersions(t, "2.19.6", "2025.10.3"))
	require.NoError(t, err)
	assert.Equal(t, "ghcr.io/paperless-ngx/paperless-ngx:2.19.6", images.PaperlessImage)
	assert.Equal(t, "docker.io/library/redis:8", images.PaperlessBroker, "as 2.18.4 needs")
	assert.Equal(t, "ghcr.io/goauthentik/server:2025.10.3", images.AuthentikImage)
	assert.Empty(t, images.AuthentikRedis)
	images, err = drawn().imagesOf(onVersions(t, "4.0.0", "2025.8.1"))
	require.NoError(t, err)
	assert.Equal(t, "ghcr.io/paperless-ngx/paperless-ngx:4.0.0", images.PaperlessImage, "newer than all known")
}
