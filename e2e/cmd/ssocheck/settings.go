package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
	"github.com/goccy/go-yaml"
)

// settingsFile holds what would else be given as flags, for the folder that it is in.
const settingsFile = ".ssocheck.yaml"

// settings are the values that flags have where neither the command line nor the
// environment gives them. The zero value gives none.
type settings struct {
	Config    []string `yaml:"config"` // also the files of lint
	Blueprint string   `yaml:"blueprint"`
	Service   string   `yaml:"service"`
	Paperless string   `yaml:"paperless"`
	Authentik string   `yaml:"authentik"`
	Target    string   `yaml:"target"`
	Ignore    []string `yaml:"ignore"` // codes, of lint
}

// readSettings reads the file; where there is none, there are no settings.
func readSettings(name string) (settings, error) {
	var s settings
	text, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return s, fmt.Errorf("%s cannot be read: %w", name, err)
	}
	if strings.TrimSpace(string(text)) == "" {
		return s, nil
	}
	if err := yaml.UnmarshalWithOptions(text, &s, yaml.Strict()); err != nil {
		at, why := name, err.Error()
		var placed yaml.Error
		if errors.As(err, &placed) {
			why = placed.GetMessage()
			if tk := placed.GetToken(); tk != nil && tk.Position != nil {
				at = fmt.Sprintf("%s:%d", name, tk.Position.Line)
			}
		}
		return s, fmt.Errorf("%s: %s; it takes config, blueprint, service, paperless, authentik, target and ignore", at, why)
	}
	return s, nil
}

// resolve gives a flag its value of the file, unless the environment has one.
func (s settings) resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	if slices.ContainsFunc(flag.Envs, func(name string) bool { _, set := os.LookupEnv(name); return set }) {
		return nil, nil //nolint:nilnil // nothing to resolve, as kong asks for
	}
	if flag.IsSlice() {
		// The versions of a matrix are no single one.
		if of := map[string][]string{"config": s.Config, "ignore": s.Ignore}[flag.Name]; len(of) > 0 {
			all := make([]any, len(of))
			for i := range of {
				all[i] = of[i]
			}
			return all, nil
		}
		return nil, nil //nolint:nilnil // see above
	}
	one := map[string]string{
		"blueprint": s.Blueprint, "service": s.Service, "paperless": s.Paperless, "authentik": s.Authentik, "target": s.Target,
	}[flag.Name]
	if one == "" || flag.Enum != "" && !flag.EnumMap()[one] {
		return nil, nil //nolint:nilnil // see above
	}
	return one, nil
}
