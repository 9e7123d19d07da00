// Package standins builds the images that stand in for the real ones in the tests
// of the Docker stack, where no registry can be reached. No part of ssocheck that
// users use imports it, or the programs in these images (package standin).
package standins

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/stack"
	"github.com/ssocheck/ssocheck/e2e/internal/stack/standin"
)

// Command is the program in the images.
const Command = "github.com/ssocheck/ssocheck/e2e/cmd/standin"

// repository is the name under which the images are tagged; nobody can take them
// for the real ones.
const repository = "ssocheck/standin"

// manage is where manage.py is in Paperless-ngx's image.
const manage = "/usr/src/paperless/src"

// tools are the programs that the stack runs in the real images.
var tools = []string{"ak", "pg_isready", "createdb", "dropdb", "pg_dump", "pg_restore", "psql", "python3"}

// Build builds images of cmd/standin that stand in for all images of the known
// versions (or of these, when any are named), and returns the versions that name
// them. They take over by that entry only: the stack does not know them apart.
// binary is cmd/standin as a static binary for the engine.
func Build(ctx context.Context, log *slog.Logger, binary string, only ...string) (*deployment.Versions, error) {
	program, err := os.ReadFile(binary)
	if err != nil {
		return nil, fmt.Errorf("stand-in images: %w", err)
	}
	files := map[string][]byte{
		"bin/standin": program, "tmp/.keep": nil,
		"src/manage.py": []byte("# stands in for Paperless's\n"),
	}
	for _, tool := range tools {
		files["bin/"+tool] = stack.LinkTo("standin")
	}
	base, err := stack.MakeImage(ctx, stack.Image{
		Repository: repository, Files: files,
		Dockerfile: "FROM scratch\nCOPY bin/ /usr/local/bin/\nCOPY tmp/ /tmp/\nCOPY src/ " + manage + "/\nENV PATH=/usr/local/bin\n",
	}, log)
	if err != nil {
		return nil, err
	}
	tag := func(what, version, command string) (string, error) {
		return stack.MakeImage(ctx, stack.Image{
			Repository: repository, Tag: strings.Trim(what+"-"+version, "-"),
			Dockerfile: fmt.Sprintf("FROM %s\nENV %s=%s\nENTRYPOINT [\"/usr/local/bin/standin\", \"serve\", %q]\n%s", base, standin.VersionVariable, version, what, command),
		}, log)
	}
	known, err := deployment.KnownVersions()
	if err != nil {
		return nil, err
	}
	v := &deployment.Versions{}
	if v.Postgres, err = tag("postgres", "", ""); err != nil {
		return nil, err
	}
	broker, err := tag("broker", "", "")
	if err != nil {
		return nil, err
	}
	unwanted := func(r deployment.Release) bool { return len(only) > 0 && !slices.Contains(only, r.Version) }
	for _, r := range known.Paperless {
		if unwanted(r) {
			continue
		}
		image, err := tag("paperless", r.Version, "")
		if err != nil {
			return nil, err
		}
		v.Paperless = append(v.Paperless, deployment.Release{Version: r.Version, Image: image, Broker: broker})
	}
	for _, r := range known.Authentik {
		if unwanted(r) {
			continue
		}
		image, err := tag("authentik", r.Version, "CMD [\"server\"]\n")
		if err != nil {
			return nil, err
		}
		one := deployment.Release{Version: r.Version, Image: image}
		if r.Broker != "" {
			one.Broker = broker
		}
		v.Authentik = append(v.Authentik, one)
	}
	return v, nil
}

// VersionsFile writes versions as a file for --versions.
func VersionsFile(v *deployment.Versions) ([]byte, error) {
	type release struct {
		Version string `yaml:"version"`
		Image   string `yaml:"image"`
		Broker  string `yaml:"broker,omitempty"`
	}
	doc := struct {
		Postgres  string    `yaml:"postgres"`
		Paperless []release `yaml:"paperless"`
		Authentik []release `yaml:"authentik"`
	}{Postgres: v.Postgres}
	for _, r := range v.Paperless {
		doc.Paperless = append(doc.Paperless, release{r.Version, r.Image, r.Broker})
	}
	for _, r := range v.Authentik {
		doc.Authentik = append(doc.Authentik, release{r.Version, r.Image, r.Broker})
	}
	text, err := yaml.Marshal(doc)
	if err != nil {
		return nil, fmt.Errorf("write the versions: %w", err)
	}
	return text, nil
}
