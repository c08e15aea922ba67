package cluster

// stuckAlone reports whether everybody of a budget who is not ready is stuck: no process of theirs runs, so none recovers its
// log, and a drain that waits for them to become healthy waits for ever. What is on an emptyDir would go with the Pod.
func stuckAlone(nodes []node, selects func(node) bool) bool {
	found := false
	for _, n := range nodes {
		o := n.observed
		if !selects(n) || o.Gone || o.Pod == "" || n.healthy() {
			continue
		}
		if !o.Restart.Stuck || o.Stopping || n.volatile || !n.current() {
			return false
		}
		found = true
	}
	return found
}
