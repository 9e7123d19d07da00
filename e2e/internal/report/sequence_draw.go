package report

import (
	"cmp"
	"fmt"
	"html"
	"strconv"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/troubleshooting"
)

// The measures of the drawing, in CSS pixels.
const (
	svgWidth  = 980
	rowHeight = 44
	headRoom  = 52
	charWidth = 6.7 // of the 11 px monospaced face
)

var laneX = [3]int{120, 490, 860}

type drawing struct {
	sb strings.Builder
	y  int
}

func (d *drawing) text(x, y int, class, anchor, s string) {
	fmt.Fprintf(&d.sb, `<text x="%d" y="%d" class="%s" text-anchor="%s">%s</text>`, x, y, class, anchor, html.EscapeString(s))
}

// fit is a text of which no more than so many columns are shown; a pointer on it
// shows the rest.
func (d *drawing) fit(x, y int, class, anchor, s string, columns int) {
	short := cut(s, columns)
	if short == s {
		d.text(x, y, class, anchor, s)
		return
	}
	fmt.Fprintf(&d.sb, `<text x="%d" y="%d" class="%s" text-anchor="%s"><title>%s</title>%s</text>`, x, y, class, anchor, html.EscapeString(s), html.EscapeString(short))
}

func (d *drawing) draw(arrows []arrow, f *troubleshooting.Finding) {
	d.y = headRoom
	for _, a := range arrows {
		switch a.from {
		case a.to:
			d.text(svgWidth/2, d.y+26, "muted", "middle", "⋯ "+a.caption+" ⋯")
		default:
			d.arrow(a)
		}
		d.y += rowHeight
		if a.broken && f != nil {
			d.y += 4 // the path under the arrow is not to touch the box
			d.callout(f)
		}
	}
	d.y += 12
}

func (d *drawing) arrow(a arrow) {
	x1, x2 := laneX[a.from], laneX[a.to]
	y := d.y + 24
	direction := 1
	if x2 < x1 {
		direction = -1
	}
	class := "front"
	if a.back {
		class = "back"
	}
	if a.answer {
		class += " answer"
	}
	if a.broken {
		class += " broken"
	}
	end := x2 - direction*2
	if a.lost {
		end = (x1 + x2) / 2
	}
	fmt.Fprintf(&d.sb, `<g class="arrow %s"><line x1="%d" y1="%d" x2="%d" y2="%d"/>`, class, x1, y, end, y)
	if a.lost {
		fmt.Fprintf(&d.sb, `<path d="M%d %dl14 14m0 -14l-14 14"/>`, end-1, y-7)
	} else {
		fmt.Fprintf(&d.sb, `<path class="head" d="M%d %dl%d -5v10z"/>`, end, y, -direction*9)
	}
	d.sb.WriteString(`</g>`)
	left, right := min(x1, x2), max(x1, x2)
	room := columns(right - left - 24)
	caption := a.caption
	if a.times > 1 {
		caption = strings.TrimSpace(fmt.Sprintf("%s ×%d", caption, a.times))
	}
	tx, anchor := left+12, "start"
	if a.answer {
		tx, anchor = right-12, "end"
	}
	if a.from == lanePaperless && a.to == laneAuthentik {
		tx = left + 16
	}
	if caption == "" {
		d.fit(tx, y-6, "path", anchor, a.path, room)
	} else {
		d.fit(tx, y-6, "caption", anchor, caption, room)
		d.path(&a, tx, y+14, left, right, anchor)
	}
	d.status(a, y, x2, direction)
}

// path stands under an arrow, and at its other end the clause of the standard.
func (d *drawing) path(a *arrow, x, y, left, right int, anchor string) {
	room := columns(right - left - 24)
	if a.clause == "" {
		d.fit(x, y, "path", anchor, a.path, room)
		return
	}
	at, end := right-12, "end"
	if anchor == "end" {
		at, end = left+12, "start"
	}
	d.fit(x, y, "path", anchor, a.path, room-width(a.clause)-2)
	d.text(at, y, "clause", end, a.clause)
}

// status is the answer, as a pill at the arrow's head.
func (d *drawing) status(a arrow, y, x2, direction int) {
	label, class := "", "ok"
	switch {
	case a.lost:
		return
	case a.err != "":
		label, class = "no answer", "bad"
	case a.status == 0:
		return
	case a.status >= 400:
		label, class = strconv.Itoa(a.status), "bad"
	case a.status >= 300:
		label, class = strconv.Itoa(a.status), "redirect"
	default:
		label = strconv.Itoa(a.status)
	}
	w := int(float64(len(label))*charWidth) + 12
	x := x2 + 8
	if direction < 0 {
		x = x2 - 8 - w
	}
	fmt.Fprintf(&d.sb, `<g class="pill %s"><rect x="%d" y="%d" width="%d" height="18" rx="9"/><text x="%d" y="%d" text-anchor="middle">%s</text></g>`, class, x, y-9, w, x+w/2, y+4, label)
}

// callout stands under the arrow that broke: expected and seen.
func (d *drawing) callout(f *troubleshooting.Finding) {
	const left, pad, line = 60, 12, 17
	room := columns(svgWidth - 2*left - 2*pad)
	type row struct {
		label, value string
		part         *part
	}
	var rows []row
	fs := facts(f.Because)
	labels := labelWidth(fs)
	for _, x := range fs[:min(4, len(fs))] {
		space := room
		if labels > 0 {
			space -= labels + 2
		}
		for i, l := range breakHard(x.Value, space) {
			r := row{value: l}
			if i == 0 {
				r.label = x.Label
				if width(x.Value) <= space {
					r.part = x.Part
				}
			}
			rows = append(rows, r)
		}
	}
	height := 2*pad + line*(len(rows)+1)
	fmt.Fprintf(&d.sb, `<g class="callout"><rect x="%d" y="%d" width="%d" height="%d" rx="6"/>`, left, d.y, svgWidth-2*left, height)
	y := d.y + pad + 11
	d.text(left+pad, y, "say", "start", cut("It broke here: "+f.Code+", "+f.Title, room))
	value := left + pad
	if labels > 0 {
		value += int(float64(labels+2) * charWidth)
	}
	for _, r := range rows {
		y += line
		if r.label != "" {
			d.text(left+pad, y, "label", "start", r.label)
		}
		if r.part == nil {
			d.text(value, y, "value", "start", r.value)
			continue
		}
		before, in, after := r.part.cut(r.value)
		fmt.Fprintf(&d.sb, `<text x="%d" y="%d" class="value">%s<tspan class="mark">%s</tspan>%s</text>`,
			value, y, html.EscapeString(before), html.EscapeString(cmp.Or(in, missing)), html.EscapeString(after))
	}
	d.sb.WriteString(`</g>`)
	d.y += height + 10
}

// columns is how many characters fit into a width.
func columns(pixels int) int { return int(float64(pixels) / charWidth) }

// breakHard breaks a text to lines of at most n runes, at spaces where it can.
func breakHard(s string, n int) []string {
	var out []string
	for _, l := range wrap(s, n) {
		r := []rune(l)
		for len(r) > n {
			out = append(out, string(r[:n]))
			r = r[n:]
		}
		out = append(out, string(r))
	}
	return out
}

// lanes are drawn last, when the height is known, and placed first.
func (d *drawing) lanes() string {
	var sb strings.Builder
	for i, name := range []string{"Browser", "Paperless-ngx", "authentik"} {
		x := laneX[i]
		fmt.Fprintf(&sb, `<line class="lane" x1="%d" y1="34" x2="%d" y2="%d"/><g class="actor"><rect x="%d" y="6" width="136" height="28" rx="6"/><text x="%d" y="25" text-anchor="middle">%s</text></g>`, x, x, d.y-6, x-68, x, name)
	}
	return sb.String()
}
