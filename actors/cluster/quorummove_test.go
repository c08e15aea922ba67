package cluster

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAStaticQuorumIsMovedOnlyWhenSomebodyAgreesAndNothingIsInTheWay(t *testing.T) {
	for name, test := range map[string]struct {
		view moveView
		move bool
		says string
	}{
		"which Kafka runs is not known":   {moveView{agreed: true}, false, ""},
		"Kafka is too old":                {moveView{version: "4.0", agreed: true}, false, "needs Kafka 4.1 or later here, and 4.0 runs"},
		"nobody has agreed":               {moveView{version: "4.1"}, false, "there is no way back"},
		"something has to be done before": {moveView{version: "4.3", agreed: true, waits: "broker 1 restarts"}, false, "waits: broker 1 restarts"},
		"Kafka has refused":               {moveView{version: "4.3", agreed: true, refused: "no"}, true, "Kafka refuses it: no"},
		"nothing is in the way":           {moveView{version: "4.3", agreed: true}, true, "is being made dynamic"},
	} {
		t.Run(name, func(t *testing.T) {
			move, offer := test.view.decide()
			require.Equal(t, test.move, move)
			require.Contains(t, offer, test.says)
			require.Equal(t, test.says == "", offer == "")
		})
	}
}
