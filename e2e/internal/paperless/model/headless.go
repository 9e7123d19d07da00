package model

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"math/big"
	"net/http"
	"strings"
)

// headlessToken is the sign-in of allauth's API for apps by an ID token of a provider
// (3.0.0): unlike in the browser, the signature counts (fixtures/hostile.json, rows 13).
func (c *call) headlessToken() *reply {
	invalid := jsonReply(http.StatusBadRequest, map[string]any{
		"status": http.StatusBadRequest, "errors": []any{map[string]any{"message": "Invalid token.", "code": "invalid_token", "param": "token"}},
	})
	in, rep := c.input()
	if rep != nil {
		return rep
	}
	token, _ := in["token"].(map[string]any)
	text, ok := token["id_token"].(string)
	p, rep := c.find(pyStr(in["provider"]))
	if rep != nil {
		return rep
	}
	if !ok || token["client_id"] != p.clientID {
		return invalid
	}
	claims, exc, refused := c.verified(p, text)
	switch {
	case exc != nil:
		return c.crash(exc.lines()...)
	case refused:
		return invalid
	}
	uid, exc := c.uid(p, claims)
	if exc != nil {
		return c.crash(exc.lines()...)
	}
	about, exc := c.claims(p, claims)
	if exc != nil {
		return c.crash(exc.lines()...)
	}
	data := &socialData{claims: claims, extra: map[string]any{"id_token": claims}}
	id := c.owner(p, uid, data, about)
	if id == 0 {
		taken := false
		c.tx(func(d *State) { taken = d.byEmail(about.Email, false) != nil })
		if !c.set.autoSignup || !c.set.allowSocial || taken {
			return c.missing("a sign-up through the headless API")
		}
		id = c.store(&Pending{Provider: p.id, Name: p.name, UID: uid, Extra: data.extra, Claims: about}, c.freeName(about), about.Email, false)
	}
	var u User
	given := ""
	c.tx(func(d *State) {
		u = *d.byID(id)
		given = c.tokenOf(d, id, false)
	})
	if !u.Active {
		return invalid
	}
	return jsonReply(http.StatusOK, map[string]any{
		"status": http.StatusOK,
		"data": map[string]any{
			"user":    map[string]any{"id": u.ID, "display": u.Username, "email": u.Email, "has_usable_password": u.usable(), "username": u.Username},
			"methods": []any{map[string]any{"method": "socialaccount", "at": float64(c.now().UnixNano()) / 1e9, "provider": p.id, "uid": uid}},
		},
		"meta": map[string]any{"is_authenticated": true, "access_token": given},
	})
}

// verified are the claims of an ID token whose signature is one of the provider's.
func (c *call) verified(p *provider, text string) (claims map[string]any, exc *pyError, refused bool) {
	doc, exc := c.discover(p)
	if exc != nil {
		return nil, nil, true
	}
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return nil, nil, true
	}
	head, ok := c.part(parts[0])
	if !ok {
		return nil, nil, true
	}
	if _, ok := head["kid"]; !ok {
		return nil, pyErrorf("KeyError", "'kid'"), false
	}
	target, exc := endpoint(doc, "jwks_uri")
	if exc != nil {
		return nil, exc, false
	}
	r, exc := c.fetch(http.MethodGet, target, "", nil)
	if exc != nil || r.status >= http.StatusBadRequest {
		return nil, nil, true
	}
	set, exc := c.decode(r.body)
	if exc != nil {
		return nil, nil, true
	}
	key, exc := keyOf(set, head["kid"])
	if exc != nil || key == nil {
		return nil, exc, exc == nil
	}
	if head["alg"] == "HS256" {
		return nil, pyErrorf("TypeError", "Expected a string value"), false
	}
	if !signedBy(key, parts) {
		return nil, nil, true
	}
	if claims, exc = c.idToken(p, doc, text); exc != nil {
		return nil, nil, true
	}
	if nbf, ok := number(claims["nbf"]); ok && nbf > float64(c.now().Unix()) {
		return nil, nil, true
	}
	return claims, nil, false
}

func number(v any) (float64, bool) {
	switch v := v.(type) {
	case int64:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}

func (c *call) part(text string) (map[string]any, bool) {
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(text, "="))
	if err != nil {
		return nil, false
	}
	v, err := pyJSON(string(raw), c.set.python313())
	m, ok := v.(map[string]any)
	return m, ok && err == nil
}

// keyOf is the RSA key of a kid; nil: none. Keys are looked at in their order, and
// one without kid is an exception.
func keyOf(set map[string]any, kid any) (*rsa.PublicKey, *pyError) {
	list, _ := set["keys"].([]any)
	for _, one := range list {
		k, _ := one.(map[string]any)
		have, ok := k["kid"]
		if !ok {
			return nil, pyErrorf("KeyError", "'kid'")
		}
		if have != kid {
			continue
		}
		n, nerr := base64.RawURLEncoding.DecodeString(pyStr(k["n"]))
		e, eerr := base64.RawURLEncoding.DecodeString(pyStr(k["e"]))
		if k["kty"] != "RSA" || nerr != nil || eerr != nil {
			return nil, nil //nolint:nilnil // only RSA keys count
		}
		return &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(new(big.Int).SetBytes(e).Int64())}, nil
	}
	return nil, nil //nolint:nilnil // no such key
}

func signedBy(key *rsa.PublicKey, parts []string) bool {
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil {
		return false
	}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	return rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], signature) == nil
}
