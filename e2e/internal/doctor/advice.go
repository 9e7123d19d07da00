package doctor

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/paperless"
	"github.com/ssocheck/ssocheck/e2e/internal/troubleshooting"
)

// inAuthentik are the families of causes whose fix is made in authentik's pages.
var inAuthentik = []string{"RED-", "IDP-", "IDT-", "TOK-CODE"}

// notThere are those among them whose fix is made in Paperless's configuration.
var notThere = []string{"IDP-CLIENT", "IDP-SLUG"}

// Apply is the command that makes the change of a finding count.
func (x *Examination) Apply(f *troubleshooting.Finding) string {
	in := func(list []string) bool {
		return slices.ContainsFunc(list, func(family string) bool { return strings.HasPrefix(f.Code, family) })
	}
	if in(inAuthentik) && !in(notThere) {
		return "nothing to restart: authentik has the change at once"
	}
	return x.recreate() + "   (a restart keeps the old environment)"
}

// recreate is how Paperless's container gets its environment anew.
func (x *Examination) recreate() string {
	c := x.Paperless
	if c.Project == "" {
		return fmt.Sprintf("make the container %s anew with the changed environment (docker rm, then docker run)", c.Name)
	}
	words := []string{"docker compose"}
	if len(c.Files) > 1 || len(c.Files) == 1 && !slices.Contains([]string{"compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"}, filepath.Base(c.Files[0])) {
		for _, file := range c.Files {
			words = append(words, "-f "+file)
		}
	}
	if len(c.Files) > 0 {
		dir := filepath.Dir(c.Files[0])
		if filepath.Base(dir) != c.Project {
			words = append(words, "-p "+c.Project)
		}
		return "cd " + dir + " && " + strings.Join(append(words, "up -d", c.Service), " ")
	}
	return strings.Join(append(words, "-p "+c.Project, "up -d", c.Service), " ")
}

// Meanwhile is how somebody who is locked out gets in before the cause is gone.
func (x *Examination) Meanwhile() []string {
	res := &x.Run.Results[0]
	shut := len(res.Findings) > 0 && slices.Contains([]string{"PROXY-CSRF", "PROXY-ALLOWED"}, res.Findings[0].Code)
	if page := res.Record.SignIn; !res.Record.Boot.Up || shut || page != nil && page.Status >= 400 {
		return nil // what does not run, or refuses every form, lets nobody in
	}
	p, b := &res.Bundle.Paperless, res.Bundle
	address := b.Paperless.URL + strings.TrimRight(p.Env["PAPERLESS_FORCE_SCRIPT_NAME"], "/") + paperless.LoginPath
	shell := "docker exec -it " + x.Paperless.Name + " python3 manage.py "
	var out []string
	switch {
	case p.On(deployment.DisableRegularLogin):
		out = append(out, fmt.Sprintf("the form for user name and password is off: take %s out, then %s", deployment.DisableRegularLogin, x.recreate()))
	case p.On(deployment.RedirectToSSO):
		out = append(out, address+"?loggedout=1 shows the form for user name and password; or set "+deployment.RedirectToSSO+" to false")
	default:
		out = append(out, "user name and password still work at "+address)
	}
	return append(out, "a new password: "+shell+"changepassword USER", "an administrator: "+shell+"createsuperuser")
}
