package crdcheck

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const cluster = `
apiVersion: kafka.banzaicloud.io/v1beta1
kind: KafkaCluster
metadata: {name: kafka, namespace: kafka}
spec:
  kRaft: KRAFT
  headlessServiceEnabled: true
  oneBrokerPerNode: false
  rollingUpgradeConfig: {failureThreshold: THRESHOLD}
  cruiseControlConfig: {CRUISE}
  listenersConfig:
    internalListeners: [{type: plaintext, name: NAME, containerPort: 29092}]
    EXTERNAL
  brokerConfigGroups: {GROUPS}
  brokers: [BROKERS]
  MORE
`

// clusterWith returns a cluster whose upper-case words are replaced; those that are not named have a working value.
func clusterWith(t *testing.T, replacements ...string) map[string]any {
	t.Helper()
	content := strings.NewReplacer(replacements...).Replace(cluster)
	defaults := strings.NewReplacer("KRAFT", "true", "THRESHOLD", "1", "CRUISE", "", "NAME", "internal", "EXTERNAL", "", "GROUPS", "",
		"BROKERS", "{id: 0}", "MORE", "")
	return manifest(t, defaults.Replace(content))
}

// The traps of Koperator's schema: what is taken today must be taken, since it lies in people's repositories.
func TestASchemaTrapOfKoperatorStaysAccepted(t *testing.T) {
	cases := map[string]map[string]any{
		"a typo in processRoles":                               clusterWith(t, "BROKERS", "{id: 0, brokerConfig: {processRoles: [brocker]}}"),
		"a listener name that only begins well":                clusterWith(t, "NAME", "internal_UPPER.x"),
		"an empty list of ZooKeeper addresses":                 clusterWith(t, "KRAFT", "false", "MORE", "zkAddresses: []"),
		"a storage with neither claim nor emptyDir":            clusterWith(t, "BROKERS", "{id: 0, brokerConfig: {storageConfigs: [{mountPath: /a}]}}"),
		"an emptyDir without sizeLimit":                        clusterWith(t, "BROKERS", "{id: 0, brokerConfig: {storageConfigs: [{mountPath: /a, emptyDir: {}}]}}"),
		"a mount path twice":                                   clusterWith(t, "BROKERS", "{id: 0, brokerConfig: {storageConfigs: [{mountPath: /a}, {mountPath: /a}]}}"),
		"a disruption budget without a number":                 clusterWith(t, "MORE", "disruptionBudget: {create: true}"),
		"the same role in group and broker":                    clusterWith(t, "GROUPS", "g: {processRoles: [broker]}", "BROKERS", "{id: 0, brokerConfigGroup: g, brokerConfig: {processRoles: [broker]}}"),
		"an empty name of a group":                             clusterWith(t, "BROKERS", "{id: 0, brokerConfigGroup: ''}"),
		"no broker at all":                                     clusterWith(t, "BROKERS", ""),
		"NodePorts that Kubernetes chooses, with broker 0":     clusterWith(t, "EXTERNAL", "externalListeners: [{type: plaintext, name: e, containerPort: 9094, externalStartingPort: 0, accessMethod: NodePort}]"),
		"all brokers on one port, with broker 0":               clusterWith(t, "EXTERNAL", "externalListeners: [{type: ssl, name: e, containerPort: 9094, externalStartingPort: -1}]"),
		"unknown arguments of Envoy":                           clusterWith(t, "MORE", "envoyConfig: {envoyCommandLineArgs: {concurrency: 1, log-level: debug}}"),
		"a broker.rack line that Koperator wrote":              clusterWith(t, "BROKERS", `{id: 0, readOnlyConfig: "broker.rack=a,b\n"}`),
		"a failure threshold of zero":                          clusterWith(t, "THRESHOLD", "0"),
		"the largest id":                                       clusterWith(t, "BROKERS", "{id: 65534}"),
		"a claim whose strings are templates":                  clusterWith(t, "BROKERS", "{id: 0, brokerConfig: {storageConfigs: [{mountPath: /a, pvcSpec: {storageClassName: '{{ .BrokerId }}'}}]}}"),
		"a ZooKeeper cluster whose brokers have KRaft's roles": clusterWith(t, "KRAFT", "false", "BROKERS", "{id: 0, brokerConfig: {processRoles: [controller]}}"),
	}
	server := serverOf(t, "kafkaclusters")
	for name, object := range cases {
		t.Run(name, func(t *testing.T) {
			stored, errs := server.admit(object)
			require.Empty(t, errs.ToAggregate())
			require.Empty(t, missing("", object, stored))
		})
	}
}

func TestABadClusterIsRefusedWithTheFieldsName(t *testing.T) {
	cases := map[string]struct {
		object map[string]any
		want   string
	}{
		"an id twice":                            {clusterWith(t, "BROKERS", "{id: 1}, {id: 1}"), `spec.brokers[1]: Duplicate value: {"id":1}`},
		"an id that is too large":                {clusterWith(t, "BROKERS", "{id: 65535}"), "spec.brokers[0].id"},
		"a negative id":                          {clusterWith(t, "BROKERS", "{id: -1}"), "spec.brokers[0].id"},
		"a group that does not exist":            {clusterWith(t, "GROUPS", "a: {}", "BROKERS", "{id: 0, brokerConfigGroup: b}"), `spec.brokers: Invalid value: a broker names the brokerConfigGroup "b", which brokerConfigGroups does not have: add the group, or name one that is there, for example "a"`},
		"a group where there is none":            {clusterWith(t, "BROKERS", "{id: 0}, {id: 1, brokerConfigGroup: b}"), `spec.brokers: Invalid value: a broker names the brokerConfigGroup "b", which brokerConfigGroups does not have: add the group, or name one that is there`},
		"a group of a name over two lines":       {clusterWith(t, "GROUPS", "a: {}", "BROKERS", `{id: 0, brokerConfigGroup: "b\nc"}`), "spec.brokers: Invalid value: a broker names a brokerConfigGroup that brokerConfigGroups does not have: add the group, or name one that is there"},
		"RetryDurationMinutes with a small r":    {clusterWith(t, "CRUISE", "cruiseControlTaskSpec: {retryDurationMinutes: 5}"), "spec.cruiseControlConfig.cruiseControlTaskSpec.RetryDurationMinutes: Required value"},
		"three roles":                            {clusterWith(t, "BROKERS", "{id: 0, brokerConfig: {processRoles: [broker, controller, broker]}}"), "processRoles: Too many: 3"},
		"a listener name that begins badly":      {clusterWith(t, "NAME", "_internal"), "spec.listenersConfig.internalListeners[0].name"},
		"an unknown ingress controller":          {clusterWith(t, "MORE", "ingressController: nginx"), "spec.ingressController: Unsupported value"},
		"a budget above 100 percent":             {clusterWith(t, "MORE", "disruptionBudget: {create: true, budget: 101%}"), "spec.disruptionBudget.budget"},
		"a maintenance window without its hours": {clusterWith(t, "MORE", "maintenanceWindows: [{schedule: '0 2 * * 6', duration: two hours}]"), "spec.maintenanceWindows[0].duration"},
		"an external port below -1":              {clusterWith(t, "EXTERNAL", "externalListeners: [{type: ssl, name: e, containerPort: 9094, externalStartingPort: -2}]"), "externalStartingPort"},
		"a plugin twice":                         {clusterWith(t, "MORE", "alertManagerConfig: {plugins: [{name: a, url: 'http://a'}, {name: a, url: 'http://b'}]}"), "spec.alertManagerConfig.plugins[1]: Duplicate value"},
	}
	server := serverOf(t, "kafkaclusters")
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, errs := server.admit(tc.object)
			require.ErrorContains(t, errs.ToAggregate(), tc.want)
		})
	}
}

func TestTheSchemasDefaults(t *testing.T) {
	stored, errs := serverOf(t, "kafkaclusters").admit(manifest(t, strings.NewReplacer("kRaft: KRAFT", "", "THRESHOLD", "1", "CRUISE", "",
		"NAME", "internal", "EXTERNAL", "", "GROUPS", "g: {}", "BROKERS", "{id: 0, brokerConfig: {}}, {id: 1}", "MORE", "").Replace(cluster)))
	require.Empty(t, errs.ToAggregate())
	spec := stored["spec"].(map[string]any)
	require.Equal(t, false, spec["kRaft"], "whatever the comment in Koperator says")
	require.Equal(t, false, spec["localDebugEnabled"])
	require.Equal(t, false, spec["removeUnusedIngressResources"])
	require.Equal(t, int64(1), spec["rollingUpgradeConfig"].(map[string]any)["concurrentBrokerRestartCountPerRack"])
	require.Equal(t, []any{
		map[string]any{"id": int64(0), "brokerConfig": map[string]any{"terminationGracePeriodSeconds": int64(120)}},
		map[string]any{"id": int64(1)},
	}, spec["brokers"])
	require.Equal(t, map[string]any{"g": map[string]any{"terminationGracePeriodSeconds": int64(120)}}, spec["brokerConfigGroups"])
}

func TestABadTopicUserOrOperationIsRefused(t *testing.T) {
	cases := map[string]struct{ plural, content, want string }{
		"a topic with -2 partitions":                       {"kafkatopics", "{spec: {name: t, partitions: -2, replicationFactor: 1, clusterRef: {name: k}}}", "spec.partitions"},
		"a user whose certificate is over within the hour": {"kafkausers", "{spec: {secretName: s, clusterRef: {name: k}, expirationSeconds: 60}}", "spec.expirationSeconds"},
		"a grant that is neither read nor write":           {"kafkausers", "{spec: {secretName: s, clusterRef: {name: k}, topicGrants: [{topicName: t, accessType: all}]}}", "accessType"},
		"the same cluster grant twice":                     {"kafkausers", "{spec: {secretName: s, clusterRef: {name: k}, clusterGrants: [create, create]}}", "spec.clusterGrants[1]: Duplicate value"},
		"an operation that does not exist":                 {"cruisecontroloperations", "{spec: {operation: explode}}", "spec.operation"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, errs := serverOf(t, tc.plural).admit(manifest(t, tc.content))
			require.ErrorContains(t, errs.ToAggregate(), tc.want)
		})
	}
}

func TestAnOperationWithoutAnErrorPolicyIsRetried(t *testing.T) {
	stored, errs := serverOf(t, "cruisecontroloperations").admit(manifest(t, "{spec: {}}"))
	require.Empty(t, errs.ToAggregate())
	require.Equal(t, map[string]any{"errorPolicy": "retry"}, stored["spec"])
}
