package plan

import (
	"encoding/json"
	"fmt"
	"path/filepath"

	"sigs.k8s.io/yaml"
)

// File is a configuration file of a daemon.
type File struct {
	Path    string
	Content string
}

// Files returns all configuration files of the instance.
func (i Instance) Files(cniBin string) []File {
	files := []File{
		{i.conf("audit-policy.yaml"), auditPolicy},
		{i.conf("Corefile"), i.corefile()},
		{i.conf("kube-proxy.yaml"), document(i.kubeProxyConfig())},
		{i.conf("resolv.conf"), ""}, // no name server of the host: nothing leaves the machine
	}
	for _, n := range i.NodeList() {
		files = append(files,
			File{n.nodeConf("containerd.toml"), n.containerdConfig(cniBin)},
			File{n.nodeConf("kubelet.yaml"), document(n.kubeletConfig())},
			File{filepath.Join(n.cniConfDir(), "10-pods.conflist"), n.cniConfig()},
			File{filepath.Join(n.registryConfDir(), n.Registry(), "hosts.toml"), n.registryConfig()},
		)
	}
	return files
}

type object map[string]any

func document(o object) string {
	text, err := yaml.Marshal(o)
	if err != nil {
		panic(err) // only strings, numbers and lists go in
	}
	return string(text)
}

const auditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: Metadata
`

func (i Instance) corefile() string {
	return fmt.Sprintf(`.:53 {
    bind %s
    errors
    health %s:8080
    ready %s:8181
    kubernetes cluster.local in-addr.arpa ip6.arpa {
        kubeconfig %s
        pods insecure
        ttl 5
    }
    cache {
        success 9984 5
        denial 9984 1
    }
}
`, i.ControlIP(), i.ControlIP(), i.ControlIP(), i.ComponentKubeconfig("coredns"))
}

func (i Instance) kubeProxyConfig() object {
	return object{
		"apiVersion":         "kubeproxy.config.k8s.io/v1alpha1",
		"kind":               "KubeProxyConfiguration",
		"mode":               "iptables",
		"clusterCIDR":        i.PodCIDR(),
		"detectLocalMode":    "ClusterCIDR",
		"clientConnection":   object{"kubeconfig": i.ComponentKubeconfig("kube-proxy")},
		"conntrack":          object{"maxPerCore": 0, "min": 0}, // belongs to the whole machine
		"healthzBindAddress": "127.0.0.1:10256",
		"metricsBindAddress": "127.0.0.1:10249",
		"oomScoreAdj":        0, // lowering it needs a capability that containers' hosts lack
		"iptables":           object{"minSyncPeriod": "200ms"},
	}
}

// containerdConfig: oom_score_adj cannot be lowered on machines without CAP_SYS_RESOURCE, and then every Pod would
// fail with "can't get final child's PID from pipe: EOF".
func (n Node) containerdConfig(cniBin string) string {
	return fmt.Sprintf(`version = 2
root = %q
state = %q
oom_score = 0

[grpc]
  address = %q

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = %q
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  stream_server_address = "127.0.0.1"
  stream_server_port = "0"
  max_concurrent_downloads = 4
  [plugins."io.containerd.grpc.v1.cri".containerd]
    default_runtime_name = "runc"
    discard_unpacked_layers = true
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
        Root = %q
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = %q
    conf_dir = %q
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = %q

[plugins."io.containerd.internal.v1.opt"]
  path = %q
`, n.ContainerdRoot(), n.containerdState(), n.Socket(), n.PauseImage(), filepath.Join(n.containerdState(), "runc"), cniBin, n.cniConfDir(), n.registryConfDir(),
		filepath.Join(n.ContainerdRoot(), "opt"))
}

// PauseImage keeps a Pod's namespaces open.
func (i Instance) PauseImage() string { return i.Image("pause", "1") }

func (n Node) registryConfDir() string { return n.conf("registries") }

// registryConfig tells containerd, which has another loopback than the host, where the host's registry is.
func (n Node) registryConfig() string {
	return fmt.Sprintf("server = \"http://%[1]s:%[2]d\"\n\n[host.\"http://%[1]s:%[2]d\"]\n  capabilities = [\"pull\", \"resolve\"]\n",
		n.HostIP(), n.RegistryPort)
}

// cniConfig routes each Pod by itself (ptp) instead of a bridge: packets between two Pods of one node then always pass
// the rules of kube-proxy, whatever the kernel thinks of filtering bridges.
func (n Node) cniConfig() string {
	text, err := json.MarshalIndent(object{
		"cniVersion": "0.4.0",
		"name":       n.CNINetwork(),
		"plugins": []object{
			{
				"type": "ptp", "ipMasq": false, "mtu": 1500,
				"ipam": object{
					"type":    "host-local",
					"ranges":  [][]object{{{"subnet": n.PodCIDR(), "gateway": n.IP()}}},
					"routes":  []object{{"dst": "0.0.0.0/0"}},
					"dataDir": filepath.Join(n.StateDir(), n.NodeName(), "addresses"),
				},
			},
			{"type": "portmap", "capabilities": object{"portMappings": true}},
		},
	}, "", "  ")
	if err != nil {
		panic(err) // only strings, numbers and lists go in
	}
	return string(text) + "\n"
}

func (n Node) kubeletConfig() object {
	return object{
		"apiVersion":  "kubelet.config.k8s.io/v1beta1",
		"kind":        "KubeletConfiguration",
		"address":     n.IP(),
		"port":        10250,
		"healthzPort": 0,
		"authentication": object{
			"anonymous": object{"enabled": false}, "webhook": object{"enabled": true}, "x509": object{"clientCAFile": n.pki("ca.crt")},
		},
		"authorization":            object{"mode": "Webhook"},
		"tlsCertFile":              n.pki(n.NodeName() + ".crt"),
		"tlsPrivateKeyFile":        n.pki(n.NodeName() + ".key"),
		"containerRuntimeEndpoint": "unix://" + n.Socket(),
		"cgroupDriver":             "cgroupfs",
		"cgroupRoot":               n.Cgroup(),
		"failCgroupV1":             false,
		"failSwapOn":               false,
		"enforceNodeAllocatable":   []string{},
		"clusterDNS":               []string{n.DNSServiceIP()},
		"clusterDomain":            "cluster.local",
		"resolvConf":               n.conf("resolv.conf"),
		"podLogsDir":               n.PodLogs(),
		"volumePluginDir":          filepath.Join(n.KubeletRoot(), "exec-plugins"),
		"registerNode":             true,
		"serializeImagePulls":      false,
		"registryPullQPS":          0,
		"oomScoreAdj":              0,
		// All nodes share one disk, and none of them may evict Pods for what the machine's owner keeps on it.
		"localStorageCapacityIsolation": false,
		"evictionHard": map[string]string{
			"memory.available": "50Mi", "nodefs.available": "1%", "imagefs.available": "1%", "nodefs.inodesFree": "1%",
		},
		"imageGCHighThresholdPercent": 99,
		"imageGCLowThresholdPercent":  98,
		"logging":                     object{"verbosity": 0},
	}
}
