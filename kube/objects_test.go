package kube

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
)

func TestServicesGolden(t *testing.T) {
	services := map[string]*corev1.Service{
		"headless":                     HeadlessService(demo(headless)),
		"headless-zookeeper":           HeadlessService(demo(headless, zooKeeper)),
		"controller-headless":          ControllerService(demo(headless)),
		"controller":                   ControllerService(demo()),
		"all-broker":                   AllBrokerService(demo()),
		"all-broker-zookeeper":         AllBrokerService(demo(zooKeeper)),
		"broker":                       BrokerService(demo(), 2),
		"all-broker-debug":             AllBrokerService(demo(extras, debug)),
		"broker-debug-with-more-ports": BrokerService(demo(extras, debug), 0),
	}
	for _, name := range sortedKeys(services) {
		t.Run(name, func(t *testing.T) { wantGolden(t, "service-"+name, services[name]) })
	}
}

func debug(c *v1beta1.KafkaCluster) {
	c.Spec.LocalDebugEnabled, c.Spec.PublishNotReadyAddresses = true, true
}

func TestClusterServices(t *testing.T) {
	names := func(cluster *v1beta1.KafkaCluster) []string {
		var names []string
		for _, s := range ClusterServices(cluster) {
			names = append(names, s.Name)
		}
		return names
	}
	require.Equal(t, []string{"demo-all-broker", "demo-controller-headless"}, names(demo()))
	require.Equal(t, []string{"demo-headless", "demo-controller-headless"}, names(demo(headless)))
	require.Equal(t, []string{"demo-all-broker"}, names(demo(zooKeeper)))
	require.Equal(t, []string{"demo-headless"}, names(demo(zooKeeper, headless)))
}

// A cold start waits for itself unless nodes that are not ready are found by the others.
func TestOnlyTheAllBrokerServiceHidesWhatIsNotReady(t *testing.T) {
	for _, service := range []*corev1.Service{HeadlessService(demo()), ControllerService(demo()), BrokerService(demo(), 0)} {
		require.True(t, service.Spec.PublishNotReadyAddresses, service.Name)
	}
	require.False(t, AllBrokerService(demo()).Spec.PublishNotReadyAddresses)
	require.True(t, AllBrokerService(demo(debug)).Spec.PublishNotReadyAddresses, "as the user says")
}

func TestConfigMapsGolden(t *testing.T) {
	cluster := demo(extras)
	in := podInput(t, cluster, 0)
	config, err := BrokerConfigMap(ConfigInput{Cluster: cluster, Broker: in.Broker, Config: in.Config, Properties: in.Properties})
	require.NoError(t, err)
	backup := config.Annotations[AnnotationConfigurationBackup]
	restored, err := BrokerFromBackup(backup)
	require.NoError(t, err)
	require.Equal(t, in.Broker.BrokerConfig.ProcessRoles, restored.BrokerConfig.ProcessRoles)
	require.Equal(t, in.Broker.BrokerConfigGroup, restored.BrokerConfigGroup)
	config.Annotations[AnnotationConfigurationBackup] = "(compressed)" // its bytes are those of the Go version
	wantGolden(t, "configmap-broker", config)
	wantGolden(t, "configmap-jmx", JMXConfigMap(demo()))
	require.Equal(t, "rules: []", JMXConfigMap(demo(func(c *v1beta1.KafkaCluster) {
		c.Spec.MonitoringConfig = &v1beta1.MonitoringConfig{KafkaJMXExporterConfig: "rules: []"}
	})).Data["config.yaml"])
}

func TestBrokerFromBackupRefuses(t *testing.T) {
	for _, backup := range []string{"", "not base64!", "bm90IGd6aXA=", "H4sIAAAAAAAA/"} {
		_, err := BrokerFromBackup(backup)
		require.ErrorContains(t, err, "configuration backup")
	}
}

// What the exporter makes of beans that Kafka has, by the rule that matches first.
func TestJMXRules(t *testing.T) {
	var config struct {
		Rules []struct {
			Pattern string            `json:"pattern"`
			Name    string            `json:"name"`
			Labels  map[string]string `json:"labels"`
		} `json:"rules"`
	}
	require.NoError(t, yaml.Unmarshal([]byte(defaultJMXRules), &config))
	metric := func(bean string) string {
		for _, rule := range config.Rules {
			pattern := regexp.MustCompile(`^.*(?:` + rule.Pattern + `).*$`)
			at := pattern.FindStringSubmatchIndex(bean)
			if at == nil {
				continue
			}
			expand := func(text string) string {
				return string(pattern.ExpandString(nil, regexp.MustCompile(`\$(\d)`).ReplaceAllString(text, "$${$1}"), bean, at))
			}
			var labels []string
			for _, key := range sortedKeys(rule.Labels) {
				labels = append(labels, expand(key)+"="+expand(rule.Labels[key]))
			}
			slices.Sort(labels)
			return strings.ToLower(expand(rule.Name)) + "{" + strings.Join(labels, ",") + "}"
		}
		return ""
	}
	tests := map[string]string{
		"kafka.server<type=raft-metrics><>current-state: leader":                                               "kafka_server_raft_metrics_current_state_leader{}",
		"kafka.server<type=raft-metrics><>current-epoch: 4.0":                                                  "kafka_server_raft_metrics_current-epoch{}",
		"kafka.server<type=app-info, id=2><>version: 4.3.1":                                                    "kafka_server_app_info_version{broker_id=2,version=4.3.1}",
		"kafka.controller<type=KafkaController, name=TimedOutBrokerHeartbeatCount><>Value: 1":                  "kafka_controller_kafkacontroller_timedoutbrokerheartbeat_total{}",
		"kafka.server<type=MetadataLoader, name=HandleLoadSnapshotCount><>Value: 1":                            "kafka_server_metadataloader_handleloadsnapshot_total{}",
		"kafka.controller<type=KafkaController, name=ActiveControllerCount><>Value: 1":                         "kafka_controller_kafkacontroller_activecontrollercount{}",
		"kafka.server<type=ReplicaManager, name=UnderReplicatedPartitions><>Value: 0":                          "kafka_server_replicamanager_underreplicatedpartitions{}",
		"kafka.server<type=BrokerTopicMetrics, name=BytesInPerSec, topic=orders><>Count: 5":                    "kafka_server_brokertopicmetrics_bytesin_total{topic=orders}",
		"kafka.server<type=BrokerTopicMetrics, name=BytesInPerSec><>Count: 5":                                  "kafka_server_brokertopicmetrics_bytesin_total{}",
		"kafka.server<type=KafkaRequestHandlerPool, name=RequestHandlerAvgIdlePercent><>MeanRate: 1":           "kafka_server_kafkarequesthandlerpool_requesthandleravgidle_percent{}",
		"kafka.network<type=RequestMetrics, name=TotalTimeMs, request=Fetch><>99thPercentile: 1":               "kafka_network_requestmetrics_totaltimems{quantile=0.99,request=Fetch}",
		"kafka.network<type=RequestMetrics, name=TotalTimeMs, request=Fetch><>Count: 1":                        "kafka_network_requestmetrics_totaltimems_count{request=Fetch}",
		"kafka.log<type=Log, name=Size, topic=orders, partition=3><>Value: 7":                                  "kafka_log_log_size{partition=3,topic=orders}",
		"kafka.server<type=Produce, user=alice, client-id=app><>throttle-time: 0":                              "kafka_server_quota_produce_throttle-time{clientId=app,user=alice}",
		"kafka.server<type=socket-server-metrics, listener=INTERNAL, networkProcessor=1><>connection-count: 2": "kafka_server_socket_server_metrics_connection-count{listener=INTERNAL,network_processor=1}",
		"java.lang<type=Memory><HeapMemoryUsage>used: 5":                                                       "{}",
	}
	for bean, want := range tests {
		t.Run(bean, func(t *testing.T) { require.Equal(t, want, metric(bean)) })
	}
}

func TestBudgets(t *testing.T) {
	budget := func(create bool, text string) func(*v1beta1.KafkaCluster) {
		return func(c *v1beta1.KafkaCluster) {
			c.Spec.DisruptionBudget = &v1beta1.DisruptionBudget{Create: create, Budget: text}
		}
	}
	none := func(*v1beta1.KafkaCluster) {}
	tests := map[string]struct {
		change   func(*v1beta1.KafkaCluster)
		nodes    int
		closed   bool
		together int
		want     int
	}{
		"without a budget one may go":                               {change: none, nodes: 3, want: 2},
		"while gates are closed nobody may go":                      {change: none, nodes: 3, closed: true, want: 3},
		"a budget of two lets one go unless both are fine together": {change: budget(true, "2"), nodes: 5, want: 4},
		"a budget of two lets two go that are fine together":        {change: budget(true, "2"), nodes: 5, together: 2, want: 3},
		"no more than the budget go":                                {change: budget(true, "2"), nodes: 9, together: 4, want: 7},
		"a percentage is rounded down":                              {change: budget(true, "50%"), nodes: 5, together: 5, want: 3},
		"a percentage that comes to nothing still lets one go":      {change: budget(true, "20%"), nodes: 3, want: 2},
		"an explicit zero stays zero":                               {change: budget(true, "0"), nodes: 3, want: 3},
		"a budget that is not said is one":                          {change: budget(true, ""), nodes: 3, want: 2},
		"one broker may go":                                         {change: none, nodes: 1, want: 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			in := BudgetInput{Cluster: demo(test.change), Nodes: test.nodes, GatesOpen: !test.closed, Together: test.together}
			require.Equal(t, test.want, BrokerBudget(in).Spec.MinAvailable.IntValue())
		})
	}
	t.Run("goldens", func(t *testing.T) {
		in := BudgetInput{Cluster: demo(), Nodes: 2, GatesOpen: true}
		wantGolden(t, "pdb-broker", BrokerBudget(in))
		in.Nodes, in.EvictUnready = 1, true
		wantGolden(t, "pdb-controller", ControllerBudget(in))
		wantGolden(t, "pdb-broker-zookeeper", BrokerBudget(BudgetInput{Cluster: demo(zooKeeper), Nodes: 3, GatesOpen: true}))
	})
	t.Run("switched off, or nothing to protect", func(t *testing.T) {
		require.Nil(t, BrokerBudget(BudgetInput{Cluster: demo(budget(false, "1")), Nodes: 3}))
		require.Nil(t, ControllerBudget(BudgetInput{Cluster: demo(budget(false, "1")), Nodes: 3}))
		require.Nil(t, ControllerBudget(BudgetInput{Cluster: demo(), Nodes: 0}))
		require.Nil(t, ControllerBudget(BudgetInput{Cluster: demo(zooKeeper), Nodes: 3}))
	})
}

// The API server answers 500 to every eviction of a Pod that two budgets select.
func TestEachPodIsSelectedByOneBudget(t *testing.T) {
	cluster := demo()
	in := BudgetInput{Cluster: cluster, Nodes: 1, GatesOpen: true}
	for id := range int32(3) {
		pod := brokerPod(t, podInput(t, cluster, id))
		selected := 0
		for _, budget := range []*metav1.LabelSelector{BrokerBudget(in).Spec.Selector, ControllerBudget(in).Spec.Selector} {
			if matches(budget.MatchLabels, pod.Labels) {
				selected++
			}
		}
		require.Equal(t, 1, selected, "node %d", id)
	}
}

func TestServicesSelectTheNodesThatServe(t *testing.T) {
	cluster := demo(headless)
	selected := func(selector map[string]string) []int32 {
		var ids []int32
		for id := range int32(3) {
			if matches(selector, brokerPod(t, podInput(t, cluster, id)).Labels) {
				ids = append(ids, id)
			}
		}
		return ids
	}
	require.Equal(t, []int32{0, 2}, selected(HeadlessService(cluster).Spec.Selector))
	require.Equal(t, []int32{0, 2}, selected(AllBrokerService(cluster).Spec.Selector))
	require.Equal(t, []int32{1, 2}, selected(ControllerService(cluster).Spec.Selector))
	require.Equal(t, []int32{1}, selected(BrokerService(cluster, 1).Spec.Selector))
}

func matches(selector, labels map[string]string) bool {
	for key, value := range selector {
		if labels[key] != value {
			return false
		}
	}
	return true
}
