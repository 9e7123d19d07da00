package model

import (
	"encoding/json"
	"fmt"
	"maps"
	"time"
)

// stored is a State as JSON, without the flows under way: those start anew.
type stored struct {
	Version      string                   `json:"version"`
	Installation string                   `json:"installation"`
	Users        map[string]int           `json:"users"`
	Sessions     map[string]storedSession `json:"sessions"`
	Consents     map[string]time.Time     `json:"consents"`
	Learned      map[string]string        `json:"learned"`
}

type storedSession struct {
	User  string    `json:"user"`
	At    time.Time `json:"at"`
	Asked time.Time `json:"asked"`
	App   string    `json:"app"`
	// Unreadable is that of session.
	Unreadable bool `json:"unreadable,omitempty"`
}

// MarshalJSON writes the database, for a server that keeps it elsewhere.
func (st *State) MarshalJSON() ([]byte, error) {
	s := stored{
		Version: st.version, Installation: st.installation, Users: st.users,
		Sessions: map[string]storedSession{}, Consents: st.consents, Learned: st.learned,
	}
	for k, v := range st.sessions {
		s.Sessions[k] = storedSession{User: v.user, At: v.at, Asked: v.asked, App: v.app, Unreadable: v.unreadable}
	}
	return json.Marshal(s)
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (st *State) UnmarshalJSON(text []byte) error {
	var s stored
	if err := json.Unmarshal(text, &s); err != nil {
		return fmt.Errorf("lab: read authentik's database: %w", err)
	}
	*st = State{
		version: s.Version, installation: s.Installation, users: map[string]int{},
		sessions: map[string]*session{}, consents: map[string]time.Time{}, learned: map[string]string{},
	}
	maps.Copy(st.users, s.Users)
	maps.Copy(st.consents, s.Consents)
	maps.Copy(st.learned, s.Learned)
	for k, v := range s.Sessions {
		st.sessions[k] = &session{user: v.User, at: v.At, asked: v.Asked, app: v.App, unreadable: v.Unreadable}
	}
	return nil
}
