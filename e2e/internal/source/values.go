package source

import (
	"fmt"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/ssocheck/ssocheck/e2e/internal/lazyregexp"
)

// readValues reads the values of a Helm chart: the settings of Paperless
// wherever they stand, as a mapping, as a list of name and value, or as a list
// of NAME=value. What the chart fills in is not known.
func (r *reader) readValues(f *file) ([]*Entry, error) {
	docs, err := parseDocuments(f)
	if err != nil {
		return nil, err
	}
	c := &cluster{r: r, objects: map[string]*object{}, made: map[string]string{}}
	var out []*Entry
	for _, d := range docs {
		out = append(out, r.walkValues(c, d, d.root)...)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%w: %s is neither a Compose file nor values of a Helm chart with a PAPERLESS_ setting; %s", ErrUnreadable, f.Path, askHelm)
	}
	r.Open = append(r.Open, "what these values are put into (a chart, a role)")
	return out, nil
}

// walkValues finds settings of Paperless anywhere in a tree of YAML.
func (r *reader) walkValues(c *cluster, d *document, root ast.Node) []*Entry {
	w := &valuesWalk{r: r, c: c, d: d, seen: map[string]bool{}}
	w.walk(root, 0)
	expandManifest(w.out, false)
	kept := w.out[:0]
	for _, e := range w.out {
		if strings.HasPrefix(strings.ToUpper(e.Name), "PAPERLESS_") {
			kept = append(kept, e)
		}
	}
	if w.image == "" && w.tag != "" {
		w.image = "paperless-ngx:" + w.tag
	}
	if r.Image == "" {
		r.Image = w.image
	}
	return kept
}

type valuesWalk struct {
	r     *reader
	c     *cluster
	d     *document
	seen  map[string]bool
	out   []*Entry
	image string
	// tag is that of an image without a repository, beside settings of Paperless: the
	// chart knows the rest.
	tag string
}

var variableName = lazyregexp.New(`^[A-Za-z_][A-Za-z0-9_]*$`)

func (w *valuesWalk) add(e *Entry) {
	if !w.seen[e.Name] {
		w.seen[e.Name] = true
		w.out = append(w.out, e)
	}
}

func (w *valuesWalk) walk(n ast.Node, depth int) {
	if depth > 24 || n == nil {
		return
	}
	d, before := w.d, len(w.out)
	defer func() {
		if image := d.Get(n, "image"); w.tag == "" && len(w.out) > before && d.Get(image, "repository") == nil {
			w.tag = d.Text(d.Get(image, "tag"))
		}
	}()
	for _, item := range d.items(n) {
		if text := d.Text(item); strings.HasPrefix(text, "PAPERLESS_") && strings.Contains(text, "=") {
			for _, e := range listItem(d, item, "") {
				e.From, e.form, e.Value, e.Set = "values", asListed, e.Raw, true
				w.r.opaque(e, true)
				w.add(e)
			}
			continue
		}
		if name := d.Text(d.Get(item, "name")); variableName.MatchString(name) && strings.ToUpper(name) == name && (d.Get(item, "value") != nil || d.Get(item, "valueFrom") != nil) {
			if e := w.c.item(d, item); e != nil {
				e.From = "values"
				w.add(e)
			}
			continue
		}
		w.walk(item, depth+1)
	}
	w.findImage(n)
	for _, kv := range d.pairs(n) {
		if kv.Key == "tls" {
			w.r.sites = append(w.r.sites, tlsHosts(d, kv.Value, "the chart's ingress")...)
		}
		if !variableName.MatchString(kv.Key) || strings.ToUpper(kv.Key) != kv.Key {
			w.walk(kv.Value, depth+1)
			continue
		}
		e := &Entry{Name: kv.Key, NameAt: kv.at, From: "values", form: asKey}
		switch {
		case len(d.pairs(kv.Value)) == 0 || strings.HasPrefix(kv.Key, "PAPERLESS_") && !valueMap(d, kv.Value):
			d.scalar(e, kv.Value)
			if e.Style == Mapping {
				e.Unknown = "the chart, which makes a string of this"
			}
			e.Value = e.Raw
			e.NameAt = kv.at
			if e.Style == Absent {
				continue // null: the chart leaves it out
			}
			w.r.opaque(e, true)
		case valueMap(d, kv.Value):
			w.c.value(d, e, kv.Value)
			e.NameAt = kv.at
		default:
			w.walk(kv.Value, depth+1)
			continue
		}
		w.add(e)
	}
}

// valueMap reports whether a mapping says where a variable's value is.
func valueMap(d *document, n ast.Node) bool {
	for _, key := range []string{"value", "valueFrom", "secretKeyRef", "configMapKeyRef"} {
		if d.Get(n, key) != nil {
			return true
		}
	}
	return false
}

// findImage takes an image of Paperless: one text, or repository and tag.
func (w *valuesWalk) findImage(n ast.Node) {
	d := w.d
	if w.image != "" {
		return
	}
	image := d.Get(n, "image")
	repository, tag := d.Text(image), ""
	if repository == "" {
		repository, tag = d.Text(d.Get(image, "repository")), d.Text(d.Get(image, "tag"))
	}
	if tag != "" {
		repository += ":" + tag
	}
	if PaperlessImage.MatchString(repository) {
		w.image = repository
	}
}

// A value that something else puts in: SOPS, a vault, Flux, the chart.
var (
	sealed    = lazyregexp.New(`^(?:ENC\[|AgB|<path:|vault:|ref\+|op://|!vault|\$ANSIBLE_VAULT)`)
	fluxRef   = lazyregexp.New(`\$\{([A-Za-z_][A-Za-z0-9_]*)(?:[:/-][^}]*)?\}`)
	tagRef    = lazyregexp.New(`\{\{.*?\}\}`)
	pathRef   = lazyregexp.New(`<path:[^>]*>`)
	sealedWhy = "it is encrypted or kept elsewhere"
)

// opaque reports whether a value is encrypted.
func opaque(e *Entry) bool { return sealed.MatchString(strings.TrimSpace(e.Raw)) }

// opaque notes what of a value something else puts in, when that cannot be seen
// here.
func (r *reader) opaque(e *Entry, pieces bool) {
	switch {
	case e.Unknown != "" || !e.Set:
	case opaque(e):
		e.Unknown = sealedWhy
	case pieces || strings.HasPrefix(e.Name, "PAPERLESS_"):
		for _, re := range []*lazyregexp.Regexp{fluxRef, tagRef, pathRef} {
			if e.Name == "PAPERLESS_FILENAME_FORMAT" {
				return
			}
			for _, m := range re.FindAllStringSubmatchIndex(e.Value, -1) {
				name := strings.Trim(e.Value[m[0]:m[1]], "{}$ ")
				if len(m) > 3 && m[2] >= 0 {
					name = e.Value[m[2]:m[3]]
				}
				e.Gaps = append(e.Gaps, Gap{at: m[0], n: m[1] - m[0], Name: name, Why: "put in by what deploys the file"})
			}
		}
		sortGaps(e)
	}
}

// LoginVariable reports whether a variable belongs to signing in.
func LoginVariable(name string) bool {
	for _, part := range []string{"SOCIAL", "PAPERLESS_APPS", "LOGIN", "LOGOUT", "ALLAUTH", "PAPERLESS_URL", "REMOTE_USER", "ACCOUNT", "SSO", "OIDC"} {
		if strings.Contains(name, part) {
			return true
		}
	}
	return false
}
