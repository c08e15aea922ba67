// Package cluster is one actor per KafkaCluster. It knows who exists and says in which order things change; it makes
// what belongs to the whole cluster (Services, PodDisruptionBudgets, shared ConfigMaps) and writes the status.
//
//	custom resource ─▶ validate ─▶ decide (cluster id, quorum) ─▶ tell brokers ─▶ their reports ─▶ status
//
// Its brokers and the health actor are its children. A spec that cannot work changes nothing: brokers go on with the
// last one that could, and the condition says what is wrong. Status has one writer, this actor: the cluster id and the
// list of formatted disks that it holds are recorded there before anything that depends on them is done.
//
// It alone allows a broker to be disturbed, by pure functions over the nodes and Kafka's newest answer: who restarts (permits.go, returning.go),
// who leaves for good (removal.go), whose lost disks are replaced by empty ones (recovery.go), whose vote is given or taken
// (voters.go), and the way from a static quorum to a dynamic one (quorummove.go). A permit that is taken back still keeps others
// waiting until the broker has heard of that. Configuration of all brokers (wide.go), the replicas on brokers that leave (moves.go, bound by throttle.go,
// only without Cruise Control) and metadata.version (upgrade.go) are changed through any broker that is ready.
package cluster
