package cluster

import (
	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
)

// consentOf is what status keeps of the annotation by which people agree to restarts that only a newer daemon asks for. It is good for
// the build that sees it first: where somebody left it behind, the next one would roll the cluster without asking. Other words are
// another consent, and so is the move of the quorum that they agree to: its roll may come with a later build than they did.
func consentOf(known *v1beta1.Consent, annotations map[string]string, build string, quorum v1beta1.QuorumMode) *v1beta1.Consent {
	words, agrees := kube.Consent(annotations)
	switch {
	case !agrees:
		return nil
	case known == nil, known.Words != words, known.Quorum != quorum && quorum == v1beta1.QuorumDynamic &&
		kube.ConsentsTo(annotations, kube.ConsentDynamicQuorum):
		return &v1beta1.Consent{Words: words, Build: build, Quorum: quorum}
	}
	return known
}

// consents reports whether people agree to what this build asks for. Only what is recorded counts, so that no word is good for a
// build and, after its end, for the next one.
func consents(known *v1beta1.Consent, annotations map[string]string, build string) bool {
	words, agrees := kube.Consent(annotations)
	return agrees && known != nil && known.Words == words && known.Build == build
}
