package cluster

import (
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/utils/ptr"

	"github.com/koperator-go/koperator/kube"
)

func TestWhatConsentIsGoodFor(t *testing.T) {
	updates := func(v *rollView) { v.nodes[2].observed.Update = "the operator would build the Pod otherwise" }
	deaf := func(v *rollView) { v.nodes[1].told = 2 }
	used := consents{used: true}
	for name, test := range map[string]struct {
		is     consents
		value  *string
		view   rollView
		moves  bool
		want   consents
		agrees bool
	}{
		"nobody agrees":                            {view: quiet(updates)},
		"somebody agrees before there is one":      {value: ptr.To("true"), view: quiet(), agrees: true},
		"an update begins":                         {value: ptr.To("true"), view: quiet(updates), want: used, agrees: true},
		"it goes on":                               {is: used, value: ptr.To("true"), view: quiet(updates), want: used, agrees: true},
		"somebody has yet to be looked at":         {is: used, value: ptr.To("true"), view: quiet(deaf), want: used, agrees: true},
		"it is done":                               {is: used, value: ptr.To("true"), view: quiet(), want: consents{spent: ptr.To("true")}},
		"without a word":                           {is: used, value: ptr.To(""), view: quiet(), want: consents{spent: ptr.To("")}},
		"the next one":                             {is: consents{spent: ptr.To("true")}, value: ptr.To("true"), view: quiet(updates), want: consents{spent: ptr.To("true")}},
		"another word":                             {is: consents{spent: ptr.To("true")}, value: ptr.To("yes"), view: quiet(updates), want: used, agrees: true},
		"no word any more":                         {is: consents{spent: ptr.To("true")}, view: quiet(updates)},
		"no, in the middle of it":                  {is: used, value: ptr.To("false"), view: quiet(updates)},
		"bananas":                                  {is: used, value: ptr.To("bananas"), view: quiet(updates)},
		"the update comes after the quorum's move": {is: used, value: ptr.To("dynamic-quorum"), view: quiet(), moves: true, agrees: true},
	} {
		t.Run(name, func(t *testing.T) {
			annotations := map[string]string{}
			if test.value != nil {
				annotations[kube.AnnotationConsent] = *test.value
			}
			is := test.is.next(annotations, test.view.nodes, test.moves)
			require.Equal(t, test.want, is)
			require.Equal(t, test.agrees, is.agrees(annotations))
		})
	}
}
