package source

import (
	"github.com/ssocheck/ssocheck/e2e/internal/authentik/blueprint"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
)

// A Set is what the rules look at: the files, and the bundle made of them.
type Set struct {
	Reader     *reader
	Catalogue  *Catalogue
	Deployment *deployment.Deployment
	Project    *project // nil without a compose file

	All   []*Entry          // every definition of the service, in order
	Vars  map[string]*Entry // the one that counts
	Files map[string]*Entry // what *_FILE variables point at

	MissingFiles   []MissingFile
	ImageVersion   string // in the image's tag; "" when it has none
	GuessedVersion bool
	VersionNote    string // why the version is a guess, where the image says something
	Fragment       bool   // the files may be a part of the configuration

	Providers     *Entry // the provider JSON; nil when it is not set
	Doc           *Node  // nil when it is no JSON
	JSONErr       *JSONError
	OpenIDConnect *Node // openid_connect
	Apps          []*Node
	App           AppValues

	Secure *secureSite // why users open the site by https, although PAPERLESS_URL says http; nil: nothing says so

	Ignored []Diagnostic // what comments in the files do not want said

	Blueprint     *blueprint.Blueprint // nil when none was given
	BlueprintFile *file
}

// Paperless is the Paperless side of the bundle.
func (s *Set) Paperless() *deployment.Paperless { return &s.Deployment.Paperless }

// Effective are the variables that count, in the order of the files.
func (s *Set) Effective() []*Entry {
	var out []*Entry
	for _, e := range s.All {
		if s.Vars[e.Name] == e {
			out = append(out, e)
		}
	}
	return out
}
