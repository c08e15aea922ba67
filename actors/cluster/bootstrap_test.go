package cluster

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/koperator-go/koperator/messages"
)

func TestWhoIsAskedInTurn(t *testing.T) {
	a := &cluster{valid: demo(0, 1, 2, 3), children: map[messages.BrokerID]*child{}}
	for id := range messages.BrokerID(20) {
		a.children[id] = &child{broker: id != 1, keep: keep{leaving: id == 2}}
	}
	asked := a.bootstrap()
	require.Len(t, asked, 1+mostAsked)
	require.Equal(t, bootstrapOf(a.valid), asked[0])
	require.Contains(t, asked[1], "demo-0.")
	require.Contains(t, asked[2], "demo-3.", "1 is a controller, 2 leaves")
}
