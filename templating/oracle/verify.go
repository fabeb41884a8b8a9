// Verifies keys, certificates, archives and hashes that Strongroom's functions made, with Go's own implementations.

package main

import (
	"bufio"
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"strings"

	"golang.org/x/crypto/bcrypt"
	"golang.org/x/crypto/ssh"
	"software.sslmate.com/src/go-pkcs12"
)

// made is one line of the input: what a template rendered, as a list of texts, and what it must be.
type made struct {
	Template string   `json:"template"`
	Check    string   `json:"check"`
	Parts    []string `json:"parts"`
}

// verifiers by the name of the check. Each gets the rendered parts.
var verifiers = map[string]func(parts []string) error{
	"bcrypt":     func(p []string) error { return bcrypt.CompareHashAndPassword([]byte(p[0]), []byte(p[1])) },
	"htpasswd":   verifyHtpasswd,
	"key":        func(p []string) error { _, err := ssh.ParseRawPrivateKey([]byte(p[0])); return err },
	"pair":       verifyPair,
	"issued":     verifyIssued,
	"pkcs12":     verifyArchive,
	"truststore": verifyTrustStore,
	"aes":        verifyAES,
}

func verify(input io.Reader, out io.Writer) error {
	lines, count := bufio.NewScanner(input), 0
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var line made
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			return err
		}
		check, ok := verifiers[line.Check]
		if !ok {
			return fmt.Errorf("unknown check %q", line.Check)
		}
		if err := check(line.Parts); err != nil {
			return fmt.Errorf("%s: %s: %w", line.Template, line.Check, err)
		}
		count++
	}
	if err := lines.Err(); err != nil {
		return err
	}
	if count < 20 {
		return fmt.Errorf("only %d values to verify", count)
	}
	_, err := fmt.Fprintf(out, "%d generated values verify with Go's implementations\n", count)
	return err
}

func verifyHtpasswd(p []string) error {
	hash, ok := strings.CutPrefix(p[0], p[1]+":")
	if !ok {
		return fmt.Errorf("another user")
	}
	return bcrypt.CompareHashAndPassword([]byte(hash), []byte(p[2]))
}

func parsedCertificate(text string) (*x509.Certificate, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, fmt.Errorf("not PEM")
	}
	return x509.ParseCertificate(block.Bytes)
}

// verifyPair: a certificate and its key.
func verifyPair(p []string) error {
	_, err := tls.X509KeyPair([]byte(p[0]), []byte(p[1]))
	return err
}

// verifyIssued: an authority, a certificate and its key, and a name that the certificate is for.
func verifyIssued(p []string) error {
	if err := verifyPair(p[1:3]); err != nil {
		return err
	}
	authority, err := parsedCertificate(p[0])
	if err != nil {
		return err
	}
	leaf, err := parsedCertificate(p[1])
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	roots.AddCert(authority)
	_, err = leaf.Verify(x509.VerifyOptions{
		Roots: roots, DNSName: p[3], CurrentTime: leaf.NotBefore.AddDate(0, 0, 1),
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	})
	return err
}

// verifyArchive: an archive, its password and the certificate in it.
func verifyArchive(p []string) error {
	content, err := base64.StdEncoding.DecodeString(p[0])
	if err != nil {
		return err
	}
	key, leaf, _, err := pkcs12.DecodeChain(content, p[1])
	if err != nil {
		return err
	}
	wanted, err := parsedCertificate(p[2])
	if err != nil {
		return err
	}
	public, ok := key.(crypto.Signer)
	if !ok || !leaf.Equal(wanted) {
		return fmt.Errorf("another certificate or key")
	}
	if same, ok := leaf.PublicKey.(interface{ Equal(crypto.PublicKey) bool }); !ok || !same.Equal(public.Public()) {
		return fmt.Errorf("the key is not the certificate's")
	}
	return nil
}

// verifyTrustStore: an archive and its password.
func verifyTrustStore(p []string) error {
	content, err := base64.StdEncoding.DecodeString(p[0])
	if err != nil {
		return err
	}
	certificates, err := pkcs12.DecodeTrustStore(content, p[1])
	if err == nil && len(certificates) == 0 {
		err = fmt.Errorf("no certificates")
	}
	return err
}

// verifyAES: the ciphertext of encryptAES, the key, the plain text.
func verifyAES(p []string) error {
	content, err := base64.StdEncoding.DecodeString(p[0])
	if err != nil || len(content) < 2*aes.BlockSize {
		return fmt.Errorf("too short: %w", err)
	}
	key := make([]byte, 32)
	copy(key, p[1])
	block, err := aes.NewCipher(key)
	if err != nil {
		return err
	}
	text := content[aes.BlockSize:]
	cipher.NewCBCDecrypter(block, content[:aes.BlockSize]).CryptBlocks(text, text)
	text = text[:len(text)-int(text[len(text)-1])]
	if string(text) != p[2] {
		return fmt.Errorf("another text")
	}
	return nil
}
