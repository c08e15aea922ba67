package cluster

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// wordProblems tell of words in annotations of the resource that nobody takes, and of those that would be taken. A word that may
// have done its work, such as that of an earlier loss, is none. tokens are the words for what is lost now, by broker.
func wordProblems(cluster *v1beta1.KafkaCluster, tokens map[messages.BrokerID]string) []messages.FieldProblem {
	return slices.Concat(lossWordProblems(cluster, tokens), consentWordProblems(cluster), pauseWordProblems(cluster), restartWordProblems(cluster),
		unknownWordProblems(cluster))
}

// unknownWordProblems: whoever mistypes a name must not think that the cluster is paused.
func unknownWordProblems(cluster *v1beta1.KafkaCluster) []messages.FieldProblem {
	people := []string{kube.AnnotationPause, kube.AnnotationConsent, kube.AnnotationAllowDataLoss}
	known := append([]string{kube.AnnotationRestart, kube.AnnotationUndecodable, kube.AnnotationUndecodableField}, people...)
	var problems []messages.FieldProblem
	for _, name := range slices.Sorted(maps.Keys(cluster.Annotations)) {
		if strings.HasPrefix(name, "kafka.banzaicloud.io/") && !slices.Contains(known, name) {
			problems = append(problems, wordProblem(name, cluster.Annotations[name], "does nothing: the operator does not know this annotation; it knows "+
				strings.Join(people, ", ")))
		}
	}
	return problems
}

// pauseWordProblems: whoever writes a word of his own must not think that it lets the operator go on.
func pauseWordProblems(cluster *v1beta1.KafkaCluster) []messages.FieldProblem {
	switch word := cluster.Annotations[kube.AnnotationPause]; word {
	case "", "true", "false":
		return nil
	default:
		return []messages.FieldProblem{wordProblem(kube.AnnotationPause, word, `pauses like every word but "false"; write "true" to pause, or remove the annotation to go on`)}
	}
}

// restartWordProblems: a cluster is not restarted as a whole.
func restartWordProblems(cluster *v1beta1.KafkaCluster) []messages.FieldProblem {
	word, set := cluster.Annotations[kube.AnnotationRestart]
	if !set {
		return nil
	}
	return []messages.FieldProblem{wordProblem(kube.AnnotationRestart, word, "does nothing here; remove it, and annotate the Pod of each broker that is to restart: "+
		"kubectl annotate pod POD "+kube.AnnotationRestart+"=true")}
}

func lossWordProblems(cluster *v1beta1.KafkaCluster, tokens map[messages.BrokerID]string) []messages.FieldProblem {
	var problems []messages.FieldProblem
	given := givenUp(cluster)
	for _, text := range words(cluster.Annotations[kube.AnnotationAllowDataLoss]) {
		broker, claim, _ := strings.Cut(text, "/")
		id, err := messages.ParseBrokerID(broker)
		switch token := tokens[id]; {
		case err != nil || text != token && !lossWord(claim):
			problems = append(problems, wordProblem(kube.AnnotationAllowDataLoss, text, lossWords(tokens)))
		case token != "" && given[id] == text && text != token:
			problems = append(problems, wordProblem(kube.AnnotationAllowDataLoss, text,
				fmt.Sprintf("is not the loss that broker %d has now; to give that up, write %q", id, token)))
		}
	}
	return problems
}

// lossWord reports whether a word may be that of a loss, now or earlier: the beginning of the UID of a claim or a Pod; see lossTokens.
func lossWord(claim string) bool { return regexp.MustCompile(`^[0-9a-fA-F]{8}$`).MatchString(claim) }

// lossWords says what can be written: what is lost now, or where that would be told.
func lossWords(tokens map[messages.BrokerID]string) string {
	if len(tokens) == 0 {
		return "gives up nothing, and nothing is lost; remove it, condition " + kube.ConditionDataVolumeLost + " shows the word of a loss"
	}
	var taken []string
	for _, id := range slices.Sorted(maps.Keys(tokens)) {
		taken = append(taken, fmt.Sprintf("%q", tokens[id]))
	}
	return "gives up nothing; to give up what is lost now, write " + strings.Join(taken, ",")
}

func consentWordProblems(cluster *v1beta1.KafkaCluster) []messages.FieldProblem {
	var problems []messages.FieldProblem
	for _, word := range words(cluster.Annotations[kube.AnnotationConsent]) {
		switch {
		case word == kube.ConsentDynamicQuorum && !cluster.Spec.KRaft:
			problems = append(problems, wordProblem(kube.AnnotationConsent, word, "has no effect: this cluster has no metadata quorum; remove it"))
		case !slices.Contains(kube.ConsentWords(), word):
			problems = append(problems, wordProblem(kube.AnnotationConsent, word, fmt.Sprintf(
				"agrees to nothing; write %q for restarts that only a newer operator asks for, or %q for that move",
				"true", kube.ConsentDynamicQuorum)))
		}
	}
	return problems
}

func words(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' })
}

// longestWord is how many characters of an annotation are repeated to people.
const longestWord = 40

func wordProblem(annotation, word, what string) messages.FieldProblem {
	return messages.FieldProblem{
		Field: messages.FieldOf("metadata.annotations[" + annotation + "]"), Reason: messages.ReasonInvalidSpec, Severity: messages.SeverityWarning,
		Message: fmt.Sprintf("%q %s", messages.Elided(word, longestWord), what),
	}
}
