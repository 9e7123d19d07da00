package stack

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/ssocheck/ssocheck/e2e/render"
	"github.com/ssocheck/ssocheck/e2e/stack/standin"
)

// standInRepository is the name under which stand-in images are tagged; nobody
// can take them for the real ones.
const standInRepository = "ssocheck/standin"

// standInTools are the programs that the stack runs in the real images.
var standInTools = []string{"ak", "pg_isready", "createdb", "dropdb", "pg_dump", "pg_restore", "psql", "python3"}

// StandIns builds images of our own binary that stand in for all images of the
// known versions (or of these, when any are named), and returns the versions that
// name them. They take over by that entry only: the stack does not know them apart.
// binary is as for WithBinary; empty: found or built.
func StandIns(ctx context.Context, log *slog.Logger, binary string, only ...string) (*render.Versions, error) {
	e, err := connect(ctx, false, log)
	if err != nil {
		return nil, err
	}
	s := &Stack{o: options{progress: func(string) {}, binary: binary}, engine: e, log: log}
	own, err := s.binary(ctx)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{
		"bin/ssocheck": own, "tmp/.keep": nil,
		"src/manage.py": []byte("# stands in for Paperless's\n"),
	}
	for _, tool := range standInTools {
		files["bin/"+tool] = []byte(linkTo + "ssocheck")
	}
	base, err := e.build(ctx, standInRepository, files, "FROM scratch\nCOPY bin/ /usr/local/bin/\nCOPY tmp/ /tmp/\nCOPY src/ "+paperlessSource+"/\n"+
		"ENV PATH=/usr/local/bin\n")
	if err != nil {
		return nil, explain(err)
	}
	tag := func(what, version, command string) (string, error) {
		text := fmt.Sprintf("FROM %s\nENV %s=%s\nENTRYPOINT [\"/usr/local/bin/ssocheck\", \"lab-serve\", %q]\n%s", base, standin.VersionVariable, version, what, command)
		// Rebuilt each time: the base may have changed, and nothing is copied.
		name, err := e.buildAs(ctx, standInRepository, strings.Trim(what+"-"+version, "-"), nil, text, true)
		return name, explain(err)
	}
	known, err := render.KnownVersions()
	if err != nil {
		return nil, err
	}
	v := &render.Versions{}
	if v.Postgres, err = tag("postgres", "", ""); err != nil {
		return nil, err
	}
	broker, err := tag("broker", "", "")
	if err != nil {
		return nil, err
	}
	unwanted := func(r render.Release) bool { return len(only) > 0 && !slices.Contains(only, r.Version) }
	for _, r := range known.Paperless {
		if unwanted(r) {
			continue
		}
		image, err := tag("paperless", r.Version, "")
		if err != nil {
			return nil, err
		}
		v.Paperless = append(v.Paperless, render.Release{Version: r.Version, Image: image, Broker: broker})
	}
	for _, r := range known.Authentik {
		if unwanted(r) {
			continue
		}
		image, err := tag("authentik", r.Version, "CMD [\"server\"]\n")
		if err != nil {
			return nil, err
		}
		one := render.Release{Version: r.Version, Image: image}
		if r.Broker != "" {
			one.Broker = broker
		}
		v.Authentik = append(v.Authentik, one)
	}
	return v, nil
}

// VersionsFile writes versions as a file for --versions.
func VersionsFile(v *render.Versions) ([]byte, error) {
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
