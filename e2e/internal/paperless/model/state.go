package model

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// A State is the database of a Paperless: what an upgrade keeps.
type State struct {
	Version  string // that wrote it
	KeyPrint string // fingerprint of the secret key; sessions of another key are void
	Users    []User
	Groups   []Group
	Links    []Link
	Tokens   map[string]int     // API token to user id
	Sessions map[string]Session // session key to session
	LastUser int
	LastLink int
	// Used are the jti values of id_tokens that were taken, until they expire.
	Used map[string]time.Time
}

// A User is one account.
type User struct {
	ID          int
	Username    string
	Email       string
	FirstName   string
	LastName    string
	Password    string // salted hash; "!" when there is no usable one
	Active      bool
	Staff       bool
	Superuser   bool
	Groups      []string // names
	Permissions []string // codenames, besides those of the groups
	Joined      time.Time
}

// A Group gives permissions to its members.
type Group struct {
	ID          int
	Name        string
	Permissions []string
}

// A Link is a social account: a user at the provider, tied to a user.
type Link struct {
	ID       int
	User     int
	Provider string // provider_id
	UID      string // sub
	Extra    map[string]any
}

// A Session is one server-side session.
type Session struct {
	User    int    // 0: nobody
	Check   string // the user's password hash when the session began
	States  []LoginState
	Pending *Pending // a sign-up that waits for its form
	Expires time.Time
}

// A LoginState is an authorization request that was sent to the provider.
type LoginState struct {
	State    string
	Provider string
	Process  string
	Next     string
	Verifier string // PKCE
}

// A Pending is a user of the provider who has no account yet.
type Pending struct {
	Provider string
	Name     string // of the provider
	UID      string
	Extra    map[string]any
	Next     string
	Claims   Claims
}

// Claims are what is read from the provider's claims.
type Claims struct {
	Username  string
	FirstName string
	LastName  string
	Email     string
	Verified  bool
}

func newState() *State {
	return &State{
		Users: []User{
			{ID: 1, Username: "consumer", Password: "!", Active: true},
			{ID: 2, Username: "AnonymousUser", Password: "!", Active: true},
		},
		LastUser: 2,
		Tokens:   map[string]int{}, Sessions: map[string]Session{}, Used: map[string]time.Time{},
	}
}

// clone is a deep copy.
func (d *State) clone() *State {
	text, err := json.Marshal(d)
	if err != nil {
		panic(err) // plain data always encodes
	}
	c := newState()
	c.Users = nil
	if err := json.Unmarshal(text, c); err != nil {
		panic(err)
	}
	return c
}

// random is a string of letters and digits, n long.
func random(n int) string {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	for i := range b {
		b[i] = letters[int(b[i])%len(letters)]
	}
	return string(b)
}

func fingerprint(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])[:16]
}

// hashPassword is a fast salted hash: the lab's accounts live for seconds.
func hashPassword(password string) string {
	salt := random(8)
	return salt + "$" + fingerprint(salt+password)
}

func (u *User) checkPassword(password string) bool {
	salt, sum, ok := strings.Cut(u.Password, "$")
	return ok && fingerprint(salt+password) == sum
}

func (u *User) usable() bool { return !strings.HasPrefix(u.Password, "!") }

// system tells the two accounts that migrations make.
func (u *User) system() bool { return u.Username == "consumer" || u.Username == "AnonymousUser" }

// byID returns the user, to be changed in place; nil when there is none.
func (d *State) byID(id int) *User {
	for i := range d.Users {
		if d.Users[i].ID == id {
			return &d.Users[i]
		}
	}
	return nil
}

// byName finds a user by exact name.
func (d *State) byName(name string) *User {
	for i := range d.Users {
		if d.Users[i].Username == name {
			return &d.Users[i]
		}
	}
	return nil
}

// nameTaken compares as allauth does, without regard to case.
func (d *State) nameTaken(name string) bool {
	return slices.ContainsFunc(d.Users, func(u User) bool { return strings.EqualFold(u.Username, name) })
}

// byEmail finds the user who has the address. Older allauth ignores case; newer
// compares the lower-cased claim with what is stored.
func (d *State) byEmail(email string, ignoreCase bool) *User {
	if email == "" {
		return nil
	}
	for i := range d.Users {
		have := d.Users[i].Email
		if have == strings.ToLower(email) || (ignoreCase && strings.EqualFold(have, email)) {
			return &d.Users[i]
		}
	}
	return nil
}

// addUser stores a user under the next id and returns it.
func (d *State) addUser(u User) *User {
	d.LastUser++
	u.ID = d.LastUser
	d.Users = append(d.Users, u)
	return &d.Users[len(d.Users)-1]
}

// link finds the social account; nil when there is none.
func (d *State) link(provider, uid string) *Link {
	for i := range d.Links {
		if d.Links[i].Provider == provider && d.Links[i].UID == uid {
			return &d.Links[i]
		}
	}
	return nil
}

func (d *State) addLink(l Link) {
	d.LastLink++
	l.ID = d.LastLink
	d.Links = append(d.Links, l)
}

func (d *State) group(name string) *Group {
	for i := range d.Groups {
		if d.Groups[i].Name == name {
			return &d.Groups[i]
		}
	}
	return nil
}

func (d *State) addGroup(name string, permissions ...string) *Group {
	d.Groups = append(d.Groups, Group{ID: len(d.Groups) + 1, Name: name, Permissions: permissions})
	return &d.Groups[len(d.Groups)-1]
}

// existing keeps the names of groups that are there; unknown ones are ignored.
func (d *State) existing(names []string) []string {
	var out []string
	for _, n := range names {
		if d.group(n) != nil && !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	return out
}

// allowed reports whether the user has a permission.
func (d *State) allowed(u *User, codename string) bool {
	if u == nil || !u.Active {
		return false
	}
	if u.Superuser || slices.Contains(u.Permissions, codename) {
		return true
	}
	return slices.ContainsFunc(u.Groups, func(name string) bool {
		g := d.group(name)
		return g != nil && slices.Contains(g.Permissions, codename)
	})
}

// users are the accounts besides the two that migrations make.
func (d *State) people() int {
	n := 0
	for i := range d.Users {
		if !d.Users[i].system() {
			n++
		}
	}
	return n
}
