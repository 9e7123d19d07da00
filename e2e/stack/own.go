package stack

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"debug/elf"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
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

// command is the package of the ssocheck command.
const command = "github.com/ssocheck/ssocheck/e2e/cmd/ssocheck"

// edgeRepository is the name of the edge's image; the tag is the hash of what is in it.
const edgeRepository = "ssocheck/edge"

func registryAuth(a registry.AuthConfig) (string, error) { return authconfig.Encode(a) }

// ownImage builds the edge's image from our own binary, unless it is there.
func (s *Stack) ownImage(ctx context.Context) (string, error) {
	binary, err := s.binary(ctx)
	if err != nil {
		return "", err
	}
	return s.engine.build(ctx, edgeRepository, map[string][]byte{"ssocheck": binary},
		"FROM scratch\nCOPY ssocheck /ssocheck\nENTRYPOINT [\"/ssocheck\", \"edge-serve\", \""+edgeConfig+"\"]\n")
}

// binary is ssocheck for the engine: the running executable where that is one,
// else a new build.
func (s *Stack) binary(ctx context.Context) ([]byte, error) {
	path, ok := s.o.binary, s.o.binary != ""
	if !ok {
		path, ok = s.engine.runs()
	}
	if ok {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("read our own binary: %w", err)
		}
		return text, nil
	}
	s.say("building ssocheck for the engine (linux/%s)", s.engine.arch)
	return s.engine.compile(ctx)
}

// runs tells whether the running executable is the command, static, and of the
// engine's kind.
func (e *engine) runs() (string, bool) {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Path != command || runtime.GOOS != "linux" || runtime.GOARCH != e.arch {
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

func (e *engine) compile(ctx context.Context) ([]byte, error) {
	dir, err := os.MkdirTemp("", "ssocheck-build-")
	if err != nil {
		return nil, fmt.Errorf("build ssocheck: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	out := filepath.Join(dir, "ssocheck")
	if err := compile(ctx, out, e.arch); err != nil {
		return nil, err
	}
	text, err := os.ReadFile(out)
	if err != nil {
		return nil, fmt.Errorf("build ssocheck: %w", err)
	}
	return text, nil
}

// Build builds ssocheck for an engine like this machine, for WithBinary.
func Build(ctx context.Context, path string) error { return compile(ctx, path, runtime.GOARCH) }

func compile(ctx context.Context, out, arch string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags=-s -w", "-buildvcs=false", "-o", out, command)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch, "GOFLAGS=-buildvcs=false")
	text, err := cmd.CombinedOutput()
	if errors.Is(err, exec.ErrNotFound) {
		return fmt.Errorf("%w: the edge needs ssocheck as a static binary for linux/%s, and there is no go to build it; use the released one", ErrEngine, arch)
	}
	if err != nil {
		return fmt.Errorf("build ssocheck for linux/%s: %w: %s", arch, err, short(string(text)))
	}
	return nil
}

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
