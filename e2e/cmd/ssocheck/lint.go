package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/ssocheck/ssocheck/e2e"
	"github.com/ssocheck/ssocheck/e2e/internal/report"
	"github.com/ssocheck/ssocheck/e2e/internal/source"
	"github.com/ssocheck/ssocheck/e2e/internal/troubleshooting"
)

type lintCmd struct {
	Files     []string `arg:"" optional:"" help:"Compose files in order, env files, paperless.conf, Kubernetes manifests, Helm values, a quadlet, a NixOS module or a script with docker run; a blueprint may be among them. - reads standard input: such a file, docker inspect, or env of the container."`
	Container string   `help:"Judge the environment that a container really has, as docker (or podman) inspect tells it." placeholder:"NAME"`
	Complete  bool     `help:"The files are the whole configuration: what an env file or paperless.conf lacks is not set."`
	Blueprint string   `help:"Your authentik blueprint." placeholder:"FILE"`
	Service   string   `help:"Compose service that is Paperless, when there are several." placeholder:"NAME"`
	Paperless string   `help:"Paperless-ngx version, when the image does not say it." placeholder:"VER"`
	Authentik string   `help:"authentik version." placeholder:"VER"`
	To        string   `help:"Say also what an upgrade to these versions brings." placeholder:"VER[,VER]"`
	Format    string   `enum:"text,json,github,sarif" default:"text" help:"text, json, github (annotations) or sarif (code scanning)."`
	Fix       bool     `help:"Show what can be fixed as a diff, and write it. Every other byte stays."`
	Ignore    []string `help:"Say nothing of these codes." placeholder:"CODE"`
	DryRun    bool     `help:"With --fix: show the diff, write nothing."`
}

// Run lints.
func (c *lintCmd) Run(e *env) error {
	if c.DryRun && !c.Fix {
		return errors.New("--dry-run belongs to --fix")
	}
	for _, code := range c.Ignore {
		if code = strings.ToUpper(code); troubleshooting.FindRule(code) == nil && troubleshooting.Find(code) == nil {
			return fmt.Errorf("%w: --ignore: no rule has this code; ssocheck list rules shows them", e2e.ErrUsage)
		}
	}
	paperless, authentik, _ := strings.Cut(c.To, ",")
	src := source.Sources{
		Files: c.Files, Blueprint: c.Blueprint, Service: c.Service, PaperlessVersion: c.Paperless, AuthentikVersion: c.Authentik,
		ToPaperless: strings.TrimSpace(paperless), ToAuthentik: strings.TrimSpace(authentik), Environ: source.Environ(),
		Complete: c.Complete,
	}
	if len(src.Files) == 0 && c.Container == "" {
		src.Files = e.settings.Config
	}
	if len(src.Files) == 0 && c.Container == "" {
		src.Files = here()
	}
	if err := c.gather(e, &src); err != nil {
		return fmt.Errorf("%w: %w", e2e.ErrUsage, err)
	}
	findings, ignored, err := c.findings(e, src)
	if err != nil {
		return fmt.Errorf("%w: %w", e2e.ErrUsage, err)
	}
	all := len(findings) + len(ignored)
	findings = slices.DeleteFunc(findings, func(f source.Diagnostic) bool {
		return slices.ContainsFunc(c.Ignore, func(code string) bool { return strings.EqualFold(code, f.Code) })
	})
	shown := findings
	if e.quiet && c.Format == "text" {
		shown = slices.DeleteFunc(slices.Clone(findings), func(f source.Diagnostic) bool { return f.Level == source.Info })
	}
	if err := report.Format(e.stdout, c.Format, shown, all-len(findings)); err != nil {
		return err
	}
	if slices.ContainsFunc(findings, func(f source.Diagnostic) bool { return f.Level == source.Error }) {
		return failed(exitFail)
	}
	return nil
}

// here is the configuration in this folder that lint takes when none is named: a
// compose file, which brings its own .env, else paperless.conf or an env file.
func here() []string {
	for _, name := range []string{"compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml", "paperless.conf", "docker-compose.env", "paperless.env", ".env"} {
		if info, err := os.Stat(name); err == nil && info.Mode().IsRegular() {
			return []string{name}
		}
	}
	return nil
}

// findings are what there is to say, after fixing when that was asked for, and
// what comments do not want said.
func (c *lintCmd) findings(e *env, src source.Sources) (said, ignored []source.Diagnostic, err error) {
	if !c.Fix {
		return troubleshooting.LintAll(src)
	}
	// What machines read stays alone on stdout.
	w := e.stdout
	if c.Format != "text" {
		w = e.stderr
	}
	mended := 0
	said, ignored, err = troubleshooting.Mend(src, func(r troubleshooting.FixRound) bool {
		fmt.Fprintf(w, "%s\n", r.Diff)
		if !c.DryRun {
			mended += len(r.Files)
		}
		return !c.DryRun
	})
	if err == nil && mended == 0 && !c.DryRun {
		fmt.Fprintln(w, "nothing that can be fixed without you")
	}
	return said, ignored, err
}

// gather adds what is not a file: standard input, and a container's environment.
func (c *lintCmd) gather(e *env, src *source.Sources) error {
	src.Texts = map[string][]byte{}
	for i, f := range src.Files {
		if f != "-" {
			continue
		}
		text, err := piped(os.Stdin)
		if err != nil {
			return err
		}
		src.Files = slices.Clone(src.Files)
		src.Files[i] = standardInput
		src.Texts[standardInput] = text
		break
	}
	if c.Container != "" {
		text, err := inspect(e.ctx, c.Container)
		if err != nil {
			return err
		}
		name := "container " + c.Container
		src.Files = append(src.Files, name)
		src.Texts[name] = text
	}
	return nil
}
