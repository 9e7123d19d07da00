package stack

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
)

// A seed is a database to start on.
type seed struct {
	dump   []byte
	secret idpSecrets        // of an authentik that was set up with them
	from   string            // for the log
	kept   string            // directory in the cache; empty: not from there
	files  map[string][]byte // of Paperless's data folder
	setUp  bool              // our blueprint is applied in it
	// foreign is a database that was not set up by us: our administrator and our
	// token are not in it.
	foreign bool
}

// A Kept is a database of the cache.
type Kept struct {
	Dir     string    `json:"-"`
	Bytes   int64     `json:"-"`
	Product string    `json:"product"`
	Version string    `json:"version"`
	Image   string    `json:"image"` // id of the image that made it
	Made    time.Time `json:"made"`
	// Secret is what this authentik was set up with. It opens nothing but the
	// stacks that start on this database, on this machine.
	Secret idpSecrets `json:"secret"`
	// SetUp is true where a blueprint of ours is applied in it.
	SetUp bool `json:"set_up,omitempty"`
}

// CacheDir is where databases of first starts are kept.
func CacheDir() (string, error) {
	if dir := os.Getenv("SSO_CACHE"); dir != "" {
		return dir, nil
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("where to keep databases: %w; set SSO_CACHE", err)
	}
	return filepath.Join(dir, "ssocheck", "databases"), nil
}

func (s *Stack) cacheDir() string {
	if s.o.cache == "-" {
		return ""
	}
	if s.o.cache != "" {
		return s.o.cache
	}
	dir, err := CacheDir()
	if err != nil {
		return "" // nothing is kept; a start is slower, and right
	}
	return dir
}

const (
	metaFile = "meta.json"
	dumpFile = "database.dump"
	dataFile = "data.tar" // of Paperless's data folder
)

// Cached lists what is kept, newest first.
func Cached(dir string) ([]Kept, error) {
	metas, err := filepath.Glob(filepath.Join(dir, "*", metaFile))
	if err != nil {
		return nil, fmt.Errorf("read the cache: %w", err)
	}
	var out []Kept
	for _, path := range metas {
		if strings.HasPrefix(filepath.Base(filepath.Dir(path)), ".") {
			continue // being written, or cut off
		}
		k, _, err := readKept(filepath.Dir(path))
		if err != nil {
			continue // cut off by a crash; clear removes it
		}
		out = append(out, k)
	}
	slices.SortFunc(out, func(a, b Kept) int { return b.Made.Compare(a.Made) })
	return out, nil
}

// ClearCache removes what is kept.
func ClearCache(dir string) error {
	// Only what we made: the directory may be anybody's choice.
	metas, err := filepath.Glob(filepath.Join(dir, "*", metaFile))
	if err != nil {
		return fmt.Errorf("clear the cache: %w", err)
	}
	for _, path := range metas {
		if err := os.RemoveAll(filepath.Dir(path)); err != nil {
			return fmt.Errorf("clear the cache: %w", err)
		}
	}
	return nil
}

func readKept(dir string) (Kept, []byte, error) {
	text, err := os.ReadFile(filepath.Join(dir, metaFile))
	if err != nil {
		return Kept{}, nil, err
	}
	var k Kept
	if err := json.Unmarshal(text, &k); err != nil {
		return Kept{}, nil, err
	}
	dump, err := os.ReadFile(filepath.Join(dir, dumpFile))
	if err != nil {
		return Kept{}, nil, err
	}
	k.Dir, k.Bytes = dir, int64(len(dump))
	return k, dump, nil
}

// place is the directory of a database: of the product's image, of the server's
// image that wrote it, and of what was put into it.
func (s *Stack) place(ctx context.Context, product, image string, images deployment.Images, also ...string) (string, string, error) {
	dir := s.cacheDir()
	if dir == "" {
		return "", "", fs.ErrNotExist
	}
	id, err := s.imageID(ctx, image)
	if err != nil {
		return "", "", err
	}
	db, err := s.imageID(ctx, images.Postgres)
	if err != nil {
		return "", "", err
	}
	sum := sha256.Sum256([]byte(strings.Join(append([]string{product, id, db}, also...), "\x00")))
	return filepath.Join(dir, product+"-"+hex.EncodeToString(sum[:])[:20]), id, nil
}

func (s *Stack) paperlessPlace(ctx context.Context, b *deployment.Deployment, images deployment.Images) (string, string, error) {
	admin, _ := b.LocalUser("admin")
	return s.place(ctx, "paperless", images.PaperlessImage, images, admin.Username, admin.Email, admin.Password)
}

func (s *Stack) authentikPlace(ctx context.Context, images deployment.Images) (string, string, error) {
	return s.place(ctx, "authentik", images.AuthentikImage, images)
}

// setUpPlace is for an authentik that has a blueprint of ours.
func (s *Stack) setUpPlace(ctx context.Context, path string, blueprint []byte, images deployment.Images) (string, string, error) {
	return s.place(ctx, "authentik", images.AuthentikImage, images, path, string(blueprint))
}

// paperlessSeed is the database for a Paperless: the user's or an upgrade's own,
// else one of an earlier start; nil: none.
func (s *Stack) paperlessSeed(ctx context.Context, b *deployment.Deployment, images deployment.Images) *seed {
	s.mu.Lock()
	own := s.own.paperless
	s.mu.Unlock()
	if own != nil {
		return own
	}
	return s.keptSeed(s.paperlessPlace(ctx, b, images))
}

// authentikSeed is the database for an authentik: one that has the blueprint, else
// one of a first start; nil: none.
func (s *Stack) authentikSeed(ctx context.Context, b *deployment.Deployment, images deployment.Images) *seed {
	s.mu.Lock()
	own := s.own.authentik
	s.mu.Unlock()
	if own != nil {
		return own
	}
	if with := s.keptSeed(s.setUpPlace(ctx, b.Authentik.Path(), deployment.Blueprint(b), images)); with != nil {
		return with
	}
	return s.keptSeed(s.authentikPlace(ctx, images))
}

func (s *Stack) keptSeed(dir, _ string, err error) *seed {
	if err != nil || s.o.cold {
		return nil
	}
	k, dump, err := readKept(dir)
	if err != nil {
		return nil
	}
	return &seed{
		dump: dump, secret: k.Secret, from: "an earlier start (" + k.Made.Format(time.DateOnly) + ")", kept: dir,
		files: readData(filepath.Join(dir, dataFile)), setUp: k.SetUp,
	}
}

// restoreLimit is for reading a dump back.
const restoreLimit = 5 * time.Minute

// restore makes a database, from a seed where there is one. A kept one that
// cannot be read is dropped, and the start goes on without it.
func (s *Stack) restore(ctx context.Context, name string, from *seed) (warm bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, restoreLimit)
	defer cancel()
	create := func() error {
		_, err := s.exec(ctx, s.postgres, nil, "createdb", "-U", databaseUser, name)
		return err
	}
	if err := create(); err != nil {
		return false, err
	}
	if from == nil {
		return false, nil
	}
	s.say("%s: the database %s is read from %s", s.postgres.Name, name, from.from)
	if err = s.load(ctx, name, from.dump); err == nil {
		return true, nil
	}
	if from.kept == "" || ctx.Err() != nil {
		return false, fmt.Errorf("restore %s from %s: %w (a dump of a newer PostgreSQL needs --postgres-image of that version)", name, from.from, err)
	}
	s.say("%s: that cannot be read, and is removed: %s", s.postgres.Name, short(err.Error()))
	if err := os.RemoveAll(from.kept); err != nil {
		return false, fmt.Errorf("clear the cache: %w", err)
	}
	if _, err := s.exec(ctx, s.postgres, nil, "dropdb", "-U", databaseUser, name); err != nil {
		return false, err
	}
	return false, create()
}

func (s *Stack) load(ctx context.Context, name string, dump []byte) error {
	path := "/tmp/" + name + ".dump"
	if err := s.copyIn(ctx, s.postgres, path, dump); err != nil {
		return err
	}
	if bytes.HasPrefix(dump, []byte("PGDMP")) {
		_, err := s.exec(ctx, s.postgres, nil, "pg_restore", "-U", databaseUser, "--no-owner", "--no-privileges", "-d", name, path)
		return err
	}
	_, err := s.exec(ctx, s.postgres, nil, "psql", "-U", databaseUser, "-v", "ON_ERROR_STOP=0", "-q", "-d", name, "-f", path)
	return err
}

// dump reads a database.
func (s *Stack) dump(ctx context.Context, name string) ([]byte, error) {
	path := "/tmp/" + name + ".out"
	if _, err := s.exec(ctx, s.postgres, nil, "pg_dump", "-U", databaseUser, "-Fc", "-f", path, name); err != nil {
		return nil, err
	}
	return s.copyOut(ctx, s.postgres, path)
}

// Keep takes over the databases of the pair that was started last of a variant,
// and of its authentik: what is started from now on begins with them, as an
// upgrade does. The pair must be closed.
func (s *Stack) Keep(ctx context.Context, variant string) error {
	s.mu.Lock()
	p := s.latest[variant]
	s.mu.Unlock()
	if p == nil || p.idp == nil || p.app == nil {
		return errors.New("nothing ran that could be kept")
	}
	paperless, err := p.left(ctx)
	if err != nil {
		return err
	}
	authentik, err := p.idp.retire(ctx)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	from := fmt.Sprintf("Paperless-ngx %s with authentik %s", p.bundle.Paperless.Version, p.bundle.Authentik.Version)
	s.own.paperless = &seed{dump: paperless, from: from}
	s.own.authentik = &seed{dump: authentik, from: from, secret: p.idp.secret}
	return nil
}

func (p *pair) keepPaperless(ctx context.Context, name string) {
	dir, id, err := p.paperlessPlace(ctx, p.bundle, p.images)
	p.keepDatabase(ctx, name, dir, err, Kept{Product: "paperless", Version: p.bundle.Paperless.Version, Image: id})
	if err == nil && p.app.Env[dataSetting] == "" {
		p.keepData(ctx, dir)
	}
}

func (i *idp) keepAuthentik(ctx context.Context, name string, images deployment.Images) {
	dir, id, err := i.authentikPlace(ctx, images)
	i.keepDatabase(ctx, name, dir, err, Kept{Product: "authentik", Version: i.version, Image: id, Secret: i.secret})
}

// keepSetUp keeps an authentik that has the blueprint: the next start with the same
// one need not apply it.
func (i *idp) keepSetUp(ctx context.Context, name string, images deployment.Images) {
	dir, id, err := i.setUpPlace(ctx, i.path, i.blueprint, images)
	i.keepDatabase(ctx, name, dir, err, Kept{Product: "authentik", Version: i.version, Image: id, Secret: i.secret, SetUp: true})
	if err == nil {
		prune(filepath.Dir(dir))
	}
}

// keepSetUps is how many databases with a blueprint are kept: each configuration
// has one of its own.
const keepSetUps = 8

// prune removes the oldest databases with a blueprint.
func prune(dir string) {
	all, err := Cached(dir)
	if err != nil {
		return // the next start tries again
	}
	n := 0
	for _, k := range all { // newest first
		if !k.SetUp {
			continue
		}
		if n++; n > keepSetUps {
			_ = os.RemoveAll(k.Dir) // the next start tries again
		}
	}
}

// keepDatabase keeps a database for the next start. It is a convenience: what goes
// wrong is told, and no more.
func (s *Stack) keepDatabase(ctx context.Context, name, dir string, err error, k Kept) {
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	var dump []byte
	if err == nil {
		dump, err = s.dump(ctx, name)
	}
	if err == nil {
		k.Made = time.Now().UTC()
		err = write(dir, k, dump)
	}
	if err != nil && ctx.Err() == nil {
		s.say("the database %s is not kept for the next start: %s", name, short(err.Error()))
	}
}

// write fills a directory beside, and moves it into place whole.
func write(dir string, k Kept, dump []byte) error {
	text, err := json.MarshalIndent(k, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		return err
	}
	tmp, err := os.MkdirTemp(filepath.Dir(dir), ".new-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(tmp) }()
	if err := os.WriteFile(filepath.Join(tmp, dumpFile), dump, 0o600); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(tmp, metaFile), text, 0o600); err != nil {
		return err
	}
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	return os.Rename(tmp, dir)
}
