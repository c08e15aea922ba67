package scenarios

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/koperator-go/koperator/messages"
)

// Brokers are the nodes 1, 2 and 3 of Kafka 4.3: each is broker and controller, and node 1, which runs, is the only voter of their dynamic
// quorum. Each has read num.io.threads=4 and log.retention.bytes=1000 in its file.
type Brokers interface {
	// Start runs a node. Stop ends it by SIGTERM and returns when it has, Kill ends it without a word.
	Start(id messages.BrokerID)
	Stop(id messages.BrokerID)
	Kill(id messages.BrokerID)
	// Registered are the brokers that Kafka names, sorted, nil while nobody answers.
	Registered() []messages.BrokerID
	// Create makes a topic with one partition and min.insync.replicas 2.
	Create(topic string, replicas ...messages.BrokerID)
	// Partition is the one of a topic as clients are told of it.
	Partition(topic string) messages.Partition
	// Elect asks for the preferred leader of a topic.
	Elect(topic string)
	// Move brings a topic to other brokers, TakeBack ends that. Moving are the moves under way.
	Move(topic string, to ...messages.BrokerID)
	TakeBack(topic string)
	Moving() []messages.Reassignment
	// Held are the topics in the log dirs of a broker that runs, sorted.
	Held(id messages.BrokerID) []string
	Unregister(id messages.BrokerID)
	// Alter changes values of one broker, or of all where target is 0, and returns what Kafka says against it, "" when it takes it. Node 1 is
	// asked.
	Alter(target messages.BrokerID, changes ...Setting) string
	// Shown is the value by which broker 1 works and where it is from, as DescribeConfigs says and numbers it.
	Shown(key string) (value string, source int8)
	// Eventually waits until something holds.
	Eventually(what string, holds func() bool)
}

// Where a value is from (ConfigEntry.ConfigSource).
const (
	ofBroker, ofAll, ofFile, ofKafka int8 = 2, 3, 4, 5
)

// Setting is a dynamic value, or the deletion of one.
type Setting struct {
	Key, Value string
	Delete     bool
}

// Set is a value that is set, Unset one that is deleted.
func Set(key, value string) Setting { return Setting{Key: key, Value: value} }
func Unset(key string) Setting      { return Setting{Key: key, Delete: true} }

// Replicas is the life of partitions while their brokers come and go, and are moved.
func Replicas(t testing.TB, b Brokers) {
	t.Helper()
	r := replicas{t, b}
	b.Start(2)
	b.Start(3)
	r.registered(1, 2, 3)

	b.Create("orders", 3, 2, 1)
	r.led("orders", 3, 1, 2, 3)
	b.Stop(3)
	r.led("orders", 2, 1, 2) // who shuts down hands over
	r.registered(1, 2)
	b.Start(3)
	r.led("orders", 2, 1, 2, 3) // and is not given back what it led
	b.Elect("orders")
	r.led("orders", 3, 1, 2, 3)
	b.Kill(3)
	r.led("orders", 2, 1, 2) // when its session is over
	r.registered(1, 2)
	b.Start(3)
	r.led("orders", 2, 1, 2, 3)

	b.Create("payments", 2, 3)
	r.led("payments", 2, 2, 3)
	b.Stop(3)
	r.led("payments", 2, 2)
	b.Stop(2)
	r.led("payments", -1) // eligible leader replicas (KIP-966): nobody is in sync, two may lead
	b.Start(3)
	r.led("payments", 3, 3)
	b.Start(2)
	r.led("payments", 3, 2, 3)

	b.Move("payments", 1, 2)
	r.moved("payments", 1, 2)
	b.Eventually("broker 3 deletes what has left it", func() bool { return slices.Equal([]string{"orders"}, b.Held(3)) })
	require.Equal(t, []string{"orders", "payments"}, b.Held(1))

	b.Kill(3)
	r.registered(1, 2)
	b.Move("payments", 3, 2) // Kafka takes it also for a broker that does not run
	require.Equal(t, []messages.Reassignment{{Topic: "payments", Adding: []messages.BrokerID{3}, Removing: []messages.BrokerID{1}}}, b.Moving())
	b.Eventually("the new replicas come first", func() bool { return slices.Equal([]messages.BrokerID{3, 2, 1}, b.Partition("payments").Replicas) })
	b.TakeBack("payments")
	r.moved("payments", 2, 1) // in the order that the move has left

	b.Unregister(3)
	require.Equal(t, []messages.BrokerID{3, 2, 1}, b.Partition("orders").Replicas, "Kafka forgets a broker that holds replicas, not the replicas")
	b.Start(3)
	r.registered(1, 2, 3)
	r.led("orders", 1, 1, 2, 3) // who led while both others were down
}

type replicas struct {
	t testing.TB
	Brokers
}

func (r replicas) registered(ids ...messages.BrokerID) {
	r.t.Helper()
	r.Eventually("the brokers are named", func() bool { return slices.Equal(ids, r.Registered()) })
}

// led waits until a partition has this leader and these replicas in sync.
func (r replicas) led(topic string, leader messages.BrokerID, inSync ...messages.BrokerID) {
	r.t.Helper()
	r.Eventually(topic+" is led by "+leader.String(), func() bool {
		p := r.Partition(topic)
		return p.Leader == leader && slices.Equal(inSync, slices.Sorted(slices.Values(p.ISR)))
	})
}

// moved waits until a partition is on these brokers alone.
func (r replicas) moved(topic string, to ...messages.BrokerID) {
	r.t.Helper()
	r.Eventually(topic+" is where it belongs", func() bool { return len(r.Moving()) == 0 && slices.Equal(to, r.Partition(topic).Replicas) })
}

// Configuration is what one broker does with dynamic values: its own, those of all, and what it refuses.
func Configuration(t testing.TB, b Brokers) {
	t.Helper()
	c := configuration{t, b}
	const all, one = 0, 1
	c.shows("log.retention.bytes", "1000", ofFile)
	c.takes(all, Set("log.retention.bytes", "3000"))
	c.shows("log.retention.bytes", "3000", ofAll)
	c.takes(one, Set("log.retention.bytes", "2000"))
	c.shows("log.retention.bytes", "2000", ofBroker)
	c.takes(one, Unset("log.retention.bytes"), Unset("message.max.bytes")) // nor does it mind what is not there
	c.shows("log.retention.bytes", "3000", ofAll)
	c.takes(all, Unset("log.retention.bytes"))
	c.shows("log.retention.bytes", "1000", ofFile)

	c.takes(one, Set("log.cleanup.policy", "delete , compact"))
	c.shows("log.cleanup.policy", "delete,compact", ofBroker)
	c.takes(one, Unset("log.cleanup.policy"))

	c.takes(one, Set("num.io.threads", "8")) // at most double
	c.shows("num.io.threads", "8", ofBroker)
	c.takes(one, Set("num.io.threads", "16"))
	c.shows("num.io.threads", "16", ofBroker)
	require.Contains(t, b.Alter(one, Unset("num.io.threads")), "value should be at least half the current value 16")
	c.takes(one, Set("num.io.threads", "8"))
	c.shows("num.io.threads", "8", ofBroker)

	for _, refused := range []struct {
		target messages.BrokerID
		Setting
		says string
	}{
		{one, Set("broker.rack", "a"), "Cannot update these configs dynamically"},
		{all, Set("log.cleaner.threads", "abc"), "Invalid value abc for configuration log.cleaner.threads: Not a number of type INT"},
		{all, Set("num.io.threads", "0"), "Invalid value 0 for configuration num.io.threads: Value must be at least 1"},
		{one, Set("num.io.threads", "17"), "value should not be greater than double the current value 8"},
		{one, Set("num.io.threads", "3"), "value should be at least half the current value 8"},
		{all, Set("log.cleanup.policy", "foo"), "String must be one of"},
		{all, Set("cordoned.log.dirs", "*"), "broker id must be specified"},
		{one, Set("cordoned.log.dirs", "/nosuch"), "Missing entries : /nosuch"},
		{2, Set("num.io.threads", "8"), "Unexpected broker id, expected 1, but received 2"},
		{one, Set("min.insync.replicas", "2"), "Broker-level min.insync.replicas cannot be altered while ELR is enabled"},
		{all, Unset("min.insync.replicas"), "Cluster-level min.insync.replicas cannot be removed while ELR is enabled"},
	} {
		require.Contains(t, b.Alter(refused.target, Set("message.max.bytes", "2000000"), refused.Setting), refused.says, refused.Key)
		value, source := b.Shown("message.max.bytes")
		require.Equal(t, []any{"1048588", ofKafka}, []any{value, source}, "%s refuses all that is sent with it", refused.Key)
	}

	b.Stop(1)
	b.Start(1)
	c.shows("num.io.threads", "8", ofBroker) // which outlives it
	c.takes(one, Unset("num.io.threads"))
	c.shows("num.io.threads", "4", ofFile)
}

type configuration struct {
	t testing.TB
	Brokers
}

// takes requires that Kafka has nothing against a change.
func (c configuration) takes(target messages.BrokerID, changes ...Setting) {
	c.t.Helper()
	require.Empty(c.t, c.Alter(target, changes...))
}

// shows waits until a broker has a value: it takes it from the metadata log a moment after the controller has stored it.
func (c configuration) shows(key, value string, source int8) {
	c.t.Helper()
	c.Eventually(key+" is "+value, func() bool {
		is, from := c.Shown(key)
		return is == value && from == source
	})
}
