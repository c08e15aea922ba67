package plan

import (
	"fmt"
	"regexp"
	"strings"
)

// MaxInstances is how many sandboxes fit on one machine side by side.
const MaxInstances = 12

// MaxNodes keeps the node subnets clear of the one of the uplink.
const MaxNodes = 16

// Instance is one sandbox. The zero Index belongs to the first instance that came up on the machine.
type Instance struct {
	Name         string
	Index        int
	Nodes        int
	RegistryPort int
	Cache        string // directory of everything that outlives an instance
	Self         string // this program, which is also every Kubernetes component
	APIOnly      bool   // etcd and kube-apiserver alone
	Audit        bool
}

// Validate says what is wrong with the user's part of an instance.
func (i Instance) Validate() error {
	switch {
	case !instanceName.MatchString(i.Name):
		return fmt.Errorf("--instance %q: use up to 20 lower-case letters, digits and dashes, starting with a letter", i.Name)
	case i.Nodes < 1 && !i.APIOnly, i.Nodes > MaxNodes:
		return fmt.Errorf("--nodes %d: use 1 to %d", i.Nodes, MaxNodes)
	}
	return nil
}

// A name becomes part of paths of Unix sockets, which may have 107 characters.
var instanceName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,19}$`)

// Node is one of the instance's nodes; its number starts at 1.
type Node struct {
	Instance
	Number int
}

// NodeList returns the nodes in their order.
func (i Instance) NodeList() []Node {
	nodes := make([]Node, 0, i.Nodes)
	for n := 1; n <= i.Nodes; n++ {
		nodes = append(nodes, Node{Instance: i, Number: n})
	}
	return nodes
}

// NodeName is the name of the Node object.
func (n Node) NodeName() string { return fmt.Sprintf("node-%d", n.Number) }

// Zone spreads the nodes over three zones.
func (n Node) Zone() string { return string(rune('a' + (n.Number-1)%3)) }

// IP is the node's address, and the gateway of its Pods.
func (n Node) IP() string { return fmt.Sprintf("%s.%d.1", n.podPrefix(), n.Number) }

// PodCIDR holds the addresses of the node's Pods.
func (n Node) PodCIDR() string { return fmt.Sprintf("%s.%d.0/24", n.podPrefix(), n.Number) }

func (i Instance) podPrefix() string     { return fmt.Sprintf("10.%d", 244-i.Index) }
func (i Instance) servicePrefix() string { return fmt.Sprintf("10.%d", 96+i.Index) }

// PodCIDR holds the addresses of all nodes and Pods.
func (i Instance) PodCIDR() string { return i.podPrefix() + ".0.0/16" }

// ServiceCIDR holds the cluster addresses of Services.
func (i Instance) ServiceCIDR() string { return i.servicePrefix() + ".0.0/17" }

// LoadBalancerCIDR holds the addresses given to Services of type LoadBalancer.
func (i Instance) LoadBalancerCIDR() string { return i.servicePrefix() + ".128.0/24" }

// ServiceRoute covers cluster addresses and load balancers.
func (i Instance) ServiceRoute() string { return i.servicePrefix() + ".0.0/16" }

// APIServiceIP is the address of the Service "kubernetes".
func (i Instance) APIServiceIP() string { return i.servicePrefix() + ".0.1" }

// DNSServiceIP is the address of the Service "kube-dns".
func (i Instance) DNSServiceIP() string { return i.servicePrefix() + ".0.10" }

// HostIP is the host's end of the uplink.
func (i Instance) HostIP() string { return i.podPrefix() + ".255.1" }

// ControlIP is where the API server and the DNS server listen.
func (i Instance) ControlIP() string { return i.podPrefix() + ".255.2" }

// APIServer is the URL that the host and the components use.
func (i Instance) APIServer() string { return "https://" + i.ControlIP() + ":6443" }

// NoIndex is that of an instance that holds none: nothing with a number in its name is its own.
const NoIndex = -1

// HostLink is the host's network interface to the instance; empty for one without an index. It goes with the namespace that
// its other end is in.
func (i Instance) HostLink() string {
	if i.Index == NoIndex {
		return ""
	}
	return fmt.Sprintf("ksb%d", i.Index)
}

// Uplink is the instance's network interface to the host.
const Uplink = "uplink"

// Registry is the prefix of image references, the same for the host and for containerd.
func (i Instance) Registry() string { return fmt.Sprintf("127.0.0.1:%d", i.RegistryPort) }

// Image is the reference of one of our images.
func (i Instance) Image(name, tag string) string {
	return ImageBelow(i.Registry(), name, tag)
}

// ImageBelow is the reference of an image below a registry, or below a path in it: what the samples call REGISTRY.
func ImageBelow(prefix, name, tag string) string {
	return fmt.Sprintf("%s/koperator/%s:%s", strings.TrimSuffix(prefix, "/"), name, tag)
}

// CgroupRoot holds all cgroups of all instances.
const CgroupRoot = "/koperator-sandbox"

// Cgroup holds all processes of the instance, which is how "down" finds them.
func (i Instance) Cgroup() string { return CgroupRoot + "/" + i.Name }

// SystemCgroup holds the daemons.
func (i Instance) SystemCgroup() string { return i.Cgroup() + "/system" }

// Cgroup holds the node's Pods: two kubelets on one cgroup would kill each other's Pods.
func (n Node) Cgroup() string { return n.Instance.Cgroup() + "/" + n.NodeName() }
