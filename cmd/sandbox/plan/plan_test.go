package plan

import (
	"encoding/json"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

func instance(index int) Instance {
	return Instance{Name: "default", Index: index, Nodes: 3, RegistryPort: 5000 + index, Cache: "/cache", Self: "/cache/bin/sandbox"}
}

func TestValidate(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*Instance)
		want   string
	}{
		"the defaults are fine":                               {func(*Instance) {}, ""},
		"an API server alone has no nodes":                    {func(i *Instance) { i.Nodes, i.APIOnly = 0, true }, ""},
		"a cluster needs a node":                              {func(i *Instance) { i.Nodes = 0 }, "--nodes 0"},
		"more nodes than subnets are refused":                 {func(i *Instance) { i.Nodes = 17 }, "--nodes 17"},
		"a name that is no path element is refused":           {func(i *Instance) { i.Name = "../x" }, "--instance"},
		"a name too long for a Unix socket's path is refused": {func(i *Instance) { i.Name = strings.Repeat("x", 21) }, "--instance"},
		"an empty name is refused":                            {func(i *Instance) { i.Name = "" }, "--instance"},
	} {
		t.Run(name, func(t *testing.T) {
			i := instance(0)
			test.change(&i)
			err := i.Validate()
			if test.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, test.want)
		})
	}
}

func TestSubnetsOfInstancesAndNodesDoNotOverlap(t *testing.T) {
	var subnets []netip.Prefix
	for index := range MaxInstances {
		i := instance(index)
		i.Nodes = MaxNodes
		pods, services := netip.MustParsePrefix(i.PodCIDR()), netip.MustParsePrefix(i.ServiceRoute())
		require.False(t, netip.MustParsePrefix(i.ServiceCIDR()).Overlaps(netip.MustParsePrefix(i.LoadBalancerCIDR())))
		require.True(t, services.Overlaps(netip.MustParsePrefix(i.ServiceCIDR())))
		require.True(t, services.Contains(netip.MustParsePrefix(i.LoadBalancerCIDR()).Addr()))
		require.True(t, services.Contains(netip.MustParseAddr(i.DNSServiceIP())))
		nodes := []netip.Prefix{netip.MustParsePrefix(i.HostIP() + "/30").Masked()}
		for _, n := range i.NodeList() {
			subnet := netip.MustParsePrefix(n.PodCIDR())
			require.True(t, subnet.Contains(netip.MustParseAddr(n.IP())))
			require.True(t, pods.Overlaps(subnet))
			for _, other := range nodes {
				require.False(t, subnet.Overlaps(other), "%s and %s", subnet, other)
			}
			nodes = append(nodes, subnet)
		}
		for _, other := range subnets {
			require.False(t, pods.Overlaps(other) || services.Overlaps(other), "instance %d meets %s", index, other)
		}
		subnets = append(subnets, pods, services)
	}
}

func TestNodesAreSpreadOverThreeZones(t *testing.T) {
	i := instance(0)
	i.Nodes = 4
	var zones []string
	for _, n := range i.NodeList() {
		zones = append(zones, n.Zone())
	}
	require.Equal(t, []string{"a", "b", "c", "a"}, zones)
}

func TestSocketsFitIntoTheKernelsLimit(t *testing.T) {
	i := instance(0)
	i.Name, i.Nodes = strings.Repeat("x", 20), MaxNodes
	for _, n := range i.NodeList() {
		require.LessOrEqual(t, len(n.Socket()+".ttrpc"), 107)
	}
}

func TestDefaultCache(t *testing.T) {
	for name, test := range map[string]struct {
		env  map[string]string
		want string
	}{
		"its own variable comes first":  {map[string]string{"KOPERATOR_CACHE": "/a", "XDG_CACHE_HOME": "/b", "HOME": "/c"}, "/a"},
		"then that of desktop systems":  {map[string]string{"XDG_CACHE_HOME": "/b", "HOME": "/c"}, "/b/koperator"},
		"then the home directory's one": {map[string]string{"HOME": "/c"}, "/c/.cache/koperator"},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, test.want, DefaultCache(func(key string) string { return test.env[key] }))
		})
	}
}

func TestImageReferencesHaveTheSameFormForHostAndNodes(t *testing.T) {
	require.Equal(t, "127.0.0.1:5000/koperator/kafka:4.3.1", instance(0).Image("kafka", "4.3.1"))
	require.Equal(t, "registry.example.com/team/koperator/kafka:4.3.1", ImageBelow("registry.example.com/team/", "kafka", "4.3.1"), "a slash too much")
	node := instance(0).NodeList()[0]
	files := fileMap(instance(0))
	require.Contains(t, files["/cache/sandbox/default/state/conf/registries/127.0.0.1:5000/hosts.toml"], `server = "http://10.244.255.1:5000"`)
	require.Contains(t, files[node.nodeConf("containerd.toml")], `config_path = "/cache/sandbox/default/state/conf/registries"`)
	require.Equal(t, []string{"127.0.0.1:5000", "10.244.255.1:5000"}, listens(instance(0).RegistryDaemon()))
}

func listens(d Daemon) []string {
	var addresses []string
	for _, arg := range d.Args {
		if address, found := strings.CutPrefix(arg, "--listen="); found {
			addresses = append(addresses, address)
		}
	}
	return addresses
}

func fileMap(i Instance) map[string]string {
	files := map[string]string{}
	for _, file := range i.Files("/usr/lib/cni") {
		files[file.Path] = file.Content
	}
	return files
}

func TestEachFileThatADaemonIsGivenExistsOrIsMadeElsewhere(t *testing.T) {
	i := instance(0)
	i.Audit = true
	files := fileMap(i)
	daemons := append(i.ControlPlane(), i.Etcd(), i.APIServerDaemon(), i.DNS())
	for _, n := range i.NodeList() {
		daemons = append(daemons, n.Containerd(), n.Kubelet())
	}
	given := 0
	for _, d := range daemons {
		for _, arg := range d.Args {
			_, path, found := strings.Cut(arg, "=")
			if !found {
				path = arg
			}
			if strings.HasPrefix(path, i.ConfDir()+"/") {
				given++
				require.Contains(t, files, path, "%s of %s", arg, d.Name)
			}
		}
	}
	require.Equal(t, 9, given, "audit policy, kube-proxy, CoreDNS, and two for each node")
}

func TestDaemonNamesAreUnique(t *testing.T) {
	i := instance(0)
	daemons := append(i.ControlPlane(), i.Etcd(), i.APIServerDaemon(), i.DNS(), i.RegistryDaemon())
	for _, n := range i.NodeList() {
		daemons = append(daemons, n.Containerd(), n.Kubelet())
	}
	names := make([]string, 0, len(daemons))
	for _, d := range daemons {
		names = append(names, d.Name)
	}
	slices.Sort(names)
	require.Len(t, slices.Compact(slices.Clone(names)), len(names))
}

func TestTheAuditLogIsWrittenOnlyOnDemand(t *testing.T) {
	i := instance(0)
	require.NotContains(t, strings.Join(i.APIServerDaemon().Args, " "), "--audit")
	i.Audit = true
	require.Contains(t, i.APIServerDaemon().Args, "--audit-log-path=/cache/sandbox/default/logs/audit.log")
}

func TestKubeletConfigurations(t *testing.T) {
	files := fileMap(instance(1))
	roots := map[string]bool{}
	for _, n := range instance(1).NodeList() {
		var config map[string]any
		require.NoError(t, yaml.Unmarshal([]byte(files[n.nodeConf("kubelet.yaml")]), &config))
		require.Equal(t, n.IP(), config["address"], "each kubelet has the usual port on an address of its own")
		require.Equal(t, false, config["failCgroupV1"])
		require.Equal(t, "cgroupfs", config["cgroupDriver"])
		require.Equal(t, []any{"10.97.0.10"}, config["clusterDNS"])
		require.Equal(t, "unix:///run/koperator-sandbox/default/"+n.NodeName()+"/containerd.sock", config["containerRuntimeEndpoint"])
		roots[config["cgroupRoot"].(string)] = true
	}
	require.Len(t, roots, 3, "two kubelets on one cgroup would kill each other's Pods")
}

func TestContainerdDoesNotLowerOOMScores(t *testing.T) {
	n := instance(0).NodeList()[1]
	config := n.containerdConfig("/usr/lib/cni")
	require.Contains(t, config, "restrict_oom_score_adj = true")
	require.Contains(t, config, "SystemdCgroup = false")
	require.Contains(t, config, `root = "/cache/sandbox/default/containerd/node-2"`)
	require.Contains(t, config, `sandbox_image = "127.0.0.1:5000/koperator/pause:1"`)
	require.NotContains(t, config, "%!")
}

func TestPodNetworkIsTheNodesOwn(t *testing.T) {
	var config struct {
		Name    string
		Plugins []struct {
			Type string
			Ipam struct {
				Ranges [][]struct{ Subnet, Gateway string }
			}
		}
	}
	require.NoError(t, json.Unmarshal([]byte(instance(0).NodeList()[2].cniConfig()), &config))
	require.Equal(t, "ksb-default.node-3", config.Name)
	require.Equal(t, "ptp", config.Plugins[0].Type)
	require.Equal(t, "10.244.3.0/24", config.Plugins[0].Ipam.Ranges[0][0].Subnet)
	require.Equal(t, "10.244.3.1", config.Plugins[0].Ipam.Ranges[0][0].Gateway)
}
