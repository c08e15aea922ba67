package plan

import (
	"os"
	"path/filepath"
)

// RunRoot holds what must not outlive a reboot: claims on subnets, sockets, the network namespaces.
const RunRoot = "/run/koperator-sandbox"

// DefaultCache is the directory of binaries, images and instances: outside of any work tree.
func DefaultCache(getenv func(string) string) string {
	if dir := getenv("KOPERATOR_CACHE"); dir != "" {
		return dir
	}
	base := getenv("XDG_CACHE_HOME")
	if base == "" {
		home := getenv("HOME")
		if home == "" {
			home = os.TempDir()
		}
		base = filepath.Join(home, ".cache")
	}
	return filepath.Join(base, "koperator")
}

// BinDir holds binaries built for the sandbox.
func (i Instance) BinDir() string { return filepath.Join(i.Cache, "bin") }

// ImagesDir holds built images and their parts by content.
func (i Instance) ImagesDir() string { return filepath.Join(i.Cache, "images") }

// BlobsDir holds the registry's blobs; they are named by content, so instances share them.
func (i Instance) BlobsDir() string { return filepath.Join(i.Cache, "registry", "blobs") }

// Dir is the instance's own directory.
func (i Instance) Dir() string { return filepath.Join(i.Cache, "sandbox", i.Name) }

// ManifestsDir holds the registry's tags, which two instances may move independently.
func (i Instance) ManifestsDir() string { return filepath.Join(i.Dir(), "manifests") }

// StateDir is what "down" deletes: the cluster itself.
func (i Instance) StateDir() string { return filepath.Join(i.Dir(), "state") }

// RunDir holds sockets and the network namespace; short, because of the sockets.
func (i Instance) RunDir() string { return filepath.Join(RunRoot, i.Name) }

// Netns is the file that keeps the network namespace.
func (i Instance) Netns() string { return filepath.Join(i.RunDir(), "netns") }

// LogDir holds a file for each daemon. It survives "down", so that a failure can be read.
func (i Instance) LogDir() string { return filepath.Join(i.Dir(), "logs") }

// DaemonDir records what was started.
func (i Instance) DaemonDir() string { return filepath.Join(i.StateDir(), "daemons") }

// PKIDir holds keys and certificates.
func (i Instance) PKIDir() string { return filepath.Join(i.StateDir(), "pki") }

// ConfDir holds the files that daemons read.
func (i Instance) ConfDir() string { return filepath.Join(i.StateDir(), "conf") }

// VolumesDir holds the data of PersistentVolumes.
func (i Instance) VolumesDir() string { return filepath.Join(i.StateDir(), "volumes") }

// AuditLog is written by the API server when auditing is on.
func (i Instance) AuditLog() string { return filepath.Join(i.LogDir(), "audit.log") }

// Kubeconfig is the administrator's.
func (i Instance) Kubeconfig() string { return filepath.Join(i.Dir(), "kubeconfig") }

// ComponentKubeconfig is a component's own.
func (i Instance) ComponentKubeconfig(user string) string {
	return filepath.Join(i.PKIDir(), user+".kubeconfig")
}

func (i Instance) conf(name string) string { return filepath.Join(i.ConfDir(), name) }
func (i Instance) pki(name string) string  { return filepath.Join(i.PKIDir(), name) }

// ContainerdRoot keeps pulled images over "down", so that the next "up" need not unpack them again.
func (n Node) ContainerdRoot() string {
	return filepath.Join(n.Dir(), "containerd", n.NodeName())
}

// Containerd's two sockets and its volatile state.
func (n Node) containerdState() string { return filepath.Join(n.RunDir(), n.NodeName()) }

// Socket is where containerd listens.
func (n Node) Socket() string { return filepath.Join(n.containerdState(), "containerd.sock") }

func (n Node) nodeConf(name string) string { return n.conf(n.NodeName() + "-" + name) }

// KubeletRoot is the kubelet's directory.
func (n Node) KubeletRoot() string { return filepath.Join(n.StateDir(), n.NodeName(), "kubelet") }

// PodLogs is the kubelet's directory of containers' logs.
func (n Node) PodLogs() string { return filepath.Join(n.StateDir(), n.NodeName(), "pods") }

func (n Node) cniConfDir() string { return n.conf(n.NodeName() + "-cni") }

// CNINetwork names the node's Pod network; libcni remembers its attachments by this name.
func (n Node) CNINetwork() string { return "ksb-" + n.Name + "." + n.NodeName() }
