package pki

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/koperator-go/koperator/cmd/sandbox/plan"
)

// Named is a certificate and the file name under which it is kept.
type Named struct {
	File string
	Subject
	Kubeconfig bool
}

// Certificates lists all certificates of an instance. The tool's own parts are administrators with a name of their own,
// so that the audit log tells them apart.
func Certificates(i plan.Instance) []Named {
	masters := []string{"system:masters"}
	list := []Named{
		{File: "kube-apiserver", Subject: Subject{User: "kube-apiserver", Hosts: []string{
			"kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local", "localhost",
			"127.0.0.1", i.ControlIP(), i.APIServiceIP(),
		}}},
		{File: "kube-apiserver-kubelet-client", Subject: Subject{User: "kube-apiserver-kubelet-client", Groups: masters}},
		{File: "admin", Subject: Subject{User: "sandbox-admin", Groups: masters}, Kubeconfig: true},
		{File: "kube-controller-manager", Subject: Subject{User: "system:kube-controller-manager", Groups: masters}, Kubeconfig: true},
		{File: "kube-scheduler", Subject: Subject{User: "system:kube-scheduler"}, Kubeconfig: true},
		{File: "kube-proxy", Subject: Subject{User: "system:kube-proxy"}, Kubeconfig: true},
		{File: "coredns", Subject: Subject{User: "sandbox-coredns", Groups: masters}, Kubeconfig: true},
		{File: "provisioner", Subject: Subject{User: "sandbox-provisioner", Groups: masters}, Kubeconfig: true},
		{File: "loadbalancer", Subject: Subject{User: "sandbox-loadbalancer", Groups: masters}, Kubeconfig: true},
	}
	for _, n := range i.NodeList() {
		list = append(list, Named{File: n.NodeName(), Kubeconfig: true, Subject: Subject{
			User: "system:node:" + n.NodeName(), Groups: []string{"system:nodes"}, Hosts: []string{n.NodeName(), n.IP()},
		}})
	}
	return list
}

// Ensure writes all that is missing of an instance's certificates and kubeconfigs.
func Ensure(i plan.Instance, now time.Time) error {
	if err := os.MkdirAll(i.PKIDir(), 0o700); err != nil {
		return fmt.Errorf("create the directory of certificates: %w", err)
	}
	authority, err := ensureAuthority(i.PKIDir(), now)
	if err != nil {
		return err
	}
	if err := ensureSigningKey(filepath.Join(i.PKIDir(), "service-account.key")); err != nil {
		return err
	}
	for _, named := range Certificates(i) {
		pair, err := ensurePair(i.PKIDir(), named, authority, now)
		if err != nil {
			return err
		}
		if !named.Kubeconfig {
			continue
		}
		if err := writeKubeconfig(i.ComponentKubeconfig(named.File), Kubeconfig(i, authority.Certificate, pair)); err != nil {
			return err
		}
		if named.File == "admin" {
			if err := writeKubeconfig(i.Kubeconfig(), Kubeconfig(i, authority.Certificate, pair)); err != nil {
				return err
			}
		}
	}
	return nil
}

// Kubeconfig is a configuration with one context, named after the instance.
func Kubeconfig(i plan.Instance, ca []byte, pair Pair) *clientcmdapi.Config {
	name := "sandbox-" + i.Name
	return &clientcmdapi.Config{
		Clusters:       map[string]*clientcmdapi.Cluster{name: {Server: i.APIServer(), CertificateAuthorityData: ca}},
		AuthInfos:      map[string]*clientcmdapi.AuthInfo{name: {ClientCertificateData: pair.Certificate, ClientKeyData: pair.Key}},
		Contexts:       map[string]*clientcmdapi.Context{name: {Cluster: name, AuthInfo: name}},
		CurrentContext: name,
	}
}

func writeKubeconfig(path string, config *clientcmdapi.Config) error {
	if err := clientcmd.WriteToFile(*config, path); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

func ensureAuthority(dir string, now time.Time) (*Authority, error) {
	pair, found, err := readPair(dir, "ca")
	if err != nil {
		return nil, err
	}
	if found {
		return ParseAuthority(pair)
	}
	authority, err := NewAuthority(now)
	if err != nil {
		return nil, err
	}
	return authority, writePair(dir, "ca", authority.Pair)
}

func ensureSigningKey(path string) error {
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	key, err := SigningKey()
	if err != nil {
		return err
	}
	return os.WriteFile(path, key, 0o600)
}

func ensurePair(dir string, named Named, authority *Authority, now time.Time) (Pair, error) {
	pair, found, err := readPair(dir, named.File)
	if found || err != nil {
		return pair, err
	}
	pair, err = authority.Issue(named.Subject, now)
	if err != nil {
		return Pair{}, err
	}
	return pair, writePair(dir, named.File, pair)
}

func readPair(dir, name string) (pair Pair, found bool, err error) {
	pair.Certificate, err = os.ReadFile(filepath.Join(dir, name+".crt"))
	if errors.Is(err, fs.ErrNotExist) {
		return Pair{}, false, nil
	}
	if err == nil {
		pair.Key, err = os.ReadFile(filepath.Join(dir, name+".key"))
	}
	return pair, err == nil, err
}

// writePair writes the certificate last: where it is, its key is too.
func writePair(dir, name string, pair Pair) error {
	if err := os.WriteFile(filepath.Join(dir, name+".key"), pair.Key, 0o600); err != nil {
		return fmt.Errorf("write the key of %s: %w", name, err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".crt"), pair.Certificate, 0o644); err != nil {
		return fmt.Errorf("write the certificate of %s: %w", name, err)
	}
	return nil
}
