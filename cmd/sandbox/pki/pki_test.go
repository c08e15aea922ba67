package pki

import (
	"crypto/x509"
	"encoding/pem"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/koperator-go/koperator/cmd/sandbox/plan"
)

func TestEnsureWritesWhatIsMissingAndKeepsTheRest(t *testing.T) {
	i := plan.Instance{Name: "default", Nodes: 2, Cache: t.TempDir()}
	require.NoError(t, Ensure(i, time.Now()))
	authority := read(t, i.PKIDir()+"/ca.crt")
	node := read(t, i.PKIDir()+"/node-2.crt")
	require.NoError(t, os.Remove(i.PKIDir()+"/node-1.crt"))

	require.NoError(t, Ensure(i, time.Now()))
	require.Equal(t, authority, read(t, i.PKIDir()+"/ca.crt"))
	require.Equal(t, node, read(t, i.PKIDir()+"/node-2.crt"))
	require.FileExists(t, i.PKIDir()+"/node-1.crt")

	config, err := clientcmd.LoadFromFile(i.Kubeconfig())
	require.NoError(t, err)
	require.Equal(t, "https://10.244.255.2:6443", config.Clusters["sandbox-default"].Server)
}

func TestKeysAreReadableByTheirOwnerAlone(t *testing.T) {
	i := plan.Instance{Name: "default", Nodes: 1, Cache: t.TempDir()}
	require.NoError(t, Ensure(i, time.Now()))
	for _, name := range []string{"ca.key", "service-account.key", "admin.key", "admin.kubeconfig"} {
		info, err := os.Stat(i.PKIDir() + "/" + name)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), name)
	}
}

func TestCertificatesSayWhoTheirOwnerIs(t *testing.T) {
	authority, err := NewAuthority(time.Now())
	require.NoError(t, err)
	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM(authority.Certificate))
	pair, err := authority.Issue(Subject{User: "system:node:node-1", Groups: []string{"system:nodes"}, Hosts: []string{"node-1", "10.244.1.1"}}, time.Now())
	require.NoError(t, err)
	block, _ := pem.Decode(pair.Certificate)
	certificate, err := x509.ParseCertificate(block.Bytes)
	require.NoError(t, err)
	require.Equal(t, "system:node:node-1", certificate.Subject.CommonName)
	require.Equal(t, []string{"system:nodes"}, certificate.Subject.Organization)
	for _, host := range []string{"node-1", "10.244.1.1"} {
		_, err = certificate.Verify(x509.VerifyOptions{Roots: roots, DNSName: host})
		require.NoError(t, err)
	}
	_, err = certificate.Verify(x509.VerifyOptions{Roots: roots, DNSName: "node-2"})
	require.Error(t, err)
}

func TestTheAPIServerIsReachableByServiceAndHost(t *testing.T) {
	i := plan.Instance{Name: "default", Index: 1}
	require.Equal(t, "kube-apiserver", Certificates(i)[0].File)
	require.Subset(t, Certificates(i)[0].Hosts, []string{"kubernetes.default.svc", "10.97.0.1", "10.243.255.2"})
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(text)
}
