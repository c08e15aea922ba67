package cluster

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

const (
	// maxWords is how much of an ended Pod's last words status keeps for each broker: a thousand of them must fit.
	maxWords = 200
	// wordsHead is how much of them is kept from the beginning, where exit code and reason stand. The rest is of
	// the log, and tells why.
	wordsHead = 90
	// mostWords is of how many brokers status keeps them. Where more are down they die of one thing, and the object must
	// stay under what etcd takes.
	mostWords = 100
)

// withFewWords drops the last words of all but the first brokers.
func withFewWords(states map[string]v1beta1.BrokerState, nodes []node) {
	told := 0
	for _, n := range nodes {
		state, found := states[n.id.String()]
		if !found || state.Replacements == nil || state.Replacements.Message == "" {
			continue
		}
		if told++; told > mostWords {
			record := *state.Replacements
			record.Message = ""
			state.Replacements = &record
			states[n.id.String()] = state
		}
	}
}

// replacements is the record of Pods that ended by themselves. A new leader knows the count, not the words: they stay.
func replacements(known *v1beta1.PodReplacements, o messages.BrokerObserved) *v1beta1.PodReplacements {
	if o.Ended == 0 {
		return nil
	}
	last := metav1.NewTime(o.LastEnded.Truncate(time.Second))
	now := &v1beta1.PodReplacements{Count: o.Ended, Last: &last, Message: kube.ElidedLog(o.LastWords, headOf(o.LastWords, wordsHead), maxWords)}
	if now.Message == "" && known != nil {
		now.Message = known.Message
	}
	return now
}

// endedText tells how the Pods of brokers that are down ended, with as much of the log of the first as there is room for.
func (v view) endedText(ended []node) string {
	if len(ended) == 0 {
		return ""
	}
	first := ended[0]
	words := first.observed.LastWords
	if known := v.states[first.id.String()].Replacements; known != nil {
		words = cmp.Or(words, known.Message)
	}
	times := ""
	if count := first.observed.Ended; count > 1 {
		times = fmt.Sprintf(" (%d times in a row)", count)
	}
	others := ""
	if len(ended) > 1 {
		others = "; also Pods of " + named(ended[1:])
	}
	text := fmt.Sprintf("broker %d%s: %s", first.id, times, cmp.Or(words, "its Pod ended"))
	return kube.ElidedLog(text, headOf(text, maxWords), kube.MaxConditionMessage-len(others)) + others
}

// headOf is how much of the beginning of last words says how a container ended, before its log begins.
func headOf(words string, most int) int {
	if at := strings.Index(words, kube.LogEnds); at >= 0 {
		return min(at+len(kube.LogEnds), most)
	}
	return most
}
