package kafka

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/koperator-go/koperator/kafka/kafkatest"
	"github.com/koperator-go/koperator/kafka/scenarios"
	"github.com/koperator-go/koperator/messages"
)

func TestRealKafkaChangesItsVoters(t *testing.T) {
	c := newRealControllers(t, 1, 2, 3)
	c.format(1, "--standalone")
	c.nodes[1].start()
	scenarios.Quorum(t, c)
	c.neverChangesAnotherClusters()
}

// realControllers are real nodes on ports of this machine.
type realControllers struct {
	t     *testing.T
	nodes map[messages.BrokerID]*realKafka
	// lines are more ones of each file.
	lines []string
}

// newRealControllers prepares nodes that find the quorum at any of them. A controller that leads and loses its vote finds the next
// leader at others only: one that knew no address but its own never would.
func newRealControllers(t *testing.T, ids ...messages.BrokerID) *realControllers {
	c := &realControllers{t: t, nodes: map[messages.BrokerID]*realKafka{}}
	libs, all := kafkatest.Jars(t, "4.3.1"), []string(nil)
	for _, id := range ids {
		c.nodes[id] = &realKafka{
			t: t, libs: libs, dir: t.TempDir(), address: freeAddress(t, 20000+100*int(id)), own: freeAddress(t, 22000+100*int(id)),
		}
		all = append(all, c.nodes[id].own)
	}
	for _, id := range ids {
		c.nodes[id].controllers = strings.Join(all, ",")
	}
	return c
}

func (c *realControllers) format(id messages.BrokerID, how string) {
	c.t.Helper()
	c.nodes[id].format(how, append([]string{
		"process.roles=broker,controller", "node.id=" + id.String(),
		"listeners=INTERNAL://" + c.nodes[id].address + ",CONTROLLER://" + c.nodes[id].own,
	}, c.lines...))
}

func (c *realControllers) Start(id messages.BrokerID) {
	c.t.Helper()
	if _, err := os.Stat(filepath.Join(c.nodes[id].dir, "log", "meta.properties")); err != nil {
		c.format(id, "--no-initial-controllers")
	}
	c.nodes[id].start()
}

func (c *realControllers) Kill(id messages.BrokerID) { c.nodes[id].kill() }

func (c *realControllers) Wipe(id messages.BrokerID) {
	require.NoError(c.t, os.RemoveAll(filepath.Join(c.nodes[id].dir, "log")))
}

// ask asks the node that is there whatever happens.
func (c *realControllers) ask(what func(context.Context, *Admin) error) string {
	ctx, cancel := context.WithTimeout(c.t.Context(), 20*time.Second)
	defer cancel()
	admin, err := DialAdmin(ctx, c.nodes[1].address, open)
	require.NoError(c.t, err)
	defer admin.Close()
	err = what(ctx, admin)
	var named *kerr.Error
	var refused *VoterRefused
	switch {
	case err == nil:
		return ""
	case errors.As(err, &refused):
		return kerr.TypedErrorForCode(refused.Code).Message
	case errors.As(err, &named):
		return named.Message
	default:
		return "unanswered"
	}
}

func (c *realControllers) Describe() (leader messages.BrokerID, replicas []messages.QuorumReplica, answered bool) {
	failure := c.ask(func(ctx context.Context, a *Admin) error {
		quorum, err := a.DescribeQuorum(ctx)
		leader, replicas = quorum.Leader, quorum.Replicas
		return err
	})
	return leader, replicas, failure == ""
}

func (c *realControllers) voter(id messages.BrokerID, directory string) messages.Voter {
	host, port, err := net.SplitHostPort(c.nodes[id].own)
	require.NoError(c.t, err)
	number, err := strconv.Atoi(port)
	require.NoError(c.t, err)
	return messages.Voter{ID: id, Host: host, Port: int32(number), DirectoryID: directory}
}

func (c *realControllers) Add(id messages.BrokerID, directory string) string {
	return c.ask(func(ctx context.Context, a *Admin) error {
		return a.AddVoter(ctx, realClusterID, "CONTROLLER", c.voter(id, directory))
	})
}

func (c *realControllers) Remove(id messages.BrokerID, directory string) string {
	return c.ask(func(ctx context.Context, a *Admin) error { return a.RemoveVoter(ctx, realClusterID, id, directory) })
}

func (c *realControllers) Eventually(what string, holds func() bool) {
	c.t.Helper()
	require.Eventually(c.t, holds, 40*time.Second, 200*time.Millisecond, what)
}

// neverChangesAnotherClusters: an address may have been taken over by another cluster.
func (c *realControllers) neverChangesAnotherClusters() {
	c.t.Helper()
	_, replicas, _ := c.Describe()
	failure := c.ask(func(ctx context.Context, a *Admin) error {
		return a.RemoveVoter(ctx, "another-cluster", 2, replicas[1].DirectoryID)
	})
	require.Equal(c.t, "INCONSISTENT_CLUSTER_ID", failure)
}

func TestAVoterThatKafkaRefusesIsToldInItsWords(t *testing.T) {
	text := "The voter id for ReplicaKey(id=3) is already part of the set of voters"
	a := &Admin{address: "demo-0:29092"}
	err := a.voterError("add voter 3", 126, &text)
	var refused *VoterRefused
	require.ErrorAs(t, err, &refused)
	require.True(t, strings.HasSuffix(err.Error(), text+" (DUPLICATE_VOTER)"), err.Error())
	require.EqualError(t, a.voterError("remove voter 3", 127, nil),
		"remove voter 3 at demo-0:29092: Kafka refuses to change the voters: VOTER_NOT_FOUND")
	require.NotErrorAs(t, a.voterError("remove voter 3", kerr.NotLeaderForPartition.Code, nil), &refused, "the next leader can")
	require.NoError(t, a.voterError("add voter 3", 0, nil))
	for _, id := range []string{"", "short", fmt.Sprint(make([]byte, 22))} {
		_, err := directoryBytes(id)
		require.ErrorContains(t, err, "is no directory id")
	}
}

// The way of clusters that Koperator made: voters in the file, then in the metadata log, then another file.
func TestRealKafkaMakesItsQuorumDynamic(t *testing.T) {
	c := newRealControllers(t, 1)
	node := c.nodes[1]
	c.format(1, "--standalone")
	file := filepath.Join(node.dir, "node.properties")
	dynamic, err := os.ReadFile(file)
	require.NoError(t, err)
	static := strings.Replace(string(dynamic), "controller.quorum.bootstrap.servers=", "controller.quorum.voters=1@", 1)
	c.Wipe(1)
	require.NoError(t, os.WriteFile(file, []byte(static), 0o600))
	out, err := node.java("kafka.tools.StorageTool", "format", "-t", realClusterID, "-c", file).CombinedOutput()
	require.NoError(t, err, string(out))
	node.start()

	state := func() (quorum QuorumState) {
		t.Helper()
		c.Eventually("the quorum is described", func() bool {
			leader, replicas, answered := c.Describe()
			quorum = QuorumState{leader, replicas}
			return answered && leader == 1
		})
		return quorum
	}
	require.False(t, state().Dynamic())
	require.Equal(t, "UNSUPPORTED_VERSION", c.Add(1, "QUJDREVGR0hJSktMTU5PUA"))
	for range 2 { // the answer to the first time may be lost
		require.Empty(t, c.ask(func(ctx context.Context, a *Admin) error { return a.MakeQuorumDynamic(ctx) }))
	}
	c.Eventually("the voter has a directory", func() bool { return state().Dynamic() })
	directory := state().Replicas[0].DirectoryID
	node.kill()
	node.start() // with the file as it was
	require.Equal(t, directory, state().Replicas[0].DirectoryID)
	node.kill()
	require.NoError(t, os.WriteFile(file, dynamic, 0o600))
	node.start()
	require.Equal(t, directory, state().Replicas[0].DirectoryID)
}
