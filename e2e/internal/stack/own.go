package stack

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"debug/elf"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/moby/moby/api/pkg/authconfig"
	"github.com/moby/moby/api/types/registry"
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"
)

// EdgeCommand is the edge as a command of its own: whoever imports package e2e
// can build it.
const EdgeCommand = "github.com/ssocheck/ssocheck/e2e/cmd/edge"

// ownCommand can be the edge, too, and needs no Go for it.
const ownCommand = "github.com/ssocheck/ssocheck/e2e/cmd/ssocheck"

// edgeRepository is the name of the edge's image; the tag is the hash of what is in it.
const edgeRepository = "ssocheck/edge"

func registryAuth(a registry.AuthConfig) (string, error) { return authconfig.Encode(a) }

// makeEdgeImage builds the edge's image, unless it is there: from the running
// executable where that is a static ssocheck, else from a new build.
func (s *Stack) makeEdgeImage(ctx context.Context) (string, error) {
	path, args := s.o.binary, []string{"/edge"}
	if path == "" {
		if own, ok := s.engine.runs(); ok {
			path, args = own, append(args, "edge-serve")
		}
	}
	if path == "" {
		s.say("building the edge for the engine (linux/%s)", s.engine.arch)
		dir, err := os.MkdirTemp("", "ssocheck-build-")
		if err != nil {
			return "", fmt.Errorf("build the edge: %w", err)
		}
		defer func() { _ = os.RemoveAll(dir) }()
		path = filepath.Join(dir, "edge")
		if err := compile(ctx, EdgeCommand, path, s.engine.arch); err != nil {
			return "", err
		}
	}
	binary, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("read the edge's binary: %w", err)
	}
	entry, err := json.Marshal(append(args, edgeConfig))
	if err != nil {
		return "", err
	}
	return s.engine.build(ctx, edgeRepository, map[string][]byte{"edge": binary}, "FROM scratch\nCOPY edge /edge\nENTRYPOINT "+string(entry)+"\n")
}

// runs reports whether the running executable is ssocheck, static, and of the
// engine's kind.
func (e *engine) runs() (string, bool) {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Path != ownCommand || runtime.GOOS != "linux" || runtime.GOARCH != e.arch {
		return "", false
	}
	path, err := os.Executable()
	if err != nil {
		return "", false
	}
	f, err := elf.Open(path)
	if err != nil {
		return "", false
	}
	defer func() { _ = f.Close() }()
	dynamic := slices.ContainsFunc(f.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP })
	return path, !dynamic
}

// Build builds a command, such as EdgeCommand, as a static binary for an engine
// like this machine.
func Build(ctx context.Context, command, path string) error {
	return compile(ctx, command, path, runtime.GOARCH)
}

// compile builds one of our commands as a static binary. It runs in the module
// of whoever runs us, which may be another one than ours.
func compile(ctx context.Context, command, out, arch string) error {
	name := path.Base(command)
	modules, err := moduleFlags(ctx)
	if errors.Is(err, exec.ErrNotFound) {
		return fmt.Errorf("%w: %s is needed as a static binary for linux/%s, and there is no go to build it; use the released ssocheck", ErrEngine, name, arch)
	}
	if err != nil {
		return err
	}
	build := func(flags string) (string, error) {
		cmd := exec.CommandContext(ctx, "go", "build", "-ldflags=-s -w", "-o", out, command)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch, "GOFLAGS="+flags)
		text, err := cmd.CombinedOutput()
		return string(text), err
	}
	text, err := build(modules)
	if err != nil && strings.Contains(text, "vendor") {
		// A vendor directory holds what is imported, and nobody imports a command.
		text, err = build(modules + " -mod=readonly")
	}
	if err != nil && foreign(text) {
		return fmt.Errorf("%w: %s is needed as a static binary for linux/%s: this ssocheck is none, and here is no module to build one in; "+
			"install it with CGO_ENABLED=0, take a released one, or name one in SSO_STACK_BINARY", ErrEngine, name, arch)
	}
	if err != nil {
		return fmt.Errorf("build %s for linux/%s: %w: %s", name, arch, err, short(text))
	}
	return nil
}

// foreign reports whether go says that it runs outside of a module that has our command.
func foreign(text string) bool {
	for _, says := range []string{"go.mod file not found", "no required module provides package", "cannot find main module", "cannot find module providing package", "is not in std"} {
		if strings.Contains(text, says) {
			return true
		}
	}
	return false
}

// moduleFlags are the flags by which the caller says where modules come from.
// The others of GOFLAGS (-race, -cover, -tags) are not for a static command.
func moduleFlags(ctx context.Context) (string, error) {
	text, err := exec.CommandContext(ctx, "go", "env", "GOFLAGS").Output()
	if err != nil {
		return "", fmt.Errorf("go env: %w", err)
	}
	flags := []string{"-buildvcs=false"}
	for _, flag := range strings.Fields(string(text)) {
		if strings.HasPrefix(strings.TrimLeft(flag, "-"), "mod") {
			flags = append(flags, flag)
		}
	}
	return strings.Join(flags, " "), nil
}

// An Image is what MakeImage builds.
type Image struct {
	Repository string
	Tag        string            // empty: the hash of what is in it
	Files      map[string][]byte // those that LinkTo made are links
	Dockerfile string
}

// MakeImage builds an image on the engine and returns its name. One with a tag
// is always built again: what it builds on may have changed.
func MakeImage(ctx context.Context, i Image, log *slog.Logger) (string, error) {
	e, err := connect(ctx, false, log)
	if err != nil {
		return "", err
	}
	var name string
	if i.Tag == "" {
		name, err = e.build(ctx, i.Repository, i.Files, i.Dockerfile)
	} else {
		name, err = e.buildAs(ctx, i.Repository, i.Tag, i.Files, i.Dockerfile, true)
	}
	return name, explain(err)
}

// LinkTo is the content of a file of an Image that is a symbolic link.
func LinkTo(path string) []byte { return []byte(linkTo + path) }

// build makes an image from files and a Dockerfile, tagged with the hash of both.
func (e *engine) build(ctx context.Context, repository string, files map[string][]byte, dockerfile string) (string, error) {
	sum := sha256.New()
	_, _ = io.WriteString(sum, dockerfile)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		_, _ = fmt.Fprintf(sum, "\x00%s\x00%d\x00", name, len(files[name]))
		_, _ = sum.Write(files[name])
	}
	return e.buildAs(ctx, repository, hex.EncodeToString(sum.Sum(nil))[:16], files, dockerfile, false)
}

// buildAs makes an image of this tag; again makes it even when it is there.
func (e *engine) buildAs(ctx context.Context, repository, tag string, files map[string][]byte, dockerfile string, again bool) (string, error) {
	name := repository + ":" + tag
	if _, err := e.cli.ImageInspect(ctx, name); err == nil && !again {
		return name, nil
	}
	all := maps.Clone(files)
	if all == nil {
		all = map[string][]byte{}
	}
	all["Dockerfile"] = []byte(dockerfile)
	var buf bytes.Buffer
	if err := writeTar(&buf, all); err != nil {
		return "", err
	}
	provider, err := testcontainers.NewDockerProvider(testcontainers.Generic2DockerOptions(testcontainers.WithLogger(quiet{e.log}))...)
	if err != nil {
		return "", explain(err)
	}
	_, err = provider.BuildImage(ctx, &testcontainers.ContainerRequest{FromDockerfile: testcontainers.FromDockerfile{
		ContextArchive: bytes.NewReader(buf.Bytes()), Dockerfile: "Dockerfile", Repo: repository, Tag: tag, KeepImage: true,
		BuildOptionsModifier: func(o *client.ImageBuildOptions) { o.Labels = map[string]string{ownLabel: "true"} },
	}})
	if err != nil {
		return "", fmt.Errorf("build the image %s: %w", name, err)
	}
	return name, nil
}

// linkTo is a file of writeTar that is a symbolic link.
const linkTo = "\x00link\x00"

func writeTar(w io.Writer, files map[string][]byte) error {
	t := tar.NewWriter(w)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		h := &tar.Header{Name: strings.TrimPrefix(name, "/"), Mode: 0o644, Size: int64(len(files[name])), Typeflag: tar.TypeReg}
		text := files[name]
		if to, ok := bytes.CutPrefix(text, []byte(linkTo)); ok {
			h.Typeflag, h.Linkname, h.Size, text = tar.TypeSymlink, string(to), 0, nil
		} else if bytes.HasPrefix(text, []byte("\x7fELF")) {
			h.Mode = 0o755
		}
		if err := t.WriteHeader(h); err != nil {
			return fmt.Errorf("pack %s: %w", name, err)
		}
		if _, err := t.Write(text); err != nil {
			return fmt.Errorf("pack %s: %w", name, err)
		}
	}
	if err := t.Close(); err != nil {
		return fmt.Errorf("pack: %w", err)
	}
	return nil
}

// fileLimit is more than any database of a test has.
const fileLimit = 1 << 30

// firstFile is the content of the first file of a tar.
func firstFile(r io.Reader) ([]byte, error) {
	t := tar.NewReader(r)
	if _, err := t.Next(); err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(t, fileLimit))
}
