package plan

import (
	"fmt"
	"path/filepath"
)

// Daemon is a program that runs as long as the instance.
type Daemon struct {
	Name   string
	Args   []string // the first one is the program
	Env    []string
	OnHost bool // not in the instance's network namespace
}

// Etcd stores the cluster. Nothing in a sandbox is worth waiting for the disk.
func (i Instance) Etcd() Daemon {
	return Daemon{Name: "etcd", Args: []string{
		"etcd",
		"--name=sandbox",
		"--data-dir=" + filepath.Join(i.StateDir(), "etcd"),
		"--listen-client-urls=http://127.0.0.1:2379",
		"--advertise-client-urls=http://127.0.0.1:2379",
		"--listen-peer-urls=http://127.0.0.1:2380",
		"--initial-advertise-peer-urls=http://127.0.0.1:2380",
		"--initial-cluster=sandbox=http://127.0.0.1:2380",
		"--quota-backend-bytes=8589934592",
		"--auto-compaction-retention=5m",
		"--unsafe-no-fsync",
		"--logger=zap",
		"--log-level=warn",
	}}
}

// APIServerDaemon is kube-apiserver.
func (i Instance) APIServerDaemon() Daemon {
	args := []string{
		i.Self, "kube-apiserver",
		"--advertise-address=" + i.ControlIP(),
		"--secure-port=6443",
		"--etcd-servers=http://127.0.0.1:2379",
		"--service-cluster-ip-range=" + i.ServiceCIDR(),
		"--service-node-port-range=30000-32767",
		"--client-ca-file=" + i.pki("ca.crt"),
		"--tls-cert-file=" + i.pki("kube-apiserver.crt"),
		"--tls-private-key-file=" + i.pki("kube-apiserver.key"),
		"--kubelet-client-certificate=" + i.pki("kube-apiserver-kubelet-client.crt"),
		"--kubelet-client-key=" + i.pki("kube-apiserver-kubelet-client.key"),
		"--kubelet-certificate-authority=" + i.pki("ca.crt"),
		"--kubelet-preferred-address-types=InternalIP",
		"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
		"--service-account-key-file=" + i.pki("service-account.key"),
		"--service-account-signing-key-file=" + i.pki("service-account.key"),
		"--authorization-mode=Node,RBAC",
		"--enable-admission-plugins=NodeRestriction",
		"--allow-privileged=true",
		"--profiling=false",
		"--v=0",
	}
	if i.Audit {
		args = append(args,
			"--audit-policy-file="+i.conf("audit-policy.yaml"),
			"--audit-log-path="+i.AuditLog(),
			"--audit-log-maxsize=10000", // megabytes: one file, so that counting it is counting all
		)
	}
	return Daemon{Name: "kube-apiserver", Args: args}
}

// ControlPlane is what works against the API server.
func (i Instance) ControlPlane() []Daemon {
	return []Daemon{
		{Name: "kube-controller-manager", Args: []string{
			i.Self, "kube-controller-manager",
			"--kubeconfig=" + i.ComponentKubeconfig("kube-controller-manager"),
			"--bind-address=127.0.0.1",
			"--leader-elect=false",
			"--use-service-account-credentials=false",
			"--service-account-private-key-file=" + i.pki("service-account.key"),
			"--root-ca-file=" + i.pki("ca.crt"),
			"--cluster-signing-cert-file=" + i.pki("ca.crt"),
			"--cluster-signing-key-file=" + i.pki("ca.key"),
			"--profiling=false",
			"--v=0",
		}},
		{Name: "kube-scheduler", Args: []string{
			i.Self, "kube-scheduler",
			"--kubeconfig=" + i.ComponentKubeconfig("kube-scheduler"),
			"--bind-address=127.0.0.1",
			"--leader-elect=false",
			"--profiling=false",
			"--v=0",
		}},
		{Name: "kube-proxy", Args: []string{
			i.Self, "kube-proxy",
			"--config=" + i.conf("kube-proxy.yaml"),
			"--hostname-override=node-1",
			"--v=0",
		}},
		{Name: "provisioner", OnHost: true, Args: []string{
			i.Self, "provisioner", "--kubeconfig=" + i.ComponentKubeconfig("provisioner"), "--dir=" + i.VolumesDir(),
		}},
		{Name: "loadbalancer", OnHost: true, Args: []string{
			i.Self, "loadbalancer", "--kubeconfig=" + i.ComponentKubeconfig("loadbalancer"), "--pool=" + i.LoadBalancerCIDR(),
		}},
	}
}

// DNS is CoreDNS; it waits for the API server by itself.
func (i Instance) DNS() Daemon {
	return Daemon{Name: "coredns", Args: []string{
		filepath.Join(i.BinDir(), CoreDNSBinary), "-quiet", "-conf", i.conf("Corefile"),
	}}
}

// CoreDNSVersion is the module version that is built.
const CoreDNSVersion = "v1.15.0"

// CoreDNSBinary carries the version, so that a newer sandbox builds a newer one.
const CoreDNSBinary = "coredns-" + CoreDNSVersion

// RegistryDaemon serves images to the host and to the nodes.
func (i Instance) RegistryDaemon() Daemon {
	return Daemon{Name: "registry", OnHost: true, Args: []string{
		i.Self, "registry",
		"--blobs=" + i.BlobsDir(),
		"--manifests=" + i.ManifestsDir(),
		"--listen=" + i.Registry(),
		fmt.Sprintf("--listen=%s:%d", i.HostIP(), i.RegistryPort),
	}}
}

// Containerd runs the node's containers.
func (n Node) Containerd() Daemon {
	return Daemon{Name: n.NodeName() + "-containerd", Args: []string{
		"containerd", "--config", n.nodeConf("containerd.toml"), "--log-level", "warn",
	}}
}

// Kubelet is the node's agent.
func (n Node) Kubelet() Daemon {
	return Daemon{Name: n.NodeName() + "-kubelet", Args: []string{
		n.Self, "kubelet",
		"--config=" + n.nodeConf("kubelet.yaml"),
		"--kubeconfig=" + n.ComponentKubeconfig(n.NodeName()),
		"--hostname-override=" + n.NodeName(),
		"--node-ip=" + n.IP(),
		"--root-dir=" + n.KubeletRoot(),
		"--node-labels=topology.kubernetes.io/zone=" + n.Zone() + ",topology.kubernetes.io/region=sandbox",
		"--v=0",
	}}
}
