package kafka_test

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/koperator-go/koperator/kafka"
)

const bytes, io = "log.retention.bytes", "num.io.threads"

func ours(keys ...string) kafka.Applied {
	applied := kafka.Applied{}
	for _, key := range keys {
		applied[key] = ""
	}
	return applied
}

// is is a broker's answer about one key.
func is(key string, t kafka.ConfigType, levels ...kafka.ConfigSynonym) kafka.Configs {
	return configs(entry(key, t, levels...))
}

// dynamicPlan is what follows from an input: the changes, the record before and after them, and whether to plan again.
type dynamicPlan struct {
	in      kafka.DynamicInput
	changes []kafka.ConfigChange
	before  kafka.Applied
	after   kafka.Applied
	again   bool
}

func requirePlans(t *testing.T, tests map[string]dynamicPlan) {
	t.Helper()
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			test.in.Resource = kafka.ConfigResource{Broker: 1}
			plan := kafka.PlanDynamic(test.in)
			assert.Equal(t, test.changes, plan.Changes)
			assert.Equal(t, test.before, plan.Before)
			assert.Equal(t, test.after, plan.After)
			assert.Equal(t, test.again, plan.Again)
			assert.Empty(t, plan.Problems)
		})
	}
}

func TestABrokersValuesBecomeWhatIsWanted(t *testing.T) {
	requirePlans(t, map[string]dynamicPlan{
		"a value that is not there is set": {
			in:      kafka.DynamicInput{Wanted: kafka.Properties{bytes: "5"}, Actual: is(bytes, kafka.TypeLong, level(byDefault, "-1"))},
			changes: []kafka.ConfigChange{set(bytes, "5")}, before: ours(bytes), after: ours(bytes),
		},
		"a value that the file has, too, is set": {
			in:      kafka.DynamicInput{Wanted: kafka.Properties{bytes: "5"}, Actual: is(bytes, kafka.TypeLong, level(ofFile, "5"))},
			changes: []kafka.ConfigChange{set(bytes, "5")}, before: ours(bytes), after: ours(bytes),
		},
		"a value that is there is ours without a word to Kafka": {
			in:     kafka.DynamicInput{Wanted: kafka.Properties{bytes: "5"}, Actual: is(bytes, kafka.TypeLong, level(ofBroker, "5"))},
			before: ours(bytes), after: ours(bytes),
		},
		"drift is undone": {
			in:      kafka.DynamicInput{Wanted: kafka.Properties{bytes: "5"}, Applied: ours(bytes), Actual: is(bytes, kafka.TypeLong, level(ofBroker, "6"))},
			changes: []kafka.ConfigChange{set(bytes, "5")}, before: ours(bytes), after: ours(bytes),
		},
		"a list is not drift with other blanks": {
			in: kafka.DynamicInput{Wanted: kafka.Properties{"log.cleanup.policy": "delete,compact"}, Applied: ours("log.cleanup.policy"),
				Actual: is("log.cleanup.policy", kafka.TypeList, level(ofBroker, "delete , compact"))},
			before: ours("log.cleanup.policy"), after: ours("log.cleanup.policy"),
		},
		"a double is not drift with fewer digits": {
			in: kafka.DynamicInput{Wanted: kafka.Properties{"log.cleaner.io.buffer.load.factor": "0.90"}, Applied: ours("log.cleaner.io.buffer.load.factor"),
				Actual: is("log.cleaner.io.buffer.load.factor", kafka.TypeDouble, level(ofBroker, "0.9"))},
			before: ours("log.cleaner.io.buffer.load.factor"), after: ours("log.cleaner.io.buffer.load.factor"),
		},
		"a value of the level in question counts, not what another key says": {
			in: kafka.DynamicInput{Wanted: kafka.Properties{"log.retention.ms": "3600000"}, Applied: ours("log.retention.ms"),
				Actual: is("log.retention.ms", kafka.TypeLong, level(ofBroker, "3600000"), kafka.ConfigSynonym{Name: "log.retention.hours", Value: text("100"), Source: ofFile})},
			before: ours("log.retention.ms"), after: ours("log.retention.ms"),
		},
	})
}

func TestTheRecordOfABrokerSaysWhoseAValueIs(t *testing.T) {
	requirePlans(t, map[string]dynamicPlan{
		"values of others stay": {
			in:     kafka.DynamicInput{Actual: is(bytes, kafka.TypeLong, level(ofBroker, "6"))},
			before: ours(), after: ours(),
		},
		"what nobody wants any more is deleted after the rest was set": {
			in: kafka.DynamicInput{Wanted: kafka.Properties{"log.segment.bytes": "9"}, Applied: ours(bytes),
				Actual: configs(entry(bytes, kafka.TypeLong, level(ofBroker, "6")), entry("log.segment.bytes", kafka.TypeInt))},
			changes: []kafka.ConfigChange{set("log.segment.bytes", "9"), deleted(bytes)},
			before:  ours(bytes, "log.segment.bytes"), after: ours("log.segment.bytes"),
		},
		"what is gone already leaves the record": {
			in:     kafka.DynamicInput{Applied: ours(bytes), Actual: is(bytes, kafka.TypeLong, level(ofFile, "6"))},
			before: ours(), after: ours(),
		},
		"somebody's value of a key for all brokers is a conflict": {
			in: kafka.DynamicInput{ClusterWide: kafka.Properties{bytes: "7"},
				Actual: is(bytes, kafka.TypeLong, level(ofBroker, "6"), level(ofAll, "7"))},
			changes: []kafka.ConfigChange{deleted(bytes)}, before: ours(bytes), after: ours(),
		},
		"it stays until the value of all brokers is there": {
			in: kafka.DynamicInput{ClusterWide: kafka.Properties{bytes: "7"}, Applied: ours(bytes),
				Actual: is(bytes, kafka.TypeLong, level(ofBroker, "6"))},
			before: ours(bytes), after: ours(bytes), again: true,
		},
		"a broker's own wish wins over that of all": {
			in: kafka.DynamicInput{ClusterWide: kafka.Properties{bytes: "7"}, Wanted: kafka.Properties{bytes: "6"}, Applied: ours(bytes),
				Actual: is(bytes, kafka.TypeLong, level(ofBroker, "6"), level(ofAll, "7"))},
			before: ours(bytes), after: ours(bytes),
		},
	})
}

func TestSomeKeysOfABrokerAreLeftAlone(t *testing.T) {
	throttle := "leader.replication.throttled.rate"
	requirePlans(t, map[string]dynamicPlan{
		"a throttle is neither set nor deleted": {
			in: kafka.DynamicInput{Wanted: kafka.Properties{throttle: "1", "replica.alter.log.dirs.io.max.bytes.per.second": "1"},
				ClusterWide: kafka.Properties{throttle: "1"}, Applied: ours(throttle), Actual: is(throttle, kafka.TypeLong, level(ofBroker, "6"))},
			before: ours(), after: ours(),
		},
		"in-sync replicas of one broker are left alone with ELR": {
			in: kafka.DynamicInput{ELR: true, Wanted: kafka.Properties{"min.insync.replicas": "2"}, Applied: ours("min.insync.replicas"),
				Actual: is("min.insync.replicas", kafka.TypeInt, level(ofBroker, "1"), level(ofAll, "2"))},
			before: ours(), after: ours(),
		},
		"a refused key is left as it is": {
			in: kafka.DynamicInput{Wanted: kafka.Properties{io: "0", bytes: "5"}, Without: []string{io}, Applied: ours(io),
				Actual: configs(entry(io, kafka.TypeInt, level(ofBroker, "4")), entry(bytes, kafka.TypeLong))},
			changes: []kafka.ConfigChange{set(bytes, "5")}, before: ours(bytes, io), after: ours(bytes, io),
		},
	})
}

func TestThreadsOfABrokerAreStepped(t *testing.T) {
	requirePlans(t, map[string]dynamicPlan{
		"threads double at most": {
			in:      kafka.DynamicInput{Wanted: kafka.Properties{io: "100"}, Actual: is(io, kafka.TypeInt, level(byDefault, "8"))},
			changes: []kafka.ConfigChange{set(io, "16")}, before: ours(io), after: ours(io), again: true,
		},
		"threads arrive": {
			in:      kafka.DynamicInput{Wanted: kafka.Properties{io: "100"}, Applied: ours(io), Actual: is(io, kafka.TypeInt, level(ofBroker, "64"), level(byDefault, "8"))},
			changes: []kafka.ConfigChange{set(io, "100")}, before: ours(io), after: ours(io),
		},
		"threads that nobody wants any more are halved before they are deleted": {
			in:      kafka.DynamicInput{Applied: ours(io), Actual: is(io, kafka.TypeInt, level(ofBroker, "100"), level(byDefault, "8"))},
			changes: []kafka.ConfigChange{set(io, "50")}, before: ours(io), after: ours(io), again: true,
		},
		"near enough they are deleted": {
			in:      kafka.DynamicInput{Applied: ours(io), Actual: is(io, kafka.TypeInt, level(ofBroker, "12"), level(byDefault, "8"))},
			changes: []kafka.ConfigChange{deleted(io)}, before: ours(io), after: ours(),
		},
		"what Kafka would refuse as a number is sent for Kafka to say so": {
			in:      kafka.DynamicInput{Wanted: kafka.Properties{io: "abc"}, Actual: is(io, kafka.TypeInt, level(byDefault, "8"))},
			changes: []kafka.ConfigChange{set(io, "abc")}, before: ours(io), after: ours(io),
		},
	})
}

func TestPlanDynamicOfAllBrokers(t *testing.T) {
	all := kafka.ConfigResource{ClusterWide: true}
	minISR := "min.insync.replicas"

	t.Run("what is there as wanted stays, what was ours goes, what is somebody's stays", func(t *testing.T) {
		plan := kafka.PlanDynamic(kafka.DynamicInput{
			Resource: all, Wanted: kafka.Properties{bytes: "5"}, Applied: ours(bytes, "log.segment.bytes"),
			Actual: configs(entry(bytes, kafka.TypeLong, level(ofAll, "5")), entry("log.segment.bytes", kafka.TypeInt, level(ofAll, "9")),
				entry("log.roll.ms", kafka.TypeLong, level(ofAll, "9"))),
		})
		assert.Equal(t, []kafka.ConfigChange{deleted("log.segment.bytes")}, plan.Changes)
	})
	t.Run("an answer without synonyms does, too", func(t *testing.T) {
		plan := kafka.PlanDynamic(kafka.DynamicInput{
			Resource: all, Wanted: kafka.Properties{bytes: "5"}, Actual: kafka.Configs{bytes: {Name: bytes, Value: text("5"), Type: kafka.TypeLong}},
		})
		assert.Empty(t, plan.Changes)
	})
	t.Run("threads are stepped for the brokers with the fewest and the most", func(t *testing.T) {
		brokers := []kafka.Configs{configs(entry(io, kafka.TypeInt, level(byDefault, "8"))), configs(entry(io, kafka.TypeInt, level(ofFile, "12")))}
		plan := kafka.PlanDynamic(kafka.DynamicInput{Resource: all, Wanted: kafka.Properties{io: "24"}, Brokers: brokers})
		assert.Equal(t, []kafka.ConfigChange{set(io, "16")}, plan.Changes)
		plan = kafka.PlanDynamic(kafka.DynamicInput{Resource: all, Wanted: kafka.Properties{io: "4"}, Brokers: brokers})
		assert.Equal(t, []kafka.ConfigChange{set(io, "6")}, plan.Changes)
	})
	t.Run("threads that no broker should have are not approached", func(t *testing.T) {
		brokers := []kafka.Configs{configs(entry(io, kafka.TypeInt, level(byDefault, "8")))}
		for _, value := range []string{"1001", "9999999999"} {
			plan := kafka.PlanDynamic(kafka.DynamicInput{Resource: all, Wanted: kafka.Properties{bytes: "5", io: value}, Brokers: brokers})
			var refused *kafka.ConfigRefused
			require.ErrorAs(t, plan.Send(t.Context(), nil, all), &refused)
			key, text := kafka.RefusedKey(refused.Message)
			assert.Equal(t, io, key)
			assert.Contains(t, text, value)
			assert.False(t, kafka.RefusedWhileRunning(refused.Message), "nor is a broker started with it")
		}
	})
	t.Run("threads above what people may ask for are stepped down", func(t *testing.T) {
		brokers := []kafka.Configs{configs(entry(io, kafka.TypeInt, level(ofFile, "5000")))}
		plan := kafka.PlanDynamic(kafka.DynamicInput{Resource: all, Wanted: kafka.Properties{io: "2000"}, Brokers: brokers})
		assert.Equal(t, []kafka.ConfigChange{set(io, "2500")}, plan.Changes)
	})
	t.Run("threads of which double is no int go at the controller, and nothing else does", func(t *testing.T) {
		brokers := []kafka.Configs{configs(entry(io, kafka.TypeInt, level(ofAll, "1342177280"), level(byDefault, "8")))}
		plan := kafka.PlanDynamic(kafka.DynamicInput{
			Resource: all, Wanted: kafka.Properties{bytes: "5"}, Applied: ours(io), Brokers: brokers,
			Actual: configs(entry(io, kafka.TypeInt, level(ofAll, "1342177280"))),
		})
		beyond, rest := plan.Beyond()
		assert.Equal(t, []kafka.ConfigChange{deleted(io)}, beyond.Changes)
		assert.Equal(t, []kafka.ConfigChange{set(bytes, "5")}, rest.Changes)
	})
	t.Run("with ELR in-sync replicas are set for all brokers", func(t *testing.T) {
		plan := kafka.PlanDynamic(kafka.DynamicInput{Resource: all, ELR: true, Wanted: kafka.Properties{minISR: "2"},
			Actual: configs(entry(minISR, kafka.TypeInt, level(ofAll, "1")))})
		assert.Equal(t, []kafka.ConfigChange{set(minISR, "2")}, plan.Changes)
	})
	t.Run("with ELR they cannot be removed, which is said", func(t *testing.T) {
		plan := kafka.PlanDynamic(kafka.DynamicInput{Resource: all, ELR: true, Applied: ours(minISR),
			Actual: configs(entry(minISR, kafka.TypeInt, level(ofAll, "2")))})
		assert.Empty(t, plan.Changes)
		assert.Equal(t, ours(minISR), plan.After)
		require.Len(t, plan.Problems, 1)
		assert.Contains(t, plan.Problems[0], "stays 2")
	})
}

func TestSecretsAreComparedByTheRecord(t *testing.T) {
	const key = "listener.name.tls.ssl.keystore.password"
	hidden := configs(kafka.ConfigEntry{Name: key, Type: kafka.TypePassword, Sensitive: true, ReadOnly: true,
		Synonyms: []kafka.ConfigSynonym{{Name: key, Source: ofBroker}}})
	in := kafka.DynamicInput{Resource: kafka.ConfigResource{Broker: 1}, Wanted: kafka.Properties{key: "secret", bytes: "5"}, Actual: kafka.Configs{}}

	first := kafka.PlanDynamic(in)
	assert.Equal(t, []kafka.ConfigChange{set(key, "secret"), set(bytes, "5")}, first.Changes)
	assert.Equal(t, []kafka.ConfigChange{set(bytes, "5")}, first.Validatable(), "a broker logs refused requests in clear")
	assert.Empty(t, first.Before[key], "Kafka may not have got it")
	assert.NotEmpty(t, first.After[key])

	record, err := json.Marshal(first.After)
	require.NoError(t, err)
	assert.NotContains(t, string(record), "secret")

	in.Wanted, in.Actual, in.Applied = kafka.Properties{key: "secret"}, hidden, kafka.Applied{key: first.After[key]}
	assert.Empty(t, kafka.PlanDynamic(in).Changes, "the same value")

	in.Applied = kafka.Applied{key: first.Before[key]}
	assert.Equal(t, []kafka.ConfigChange{set(key, "secret")}, kafka.PlanDynamic(in).Changes, "the answer was lost")

	in.Applied, in.Wanted = kafka.Applied{key: first.After[key]}, kafka.Properties{key: "other"}
	assert.Equal(t, []kafka.ConfigChange{set(key, "other")}, kafka.PlanDynamic(in).Changes, "another value")
}

// A key of the file is changed live, the broker restarts, and what stood in for the file is deleted.
func TestAStandInForTheFileLivesUntilTheNextRestart(t *testing.T) {
	diff := described(files(bytes+"=5", bytes+"=6"), configs(entry(bytes, kafka.TypeLong, level(ofFile, "5"), level(byDefault, "-1"))))
	in := kafka.DynamicInput{Resource: kafka.ConfigResource{Broker: 1}, Wanted: diff.Change().Dynamic(nil), Actual: diff.Running.Described}
	plan := kafka.PlanDynamic(in)
	require.Equal(t, []kafka.ConfigChange{set(bytes, "6")}, plan.Changes)

	diff.Running.Described = configs(entry(bytes, kafka.TypeLong, level(ofBroker, "6"), level(ofFile, "5"), level(byDefault, "-1")))
	diff.Applied = plan.After
	in.Wanted, in.Actual, in.Applied = diff.Change().Dynamic(nil), diff.Running.Described, diff.Applied
	require.Empty(t, kafka.PlanDynamic(in).Changes, "at rest")

	diff.Started = diff.Wanted // restarted
	in.Wanted = diff.Change().Dynamic(nil)
	plan = kafka.PlanDynamic(in)
	require.Equal(t, []kafka.ConfigChange{deleted(bytes)}, plan.Changes)
	require.Empty(t, plan.After)
}

func TestAPlanThatKeepsSomeKeys(t *testing.T) {
	const retention = "log.retention.ms"
	plan := kafka.DynamicPlan{
		Changes: []kafka.ConfigChange{{Key: "num.io.threads"}, {Key: bytes}, {Key: retention}},
		Before:  kafka.Applied{"num.io.threads": "", bytes: "", retention: ""}, After: kafka.Applied{},
	}
	kept, waiting := plan.Keeping([]string{bytes, "log.cleaner.threads"})
	assert.Equal(t, []string{bytes}, waiting)
	assert.Equal(t, []kafka.ConfigChange{{Key: "num.io.threads"}, {Key: retention}}, kept.Changes)
	assert.Equal(t, kafka.Applied{bytes: ""}, kept.After, "it stays ours")

	first := plan.First()
	assert.Equal(t, []kafka.ConfigChange{{Key: "num.io.threads"}}, first.Changes)
	assert.Equal(t, kafka.Applied{bytes: "", retention: ""}, first.After)
	assert.Equal(t, plan.Before, first.Before)
	assert.Equal(t, first, first.First())
}

// listening is a resource that remembers what it was sent, and refuses what is only tried.
type listening struct {
	sent   [][]kafka.ConfigChange
	refuse bool
}

func (l *listening) Alter(_ context.Context, _ kafka.ConfigResource, changes []kafka.ConfigChange, validateOnly bool) error {
	l.sent = append(l.sent, changes)
	if l.refuse && validateOnly {
		return &kafka.ConfigRefused{Message: "no"}
	}
	return nil
}

func TestWhatIsNotSecretIsTriedBeforeSecretsAreSent(t *testing.T) {
	plan := func(keys ...string) kafka.DynamicPlan {
		wanted := kafka.Properties{}
		for _, key := range keys {
			wanted.Set(key, "5")
		}
		return kafka.PlanDynamic(kafka.DynamicInput{Wanted: wanted})
	}
	const open, secret = "message.max.bytes", "my.plugin.pin"
	for name, test := range map[string]struct {
		keys   []string
		refuse bool
		sent   [][]kafka.ConfigChange
	}{
		"without secrets there is one request":       {keys: []string{open}, sent: [][]kafka.ConfigChange{{set(open, "5")}}},
		"secrets alone are sent":                     {keys: []string{secret}, sent: [][]kafka.ConfigChange{{set(secret, "5")}}},
		"both are sent when the open ones are taken": {keys: []string{open, secret}, sent: [][]kafka.ConfigChange{{set(open, "5")}, {set(open, "5"), set(secret, "5")}}},
		"no secret is sent with what is refused":     {keys: []string{open, secret}, refuse: true, sent: [][]kafka.ConfigChange{{set(open, "5")}}},
	} {
		t.Run(name, func(t *testing.T) {
			to := &listening{refuse: test.refuse}
			err := plan(test.keys...).Send(t.Context(), to, kafka.ConfigResource{})
			assert.Equal(t, test.refuse, err != nil)
			assert.Equal(t, test.sent, to.sent)
		})
	}
}
