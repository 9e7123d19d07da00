package doctor

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/moby/moby/api/types/container"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/lazyregexp"
)

// ErrPair says that the pair is not there, or that there are several; its text
// names the containers and the flag that decides.
var ErrPair = errors.New("doctor")

// A Container is one of the pair's, as far as it is shown.
type Container struct {
	Name    string `json:"name"`
	Image   string `json:"image"`
	State   string `json:"state"` // running, restarting, exited …
	Health  string `json:"health,omitempty"`
	Restart int    `json:"restarts,omitempty"`
	// Project, Service and Files are what Compose labelled it with; empty where it
	// was made in another way.
	Project string   `json:"project,omitempty"`
	Service string   `json:"service,omitempty"`
	Files   []string `json:"files,omitempty"`
	// Networks are those that it is in.
	Networks []string `json:"networks,omitempty"`

	id   string
	env  map[string]string
	full container.InspectResponse
}

// The labels that Compose, and podman's, put on containers.
const (
	labelProject = "com.docker.compose.project"
	labelService = "com.docker.compose.service"
	labelFiles   = "com.docker.compose.project.config_files"
	labelDir     = "com.docker.compose.project.working_dir"
)

func newContainer(c container.InspectResponse) *Container {
	out := &Container{
		Name: strings.TrimPrefix(c.Name, "/"), Image: c.Config.Image, State: string(c.State.Status), Restart: c.RestartCount,
		Project: c.Config.Labels[labelProject], Service: c.Config.Labels[labelService], id: c.ID, env: map[string]string{}, full: c,
	}
	if out.Project == "" {
		out.Project, out.Service = c.Config.Labels["io.podman.compose.project"], c.Config.Labels["io.podman.compose.service"]
	}
	if h := c.State.Health; h != nil && h.Status != "none" {
		out.Health = string(h.Status)
	}
	out.Files = composeFiles(c.Config.Labels[labelFiles], c.Config.Labels[labelDir])
	for _, kv := range c.Config.Env {
		name, value, _ := strings.Cut(kv, "=")
		out.env[name] = value
	}
	if c.NetworkSettings != nil {
		for name := range c.NetworkSettings.Networks {
			out.Networks = append(out.Networks, name)
		}
		slices.Sort(out.Networks)
	}
	return out
}

// composeFiles are the files of Compose's label, which parts them by commas; a path
// may have a comma, too.
func composeFiles(label, dir string) []string {
	var out []string
	parts := strings.Split(label, ",")
	for i := 0; i < len(parts); i++ {
		file, n := strings.TrimSpace(parts[i]), i
		for j := i; j < len(parts); j++ {
			whole := strings.TrimSpace(strings.Join(parts[i:j+1], ","))
			if info, err := os.Stat(beside(dir, whole)); err == nil && info.Mode().IsRegular() {
				file, n = whole, j
				break
			}
		}
		if i = n; file != "" {
			out = append(out, beside(dir, file))
		}
	}
	return out
}

func beside(dir, file string) string {
	if filepath.IsAbs(file) || dir == "" || file == "" {
		return file
	}
	return filepath.Join(dir, file)
}

// runs reports whether the container is meant to run now.
func (c *Container) runs() bool { return c.State == "running" || c.State == "restarting" }

var (
	paperlessRepository = lazyregexp.New(`(?:^|/)paperless-ngx(?:[:@]|$)`)
	// others are programs that have a Paperless to talk to, and variables about it.
	others = lazyregexp.New(`paperless-(?:ai|gpt|export|mobile|backup|share|mcp)|gotenberg|tika|redis|valkey|postgres|mariadb|mysql`)
)

// isPaperless tells how sure it is that a container is Paperless-ngx; 0: it is not.
func isPaperless(c *Container) int {
	source := c.full.Config.Labels["org.opencontainers.image.source"]
	has := func(names ...string) bool {
		return slices.ContainsFunc(names, func(n string) bool { _, ok := c.env[n]; return ok })
	}
	switch {
	case paperlessRepository.MatchString(c.Image) || strings.HasSuffix(source, "/paperless-ngx"):
		return 2
	case others.MatchString(c.Image):
		return 0
	case has("PAPERLESS_REDIS") && has("PAPERLESS_URL", "PAPERLESS_DBHOST", "PAPERLESS_SECRET_KEY", deployment.ProvidersKey):
		return 1 // an image of somebody's own
	}
	return 0
}

// role is what a container of authentik does: server, worker, or "" for none.
func role(c *Container) string {
	whose, _ := deployment.WhoseImage(c.Image)
	_, db := c.env["AUTHENTIK_POSTGRESQL__HOST"]
	_, key := c.env["AUTHENTIK_SECRET_KEY"]
	if own := db && key; whose != deployment.AuthentikIdP && !own || others.MatchString(c.Image) {
		return ""
	}
	for _, arg := range slices.Concat(c.full.Config.Cmd, c.full.Args) {
		if arg == "worker" {
			return "worker"
		}
		if arg == "server" || arg == "allinone" {
			return "server"
		}
	}
	return "server" // it is the image's own command
}

// A found is the pair among all containers.
type found struct {
	paperless *Container
	server    *Container // nil: authentik is elsewhere
	worker    *Container // nil: not found
}

// discover finds the pair. The names say which where there are several.
func discover(all []container.InspectResponse, paperless, authentik string) (*found, error) {
	var ps, servers, workers []*Container
	sure := 0
	for i := range all {
		c := newContainer(all[i])
		if n := isPaperless(c); n > 0 || paperless != "" && c.called(paperless) {
			if n > sure && paperless == "" {
				ps, sure = nil, n // the image's own name says more than variables
			}
			if n >= sure || paperless != "" {
				ps = append(ps, c)
			}
		}
		switch role(c) {
		case "server":
			servers = append(servers, c)
		case "worker":
			workers = append(workers, c)
		}
	}
	p, err := one(ps, paperless, "Paperless-ngx", "--paperless")
	if err != nil {
		return nil, err
	}
	f := &found{paperless: p}
	if len(servers) == 0 && authentik == "" {
		return f, nil
	}
	if f.server, err = one(servers, authentik, "authentik", "--authentik"); err != nil {
		return nil, err
	}
	for _, w := range workers {
		if w.Project == f.server.Project && (f.worker == nil || w.runs()) {
			f.worker = w
		}
	}
	return f, nil
}

// called reports whether a name that was given is the container's: by itself, as
// the service of Compose, or as the beginning of its id.
func (c *Container) called(name string) bool {
	return c.Name == name || c.Service == name || len(name) >= 6 && strings.HasPrefix(c.id, name)
}

// one is the container that is meant.
func one(list []*Container, name, product, flag string) (*Container, error) {
	if name != "" {
		named := slices.DeleteFunc(slices.Clone(list), func(c *Container) bool { return !c.called(name) })
		if len(named) == 0 {
			return nil, fmt.Errorf("%w: %s %s: no container of %s has this name; there are: %s", ErrPair, flag, name, product, names(list))
		}
		list = named
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("%w: no container of %s is on this engine; run doctor where it runs, name it with %s, or test from outside: ssocheck run --target external", ErrPair, product, flag)
	}
	// What was stopped, and copies of one service, are no choice.
	if alive := slices.DeleteFunc(slices.Clone(list), func(c *Container) bool { return !c.runs() }); len(alive) > 0 {
		list = alive
	}
	same := func(c *Container) bool {
		return c.Project != "" && c.Project == list[0].Project && c.Service == list[0].Service
	}
	if len(list) > 1 && !slices.ContainsFunc(list, func(c *Container) bool { return !same(c) }) {
		list = list[:1]
	}
	if len(list) > 1 {
		return nil, fmt.Errorf("%w: several containers could be %s: %s; say which with %s NAME", ErrPair, product, names(list), flag)
	}
	return list[0], nil
}

func names(list []*Container) string {
	var out []string
	for _, c := range list {
		s := c.Name + " (" + c.Image
		if c.Project != "" {
			s += ", project " + c.Project
		}
		out = append(out, s+")")
	}
	slices.Sort(out)
	return cmp.Or(strings.Join(out, ", "), "none")
}
