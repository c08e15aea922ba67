package kube

import "github.com/koperator-go/koperator/kube/api/v1beta1"

// Alerts is the number in a status of alerts that speak against restarts. It is the one thing of status that is somebody else's: whoever
// counts them writes it.
func Alerts(status v1beta1.KafkaClusterStatus) int {
	if status.RollingUpgrade == nil {
		return 0
	}
	return status.RollingUpgrade.ErrorCount
}

// WithAlerts is a status with this number of alerts.
func WithAlerts(status v1beta1.KafkaClusterStatus, count int) v1beta1.KafkaClusterStatus {
	if Alerts(status) == count {
		return status
	}
	counted := v1beta1.RollingUpgradeStatus{}
	if status.RollingUpgrade != nil {
		counted = *status.RollingUpgrade
	}
	counted.ErrorCount = count
	status.RollingUpgrade = &counted
	return status
}
