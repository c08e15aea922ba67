//go:build e2e

package e2e

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
)

// koperatorsObjects are the kinds that Koperator makes for a cluster without anything beside it.
const koperatorsObjects = "pods,pvc,services,configmaps,pdb"

// koperatorsPod is the name that Kubernetes gave to the Pod of a node.
func koperatorsPod(id int) string {
	return fmt.Sprintf("adopted-controller-%d-%s", id, [...]string{"m4k9t", "w7x2c", "p5ghd"}[id])
}

func koperatorsClaim(id int) string {
	return fmt.Sprintf("adopted-%d-storage-0-%s", id, [...]string{"zx8vq", "5rnlt", "c9b2k"}[id])
}

// makeAsKoperator puts the objects and the status in place that Koperator would have made of a cluster of combined nodes.
func (n namespace) makeAsKoperator(cluster *v1beta1.KafkaCluster, clusterID string) {
	n.t.Helper()
	states, voters := map[string]any{}, []string{}
	for id, broker := range cluster.Spec.Brokers {
		backup, err := kube.ConfigurationBackup(broker)
		require.NoError(n.t, err)
		states[fmt.Sprint(id)] = map[string]any{
			"rackAwarenessState": "", "configurationState": "ConfigInSync", "perBrokerConfigurationState": "PerBrokerConfigInSync",
			"configurationBackup": backup, "gracefulActionState": map[string]string{"cruiseControlState": "GracefulUpscaleSucceeded"},
		}
		voters = append(voters, fmt.Sprintf("%d@%s-%d.%s.svc.cluster.local:29093", id, cluster.Name, id, n.name))
	}
	status, err := json.Marshal(map[string]any{"status": map[string]any{
		"state": "ClusterRunning", "alertCount": 0, "clusterID": clusterID, "brokersState": states,
	}})
	require.NoError(n.t, err)
	n.kubectl("patch", "kafkacluster", cluster.Name, "--subresource=status", "--type=merge", "-p", string(status))
	common := []string{
		"NAMESPACE", n.name, "CLUSTERID", clusterID, "uid: UID", "uid: " + string(n.cluster(cluster.Name).UID),
		"VOTERS", strings.Join(voters, ","), "REGISTRY", os.Getenv("SANDBOX_REGISTRY"),
	}
	n.createAsKoperator("testdata/koperator.yaml", common...)
	for id := range cluster.Spec.Brokers {
		n.createAsKoperator("testdata/koperator-node.yaml",
			append(common, "NODE", fmt.Sprint(id), "POD", koperatorsPod(id), "CLAIM", koperatorsClaim(id))...)
	}
}

// createAsKoperator makes the objects of a file in which words are filled in, each with the record with which Koperator compares what it
// wants, and written by its field manager.
func (n namespace) createAsKoperator(file string, filled ...string) {
	n.t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(n.t, err)
	for manifest := range strings.SplitSeq(strings.NewReplacer(filled...).Replace(string(text)), "\n---\n") {
		var object unstructured.Unstructured
		require.NoError(n.t, yaml.Unmarshal([]byte(manifest), &object.Object))
		object.SetAnnotations(withRecord(n.t, object))
		made, err := json.Marshal(object.Object)
		require.NoError(n.t, err)
		kubectl(n.t, string(made), "create", "--field-manager=manager", "-f", "-")
	}
}

// withRecord are the annotations of an object with Koperator's record of it: base64 of a zip archive with one entry.
func withRecord(t *testing.T, object unstructured.Unstructured) map[string]string {
	t.Helper()
	var archive bytes.Buffer
	w := zip.NewWriter(&archive)
	entry, err := w.Create("original")
	require.NoError(t, err)
	require.NoError(t, json.NewEncoder(entry).Encode(object.Object))
	require.NoError(t, w.Close())
	annotations := object.GetAnnotations()
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[kube.AnnotationLastApplied] = base64.StdEncoding.EncodeToString(archive.Bytes())
	return annotations
}

// record is what Koperator would read of it.
func record(t *testing.T, object unstructured.Unstructured) map[string]any {
	t.Helper()
	archive, err := base64.StdEncoding.DecodeString(object.GetAnnotations()[kube.AnnotationLastApplied])
	require.NoError(t, err, titled(object))
	files, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	require.NoError(t, err, titled(object))
	require.Len(t, files.File, 1, titled(object))
	require.Equal(t, "original", files.File[0].Name)
	entry, err := files.File[0].Open()
	require.NoError(t, err)
	text, err := io.ReadAll(entry)
	require.NoError(t, err)
	var fields map[string]any
	require.NoError(t, json.Unmarshal(text, &fields), titled(object))
	return fields
}

func titled(object unstructured.Unstructured) string {
	return object.GetKind() + " " + object.GetName()
}

// standing is what stands of a cluster: its custom resource, and the objects that Koperator made, by kind and name.
type standing struct {
	cluster unstructured.Unstructured
	objects map[string]unstructured.Unstructured
}

func (n namespace) standing(cluster string) standing {
	n.t.Helper()
	found := standing{objects: map[string]unstructured.Unstructured{}}
	require.NoError(n.t, json.Unmarshal([]byte(n.kubectl("get", "kafkacluster", cluster, "-o", "json")), &found.cluster.Object))
	var list unstructured.UnstructuredList
	require.NoError(n.t, json.Unmarshal([]byte(n.kubectl("get", koperatorsObjects, "-l", "kafka_cr="+cluster, "-o", "json")), &list))
	for _, object := range list.Items {
		found.objects[titled(object)] = object
	}
	return found
}

// daysWork are edits of a day that restart nobody, each seen to have its effect on every broker.
func (m messages) daysWork() {
	m.t.Helper()
	name := m.cluster.Name
	next := m.spec(name)
	next.Labels = map[string]string{"team": "payments"}
	next.Spec.ClusterWideConfig += "\nmessage.max.bytes=2000000\n"
	next.Spec.ReadOnlyConfig += "\nnum.network.threads=4\n"
	logging("WARN")(next)
	m.apply(next)
	m.eventually(time.Minute, "a label of the cluster is on its Service", func() (bool, string) {
		label := m.kubectl("get", "service", name+"-all-broker", "-o", "jsonpath={.metadata.labels.team}")
		return label == "payments", label
	})
	m.allHave("brokers", "message.max.bytes=2000000")
	m.allHave("brokers", "num.network.threads=4")
	m.allHave("broker-loggers", "root=WARN")
	m.waitReady(name)
	next = m.spec(name)
	logging("INFO")(next)
	next.Spec.ClusterWideConfig = strings.ReplaceAll(next.Spec.ClusterWideConfig, "=2000000", "=3000000")
	m.apply(next)
	m.allHave("brokers", "message.max.bytes=3000000")
	m.allHave("broker-loggers", "root=INFO")
	m.waitReady(name)
}

// allHave waits until each broker says of itself that it works by a setting.
func (m messages) allHave(kind, setting string) {
	m.t.Helper()
	m.eventually(2*time.Minute, setting+" on every broker", func() (bool, string) {
		have := m.whoHas(kind, setting)
		return have == "0 1 2", "brokers that have it: " + have + "; " + m.ready(m.cluster.Name)
	})
}

// uninstallOperator takes the operator's Deployment away, and nothing else.
func uninstallOperator(t *testing.T) {
	t.Helper()
	kubectl(t, "", "-n", "koperator", "delete", "deployment", "koperator", "--timeout=120s")
	kubectl(t, "", "-n", "koperator", "wait", "pod", "-l", "app=koperator", "--for=delete", "--timeout=120s")
}

// handedBack checks that Koperator would find what it left, as it needs it.
func (before standing) handedBack(n namespace) {
	n.t.Helper()
	now := n.standing(before.cluster.GetName())
	before.sameCluster(n.t, now)
	for title, was := range before.objects {
		is, stands := now.objects[title]
		require.True(n.t, stands, "%s is gone", title)
		require.Equal(n.t, was.GetUID(), is.GetUID(), "%s was made anew", title)
		require.Equal(n.t, was.GetOwnerReferences(), is.GetOwnerReferences(), "%s: without its owner nobody collects it", title)
		require.Equal(n.t, was.GetFinalizers(), is.GetFinalizers(), "%s: nobody would release it", title)
		for name, value := range was.GetLabels() {
			require.Equal(n.t, value, is.GetLabels()[name], "%s: Koperator finds its objects by label %s", title, name)
		}
		switch was.GetKind() {
		case "Pod", "PersistentVolumeClaim": // any difference to its record is a restart for Koperator
			require.Equal(n.t, was.Object["spec"], is.Object["spec"], title)
			for name, value := range was.GetAnnotations() {
				require.Equal(n.t, value, is.GetAnnotations()[name], "%s: annotation %s", title, name)
			}
		default:
			require.Empty(n.t, differences("", record(n.t, is), is.Object), "%s differs from Koperator's record of it", title)
		}
	}
	for id := range 3 {
		config := fmt.Sprintf("ConfigMap %s-config-%d", before.cluster.GetName(), id)
		require.Contains(n.t, before.objects, config)
		require.Equal(n.t, before.objects[config].Object["data"], now.objects[config].Object["data"], "the file of a broker that was not restarted")
	}
	for title, is := range now.objects {
		require.Subset(n.t, []string{"kubernetes.io/pvc-protection"}, is.GetFinalizers(), "%s: nobody would release it", title)
	}
	for _, name := range []string{"-all-broker", "-0", "-1", "-2"} { // what clients use
		was, is := before.objects["Service "+before.cluster.GetName()+name], now.objects["Service "+before.cluster.GetName()+name]
		ports, _, err := unstructured.NestedSlice(is.Object, "spec", "ports")
		require.NoError(n.t, err)
		wanted, _, err := unstructured.NestedSlice(was.Object, "spec", "ports")
		require.NoError(n.t, err)
		require.Subset(n.t, portNumbers(ports), portNumbers(wanted), "ports of %s", is.GetName())
		require.Equal(n.t, was.Object["spec"].(map[string]any)["clusterIP"], is.Object["spec"].(map[string]any)["clusterIP"])
	}
	lease := kubectl(n.t, "", "-n", "koperator", "get", "leases", "-o", "jsonpath={.items[*].metadata.name}")
	require.Contains(n.t, lease, "controller-leader-election-helper", "two operators exclude each other by its name")
}

// sameCluster: status is the only memory that Koperator has, and finalizers that it does not know would never go.
func (before standing) sameCluster(t *testing.T, now standing) {
	t.Helper()
	require.Equal(t, before.cluster.GetUID(), now.cluster.GetUID())
	require.ElementsMatch(t, before.cluster.GetFinalizers(), now.cluster.GetFinalizers())
	status, _, err := unstructured.NestedMap(before.cluster.Object, "status")
	require.NoError(t, err)
	require.Empty(t, differences("status", status, now.cluster.Object["status"]))
}

func portNumbers(ports []any) []any {
	var numbers []any
	for _, port := range ports {
		numbers = append(numbers, port.(map[string]any)["port"])
	}
	return numbers
}

// differences are the fields of a record that an object does not have as they are there. What the object has beside them is
// somebody else's, or a default.
func differences(path string, recorded, standing any) []string {
	switch recorded := recorded.(type) {
	case nil:
		return nil
	case map[string]any:
		fields, is := standing.(map[string]any)
		if !is && len(recorded) > 0 {
			return []string{fmt.Sprintf("%s is %v", path, standing)}
		}
		var found []string
		for name, value := range recorded {
			found = append(found, differences(path+"."+name, value, fields[name])...)
		}
		slices.Sort(found)
		return found
	case []any:
		items, is := standing.([]any)
		if !is || len(items) != len(recorded) {
			return []string{fmt.Sprintf("%s is %v and not %v", path, standing, recorded)}
		}
		var found []string
		for i := range recorded {
			found = append(found, differences(fmt.Sprintf("%s[%d]", path, i), recorded[i], items[i])...)
		}
		return found
	default:
		empty := standing == nil && reflect.ValueOf(recorded).IsZero()
		if !empty && fmt.Sprint(recorded) != fmt.Sprint(standing) {
			return []string{fmt.Sprintf("%s is %v and not %v", path, standing, recorded)}
		}
		return nil
	}
}
