package broker

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/koperator-go/koperator/kafka"
	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// blueprint is a wish worked out: all that can be said about a broker's objects without looking at any.
type blueprint struct {
	messages.BrokerWanted
	id     messages.BrokerID
	config *v1beta1.BrokerConfig // group and broker merged
	// disks are those of the spec, and behind them the ones of draining.
	disks []v1beta1.StorageConfig
	// draining are the mount paths that left the spec after Kafka ran on them: it may have replicas there, so they stay
	// mounted and in the file.
	draining []string
	// released are the mount paths that are let go.
	released []string
	// properties is the file without the lines that only the Pod's node tells, userProperties what of it people wrote.
	properties, userProperties string
	// wantedKeys and userKeys are what the two say. Nobody changes them.
	wantedKeys, userKeys kafka.Properties
	// said is what people would have written in place of all that they have, nil where it is that which they have.
	said *string
	// userHash and renderedHash are those of the Pod that would be made today.
	userHash, renderedHash string
	// podLabels are those of the Pod that would be made today.
	podLabels map[string]string
	// configMap holds properties. It is made once: every look compares it, and packing the backup that it carries takes
	// almost a megabyte of memory.
	configMap *corev1.ConfigMap
	// nodeFile is configMap as it is on nodes of one rack, made when first asked for.
	nodeFile *nodeFile
	// earlier is what is known of a Pod that was made with other resources, worked out when first asked for.
	earlier *earlierSize
	// ownService is the broker's own Service, nil in headless mode.
	ownService *corev1.Service
	// wantedClaims are the claims of the disks as they would be made today, by mount path.
	wantedClaims map[string]*corev1.PersistentVolumeClaim
}

func newBlueprint(wanted messages.BrokerWanted) (blueprint, error) {
	w := blueprint{BrokerWanted: wanted, id: messages.BrokerID(wanted.Entry.ID), nodeFile: &nodeFile{}, earlier: &earlierSize{}}
	var err error
	if w.config, err = v1beta1.BrokerConfigOf(&wanted.Cluster.Spec, &wanted.Entry); err != nil {
		return w, err
	}
	w.keepLeftDisks()
	w.disks = w.config.StorageConfigs
	if err = w.render(); err != nil {
		return w, err
	}
	if w.userKeys, err = kafka.UserProperties(wanted.Cluster, &wanted.Entry); err != nil {
		return w, err
	}
	w.userProperties = w.userKeys.String()
	if err = w.makeHashes(); err != nil {
		return w, err
	}
	w.wantedClaims = w.claimsToday()
	if !wanted.Cluster.Spec.HeadlessServiceEnabled {
		w.ownService = kube.BrokerService(wanted.Cluster, w.id)
	}
	return w, w.makeConfigMap()
}

// makeHashes takes from a Pod made today how it would be known again.
func (w *blueprint) makeHashes() error {
	w.userHash, w.renderedHash = "", ""
	sample, err := w.pod(w.expectedClaims(), nil)
	if err != nil {
		return err
	}
	w.userHash, w.renderedHash = sample.Annotations[kube.AnnotationUserInputsHash], sample.Annotations[kube.AnnotationRenderedHash]
	w.podLabels = sample.Labels
	return nil
}

// madeOf is what newBlueprint reads of a wish. What is left out decides only about steps.
func madeOf(w messages.BrokerWanted) messages.BrokerWanted {
	w.Permit, w.Removal, w.Kafka, w.ClusterApplied = messages.Permit{}, messages.Removal{}, messages.KafkaRelease{}, nil
	w.Paused, w.Consent, w.BrokersTook, w.Elsewhere = false, false, false, false
	w.Replace, w.MetadataDirectory = nil, ""
	w.RanOnPod, w.StartEmpty = false, false
	return w
}

// following is the blueprint of a newer wish. Most of them are about steps alone, and the objects are the same.
func (w blueprint) following(wanted messages.BrokerWanted) (blueprint, error) {
	if w.configMap == nil || !madeOf(w.BrokerWanted).Equal(madeOf(wanted)) {
		return newBlueprint(wanted)
	}
	w.BrokerWanted = wanted
	return w, nil
}

// sayer is the cluster and the entry whose properties are rendered.
func (w blueprint) sayer() (*v1beta1.KafkaCluster, v1beta1.Broker) {
	if w.said == nil {
		return w.Cluster, w.Entry
	}
	cluster, entry := *w.Cluster, w.Entry
	cluster.Spec.ReadOnlyConfig, entry.ReadOnlyConfig = *w.said, ""
	return &cluster, entry
}

// makeConfigMap remembers the entry with its group in it: when the broker leaves, the group may go in the same edit.
func (w *blueprint) makeConfigMap() error {
	entry, err := selfContained(w.Cluster, w.Entry)
	if err != nil {
		return err
	}
	config, err := kube.BrokerConfigMap(kube.ConfigInput{
		Cluster: w.Cluster, Broker: entry, Config: w.config, Properties: w.properties, UserProperties: w.userProperties,
		UserInputsHash: w.userHash, RenderedHash: w.renderedHash,
	})
	if err == nil {
		kube.SignConfig(config)
	}
	w.configMap, w.nodeFile, w.earlier = config, &nodeFile{}, &earlierSize{}
	return err
}

// nodeFile is what a rack makes of the broker's file.
type nodeFile struct {
	rack, text string
	keys       kafka.Properties
	config     *corev1.ConfigMap // nil while no rack was asked about
}

// onRack is the ConfigMap on nodes of one rack. A broker hardly ever changes its rack, and every look compares its file.
func (w blueprint) onRack(rack string) (*corev1.ConfigMap, error) {
	if rack == "" {
		return w.configMap, nil
	}
	if w.nodeFile.config == nil || w.nodeFile.rack != rack {
		file, err := w.file(rack)
		if err != nil {
			return nil, err
		}
		config := w.configMap.DeepCopy()
		config.Data[kube.KeyBrokerConfig] = file.String()
		kube.SignConfig(config)
		*w.nodeFile = nodeFile{rack: rack, text: config.Data[kube.KeyBrokerConfig], keys: file, config: config}
	}
	return w.nodeFile.config, nil
}

// selfContained is an entry that needs no group. Variables of the whole cluster stay out: they are merged again by
// whoever reads the entry.
func selfContained(cluster *v1beta1.KafkaCluster, entry v1beta1.Broker) (v1beta1.Broker, error) {
	if entry.BrokerConfigGroup == "" {
		return entry, nil
	}
	merged, err := v1beta1.BrokerConfigOf(&v1beta1.KafkaClusterSpec{BrokerConfigGroups: cluster.Spec.BrokerConfigGroups}, &entry)
	entry.BrokerConfigGroup, entry.BrokerConfig = "", merged
	return entry, err
}

// file is broker.properties; rack is empty where it is not known or not wanted.
func (w blueprint) file(rack string) (kafka.Properties, error) {
	cluster, entry := w.sayer()
	return kafka.BrokerProperties(kafka.RenderInput{
		Cluster: cluster, Broker: entry, Config: w.config, Addresses: kube.AddressesOf(w.Cluster), Quorum: w.Quorum,
		Rack: rack,
	})
}

// render writes the file without the lines that only the Pod's node tells.
func (w *blueprint) render() error {
	file, err := w.file("")
	if err == nil {
		w.wantedKeys, w.properties = file, file.String()
	}
	return err
}

// keysOf reads a text. Those of the wish are not read again at every look.
func (w blueprint) keysOf(text string) (kafka.Properties, error) {
	switch text {
	case w.properties:
		return w.wantedKeys, nil
	case w.userProperties:
		return w.userKeys, nil
	}
	if w.nodeFile.config != nil && w.nodeFile.text == text {
		return w.nodeFile.keys, nil
	}
	return kafka.Parse(text)
}

// racks reports whether the file has a line that is known only when the Pod has a node.
func (w blueprint) racks() bool {
	return w.config != nil && kafka.DependsOnNode(w.Cluster, &w.Entry, w.config)
}

// rack is the value of broker.rack on a node: the values of the labels that the user named, sorted.
func (w blueprint) rack(node *corev1.Node) string {
	return kube.Rack(w.Cluster.Spec.RackAwareness, node)
}

func (w blueprint) claim(disk v1beta1.StorageConfig, name string, format kube.FormatState) (*corev1.PersistentVolumeClaim, error) {
	return kube.Claim(kube.ClaimInput{
		Cluster: w.Cluster, Broker: w.id, Config: w.config, Storage: disk, Name: name, Format: format, Disks: slices.Sorted(maps.Keys(w.Formatted)),
	})
}

// claimAsIs is a claim that exists, with other words about formatting. What Kubernetes would not change, and the size,
// stay as they are: this write is about the annotation alone.
func (w blueprint) claimAsIs(disk v1beta1.StorageConfig, claim *corev1.PersistentVolumeClaim, format kube.FormatState,
) (*corev1.PersistentVolumeClaim, error) {
	if w.drains(disk.MountPath) { // nobody says any more how it should be
		disk.PvcSpec = claim.Spec.DeepCopy()
		disk.PvcSpec.VolumeName = ""
	}
	built, err := w.claim(disk, claim.Name, format)
	if err != nil {
		return nil, err
	}
	built = kube.WithoutRefused(claim, built)
	built.Spec.Resources.Requests = maps.Clone(claim.Spec.Resources.Requests)
	return built, nil
}

// claimsToday leaves out disks whose claim cannot be made; what makes the claim says why.
func (w blueprint) claimsToday() map[string]*corev1.PersistentVolumeClaim {
	claims := map[string]*corev1.PersistentVolumeClaim{}
	for _, disk := range w.disks {
		if disk.PvcSpec == nil || w.drains(disk.MountPath) {
			continue
		}
		if claim, err := w.claim(disk, "", w.newClaimFormat()); err == nil {
			claims[disk.MountPath] = claim
		}
	}
	return claims
}

func (w blueprint) retains() bool {
	return w.Cluster.Spec.GetRetentionWhenDeleted() == v1beta1.RetentionRetain
}

// expectedClaims are the names that new claims would have.
func (w blueprint) expectedClaims() map[string]string {
	names := map[string]string{}
	for _, disk := range w.disks {
		if disk.PvcSpec != nil {
			names[disk.MountPath] = kube.ClaimName(w.Cluster.Name, w.id, disk.MountPath)
		}
	}
	return names
}

// claimNames are the claims to mount; the problem says why the Pod cannot have them.
func (w blueprint) claimNames(claims []*corev1.PersistentVolumeClaim) (names map[string]string, problem string) {
	names = map[string]string{}
	for _, disk := range w.disks {
		if disk.PvcSpec == nil {
			continue
		}
		claim, err := kube.ClaimFor(claims, w.id, disk.MountPath)
		switch {
		case err != nil:
			return nil, err.Error()
		case claim == nil:
			return nil, "there is no claim for " + disk.MountPath
		}
		names[disk.MountPath] = claim.Name
	}
	return names, ""
}

// unknownVoters says for whom a first voter waits before it formats its metadata: it needs the whole list.
func (w blueprint) unknownVoters(claims []*corev1.PersistentVolumeClaim) bool {
	if w.Quorum.Formed && len(w.Quorum.Missing) > 0 { // the list does not come any more: without it the node gets its vote later
		return false
	}
	if w.metadataOnPod() {
		return w.FirstVoter && len(w.Quorum.Initial) == 0
	}
	if !w.InitialController || w.joins(claims) || len(w.Quorum.Initial) > 0 || len(w.disks) == 0 || len(w.Formatted) > 0 {
		return false
	}
	return slices.Contains(w.openRights(claims), w.disks[0].MountPath)
}

// joins reports whether the disk for the metadata came after the quorum had formed without it.
func (w blueprint) joins(claims []*corev1.PersistentVolumeClaim) bool {
	if len(w.disks) == 0 {
		return false
	}
	claim, err := kube.ClaimFor(claims, w.id, w.disks[0].MountPath)
	return err == nil && claim != nil && kube.FormatStateOf(claim.Annotations).Joins
}

// podInput is what the broker's Pod is made of. Only a first voter gets the list of voters: who comes later joins as an observer.
func (w blueprint) podInput(claims map[string]string, format []string) kube.PodInput {
	quorum := w.Quorum
	if !w.InitialController || len(w.Formatted) > 0 { // what it formatted before had a vote: a second list would be a second quorum
		quorum.Initial = nil
	}
	return kube.PodInput{
		Cluster: w.Cluster, Broker: w.Entry, Config: w.config, Addresses: kube.AddressesOf(w.Cluster),
		ClusterID: w.ClusterID, Quorum: quorum, ClaimNames: claims, FormatDirs: format,
		Properties: w.properties, UserProperties: w.userProperties,
		UserInputsHash: w.userHash, RenderedHash: w.renderedHash,
	}
}

func (w blueprint) pod(claims map[string]string, format []string) (*corev1.Pod, error) {
	pod, err := kube.BrokerPod(w.podInput(claims, format))
	if err != nil {
		return nil, err
	}
	if w.configMap != nil {
		// A Pod may be there before its ConfigMap: who restarts must know by either what a broker that left was.
		pod.Annotations[kube.AnnotationConfigurationBackup] = w.configMap.Annotations[kube.AnnotationConfigurationBackup]
	}
	return pod, nil
}

func (w blueprint) createPod(o observed, claims map[string]string) step {
	w.InitialController = w.InitialController && !w.joins(o.claims) && (!w.metadataOnPod() || w.mayForm(o))
	pod, err := w.pod(claims, w.openRights(o.claims))
	if err != nil {
		return blocked("%v", err)
	}
	reason, told := "the broker has no Pod", notice{}
	if len(w.Formatted) > 0 { // it ran before
		reason, told = "the broker's Pod was gone; it gets "+w.disksAgain(o.claims), notice{"PodReplaced", "Create"}
	}
	return apply{objects: []kube.Object{pod}, reason: reason, notice: told}
}

// disksAgain says which disks a broker that ran gets: those that it had, or empty ones for some that were lost.
func (w blueprint) disksAgain(claims []*corev1.PersistentVolumeClaim) string {
	var empty []string
	for _, mountPath := range slices.Sorted(maps.Keys(w.Formatted)) {
		claim, err := kube.ClaimFor(claims, w.id, mountPath)
		if was := w.Formatted[mountPath]; err == nil && claim != nil && was != "" && was != claim.UID {
			empty = append(empty, mountPath)
		}
	}
	if len(empty) == 0 {
		return "the same disks"
	}
	return "an empty disk for " + strings.Join(empty, ", ")
}

// applyConfig writes the ConfigMap where it is not as wanted, nil where it is.
func (w blueprint) applyConfig(o observed, rack string) step {
	config, err := w.onRack(rack)
	if err != nil {
		return blocked("%v", err)
	}
	if f, known := w.startedWith(o); known && !f.recordedIn(config) { // also what is not written any more once the broker is started anew
		config = w.withRecord(f, config.Data[kube.KeyBrokerConfig])
	}
	if voter, level := w.firstVoterText(o), w.formatsAs(); voter != "" || level != "" {
		config = config.DeepCopy()
		if voter != "" {
			config.Data[kube.KeyFirstVoter] = voter
		}
		if level != "" {
			config.Data[kube.KeyMetadataVersion] = level
		}
		kube.SignConfig(config)
	}
	if pod := o.pod(); pod != nil && tookItsLevels(o.config, pod) {
		config = config.DeepCopy()
		config.Annotations[kube.AnnotationLevelsOf] = string(pod.UID)
		kube.SignConfig(config)
	}
	if o.config != nil && o.written.Stands(o.config, config) {
		return nil
	}
	return apply{objects: []kube.Object{config}, reason: "the broker's file is not as wanted"}
}

// formatsAs is the metadata.version that a new quorum is to begin with, as Kafka writes it; empty for the newest that its image knows. It stands
// in a file, not in the Pod: a Pod that is not the one which is wanted any more would have to be made anew.
func (w blueprint) formatsAs() string {
	level, err := kafka.MetadataLevel(w.Cluster.Spec.MetadataVersion)
	if err != nil || !w.InitialController || w.Quorum.Formed {
		return ""
	}
	return kafka.MetadataName(level)
}

// recorded reports whether a ConfigMap was written for just these inputs.
func (w blueprint) recorded(config *corev1.ConfigMap) bool {
	return w.sameHashes(config.Annotations)
}

// madeFrom reports whether a Pod was made from just these inputs. Pods that Koperator made never were.
func (w blueprint) madeFrom(pod *corev1.Pod) bool {
	return w.sameHashes(pod.Annotations)
}

func (w blueprint) sameHashes(annotations map[string]string) bool {
	return annotations[kube.AnnotationUserInputsHash] == w.userHash &&
		annotations[kube.AnnotationRenderedHash] == w.renderedHash
}

// stale reports whether a Pod runs with other inputs of the user than those wanted. Of a Pod that Koperator made
// nothing is known before its takeover.
func (w blueprint) stale(pod *corev1.Pod) bool {
	hash := inputsOf(pod)
	return hash != "" && !kube.SameHash(hash, w.userHash)
}

// inputsOf is the hash of the user's inputs that a Pod was made or taken over with, empty where neither is known.
func inputsOf(pod *corev1.Pod) string {
	return cmp.Or(pod.Annotations[kube.AnnotationUserInputsHash], pod.Annotations[kube.AnnotationAdoptedWith])
}
