package stack

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/authentik"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/edge"
)

// Names inside the networks.
const (
	postgresName  = "postgres"
	brokerName    = "broker"
	paperlessName = "paperless"
	databaseUser  = "ssocheck"
	caFile        = "/ca.crt"
	blueprintFile = authentik.BlueprintFolder + "ssocheck.yaml"
	edgeConfig    = "/edge.json"
)

// A Container is what one container is started with: all that the stack says to
// the engine, as data. Tests compare it with what facts/ say of the images.
type Container struct {
	Name        string
	Image       string
	Entrypoint  []string // nil: the image's own
	Command     []string // nil: the image's own
	Env         map[string]string
	Files       map[string][]byte   // copied in before it starts
	Networks    map[string][]string // name to aliases
	ExtraHosts  []string
	Ports       []string // that the harness asks for, such as 9000/tcp
	Shm         int64    // bytes of /dev/shm; 0: the engine's 64 MB
	Gates       []string // in words, in order
	VolumesFrom string   // id of a container whose volumes it shares; empty: none
	Shares      int64    // of the processors; 0: the usual 1024
	Quota       int64    // of one processor's time, in percent; 0: as much as there is
	Source      string   // of its log lines in the evidence; empty: not evidence
}

// secrets are made for one stack.
type secrets struct {
	database, edge string
	idp            idpSecrets
}

// idpSecrets are what an authentik is set up with. A database that is restored
// comes with those of the start that it was kept from.
type idpSecrets struct {
	Key      string `json:"secret_key"`
	Token    string `json:"token"`
	Password string `json:"password"`
}

func newSecrets() secrets {
	return secrets{database: random(16), edge: random(16), idp: newIDPSecrets()}
}

func newIDPSecrets() idpSecrets {
	return idpSecrets{Key: random(32), Token: random(24), Password: random(16)}
}

func (s secrets) all() []string {
	return []string{s.database, s.edge, s.idp.Key, s.idp.Token, s.idp.Password}
}

func random(bytes int) string {
	b := make([]byte, bytes)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	return hex.EncodeToString(b)
}

// The gates, in words.
const (
	gateDatabase  = "the database takes connections"
	gateBroker    = "the broker takes connections"
	gateEdge      = "the edge answers"
	gateReady     = "authentik says that it is ready (" + authentik.ReadyPath + ")"
	gateToken     = "authentik's API takes our token" //nolint:gosec // a sentence
	gateBrand     = "the default brand has its sign-in flow"
	gateDefaults  = "authentik's own flows and scope mappings are applied"
	gateBlueprint = "our blueprint is applied"
	gateDiscovery = "the application's discovery document answers"
	gatePaperless = "Paperless answers, or stops"
	gateUsers     = "the accounts that the checks need are there"
)

// shmSize is what authentik's own compose file gives it from 2026.2 on; it keeps
// a socket and its metrics there (docs/facts/authentik.md#1.1).
const shmSize = 512 << 20

// trustedNetworks are authentik's own default, and what an engine's networks may
// lie in besides.
const trustedNetworks = "127.0.0.0/8,10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,fe80::/10,::1/128,100.64.0.0/10,fc00::/7"

func (s *Stack) postgresContainer(images deployment.Images) Container {
	return Container{
		Name: postgresName, Image: images.Postgres,
		// It lives for minutes: nothing has to survive a power cut. The connections
		// are for several Paperless and an authentik of 2025.10 or later, which
		// keeps its cache and its tasks there too.
		Command: []string{"postgres", "-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off", "-c", "max_connections=300"},
		Env: map[string]string{
			"POSTGRES_USER": databaseUser, "POSTGRES_PASSWORD": s.secrets.database, "POSTGRES_DB": databaseUser,
		},
		Networks: map[string][]string{s.backbone(): {postgresName}},
		Gates:    []string{gateDatabase},
	}
}

// authentikContainers are broker (where the version needs one), server and
// worker of the n-th authentik.
func (s *Stack) authentikContainers(b *deployment.Deployment, images deployment.Images, n int, secret idpSecrets) []Container {
	name := fmt.Sprintf("authentik-%d", n)
	env := map[string]string{
		"AUTHENTIK_SECRET_KEY":           secret.Key,
		"AUTHENTIK_POSTGRESQL__HOST":     postgresName,
		"AUTHENTIK_POSTGRESQL__NAME":     name,
		"AUTHENTIK_POSTGRESQL__USER":     databaseUser,
		"AUTHENTIK_POSTGRESQL__PASSWORD": s.secrets.database,
		// Nothing may leave the machine (docs/facts/authentik.md#1.3): the avatar of the
		// password stage alone waits 5 s for an answer.
		"AUTHENTIK_AVATARS":                            "initials",
		"AUTHENTIK_DISABLE_UPDATE_CHECK":               "true",
		"AUTHENTIK_DISABLE_STARTUP_ANALYTICS":          "true",
		"AUTHENTIK_ERROR_REPORTING__ENABLED":           "false",
		"AUTHENTIK_OUTPOSTS__DISABLE_EMBEDDED_OUTPOST": "true",
		"AUTHENTIK_OUTPOSTS__DISCOVER":                 "false",
		"AUTHENTIK_LOG_LEVEL":                          "info",
		"AUTHENTIK_WEB__WORKERS":                       "1",
	}
	if b.Authentik.AtLeast("2026.5.0") {
		env["AUTHENTIK_LISTEN__HTTP"] = "0.0.0.0:" + authentik.Port // its default became [::], which not every engine has
	}
	if b.Authentik.AtLeast("2026.8.0") {
		// It believes X-Forwarded headers from these networks only, and an engine may
		// hand out others than the default ones; each needs its length. Of its own
		// address it asks to be told (docs/facts/releases-2026.md#1).
		env["AUTHENTIK_LISTEN__TRUSTED_PROXY_CIDRS"] = trustedNetworks
		env["AUTHENTIK_WEB__BASE_URL"] = b.Authentik.URL
	}
	if path := b.Authentik.Path(); path != "" {
		env["AUTHENTIK_WEB__PATH"] = path + "/" // with a slash at both ends
	}
	bootstrap := map[string]string{
		"AUTHENTIK_BOOTSTRAP_PASSWORD": secret.Password,
		"AUTHENTIK_BOOTSTRAP_TOKEN":    secret.Token,
		"AUTHENTIK_BOOTSTRAP_EMAIL":    "akadmin@ssocheck.invalid",
	}
	var out []Container
	if images.AuthentikRedis != "" {
		env["AUTHENTIK_REDIS__HOST"] = name + "-redis"
		out = append(out, Container{
			Name: name + "-redis", Image: images.AuthentikRedis,
			Networks: map[string][]string{s.backbone(): {name + "-redis"}}, Gates: []string{gateBroker},
		})
	}
	worker := maps.Clone(env)
	maps.Copy(worker, bootstrap)
	server := env
	if !b.Authentik.AtLeast("2026.5.0") {
		// From 2026.5 on a server with these variables was seen to restart for ever
		// (docs/facts/authentik.md#1.5); the worker sets the same up. The flag "setup"
		// stays false then, which only a browser at / sees (docs/facts/releases-2026.md#1.3).
		server = worker
	}
	return append(out,
		Container{
			Name: name + "-server", Image: images.AuthentikImage, Command: []string{"server"}, Env: server,
			Networks: map[string][]string{s.backbone(): {name + "-server"}},
			Ports:    []string{authentik.Port + "/tcp"}, Shm: shmSize, Source: "authentik",
			Gates: []string{gateReady, gateToken, gateBrand, gateDefaults, gateBlueprint, gateDiscovery},
		},
		Container{
			Name: name + "-worker", Image: images.AuthentikImage, Command: []string{"worker"}, Env: worker,
			Networks: map[string][]string{s.backbone(): {name + "-worker"}},
			Shm:      shmSize, Source: "authentik worker",
		})
}

// A site is where a pair is on its network.
type site struct {
	network              string
	paperless, authentik address
	n                    int // of the pair
	idp                  int // of its authentik
}

// pairContainers are broker, edge and Paperless of a pair.
func (s *Stack) pairContainers(b *deployment.Deployment, images deployment.Images, at site, redactorKey []byte) []Container {
	name := func(what string) string { return fmt.Sprintf("%s-%d", what, at.n) }
	broker := Container{
		Name: name(brokerName), Image: images.PaperlessBroker,
		Networks: map[string][]string{at.network: {brokerName}}, Gates: []string{gateBroker},
	}
	front := Container{
		Name: name("edge"), Image: s.edgeImage,
		Files: map[string][]byte{edgeConfig: s.edgeConfig(b, at, redactorKey)},
		Networks: map[string][]string{
			at.network:   s.edgeNames(at),
			s.backbone(): nil,
		},
		Ports: append(portsOf(at), edge.APIPort+"/tcp"),
		Gates: []string{gateEdge},
	}
	env, _, _ := environment(b)
	maps.Copy(env, s.database(fmt.Sprintf("paperless-%d", at.n)))
	p := Container{
		Name: name(paperlessName), Image: images.PaperlessImage, Env: env,
		Files:      map[string][]byte{caFile: []byte(s.keys.CA)},
		Networks:   map[string][]string{at.network: {paperlessName}, s.backbone(): nil},
		ExtraHosts: extraHosts(b, at),
		Ports:      []string{paperlessPort(b) + "/tcp"}, Source: "paperless",
		Gates: []string{gatePaperless, gateUsers},
	}
	for path, text := range b.Paperless.Files {
		p.Files[path] = []byte(text)
	}
	return []Container{broker, front, p}
}

func (s *Stack) database(name string) map[string]string {
	return map[string]string{"PAPERLESS_DBNAME": name, "PAPERLESS_DBPASS": s.secrets.database}
}

// paperlessPort is where Paperless listens in its container.
func paperlessPort(b *deployment.Deployment) string {
	if port := b.Paperless.RunningEnv()["PAPERLESS_PORT"]; port != "" {
		return port
	}
	return "8000"
}

func dedup(names ...string) []string {
	slices.Sort(names)
	return slices.Compact(names)
}

// portsOf are the ports of the edge, TLS and plain.
func portsOf(at site) []string {
	var out []string
	secure, plain := listeners(at)
	for _, p := range append(secure, plain...) {
		out = append(out, p+"/tcp")
	}
	return out
}

// listeners are the ports that the edge serves: those of both addresses, 443,
// and 80 for the usual redirect to https.
func listeners(at site) (secure, plain []string) {
	secure, plain = []string{"443"}, []string{"80"}
	for _, a := range []address{at.paperless, at.authentik} {
		if a.secure {
			secure = append(secure, a.port)
		} else {
			plain = append(plain, a.port)
		}
	}
	return dedup(secure...), dedup(plain...)
}

func (s *Stack) edgeConfig(b *deployment.Deployment, at site, redactorKey []byte) []byte {
	c := edge.Config{Token: s.secrets.edge, Keys: s.keys, Secrets: append(b.Secrets(), s.secrets.all()...), RedactorKey: redactorKey}
	c.Words.Hosts, c.Words.Words = b.Words().List()
	c.TLS, c.Plain = listeners(at)
	c.Routes = []edge.ContainerRoute{
		{Product: "paperless", Host: at.paperless.String(), Upstream: "http://" + paperlessName + ":" + paperlessPort(b), Proxy: b.Paperless.Proxy, PlainHTTP: !at.paperless.secure},
		{Product: "authentik", Host: at.authentik.String(), Path: at.authentik.path, Upstream: fmt.Sprintf("http://authentik-%d-server:%s", at.idp, authentik.Port), Proxy: b.Authentik.Proxy, PlainHTTP: !at.authentik.secure},
	}
	if s.o.standsIn() {
		c.Routes = append(c.Routes[:1], s.o.toProvider(at)...)
	}
	text, err := json.Marshal(c)
	if err != nil {
		panic(err) // plain data always encodes
	}
	return text
}

// infrastructure are the settings that lead to servers which the stack has in
// its own place, each also as NAME_FILE.
var infrastructure = []string{
	"PAPERLESS_REDIS", "PAPERLESS_DBENGINE", "PAPERLESS_DBHOST", "PAPERLESS_DBPORT", "PAPERLESS_DBNAME", "PAPERLESS_DBUSER", "PAPERLESS_DBPASS",
	"PAPERLESS_DBSSLMODE", "PAPERLESS_DBSSLROOTCERT", "PAPERLESS_DBSSLCERT", "PAPERLESS_DBSSLKEY", "PAPERLESS_DB_OPTIONS",
	"PAPERLESS_ADMIN_USER", "PAPERLESS_ADMIN_PASSWORD", "PAPERLESS_ADMIN_MAIL",
}

// environment is what Paperless's container gets: the bundle's variables and
// what the harness must add. Database name and password are the stack's and
// come later.
func environment(b *deployment.Deployment) (env map[string]string, added, replaced []string) {
	env = maps.Clone(b.Paperless.RunningEnv())
	if env == nil {
		env = map[string]string{}
	}
	for _, name := range infrastructure {
		for _, n := range []string{name, name + "_FILE"} {
			if _, ok := env[n]; ok {
				replaced = append(replaced, n)
				delete(env, n)
			}
		}
	}
	add := func(name, value string) {
		if _, ok := env[name]; ok {
			return // the configuration's own value wins
		}
		env[name] = value
		added = append(added, name)
	}
	add("PAPERLESS_REDIS", "redis://"+brokerName+":6379")
	add("PAPERLESS_DBHOST", postgresName)
	add("PAPERLESS_DBUSER", databaseUser)
	if b.Paperless.AtLeast("3.0.0") {
		add("PAPERLESS_DBENGINE", "postgresql") // its notes ask for it, its code infers it
	}
	if admin, ok := b.LocalUser("admin"); ok {
		add("PAPERLESS_ADMIN_USER", admin.Username)
		add("PAPERLESS_ADMIN_PASSWORD", admin.Password)
		add("PAPERLESS_ADMIN_MAIL", admin.Email)
	}
	if b.Paperless.AtLeast("2.15.0") {
		add("PAPERLESS_CONSUMER_DISABLE", "1") // nobody drops documents here, and it starts sooner
	}
	add("REQUESTS_CA_BUNDLE", caFile)
	return env, added, replaced
}

// Added lists, in words, what the stack puts into the user's deployment.
func (s *Stack) Added(b *deployment.Deployment) []string {
	out := added(b)
	if !IsSQLite(s.o.dumps.Paperless) {
		return out
	}
	out = slices.DeleteFunc(out, func(line string) bool { return strings.HasPrefix(line, "PAPERLESS_DB") })
	return append(out, "db.sqlite3: a copy of the SQLite database that was given; every PAPERLESS_DB setting is left out")
}

func added(b *deployment.Deployment) []string {
	_, names, replaced := environment(b)
	why := map[string]string{
		"PAPERLESS_REDIS":            "the stack's own broker",
		"PAPERLESS_DBHOST":           "the stack's own database (with PAPERLESS_DBNAME and PAPERLESS_DBPASS)",
		"PAPERLESS_DBUSER":           "the stack's own database",
		"PAPERLESS_DBENGINE":         "the stack's own database",
		"PAPERLESS_ADMIN_USER":       "the administrator that the checks ask",
		"PAPERLESS_ADMIN_PASSWORD":   "the administrator that the checks ask",
		"PAPERLESS_ADMIN_MAIL":       "the administrator that the checks ask",
		"PAPERLESS_CONSUMER_DISABLE": "no folder is watched for documents",
		"REQUESTS_CA_BUNDLE":         "trust in the certificate authority of the test",
	}
	var out []string
	for _, n := range names {
		out = append(out, n+": "+why[n])
	}
	for _, n := range replaced {
		out = append(out, n+": the file's value is not used, the stack has servers of its own")
	}
	pa, aa, err := addresses(b)
	if err != nil {
		return out // Start says so
	}
	at := site{paperless: pa, authentik: aa}
	for _, name := range slices.Sorted(maps.Keys(b.Paperless.ExtraHosts)) {
		if standsForEdge(name, b.Paperless.ExtraHosts[name], at) {
			out = append(out, "extra_hosts "+name+": left out, the edge stands for your proxy at "+b.Paperless.ExtraHosts[name])
		}
	}
	return out
}

// nowhere are RFC 5737's networks.
var nowhere = []netip.Prefix{
	netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("198.51.100.0/24"), netip.MustParsePrefix("203.0.113.0/24"),
}

// standsForEdge reports whether an extra_hosts entry names the user's own proxy,
// for which the edge stands. An address where nobody can be is a mistake of the
// configuration, and stays.
func standsForEdge(name, addr string, at site) bool {
	name = strings.ToLower(name)
	if name != at.paperless.host && name != at.authentik.host {
		return false
	}
	ip, err := netip.ParseAddr(strings.Trim(addr, "[]"))
	if err != nil {
		return true // host-gateway
	}
	ip = ip.Unmap()
	return !ip.IsLoopback() && !ip.IsUnspecified() && !slices.ContainsFunc(nowhere, func(p netip.Prefix) bool { return p.Contains(ip) })
}

func extraHosts(b *deployment.Deployment, at site) []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(b.Paperless.ExtraHosts)) {
		if addr := b.Paperless.ExtraHosts[name]; !standsForEdge(name, addr, at) {
			out = append(out, name+":"+addr)
		}
	}
	return out
}

// imagesOf are the images of a bundle's versions, after the overrides.
func (s *Stack) imagesOf(b *deployment.Deployment) (deployment.Images, error) {
	known, err := deployment.KnownVersions()
	if err != nil {
		return deployment.Images{}, err
	}
	v := known.With(s.o.versions)
	p, err := deployment.Near(v.Paperless, deployment.PaperlessProduct, b.Paperless.Version)
	if err != nil {
		return deployment.Images{}, fmt.Errorf("%w; name its images with --versions", err)
	}
	a, err := deployment.Near(v.Authentik, deployment.AuthentikProduct, b.Authentik.Version)
	if err != nil {
		return deployment.Images{}, fmt.Errorf("%w; name its images with --versions", err)
	}
	images := deployment.Images{
		PaperlessImage: p.Image, PaperlessBroker: p.Broker, AuthentikImage: a.Image, AuthentikRedis: a.Broker,
		Postgres: v.Postgres, PostgresData: v.Data,
	}
	o := s.o.images
	for _, one := range []struct {
		to   *string
		with string
	}{
		{&images.PaperlessImage, o.Paperless},
		{&images.AuthentikImage, o.Authentik},
		{&images.Postgres, o.Postgres},
		{&images.PaperlessBroker, o.Broker},
	} {
		if one.with != "" {
			*one.to = one.with
		}
	}
	if images.AuthentikRedis != "" && o.AuthentikBroker != "" {
		images.AuthentikRedis = o.AuthentikBroker
	}
	return images, nil
}
