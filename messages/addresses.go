package messages

// Addresses tells where the nodes of one cluster are reached from inside Kubernetes. Names are those of the
// Services that `kube` makes and of the listeners that `kafka` renders, so both read them here.
type Addresses struct {
	Cluster  ClusterKey
	Domain   string // cluster domain, for example "cluster.local"
	Headless bool   // Pods have stable names under a headless Service, instead of one Service each
}

// HeadlessService is the name of the Service that all brokers share in headless mode.
func (a Addresses) HeadlessService() string { return a.Cluster.Name + "-headless" }

// ControllerService is the name of the Service that finds the KRaft controllers; it exists in both modes.
func (a Addresses) ControllerService() string { return a.Cluster.Name + "-controller-headless" }

// AllBrokerService is the name of the Service that load-balances over all brokers without headless mode.
func (a Addresses) AllBrokerService() string { return a.Cluster.Name + "-all-broker" }

// BrokerService is the name of one broker's own Service without headless mode.
func (a Addresses) BrokerService(id BrokerID) string { return a.Cluster.Name + "-" + id.String() }

// PodHostname is the host name inside the broker's Pod in headless mode.
func (a Addresses) PodHostname(id BrokerID) string { return a.Cluster.Name + "-" + id.String() }

// Bootstrap is the DNS name that reaches any broker.
func (a Addresses) Bootstrap() string {
	if a.Headless {
		return a.service(a.HeadlessService())
	}
	return a.service(a.AllBrokerService())
}

// Controllers is the DNS name that resolves to all controllers.
func (a Addresses) Controllers() string { return a.service(a.ControllerService()) }

// Broker is the DNS name of a node that has the broker role.
func (a Addresses) Broker(id BrokerID) string {
	if a.Headless {
		return a.PodHostname(id) + "." + a.service(a.HeadlessService())
	}
	return a.service(a.BrokerService(id))
}

// Controller is the DNS name of a node on its controller listener. A Pod has one subdomain only (Kubernetes:
// pod.spec.subdomain), so a combined node is found under the brokers' Service, a controller-only node under the
// controllers'.
func (a Addresses) Controller(id BrokerID, alsoBroker bool) string {
	switch {
	case !a.Headless:
		return a.service(a.BrokerService(id))
	case alsoBroker:
		return a.Broker(id)
	default:
		return a.PodHostname(id) + "." + a.service(a.ControllerService())
	}
}

func (a Addresses) service(name string) string {
	return name + "." + a.Cluster.Namespace + ".svc." + a.Domain
}
