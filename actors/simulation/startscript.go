package simulation

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	kafkaclient "github.com/koperator-go/koperator/kafka"
	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/messages"
)

// volume is a disk. What is on it survives Pods; what was done to it is remembered although it was emptied.
type volume struct {
	claim types.UID // empty for emptyDirs
	zone  string
	node  string // set for a volume on one node's own disk
	dirs  map[string]logDir
	// formatted counts how often each dir was formatted since the volume was made.
	formatted map[string]int
}

// logDir is a directory with meta.properties.
type logDir struct {
	clusterID, directory string
	// voters is what it was formatted with, if it was the metadata dir of a first voter.
	voters string
	// level is the release that such a voter was told to begin with, empty for the newest.
	level string
}

func newVolume(claim types.UID) *volume {
	return &volume{claim: claim, dirs: map[string]logDir{}, formatted: map[string]int{}}
}

// runScript does to the volumes what kube/startscript.sh does, and returns why it holds.
func (l *kubelets) runScript(pod *corev1.Pod, state *podState) (why string) {
	if l.full[string(pod.Spec.NodeName)] {
		return "disk full: /kafka-logs/kafka has 1000 KiB free of 10485760 and needs 262144 to start"
	}
	todo, why := l.unformatted(pod, state)
	if why != "" || state.file["process.roles"] == "" { // in ZooKeeper mode Kafka formats by itself
		return why
	}
	env, metadata := envOf(pod), strings.Split(state.file["log.dirs"], ",")[0]
	if uid, first := env["KAFKA_FIRST_POD"]; first && slices.Contains(todo, metadata) && state.firstVoter != uid {
		return metadata + " is to be that of a first voter, and the ConfigMap does not name this Pod"
	}
	l.format(pod, state, todo)
	return ""
}

// unformatted are the log dirs without meta.properties that may be formatted; or why the script holds.
func (l *kubelets) unformatted(pod *corev1.Pod, state *podState) (todo []string, why string) {
	for _, dir := range strings.Split(state.file["log.dirs"], ",") {
		v := l.volumeOf(pod, state, dir)
		if v == nil {
			return nil, dir + " is on no volume"
		}
		// Koperator's script formats whatever is not.
		mayFormat := !kube.MadeByUs(pod) || slices.Contains(strings.Split(envOf(pod)["KAFKA_FORMAT_DIRS"], ","), dir)
		if _, formatted := v.dirs[dir]; formatted {
			if mayFormat {
				state.markers[dir] = true
			}
			continue
		}
		if !mayFormat || state.markers[dir] {
			return nil, dir + " has no meta.properties"
		}
		todo = append(todo, dir)
	}
	return todo, ""
}

// format writes meta.properties into log dirs: the script does, or Kafka in ZooKeeper mode.
func (l *kubelets) format(pod *corev1.Pod, state *podState, todo []string) {
	env, metadata := envOf(pod), strings.Split(state.file["log.dirs"], ",")[0]
	var formatted []types.UID
	for _, dir := range todo {
		v := l.volumeOf(pod, state, dir)
		v.formatted[dir]++
		l.invariants.formatted(pod, v.claim, dir, v.formatted[dir])
		formatted = append(formatted, v.claim)
		v.dirs[dir] = l.newLogDir(pod, dir, dir == metadata, v.formatted[dir], env)
		if dir == metadata && env["KAFKA_QUORUM"] == string(messages.QuorumStatic) {
			l.kafka.emptyLog(clusterOf(pod), idOf(pod))
		}
		state.markers[dir] = true
	}
	for _, claim := range formatted {
		l.invariants.hasData(claim)
	}
}

// formatsItself is Kafka in ZooKeeper mode: it writes meta.properties, late in its start, wherever there is none.
func (l *kubelets) formatsItself(pod *corev1.Pod, state *podState) {
	if todo, why := l.unformatted(pod, state); why == "" && state.file["process.roles"] == "" {
		l.format(pod, state, todo)
	}
}

func (l *kubelets) newLogDir(pod *corev1.Pod, dir string, metadata bool, n int, env map[string]string) logDir {
	made := logDir{clusterID: env["CLUSTER_ID"]}
	made.directory = fmt.Sprintf("random-%x", digest(l.faults.seed, string(pod.UID)+dir, n))
	if metadata && env["KAFKA_INITIAL_CONTROLLERS"] != "" {
		made.voters = env["KAFKA_INITIAL_CONTROLLERS"]
		made.level = formatsAs(l.fileIn(pod, kube.KeyMetadataVersion), versionOf(pod))
		l.invariants.firstVoter(pod, made.clusterID)
		for _, v := range votersOf(made.voters) {
			if v.id == idOf(pod) {
				made.directory = v.directory
			}
		}
	}
	return made
}

// formatsAs is the release whose features a first voter of a dynamic quorum begins with, empty for its own.
func formatsAs(asked, own string) string {
	level, _, _ := strings.Cut(asked, "-")
	switch {
	case level == "" || kafkaclient.NewerMetadata(level, own):
		return ""
	case kafkaclient.NewerMetadata("3.9", level):
		return "3.9"
	default:
		return level
	}
}

// processOf is the Kafka that a Pod starts.
func (l *kubelets) processOf(pod *corev1.Pod, state *podState) *process {
	file := state.file
	roles := strings.Split(file["process.roles"], ",")
	p := &process{
		id: idOf(pod), pod: pod.UID, kraft: file["process.roles"] != "",
		broker: slices.Contains(roles, "broker"), controller: slices.Contains(roles, "controller"),
		config: file, version: versionOf(pod), dirs: l.directories(pod, state), levels: levelsIn(state.log4j),
	}
	if !p.kraft {
		p.broker = true
		return p
	}
	first := strings.Split(file["log.dirs"], ",")[0]
	if v := l.volumeOf(pod, state, first); v != nil {
		p.clusterID, p.directory = v.dirs[first].clusterID, v.dirs[first].directory
		p.voters, p.level = votersOf(v.dirs[first].voters), v.dirs[first].level
	}
	if static := file["controller.quorum.voters"]; static != "" {
		p.voters = votersOf(static)
	}
	return p
}

// directories are the ids of a node's log dirs, by path.
func (l *kubelets) directories(pod *corev1.Pod, state *podState) map[string]string {
	ids := map[string]string{}
	for _, dir := range strings.Split(state.file["log.dirs"], ",") {
		if v := l.volumeOf(pod, state, dir); v != nil {
			ids[dir] = v.dirs[dir].directory
		}
	}
	return ids
}

// directoriesOf are the ids of the log dirs on a claim's volume.
func (l *kubelets) directoriesOf(claim types.UID) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var ids []string
	if v := l.volumes[claim]; v != nil {
		for _, path := range slices.Sorted(maps.Keys(v.dirs)) {
			ids = append(ids, v.dirs[path].directory)
		}
	}
	return ids
}

// versionOf reads Kafka's release from an image such as kafka:2.13-3.9.2-jdk21; one without is the newest.
func versionOf(pod *corev1.Pod) string {
	for _, container := range pod.Spec.Containers {
		if container.Name != kube.KafkaContainer {
			continue
		}
		tag := container.Image[strings.LastIndex(container.Image, ":")+1:]
		for _, part := range strings.Split(tag, "-") {
			if numbers := strings.Split(part, "."); len(numbers) == 3 && len(numbers[0]) == 1 {
				return numbers[0] + "." + numbers[1]
			}
		}
	}
	return "4.3"
}

// crashesAtStart: Kafka checks what it finds in its file as it does what it is to take while it runs. Scenarios also have a
// configuration and an image that it cannot start with.
func crashesAtStart(pod *corev1.Pod, state *podState) bool {
	for key, value := range state.file {
		if badValue(key, value) != nil {
			return true
		}
	}
	return state.file["crash.at.start"] == "true" || slices.ContainsFunc(pod.Spec.Containers, func(c corev1.Container) bool {
		return c.Name == kube.KafkaContainer && strings.Contains(c.Image, "broken")
	})
}

// votersOf reads id@host:port[:directory],…
func votersOf(text string) []voter {
	var voters []voter
	for _, entry := range strings.Split(text, ",") {
		id, rest, found := strings.Cut(entry, "@")
		number, err := messages.ParseBrokerID(id)
		if !found || err != nil {
			continue
		}
		parts := strings.SplitN(rest, ":", 3)
		v := voter{id: number, host: parts[0]}
		if len(parts) == 3 {
			v.directory = parts[2]
		}
		voters = append(voters, v)
	}
	return voters
}

func envOf(pod *corev1.Pod) map[string]string {
	env := map[string]string{}
	for _, container := range pod.Spec.Containers {
		if container.Name != kube.KafkaContainer {
			continue
		}
		for _, e := range container.Env {
			env[e.Name] = e.Value
			if e.ValueFrom != nil && e.ValueFrom.FieldRef != nil && e.ValueFrom.FieldRef.FieldPath == "metadata.uid" {
				env[e.Name] = string(pod.UID)
			}
		}
	}
	return env
}

// fileOf is the broker.properties that a Pod mounts, as it stands now.
func (l *kubelets) fileOf(pod *corev1.Pod) map[string]string {
	file := map[string]string{}
	name := kube.BrokerConfigName(pod.Labels[kube.LabelCluster], idOf(pod))
	config, ok := l.store.get(key{kube.KindConfigMap, pod.Namespace, name}).(*corev1.ConfigMap)
	if !ok {
		return file
	}
	for line := range strings.Lines(config.Data[kube.KeyBrokerConfig]) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		file[name] = value
	}
	return file
}

// fileIn is a file of a broker's ConfigMap, empty where it has none.
func (l *kubelets) fileIn(pod *corev1.Pod, file string) string {
	name := kube.BrokerConfigName(pod.Labels[kube.LabelCluster], idOf(pod))
	config, ok := l.store.get(key{kube.KindConfigMap, pod.Namespace, name}).(*corev1.ConfigMap)
	if !ok {
		return ""
	}
	return config.Data[file]
}

// volumeOf is the disk that a log dir is on, nil when the Pod mounts none there.
func (l *kubelets) volumeOf(pod *corev1.Pod, state *podState, dir string) *volume {
	mounts := map[string]string{}
	for _, container := range pod.Spec.Containers {
		for _, m := range container.VolumeMounts {
			mounts[m.MountPath] = m.Name
		}
	}
	for _, mountPath := range slices.Sorted(maps.Keys(mounts)) {
		if path.Join(mountPath, "kafka") != dir {
			continue
		}
		for _, v := range pod.Spec.Volumes {
			switch {
			case v.Name != mounts[mountPath]:
			case v.PersistentVolumeClaim != nil:
				return l.volumes[l.claimUID(pod.Namespace, v.PersistentVolumeClaim.ClaimName)]
			case v.EmptyDir != nil:
				return state.scratch
			}
		}
	}
	return nil
}

func (l *kubelets) claimUID(namespace, name string) types.UID {
	claim := l.store.get(key{kube.KindClaim, namespace, name})
	if claim == nil {
		return ""
	}
	return claim.GetUID()
}

// unpullable reports whether no registry has the image of a Pod's Kafka.
func unpullable(pod *corev1.Pod) bool {
	return slices.ContainsFunc(pod.Spec.Containers, func(c corev1.Container) bool {
		return c.Name == kube.KafkaContainer && strings.HasSuffix(c.Image, ":unpullable")
	})
}
