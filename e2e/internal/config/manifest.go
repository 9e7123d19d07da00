package config

import (
	"encoding/base64"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
)

// A cluster is what Kubernetes manifests say.
type cluster struct {
	r       *reader
	objects map[string]*object // Secrets and ConfigMaps: kind/name
	made    map[string]string  // Secrets that something else makes: name to what makes it
	charts  []*entry           // of the values of a HelmRelease or the like
}

// An object is a Secret or a ConfigMap.
type object struct {
	name string
	keys map[string]*entry
	list []string // keys in order
}

// A container of a workload.
type container struct {
	d     *document
	node  ast.Node
	name  string // workload/container
	image string
}

// readManifests reads Kubernetes manifests: the container that is Paperless, and
// what Secrets and ConfigMaps among the files give it. Without a container the
// Secrets and ConfigMaps are a part of a configuration.
func (r *reader) readManifests(files []*file) ([]*entry, error) {
	c := &cluster{r: r, objects: map[string]*object{}, made: map[string]string{}}
	var containers []*container
	var kinds []string
	files = r.resources(files)
	for _, f := range files {
		docs, err := parseDocuments(f)
		if err != nil {
			return nil, err
		}
		for _, d := range docs {
			c.add(d, d.root, &containers, &kinds)
		}
	}
	if len(containers) == 0 {
		var loose []*entry
		for _, o := range c.ordered() {
			for _, key := range o.list {
				loose = append(loose, asVariable(o.keys[key]))
			}
		}
		loose = slices.DeleteFunc(append(loose, c.charts...), func(e *entry) bool { return !strings.HasPrefix(strings.ToUpper(e.name), "PAPERLESS_") })
		if len(loose) == 0 {
			return nil, fmt.Errorf("%w: %s is a Kubernetes manifest (%s) without a container or a PAPERLESS_ setting; give the Deployment, Secret or ConfigMap of Paperless",
				ErrUnreadable, files[0].path, strings.Join(kinds, ", "))
		}
		return loose, nil
	}
	chosen, err := c.choose(containers)
	if err != nil {
		return nil, err
	}
	r.image, r.whole = chosen.image, true
	out := c.environment(chosen)
	return append(out, c.charts...), nil
}

// asVariable takes a key of a Secret for a variable; one that holds the provider
// JSON under another name stands for its setting.
func asVariable(e *entry) *entry {
	if !strings.HasPrefix(e.name, "PAPERLESS_") && strings.Contains(e.value, `"openid_connect"`) {
		c := *e
		c.name = deployment.ProvidersKey
		return &c
	}
	return e
}

func (c *cluster) ordered() []*object {
	var out []*object
	for _, o := range c.objects {
		out = append(out, o)
	}
	slices.SortFunc(out, func(a, b *object) int { return strings.Compare(a.name, b.name) })
	return out
}

// add takes up one document, or one item of a list.
func (c *cluster) add(d *document, n ast.Node, containers *[]*container, kinds *[]string) {
	kind := d.text(d.get(n, "kind"))
	name := d.text(d.get(d.get(n, "metadata"), "name"))
	if kind == "" && isKustomization(d, n) {
		kind = "Kustomization" // which is what no kind means in a file of that name
	}
	if kind == "" {
		return
	}
	*kinds = append(*kinds, kind)
	switch {
	case strings.HasSuffix(kind, "List") && d.get(n, "items") != nil:
		for _, item := range d.items(d.get(n, "items")) {
			c.add(d, item, containers, kinds)
		}
	case kind == "Secret" || kind == "ConfigMap":
		c.object(d, n, kind+"/"+name)
	case kind == "ExternalSecret" || kind == "SealedSecret" || kind == "VaultStaticSecret" || kind == "OnePasswordItem" || kind == "InfisicalSecret":
		spec := d.get(n, "spec")
		target := d.text(d.get(d.get(spec, "target"), "name"))
		if target == "" {
			target = d.text(d.get(d.get(d.get(spec, "template"), "metadata"), "name"))
		}
		if target == "" {
			target = name
		}
		c.made[target] = kind
	case kind == "HelmRelease" || kind == "HelmChart" || kind == "Application" || kind == "HelmChartConfig":
		c.chart(d, n, kind)
	case kind == "Ingress" || kind == "IngressRoute":
		c.ingress(d, n, kind)
	case kind == "Kustomization" || kind == "Component":
		c.kustomization(d, n)
	default:
		c.workload(d, n, kind, name, containers)
	}
}

// object reads a Secret or a ConfigMap.
func (c *cluster) object(d *document, n ast.Node, key string) {
	o := c.objects[key]
	if o == nil {
		o = &object{name: key, keys: map[string]*entry{}}
		c.objects[key] = o
	}
	put := func(e *entry) {
		if o.keys[e.name] == nil {
			o.list = append(o.list, e.name)
		}
		o.keys[e.name] = e
	}
	for _, section := range []string{"data", "stringData"} {
		for _, kv := range d.pairs(d.get(n, section)) {
			e := &entry{name: kv.key, nameAt: kv.at, from: "manifest", form: asKey}
			d.scalar(e, kv.value)
			e.value = e.raw
			if section == "data" && strings.HasPrefix(key, "Secret/") {
				e.encoded = strings.TrimSpace(e.raw)
				plain, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(e.raw), ""))
				if err != nil && !opaque(e) {
					e.unknown = "the Secret " + key[len("Secret/"):] + ", where it is not base64"
				}
				e.value, e.raw, e.pos, e.form = string(plain), string(plain), nil, asBase64
			}
			c.r.opaque(e, false)
			put(e)
		}
	}
}

// workload looks for containers anywhere below: Pod, Deployment, CronJob, and
// what operators define.
func (c *cluster) workload(d *document, n ast.Node, kind, name string, out *[]*container) {
	var walk func(n ast.Node, depth int)
	walk = func(n ast.Node, depth int) {
		if depth > 12 {
			return
		}
		for _, kv := range d.pairs(n) {
			if kv.key == "containers" {
				for _, item := range d.items(kv.value) {
					*out = append(*out, &container{
						d: d, node: item, name: kind + " " + name + "/" + d.text(d.get(item, "name")), image: d.text(d.get(item, "image")),
					})
				}
				continue
			}
			if kv.key != "initContainers" {
				walk(kv.value, depth+1)
			}
		}
	}
	walk(n, 0)
}

// choose finds the container that is Paperless, as a Compose service is found.
func (c *cluster) choose(all []*container) (*container, error) {
	var byImage, byLogin, byEnv, names []string
	byName := map[string]*container{}
	for _, k := range all {
		short := k.name[strings.LastIndex(k.name, "/")+1:]
		names = append(names, k.name)
		byName[k.name] = k
		if want := c.r.sources.Service; want != "" && (want == k.name || want == short || strings.Contains(k.name, " "+want+"/")) {
			return k, nil
		}
		login, any := false, false
		open, problems := c.r.open, c.r.problems
		env := c.environment(k)
		c.r.open, c.r.problems = open, problems // of the chosen one only
		for _, e := range env {
			any = any || strings.HasPrefix(e.name, "PAPERLESS_")
			login = login || loginVariable(e.name) && strings.HasPrefix(e.name, "PAPERLESS_")
		}
		if paperlessImage.MatchString(k.image) {
			byImage = append(byImage, k.name)
		}
		if login {
			byLogin = append(byLogin, k.name)
		}
		if any {
			byEnv = append(byEnv, k.name)
		}
	}
	if c.r.sources.Service != "" {
		return nil, fmt.Errorf("%w: there is no container %q; there are: %s", ErrService, c.r.sources.Service, strings.Join(names, ", "))
	}
	both := slices.DeleteFunc(slices.Clone(byImage), func(n string) bool { return !slices.Contains(byLogin, n) })
	for _, list := range [][]string{both, byImage, byLogin, byEnv} {
		switch {
		case len(list) == 1:
			return byName[list[0]], nil
		case len(list) > 1:
			return nil, fmt.Errorf("%w: there are several: %s; choose one with --service", ErrService, strings.Join(list, ", "))
		}
	}
	return nil, fmt.Errorf("%w: no container of these manifests has a Paperless image or a PAPERLESS_ variable: %s; name it with --service", ErrService, strings.Join(names, ", "))
}

// environment is what Kubernetes gives a container: envFrom first, then env,
// with $(NAME) of what was set before.
func (c *cluster) environment(k *container) []*entry {
	d := k.d
	var out []*entry
	for _, item := range d.items(d.get(k.node, "envFrom")) {
		prefix := d.text(d.get(item, "prefix"))
		for _, kv := range d.pairs(item) {
			kind := map[string]string{"secretRef": "Secret", "configMapRef": "ConfigMap"}[kv.key]
			if kind == "" {
				continue
			}
			name := d.text(d.get(kv.value, "name"))
			o := c.objects[kind+"/"+name]
			if o == nil {
				c.r.open = append(c.r.open, c.elsewhere(kind, name))
				continue
			}
			for _, key := range o.list {
				e := *o.keys[key]
				e.name = prefix + key
				out = append(out, &e)
			}
		}
	}
	out = append(out, c.list(d, d.get(k.node, "env"))...)
	expandManifest(out, len(c.r.open) == 0)
	return out
}

// elsewhere names what is not among the files.
func (c *cluster) elsewhere(kind, name string) string {
	if by := c.made[name]; by != "" && kind == "Secret" {
		return "the Secret " + name + ", which the " + by + " makes"
	}
	return "the " + kind + " " + name + ", which is not among these files"
}

// list reads env: a list of name and value.
func (c *cluster) list(d *document, env ast.Node) []*entry {
	var out []*entry
	for _, item := range d.items(env) {
		if e := c.item(d, item); e != nil {
			out = append(out, e)
		}
	}
	return out
}

// item reads one name and value; nil when it is none.
func (c *cluster) item(d *document, item ast.Node) *entry {
	nameNode := d.get(item, "name")
	name := d.text(nameNode)
	if name == "" {
		return nil
	}
	e := &entry{name: name, from: "manifest", form: asItem, nameAt: d.place(nameNode.GetToken())}
	if m, ok := d.resolve(item).(*ast.MappingNode); ok && m.IsFlowStyle {
		e.form = asFlow
	}
	c.value(d, e, item)
	return e
}

// value reads value or valueFrom of a variable.
func (c *cluster) value(d *document, e *entry, n ast.Node) {
	at := e.nameAt
	from := d.get(n, "valueFrom")
	if from == nil {
		from = n // secretKeyRef beside the name, as some charts have it
	}
	for _, kv := range d.pairs(from) {
		kind := map[string]string{"secretKeyRef": "Secret", "configMapKeyRef": "ConfigMap"}[kv.key]
		if kind == "" {
			continue
		}
		name, key := d.text(d.get(kv.value, "name")), d.text(d.get(kv.value, "key"))
		e.file, e.valueAt, e.end = d.read, kv.at, kv.at+len(kv.key)
		o := c.objects[kind+"/"+name]
		if o == nil {
			e.unknown = c.elsewhere(kind, name)
			return
		}
		if held := o.keys[key]; held != nil {
			name := e.name
			*e = *held
			e.name, e.referred = name, true
			return
		}
		e.style = absent
		if d.text(d.get(kv.value, "optional")) != "true" {
			c.r.problems = append(c.r.problems, problem{
				code: "CFG-UNSET", level: Error, file: d.read, at: kv.at, width: len(kv.key), setting: e.name,
				message: "the " + kind + " " + name + " has no key " + key + ": Kubernetes does not start the container", fix: "name a key that is there: " + strings.Join(o.list, ", "),
			})
		}
		return
	}
	if d.get(n, "valueFrom") != nil {
		e.file, e.valueAt, e.end = d.read, at, at+len(e.name)
		e.unknown = "valueFrom, which is known when the container starts"
		return
	}
	d.scalar(e, d.get(n, "value"))
	e.nameAt = at
	e.value = e.raw
	if e.style == absent { // no value: Kubernetes sets the empty text
		e.set = true
	}
	c.r.opaque(e, true)
}

var manifestRef = regexp.MustCompile(`\$?\$\(([A-Za-z_][A-Za-z0-9_.-]*)\)`)

// expandManifest replaces $(NAME) by what an earlier variable of the same
// container has; $$(NAME) is $(NAME). What is not known stays a gap.
func expandManifest(list []*entry, closed bool) {
	known := map[string]*entry{}
	later := map[string]bool{}
	for _, e := range list {
		later[e.name] = true
	}
	for _, e := range list {
		if e.unknown == "" && e.set {
			expandRefs(e, known, later, closed)
		}
		known[e.name] = e
	}
}

func expandRefs(e *entry, known map[string]*entry, later map[string]bool, closed bool) {
	var out strings.Builder
	var pos []int
	last := 0
	old := e.gaps
	e.gaps = nil
	keep := func(from, to int) {
		for _, g := range old {
			if g.at >= from && g.at < to {
				e.gaps = append(e.gaps, gap{at: out.Len() + g.at - from, n: g.n, name: g.name, why: g.why})
			}
		}
		out.WriteString(e.value[from:to])
		if len(e.pos) == len(e.value) {
			pos = append(pos, e.pos[from:to]...)
		}
	}
	put := func(text string, at int) {
		out.WriteString(text)
		for range len(text) {
			if len(e.pos) == len(e.value) {
				pos = append(pos, e.pos[at])
			}
		}
	}
	for _, m := range manifestRef.FindAllStringSubmatchIndex(e.value, -1) {
		keep(last, m[0])
		text, name := e.value[m[0]:m[1]], e.value[m[2]:m[3]]
		of := known[name]
		switch {
		case strings.HasPrefix(text, "$$"):
			put(text[1:], m[0])
		case of != nil && of.unknown == "" && len(of.gaps) == 0 && of.set:
			put(of.value, m[0])
			e.refs = append(e.refs, reference{name: name, text: text, at: m[0], known: true, sub: of.value})
		case of != nil, !closed:
			why := "set elsewhere"
			if of != nil && of.unknown != "" {
				why = of.unknown
			}
			e.gaps = append(e.gaps, gap{at: out.Len(), n: len(text), name: name, why: why})
			put(text, m[0])
		case later[name]: // Kubernetes leaves it as it is
			e.gaps = append(e.gaps, gap{at: out.Len(), n: len(text), name: name, why: "set further down; some tools sort the list"})
			put(text, m[0])
		default: // a text like any other
			put(text, m[0])
			e.refs = append(e.refs, reference{name: name, text: text, at: m[0]})
		}
		last = m[1]
	}
	keep(last, len(e.value))
	e.value, e.pos = out.String(), pos
}
