package cluster

import (
	"slices"

	"github.com/koperator-go/koperator/kube"
)

// consents is what has become of the annotation by which people agree to restarts that only a newer daemon asks for. It is good for one
// update: where somebody left it behind, the next version of the daemon would roll the cluster without asking.
type consents struct {
	// used is set while an update goes on that the annotation agreed to.
	used bool
	// spent is the annotation's value whose update is done, nil where there is none. Status remembers it.
	spent *string
}

// agrees reports whether the annotation agrees to such restarts now.
func (s consents) agrees(annotations map[string]string) bool {
	return kube.Consents(annotations) && !s.spentOn(annotations)
}

func (s consents) spentOn(annotations map[string]string) bool {
	value, set := annotations[kube.AnnotationConsent]
	return set && s.spent != nil && *s.spent == value
}

// next follows the annotation and the nodes. Another word is another consent. The move of a quorum that the same annotation agrees
// to comes before the update that it leads to.
func (s consents) next(annotations map[string]string, nodes []node, quorumMoves bool) consents {
	switch {
	case s.spentOn(annotations):
		return consents{spent: s.spent}
	case !kube.Consents(annotations), quorumMoves:
		return consents{}
	}
	waits := slices.ContainsFunc(nodes, func(n node) bool { return n.observed.Update != "" })
	done := !slices.ContainsFunc(nodes, func(n node) bool { return !n.current() || n.observed.Update != "" })
	if s.used && done {
		value := annotations[kube.AnnotationConsent]
		return consents{spent: &value}
	}
	return consents{used: s.used || waits}
}
