package simulation

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/utils/ptr"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1alpha1"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
)

// apply is server-side apply by the daemon's field manager: fields that it applied before and applies no more vanish,
// those of others stay. Lists are taken as a whole. Without force, a field that somebody else holds with another value
// is a conflict.
func (s *store) apply(wanted kube.Object, force bool) (kube.Object, error) {
	want, err := appliedFields(wanted)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	k := keyOf(wanted)
	r := s.objects[k]
	if err := meant(r, resourceOf(k.kind), wanted); err != nil {
		return nil, err
	}
	if r == nil {
		object, err := typedLike(wanted, want)
		if err != nil {
			return nil, err
		}
		return s.create(object, &record{fields: want}), nil
	}
	if k.kind == kube.KindPod && !force {
		return nil, apierrors.NewAlreadyExists(resourceOf(k.kind), k.name)
	}
	if config, ok := wanted.(*corev1.ConfigMap); ok && !force {
		if err := kube.NameTaken(r.object.(*corev1.ConfigMap), config); err != nil {
			return nil, err
		}
	}
	live, err := runtime.DefaultUnstructuredConverter.ToUnstructured(r.object)
	if err != nil {
		return nil, err
	}
	if path := held(live, r.fields, want, ""); !force && path != "" {
		return nil, apierrors.NewApplyConflict([]metav1.StatusCause{{
			Type: metav1.CauseTypeFieldManagerConflict, Message: `conflict with "somebody"`, Field: path,
		}}, "Apply failed with 1 conflict: "+path)
	}
	merged := merge(live, r.fields, want).(map[string]any)
	if _, ok := wanted.(*corev1.Service); ok {
		if err := mergePorts(merged, live, r.fields); err != nil {
			return nil, err
		}
		takeSelector(merged, want)
	}
	object, err := typedLike(wanted, merged)
	if err != nil {
		return nil, err
	}
	if err := immutable(r.object, object); err != nil {
		return nil, err
	}
	if claim, ok := object.(*corev1.PersistentVolumeClaim); ok && s.fixedSizes && grown(r.object.(*corev1.PersistentVolumeClaim), claim) {
		return nil, apierrors.NewForbidden(resourceOf(k.kind), k.name,
			errors.New("only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize"))
	}
	object.GetObjectKind().SetGroupVersionKind(r.object.GetObjectKind().GroupVersionKind())
	r.fields = want
	return s.commit(r, object), nil
}

// applyStatus is server-side apply of a cluster's status subresource.
func (s *store) applyStatus(cluster *v1beta1.KafkaCluster) (*v1beta1.KafkaCluster, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := keyOf(cluster)
	r := s.objects[k]
	if r == nil {
		return nil, apierrors.NewNotFound(resourceOf(k.kind), k.name)
	}
	if err := stillThis(r.object, cluster); err != nil {
		return nil, err
	}
	next := cluster.Status
	if cluster.ResourceVersion == "" { // as kube.Client does
		next = kube.WithAlerts(next, kube.Alerts(r.object.(*v1beta1.KafkaCluster).Status))
	}
	want, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&v1beta1.KafkaCluster{Status: next})
	if err != nil {
		return nil, err
	}
	status, _ := want["status"].(map[string]any)
	if r.wholeOf != r.object { // somebody else has written since
		live, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&v1beta1.KafkaCluster{Status: r.object.(*v1beta1.KafkaCluster).Status})
		if err != nil {
			return nil, err
		}
		r.whole, r.wholeOf = live["status"], r.object
	}
	merged := merge(r.whole, r.status, status)
	typed := &v1beta1.KafkaCluster{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(map[string]any{"status": merged}, typed); err != nil {
		return nil, err
	}
	object := *r.object.(*v1beta1.KafkaCluster) // all but the status stays, and is not copied
	object.Status = typed.Status
	r.status = status
	stands := s.commit(r, &object).(*v1beta1.KafkaCluster)
	r.whole, r.wholeOf = merged, stands
	return stands, nil
}

// meant is a conflict when a patch names the UID of an object where there is none, and invalid where there is another one
// (ValidateObjectMetaUpdate: nobody can change a UID).
func meant(standing *record, resource schema.GroupResource, wanted metav1.Object) error {
	switch uid := wanted.GetUID(); {
	case uid == "", standing != nil && standing.object.GetUID() == uid:
		return nil
	case standing == nil:
		return apierrors.NewConflict(resource, wanted.GetName(),
			fmt.Errorf("uid mismatch: the provided object specified uid %s, and no existing object was found", uid))
	default:
		return apierrors.NewInvalid(schema.GroupKind{Kind: resource.Resource}, wanted.GetName(),
			field.ErrorList{field.Invalid(field.NewPath("metadata", "uid"), uid, "field is immutable")})
	}
}

// stillThis is a conflict when what is written names a UID or a version that is not the one that stands.
func stillThis(standing, written kube.Object) error {
	k := keyOf(standing)
	switch {
	case written.GetUID() != "" && written.GetUID() != standing.GetUID():
		return apierrors.NewConflict(resourceOf(k.kind), k.name, fmt.Errorf("precondition failed: UID in precondition: %s, UID in "+
			"object meta: %s", written.GetUID(), standing.GetUID()))
	case written.GetResourceVersion() != "" && written.GetResourceVersion() != standing.GetResourceVersion():
		return apierrors.NewConflict(resourceOf(k.kind), k.name, errors.New("the object has been modified; please apply your changes "+
			"to the latest version and try again"))
	default:
		return nil
	}
}

// releaseFinalizers takes finalizers away, testing that uid and list are what was read.
func (s *store) releaseFinalizers(read kube.Object, release []string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.tested(read, func(standing kube.Object) bool {
		return slices.Equal(standing.GetFinalizers(), read.GetFinalizers())
	})
	if err != nil {
		return err
	}
	object := r.object.DeepCopyObject().(kube.Object)
	object.SetFinalizers(slices.DeleteFunc(object.GetFinalizers(), func(f string) bool { return slices.Contains(release, f) }))
	s.commit(r, object)
	return nil
}

// releaseOwners takes all owner references away, testing that they are those that were read.
func (s *store) releaseOwners(read kube.Object) (kube.Object, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.tested(read, func(standing kube.Object) bool {
		return reflect.DeepEqual(standing.GetOwnerReferences(), read.GetOwnerReferences())
	})
	if err != nil {
		return nil, err
	}
	object := r.object.DeepCopyObject().(kube.Object)
	object.SetOwnerReferences(nil)
	return s.commit(r, object), nil
}

// annotate is a merge patch that names the UID.
func (s *store) annotate(read kube.Object, annotations map[string]string) (kube.Object, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := keyOf(read)
	r := s.objects[k]
	if r == nil {
		return nil, apierrors.NewNotFound(resourceOf(k.kind), k.name)
	}
	if err := meant(r, resourceOf(k.kind), read); err != nil {
		return nil, err
	}
	object := r.object.DeepCopyObject().(kube.Object)
	merged := maps.Clone(object.GetAnnotations())
	if merged == nil {
		merged = map[string]string{}
	}
	maps.Copy(merged, annotations)
	object.SetAnnotations(merged)
	return s.commit(r, object), nil
}

// relabel gives a Pod the labels back that it has lost, and lists them.
func (s *store) relabel(wanted *corev1.Pod) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.objects[keyOf(wanted)]
	if r == nil {
		return nil
	}
	pod := r.object.DeepCopyObject().(*corev1.Pod)
	lost := kube.LostLabels(pod, wanted)
	if len(lost) > 0 {
		pod.Labels = maps.Clone(pod.Labels)
		if pod.Labels == nil {
			pod.Labels = map[string]string{}
		}
		maps.Copy(pod.Labels, lost)
		s.commit(r, pod)
	}
	return slices.Sorted(maps.Keys(lost))
}

// tested is the record of an object that is still the one that was read.
func (s *store) tested(read kube.Object, same func(standing kube.Object) bool) (*record, error) {
	k := keyOf(read)
	r := s.objects[k]
	if r == nil {
		return nil, apierrors.NewNotFound(resourceOf(k.kind), k.name)
	}
	if r.object.GetUID() != read.GetUID() || !same(r.object) {
		return nil, apierrors.NewInvalid(r.object.GetObjectKind().GroupVersionKind().GroupKind(), k.name,
			field.ErrorList{field.InternalError(nil, errors.New("the test of the JSON patch failed"))})
	}
	return r, nil
}

// appliedFields is what a client sends: the object without what only the server sets.
func appliedFields(wanted kube.Object) (map[string]any, error) {
	fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(wanted)
	if err != nil {
		return nil, err
	}
	delete(fields, "status")
	delete(fields, "apiVersion")
	delete(fields, "kind")
	if metadata, ok := fields["metadata"].(map[string]any); ok {
		for _, read := range []string{"creationTimestamp", "resourceVersion", "uid", "generation", "managedFields"} {
			delete(metadata, read)
		}
	}
	return fields, nil
}

// merge is the live value after want was applied by who had applied last before.
func merge(live, last, want any) any {
	wantFields, ok := want.(map[string]any)
	if !ok {
		return want
	}
	liveFields, _ := live.(map[string]any)
	lastFields, _ := last.(map[string]any)
	result := maps.Clone(liveFields)
	if result == nil {
		result = map[string]any{}
	}
	for name, value := range lastFields {
		if _, still := wantFields[name]; still {
			continue
		}
		if _, nested := value.(map[string]any); nested {
			rest := merge(result[name], value, map[string]any{}).(map[string]any)
			if len(rest) > 0 {
				result[name] = rest
				continue
			}
		}
		delete(result, name)
	}
	for name, value := range wantFields {
		result[name] = merge(result[name], lastFields[name], value)
	}
	return result
}

// stillOurs is what the daemon's field manager owns after somebody else has made after of before: who changes a value by an update
// takes it from all others.
func stillOurs(ours map[string]any, before, after kube.Object) map[string]any {
	if len(ours) == 0 || onlyStatus(before, after) {
		return ours
	}
	was, errWas := runtime.DefaultUnstructuredConverter.ToUnstructured(before)
	is, errIs := runtime.DefaultUnstructuredConverter.ToUnstructured(after)
	if errWas != nil || errIs != nil {
		return ours
	}
	return unchanged(ours, was, is)
}

// onlyStatus reports whether two Pods differ in their status alone, which is what kubelets write. It is no field of fields.
func onlyStatus(before, after kube.Object) bool {
	was, isPod := before.(*corev1.Pod)
	is, stays := after.(*corev1.Pod)
	return isPod && stays && reflect.DeepEqual(was.ObjectMeta, is.ObjectMeta) && reflect.DeepEqual(was.Spec, is.Spec)
}

// unchanged are the fields of ours that are in both with the same value.
func unchanged(ours, was, is map[string]any) map[string]any {
	kept := map[string]any{}
	for name, value := range ours {
		nested, isNested := value.(map[string]any)
		before, hadFields := was[name].(map[string]any)
		after, hasFields := is[name].(map[string]any)
		switch {
		case isNested && hadFields && hasFields:
			kept[name] = unchanged(nested, before, after)
		case reflect.DeepEqual(was[name], is[name]):
			kept[name] = value
		}
	}
	return kept
}

// held is the path of the first field that is wanted otherwise than it stands and was not applied by us before.
func held(live, last, want any, path string) string {
	wantFields, ok := want.(map[string]any)
	if !ok {
		if live == nil || last != nil || reflect.DeepEqual(live, want) {
			return ""
		}
		return path
	}
	liveFields, _ := live.(map[string]any)
	lastFields, _ := last.(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(wantFields)) {
		if found := held(liveFields[name], lastFields[name], wantFields[name], path+"."+name); found != "" {
			return found
		}
	}
	return ""
}

func typedLike(example kube.Object, fields map[string]any) (kube.Object, error) {
	object := reflect.New(reflect.TypeOf(example).Elem()).Interface().(kube.Object)
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(fields, object); err != nil {
		return nil, apierrors.NewBadRequest(fmt.Sprintf("cannot read %T: %v", example, err))
	}
	return object, nil
}

func grown(before, after *corev1.PersistentVolumeClaim) bool {
	return after.Spec.Resources.Requests.Storage().Cmp(*before.Spec.Resources.Requests.Storage()) > 0
}

// immutable refuses what ValidatePodUpdate, ValidatePersistentVolumeClaimUpdate and ValidateServiceUpdate refuse.
func immutable(before, after kube.Object) error {
	refuse := func(path string) error {
		return apierrors.NewInvalid(after.GetObjectKind().GroupVersionKind().GroupKind(), after.GetName(),
			field.ErrorList{field.Forbidden(field.NewPath(path), "is immutable")})
	}
	switch after := after.(type) {
	case *corev1.Pod:
		if !reflect.DeepEqual(before.(*corev1.Pod).Spec, after.Spec) {
			return refuse("spec")
		}
	case *corev1.PersistentVolumeClaim:
		was, is := before.(*corev1.PersistentVolumeClaim).Spec.DeepCopy(), after.Spec.DeepCopy()
		if is.Resources.Requests.Storage().Cmp(*was.Resources.Requests.Storage()) < 0 {
			return refuse("spec.resources.requests.storage")
		}
		was.Resources, is.Resources = corev1.VolumeResourceRequirements{}, corev1.VolumeResourceRequirements{}
		if !reflect.DeepEqual(was, is) {
			return refuse("spec")
		}
	case *corev1.Service:
		if before.(*corev1.Service).Spec.ClusterIP != after.Spec.ClusterIP {
			return refuse("spec.clusterIP")
		}
	}
	return nil
}

// defaulted sets what admission and defaulting set, as far as anybody here could trip over it: what the daemon reads
// back differs from what it wrote.
func defaulted(object kube.Object) {
	switch o := object.(type) {
	case *corev1.Pod:
		o.Status.Phase = corev1.PodPending
		o.Spec.DNSPolicy, o.Spec.SchedulerName = corev1.DNSClusterFirst, corev1.DefaultSchedulerName
		if o.Spec.RestartPolicy == "" {
			o.Spec.RestartPolicy = corev1.RestartPolicyAlways
		}
	case *corev1.PersistentVolumeClaim:
		if o.Status.Phase == "" {
			o.Status.Phase = corev1.ClaimPending
		}
		if o.Spec.VolumeMode == nil {
			o.Spec.VolumeMode = ptr.To(corev1.PersistentVolumeFilesystem)
		}
		if o.Spec.StorageClassName == nil {
			o.Spec.StorageClassName = ptr.To("standard")
		}
		o.Finalizers = append(o.Finalizers, claimProtection)
	case *corev1.Service:
		if o.Spec.ClusterIP == "" {
			o.Spec.ClusterIP = "10.96.0.7"
		}
		o.Spec.Type, o.Spec.SessionAffinity = corev1.ServiceTypeClusterIP, corev1.ServiceAffinityNone
		for i := range o.Spec.Ports {
			if o.Spec.Ports[i].Protocol == "" {
				o.Spec.Ports[i].Protocol = corev1.ProtocolTCP
			}
		}
	case *policyv1.PodDisruptionBudget, *corev1.ConfigMap, *corev1.Node, *v1beta1.KafkaCluster,
		*v1alpha1.KafkaTopic, *v1alpha1.KafkaUser, *v1alpha1.CruiseControlOperation:
	}
}

// claimProtection keeps a claim while a Pod uses it (kubernetes.io/pvc-protection).
const claimProtection = "kubernetes.io/pvc-protection"
