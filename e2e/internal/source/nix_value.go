package source

// json is the value as builtins.toJSON writes it, with the place of each byte.
func (v *nixValue) json() (text string, pos []int, gaps []Gap) {
	put := func(s string, at int) {
		text += s
		for range len(s) {
			pos = append(pos, at)
		}
	}
	add := func(w *nixValue) {
		t, p, g := w.json()
		for _, g := range g {
			g.at += len(text)
			gaps = append(gaps, g)
		}
		text += t
		pos = append(pos, p...)
	}
	switch v.kind {
	case 's':
		put(`"`, v.at)
		next := 0
		for i := range len(v.text) {
			for next < len(v.gaps) && v.gaps[next].at == i {
				g := v.gaps[next]
				g.at = len(text)
				gaps = append(gaps, g)
				next++
			}
			c := v.text[i : i+1]
			if escaped, ok := map[string]string{`"`: `\"`, `\`: `\\`, "\n": `\n`, "\t": `\t`, "\r": `\r`}[c]; ok {
				c = escaped
			}
			put(c, v.pos[i])
		}
		put(`"`, v.at)
	case 'a':
		put("{", v.at)
		for i, key := range v.keys {
			if i > 0 {
				put(",", v.set[key].at)
			}
			put(`"`+key+`":`, v.set[key].at)
			add(v.set[key])
		}
		put("}", v.at)
	case 'l':
		put("[", v.at)
		for i, w := range v.list {
			if i > 0 {
				put(",", w.at)
			}
			add(w)
		}
		put("]", v.at)
	case 'z':
		put("null", v.at)
	case 'u':
		put(`"`, v.at)
		gaps = append(gaps, Gap{at: len(text), n: 1, Name: "…", Why: "computed by Nix"})
		put("?", v.at)
		put(`"`, v.at)
	default:
		put(v.text, v.at)
	}
	return text, pos, gaps
}

// finish gives a variable its value, as the NixOS module writes it.
func (n *nixReader) finish(e *Entry, v *nixValue) {
	switch v.kind {
	case 'u':
		e.Unknown = "an expression that Nix computes"
		e.Style = Absent
		return
	case 'z':
		e.Style = Absent
		return
	case 's':
		e.Value, e.Pos, e.Gaps = v.text, v.pos, v.gaps
	case 'a', 'l':
		e.Value, e.Pos, e.Gaps = v.json()
	default:
		e.Value = v.text
		e.Pos = span(v.at, len(v.text))
	}
	e.Set, e.Raw = true, e.Value
}
