package kube

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/koperator-go/koperator/messages"
)

// Annotations that we write.
const (
	// AnnotationMountPath ties a claim to its storageConfigs entry.
	AnnotationMountPath = "mountPath"
	// AnnotationUserInputsHash says which of the user's inputs a Pod runs with; a difference means a restart.
	AnnotationUserInputsHash = "kafka.banzaicloud.io/user-inputs-hash"
	// AnnotationRenderedHash says what a Pod and its file look like as a whole; a difference waits for consent.
	AnnotationRenderedHash = "kafka.banzaicloud.io/rendered-hash"
	// AnnotationAdoptedWith on a Pod that Koperator made says what the user's inputs were when it was taken over.
	AnnotationAdoptedWith = "kafka.banzaicloud.io/adopted-with"
	// AnnotationStartedWith is the second part of AnnotationUserInputsHash at the start of a broker whose file was changed
	// since, while it ran.
	AnnotationStartedWith = "kafka.banzaicloud.io/started-with"
	// AnnotationResizing is on a Pod while its CPU may not be that of its hash; empty when it is.
	AnnotationResizing = "kafka.banzaicloud.io/resizing"
	// AnnotationFilesHash is what the files in a broker's ConfigMap hash to when we wrote them.
	AnnotationFilesHash = "kafka.banzaicloud.io/files-hash"
	// AnnotationLevelsOf on a broker's ConfigMap is the UID of the Pod that took the levels of its loggers while it ran: a Pod that
	// the cache does not show may run when the file is written for another one.
	AnnotationLevelsOf = "kafka.banzaicloud.io/levels-of"
	// AnnotationWantedHash is what all that is wanted of an object hashes to; see signed.
	AnnotationWantedHash = "kafka.banzaicloud.io/wanted-hash"
	// AnnotationFormat carries a claim's right to be formatted, or that it has been; see FormatState.
	AnnotationFormat = "kafka.banzaicloud.io/format"
	// AnnotationNodeDisks names on a formatted claim all disks of its node on which Kafka was seen to run, mount paths separated by
	// commas: whoever finds claims without a status knows by it which ones are missing.
	AnnotationNodeDisks = "kafka.banzaicloud.io/node-disks"
	// AnnotationLogDirReleased marks the claim of a disk that left the spec once nothing is on it that is not elsewhere: no Pod
	// is made with it any more. Empty means not set.
	AnnotationLogDirReleased = "kafka.banzaicloud.io/log-dir-released"
	// AnnotationRetainedClaim names the cluster of a claim that outlives it and therefore has no owner reference.
	AnnotationRetainedClaim = "kafka.banzaicloud.io/retained-claim"
	// AnnotationConfigurationBackup is a broker's entry of the spec, kept on its ConfigMap; see ConfigurationBackup.
	AnnotationConfigurationBackup = "kafka.banzaicloud.io/configuration-backup"
	// AnnotationLastApplied is Koperator's record of what it wrote last.
	AnnotationLastApplied = "banzaicloud.com/last-applied"
)

// RestartAsked reports whether a person asks for the restart of a Pod: with every word but "false" and "no".
func RestartAsked(pod *corev1.Pod) bool {
	word := strings.ToLower(pod.Annotations[AnnotationRestart])
	return word != "" && word != "false" && word != "no"
}

// Annotations that a user sets.
const (
	AnnotationPause = "kafka.banzaicloud.io/pause-reconciliation"
	// AnnotationRestart on a broker's Pod asks for its restart (see RestartAsked), through the same gates as any other; with the value
	// RestartForced through those of the quorum alone.
	AnnotationRestart = "kafka.banzaicloud.io/restart"
	RestartForced     = "force"
	// AnnotationConsent on a KafkaCluster agrees to restarts that only a newer version of the operator asks for.
	AnnotationConsent = "kafka.banzaicloud.io/consent"
	// AnnotationAllowDataLoss on a KafkaCluster gives up lost disks, in the words of condition DataVolumeLost: they are replaced by
	// empty ones although some partitions have no other copy.
	AnnotationAllowDataLoss = "kafka.banzaicloud.io/allow-data-loss"
	// ConsentDynamicQuorum, among the words of AnnotationConsent, agrees to what cannot be taken back: that the metadata quorum
	// keeps its voters itself.
	ConsentDynamicQuorum = "dynamic-quorum"
	// AnnotationRemoteOwner marks an object that belongs to a daemon in another Kubernetes cluster.
	AnnotationRemoteOwner = "cluster-registry.k8s.cisco.com/resource-owner-cluster-id"
	// annotationSidecarStatus is what Istio's injector leaves on a Pod.
	annotationSidecarStatus = "sidecar.istio.io/status"
)

// ConsentWords are what the annotation takes; each but the last agrees to restarts that only a newer daemon asks for, and an empty
// value does, too.
func ConsentWords() []string { return []string{"true", "yes", ConsentDynamicQuorum, "false"} }

// Consent reports whether a person agrees to restarts that only a newer daemon asks for, and by which words: those that are known, and
// "true" where there is none. A word that nobody knows agrees to nothing.
func Consent(annotations map[string]string) (words string, agrees bool) {
	value, set := annotations[AnnotationConsent]
	if !set {
		return "", false
	}
	all := consentWords(value)
	if len(all) == 0 {
		return ConsentWords()[0], true
	}
	known := slices.DeleteFunc(all, func(word string) bool { return !slices.Contains(ConsentWords(), word) })
	return strings.Join(known, ","), len(known) > 0 && !slices.Contains(known, "false")
}

func consentWords(value string) []string {
	return strings.FieldsFunc(value, func(r rune) bool { return r == ',' || r == ' ' })
}

// ConsentsTo reports whether a person agrees to something by its name: the annotation's value is a list of words.
func ConsentsTo(annotations map[string]string, word string) bool {
	return slices.Contains(consentWords(annotations[AnnotationConsent]), word)
}

// FormatState is what AnnotationFormat says about a claim. The right to format belongs to the claim and can be used
// once: Kafka's own --ignore-formatted would also format a volume that came back empty, and with it forget the
// replicas that were there. The cluster id stays on a retained claim, so that a cluster of the same name finds it.
type FormatState struct {
	Allowed   bool
	Formatted bool
	ClusterID string
	// Quorum is how the cluster's controllers know each other: who finds nothing but claims must not make another quorum
	// of them. Empty on claims that were written before it was recorded.
	Quorum messages.QuorumMode
	// Joins marks the disk of a first voter that was made when the quorum had formed: those who formed it know another
	// directory id, so the node has to be added to the quorum and may not bring a list of its own.
	Joins bool
}

// String is the annotation's value, "allowed:<cluster id>:<quorum>" or "formatted:<cluster id>:<quorum>", with ZooKeeper "formatted:"
// alone; empty for a claim that Koperator made.
func (f FormatState) String() string {
	word := ""
	switch {
	case f.Formatted:
		word = "formatted:"
	case f.Allowed:
		word = "allowed:"
	default:
		return ""
	}
	text := word + f.ClusterID
	if f.Quorum != messages.QuorumNone {
		text += ":" + string(f.Quorum)
		if f.Joins {
			text += ":" + joins
		}
	}
	return text
}

const joins = "joins"

// FormatStateOf reads the annotations of a claim. A value that nobody of us wrote gives no right.
func FormatStateOf(annotations map[string]string) FormatState {
	word, rest, _ := strings.Cut(annotations[AnnotationFormat], ":")
	id, rest, _ := strings.Cut(rest, ":")
	quorum, how, _ := strings.Cut(rest, ":")
	state := FormatState{ClusterID: id, Joins: how == joins}
	if mode := messages.QuorumMode(quorum); mode == messages.QuorumStatic || mode == messages.QuorumDynamic {
		state.Quorum = mode
	}
	switch word {
	case "allowed":
		state.Allowed = true
		return state
	case "formatted":
		state.Formatted = true
		return state
	default:
		return FormatState{}
	}
}
