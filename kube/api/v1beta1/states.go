package v1beta1

import "strings"

// ClusterState is the state of a cluster in one word.
type ClusterState string

// The states of a cluster.
const (
	ClusterReconciling      ClusterState = "ClusterReconciling"
	ClusterRollingUpgrading ClusterState = "ClusterRollingUpgrading"
	ClusterRunning          ClusterState = "ClusterRunning"
)

// ConfigurationState says whether a broker runs with the wanted configuration.
type ConfigurationState string

// The configuration states.
const (
	ConfigInSync    ConfigurationState = "ConfigInSync"
	ConfigOutOfSync ConfigurationState = "ConfigOutOfSync"
)

// PerBrokerConfigurationState says whether a broker's dynamic configuration is the wanted one.
type PerBrokerConfigurationState string

// The states of dynamic configuration.
const (
	PerBrokerConfigInSync    PerBrokerConfigurationState = "PerBrokerConfigInSync"
	PerBrokerConfigOutOfSync PerBrokerConfigurationState = "PerBrokerConfigOutOfSync"
	PerBrokerConfigError     PerBrokerConfigurationState = "PerBrokerConfigError"
)

// RackAwarenessState is empty or the line broker.rack=… with a newline at its end.
type RackAwarenessState string

// States that old objects carry; Configured says nothing about the rack and counts as empty.
const (
	WaitingForRackAwareness RackAwarenessState = "WaitingForRackAwareness"
	RackAwarenessConfigured RackAwarenessState = "Configured"
)

const rackLinePrefix = "broker.rack="

// RackAwarenessStateOf returns the state that stands for a rack.
func RackAwarenessStateOf(rack string) RackAwarenessState {
	return RackAwarenessState(rackLinePrefix + rack + "\n")
}

// Rack returns the rack that the state stands for, and whether it is known.
func (s RackAwarenessState) Rack() (string, bool) {
	rack, found := strings.CutPrefix(string(s), rackLinePrefix)
	if !found {
		return "", false
	}
	return strings.TrimSuffix(rack, "\n"), true
}

// CruiseControlTopicStatus says whether Cruise Control's metrics topic is there.
type CruiseControlTopicStatus string

// The states of the metrics topic.
const (
	CruiseControlTopicNotReady CruiseControlTopicStatus = "CruiseControlTopicNotReady"
	CruiseControlTopicReady    CruiseControlTopicStatus = "CruiseControlTopicReady"
)

// CruiseControlState is the state of adding or removing a broker.
type CruiseControlState string

// The states of adding a broker.
const (
	GracefulUpscaleRequired           CruiseControlState = "GracefulUpscaleRequired"
	GracefulUpscaleScheduled          CruiseControlState = "GracefulUpscaleScheduled"
	GracefulUpscaleRunning            CruiseControlState = "GracefulUpscaleRunning"
	GracefulUpscaleSucceeded          CruiseControlState = "GracefulUpscaleSucceeded"
	GracefulUpscaleCompletedWithError CruiseControlState = "GracefulUpscaleCompletedWithError"
	GracefulUpscalePaused             CruiseControlState = "GracefulUpscalePaused"
)

// The states of removing a broker.
const (
	GracefulDownscaleRequired           CruiseControlState = "GracefulDownscaleRequired"
	GracefulDownscaleScheduled          CruiseControlState = "GracefulDownscaleScheduled"
	GracefulDownscaleRunning            CruiseControlState = "GracefulDownscaleRunning"
	GracefulDownscaleSucceeded          CruiseControlState = "GracefulDownscaleSucceeded"
	GracefulDownscaleCompletedWithError CruiseControlState = "GracefulDownscaleCompletedWithError"
	GracefulDownscalePaused             CruiseControlState = "GracefulDownscalePaused"
)

// IsUpscale says whether the state is one of adding a broker.
func (s CruiseControlState) IsUpscale() bool {
	return strings.HasPrefix(string(s), "GracefulUpscale")
}

// IsDownscale says whether the state is one of removing a broker.
func (s CruiseControlState) IsDownscale() bool {
	return strings.HasPrefix(string(s), "GracefulDownscale")
}

// CruiseControlVolumeState is the state of filling or emptying a disk.
type CruiseControlVolumeState string

// The states of filling a disk.
const (
	GracefulDiskRebalanceRequired           CruiseControlVolumeState = "GracefulDiskRebalanceRequired"
	GracefulDiskRebalanceScheduled          CruiseControlVolumeState = "GracefulDiskRebalanceScheduled"
	GracefulDiskRebalanceRunning            CruiseControlVolumeState = "GracefulDiskRebalanceRunning"
	GracefulDiskRebalanceSucceeded          CruiseControlVolumeState = "GracefulDiskRebalanceSucceeded"
	GracefulDiskRebalanceCompletedWithError CruiseControlVolumeState = "GracefulDiskRebalanceCompletedWithError"
	GracefulDiskRebalancePaused             CruiseControlVolumeState = "GracefulDiskRebalancePaused"
)

// The states of emptying a disk.
const (
	GracefulDiskRemovalRequired           CruiseControlVolumeState = "GracefulDiskRemovalRequired"
	GracefulDiskRemovalScheduled          CruiseControlVolumeState = "GracefulDiskRemovalScheduled"
	GracefulDiskRemovalRunning            CruiseControlVolumeState = "GracefulDiskRemovalRunning"
	GracefulDiskRemovalSucceeded          CruiseControlVolumeState = "GracefulDiskRemovalSucceeded"
	GracefulDiskRemovalCompletedWithError CruiseControlVolumeState = "GracefulDiskRemovalCompletedWithError"
	GracefulDiskRemovalPaused             CruiseControlVolumeState = "GracefulDiskRemovalPaused"
)

// IsRemoval says whether the state is one of emptying a disk.
func (s CruiseControlVolumeState) IsRemoval() bool {
	return strings.HasPrefix(string(s), "GracefulDiskRemoval")
}
