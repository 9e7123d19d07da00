package edge

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"slices"
	"strings"
	"sync"
	"time"
)

// lifetime of the certificates. Browsers refuse leaves that live much longer.
const lifetime = 90 * 24 * time.Hour

// An authority signs the leaf of every host; all of them share one key, so that
// a browser that accepts the key accepts hosts that come later.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  []byte
	leaf *ecdsa.PrivateKey
	spki string

	mu    sync.Mutex
	hosts []string
	made  *tls.Certificate // for all hosts; nil: to be made
}

// Keys are an authority as PEM. Edges in containers serve with the keys that the
// harness made, so that both know whom to trust before the edge runs.
type Keys struct {
	CA    string `json:"ca"`     // certificate of the authority
	CAKey string `json:"ca_key"` // its private key; a secret
	Leaf  string `json:"leaf"`   // private key of all leaves; a secret
	SPKI  string `json:"spki"`   // base64 SHA-256 of the leaves' public key
}

// NewKeys makes an authority.
func NewKeys() (*Keys, error) {
	a, err := makeAuthority()
	if err != nil {
		return nil, err
	}
	k := &Keys{CA: string(a.pem), SPKI: a.spki}
	for _, one := range []struct {
		key *ecdsa.PrivateKey
		to  *string
	}{{a.key, &k.CAKey}, {a.leaf, &k.Leaf}} {
		der, err := x509.MarshalPKCS8PrivateKey(one.key)
		if err != nil {
			return nil, fmt.Errorf("edge: write a key: %w", err)
		}
		*one.to = string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	}
	return k, nil
}

// authority is the one that the keys were written from.
func (k *Keys) authority() (*authority, error) {
	block, _ := pem.Decode([]byte(k.CA))
	if block == nil {
		return nil, errors.New("edge: the CA is not PEM")
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("edge: read the CA: %w", err)
	}
	a := &authority{cert: cert, pem: []byte(k.CA), spki: k.SPKI}
	for _, one := range []struct {
		text string
		to   **ecdsa.PrivateKey
	}{{k.CAKey, &a.key}, {k.Leaf, &a.leaf}} {
		block, _ := pem.Decode([]byte(one.text))
		if block == nil {
			return nil, errors.New("edge: a key is not PEM")
		}
		key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("edge: read a key: %w", err)
		}
		var ok bool
		if *one.to, ok = key.(*ecdsa.PrivateKey); !ok {
			return nil, errors.New("edge: a key is not an ECDSA key")
		}
	}
	return a, nil
}

// newAuthority is that of the keys, or a new one, with a certificate for the hosts.
func newAuthority(keys *Keys, hosts []string) (*authority, error) {
	a, err := makeAuthority()
	if keys != nil {
		a, err = keys.authority()
	}
	if err != nil {
		return nil, err
	}
	a.add(hosts...)
	if _, err := a.current(); err != nil {
		return nil, err
	}
	return a, nil
}

func makeAuthority() (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("edge: make the CA's key: %w", err)
	}
	leaf, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("edge: make the leaf's key: %w", err)
	}
	tmpl := &x509.Certificate{
		SerialNumber:          serial(),
		Subject:               pkix.Name{CommonName: "ssocheck test CA"},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(lifetime),
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		return nil, fmt.Errorf("edge: make the CA: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("edge: make the CA: %w", err)
	}
	spki, err := x509.MarshalPKIXPublicKey(&leaf.PublicKey)
	if err != nil {
		return nil, fmt.Errorf("edge: make the leaf's key: %w", err)
	}
	sum := sha256.Sum256(spki)
	return &authority{
		cert: cert, key: key, leaf: leaf,
		pem:  pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		spki: base64.StdEncoding.EncodeToString(sum[:]),
	}, nil
}

func serial() *big.Int {
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		panic(err) // crypto/rand never fails
	}
	return n
}

func (a *authority) add(hosts ...string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, h := range hosts {
		h = strings.ToLower(strings.Trim(h, "[]"))
		if h != "" && !slices.Contains(a.hosts, h) {
			a.hosts = append(a.hosts, h)
			a.made = nil
		}
	}
}

// certificate answers a handshake. A name that was never added gets the
// certificate of the others, as a proxy's default host does.
func (a *authority) certificate(*tls.ClientHelloInfo) (*tls.Certificate, error) { return a.current() }

func (a *authority) current() (*tls.Certificate, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.made != nil {
		return a.made, nil
	}
	tmpl := &x509.Certificate{
		SerialNumber: serial(),
		Subject:      pkix.Name{CommonName: "ssocheck edge"},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(lifetime),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, h := range a.hosts {
		if ip := net.ParseIP(h); ip != nil {
			tmpl.IPAddresses = append(tmpl.IPAddresses, ip)
			continue
		}
		tmpl.DNSNames = append(tmpl.DNSNames, h)
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, a.cert, &a.leaf.PublicKey, a.key)
	if err != nil {
		return nil, fmt.Errorf("edge: make the certificate of %s: %w", strings.Join(a.hosts, ", "), err)
	}
	a.made = &tls.Certificate{Certificate: [][]byte{der, a.cert.Raw}, PrivateKey: a.leaf}
	return a.made, nil
}
