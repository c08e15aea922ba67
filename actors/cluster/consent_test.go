package cluster

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
)

func TestConsentIsGoodForTheBuildThatSeesItFirst(t *testing.T) {
	by := func(words, build string, quorum v1beta1.QuorumMode) *v1beta1.Consent {
		return &v1beta1.Consent{Words: words, Build: build, Quorum: quorum}
	}
	const static, dynamic = v1beta1.QuorumStatic, v1beta1.QuorumDynamic
	for name, test := range map[string]struct {
		known  *v1beta1.Consent
		value  string // "-" for no annotation
		quorum v1beta1.QuorumMode
		want   *v1beta1.Consent
		// before and after say whether it agrees before what is wanted is recorded, and then.
		before, after bool
	}{
		"nobody agrees":                   {value: "-", quorum: dynamic},
		"somebody does":                   {value: "true", quorum: dynamic, want: by("true", "new", dynamic), after: true},
		"without a word":                  {value: "", quorum: dynamic, want: by("true", "new", dynamic), after: true},
		"by two words and an unknown one": {value: "yes bananas,true", quorum: dynamic, want: by("yes,true", "new", dynamic), after: true},
		"bananas":                         {known: by("true", "new", dynamic), value: "bananas", quorum: dynamic},
		"still":                           {known: by("true", "new", dynamic), value: "true", quorum: dynamic, want: by("true", "new", dynamic), before: true, after: true},
		"to an earlier build":             {known: by("true", "old", dynamic), value: "true", quorum: dynamic, want: by("true", "old", dynamic)},
		"in other words":                  {known: by("true", "old", dynamic), value: "yes", quorum: dynamic, want: by("yes", "new", dynamic), after: true},
		"no more":                         {known: by("true", "new", dynamic), value: "-", quorum: dynamic},
		"not":                             {known: by("true", "new", dynamic), value: "true,false", quorum: dynamic},
		"to a move that waits":            {known: by("dynamic-quorum", "old", static), value: "dynamic-quorum", quorum: static, want: by("dynamic-quorum", "old", static)},
		"to a move that was made": {
			known: by("dynamic-quorum", "old", static), value: "dynamic-quorum", quorum: dynamic, want: by("dynamic-quorum", "new", dynamic), after: true,
		},
		"to something else than the move that was made": {known: by("true", "old", static), value: "true", quorum: dynamic, want: by("true", "old", static)},
		"to a move long ago": {
			known: by("dynamic-quorum", "old", dynamic), value: "dynamic-quorum", quorum: dynamic, want: by("dynamic-quorum", "old", dynamic),
		},
	} {
		t.Run(name, func(t *testing.T) {
			annotations := map[string]string{}
			if test.value != "-" {
				annotations[kube.AnnotationConsent] = test.value
			}
			is := consentOf(test.known, annotations, "new", test.quorum)
			require.Equal(t, test.want, is)
			require.Equal(t, test.before, consents(test.known, annotations, "new"))
			require.Equal(t, test.after, consents(is, annotations, "new"))
		})
	}
}
