package model

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
)

// subject is the sub claim by the provider's mode (docs/facts/authentik.md#4.6).
func (s *Server) subject(p *deployment.OAuth2Provider, u *deployment.AuthentikUser) string {
	pk := strconv.Itoa(s.db.users[u.Username])
	switch p.SubMode {
	case "user_id":
		return pk
	case "user_uuid":
		return s.uuid(u)
	case "user_username":
		return u.Username
	case "user_email":
		return u.Email
	}
	return s.uid(u) // also user_upn, for a user who has none
}

// uid is authentik's hashed_user_id: other in every installation.
func (s *Server) uid(u *deployment.AuthentikUser) string {
	return digest(strconv.Itoa(s.db.users[u.Username]) + "-" + s.db.installation)
}

func (s *Server) uuid(u *deployment.AuthentikUser) string {
	h := digest("uuid-" + s.uid(u))
	return fmt.Sprintf("%s-%s-4%s-a%s-%s", h[:8], h[8:12], h[13:16], h[17:20], h[20:32])
}

// claims are what the mappings of the granted scopes return.
func (s *Server) claims(scopes []string, u *deployment.AuthentikUser) map[string]any {
	out := map[string]any{}
	for _, scope := range scopes {
		own := s.custom(scope)
		if own == nil {
			for name, value := range s.builtin(scope, u) {
				out[name] = value
			}
			continue
		}
		for _, expression := range own {
			got, err := s.evaluate(expression, u)
			if err != nil {
				// Not known what the real one would say: the check is judged skip.
				s.note("authentik: the scope mapping for " + scope + ": " + err.Error())
				got = s.builtin(scope, u)
			}
			for name, value := range got {
				out[name] = value
			}
		}
	}
	return out
}

// initialsPicture is as long as the drawing of somebody's initials.
var initialsPicture = "data:image/svg+xml;base64," + strings.Repeat("PHN2ZyB4bWxucz0i", 90)

// builtin are the claims of authentik's own mappings.
func (s *Server) builtin(scope string, u *deployment.AuthentikUser) map[string]any {
	switch scope {
	case "email":
		return map[string]any{"email": u.Email, "email_verified": !s.at("2025.10.0")}
	case "profile":
		groups := slices.Clone(u.Groups)
		if groups == nil {
			groups = []string{}
		}
		out := map[string]any{"name": u.Name, "given_name": u.Name, "preferred_username": u.Username, "nickname": u.Username, "groups": groups}
		if s.at("2026.8.0") && !s.at("2026.8.3") {
			// The avatar as initials, in the token itself (docs/facts/releases-2026.md#M16).
			// The attributes given_name and family_name are not in the model: nobody has
			// them, so the first is the name, and the second is left out.
			out["picture"] = initialsPicture
		}
		return out
	case "entitlements":
		return map[string]any{"entitlements": []string{}, "roles": []string{}}
	}
	return nil
}

// claimNames are the claims that a scope gives, for discovery.
func (s *Server) claimNames(scope string) []string {
	names := map[string][]string{
		"email":   {"email", "email_verified"},
		"profile": {"name", "given_name", "preferred_username", "nickname", "groups"},
	}[scope]
	if own := s.custom(scope); own != nil {
		names = nil
		for _, expression := range own {
			if got, err := s.evaluate(expression, &deployment.AuthentikUser{}); err == nil {
				for name := range got {
					names = append(names, name)
				}
			}
		}
		slices.Sort(names)
	}
	return names
}
