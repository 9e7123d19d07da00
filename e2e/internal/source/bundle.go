package source

import (
	"cmp"
	"maps"
	"net/url"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"
	"github.com/compose-spec/compose-go/v2/types"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/lazyregexp"
	"github.com/ssocheck/ssocheck/e2e/internal/paperless"
)

// What stands in for an address that the configuration does not give.
const (
	DefaultPaperlessURL = "https://paperless.example.com"
	defaultAuthentikURL = "https://authentik.example.com"
)

// alsoRead are variables without the prefix that take part in signing in.
var alsoRead = []string{
	"REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY",
	"http_proxy", "https_proxy", "no_proxy", "USERMAP_UID", "USERMAP_GID",
}

// build makes the bundle of what was read.
func (s *Set) build() error {
	b := &deployment.Deployment{Origins: map[string]deployment.Origin{}}
	s.Deployment = b
	b.Paperless.Env = map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(s.Vars)) {
		e := s.Vars[name]
		if !e.Set || e.skipped || !strings.HasPrefix(strings.ToUpper(name), "PAPERLESS_") && !slices.Contains(alsoRead, name) {
			continue
		}
		b.Paperless.Env[name] = e.Value
		if e.gets != nil {
			b.Paperless.Env[name] = *e.gets
		}
		b.Origins[name] = e.Origin()
	}
	s.secretFiles()
	if err := s.versions(); err != nil {
		return err
	}
	s.secretKey()
	b.StandIns = append(b.StandIns, s.replaced()...)
	s.extraHosts()
	s.Secure = s.secureBy()
	b.Paperless.URL = s.publicURL()
	s.readProviders()
	b.Authentik.URL = s.authentikURL()
	b.Authentik.Other = s.otherIdPs()
	b.Authentik.Settings = s.authentikSettings()
	if s.Blueprint != nil {
		b.Authentik.Model = s.Blueprint.Model
		b.Authentik.Raw = s.BlueprintFile.Text
		b.Authentik.RawModel = &b.Clone().Authentik.Model
		b.Assumed = s.fill(&b.Authentik.Model)
		return nil
	}
	b.Authentik.Model, b.Assumed = s.guessed()
	return nil
}

// versions are those of the images, or what was asked for. Without a version in
// the image it is the newest known Paperless, and the newest authentik that was
// recorded: what the lab says of others is less sure.
func (s *Set) versions() error {
	known, err := deployment.KnownVersions()
	if err != nil {
		return err
	}
	b, src := s.Deployment, s.Reader.Sources
	authentik, note := "", ""
	image := s.Reader.Image
	if s.Project != nil {
		image = s.Project.Images[s.Project.Service]
		for _, name := range slices.Sorted(maps.Keys(s.Project.Images)) {
			if image := s.Project.Images[name]; strings.Contains(image, "goauthentik/server") && authentik == "" {
				authentik = tagVersion(image, known.Authentik)
			}
		}
	}
	if image != "" {
		s.ImageVersion = tagVersion(image, known.Paperless)
		if tag := image[strings.LastIndexByte(image, ':')+1:]; s.ImageVersion != "" && movingTag.MatchString(tag) {
			note = "the tag " + tag + " is whatever version of it is newest: " + s.ImageVersion + " is assumed"
		}
	}
	b.Paperless.Version = cmp.Or(strings.TrimPrefix(src.PaperlessVersion, "v"), s.ImageVersion)
	b.Authentik.Version = cmp.Or(strings.TrimPrefix(src.AuthentikVersion, "v"), authentik)
	if src.PaperlessVersion != "" {
		note = ""
	}
	newest := deployment.NewestObserved(known.Paperless)
	switch v := b.Paperless.Version; {
	case v == "":
		b.Paperless.Version, s.GuessedVersion = newest, true
	case v != newest && deployment.AtLeast(v, newest):
		newer := "Paperless-ngx " + v + " is newer than " + newest + ", the newest that ssocheck knows from a recording: it is judged by the rules of " + newest
		note = cmp.Or(note, newer)
		if note != newer {
			note += "; " + newer
		}
	}
	s.VersionNote = note
	if b.Authentik.Version == "" {
		b.Authentik.Version = deployment.NewestObserved(known.Authentik)
	}
	return nil
}

// movingTag is a tag that names a series, not a version.
var movingTag = lazyregexp.New(`^v?\d+(?:\.\d+)?$`)

var tagNumber = lazyregexp.New(`^v?(\d+)(?:\.(\d+))?(?:\.(\d+))?(?:-((?:beta|rc)[.\w]*))?(?:-.*)?$`)

// tagVersion is the version in an image's tag: a whole one as it is, 2.20 as
// the newest 2.20 that is known; "" for latest and digests.
func tagVersion(image string, known []deployment.Release) string {
	image, _, _ = strings.Cut(image, "@")
	i := strings.LastIndex(image, ":")
	if i < 0 || strings.Contains(image[i:], "/") {
		return ""
	}
	m := tagNumber.FindStringSubmatch(image[i+1:])
	if m == nil {
		return ""
	}
	if m[3] != "" {
		v := m[1] + "." + m[2] + "." + m[3]
		if m[4] != "" {
			v += "-" + m[4]
		}
		return v
	}
	prefix := m[1] + "."
	if m[2] != "" {
		prefix += m[2] + "."
	}
	same := slices.DeleteFunc(slices.Clone(known), func(r deployment.Release) bool { return !strings.HasPrefix(r.Version, prefix) })
	if len(same) > 0 {
		return Latest(same)
	}
	return m[1] + "." + cmp.Or(m[2], "0") + ".0"
}

// Latest is the newest version of a list.
func Latest(releases []deployment.Release) string {
	newest, best := "", (*semver.Version)(nil)
	for _, r := range releases {
		v, err := semver.NewVersion(r.Version)
		if err == nil && (best == nil || v.GreaterThan(best)) {
			newest, best = r.Version, v
		}
	}
	return newest
}

// secretFiles reads the files that *_FILE variables point at, as far as they
// are on this machine: Compose secrets and bind mounts, or plain paths.
func (s *Set) secretFiles() {
	b := s.Deployment
	for name, target := range maps.Clone(b.Paperless.Env) {
		base, ok := strings.CutSuffix(name, "_FILE")
		if !ok || name == "PAPERLESS_OCR_SKIP_ARCHIVE_FILE" || name == "PAPERLESS_MODEL_FILE" || !s.Catalogue.Known(base) {
			continue
		}
		host, text, found, why := s.hostFile(target)
		if !found && why == "" && s.Reader.whole {
			why = "the file " + target + " of the container"
		}
		if !found && why != "" {
			s.unknownFile(base, name, target, why)
			continue
		}
		if !found {
			s.MissingFiles = append(s.MissingFiles, MissingFile{Name: name, Target: target, Host: host})
			continue
		}
		if b.Paperless.Files == nil {
			b.Paperless.Files = map[string]string{}
		}
		b.Paperless.Files[target] = string(text.Text)
		value := strings.TrimRight(string(text.Text), "\r\n")
		// The file's place is the value's place: JSON errors are shown there.
		s.Reader.files = append(s.Reader.files, text)
		s.fromFile(base, &Entry{
			Name: base, Value: value, Raw: value, Set: true, Style: Bare, From: "file", File: text,
			Pos: span(0, len(value)), End: len(value),
		})
	}
}

func (s *Set) fromFile(base string, e *Entry) {
	if s.Files == nil {
		s.Files = map[string]*Entry{}
	}
	s.Files[base] = e
}

// A MissingFile is a secret file that a setting names and nothing brings.
type MissingFile struct{ Name, Target, Host string }

// unknownFile notes a file whose content is not known here, and gives a run
// something in its place.
func (s *Set) unknownFile(base, name, target, why string) {
	e := *s.Vars[name]
	e.Name, e.Unknown = base, why
	e.Value = s.standIn(base)
	e.Pos, e.Set = nil, e.Value != ""
	s.fromFile(base, &e)
	if e.Value == "" {
		delete(s.Deployment.Paperless.Env, name)
		return
	}
	if s.Deployment.Paperless.Files == nil {
		s.Deployment.Paperless.Files = map[string]string{}
	}
	s.Deployment.Paperless.Files[target] = e.Value
}

// hostFile finds the file on this machine that the container sees under a path.
// Why says where its content comes from when it cannot be seen here.
func (s *Set) hostFile(target string) (host string, f *file, ok bool, why string) {
	if s.Project == nil {
		if s.Conf() { // no container between
			if f, err := openFile(target); err == nil {
				return target, f, true, ""
			}
		}
		return target, nil, false, ""
	}
	if s.Project.Model == nil {
		return "", nil, false, ""
	}
	service := s.Project.Model.Services[s.Project.Service]
	for _, ref := range service.Secrets {
		at := cmp.Or(ref.Target, ref.Source)
		if at != "" && !path.IsAbs(at) {
			at = "/run/secrets/" + at
		}
		if at == target {
			return s.held("secret", ref.Source, types.FileObjectConfig(s.Project.Model.Secrets[ref.Source]))
		}
	}
	for _, ref := range service.Configs {
		at := cmp.Or(ref.Target, ref.Source)
		if at != "" && !path.IsAbs(at) {
			at = "/" + at
		}
		if at == target {
			return s.held("config", ref.Source, types.FileObjectConfig(s.Project.Model.Configs[ref.Source]))
		}
	}
	for _, v := range service.Volumes {
		rest, under := strings.CutPrefix(target, strings.TrimRight(v.Target, "/"))
		if !under || rest != "" && rest[0] != '/' {
			continue
		}
		if v.Type == "volume" && v.Source != "" {
			why = "the volume " + v.Source
			continue
		}
		if v.Type != "bind" {
			continue
		}
		host := path.Join(v.Source, rest)
		if !folderHere(host) {
			return host, nil, false, host + ", which is not on this machine"
		}
		if info, err := os.Stat(host); err != nil || info.IsDir() {
			return host, nil, false, ""
		}
		f, err := openFile(host)
		return host, f, err == nil, ""
	}
	return "", nil, false, why
}

// held is the content of a secret or a config of Compose.
func (s *Set) held(kind, name string, from types.FileObjectConfig) (host string, f *file, ok bool, why string) {
	switch {
	case bool(from.External):
		return "", nil, false, "the " + kind + " " + name + ", which is made outside of this file"
	case from.File != "":
		if !folderHere(from.File) {
			return from.File, nil, false, "the file " + from.File + ", which is not on this machine"
		}
		f, err := openFile(from.File)
		return from.File, f, err == nil, ""
	case from.Environment != "":
		text, found := s.Project.find(from.Environment)
		if !found {
			return "", nil, false, "${" + from.Environment + "}, which is set where docker compose runs"
		}
		f, err := newFile("secret "+name, []byte(text))
		return "", f, err == nil, ""
	}
	f, err := newFile("secret "+name, []byte(from.Content))
	return "", f, err == nil, ""
}

// Conf reports whether the configuration is that of an installation without Docker.
func (s *Set) Conf() bool {
	return slices.ContainsFunc(s.All, func(e *Entry) bool { return e.From == "conf" })
}

func (s *Set) extraHosts() {
	if s.Project == nil || s.Project.Model == nil {
		return
	}
	for host, addresses := range s.Project.Model.Services[s.Project.Service].ExtraHosts {
		if len(addresses) == 0 {
			continue
		}
		if s.Deployment.Paperless.ExtraHosts == nil {
			s.Deployment.Paperless.ExtraHosts = map[string]string{}
		}
		s.Deployment.Paperless.ExtraHosts[host] = addresses[0]
	}
}

// Value is a variable as the container has it, after *_FILE, and where it stands.
func (s *Set) Value(name string) (string, *Entry) {
	if e := s.Files[name]; e != nil {
		return e.Value, e
	}
	if e := s.Vars[name]; e != nil && e.Set {
		return e.Value, e
	}
	return "", nil
}

// publicURL is the origin that users open: PAPERLESS_URL, else the first
// trusted origin, else the guide's example. Where a proxy in the files serves
// the site by https, that is what users open, whatever PAPERLESS_URL says.
func (s *Set) publicURL() string {
	v, _ := s.Value("PAPERLESS_URL")
	origins, _ := s.Value("PAPERLESS_CSRF_TRUSTED_ORIGINS")
	first, _, _ := strings.Cut(origins, ",")
	for _, text := range []string{v, first} {
		text = strings.Trim(strings.TrimSpace(text), `"'`)
		if text != "" && !strings.Contains(text, "://") {
			text = "https://" + text
		}
		if origin := OriginOf(text); origin != "" {
			if rest, plain := strings.CutPrefix(origin, "http://"); plain && s.opensSecurely() {
				return "https://" + strings.TrimSuffix(rest, ":80")
			}
			return origin
		}
	}
	return DefaultPaperlessURL
}

// OriginOf is scheme://host[:port] of a URL, "" when it has none.
func OriginOf(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || strings.ContainsAny(u.Host, "<>{} ") {
		return ""
	}
	return u.Scheme + "://" + strings.ToLower(u.Host)
}

// authentikURL is where users open authentik, with the path that it lives under.
// The guide's step 1 is done in the browser, so over https whatever server_url
// says, unless Paperless itself is opened over http.
func (s *Set) authentikURL() string {
	origin := OriginOf(s.App.serverURL)
	if origin == "" {
		return defaultAuthentikURL
	}
	if rest, ok := strings.CutPrefix(origin, "http://"); ok && strings.HasPrefix(s.Deployment.Paperless.URL, "https://") {
		origin = "https://" + rest
	}
	return origin + s.authentikPath()
}

// An AppValues is what the first app of the provider JSON says, also when the
// JSON as a whole cannot be read.
type AppValues struct {
	ProviderID, name, ClientID, Secret, serverURL string
}

var slugInURL = lazyregexp.New(`/application/o/([^/?#]+)`)

// Slug is the application's slug in server_url, or "".
func (a AppValues) Slug() string {
	m := slugInURL.FindStringSubmatch(a.serverURL)
	if m == nil || m[1] == ".well-known" || !Segment.MatchString(m[1]) {
		return ""
	}
	return m[1]
}

// Segment matches one segment of a path, as a provider_id must be.
var Segment = lazyregexp.New(`^[A-Za-z0-9_-]+$`)

// guideModel is authentik after the guide's step 1 for these values. It is what
// a user registers who copies from authentik into the file, so a cause on
// the way into the container must not be repeated here.
func (s *Set) guideModel() deployment.Model {
	app := s.intended()
	slug := cmp.Or(app.Slug(), "paperless")
	prefix := strings.TrimRight(s.Deployment.Paperless.Env["PAPERLESS_FORCE_SCRIPT_NAME"], "/")
	if prefix != "" && prefix[0] != '/' {
		prefix = "/" + prefix
	}
	provider := cmp.Or(app.ProviderID, "authentik")
	if !Segment.MatchString(provider) {
		provider = "authentik"
	}
	return deployment.Model{
		Providers: []deployment.OAuth2Provider{{
			Name: slug, ClientType: "confidential",
			ClientID:     cmp.Or(app.ClientID, "paperless-client"),
			ClientSecret: cmp.Or(app.Secret, "secret-that-the-file-does-not-have"),
			RedirectURIs: []deployment.RedirectURI{{MatchingMode: "strict", URL: s.Deployment.Paperless.URL + prefix + paperless.CallbackPath(provider)}},
			Scopes:       []string{"openid", "email", "profile"},
			GrantTypes:   []string{"authorization_code", "refresh_token"},
			SigningKey:   true,
		}},
		Applications: []deployment.Application{{Name: "Paperless-ngx", Slug: slug, Provider: slug}},
	}
}
