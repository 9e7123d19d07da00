package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/runner"
	"github.com/ssocheck/ssocheck/e2e/internal/source"
	"github.com/ssocheck/ssocheck/e2e/internal/troubleshooting"
)

// Markdown writes a summary for a pull request or a GitHub job page.
func Markdown(w io.Writer, r *runner.Run) error { return New(r).Markdown(w) }

// Markdown writes a summary for a pull request or a GitHub job page.
func (r *Report) Markdown(w io.Writer) error {
	var sb strings.Builder
	p := func(format string, args ...any) { fmt.Fprintf(&sb, format+"\n", args...) }

	icon := map[runner.Outcome]string{runner.Pass: "✅", runner.Fail: "❌"}[r.Result]
	if icon == "" {
		icon = "⚠️"
	}
	verdict := r.verdict()
	if code := r.verdictCode(); code != "" {
		verdict += ": " + code
	}
	p("## %s Single sign-on: %s", icon, markdownText(verdict))
	p("")
	p("%s · %s · target `%s` · %s", markdownText(product("Paperless-ngx", r.Target.Paperless.Version)),
		markdownText(product("authentik", r.Target.Authentik.Version)), markdownCode(r.Target.Kind), duration(r.Seconds))
	if t := r.rest(); t != "" {
		p("")
		p("%s", t)
	}
	for _, text := range r.NotTested {
		p("")
		p("**%s.**", markdownText(text))
	}
	if r.Result == runner.Fail && r.Why != "" {
		p("")
		p("> %s", markdownText(r.Why))
	}
	for _, note := range r.notes() {
		p("")
		p("*%s*", markdownText(note))
	}
	if r.Error != "" {
		p("")
		p("> %s", strings.ReplaceAll(markdownText(r.Error), "\n", "\n> "))
	}
	r.markdownUpgrade(&sb)
	told := map[string]bool{}
	for i := range r.Checks {
		c := &r.Checks[i]
		if c.Status != check.Failed && c.Status != check.Errored {
			continue
		}
		p("")
		p("### ❌ %s", markdownText(c.Title))
		p("")
		p("`%s`%s: %s", markdownCode(c.Key()), bracketed(c.Guide), markdownText(c.Message))
		for j := range c.Findings {
			f := &c.Findings[j]
			if j > 0 || told[f.Code] {
				p("")
				p("Also seen: `%s` %s", f.Code, markdownText(f.Title))
				continue
			}
			told[f.Code] = true
			r.markdownFinding(&sb, f)
		}
	}
	r.markdownWarnings(&sb)
	if len(r.Checks) > 0 {
		p("")
		p("| | Check | | Guide | Time |")
		p("|---|---|---|---|--:|")
	}
	for i := range r.Checks {
		c := &r.Checks[i]
		say := c.Title
		if c.Status != check.Passed && c.Message != "" {
			say += "<br>" + c.Message
		}
		time := duration(c.Seconds)
		if c.Status == check.Skipped {
			time = ""
		} else if c.Waited > 0 {
			time += ", after a boot of " + duration(c.Waited)
		}
		p("| %s | `%s` | %s | %s | %s |", look(c.Status).mark, markdownCode(c.Key()), markdownCell(say), markdownCell(c.Guide), time)
	}
	markdownLint(&sb, r.loose())
	if _, err := io.WriteString(w, sb.String()); err != nil {
		return fmt.Errorf("write summary: %w", err)
	}
	return nil
}

func (r *Report) markdownFinding(sb *strings.Builder, f *troubleshooting.Finding) {
	fmt.Fprintf(sb, "\n**`%s` %s**%s\n", f.Code, markdownText(f.Title), bracketed(guideItem(f)))
	if f.Hazard != "" {
		fmt.Fprintf(sb, "\nBy the change `%s` between the versions.\n", markdownCode(f.Hazard))
	}
	if len(f.Because) > 0 {
		plain := newPrinter(TextOptions{Width: 1 << 20})
		plain.because(f.Because)
		sb.WriteString("\n" + fence(plain.buf.String(), "") + "\n")
	}
	fix := r.fix(f)
	if fix == "" {
		return
	}
	prose, edit := splitFix(fix)
	more := "`" + source.More(f.Code) + "`"
	if page := itemURL(r.Tool, f.Code); page != "" {
		more = "[more](" + page + ")"
	}
	fmt.Fprintf(sb, "\n**Fix:** %s (%s)\n", markdownText(prose), more)
	if len(edit) > 0 {
		sb.WriteString("\n" + fence(strings.Join(edit, "\n")+"\n", "diff") + "\n")
	}
}

// markdownWarnings is what is met and worth a look all the same, a line each.
func (r *Report) markdownWarnings(sb *strings.Builder) {
	for i := range r.Checks {
		c := &r.Checks[i]
		if c.Status != check.Warned || len(c.Findings) == 0 {
			continue
		}
		f := &c.Findings[0]
		prose, _ := splitFix(f.Fix)
		fmt.Fprintf(sb, "\n⚠️ `%s` **`%s`** %s. %s\n", markdownCode(c.Key()), f.Code, markdownText(f.Title), markdownText(strings.TrimSuffix(prose, ":")))
	}
}

// markdownUpgrade is the way between the versions, what it broke, and what is
// known of it.
func (r *Report) markdownUpgrade(sb *strings.Builder) {
	if u := r.Upgrade; u != nil {
		fmt.Fprintf(sb, "\n**Upgrade** %s", markdownText(versions(u.From)))
		for _, s := range u.Stages {
			fmt.Fprintf(sb, " → %s", markdownText(versions(s.Versions)))
		}
		switch len(u.Regressed) {
		case 0:
			sb.WriteString(": nothing that was met before fails.\n")
		default:
			fmt.Fprintf(sb, ": no longer met: `%s`.\n", markdownCode(strings.Join(u.Regressed, ", ")))
		}
		if u.Forecast {
			sb.WriteString("\n*A forecast from what is known of the versions.*\n")
		}
	}
	if len(r.Hazards) == 0 {
		return
	}
	sb.WriteString("\n| | Between the versions | Look at |\n|---|---|---|\n")
	for _, h := range r.Hazards {
		word := h.Severity
		if h.Hits {
			word = "**breaks**"
		}
		say := h.Title + since(h)
		if len(h.Because) > 0 {
			say += "<br>" + strings.Join(h.Because, "; ")
		}
		fmt.Fprintf(sb, "| %s `%s` | %s | %s |\n", word, markdownCode(h.ID), markdownCell(say), markdownCell(h.Check))
	}
}

func markdownLint(sb *strings.Builder, lint []source.Diagnostic) {
	if len(lint) == 0 {
		return
	}
	fmt.Fprintf(sb, "\n<details><summary>%s about the configuration</summary>\n\n| | Place | Code | |\n|---|---|---|---|\n", Plural(len(lint), "note"))
	for i := range lint {
		f := &lint[i]
		text := say(f)
		if f.Fix != "" {
			text += "<br>" + f.Fix
		}
		fmt.Fprintf(sb, "| %s | `%s` | `%s` | %s |\n", f.Level, markdownCode(lintPlace(f)), f.Code, markdownCell(text))
	}
	sb.WriteString("\n</details>\n")
}

// fence is a code block whose fence is longer than any in the text.
func fence(text, language string) string {
	marks := "```"
	for strings.Contains(text, marks) {
		marks += "`"
	}
	return marks + language + "\n" + text + marks
}

func bracketed(s string) string {
	if s == "" {
		return ""
	}
	return " (" + s + ")"
}

var markdownSpecial = strings.NewReplacer(`\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "<", "&lt;", ">", "&gt;", "[", `\[`, "]", `\]`, "@", "@\u200b", "#", `\#`)

// markdownText is text that stays text; an @ must not call a user.
func markdownText(s string) string { return markdownSpecial.Replace(s) }

func markdownCode(s string) string { return strings.ReplaceAll(s, "`", "'") }

func markdownCell(s string) string {
	parts := strings.Split(s, "<br>")
	for i := range parts {
		parts[i] = strings.ReplaceAll(strings.ReplaceAll(markdownText(parts[i]), "|", `\|`), "\n", "<br>")
	}
	return strings.Join(parts, "<br>")
}
