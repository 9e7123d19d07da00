package provider

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"sync"

	"github.com/go-jose/go-jose/v4"
)

// A ring holds the keys of the provider. Making them takes longer than a sign-in,
// so a process has one.
type ring struct {
	own, foreign *rsa.PrivateKey
	curve        *ecdsa.PrivateKey
}

var keys = sync.OnceValues(func() (*ring, error) {
	r := &ring{}
	var err error
	if r.own, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		return nil, err
	}
	if r.foreign, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		return nil, err
	}
	r.curve, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	return r, err
})

const (
	ownKid   = "ssocheck-1"
	curveKid = "ssocheck-ec"
)

// jwks are the public keys, as a document that a script can change.
func jwks(script *Script) (map[string]any, error) {
	r, err := keys()
	if err != nil {
		return nil, fmt.Errorf("make the keys: %w", err)
	}
	set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &r.own.PublicKey, KeyID: ownKid, Algorithm: "RS256", Use: "sig"}}}
	if script.IDToken.Key == Elliptic {
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: &r.curve.PublicKey, KeyID: curveKid, Algorithm: "ES256", Use: "sig"})
	}
	text, err := json.Marshal(set)
	if err != nil {
		return nil, fmt.Errorf("encode the keys: %w", err)
	}
	doc := map[string]any{}
	return doc, json.Unmarshal(text, &doc)
}

func part(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // plain data always encodes
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

// sign makes the ID token as the script says. It is put together by hand: no
// library makes tokens that are wrong.
func (t IDToken) sign(claims map[string]any, secret string) (string, error) {
	r, err := keys()
	if err != nil {
		return "", fmt.Errorf("make the keys: %w", err)
	}
	header := map[string]any{"alg": "RS256", "kid": ownKid, "typ": "JWT"}
	switch t.Key {
	case PublicKey, ClientSecret:
		header["alg"] = "HS256"
	case Elliptic:
		header["alg"], header["kid"] = "ES256", curveKid
	case None:
		// The kid stays, as in the recordings: a token without one is another test.
		header["alg"] = "none"
	}
	if t.Header != nil {
		t.Header(header)
	}
	text := part(header) + "." + part(claims)
	signature, err := t.signature(r, text, secret)
	if err != nil {
		return "", fmt.Errorf("sign the ID token: %w", err)
	}
	if t.Broken {
		signature[0] ^= 0xff
	}
	if t.Unsigned {
		signature = nil
	}
	token := text + "." + base64.RawURLEncoding.EncodeToString(signature)
	if !t.Encrypted {
		return token, nil
	}
	enc, err := jose.NewEncrypter(jose.A256CBC_HS512, jose.Recipient{Algorithm: jose.RSA_OAEP_256, Key: &r.own.PublicKey}, (&jose.EncrypterOptions{}).WithType("JWT").WithContentType("JWT"))
	if err != nil {
		return "", fmt.Errorf("encrypt the ID token: %w", err)
	}
	jwe, err := enc.Encrypt([]byte(token))
	if err != nil {
		return "", fmt.Errorf("encrypt the ID token: %w", err)
	}
	return jwe.CompactSerialize()
}

func (t IDToken) signature(r *ring, text, secret string) ([]byte, error) {
	sum := sha256.Sum256([]byte(text))
	switch t.Key {
	case None:
		return nil, nil
	case Foreign:
		return rsa.SignPKCS1v15(rand.Reader, r.foreign, crypto.SHA256, sum[:])
	case PublicKey:
		der, err := x509.MarshalPKIXPublicKey(&r.own.PublicKey)
		if err != nil {
			return nil, err
		}
		return mac(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), text), nil
	case ClientSecret:
		return mac([]byte(secret), text), nil
	case Elliptic:
		a, b, err := ecdsa.Sign(rand.Reader, r.curve, sum[:])
		if err != nil {
			return nil, err
		}
		out := make([]byte, 64)
		a.FillBytes(out[:32])
		b.FillBytes(out[32:])
		return out, nil
	}
	return rsa.SignPKCS1v15(rand.Reader, r.own, crypto.SHA256, sum[:])
}

func mac(key []byte, text string) []byte {
	m := hmac.New(sha256.New, key)
	m.Write([]byte(text))
	return m.Sum(nil)
}
