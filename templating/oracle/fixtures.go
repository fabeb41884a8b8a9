// Makes the keys, certificates and archives that case files use. They are checked in; new ones are only needed if a
// new kind is.

package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"hash"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwk"
	"software.sslmate.com/src/go-pkcs12"
)

// maker collects files; the first error stays.
type maker struct {
	folder string
	err    error
}

func (m *maker) check(err error) {
	if m.err == nil {
		m.err = err
	}
}

func (m *maker) write(name string, content []byte) {
	m.check(os.WriteFile(filepath.Join(m.folder, name), content, 0o644))
}

func (m *maker) pem(name, kind string, blocks ...[]byte) []byte {
	var text []byte
	for _, block := range blocks {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: block})...)
	}
	m.write(name, text)
	return text
}

type certificate struct {
	*x509.Certificate
	key crypto.Signer
}

func (m *maker) certificate(name string, serial int64, issuer *certificate, key crypto.Signer, change func(*x509.Certificate)) *certificate {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial),
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC),
		NotAfter:     time.Date(2124, 1, 1, 0, 0, 0, 0, time.UTC),
	}
	change(template)
	parent, signer := template, key
	if issuer != nil {
		parent, signer = issuer.Certificate, issuer.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	m.check(err)
	parsed, err := x509.ParseCertificate(der)
	m.check(err)
	return &certificate{parsed, key}
}

func (m *maker) ecKey(curve elliptic.Curve) *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	m.check(err)
	return key
}

func isAuthority(c *x509.Certificate) {
	c.IsCA, c.BasicConstraintsValid, c.KeyUsage = true, true, x509.KeyUsageCertSign
}

func fixtures(folder string) error {
	m := &maker{folder: folder}
	m.check(os.MkdirAll(folder, 0o755))
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	m.check(err)
	leafKey := m.ecKey(elliptic.P256())
	root := m.certificate("root", 1, nil, m.ecKey(elliptic.P256()), isAuthority)
	middle := m.certificate("intermediate", 2, root, m.ecKey(elliptic.P384()), isAuthority)
	leaf := m.certificate("leaf", 3, middle, leafKey, func(c *x509.Certificate) {
		uri, err := url.Parse("spiffe://example.test/ns/x?a=b")
		m.check(err)
		c.DNSNames, c.EmailAddresses = []string{"a.example.test", "*.b.example.test"}, []string{"ops@example.test"}
		c.IPAddresses, c.URIs = []net.IP{net.IPv4(192, 0, 2, 7), net.ParseIP("2001:db8::1")}, []*url.URL{uri}
	})
	rsaLeaf := m.certificate("rsa leaf", 4, middle, rsaKey, func(*x509.Certificate) {})
	lonely := m.certificate("lonely", 5, nil, m.ecKey(elliptic.P256()), func(c *x509.Certificate) {
		c.DNSNames = []string{"lonely.example.test"}
	})
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	m.check(err)
	if m.err != nil {
		return m.err
	}
	m.chains(root, middle, leaf, rsaLeaf, lonely)
	m.keys(rsaKey, leafKey, edKey)
	m.archives(root, middle, leaf, rsaLeaf)
	m.encrypted(rsaKey)
	return m.err
}

func (m *maker) chains(root, middle, leaf, rsaLeaf, lonely *certificate) {
	const kind = "CERTIFICATE"
	m.pem("root.pem", kind, root.Raw)
	m.pem("intermediate.pem", kind, middle.Raw)
	m.pem("leaf.pem", kind, leaf.Raw)
	m.pem("rsa-leaf.pem", kind, rsaLeaf.Raw)
	m.pem("lonely.pem", kind, lonely.Raw)
	m.pem("chain.pem", kind, leaf.Raw, middle.Raw, root.Raw)
	m.pem("shuffled.pem", kind, middle.Raw, root.Raw, leaf.Raw)
	m.pem("disjunct.pem", kind, leaf.Raw, middle.Raw, lonely.Raw)
}

func (m *maker) keys(rsaKey *rsa.PrivateKey, ecKey *ecdsa.PrivateKey, edKey ed25519.PrivateKey) {
	m.pem("rsa-pkcs1.pem", "RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsaKey))
	sec1, err := x509.MarshalECPrivateKey(ecKey)
	m.check(err)
	m.pem("ec-sec1.pem", "EC PRIVATE KEY", sec1)
	for name, key := range map[string]crypto.Signer{"rsa": rsaKey, "ec": ecKey, "ed25519": edKey} {
		der, err := x509.MarshalPKCS8PrivateKey(key)
		m.check(err)
		m.pem(name+"-pkcs8.pem", "PRIVATE KEY", der)
		m.jwk("jwk-"+name+"-private.json", key)
		m.jwk("jwk-"+name+"-public.json", key.Public())
	}
	m.jwk("jwk-oct.json", []byte("a symmetric key"))
	for name, curve := range map[string]elliptic.Curve{"p384": elliptic.P384(), "p521": elliptic.P521()} {
		m.jwk("jwk-"+name+"-private.json", m.ecKey(curve))
	}
}

func (m *maker) jwk(name string, raw any) {
	key, err := jwk.FromRaw(raw)
	m.check(err)
	text, err := json.Marshal(key)
	m.check(err)
	m.write(name, append(text, '\n'))
}

func (m *maker) archives(root, middle, leaf, rsaLeaf *certificate) {
	authorities := []*x509.Certificate{root.Certificate, middle.Certificate}
	encoders := map[string]*pkcs12.Encoder{
		"modern": pkcs12.Modern2023, "legacy-des": pkcs12.LegacyDES, "legacy-rc2": pkcs12.LegacyRC2,
		"passwordless": pkcs12.Passwordless,
	}
	for name, encoder := range encoders {
		for kind, password := range map[string]string{"": "", "-pass": "pa$$ wörd"} {
			if name == "passwordless" && password != "" {
				continue
			}
			archive, err := encoder.Encode(leaf.key, leaf.Certificate, authorities, password)
			m.check(err)
			m.write(name+kind+".pfx", archive)
		}
	}
	archive, err := pkcs12.Modern2023.Encode(rsaLeaf.key, rsaLeaf.Certificate, nil, "")
	m.check(err)
	m.write("rsa.pfx", archive)
	archive, err = pkcs12.Modern2023.EncodeTrustStore(authorities, "")
	m.check(err)
	m.write("truststore.pfx", archive)
}

func (m *maker) encrypted(key *rsa.PrivateKey) {
	for name, hash := range map[string]hash.Hash{"sha1": sha1.New(), "sha256": sha256.New(), "sha512": sha512.New()} {
		ciphertext, err := rsa.EncryptOAEP(hash, rand.Reader, &key.PublicKey, []byte("hidden wörds"), nil)
		m.check(err)
		m.write("oaep-"+name+".b64", []byte(base64.StdEncoding.EncodeToString(ciphertext)))
	}
}
