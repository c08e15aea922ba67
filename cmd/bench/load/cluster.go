package load

import (
	_ "embed"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

//go:embed cluster.yaml
var clusterYAML []byte

// Shape says of which nodes a cluster consists.
type Shape struct{ Controllers, Brokers, Combined int }

// Nodes is how many Pods the cluster gets.
func (s Shape) Nodes() int { return s.Controllers + s.Brokers + s.Combined }

// Cluster is a KafkaCluster of the given shape: KRaft, headless, one disk a node. Ids begin at 0 with the controllers.
func Cluster(namespace, name string, shape Shape) (*unstructured.Unstructured, error) {
	cluster := &unstructured.Unstructured{}
	if err := yaml.Unmarshal(clusterYAML, &cluster.Object); err != nil {
		return nil, fmt.Errorf("cluster.yaml: %w", err)
	}
	cluster.SetNamespace(namespace)
	cluster.SetName(name)
	var nodes []any
	for _, part := range []struct {
		group string
		count int
	}{{"controller", shape.Controllers}, {"combined", shape.Combined}, {"broker", shape.Brokers}} {
		for range part.count {
			nodes = append(nodes, map[string]any{"id": int64(len(nodes)), "brokerConfigGroup": part.group})
		}
	}
	return cluster, unstructured.SetNestedSlice(cluster.Object, nodes, "spec", "brokers")
}
