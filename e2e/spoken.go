package e2e

import (
	"regexp"
	"strings"
)

// optionOf is the option of each flag of the command. Options are read by both, and
// each is told of them in the words that it wrote.
func optionOf() map[string]string {
	return map[string]string{
		"--target": "Options.Target", "--config": "Options.Config", "--blueprint": "Options.Blueprint", "--service": "Options.Service",
		"--paperless": "Options.Paperless", "--authentik": "Options.Authentik", "--only": "Options.Only", "--suite": "Options.Suite",
		"--plant": "Options.Plant", "--report": "Options.Report", "--headed": "Options.Headed", "--jobs": "Options.Jobs", "--browser": "Options.Browser",
		"--paperless-url": "Options.External.PaperlessURL", "--authentik-url": "Options.External.AuthentikURL", "--resolve": "Options.External.Resolve",
		"--ca": "Options.External.CA", "--credentials": "Options.External.Credentials", "--allow-changes": "Options.External.AllowChanges",
		"--paperless-log": "Options.External.PaperlessLog",
		"--versions":      "Options.Stack.Versions", "--pull": "Options.Stack.Pull", "--cold": "Options.Stack.Cold", "--keep": "Options.Stack.Keep",
		"--restore-paperless": "Options.Stack.RestorePaperless", "--restore-authentik": "Options.Stack.RestoreAuthentik",
		"--paperless-image": "Options.Stack.Images.Paperless", "--authentik-image": "Options.Stack.Images.Authentik", "--postgres-image": "Options.Stack.Images.Postgres",
		"--broker-image": "Options.Stack.Images.Broker", "--authentik-broker": "Options.Stack.Images.AuthentikBroker",
		"--from": "UpgradeOptions.From", "--to": "UpgradeOptions.To", "--step": "UpgradeOptions.Step", "--shard": "Shard",
	}
}

// flagWord finds flags, and whole commands, whose flags are theirs.
var flagWord = regexp.MustCompile("(?:ssocheck|docker|sudo) [a-z][^,;:()`]*?(?: and\\b| or\\b|[,;:()`]|$)|(?:^|[ (\"'`])--[a-z][a-z-]*")

// inOptions is a text of the command as an importer reads it.
func inOptions(text string) string {
	names := optionOf()
	return flagWord.ReplaceAllStringFunc(text, func(found string) string {
		at := strings.Index(found, "--")
		if at < 0 || at > 1 {
			return found
		}
		if name, ok := names[found[at:]]; ok {
			return found[:at] + name
		}
		return found
	})
}

// An optionsError speaks of options to who imports this package. The command asks
// it for the flags.
type optionsError struct{ err error }

func (e *optionsError) Error() string { return inOptions(e.err.Error()) }
func (e *optionsError) Unwrap() error { return e.err }

// Flags is the text with flags in place of options.
func (e *optionsError) Flags() string { return e.err.Error() }

// toImporter makes the error of a function that others call.
func toImporter(err *error) {
	if *err != nil {
		*err = &optionsError{*err}
	}
}
