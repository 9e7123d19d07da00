package stack

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
)

// sqliteMagic begins a SQLite file (sqlite.org/fileformat2.html, 1.3.1).
const sqliteMagic = "SQLite format 3\x00"

// IsSQLite reports whether a database is a SQLite file.
func IsSQLite(dump []byte) bool { return bytes.HasPrefix(dump, []byte(sqliteMagic)) }

// sqliteFile is where Paperless keeps its database unless a server is named
// (docs/facts/paperless.md#10).
func sqliteFile(env map[string]string) string {
	return path.Join(cmp.Or(env["PAPERLESS_DATA_DIR"], "/usr/src/paperless/data"), "db.sqlite3")
}

// onSQLite puts a Paperless on a file instead of the stack's server. The image
// gives its data folder to its own user at every start.
func onSQLite(c *Container, file []byte) {
	for name := range c.Env {
		if strings.HasPrefix(name, "PAPERLESS_DB") {
			delete(c.Env, name)
		}
	}
	c.Files[sqliteFile(c.Env)] = file
}

// backupScript copies a SQLite database that is in use, whole, by SQLite's own
// means: a copy of the file could miss what stands in its journal.
const backupScript = `import sqlite3, sys
have, copy = sqlite3.connect(sys.argv[1]), sqlite3.connect(sys.argv[2])
have.backup(copy)
copy.close()
`

const backupFile = "/tmp/ssocheck.sqlite3"

// backup reads the SQLite database of a Paperless that runs.
func (p *pair) backup(ctx context.Context) ([]byte, error) {
	if _, err := p.exec(ctx, p.app, nil, "python3", "-c", backupScript, sqliteFile(p.app.Env), backupFile); err != nil {
		return nil, fmt.Errorf("copy the SQLite database of %s: %w", p.app.Name, err)
	}
	return p.copyOut(ctx, p.app, backupFile)
}

// standsOn is the kind of database that the pair's Paperless has, whatever the
// configuration says.
func (p *pair) standsOn() string {
	if p.sqlite {
		return deployment.SQLite
	}
	return deployment.PostgreSQL
}

// left is the database that a closed pair leaves.
func (p *pair) left(ctx context.Context) ([]byte, error) {
	if !p.sqlite {
		return p.dump(ctx, p.app.Env["PAPERLESS_DBNAME"])
	}
	if p.copied == nil && p.copyErr == nil {
		return nil, errors.New("the pair is not closed")
	}
	return p.copied, p.copyErr
}
