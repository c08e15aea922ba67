package kafka

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRealKafkaTakesDynamicPlans(t *testing.T) {
	for column, version := range map[int]string{4: "4.3.1", 0: "3.9.2"} {
		t.Run(version, func(t *testing.T) {
			const file = "num.io.threads=4\nlog.retention.bytes=1000\nlog.cleaner.io.buffer.load.factor=0.8\nmy.plugin.url=x"
			k := startRealKafka(t, version, strings.Split(file, "\n")...)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			admin, err := DialAdmin(ctx, k.address, open)
			require.NoError(t, err)
			defer admin.Close()

			agreesWithTable(ctx, t, admin, column)
			started, err := Parse(file)
			require.NoError(t, err)
			v, err := ParseVersion(version)
			require.NoError(t, err)
			w := &dynamicWorld{ctx: ctx, t: t, admin: admin, started: started, version: v}
			w.changesFile()
			w.movesKeyToAllBrokersAndBack()
			w.setsWhatKafkaHides()
			w.namesRefusedKeys()
		})
	}
}

// agreesWithTable compares the table with what the broker says of itself, in both directions.
func agreesWithTable(ctx context.Context, t *testing.T, admin *Admin, column int) {
	t.Helper()
	described, err := admin.Describe(ctx, ConfigResource{Broker: 1})
	require.NoError(t, err)
	for key, entry := range described {
		row, own := rowOf(key)
		if entry.Type == TypeUnknown {
			assert.False(t, own, key)
			continue
		}
		if !assert.True(t, own, key) {
			continue
		}
		if column == len(row.scopes)-1 { // some types were others before, and a broker's word comes before the table's
			assert.Equal(t, row.valueType, entry.Type, key)
		}
		assert.Equal(t, keyScope(row.scopes[column]) == scopeStart, entry.ReadOnly, key)
	}
	for line := range strings.Lines(dynamicKeys) {
		key, _, _ := strings.Cut(line, " ")
		if row, own := rowOf(key); own && keyScope(row.scopes[column]) != scopeStart {
			_, shown := described[key]
			assert.True(t, shown, key)
		}
	}
}

// dynamicWorld is one broker whose plans are carried out until nothing is left to do.
type dynamicWorld struct {
	ctx     context.Context
	t       *testing.T
	admin   *Admin
	started Properties
	version Version

	applied, clusterApplied Applied
	sent                    []ConfigChange
}

func (w *dynamicWorld) describe(resource ConfigResource) Configs {
	w.t.Helper()
	described, err := w.admin.Describe(w.ctx, resource)
	require.NoError(w.t, err)
	return described
}

// settle brings the broker to a file and to what all brokers are to have. It ends when two looks in a row find nothing
// to do, for a broker shows a value a little after the controller has stored it.
func (w *dynamicWorld) settle(file, clusterWide Properties) Configs {
	w.t.Helper()
	w.sent = nil
	look := time.NewTicker(300 * time.Millisecond)
	defer look.Stop()
	for looks, quiet := 0, 0; quiet < 2; looks++ {
		<-look.C
		require.Less(w.t, looks, 50, "no end: %v", w.sent)
		broker, all := ConfigResource{Broker: 1}, ConfigResource{ClusterWide: true}
		described := w.describe(broker)
		diff := FileDiff{
			Started: w.started, Wanted: file, ClusterWide: clusterWide, Applied: w.applied, ClusterApplied: w.clusterApplied,
			Running: Running{Version: w.version, Described: described},
		}
		change := diff.Change()
		require.Empty(w.t, change.Restart)
		own := PlanDynamic(DynamicInput{Resource: broker, Wanted: change.Dynamic(nil), Actual: described, Applied: w.applied, ClusterWide: clusterWide})
		shared := PlanDynamic(DynamicInput{Resource: all, Wanted: clusterWide, Actual: w.describe(all), Applied: w.clusterApplied, Brokers: []Configs{described}})
		require.NoError(w.t, w.admin.Alter(w.ctx, broker, own.Changes, false))
		require.NoError(w.t, w.admin.Alter(w.ctx, all, shared.Changes, false))
		w.applied, w.clusterApplied = own.After, shared.After
		w.sent = append(append(w.sent, own.Changes...), shared.Changes...)
		if quiet++; own.Again || shared.Again || len(own.Changes)+len(shared.Changes) > 0 {
			quiet = 0
		}
	}
	return w.describe(ConfigResource{Broker: 1})
}

func (w *dynamicWorld) changesFile() {
	w.t.Helper()
	file := w.started.Merge(Properties{
		"num.io.threads": "20", "log.cleanup.policy": "delete , compact", "log.cleaner.io.buffer.load.factor": "0.70",
	})
	file.Delete("log.retention.bytes")
	described := w.settle(file, nil)
	require.Equal(w.t, "20", *described["num.io.threads"].Value)
	require.Equal(w.t, "delete,compact", *described["log.cleanup.policy"].Value)
	require.Equal(w.t, "0.7", *described["log.cleaner.io.buffer.load.factor"].Value)
	require.Equal(w.t, "-1", *described["log.retention.bytes"].Value)

	described = w.settle(w.started, nil) // as after a restart with another file: what stood in for it goes
	require.Empty(w.t, w.applied)
	require.Equal(w.t, "4", *described["num.io.threads"].Value)
	for _, entry := range described {
		require.False(w.t, entry.hasLevel(SourceDynamicBroker), entry.Name)
	}
}

func (w *dynamicWorld) movesKeyToAllBrokersAndBack() {
	w.t.Helper()
	withBytes := w.started.Merge(Properties{"log.retention.bytes": "2000"})
	w.settle(withBytes, nil)
	all := Properties{"log.retention.bytes": "3000", "num.io.threads": "16"}
	described := w.settle(w.started, all)
	require.Equal(w.t, SourceDynamicDefaultBroker, described["log.retention.bytes"].Source)
	require.Equal(w.t, "16", *described["num.io.threads"].Value)
	described = w.settle(withBytes, nil)
	require.Equal(w.t, "2000", *described["log.retention.bytes"].Value)
	require.Equal(w.t, "4", *described["num.io.threads"].Value)
	require.Empty(w.t, w.clusterApplied)
	w.settle(w.started, nil)
}

func (w *dynamicWorld) setsWhatKafkaHides() {
	w.t.Helper()
	all := Properties{"my.plugin.key": "a"}
	w.settle(w.started, all)
	require.Equal(w.t, []ConfigChange{set("my.plugin.key", "a")}, w.sent)
	w.settle(w.started, all)
	require.Empty(w.t, w.sent)
	w.settle(w.started, Properties{"my.plugin.key": "b"})
	require.Equal(w.t, []ConfigChange{set("my.plugin.key", "b")}, w.sent)
	w.settle(w.started, nil)
	require.Equal(w.t, []ConfigChange{{Key: "my.plugin.key"}}, w.sent)
}

func (w *dynamicWorld) namesRefusedKeys() {
	w.t.Helper()
	for key, value := range map[string]string{
		"broker.rack": "a", "log.cleaner.threads": "abc", "num.io.threads": "100", "log.cleanup.policy": "foo", "ssl.keystore.location": "/k",
	} {
		err := w.admin.Alter(w.ctx, ConfigResource{Broker: 1}, []ConfigChange{set(key, value)}, true)
		var refused *ConfigRefused
		require.ErrorAs(w.t, err, &refused, key)
		named, _ := RefusedKey(refused.Message)
		require.Equal(w.t, key, named, refused.Message)
	}
}
