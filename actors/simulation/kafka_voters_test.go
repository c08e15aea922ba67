package simulation

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/types"

	kafkaclient "github.com/koperator-go/koperator/kafka"
	"github.com/koperator-go/koperator/kafka/scenarios"
	"github.com/koperator-go/koperator/messages"
)

func TestSimulatedKafkaChangesItsVoters(t *testing.T) {
	t.Parallel()
	run(t, func(w *World) {
		c := &simulatedControllers{w: w, disks: map[messages.BrokerID]int{}}
		c.start(1, []voter{{id: 1, directory: "disk-1-0"}})
		scenarios.Quorum(w.t, c)
	})
}

// simulatedControllers are nodes of the model, without a Kubernetes.
type simulatedControllers struct {
	w *World
	// disks counts the disks that a node has lost, pods its processes.
	disks map[messages.BrokerID]int
	pods  int
	// file is what each reads at its start.
	file map[string]string
}

func (c *simulatedControllers) start(id messages.BrokerID, voters []voter) {
	c.pods++
	directory := fmt.Sprintf("disk-%d-%d", id, c.disks[id])
	require.True(c.w.t, c.w.kafka.start(keyed("bare"), &process{
		id: id, pod: types.UID(fmt.Sprintf("pod-%d", c.pods)), kraft: true, broker: true, controller: true, clusterID: "bare",
		directory: directory, dirs: map[string]string{"/kafka-logs": directory}, voters: voters, version: "4.3", config: c.file,
	}))
}

func (c *simulatedControllers) Start(id messages.BrokerID) { c.start(id, nil) }

func (c *simulatedControllers) state() *kafkaState { return c.w.kafka.clusters[keyed("bare")] }

func (c *simulatedControllers) Kill(id messages.BrokerID) {
	c.w.kafka.stop(keyed("bare"), id, c.state().processes[id].pod, killing)
}

func (c *simulatedControllers) Wipe(id messages.BrokerID) { c.disks[id]++ }

func (c *simulatedControllers) Describe() (messages.BrokerID, []messages.QuorumReplica, bool) {
	c.w.kafka.mu.Lock()
	defer c.w.kafka.mu.Unlock()
	return c.state().quorum.leader, c.state().described(c.w.kafka), c.state().active()
}

func (c *simulatedControllers) change(change func(*kafkaState) error) string {
	c.w.kafka.mu.Lock()
	defer c.w.kafka.mu.Unlock()
	err := c.w.kafka.changeVoters(c.state(), "bare", c.state().voters, func() error { return change(c.state()) })
	var later notNow
	var refused *kafkaclient.VoterRefused
	switch {
	case errors.As(err, &refused):
		return map[int16]string{104: "INCONSISTENT_CLUSTER_ID", 126: "DUPLICATE_VOTER", 127: "VOTER_NOT_FOUND"}[refused.Code]
	case errors.As(err, &later):
		return string(later)
	default:
		return ""
	}
}

func (c *simulatedControllers) Add(id messages.BrokerID, directory string) string {
	return c.change(func(s *kafkaState) error { return s.addVoter(id, directory) })
}

func (c *simulatedControllers) Remove(id messages.BrokerID, directory string) string {
	return c.change(func(s *kafkaState) error {
		defer func() {
			for _, p := range s.processes { // who has a name of its own, as here, does not ask itself for the controllers
				p.adrift = false
			}
		}()
		return s.removeVoter(c.w.kafka, id, directory)
	})
}

func (c *simulatedControllers) Eventually(what string, holds func() bool) {
	c.w.t.Helper()
	c.w.eventually(time.Minute, what, holds)
}
