package simulation

import (
	"fmt"
	"slices"
	"strings"
	"testing/synctest"
	"time"

	kafkaclient "github.com/koperator-go/koperator/kafka"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// readOnly sets the read-only configuration of all brokers.
func readOnly(text string) func(*v1beta1.KafkaCluster) {
	return func(cluster *v1beta1.KafkaCluster) { cluster.Spec.ReadOnlyConfig = text }
}

// perBroker sets the dynamic configuration of one broker, and with it takes it out of what its group says.
func perBroker(id int32, text string) func(*v1beta1.KafkaCluster) {
	return func(cluster *v1beta1.KafkaCluster) {
		for i := range cluster.Spec.Brokers {
			b := &cluster.Spec.Brokers[i]
			if b.ID != id || b.BrokerConfig == nil && text == "" {
				continue
			}
			if b.BrokerConfig == nil {
				b.BrokerConfig = &v1beta1.BrokerConfig{}
			}
			b.BrokerConfig.Config = text
		}
	}
}

func clusterWide(text string) func(*v1beta1.KafkaCluster) {
	return func(cluster *v1beta1.KafkaCluster) { cluster.Spec.ClusterWideConfig = text }
}

// brokerIDs are the nodes of the spec with the broker role.
func (w *World) brokerIDs(name string) []messages.BrokerID {
	var ids []messages.BrokerID
	cluster := w.cluster(name)
	for i := range cluster.Spec.Brokers {
		config, err := v1beta1.BrokerConfigOf(&cluster.Spec, &cluster.Spec.Brokers[i])
		if err == nil && (!cluster.Spec.KRaft || config.HasRole(v1beta1.BrokerRole)) {
			ids = append(ids, messages.BrokerID(cluster.Spec.Brokers[i].ID))
		}
	}
	return ids
}

// configProblems compares what brokers that serve work by with what the spec says: where a value is written, it is in
// force, and nothing else of ours is set.
func (w *World) configProblems(name string) []string {
	cluster := w.cluster(name)
	wide, err := kafkaclient.Parse(cluster.Spec.ClusterWideConfig)
	if err != nil {
		return []string{err.Error()}
	}
	var problems []string
	for i := range cluster.Spec.Brokers {
		id := messages.BrokerID(cluster.Spec.Brokers[i].ID)
		if !slices.Contains(w.brokerIDs(name), id) {
			continue
		}
		config, err := v1beta1.BrokerConfigOf(&cluster.Spec, &cluster.Spec.Brokers[i])
		if err != nil {
			return []string{err.Error()}
		}
		file, errFile := kafkaclient.UserProperties(cluster, &cluster.Spec.Brokers[i])
		own, errOwn := kafkaclient.Parse(config.Config)
		if errFile != nil || errOwn != nil {
			return []string{fmt.Sprint(errFile, errOwn)}
		}
		wanted := file.Merge(wide, own)
		for _, key := range wanted.Keys() {
			if is := w.configInForce(name, id, key); is != wanted[key] {
				problems = append(problems, fmt.Sprintf("broker %d works by %s=%s and should by %s", id, key, is, wanted[key]))
			}
		}
		for key, value := range w.dynamicConfig(name, id) {
			if strings.Contains(key, kafkaclient.ThrottleKeys) {
				continue // which the spec says nothing about
			}
			if key == "cordoned.log.dirs" && w.waitToGo(name, id, config, value) {
				continue // nobody moves what had come there before Kafka could cordon it
			}
			if _, written := wanted.Get(key); wanted[key] != value && (written || defaultConfigs()[key] != value) {
				problems = append(problems, fmt.Sprintf("broker %d has %s=%s left", id, key, value))
			}
		}
	}
	slices.Sort(problems)
	return problems
}

// waitToGo reports whether log dirs are on disks that have left the spec and are still there.
func (w *World) waitToGo(name string, id messages.BrokerID, config *v1beta1.BrokerConfig, dirs string) bool {
	for _, dir := range splitList(dirs) {
		path := strings.TrimSuffix(dir, "/kafka")
		wanted := slices.ContainsFunc(config.StorageConfigs, func(s v1beta1.StorageConfig) bool { return s.MountPath == path })
		if wanted || !w.hasDisk(name, id, path) {
			return false
		}
	}
	return true
}

func (w *World) hasDisk(name string, id messages.BrokerID, mountPath string) bool {
	pods := w.podsOf(name, id)
	return len(pods) == 1 && w.serves(name, id) && strings.Contains(w.kubelets.fileOf(pods[0])["log.dirs"], mountPath+"/")
}

// never lets time pass and fails as soon as something holds.
func (w *World) never(within time.Duration, what string, holds func() bool) {
	w.t.Helper()
	for end := time.Now().Add(within); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		synctest.Wait()
		w.check()
		if holds() {
			w.fail("%s", what)
		}
	}
}
