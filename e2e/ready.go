package e2e

import (
	"fmt"
	"net/url"
	"slices"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/checklist"
	"github.com/ssocheck/ssocheck/e2e/internal/report"
	"github.com/ssocheck/ssocheck/e2e/internal/target"
	"github.com/ssocheck/ssocheck/e2e/internal/troubleshooting"
)

// ready says what of the options cannot be, before anything starts: a run that
// ends without its report, or on a word that nobody knows, costs minutes.
func (o Options) ready() error {
	for _, id := range o.Only {
		if o.Suite != SuiteConformance && !slices.ContainsFunc(checklist.All(), func(c *check.Check) bool { return c.ID == id }) {
			return fmt.Errorf("%w: no check %s; ssocheck list checks shows them", ErrUsage, id)
		}
	}
	for _, code := range o.Plant {
		if troubleshooting.Find(code) == nil {
			return fmt.Errorf("%w: no troubleshooting item %s; ssocheck list items shows them", ErrUsage, code)
		}
	}
	if o.Target != target.External && o.External.set() {
		return fmt.Errorf("%w: --paperless-url, --authentik-url, --resolve, --ca, --credentials, --allow-changes and --paperless-log are for --target external", ErrUsage)
	}
	if len(o.Config) == 0 {
		switch {
		case o.Blueprint != "":
			return fmt.Errorf("%w: --blueprint needs --config: the Paperless side is read from there", ErrUsage)
		case o.Service != "":
			return fmt.Errorf("%w: --service needs --config: it names a service of a compose file", ErrUsage)
		}
	}
	if u, err := url.Parse(o.Browser); o.Browser != "" && (err != nil || u.Hostname() == "") {
		return fmt.Errorf("%w: --browser %q is no address of a browser; want ws://host:port", ErrUsage, o.Browser)
	}
	if _, err := o.Stack.known(); err != nil {
		return err
	}
	if err := o.Stack.readable(); err != nil {
		return err
	}
	if o.Report != "" {
		if err := report.Prepare(o.Report); err != nil {
			return fmt.Errorf("%w: %w", ErrUsage, err)
		}
	}
	return nil
}
