// The functions that templates may call in External Secrets Operator 2.9, wired from the libraries that it uses.

package main

import (
	"crypto/sha1"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"strings"
	"text/template"

	"github.com/Masterminds/sprig/v3"
	eso "github.com/external-secrets/external-secrets/pkg/template/v2"
)

// functions gives a new function map: ESO's own functions from its last release that is a Go module, sprig 3.3.0,
// and the few that came later.
func functions() template.FuncMap {
	all := template.FuncMap{}
	for name, function := range eso.FuncMap() {
		all[name] = function
	}
	for name, function := range sprig.TxtFuncMap() {
		all[name] = function
	}
	for _, removed := range []string{"env", "expandenv", "getHostByName", "getSecretKey"} {
		delete(all, removed)
	}
	all["hexdec"] = hexdec
	all["htpasswd"] = htpasswd(all["bcrypt"].(func(string) string))
	all["certSANs"] = certSANs
	all["filterPEM"] = filterPEM(all["filterPEM"].(func(string, string) (string, error)))
	return all
}

// hexdec is in sprig after 3.3.0. Like b64dec, it gives the error's text as its value.
func hexdec(text string) string {
	bytes, err := hex.DecodeString(text)
	if err != nil {
		return err.Error()
	}
	return string(bytes)
}

// hashAlgorithm is a type of its own: a text field is no such value, a text in the template is.
type hashAlgorithm string

// htpasswd takes the algorithm since sprig 3.3.0.
func htpasswd(bcrypt func(string) string) func(string, string, hashAlgorithm) string {
	return func(user, password string, algorithm hashAlgorithm) string {
		if strings.Contains(user, ":") {
			return "invalid username: " + user
		}
		if algorithm == "sha" {
			digest := sha1.Sum([]byte(password))
			return user + ":{SHA}" + base64.StdEncoding.EncodeToString(digest[:])
		}
		return user + ":" + bcrypt(password)
	}
}

// certSANs is in ESO after 0.20: the names in the first PEM block, by kind.
func certSANs(text string) ([]string, error) {
	block, _ := pem.Decode([]byte(fromFirstBlock(text)))
	if block == nil {
		return nil, errors.New("failed to decode PEM block")
	}
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, err
	}
	names := append([]string{}, certificate.DNSNames...)
	for _, address := range certificate.IPAddresses {
		names = append(names, address.String())
	}
	names = append(names, certificate.EmailAddresses...)
	for _, uri := range certificate.URIs {
		names = append(names, uri.String())
	}
	return names, nil
}

// fromFirstBlock cuts what stands before the first block, which ESO does since Go's decoder no longer skips it.
func fromFirstBlock(text string) string {
	if start := strings.Index(text, "-----BEGIN"); start > 0 {
		return text[start:]
	}
	return text
}

func filterPEM(upstream func(string, string) (string, error)) func(string, string) (string, error) {
	return func(kind, text string) (string, error) { return upstream(kind, fromFirstBlock(text)) }
}
