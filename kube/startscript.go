package kube

import (
	_ "embed"
	"strings"
)

// StartScriptWaits is how the start script begins a line that says what it waits for before it runs Kafka.
const StartScriptWaits = "start: waiting: "

// startScript is what the kafka container runs. It is a file of its own so that shell tools can read it.
//
//go:embed startscript.sh
var startScript string

// zooKeeperPart guards the log dirs of a broker in ZooKeeper mode.
//
//go:embed startscript_zookeeper.sh
var zooKeeperPart string

// beforeKafka is where the start script has done all else: one line that it has once.
const beforeKafka = "leave_if_stopped\n\nrun "

// startScriptOf leaves nodes of KRaft clusters without what is not about them: with another text each of them would wait for a restart.
func startScriptOf(kraft bool) string {
	if kraft {
		return startScript
	}
	return strings.Replace(startScript, beforeKafka, zooKeeperPart+beforeKafka, 1)
}

// The variables by which the Pod tells the start script what it may do; users cannot set them.
const (
	envClusterID          = "CLUSTER_ID"
	envQuorum             = "KAFKA_QUORUM"
	envFormatDirs         = "KAFKA_FORMAT_DIRS"
	envInitialControllers = "KAFKA_INITIAL_CONTROLLERS"
	envFirstPod           = "KAFKA_FIRST_POD"
	envLogDirs            = "LOG_DIRS"
	envSidecarStatus      = "ENVOY_SIDECAR_STATUS"
)

// startState is where the script keeps its markers: an emptyDir on disk, which outlives the container and a reboot of
// the node, and goes with the Pod.
const startState = "/var/run/koperator"

// StartScriptUnformatted is what it says of a log dir that should be formatted and is not.
const StartScriptUnformatted = " has no meta.properties"
