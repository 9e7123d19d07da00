package config

// elsewhereRules are about what the files do not say themselves.
func elsewhereRules() []Rule {
	return []Rule{
		{Code: "CFG-ELSEWHERE", Level: Info, Title: "The files say every setting themselves", Doc: "What a Secret, the shell or a file on another machine sets cannot be judged; a run puts something in its place.", check: checkElsewhere},
	}
}

// checkGuessed says which version is judged, when the files do not say it, and
// that they may be a part of the configuration.
func checkGuessed(s *subject) []problem {
	const give = "name the version in the image's tag, or give --paperless"
	var p problem
	switch version := s.paperless().Version; {
	case s.versionNote != "":
		p = s.anywhere(s.versionNote, give)
	case !s.guessedVersion:
		return nil
	case s.fragment:
		p = s.anywhere("nothing here says which version of Paperless it is: "+version+" is assumed; this file may be a part of the configuration, so what it lacks is not held against it",
			"give --paperless, and --complete when the file is the whole configuration")
		p.at, p.width = 0, 0
	case s.project == nil && s.reader.image == "":
		p = s.anywhere("nothing here says which version of Paperless it is: "+version+" is assumed", "give --paperless")
		p.at, p.width = 0, 0
	default:
		p = s.anywhere("the image does not say which version it is; "+version+" is assumed", give)
	}
	s.atImage(&p)
	return []problem{p}
}

// atImage moves a problem to the image of the service, where there is one.
func (s *subject) atImage(p *problem) {
	if s.project == nil {
		return
	}
	for _, d := range s.project.docs {
		for _, svc := range d.services() {
			if n := d.get(svc.value, "image"); svc.key == s.project.service && n != nil {
				p.file, p.at, p.width = d.read, d.place(n.GetToken()), len(d.text(n))
			}
		}
	}
}
