package report

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/doctor"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
	"github.com/ssocheck/ssocheck/e2e/internal/lazyregexp"
)

// A BundleFile is one file of what somebody shares to get help.
type BundleFile struct {
	Name string
	What string // in words, for the listing
	Text []byte
}

// bundleReport is the name of the report in a bundle.
const bundleReport = "report.json"

// Bundle is what a maintainer needs to explain an examination elsewhere. No secret,
// cookie, token or mail address is in it; with anonymise no host name and no address
// of a network either: each has a pseudonym, the same everywhere.
func Bundle(x *doctor.Examination, anonymise bool) ([]BundleFile, error) {
	r := New(x.Run)
	var out bytes.Buffer
	if err := r.JSON(&out); err != nil {
		return nil, err
	}
	red := x.Run.Redactor
	containers := map[string]*doctor.Container{"paperless": x.Paperless, "authentik": x.Authentik, "worker": x.Worker}
	state, err := json.MarshalIndent(containers, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("bundle: %w", err)
	}
	files := []BundleFile{
		{bundleReport, "what was found, with the evidence: ssocheck diagnose explains it again", out.Bytes()},
		{"containers.json", "names, images, states and networks of the containers", append(state, '\n')},
		{"notes.txt", "versions, and what could not be looked at", notes(r, x)},
	}
	for name, c := range map[string]*doctor.Container{"paperless.env": x.Paperless, "authentik.env": x.Authentik} {
		if c != nil {
			files = append(files, BundleFile{name, "its settings, without what may be a secret", lines(c.Environment(red))})
		}
	}
	for _, source := range []string{"paperless", "authentik"} {
		if text := logOf(&x.Run.Results[0].Record, source); len(text) > 0 {
			files = append(files, BundleFile{source + ".log", "lines of its log that tell of signing in", text})
		}
	}
	slices.SortFunc(files, func(a, b BundleFile) int { return strings.Compare(a.Name, b.Name) })
	p := newPseudonyms(x, files, anonymise)
	for i := range files {
		files[i].Text = []byte(p.text(string(files[i].Text)))
	}
	return files, nil
}

func notes(r *Report, x *doctor.Examination) []byte {
	out := []string{
		"ssocheck " + r.Tool, "Paperless-ngx " + r.Target.Paperless.Version, "authentik " + r.Target.Authentik.Version, r.Checks[0].Message,
	}
	for _, n := range x.Notes {
		out = append(out, x.Run.Redactor.Text(n))
	}
	return lines(out)
}

func lines(list []string) []byte { return []byte(strings.Join(list, "\n") + "\n") }

func logOf(rec *evidence.Record, source string) []byte {
	var out []string
	if source == "paperless" {
		out = append(out, rec.Boot.Log...)
	}
	for _, l := range rec.Log {
		if l.Source == source {
			out = append(out, l.Text)
		}
	}
	if len(out) == 0 {
		return nil
	}
	return lines(out)
}

// WriteBundle writes the files as one. What is there already is not replaced.
func WriteBundle(path string, files []BundleFile) (err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s is there already; name another file for --bundle", path)
	}
	if err != nil {
		return fmt.Errorf("write the bundle: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	z := zip.NewWriter(f)
	for _, one := range files {
		w, err := z.Create(one.Name)
		if err != nil {
			return fmt.Errorf("write the bundle: %w", err)
		}
		if _, err := w.Write(one.Text); err != nil {
			return fmt.Errorf("write the bundle: %w", err)
		}
	}
	if err := z.Close(); err != nil {
		return fmt.Errorf("write the bundle: %w", err)
	}
	return nil
}

// bundleLimit bounds a report in a bundle: it comes from a stranger.
const bundleLimit = 64 << 20

// fromBundle is the report in a bundle.
func fromBundle(path string) ([]byte, error) {
	z, err := zip.OpenReader(path)
	if err != nil {
		return nil, fmt.Errorf("%s is no bundle of ssocheck doctor: %w", path, err)
	}
	defer func() { _ = z.Close() }()
	f, err := z.Open(bundleReport)
	if err != nil {
		return nil, fmt.Errorf("%s is no bundle of ssocheck doctor: it has no %s", path, bundleReport)
	}
	defer func() { _ = f.Close() }()
	text, err := io.ReadAll(io.LimitReader(f, bundleLimit))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return text, nil
}

// pseudonyms replace what names users and machines, the same by the same.
type pseudonyms struct {
	mails map[string]string
	hosts []replacement // longest first; empty: they stay
	nets  map[string]string
}

type replacement struct {
	of *regexp.Regexp
	by string
}

var (
	mail     = lazyregexp.New(`[A-Za-z0-9._+-]+(?:@|%40)[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}`)
	home     = lazyregexp.New(`/(home|Users)/[^/\s"',:]+`)
	urlHost  = lazyregexp.New(`(?i)(?:https?|redis|postgresql?)(?:://|%3A%2F%2F)(?:[^@/\s"']*@)?((?:[a-z0-9_-]+\\{0,4}\.)+[a-z0-9-]+)`)
	address4 = lazyregexp.New(`\b\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}\b`)
	address6 = lazyregexp.New(`(?i)\b(?:[0-9a-f]{1,4}:){3,7}[0-9a-f]{0,4}(?::[0-9a-f]{1,4}){0,4}\b|\b(?:[0-9a-f]{1,4}:)+:(?:[0-9a-f]{1,4}:?)+\b`)
	// public are hosts that everybody knows; our own texts name them.
	public = lazyregexp.New(`(?i)(?:^|\.)(?:github\.com|githubusercontent\.com|goauthentik\.io|paperless-ngx\.com|ghcr\.io|docker\.io|docker\.com|json-schema\.org|invalid|localhost)$`)
)

func newPseudonyms(x *doctor.Examination, files []BundleFile, anonymise bool) *pseudonyms {
	p := &pseudonyms{mails: map[string]string{}, nets: map[string]string{}}
	if !anonymise {
		return p
	}
	known := map[string]bool{}
	add := func(host string) {
		host = strings.ToLower(strings.ReplaceAll(host, `\`, ""))
		if _, err := netip.ParseAddr(host); err == nil || !strings.Contains(host, ".") || public.MatchString(host) {
			return
		}
		known[host] = true
	}
	hosts, _ := x.Run.Bundle.Words().List()
	for _, h := range hosts {
		for one := range strings.FieldsFuncSeq(h, func(c rune) bool { return c == ',' || c == ' ' || c == ';' }) {
			add(one)
		}
	}
	for _, f := range files {
		for _, m := range urlHost.FindAllSubmatch(f.Text, -1) {
			add(string(m[1]))
		}
	}
	p.name(known)
	return p
}

// name gives each host a pseudonym, and the domains above them another.
func (p *pseudonyms) name(known map[string]bool) {
	var hosts, domains []string
	for h := range known {
		hosts = append(hosts, h)
	}
	slices.Sort(hosts)
	for _, h := range hosts {
		if _, above, _ := strings.Cut(h, "."); strings.Contains(above, ".") && !known[above] && !slices.Contains(domains, above) {
			domains = append(domains, above)
		}
	}
	pattern := func(host string) *regexp.Regexp {
		return regexp.MustCompile(`(?i)` + strings.ReplaceAll(regexp.QuoteMeta(host), `\.`, `\\{0,4}\.`))
	}
	longest := func(list []string) {
		slices.SortStableFunc(list, func(a, b string) int { return len(b) - len(a) })
	}
	number := map[string]int{}
	for i, h := range hosts {
		number[h] = i + 1
	}
	longest(hosts)
	for _, h := range hosts {
		p.hosts = append(p.hosts, replacement{pattern(h), fmt.Sprintf("host-%d.invalid", number[h])})
	}
	longest(domains)
	for i, d := range domains {
		p.hosts = append(p.hosts, replacement{pattern(d), fmt.Sprintf("domain-%d.invalid", i+1)})
	}
}

// text is a text with the pseudonyms.
func (p *pseudonyms) text(s string) string {
	s = home.ReplaceAllString(s, "/$1/user")
	s = mail.ReplaceAllStringFunc(s, func(m string) string { return again(p.mails, strings.ToLower(m), "person-%d@mail.invalid") })
	if p.hosts == nil {
		return s
	}
	for _, r := range p.hosts {
		s = r.of.ReplaceAllString(s, r.by)
	}
	for _, re := range []*lazyregexp.Regexp{address4, address6} {
		s = re.ReplaceAllStringFunc(s, func(m string) string {
			a, err := netip.ParseAddr(m)
			if err != nil || a.IsLoopback() || a.IsUnspecified() {
				return m
			}
			return again(p.nets, m, "198.18.0.%d")
		})
	}
	return s
}

// again is the pseudonym of a value, a new one where it comes for the first time.
func again(have map[string]string, value, format string) string {
	if have[value] == "" {
		have[value] = fmt.Sprintf(format, len(have)+1)
	}
	return have[value]
}
