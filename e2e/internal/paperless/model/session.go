package model

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

// A message is a Django message; it is shown once, on the next page that can.
type message struct {
	Level   string `json:"level"`
	Message string `json:"message"`
}

// tx runs f with the database locked.
func (s *Server) tx(f func(*State)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(s.db)
}

// loadSession finds the session of the cookie and who is signed in. A user who
// became inactive, or whose password changed since, is signed in no more.
func (c *call) loadSession() {
	k, err := c.r.Cookie(c.set.prefix + "sessionid")
	if err != nil {
		return
	}
	c.tx(func(d *State) {
		s, ok := d.Sessions[k.Value]
		if !ok || c.now().After(s.Expires) {
			delete(d.Sessions, k.Value)
			return
		}
		c.key = k.Value
		if u := d.byID(s.User); u != nil && u.Active && u.Password == s.Check {
			who := *u
			c.user = &who
		}
	})
}

// session reads and changes the session, making one when there is none.
func (c *call) session(change func(*Session)) {
	if c.key == "" {
		c.key = random(32)
		c.redactor.Add(c.key)
	}
	c.sess = true
	c.tx(func(d *State) {
		s := d.Sessions[c.key]
		change(&s)
		s.Expires = c.now().Add(time.Duration(c.set.cookieAge) * time.Second)
		d.Sessions[c.key] = s
	})
}

// peek reads the session without touching it.
func (c *call) peek() Session {
	var s Session
	c.tx(func(d *State) { s = d.Sessions[c.key] })
	return s
}

// signIn makes the user the one of the session, under a new key. What belongs
// to somebody else is thrown away; what an anonymous session holds stays.
func (c *call) signIn(id int) {
	old, before := c.key, c.peek()
	if before.User != 0 && before.User != id {
		before = Session{}
	}
	c.key = ""
	c.csrf = ""
	c.ensureCSRF()
	c.session(func(s *Session) {
		*s = before
		s.User, s.Pending = id, nil
	})
	c.tx(func(d *State) {
		delete(d.Sessions, old)
		u := d.byID(id)
		s := d.Sessions[c.key]
		s.Check = u.Password
		d.Sessions[c.key] = s
		who := *u
		c.user = &who
	})
}

// signOut ends the session.
func (c *call) signOut() {
	c.tx(func(d *State) { delete(d.Sessions, c.key) })
	c.key, c.user, c.sess = "", nil, true
}

// sessionCookie tells the browser the key, or to forget it.
func (c *call) sessionCookie() *http.Cookie {
	k := &http.Cookie{Name: c.set.prefix + "sessionid", Value: c.key, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode}
	switch {
	case c.key == "":
		k.MaxAge, k.Expires = -1, time.Unix(0, 0)
	case c.set.remember:
		k.MaxAge = c.set.cookieAge
		k.Expires = c.now().Add(time.Duration(c.set.cookieAge) * time.Second)
	}
	return k
}

// say adds a message for the next page.
func (c *call) say(level, text string) {
	c.messages = append(c.messages, message{level, text})
	c.changed = true
}

// takeMessages shows the pending messages; they are gone afterwards.
func (c *call) takeMessages() []message {
	out := c.messages
	if out != nil {
		c.messages, c.changed = nil, true
	}
	return out
}

// sign is an HMAC with the secret key, as Django signs its cookies.
func (s *Server) sign(text string) string {
	mac := hmac.New(sha256.New, []byte(s.set.secretKey))
	mac.Write([]byte(text))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func (c *call) loadMessages() {
	k, err := c.r.Cookie("messages")
	if err != nil {
		return
	}
	text, sum, _ := strings.Cut(k.Value, ".")
	if sum != c.sign(text) {
		return // of another secret key, or made up
	}
	if raw, err := base64.RawURLEncoding.DecodeString(text); err == nil {
		_ = json.Unmarshal(raw, &c.messages) // ours: we signed it
	}
}

func (c *call) messagesCookie() *http.Cookie {
	k := &http.Cookie{Name: "messages", Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode}
	if len(c.messages) == 0 {
		k.MaxAge, k.Expires = -1, time.Unix(0, 0)
		return k
	}
	raw, _ := json.Marshal(c.messages) // plain data always encodes
	text := base64.RawURLEncoding.EncodeToString(raw)
	k.Value = text + "." + c.sign(text)
	return k
}
