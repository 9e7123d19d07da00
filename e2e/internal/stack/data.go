package stack

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/moby/moby/client"
)

const (
	// dataFolder is what Paperless keeps beside its database (docs/facts/paperless.md#10),
	// unless dataSetting names another one.
	dataFolder  = "/usr/src/paperless/data"
	dataSetting = "PAPERLESS_DATA_DIR"
)

// keepData keeps the data folder of a first start: its search index is made for the
// same documents as the database, none, and a start with it builds no index. As
// with the database, what goes wrong is no trouble: the next start builds one.
func (p *pair) keepData(ctx context.Context, dir string) {
	res, err := p.engine.cli.CopyFromContainer(ctx, p.app.id, client.CopyFromContainerOptions{SourcePath: dataFolder})
	if err == nil {
		defer func() { _ = res.Content.Close() }()
		var files map[string][]byte
		if files, err = dataOf(res.Content); err == nil && len(files) > 0 {
			var buf bytes.Buffer
			if err = writeTar(&buf, files); err == nil {
				err = os.WriteFile(filepath.Join(dir, dataFile), buf.Bytes(), 0o600)
			}
		}
	}
	if err != nil && ctx.Err() == nil {
		p.log.DebugContext(ctx, "the data folder is not kept", "container", p.app.Name, "error", err)
	}
}

// dataOf are the files of a data folder that are worth keeping: not the logs, nor
// what a process that runs has open.
func dataOf(r io.Reader) (map[string][]byte, error) {
	return readTar(r, func(name string) string {
		_, name, _ = strings.Cut(path.Clean(name), "/")
		if strings.HasPrefix(name, "log/") || containsAny(path.Base(name), []string{"celerybeat", "lock", "LOCK", "sqlite"}) {
			return ""
		}
		return path.Join(dataFolder, name)
	})
}

// readTar reads the files of a tar, each under the name that it is to have; "" leaves
// it out.
func readTar(r io.Reader, called func(name string) string) (map[string][]byte, error) {
	files := map[string][]byte{}
	t := tar.NewReader(r)
	for {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return files, nil
		}
		if err != nil {
			return nil, err
		}
		name := called(h.Name)
		if h.Typeflag != tar.TypeReg || name == "" {
			continue
		}
		if files[name], err = io.ReadAll(io.LimitReader(t, fileLimit)); err != nil {
			return nil, err
		}
	}
}

// readData reads what keepData kept; nil: nothing.
func readData(file string) map[string][]byte {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil
	}
	files, err := readTar(bytes.NewReader(text), func(name string) string { return "/" + name })
	if err != nil {
		return nil
	}
	return files
}
