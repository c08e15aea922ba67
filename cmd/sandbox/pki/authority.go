package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"time"
)

const validity = 10 * 365 * 24 * time.Hour

// Pair is a private key with its certificate, both in PEM.
type Pair struct {
	Key, Certificate []byte
}

// Authority signs the certificates of one instance.
type Authority struct {
	Pair
	key         crypto.Signer
	certificate *x509.Certificate
}

// NewAuthority makes a self-signed authority.
func NewAuthority(now time.Time) (*Authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("generate the authority's key: %w", err)
	}
	template := certificate(pkix.Name{CommonName: "koperator-sandbox"}, now)
	template.IsCA = true
	template.BasicConstraintsValid = true
	template.KeyUsage |= x509.KeyUsageCertSign
	pair, err := sign(template, template, key, key)
	if err != nil {
		return nil, err
	}
	return ParseAuthority(pair)
}

// ParseAuthority reads what NewAuthority made.
func ParseAuthority(pair Pair) (*Authority, error) {
	keyBlock, _ := pem.Decode(pair.Key)
	certBlock, _ := pem.Decode(pair.Certificate)
	if keyBlock == nil || certBlock == nil {
		return nil, fmt.Errorf("the authority's files hold no PEM block")
	}
	key, err := x509.ParseECPrivateKey(keyBlock.Bytes)
	if err != nil {
		return nil, fmt.Errorf("parse the authority's key: %w", err)
	}
	cert, err := x509.ParseCertificate(certBlock.Bytes)
	if err != nil {
		return nil, fmt.Errorf("parse the authority's certificate: %w", err)
	}
	return &Authority{Pair: pair, key: key, certificate: cert}, nil
}

// Subject is what a certificate says about its owner: Kubernetes reads the user from the common name and the groups
// from the organizations.
type Subject struct {
	User   string
	Groups []string
	Hosts  []string // names and addresses under which the owner serves
}

// Issue makes a key and a certificate for both clients and servers.
func (a *Authority) Issue(s Subject, now time.Time) (Pair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Pair{}, fmt.Errorf("generate the key of %s: %w", s.User, err)
	}
	template := certificate(pkix.Name{CommonName: s.User, Organization: s.Groups}, now)
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth}
	for _, host := range s.Hosts {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
			continue
		}
		template.DNSNames = append(template.DNSNames, host)
	}
	return sign(template, a.certificate, key, a.key)
}

// SigningKey makes a key alone, for service account tokens.
func SigningKey() ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("generate the service accounts' key: %w", err)
	}
	return keyPEM(key)
}

func certificate(name pkix.Name, now time.Time) *x509.Certificate {
	return &x509.Certificate{
		Subject:      name,
		SerialNumber: big.NewInt(now.UnixNano()),
		NotBefore:    now.Add(-time.Hour), // clocks of virtual machines jump
		NotAfter:     now.Add(validity),
		KeyUsage:     x509.KeyUsageDigitalSignature,
	}
}

func sign(template, parent *x509.Certificate, key *ecdsa.PrivateKey, by crypto.Signer) (Pair, error) {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), by)
	if err != nil {
		return Pair{}, fmt.Errorf("sign the certificate of %s: %w", template.Subject.CommonName, err)
	}
	text, err := keyPEM(key)
	if err != nil {
		return Pair{}, err
	}
	return Pair{Key: text, Certificate: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})}, nil
}

func keyPEM(key *ecdsa.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("encode a key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), nil
}
