package main

import (
	"embed"
	"fmt"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/ssocheck/ssocheck/e2e/internal/checklist"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/troubleshooting"
)

//go:embed completion
var completions embed.FS

type completionCmd struct {
	Shell string `arg:"" enum:"bash,zsh,fish,powershell" help:"bash, zsh, fish or powershell."`
}

// Help is where the script belongs.
func (completionCmd) Help() string {
	return `Examples:
  ssocheck completion bash > /etc/bash_completion.d/ssocheck
  ssocheck completion zsh > "${fpath[1]}/_ssocheck"
  ssocheck completion fish > ~/.config/fish/completions/ssocheck.fish
  ssocheck completion powershell >> $PROFILE`
}

// Run prints the script; it asks the hidden command complete at every Tab.
func (c *completionCmd) Run(e *env) error {
	text, err := completions.ReadFile("completion/" + c.Shell)
	if err != nil {
		return fmt.Errorf("completion for %s: %w", c.Shell, err)
	}
	_, err = e.stdout.Write(text)
	return err
}

type completeCmd struct {
	Words []string `arg:"" optional:"" passthrough:"" help:"The words so far, the last one unfinished."`
}

// Run prints what the last word may become, one candidate a line. It prints none
// where a file belongs: the shell completes those.
func (c *completeCmd) Run(e *env) error {
	app, err := grammar()
	if err != nil {
		return err
	}
	words := c.Words
	if len(words) > 0 && words[0] == "--" { // keeps our own flags from being read out of them
		words = words[1:]
	}
	for _, candidate := range candidates(app.Node, words) {
		fmt.Fprintln(e.stdout, candidate)
	}
	return nil
}

// candidates are what the last of the words may become.
func candidates(root *kong.Node, words []string) []string {
	if len(words) == 0 {
		words = []string{""}
	}
	last := words[len(words)-1]
	node, flag, positional := root, (*kong.Flag)(nil), 0
	for _, word := range words[:len(words)-1] {
		switch {
		case flag != nil:
			flag = nil
		case strings.HasPrefix(word, "--"):
			if name, _, assigned := strings.Cut(strings.TrimPrefix(word, "--"), "="); !assigned {
				flag = flagOf(node, name)
				if flag != nil && flag.IsBool() {
					flag = nil
				}
			}
		default:
			if child := childOf(node, word); child != nil {
				node = child
			} else {
				positional++
			}
		}
	}
	var all []string
	prefix := ""
	switch name, value, assigned := strings.Cut(last, "="); {
	case flag != nil:
		all = values(flag.Name, flag.Value)
	case strings.HasPrefix(last, "--") && assigned:
		if f := flagOf(node, strings.TrimPrefix(name, "--")); f != nil {
			all, prefix, last = values(f.Name, f.Value), name+"=", value
		}
	case strings.HasPrefix(last, "-"):
		for _, group := range node.AllFlags(true) {
			for _, f := range group {
				all = append(all, "--"+f.Name)
			}
		}
	case len(node.Children) > 0:
		for _, child := range node.Children {
			if !child.Hidden {
				all = append(all, child.Name)
			}
		}
	case len(node.Positional) > 0:
		p := node.Positional[min(positional, len(node.Positional)-1)]
		all = values(p.Name, p)
	}
	// Values of a list are completed one by one.
	if i := strings.LastIndex(last, ","); i >= 0 {
		prefix, last = prefix+last[:i+1], last[i+1:]
	}
	slices.Sort(all)
	var out []string
	for _, one := range slices.Compact(all) {
		if strings.HasPrefix(strings.ToLower(one), strings.ToLower(last)) {
			out = append(out, prefix+one)
		}
	}
	return out
}

func childOf(n *kong.Node, name string) *kong.Node {
	for _, c := range n.Children {
		if c.Name == name {
			return c
		}
	}
	return nil
}

func flagOf(n *kong.Node, name string) *kong.Flag {
	for _, group := range n.AllFlags(false) {
		for _, f := range group {
			if f.Name == name {
				return f
			}
		}
	}
	return nil
}

// values are those that a flag or argument takes; none where that is a file.
func values(name string, v *kong.Value) []string {
	if v.Enum != "" {
		return v.EnumSlice()
	}
	var out []string
	switch name {
	case "only":
		for _, c := range checklist.All() {
			out = append(out, c.ID)
		}
	case "plant":
		for _, i := range troubleshooting.All() {
			out = append(out, i.Code)
		}
	case "ignore", "code":
		for _, i := range troubleshooting.All() {
			out = append(out, i.Code)
		}
		for _, r := range troubleshooting.Rules() {
			out = append(out, r.Code)
		}
		if name == "code" { // of explain, which knows checks, too
			for _, c := range checklist.All() {
				out = append(out, c.ID)
			}
		}
	case "paperless", "authentik":
		known, err := deployment.KnownVersions()
		if err != nil {
			return nil
		}
		releases := known.Paperless
		if name == "authentik" {
			releases = known.Authentik
		}
		out = append(out, deployment.LatestKnown)
		for _, r := range releases {
			out = append(out, r.Version)
		}
	}
	return out
}
