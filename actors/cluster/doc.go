// Package cluster is one actor per KafkaCluster. It knows who exists and says in which order things change; it makes
// what belongs to the whole cluster (Services, PodDisruptionBudgets, shared ConfigMaps) and writes the status.
//
//	custom resource ─▶ validate ─▶ decide (cluster id, quorum) ─▶ tell brokers ─▶ their reports ─▶ status
//
// Its brokers and the health actor are its children. A spec that cannot work changes nothing: brokers go on with the
// last one that could, and the condition says what is wrong. Status has one writer, this actor: the cluster id and the
// list of formatted disks that it holds are recorded there before anything that depends on them is done.
package cluster
