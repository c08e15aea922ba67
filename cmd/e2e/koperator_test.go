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
)

// koperatorsObjects are the kinds that Koperator makes for a cluster without anything beside it.
const koperatorsObjects = "pods,pvc,services,configmaps,pdb"

// makeAsKoperator puts the objects and the status in place that Koperator would have made, each with the record with which it
// compares what it wants, and written by its field manager.
func (n namespace) makeAsKoperator(name, clusterID string) {
	n.t.Helper()
	text, err := os.ReadFile("testdata/koperator.yaml")
	require.NoError(n.t, err)
	cluster := n.cluster(name)
	manifests := strings.NewReplacer("NAMESPACE", n.name, "CLUSTERID", clusterID, "uid: UID", "uid: "+string(cluster.UID),
		"REGISTRY", os.Getenv("SANDBOX_REGISTRY")).Replace(string(text))
	backup, err := kube.ConfigurationBackup(cluster.Spec.Brokers[0])
	require.NoError(n.t, err)
	n.kubectl("patch", "kafkacluster", name, "--subresource=status", "--type=merge", "-p", `{"status":{
		"state":"ClusterRunning","alertCount":0,"clusterID":"`+clusterID+`",
		"brokersState":{"0":{"rackAwarenessState":"","configurationState":"ConfigInSync",
			"perBrokerConfigurationState":"PerBrokerConfigInSync","configurationBackup":"`+backup+`",
			"gracefulActionState":{"cruiseControlState":"GracefulUpscaleSucceeded"}}}}}`)
	for manifest := range strings.SplitSeq(manifests, "\n---\n") {
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

// daysWork are edits of a day that restart nobody, each seen to have its effect.
func (n namespace) daysWork(name, pod string) {
	n.t.Helper()
	next := n.spec(name)
	next.Labels = map[string]string{"team": "payments"}
	next.Spec.ClusterWideConfig += "\nmessage.max.bytes=2000000\n"
	next.Spec.ReadOnlyConfig += "\nnum.network.threads=4\n"
	logging("WARN")(next)
	n.apply(next)
	n.eventually(2*time.Minute, "all of it has its effect", func() (bool, string) {
		said := n.exec(pod, "kafka-configs.sh --bootstrap-server "+name+"-all-broker:29092 --describe --all --entity-type brokers --entity-name 0 "+
			"| grep -oE '^ *(message.max.bytes|num.network.threads)=[0-9]* '")
		service := n.kubectl("get", "service", name+"-all-broker", "-o", "jsonpath={.metadata.labels.team}")
		return slices.Equal(strings.Fields(said), []string{"message.max.bytes=2000000", "num.network.threads=4"}) && service == "payments", said + "; " + service
	})
	n.eventually(2*time.Minute, "also the level of the log", func() (bool, string) { return n.logsFrom(name, pod, "WARN") })
	n.waitReady(name)
	next = n.spec(name)
	logging("INFO")(next)
	next.Spec.ClusterWideConfig = strings.ReplaceAll(next.Spec.ClusterWideConfig, "=2000000", "=3000000")
	n.apply(next)
	n.eventually(2*time.Minute, "and the next edit, too", func() (bool, string) {
		said := n.exec(pod, "kafka-configs.sh --bootstrap-server "+name+"-all-broker:29092 --describe --entity-type brokers --entity-default")
		return strings.Contains(said, "message.max.bytes=3000000"), said
	})
	n.eventually(2*time.Minute, "the level, too", func() (bool, string) { return n.logsFrom(name, pod, "INFO") })
	n.waitReady(name)
}

// logsFrom reports whether a broker says that it logs from a level on.
func (n namespace) logsFrom(name, pod, level string) (bool, string) {
	n.t.Helper()
	said := n.exec(pod, "kafka-configs.sh --bootstrap-server "+name+"-all-broker:29092 --describe --all --entity-type broker-loggers --entity-name 0")
	return slices.Contains(strings.Fields(said), "root="+level), said
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
	config := "ConfigMap " + before.cluster.GetName() + "-config-0"
	require.Equal(n.t, before.objects[config].Object["data"], now.objects[config].Object["data"], "the file of a broker that was not restarted")
	for title, is := range now.objects {
		require.Subset(n.t, []string{"kubernetes.io/pvc-protection"}, is.GetFinalizers(), "%s: nobody would release it", title)
	}
	for _, name := range []string{"-all-broker", "-0"} { // what clients use
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
