package kube

import (
	"slices"
	"unicode/utf8"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/koperator-go/koperator/messages"
)

// Condition types of a KafkaCluster. Ready is always there. Every other one exists only while it is True: what is
// wrong disappears when it is cured, and `kubectl wait` and kstatus understand Reconciling and Stalled so.
const (
	ConditionReady       = "Ready"
	ConditionReconciling = "Reconciling"
	ConditionStalled     = "Stalled"

	ConditionSpecWarning     = "SpecWarning"
	ConditionNotSupported    = "NotSupported"
	ConditionPaused          = "Paused"
	ConditionUpdateAvailable = "UpdateAvailable"
	ConditionBrokersLeaving  = "BrokersLeaving"
	ConditionStrayObjects    = "StrayObjects"
	ConditionLeftoverClaims  = "LeftoverClaims"
	ConditionPodsEnded       = "PodsEnded"
	ConditionRollBlocked     = "RollingUpgradeBlocked"
	ConditionUnprotected     = "UnprotectedPartitions"
	ConditionConfigRefused   = "ConfigRefused"
	ConditionMetadata        = "MetadataVersionPending"
	ConditionHeld            = "BrokersHeld"
	ConditionDataVolumeLost  = "DataVolumeLost"
	ConditionDisksFailed     = "DisksFailed"
	ConditionDiskFull        = "DiskFull"
	ConditionVoters          = "VotersPending"
	ConditionStaticQuorum    = "StaticQuorum"
	ConditionOffline         = "PartitionsOffline"
)

// Reasons of conditions.
const (
	ReasonRunning       = "Running"
	ReasonProgressing   = "Progressing"
	ReasonStarting      = "BrokersStarting"
	ReasonPaused        = "PausedByAnnotation"
	ReasonWaiting       = "WaitingForSomebody"
	ReasonFailing       = "Failing"
	ReasonUnreachable   = "KafkaUnreachable"
	ReasonImmutable     = "Immutable"
	ReasonNotRegistered = "NotRegistered"
	ReasonQuorum        = "QuorumDiffers"
	ReasonChangesWait   = "ChangesWait"
	ReasonSpecWarning   = "SpecWarning"
	ReasonNotSupported  = "NotSupported"
	ReasonNotOwned      = "NotOwned"
	ReasonNotInSpec     = "NotInSpec"
	ReasonRemoving      = "Removing"
	ReasonDisksGone     = "DisksGone"
	ReasonLogDirOffline = "LogDirOffline"
	ReasonNoRoom        = "NoRoom"
	ReasonPodEnded      = "PodEnded"
	ReasonRolling       = "RollingUpgrade"
	ReasonGatesClosed   = "GatesClosed"
	ReasonNoOrder       = "NoOrderKeepsThem"
	ReasonConfigRefused = "ConfigRefused"
	ReasonMetadata      = "NotRaised"
	ReasonHeld          = "CannotMove"
	ReasonNoLeader      = "NoLeader"
	ReasonUnfit         = "PodCannotBeMade"
)

// MaxConditionMessage is how long the message of a condition may be, in bytes. A cluster has a handful of conditions
// however many brokers it has, so there is room for the way out.
const MaxConditionMessage = 1000

// SetCondition returns the list with one condition set, and whether that changed anything. The transition time stays
// while the status does, so a repeated observation is no write. A condition other than Ready that is not True is taken
// out. The list that was given stays as it was.
func SetCondition(list []metav1.Condition, condition metav1.Condition, now metav1.Time) ([]metav1.Condition, bool) {
	if condition.Type != ConditionReady && condition.Status != metav1.ConditionTrue {
		return RemoveCondition(list, condition.Type)
	}
	condition.Message = messages.Elided(condition.Message, MaxConditionMessage)
	at := conditionIndex(list, condition.Type)
	if at < 0 {
		condition.LastTransitionTime = now
		return append(slices.Clone(list), condition), true
	}
	condition.LastTransitionTime = list[at].LastTransitionTime
	if list[at].Status != condition.Status || condition.LastTransitionTime.IsZero() {
		condition.LastTransitionTime = now
	}
	if list[at] == condition {
		return list, false
	}
	list = slices.Clone(list)
	list[at] = condition
	return list, true
}

// RemoveCondition returns the list without a condition, and whether it was there.
func RemoveCondition(list []metav1.Condition, kind string) ([]metav1.Condition, bool) {
	at := conditionIndex(list, kind)
	if at < 0 {
		return list, false
	}
	return slices.Delete(slices.Clone(list), at, at+1), true
}

// Condition returns a condition of the list, or nil.
func Condition(list []metav1.Condition, kind string) *metav1.Condition {
	if at := conditionIndex(list, kind); at >= 0 {
		return &list[at]
	}
	return nil
}

func conditionIndex(list []metav1.Condition, kind string) int {
	return slices.IndexFunc(list, func(c metav1.Condition) bool { return c.Type == kind })
}

// ConditionOf is a condition as it is given to SetCondition.
func ConditionOf(kind string, status bool, reason, message string, generation int64) metav1.Condition {
	condition := metav1.Condition{
		Type: kind, Status: metav1.ConditionFalse, Reason: reason, Message: message, ObservedGeneration: generation,
	}
	if status {
		condition.Status = metav1.ConditionTrue
	}
	return condition
}

// Tail is the end of a text in at most a number of bytes, between characters, and shows that something is missing.
func Tail(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	start := min(len(text)-limit+len(tailMark), len(text))
	for start < len(text) && !utf8.RuneStart(text[start]) {
		start++
	}
	return tailMark + text[start:]
}

// tailMark is what Tail puts in front of what it has cut.
const tailMark = "…"
