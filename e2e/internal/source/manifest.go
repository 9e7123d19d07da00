package source

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/lazyregexp"
)

// A cluster is what Kubernetes manifests say.
type cluster struct {
	r       *reader
	objects map[string]*object // Secrets and ConfigMaps: kind/name
	made    map[string]string  // Secrets that something else makes: name to what makes it
	charts  []*Entry           // of the values of a HelmRelease or the like
	tag     string             // of the chart's own image, where a parameter sets it
}

// An object is a Secret or a ConfigMap.
type object struct {
	name string
	keys map[string]*Entry
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
func (r *reader) readManifests(files []*file) ([]*Entry, error) {
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
		var loose []*Entry
		for _, o := range c.ordered() {
			for _, key := range o.list {
				loose = append(loose, asVariable(o.keys[key]))
			}
		}
		loose = slices.DeleteFunc(append(loose, c.charts...), func(e *Entry) bool { return !strings.HasPrefix(strings.ToUpper(e.Name), "PAPERLESS_") })
		if len(loose) == 0 {
			return nil, fmt.Errorf("%w: %s is a Kubernetes manifest (%s) without a container or a PAPERLESS_ setting; give the Deployment, Secret or ConfigMap of Paperless",
				ErrUnreadable, files[0].Path, strings.Join(kinds, ", "))
		}
		return loose, nil
	}
	chosen, err := c.choose(containers)
	if err != nil {
		return nil, err
	}
	r.Image, r.whole = chosen.image, true
	out := c.environment(chosen)
	return append(out, c.charts...), nil
}

// asVariable takes a key of a Secret for a variable; one that holds the provider
// JSON under another name stands for its setting.
func asVariable(e *Entry) *Entry {
	if !strings.HasPrefix(e.Name, "PAPERLESS_") && strings.Contains(e.Value, `"openid_connect"`) {
		c := *e
		c.Name = deployment.ProvidersKey
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
	kind := d.Text(d.Get(n, "kind"))
	name := d.Text(d.Get(d.Get(n, "metadata"), "name"))
	if kind == "" && isKustomization(d, n) {
		kind = "Kustomization" // which is what no kind means in a file of that name
	}
	if kind == "" {
		return
	}
	*kinds = append(*kinds, kind)
	switch {
	case strings.HasSuffix(kind, "List") && d.Get(n, "items") != nil:
		for _, item := range d.items(d.Get(n, "items")) {
			c.add(d, item, containers, kinds)
		}
	case kind == "Secret" || kind == "ConfigMap":
		c.object(d, n, kind+"/"+name)
	case kind == "ExternalSecret" || kind == "SealedSecret" || kind == "VaultStaticSecret" || kind == "OnePasswordItem" || kind == "InfisicalSecret":
		spec := d.Get(n, "spec")
		target := d.Text(d.Get(d.Get(spec, "target"), "name"))
		if target == "" {
			target = d.Text(d.Get(d.Get(d.Get(spec, "template"), "metadata"), "name"))
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

// named returns the object of a kind and name (ConfigMap/NAME), empty at first.
func (c *cluster) named(key string) *object {
	o := c.objects[key]
	if o == nil {
		o = &object{name: key, keys: map[string]*Entry{}}
		c.objects[key] = o
	}
	return o
}

func (o *object) put(e *Entry) {
	if o.keys[e.Name] == nil {
		o.list = append(o.list, e.Name)
	}
	o.keys[e.Name] = e
}

// object reads a Secret or a ConfigMap.
func (c *cluster) object(d *document, n ast.Node, key string) {
	o := c.named(key)
	for _, section := range []string{"data", "stringData"} {
		for _, kv := range d.pairs(d.Get(n, section)) {
			e := &Entry{Name: kv.Key, NameAt: kv.at, From: "manifest", form: asKey}
			d.scalar(e, kv.Value)
			e.Value = e.Raw
			if section == "data" && strings.HasPrefix(key, "Secret/") {
				e.encoded = strings.TrimSpace(e.Raw)
				plain, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(e.Raw), ""))
				if err != nil && !opaque(e) {
					e.Unknown = "the Secret " + key[len("Secret/"):] + ", where it is not base64"
				}
				e.Value, e.Raw, e.Pos, e.form = string(plain), string(plain), nil, asBase64
			}
			c.r.opaque(e, false)
			o.put(e)
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
			if kv.Key == "containers" {
				for _, item := range d.items(kv.Value) {
					*out = append(*out, &container{
						d: d, node: item, name: kind + " " + name + "/" + d.Text(d.Get(item, "name")), image: d.Text(d.Get(item, "image")),
					})
				}
				continue
			}
			if kv.Key != "initContainers" {
				walk(kv.Value, depth+1)
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
		if want := c.r.Sources.Service; want != "" && (want == k.name || want == short || strings.Contains(k.name, " "+want+"/")) {
			return k, nil
		}
		login, any := false, false
		open, problems := c.r.Open, c.r.Problems
		env := c.environment(k)
		c.r.Open, c.r.Problems = open, problems // of the chosen one only
		for _, e := range env {
			any = any || strings.HasPrefix(e.Name, "PAPERLESS_")
			login = login || LoginVariable(e.Name) && strings.HasPrefix(e.Name, "PAPERLESS_")
		}
		if PaperlessImage.MatchString(k.image) {
			byImage = append(byImage, k.name)
		}
		if login {
			byLogin = append(byLogin, k.name)
		}
		if any {
			byEnv = append(byEnv, k.name)
		}
	}
	if c.r.Sources.Service != "" {
		return nil, fmt.Errorf("%w: there is no container %q; there are: %s", ErrService, c.r.Sources.Service, strings.Join(names, ", "))
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
func (c *cluster) environment(k *container) []*Entry {
	d := k.d
	var out []*Entry
	for _, item := range d.items(d.Get(k.node, "envFrom")) {
		prefix := d.Text(d.Get(item, "prefix"))
		for _, kv := range d.pairs(item) {
			kind := map[string]string{"secretRef": "Secret", "configMapRef": "ConfigMap"}[kv.Key]
			if kind == "" {
				continue
			}
			name := d.Text(d.Get(kv.Value, "name"))
			o := c.objects[kind+"/"+name]
			if o == nil {
				c.r.Open = append(c.r.Open, c.elsewhere(kind, name))
				continue
			}
			for _, key := range o.list {
				e := *o.keys[key]
				e.Name = prefix + key
				out = append(out, &e)
			}
		}
	}
	out = append(out, c.list(d, d.Get(k.node, "env"))...)
	expandManifest(out, len(c.r.Open) == 0)
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
func (c *cluster) list(d *document, env ast.Node) []*Entry {
	var out []*Entry
	for _, item := range d.items(env) {
		if e := c.item(d, item); e != nil {
			out = append(out, e)
		}
	}
	return out
}

// item reads one name and value; nil when it is none.
func (c *cluster) item(d *document, item ast.Node) *Entry {
	nameNode := d.Get(item, "name")
	name := d.Text(nameNode)
	if name == "" {
		return nil
	}
	e := &Entry{Name: name, From: "manifest", form: asItem, NameAt: d.Place(nameNode.GetToken())}
	if m, ok := d.resolve(item).(*ast.MappingNode); ok && m.IsFlowStyle {
		e.form = asFlow
	}
	c.value(d, e, item)
	return e
}

// value reads value or valueFrom of a variable.
func (c *cluster) value(d *document, e *Entry, n ast.Node) {
	at := e.NameAt
	from := d.Get(n, "valueFrom")
	if from == nil {
		from = n // secretKeyRef beside the name, as some charts have it
	}
	for _, kv := range d.pairs(from) {
		kind := map[string]string{"secretKeyRef": "Secret", "configMapKeyRef": "ConfigMap"}[kv.Key]
		if kind == "" {
			continue
		}
		name, key := d.Text(d.Get(kv.Value, "name")), d.Text(d.Get(kv.Value, "key"))
		e.File, e.ValueAt, e.End = d.Read, kv.at, kv.at+len(kv.Key)
		o := c.objects[kind+"/"+name]
		if o == nil {
			e.Unknown = c.elsewhere(kind, name)
			return
		}
		if held := o.keys[key]; held != nil {
			name := e.Name
			*e = *held
			e.Name, e.referred = name, true
			return
		}
		e.Style = Absent
		if d.Text(d.Get(kv.Value, "optional")) != "true" {
			c.r.Problems = append(c.r.Problems, Problem{
				Code: "CFG-UNSET", Level: Error, File: d.Read, At: kv.at, Width: len(kv.Key), Setting: e.Name,
				Message: "the " + kind + " " + name + " has no key " + key + ": Kubernetes does not start the container", Fix: "name a key that is there: " + strings.Join(o.list, ", "),
			})
		}
		return
	}
	if d.Get(n, "valueFrom") != nil {
		e.File, e.ValueAt, e.End = d.Read, at, at+len(e.Name)
		e.Unknown = "valueFrom, which is known when the container starts"
		return
	}
	d.scalar(e, d.Get(n, "value"))
	e.NameAt = at
	e.Value = e.Raw
	if e.Style == Absent { // no value: Kubernetes sets the empty text
		e.Set = true
	}
	c.r.opaque(e, true)
}

var manifestRef = lazyregexp.New(`\$?\$\(([A-Za-z_][A-Za-z0-9_.-]*)\)`)

// expandManifest replaces $(NAME) by what an earlier variable of the same
// container has; $$(NAME) is $(NAME). What is not known stays a gap.
func expandManifest(list []*Entry, closed bool) {
	known := map[string]*Entry{}
	later := map[string]bool{}
	for _, e := range list {
		later[e.Name] = true
	}
	for _, e := range list {
		if e.Unknown == "" && e.Set {
			expandRefs(e, known, later, closed)
		}
		known[e.Name] = e
	}
}

func expandRefs(e *Entry, known map[string]*Entry, later map[string]bool, closed bool) {
	var out strings.Builder
	var pos []int
	last := 0
	old := e.Gaps
	e.Gaps = nil
	keep := func(from, to int) {
		for _, g := range old {
			if g.at >= from && g.at < to {
				e.Gaps = append(e.Gaps, Gap{at: out.Len() + g.at - from, n: g.n, Name: g.Name, Why: g.Why})
			}
		}
		out.WriteString(e.Value[from:to])
		if len(e.Pos) == len(e.Value) {
			pos = append(pos, e.Pos[from:to]...)
		}
	}
	put := func(text string, at int) {
		out.WriteString(text)
		for range len(text) {
			if len(e.Pos) == len(e.Value) {
				pos = append(pos, e.Pos[at])
			}
		}
	}
	for _, m := range manifestRef.FindAllStringSubmatchIndex(e.Value, -1) {
		keep(last, m[0])
		text, name := e.Value[m[0]:m[1]], e.Value[m[2]:m[3]]
		of := known[name]
		switch {
		case strings.HasPrefix(text, "$$"):
			put(text[1:], m[0])
		case of != nil && of.Unknown == "" && len(of.Gaps) == 0 && of.Set:
			put(of.Value, m[0])
			e.Refs = append(e.Refs, Reference{Name: name, Text: text, At: m[0], Known: true, Sub: of.Value})
		case of != nil, !closed:
			why := "set elsewhere"
			if of != nil && of.Unknown != "" {
				why = of.Unknown
			}
			e.Gaps = append(e.Gaps, Gap{at: out.Len(), n: len(text), Name: name, Why: why})
			put(text, m[0])
		case later[name]: // Kubernetes leaves it as it is
			e.Gaps = append(e.Gaps, Gap{at: out.Len(), n: len(text), Name: name, Why: "set further down; some tools sort the list"})
			put(text, m[0])
		default: // a text like any other
			put(text, m[0])
			e.Refs = append(e.Refs, Reference{Name: name, Text: text, At: m[0]})
		}
		last = m[1]
	}
	keep(last, len(e.Value))
	e.Value, e.Pos = out.String(), pos
}
