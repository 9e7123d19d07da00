package config

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// readValues reads the values of a Helm chart: the settings of Paperless
// wherever they stand, as a mapping, as a list of name and value, or as a list
// of NAME=value. What the chart fills in is not known.
func (r *reader) readValues(f *file) ([]*entry, error) {
	docs, err := parseDocuments(f)
	if err != nil {
		return nil, err
	}
	c := &cluster{r: r, objects: map[string]*object{}, made: map[string]string{}}
	var out []*entry
	for _, d := range docs {
		out = append(out, r.walkValues(c, d, d.root)...)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%w: %s is neither a Compose file nor values of a Helm chart with a PAPERLESS_ setting; %s", ErrUnreadable, f.path, askHelm)
	}
	r.open = append(r.open, "what these values are put into (a chart, a role)")
	return out, nil
}

// walkValues finds settings of Paperless anywhere in a tree of YAML.
func (r *reader) walkValues(c *cluster, d *document, root ast.Node) []*entry {
	w := &valuesWalk{r: r, c: c, d: d, seen: map[string]bool{}}
	w.walk(root, 0)
	expandManifest(w.out, false)
	kept := w.out[:0]
	for _, e := range w.out {
		if strings.HasPrefix(strings.ToUpper(e.name), "PAPERLESS_") {
			kept = append(kept, e)
		}
	}
	if r.image == "" {
		r.image = w.image
	}
	return kept
}

type valuesWalk struct {
	r     *reader
	c     *cluster
	d     *document
	seen  map[string]bool
	out   []*entry
	image string
}

var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

func (w *valuesWalk) add(e *entry) {
	if !w.seen[e.name] {
		w.seen[e.name] = true
		w.out = append(w.out, e)
	}
}

func (w *valuesWalk) walk(n ast.Node, depth int) {
	if depth > 24 || n == nil {
		return
	}
	d := w.d
	for _, item := range d.items(n) {
		if text := d.text(item); strings.HasPrefix(text, "PAPERLESS_") && strings.Contains(text, "=") {
			for _, e := range listItem(d, item, "") {
				e.from, e.form, e.value, e.set = "values", asListed, e.raw, true
				w.r.opaque(e, true)
				w.add(e)
			}
			continue
		}
		if name := d.text(d.get(item, "name")); variableName.MatchString(name) && strings.ToUpper(name) == name && (d.get(item, "value") != nil || d.get(item, "valueFrom") != nil) {
			if e := w.c.item(d, item); e != nil {
				e.from = "values"
				w.add(e)
			}
			continue
		}
		w.walk(item, depth+1)
	}
	w.findImage(n)
	for _, kv := range d.pairs(n) {
		if kv.key == "tls" {
			w.r.sites = append(w.r.sites, tlsHosts(d, kv.value, "the chart's ingress")...)
		}
		if !variableName.MatchString(kv.key) || strings.ToUpper(kv.key) != kv.key {
			w.walk(kv.value, depth+1)
			continue
		}
		e := &entry{name: kv.key, nameAt: kv.at, from: "values", form: asKey}
		switch {
		case len(d.pairs(kv.value)) == 0 || strings.HasPrefix(kv.key, "PAPERLESS_") && !valueMap(d, kv.value):
			d.scalar(e, kv.value)
			if e.style == mapping {
				e.unknown = "the chart, which makes a text of this"
			}
			e.value = e.raw
			e.nameAt = kv.at
			if e.style == absent {
				continue // null: the chart leaves it out
			}
			w.r.opaque(e, true)
		case valueMap(d, kv.value):
			w.c.value(d, e, kv.value)
			e.nameAt = kv.at
		default:
			w.walk(kv.value, depth+1)
			continue
		}
		w.add(e)
	}
}

// valueMap reports whether a mapping says where a variable's value is.
func valueMap(d *document, n ast.Node) bool {
	for _, key := range []string{"value", "valueFrom", "secretKeyRef", "configMapKeyRef"} {
		if d.get(n, key) != nil {
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
	image := d.get(n, "image")
	repository, tag := d.text(image), ""
	if repository == "" {
		repository, tag = d.text(d.get(image, "repository")), d.text(d.get(image, "tag"))
	}
	if tag != "" {
		repository += ":" + tag
	}
	if paperlessImage.MatchString(repository) {
		w.image = repository
	}
}

// A value that something else puts in: SOPS, a vault, Flux, the chart.
var (
	sealed    = regexp.MustCompile(`^(?:ENC\[|AgB|<path:|vault:|ref\+|op://|!vault|\$ANSIBLE_VAULT)`)
	fluxRef   = regexp.MustCompile(`\$\{([A-Za-z_][A-Za-z0-9_]*)(?:[:/-][^}]*)?\}`)
	tagRef    = regexp.MustCompile(`\{\{.*?\}\}`)
	pathRef   = regexp.MustCompile(`<path:[^>]*>`)
	sealedWhy = "it is encrypted or kept elsewhere"
)

// opaque reports whether a value is encrypted.
func opaque(e *entry) bool { return sealed.MatchString(strings.TrimSpace(e.raw)) }

// opaque notes what of a value something else puts in, when that cannot be seen
// here.
func (r *reader) opaque(e *entry, pieces bool) {
	switch {
	case e.unknown != "" || !e.set:
	case opaque(e):
		e.unknown = sealedWhy
	case pieces || strings.HasPrefix(e.name, "PAPERLESS_"):
		for _, re := range []*regexp.Regexp{fluxRef, tagRef, pathRef} {
			if e.name == "PAPERLESS_FILENAME_FORMAT" {
				return
			}
			for _, m := range re.FindAllStringSubmatchIndex(e.value, -1) {
				name := strings.Trim(e.value[m[0]:m[1]], "{}$ ")
				if len(m) > 3 && m[2] >= 0 {
					name = e.value[m[2]:m[3]]
				}
				e.gaps = append(e.gaps, gap{at: m[0], n: m[1] - m[0], name: name, why: "put in by what deploys the file"})
			}
		}
		sortGaps(e)
	}
}
