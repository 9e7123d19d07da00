package main

import (
	"fmt"

	"github.com/ssocheck/ssocheck/e2e"
)

type renderCmd struct {
	pair
	Dir           string `arg:"" help:"Directory to write to."`
	WithTestUsers bool   `help:"Put the users that the checks sign in as into the blueprint, with fresh passwords. Not where real users sign in."`
	Force         bool   `help:"Replace files of these names that are there already."`
}

// Run renders.
func (c *renderCmd) Run(e *env) error {
	files, err := e2e.Render(e2e.Options{
		Config: c.Config, Blueprint: c.Blueprint, Service: c.Service, Paperless: c.Paperless, Authentik: c.Authentik,
	}, c.WithTestUsers)
	if err != nil {
		return err
	}
	if err := writeFiles(c.Dir, files, c.Force); err != nil {
		return err
	}
	fmt.Fprintf(e.stdout, "wrote compose.yaml with its .env, paperless.env, paperless.conf and blueprint.yaml to %s\n", c.Dir)
	return nil
}
