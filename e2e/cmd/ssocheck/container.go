package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"

	"github.com/ssocheck/ssocheck/e2e"
)

// standardInput is how findings name what was piped in.
const standardInput = "standard-input"

// most is more than a configuration needs; the reader refuses what is larger.
const most = 1<<20 + 1

// piped reads standard input for the file "-". What env prints and what docker
// inspect prints are told apart by what they are.
func piped(in io.Reader) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(in, most))
	if err != nil {
		return nil, fmt.Errorf("read standard input: %w", err)
	}
	if len(bytes.TrimSpace(text)) == 0 {
		return nil, errors.New("nothing came on standard input; pipe a file, docker inspect NAME, or env of the container into it")
	}
	return text, nil
}

// inspect asks the engine for a container's environment as it really is.
func inspect(ctx context.Context, name string) ([]byte, error) {
	if strings.HasPrefix(name, "-") {
		return nil, fmt.Errorf("%w: %q is no name of a container", e2e.ErrUsage, name)
	}
	var why []string
	for _, engine := range []string{"docker", "podman"} {
		path, err := exec.LookPath(engine)
		if err != nil {
			continue
		}
		var out, errs bytes.Buffer
		cmd := exec.CommandContext(ctx, path, "container", "inspect", name)
		cmd.Stdout, cmd.Stderr, cmd.Env = &out, &errs, os.Environ()
		if err := cmd.Run(); err == nil {
			return out.Bytes(), nil
		}
		said, _, _ := strings.Cut(strings.TrimSpace(errs.String()), "\n")
		why = append(why, engine+": "+said)
	}
	if len(why) == 0 {
		return nil, errors.New("neither docker nor podman is here; run docker inspect NAME where it is, and pipe it: … | ssocheck lint -")
	}
	return nil, fmt.Errorf("the container %s cannot be inspected (%s); docker ps shows the names", name, strings.Join(why, "; "))
}
