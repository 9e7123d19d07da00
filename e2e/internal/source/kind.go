package source

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/lazyregexp"
)

// A fileKind is what a file is, by its name and by what is in it.
type fileKind int

const (
	envKind       fileKind = iota // NAME=value lines
	confKind                      // paperless.conf
	composeKind                   // Compose file, YAML or JSON
	blueprintKind                 // authentik blueprint
	manifestKind                  // Kubernetes manifests, a HelmRelease among them
	valuesKind                    // values of a Helm chart, or other YAML with settings somewhere in it
	unitKind                      // podman quadlet or systemd unit
	nixKind                       // NixOS module
	scriptKind                    // shell script with docker run
	inspectKind                   // what docker inspect prints
	printedKind                   // what env prints: values as they are
)

// writable reports whether --fix can change files of this kind.
func (k fileKind) writable() bool { return k <= blueprintKind }

// What to do with a file that is not read.
const (
	AskContainer = "ssocheck lint --container NAME reads the environment as it really runs"
	askTemplate  = "give the file that is made of it (or pipe it: … | ssocheck lint -), or " + AskContainer
	askHelm      = "helm template … | ssocheck lint - reads what it makes, and kubectl get deployment NAME -o yaml | ssocheck lint - what runs"
	askNomad     = "nomad alloc exec ALLOCATION env | ssocheck lint - reads the environment as it really runs"
	askEnv       = "run env where Paperless runs, and pipe it: … | ssocheck lint -"
)

// A foreign kind is one that is known and not read.
type foreign struct{ kind, instead string }

// foreignNames are the kinds that the end of a name tells.
var foreignNames = map[string]foreign{
	".j2": {"a Jinja template", askTemplate}, ".jinja": {"a Jinja template", askTemplate}, ".jinja2": {"a Jinja template", askTemplate},
	".tmpl": {"a Go template", askTemplate}, ".gotmpl": {"a Go template", askTemplate}, ".tpl": {"a template", askTemplate},
	".ctmpl": {"a Consul template", askTemplate}, ".tftpl": {"a Terraform template", askTemplate}, ".erb": {"an ERB template", askTemplate},
	".epp": {"a Puppet template", askTemplate}, ".mustache": {"a Mustache template", askTemplate}, ".hbs": {"a Handlebars template", askTemplate},
	".tf": {"Terraform (HCL)", AskContainer}, ".tfvars": {"Terraform (HCL)", AskContainer}, ".hcl": {"HCL (Terraform, Nomad)", AskContainer},
	".nomad": {"a Nomad job (HCL)", askNomad}, ".xml": {"XML", AskContainer}, ".toml": {"TOML", AskContainer},
	".dockerfile": {"a Dockerfile", AskContainer}, ".containerfile": {"a Dockerfile", AskContainer},
	".ps1": {"a PowerShell script", AskContainer}, ".bat": {"a Windows script", AskContainer}, ".cmd": {"a Windows script", AskContainer},
	".py": {"Python", askEnv}, ".js": {"JavaScript", AskContainer}, ".ts": {"TypeScript", AskContainer}, ".rb": {"Ruby", AskContainer},
	".pp": {"Puppet", AskContainer}, ".go": {"Go", AskContainer}, ".cue": {"CUE", AskContainer}, ".dhall": {"Dhall", AskContainer},
	".jsonnet": {"Jsonnet", AskContainer}, ".libsonnet": {"Jsonnet", AskContainer}, ".lua": {"Lua", AskContainer},
	".md": {"a text with a configuration in it (Markdown)", "copy the configuration into a file of its own"}, ".html": {"a web page", "copy the configuration into a file of its own"},
	".pod": {"a podman quadlet of a pod", "give the .container file of Paperless"}, ".kube": {"a podman quadlet of a Kubernetes file", "give the Kubernetes file that it names"},
	".network": {"a podman quadlet of a network", "give the .container file of Paperless"}, ".volume": {"a podman quadlet of a volume", "give the .container file of Paperless"},
}

var (
	xmlText      = lazyregexp.New(`^\s*<(?:\?xml|[A-Za-z][\w.-]*[\s/>])`)
	unraidText   = lazyregexp.New(`<Container\b|<Config\s+Name=`)
	nixText      = lazyregexp.New(`(?m)^\s*(?:\{[^{}"'=;]*\}|[a-z]+)\s*:\s*(?:let\b|with\b|\{|$)|\bservices\.paperless\b|(?m)^\s*services\s*=\s*\{`)
	hclText      = lazyregexp.New(`(?m)^\s*(?:resource|variable|module|data|provider|locals|output|job|task|group)(?:\s+"[^"\n]*")*\s*\{\s*$`)
	nomadText    = lazyregexp.New(`(?m)^\s*(?:job|task|group)\s+"[^"\n]*"\s*\{`)
	dockerText   = lazyregexp.New(`(?i)^(?:\s*#[^\n]*\n|\s*\n|ARG [^\n]*\n)*FROM\s+[\w./:@${}-]+`)
	unitText     = lazyregexp.New(`(?m)^\s*\[(?:Container|Service|Unit)\]\s*$`)
	runText      = lazyregexp.New(`(?m)^[^#\n]*\b(?:docker|podman|nerdctl)\s+(?:container\s+)?(?:run|create)\b`)
	shebang      = lazyregexp.New(`^#!\s*\S*?(?:env\s+(?:-S\s+)?)?([a-z]+)[\d.]*(?:\s|$)`)
	tomlText     = lazyregexp.New(`(?m)^\s*\[{1,2}[A-Za-z][\w.-]*\]{1,2}\s*$`)
	assignText   = lazyregexp.New(`(?m)^\s*(?:export\s+)?[A-Za-z_][A-Za-z0-9_.-]*\s*[=:]`)
	settingsText = lazyregexp.New(`\bPAPERLESS_[A-Z]`)
	// A tag of a template where values stand: {{ name }}, {% if %}, <%= name %>.
	templateText = lazyregexp.New(`\{%[-+]?\s|\{\{[-~]?\s*(?:[A-Za-z_.$"(#/]|lookup)|<%[=-]?\s`)
	helmText     = lazyregexp.New(`\{\{[-~]?\s*(?:[^}]*\.(?:Values|Release|Chart|Files)\b|include\b|define\b|template\b|toYaml\b)`)
	goText       = lazyregexp.New(`\{\{[-~]?\s*(?:\.|\$|with\b|range\b|key\b|secret\b|env\b|if\s+\.|end\b)`)
	nomadTags    = lazyregexp.New(`\{\{[-~]?\s*(?:key|secret|with\s+(?:secret|nomadVar)|nomad\w+|env)\b`)
)

// refuse is the error for a kind that is not read.
func (f *file) refuse(k foreign) error {
	return fmt.Errorf("%w: %s is %s, which ssocheck does not read; %s", ErrUnreadable, f.Path, k.kind, k.instead)
}

// recognise tells what a file is. The error names the kind of a file that is not
// read, and how to get the environment out of it.
func recognise(f *file) (fileKind, error) {
	base := strings.ToLower(filepath.Base(f.Path))
	ext := filepath.Ext(base)
	text := strings.TrimPrefix(string(f.Text), "\uFEFF")
	if k, ok := foreignNames[ext]; ok {
		if ext == ".xml" && unraidText.MatchString(text) {
			k.kind = "a container template of Unraid (XML)"
		}
		if (ext == ".tpl" || ext == ".yaml" || ext == ".yml") && helmText.MatchString(text) {
			k = foreign{"a template of a Helm chart (Go template)", askHelm}
		}
		return 0, f.refuse(k)
	}
	if base == "kustomization.yaml" || base == "kustomization.yml" || base == "kustomization" {
		return manifestKind, nil
	}
	if base == "dockerfile" || base == "containerfile" || strings.HasPrefix(base, "dockerfile.") {
		return 0, f.refuse(foreignNames[".dockerfile"])
	}
	switch ext {
	case ".nix":
		return nixKind, nil
	case ".container", ".service":
		return unitKind, nil
	case ".sh", ".bash", ".zsh", ".ksh", ".fish", ".run":
		return f.script(text)
	case ".conf":
		if unitText.MatchString(text) { // a drop-in of systemd
			return unitKind, nil
		}
		if f.template(text) {
			return 0, f.refuseTemplate(text)
		}
		return confKind, nil
	case ".yaml", ".yml", ".json":
		return f.yamlKind(text)
	}
	return f.bareKind(base, text)
}

// What env prints in a container has these; an env file has not both.
var (
	printedPath = lazyregexp.New(`(?m)^PATH=/`)
	printedHome = lazyregexp.New(`(?m)^(?:HOSTNAME|HOME)=`)
)

// script reports whether a shell script starts a container.
func (f *file) script(text string) (fileKind, error) {
	if runText.MatchString(text) {
		return scriptKind, nil
	}
	return 0, fmt.Errorf("%w: %s is a shell script without docker run or podman run in it; give the file that it uses (compose.yaml, .env), or %s", ErrUnreadable, f.Path, AskContainer)
}

// template reports whether tags of a template stand in values of Paperless, or
// around lines.
func (f *file) template(text string) bool {
	format := false // PAPERLESS_FILENAME_FORMAT is itself a Jinja template, for Paperless
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		format = strings.Contains(line, "FILENAME_FORMAT") || format && !assignText.MatchString(strings.TrimLeft(line, "- "))
		if format || line == "" || line[0] == '#' {
			continue
		}
		if strings.HasPrefix(line, "{%") || strings.HasPrefix(line, "<%") || strings.HasPrefix(line, "{{") && templateText.MatchString(line) && !strings.HasPrefix(line, "{{\"") {
			return true
		}
		if m := templateText.FindStringIndex(line); m != nil && (settingsText.MatchString(line) || jsonKeyBefore.MatchString(line[:m[0]])) {
			return true
		}
	}
	return false
}

// jsonKeyBefore is a key of the provider JSON in front of a value.
var jsonKeyBefore = lazyregexp.New(`"(?:client_id|secret|server_url|provider_id|name)"\s*:\s*"?[^"]*$`)

func (f *file) refuseTemplate(text string) error {
	switch {
	case helmText.MatchString(text):
		return f.refuse(foreign{"a template of a Helm chart (Go template)", askHelm})
	case nomadTags.MatchString(text):
		return f.refuse(foreign{"a template of Nomad or Consul (Go template)", askNomad})
	case goText.MatchString(text):
		return f.refuse(foreign{"a Go template ({{ … }})", askTemplate})
	case strings.Contains(text, "<%"):
		return f.refuse(foreign{"an ERB template (<% … %>)", askTemplate})
	}
	return f.refuse(foreign{"a Jinja template ({{ … }}, as Ansible has them)", askTemplate})
}

var (
	topKey       = lazyregexp.New(`(?m)^([A-Za-z_][\w.-]*)\s*:`)
	ansibleText  = lazyregexp.New(`(?m)^\s*(?:- hosts:|(?:community\.docker\.|containers\.podman\.|community\.general\.|ansible\.builtin\.)[\w.]+:|(?:docker_container|podman_container|docker_compose(?:_v2)?):\s*$)`)
	inspectText  = lazyregexp.New(`"(?:Config|ContainerConfig)"\s*:\s*\{`)
	inspectEnv   = lazyregexp.New(`"Env"\s*:\s*(?:\[|null)`)
	servicesText = lazyregexp.New(`(?m)^"?services"?\s*:|^\s{0,4}"services"\s*:|^\s*\{\s*"services"\s*:`)
	kindText     = lazyregexp.New(`(?m)^\s{0,8}"?kind"?\s*:`)
	kindJSON     = lazyregexp.New(`"kind"\s*:\s*"`)
	apiText      = lazyregexp.New(`(?m)^\s{0,8}"?apiVersion"?\s*:|^\s*\{\s*"apiVersion"`)
	deployedText = lazyregexp.New(`(?m)^kind:\s*(?:HelmRelease|Application|ExternalSecret)`) // {{ … }} in them is the chart's or the operator's
)

// yamlKind tells what a YAML or JSON file is.
func (f *file) yamlKind(text string) (fileKind, error) {
	trimmed := strings.TrimSpace(text)
	json := strings.HasPrefix(trimmed, "{") || strings.HasPrefix(trimmed, "[")
	keys := map[string]bool{}
	for _, m := range topKey.FindAllStringSubmatch(text, -1) {
		keys[m[1]] = true
	}
	manifest := apiText.MatchString(text) && (kindText.MatchString(text) || json && kindJSON.MatchString(text))
	switch {
	case strings.HasPrefix(trimmed, "<"):
		return 0, f.refuse(foreignNames[".xml"])
	case json && inspectText.MatchString(text) && inspectEnv.MatchString(text):
		return inspectKind, nil
	case manifest && helmText.MatchString(text) && !deployedText.MatchString(text):
		return 0, f.refuse(foreign{"a template of a Helm chart (Go template)", askHelm})
	case manifest:
		if f.template(text) && !deployedText.MatchString(text) {
			return 0, f.refuseTemplate(text)
		}
		return manifestKind, nil
	case keys["entries"] && !keys["services"]:
		return blueprintKind, nil
	case ansibleText.MatchString(text):
		return 0, f.refuse(foreign{"a file of Ansible", AskContainer})
	case servicesText.MatchString(text):
		if f.template(text) {
			return 0, f.refuseTemplate(text)
		}
		return composeKind, nil
	case json && !settingsText.MatchString(text):
		return 0, fmt.Errorf("%w: %s is JSON, but neither a Compose file nor what docker inspect prints; %s", ErrUnreadable, f.Path, AskContainer)
	case settingsText.MatchString(text):
		if strings.HasPrefix(trimmed, "{%") || strings.Contains(trimmed, "\n{%") {
			return 0, f.refuseTemplate(text)
		}
		return valuesKind, nil
	case strings.HasPrefix(trimmed, "- ") && strings.Contains(text, "{{"):
		return 0, f.refuse(foreign{"a file of Ansible", AskContainer})
	}
	return composeKind, nil // its reader says what is missing
}

// bareKind tells what a file is whose name does not say it.
func (f *file) bareKind(base, text string) (fileKind, error) {
	trimmed := strings.TrimSpace(text)
	isEnv := strings.Contains(base, ".env") || strings.HasPrefix(base, "env") || strings.HasSuffix(base, ".environment")
	interpreter := ""
	if m := shebang.FindStringSubmatch(text); m != nil {
		interpreter = m[1]
	}
	switch {
	case xmlText.MatchString(text):
		k := foreignNames[".xml"]
		if unraidText.MatchString(text) {
			k.kind = "a container template of Unraid (XML)"
		}
		return 0, f.refuse(k)
	case interpreter != "" && !strings.HasSuffix(interpreter, "sh") && interpreter != "env":
		return 0, f.refuse(foreign{"a script for " + interpreter, AskContainer})
	case runText.MatchString(text):
		return scriptKind, nil
	case interpreter != "":
		return f.script(text)
	case unitText.MatchString(text):
		return unitKind, nil
	case strings.HasPrefix(trimmed, "{") && !strings.HasPrefix(trimmed, "{%") && !strings.HasPrefix(trimmed, "{{"), strings.HasPrefix(trimmed, "[{"), strings.HasPrefix(trimmed, "[\n"):
		if nixText.MatchString(text) {
			return nixKind, nil
		}
		return f.yamlKind(text)
	case printedPath.MatchString(text) && printedHome.MatchString(text):
		return printedKind, nil
	case f.template(text):
		return 0, f.refuseTemplate(text)
	case isEnv:
		return envKind, nil
	case nomadText.MatchString(text):
		return 0, f.refuse(foreignNames[".nomad"])
	case hclText.MatchString(text):
		return 0, f.refuse(foreignNames[".tf"])
	case dockerText.MatchString(text):
		return 0, f.refuse(foreignNames[".dockerfile"])
	case nixText.MatchString(text) && strings.Contains(text, ";"):
		return nixKind, nil
	case servicesText.MatchString(text), apiText.MatchString(text) && kindText.MatchString(text), ansibleText.MatchString(text):
		return f.yamlKind(text)
	case tomlText.MatchString(text):
		return 0, f.refuse(foreignNames[".toml"])
	}
	if good, bad := f.assignments(); bad > good {
		return 0, fmt.Errorf("%w: %s is of no kind that ssocheck knows (Compose, env file, paperless.conf, Kubernetes, Helm values, quadlet, NixOS, docker run); %s", ErrUnreadable, f.Path, AskContainer)
	}
	return envKind, nil
}

// assignments counts the lines that are NAME=value, and those that are nothing
// of an env file.
func (f *file) assignments() (good, bad int) {
	depth := 0 // of JSON over several lines
	for n := range min(len(f.starts), maxLines) {
		line := strings.TrimSpace(f.line(n + 1))
		inside := depth > 0
		depth = max(0, depth+strings.Count(line, "{")+strings.Count(line, "[")-strings.Count(line, "}")-strings.Count(line, "]"))
		if line == "" || line[0] == '#' || inside {
			continue
		}
		if assignText.MatchString(line) {
			good++
			continue
		}
		bad++
	}
	return good, bad
}
