package report

import (
	"html/template"
	"maps"
	"slices"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/troubleshooting"
)

type checkView struct {
	*Check
	Anchor, Name, Mark, Word string
	Varied                   bool // runs on a variant
	Open, Ran                bool
	Time                     float64 // of the longest, in percent
	Found                    []findingView
	Top                      bool   // its cause stands at the top of the page
	SameAs                   string // anchor of the check that told the first cause already
	Diagram                  template.HTML
	Film                     []shotView
	Last                     *shotView
	Hops                     []requestView
	Requests                 []requestView
	Glossary                 []param
	Log, Console             []lineView
	Files                    []fileView
}

type fileView struct{ Name, Path string }

// bare reports whether there is nothing to show but why the check was skipped.
func (v *checkView) bare() bool {
	return v.Status == check.Skipped && v.Diagram == "" && len(v.Found)+len(v.Hops)+len(v.Film)+len(v.Log) == 0 &&
		(v.Evidence == nil || len(v.Evidence.NotModelled) == 0)
}

func (r *Report) checkView(c *Check, longest float64, told map[string]string, g *gallery) checkView {
	l := look(c.Status)
	v := checkView{
		Check: c, Anchor: anchor(c), Name: c.Key(), Mark: l.mark, Word: l.word, Varied: c.Variant != check.AsConfigured,
		Open: c.Status == check.Failed || c.Status == check.Errored, Ran: c.Status != check.Skipped,
		Time: percent(c.Seconds, longest),
	}
	for i := range c.Findings {
		v.Found = append(v.Found, r.findingView(c, &c.Findings[i], i))
	}
	var first *troubleshooting.Finding
	if len(c.Findings) > 0 {
		first = v.Found[0].Finding // with the lines of the log in full
		if at, ok := told[first.Code]; ok {
			v.SameAs = at
			v.Open = false // the same cause again: once is enough
		} else {
			told[first.Code] = v.Anchor
		}
	}
	e := c.Evidence
	if e == nil {
		return v
	}
	if c.Status == check.Warned {
		v.Diagram = sequence(e, nil, v.Anchor+"-seq")
	} else {
		v.Diagram = sequence(e, first, v.Anchor+"-seq")
	}
	v.film(c, g)
	glossary := map[string]string{}
	for i, h := range e.Hops {
		v.Hops = append(v.Hops, hopView(i, h, glossary))
	}
	for i := range e.Exchange {
		x := &e.Exchange[i]
		if c.Status == check.Passed && asset(x) {
			continue // of no interest where nothing is wrong
		}
		request := exchangeView(x, glossary)
		if c.Status == check.Passed {
			request.Headers, request.Body = nil, ""
		}
		v.Requests = append(v.Requests, request)
	}
	for _, name := range slices.Sorted(maps.Keys(glossary)) {
		v.Glossary = append(v.Glossary, param{name, glossary[name]})
	}
	for _, text := range e.Boot.Log {
		v.Log = append(v.Log, lineView{Source: "paperless", Text: text})
	}
	v.Log = append(v.Log, lineViews(e.Log)...)
	v.Console = lineViews(e.Console)
	mark(v.Log, c.Findings)
	mark(v.Console, c.Findings)
	for _, f := range []fileView{
		{"Screenshot", c.Artifacts.Screenshot},
		{"Page (DOM with shadow roots)", c.Artifacts.DOM},
		{"Requests (HAR)", c.Artifacts.HAR},
		{"Log", c.Artifacts.Log},
		{"Console", c.Artifacts.Console},
		{"Evidence (JSON)", c.Artifacts.Evidence},
	} {
		if f.Path != "" {
			v.Files = append(v.Files, f)
		}
	}
	return v
}
