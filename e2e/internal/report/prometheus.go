package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/runner"
)

// Prometheus writes the report in the text exposition format 0.0.4, for the
// textfile collector of node_exporter: how the run ended, each check, and the
// cause that stands for each check that did not pass.
func (r *Report) Prometheus(w io.Writer) error {
	var b strings.Builder
	family := func(name, help string) {
		fmt.Fprintf(&b, "# HELP %s %s\n# TYPE %s gauge\n", name, help, name)
	}
	family("ssocheck_success", "1 when the run passed, 0 otherwise.")
	fmt.Fprintf(&b, "ssocheck_success %d\n", bit(r.Result == runner.Pass))
	family("ssocheck_exit_code", "0 pass, 1 a check failed, 2 the tester could not do its work.")
	fmt.Fprintf(&b, "ssocheck_exit_code %d\n", r.Result.ExitCode())
	family("ssocheck_not_tested", "How many things the result does not cover, such as a sign-in that nobody was given for. With 1 or more, success is no proof.")
	fmt.Fprintf(&b, "ssocheck_not_tested %d\n", len(r.NotTested))
	if !r.Started.IsZero() {
		family("ssocheck_start_time_seconds", "When the run began, in seconds since 1970.")
		fmt.Fprintf(&b, "ssocheck_start_time_seconds %d\n", r.Started.Unix())
	}
	family("ssocheck_duration_seconds", "How long the run took.")
	fmt.Fprintf(&b, "ssocheck_duration_seconds %g\n", r.Seconds)
	family("ssocheck_target_info", "What was tested: always 1.")
	fmt.Fprintf(&b, "ssocheck_target_info{%s} 1\n", labels("kind", r.Target.Kind,
		"paperless", r.Target.Paperless.Version, "authentik", r.Target.Authentik.Version, "tool", r.Tool))

	if len(r.Checks) > 0 {
		family("ssocheck_check_success", "1 when the check passed, with or without a warning; 0 when it failed or could not run. A skipped check has none.")
		for _, c := range r.Checks {
			if c.Status != check.Skipped {
				fmt.Fprintf(&b, "ssocheck_check_success{%s} %d\n", labels("check", c.ID, "variant", c.Variant), bit(c.Status == check.Passed || c.Status == check.Warned))
			}
		}
		family("ssocheck_check_status", "How the check ended: 1 at its status.")
		for _, c := range r.Checks {
			fmt.Fprintf(&b, "ssocheck_check_status{%s} 1\n", labels("check", c.ID, "variant", c.Variant, "status", string(c.Status)))
		}
		family("ssocheck_check_duration_seconds", "How long the check took.")
		for _, c := range r.Checks {
			fmt.Fprintf(&b, "ssocheck_check_duration_seconds{%s} %g\n", labels("check", c.ID, "variant", c.Variant), c.Seconds)
		}
	}
	family("ssocheck_cause", "The cause that explains a check: always 1. ssocheck explain CODE tells more.")
	for _, c := range r.Checks {
		if len(c.Findings) > 0 {
			fmt.Fprintf(&b, "ssocheck_cause{%s} 1\n", labels("check", c.ID, "variant", c.Variant, "code", c.Findings[0].Code))
		}
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("write the metrics: %w", err)
	}
	return nil
}

func bit(on bool) int {
	if on {
		return 1
	}
	return 0
}

// labels are pairs of name and value; a value may hold anything but what the
// format escapes.
func labels(pairs ...string) string {
	escape := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)
	var out []string
	for i := 0; i+1 < len(pairs); i += 2 {
		out = append(out, fmt.Sprintf(`%s="%s"`, pairs[i], escape.Replace(pairs[i+1])))
	}
	return strings.Join(out, ",")
}
