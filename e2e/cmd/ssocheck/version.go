package main

import (
	"cmp"
	"fmt"
	"io"
	"runtime/debug"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/ssocheck/ssocheck/e2e"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
)

// versionFlag is --version: it says so and ends, whatever else is given.
type versionFlag bool

// BeforeReset ends the command before anything is required of it.
func (versionFlag) BeforeReset(app *kong.Kong) error {
	if err := printVersion(app.Stdout); err != nil {
		return err
	}
	app.Exit(exitPass)
	return nil
}

type versionCmd struct{}

// Run tells the version.
func (versionCmd) Run(e *env) error { return printVersion(e.stdout) }

// printVersion writes what a maintainer needs to know of this build.
func printVersion(w io.Writer) error {
	known, err := deployment.KnownVersions()
	if err != nil {
		return err
	}
	info, _ := debug.ReadBuildInfo() // nil in a build without modules
	_, err = fmt.Fprintf(w, "ssocheck %s\nPaperless-ngx %s\nauthentik %s\n", build(e2e.Version, info), span(known.Paperless), span(known.Authentik))
	return err
}

// build is the version with where it comes from: commit, its date, and Go. What
// the linker set wins over the module's version, which `go install` gives.
func build(version string, info *debug.BuildInfo) string {
	if info == nil {
		return version
	}
	if version == "dev" && info.Main.Version != "" && info.Main.Version != "(devel)" {
		version = info.Main.Version
	}
	of := map[string]string{}
	for _, s := range info.Settings {
		of[s.Key] = s.Value
	}
	parts := []string{}
	if commit := of["vcs.revision"]; commit != "" {
		if of["vcs.modified"] == "true" {
			commit += ", changed"
		}
		parts = append(parts, "commit "+commit)
	}
	if at := of["vcs.time"]; at != "" {
		parts = append(parts, at)
	}
	parts = append(parts, cmp.Or(info.GoVersion, "go ?"))
	return version + " (" + strings.Join(parts, ", ") + ")"
}

// span is the oldest and the newest version that is known.
func span(releases []deployment.Release) string {
	if len(releases) == 0 {
		return "none"
	}
	oldest, newest := releases[0].Version, releases[0].Version
	for _, r := range releases {
		if !deployment.AtLeast(r.Version, oldest) {
			oldest = r.Version
		}
		if deployment.AtLeast(r.Version, newest) {
			newest = r.Version
		}
	}
	return oldest + " to " + newest
}
