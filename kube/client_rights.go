package kube

// Right is what the daemon may do with one resource of the API.
type Right struct {
	Group, Resource string
	Verbs           []string // sorted
}

// Rights lists all that the daemon does to the API server, and so what its ClusterRole grants: deploy/rbac is compared
// with it. Server-side apply needs patch, and create where there is no such object yet.
func Rights() []Right {
	const own, core = "kafka.banzaicloud.io", ""
	return []Right{
		{own, "kafkaclusters", []string{"get", "list", "patch", "watch"}}, // patch releases finalizers
		{own, "kafkaclusters/status", []string{"patch"}},
		// Owner references with blockOwnerDeletion, where the admission plugin that checks them is on.
		{own, "kafkaclusters/finalizers", []string{"update"}},
		// Dependents, and their end with the cluster's.
		{own, "kafkatopics", []string{"delete", "list", "patch"}},
		{own, "kafkausers", []string{"delete", "list", "patch"}},
		{own, "cruisecontroloperations", []string{"delete", "list", "patch"}},
		{core, "pods", []string{"create", "delete", "list", "patch", "watch"}},
		{core, "pods/log", []string{"get"}},
		{core, "pods/eviction", []string{"create"}},
		{core, "pods/resize", []string{"patch"}},
		{core, "persistentvolumeclaims", []string{"create", "delete", "list", "patch", "watch"}},
		{core, "configmaps", []string{"create", "delete", "get", "list", "patch", "watch"}}, // Create looks before
		// Of a Service and a budget of Koperator's one looks who owns which field.
		{core, "services", []string{"create", "delete", "get", "list", "patch", "watch"}},
		{"policy", "poddisruptionbudgets", []string{"create", "delete", "get", "list", "patch", "watch"}},
		{core, "nodes", []string{"list", "watch"}},
		{core, "persistentvolumes", []string{"get"}},
		{"events.k8s.io", "events", []string{"create", "patch"}},
	}
}
