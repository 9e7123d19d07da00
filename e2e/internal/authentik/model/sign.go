package model

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"

	"github.com/go-jose/go-jose/v4"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
)

// certificate stands for authentik's self-signed certificate. Making a key takes
// longer than a whole sign-in, so a process has one.
var certificate = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

func keyID(key *rsa.PrivateKey) string {
	return digest(key.N.String())[:32]
}

// sign makes a JWT: RS256, or HS256 by the client secret without a signing key.
func (s *Server) sign(p *deployment.OAuth2Provider, claims map[string]any) (string, error) {
	text, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("encode the claims: %w", err)
	}
	if !p.SigningKey {
		// By hand: a client secret may be shorter than a library allows.
		part := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." + base64.RawURLEncoding.EncodeToString(text)
		mac := hmac.New(sha256.New, []byte(p.ClientSecret))
		mac.Write([]byte(part))
		return part + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil)), nil
	}
	key, err := certificate()
	if err != nil {
		return "", fmt.Errorf("make the signing key: %w", err)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: key}, (&jose.SignerOptions{}).WithType("JWT").WithHeader("kid", keyID(key)))
	if err != nil {
		return "", fmt.Errorf("make the signer: %w", err)
	}
	jws, err := signer.Sign(text)
	if err != nil {
		return "", fmt.Errorf("sign: %w", err)
	}
	return jws.CompactSerialize()
}

// encrypt wraps a JWT in a JWE, as an encryption key of the provider does.
func encrypt(token string) (string, error) {
	key, err := certificate()
	if err != nil {
		return "", fmt.Errorf("make the encryption key: %w", err)
	}
	enc, err := jose.NewEncrypter(jose.A256CBC_HS512, jose.Recipient{Algorithm: jose.RSA_OAEP_256, Key: &key.PublicKey, KeyID: keyID(key)}, (&jose.EncrypterOptions{}).WithType("JWT").WithContentType("JWT"))
	if err != nil {
		return "", fmt.Errorf("make the encrypter: %w", err)
	}
	jwe, err := enc.Encrypt([]byte(token))
	if err != nil {
		return "", fmt.Errorf("encrypt: %w", err)
	}
	return jwe.CompactSerialize()
}

// jwks are the provider's public keys; {} without a signing key.
func (s *Server) jwks(v *visit, p *deployment.OAuth2Provider) {
	if !p.SigningKey {
		v.json(http.StatusOK, object{})
		return
	}
	key, err := certificate()
	if err != nil {
		s.missing(v, "a signing key")
		return
	}
	v.json(http.StatusOK, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &key.PublicKey, KeyID: keyID(key), Algorithm: "RS256", Use: "sig"}}})
}
