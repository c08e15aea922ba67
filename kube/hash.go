package kube

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
)

// hashVersion names the algorithm in front of a hash. A hash of another version is no difference: a new daemon must
// not restart brokers because it counts differently.
const hashVersion = "v1:"

// UserInputsHash covers what the user set and a running broker does not have by itself. Defaults are left out, so that a
// new version with better ones restarts nobody; so is what changes on a running Pod (labels, annotations, sizes of claims)
// and what lives elsewhere (Services, dynamic configuration, rules of the JMX exporter).
//
// It has two parts with a dot between them: what only a restart brings in, and the properties, some of which Kafka takes
// while it runs.
func UserInputsHash(in PodInput) string {
	inputs := userInputsOf(in)
	inputs.Properties = ""
	return hashOf(inputs) + fileMark + FileHash(in.UserProperties)
}

// fileMark is between the two parts of a hash.
const fileMark = "."

// FileHash is the second part of a hash, for one text of properties.
func FileHash(properties string) string {
	sum := sha256.Sum256([]byte(properties))
	return hex.EncodeToString(sum[:16])
}

// FilePart is the second part of a hash; empty for a hash that has none.
func FilePart(hash string) string {
	_, file, _ := strings.Cut(hash, fileMark)
	return file
}

// WithFilePart is a hash whose second part is another one.
func WithFilePart(hash, file string) string {
	pod, _, _ := strings.Cut(hash, fileMark)
	return pod + fileMark + file
}

// RenderedHash covers a Pod and its files as we would make them today, in the same two parts. Rights to format and first voters are left out:
// they are withdrawn while the Pod runs. The properties must come without lines that depend on the node.
func RenderedHash(pod *corev1.Pod, in PodInput) string {
	annotations, spec := maps.Clone(pod.Annotations), pod.Spec
	delete(annotations, AnnotationUserInputsHash)
	delete(annotations, AnnotationRenderedHash)
	spec.Containers = slices.Clone(spec.Containers)
	for i := range spec.Containers {
		spec.Containers[i].Env = slices.DeleteFunc(slices.Clone(spec.Containers[i].Env), func(e corev1.EnvVar) bool {
			return OneStartOnly(e.Name)
		})
	}
	return hashOf(struct {
		Labels      map[string]string
		Annotations map[string]string
		Spec        corev1.PodSpec
		Log4j       string
	}{pod.Labels, annotations, spec, in.Config.Log4jConfig}) + fileMark + FileHash(in.Properties)
}

// SameHash compares hashes. Of different algorithms nothing can be said, so they count as the same.
func SameHash(a, b string) bool {
	algorithmA, _, _ := strings.Cut(a, ":")
	algorithmB, _, _ := strings.Cut(b, ":")
	return a == b || algorithmA != algorithmB
}

// SamePodPart compares the first parts of hashes, as SameHash does whole ones.
func SamePodPart(a, b string) bool {
	return SameHash(WithFilePart(a, ""), WithFilePart(b, ""))
}

// hashOf is over JSON, whose maps are sorted by key. What is hashed here always can be marshalled.
func hashOf(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		text = []byte(err.Error())
	}
	sum := sha256.Sum256(text)
	return hashVersion + hex.EncodeToString(sum[:16])
}

// userInputs is the canonical form. Adding a field with omitempty changes no hash of a cluster that does not use it;
// anything else needs a new hashVersion.
type userInputs struct {
	Properties           string                        `json:"properties,omitempty"`
	Listeners            []userListener                `json:"listeners,omitempty"`
	KRaft                bool                          `json:"kRaft,omitempty"`
	Headless             bool                          `json:"headless,omitempty"`
	Domain               string                        `json:"domain,omitempty"`
	ZKAddresses          []string                      `json:"zkAddresses,omitempty"`
	ZKPath               *string                       `json:"zkPath,omitempty"`
	RackLabels           []string                      `json:"rackLabels,omitempty"`
	WithoutCruiseControl bool                          `json:"withoutCruiseControl,omitempty"`
	ClientKeystore       string                        `json:"clientKeystore,omitempty"`
	Roles                string                        `json:"roles,omitempty"`
	Image                string                        `json:"image,omitempty"`
	ReporterImage        string                        `json:"reporterImage,omitempty"`
	ExporterImage        string                        `json:"exporterImage,omitempty"`
	ExporterJar          string                        `json:"exporterJar,omitempty"`
	Disks                []userDisk                    `json:"disks,omitempty"`
	ServiceAccount       string                        `json:"serviceAccount,omitempty"`
	Resources            *corev1.ResourceRequirements  `json:"resources,omitempty"`
	PullSecrets          []corev1.LocalObjectReference `json:"pullSecrets,omitempty"`
	NodeSelector         map[string]string             `json:"nodeSelector,omitempty"`
	Tolerations          []corev1.Toleration           `json:"tolerations,omitempty"`
	HeapOpts             string                        `json:"heapOpts,omitempty"`
	JVMPerfOpts          string                        `json:"jvmPerfOpts,omitempty"`
	Log4j                string                        `json:"log4j,omitempty"`
	SidecarAnnotations   map[string]string             `json:"sidecarAnnotations,omitempty"`
	Affinity             *corev1.Affinity              `json:"affinity,omitempty"`
	OnePerNode           bool                          `json:"onePerNode,omitempty"`
	PodSecurity          *corev1.PodSecurityContext    `json:"podSecurity,omitempty"`
	Security             *corev1.SecurityContext       `json:"security,omitempty"`
	InitContainers       []corev1.Container            `json:"initContainers,omitempty"`
	Containers           []corev1.Container            `json:"containers,omitempty"`
	Volumes              []corev1.Volume               `json:"volumes,omitempty"`
	VolumeMounts         []corev1.VolumeMount          `json:"volumeMounts,omitempty"`
	Envs                 []corev1.EnvVar               `json:"envs,omitempty"`
	GracePeriod          *int64                        `json:"gracePeriod,omitempty"`
	PriorityClass        string                        `json:"priorityClass,omitempty"`
}

// userListener is what Kafka's properties say about a listener; how clients reach it from outside is not its matter,
// except where it is advertised.
type userListener struct {
	Name           string                          `json:"name"`
	Type           v1beta1.SecurityProtocol        `json:"type"`
	Port           int32                           `json:"port"`
	External       bool                            `json:"external,omitempty"`
	InnerBroker    bool                            `json:"innerBroker,omitempty"`
	Controller     bool                            `json:"controller,omitempty"`
	ClientAuth     v1beta1.SSLClientAuthentication `json:"clientAuth,omitempty"`
	Keystore       string                          `json:"keystore,omitempty"`
	StartingPort   int32                           `json:"startingPort,omitempty"`
	HostnameOf     string                          `json:"hostnameOf,omitempty"`
	AdvertisedHost string                          `json:"advertisedHost,omitempty"`
	// How the broker is reached by an external listener, where that is not a load balancer with one name for all.
	AccessMethod string `json:"accessMethod,omitempty"`
	NodeIP       string `json:"nodeIP,omitempty"`
	IngressHost  string `json:"ingressHost,omitempty"`
	NoIngress    bool   `json:"noIngress,omitempty"`
}

type userDisk struct {
	Path     string                       `json:"path"`
	EmptyDir *corev1.EmptyDirVolumeSource `json:"emptyDir,omitempty"`
}

func userInputsOf(in PodInput) userInputs {
	spec, config := in.spec(), in.Config
	inputs := userInputs{
		Properties:           in.UserProperties,
		Listeners:            userListeners(in),
		KRaft:                spec.KRaft,
		Headless:             spec.HeadlessServiceEnabled,
		Domain:               spec.KubernetesClusterDomain,
		WithoutCruiseControl: spec.CruiseControlConfig.Disabled,
		Image:                firstSet(config.Image, spec.ClusterImage),
		Disks:                userDisks(config),
		ServiceAccount:       config.ServiceAccountName,
		Resources:            config.Resources,
		PullSecrets:          config.ImagePullSecrets,
		NodeSelector:         config.NodeSelector,
		Tolerations:          config.Tolerations,
		HeapOpts:             config.KafkaHeapOpts,
		JVMPerfOpts:          config.KafkaJVMPerfOpts,
		Log4j:                config.Log4jConfig,
		SidecarAnnotations:   sidecarAnnotations(config),
		Affinity:             config.Affinity,
		OnePerNode:           spec.OneBrokerPerNode && config.Affinity == nil,
		PodSecurity:          config.PodSecurityContext,
		Security:             config.SecurityContext,
		InitContainers:       config.InitContainers,
		Containers:           config.Containers,
		Volumes:              config.Volumes,
		VolumeMounts:         config.VolumeMounts,
		Envs:                 userEnvs(config),
		GracePeriod:          userGracePeriod(config),
		PriorityClass:        config.PriorityClassName,
	}
	if spec.KRaft {
		inputs.Roles = joinedRoles(config)
	} else {
		inputs.ZKAddresses, inputs.ZKPath = spec.ZKAddresses, spec.ZKPath
	}
	if !spec.CruiseControlConfig.Disabled {
		inputs.ReporterImage = firstSet(config.MetricsReporterImage, spec.ClusterMetricsReporterImage, spec.CruiseControlConfig.Image)
	}
	if spec.RackAwareness != nil {
		inputs.RackLabels = spec.RackAwareness.Labels
	}
	if m := spec.MonitoringConfig; m != nil {
		inputs.ExporterImage, inputs.ExporterJar = m.JmxImage, m.PathToJar
	}
	if spec.ClientSSLCertSecret != nil {
		inputs.ClientKeystore = spec.ClientSSLCertSecret.Name
	}
	return inputs
}

func userListeners(in PodInput) []userListener {
	var listeners []userListener
	spec := in.spec()
	for i := range spec.ListenersConfig.ExternalListeners {
		l := &spec.ListenersConfig.ExternalListeners[i]
		listener := userListenerOf(l.CommonListenerSpec)
		listener.External, listener.StartingPort, listener.AdvertisedHost = true, l.ExternalStartingPort, l.HostnameOverride
		if !spec.KRaft || in.Config.HasRole(v1beta1.BrokerRole) {
			listener.advertise(l, in.Config)
		}
		listeners = append(listeners, listener)
	}
	for i := range spec.ListenersConfig.InternalListeners {
		l := &spec.ListenersConfig.InternalListeners[i]
		listener := userListenerOf(l.CommonListenerSpec)
		listener.Controller = l.UsedForControllerCommunication
		listener.StartingPort, listener.HostnameOf = l.InternalStartingPort, l.ExternalListenerForHostname
		listeners = append(listeners, listener)
	}
	return listeners
}

// advertise adds how a broker is reached, as far as that is not the same for all by the listener's own name.
func (u *userListener) advertise(l *v1beta1.ExternalListenerConfig, config *v1beta1.BrokerConfig) {
	method := l.GetAccessMethod()
	if method != corev1.ServiceTypeLoadBalancer {
		u.AccessMethod = string(method)
	}
	switch {
	case method == corev1.ServiceTypeNodePort:
		u.NodeIP = config.NodePortExternalIP[l.Name]
	case l.Config != nil:
		names := config.BrokerIngressMapping
		if len(names) == 0 {
			names = []string{l.Config.DefaultIngressConfig}
		}
		at := slices.IndexFunc(names, func(name string) bool { _, is := l.Config.IngressConfig[name]; return is })
		if u.NoIngress = at < 0; u.NoIngress {
			return
		}
		if host := l.Config.IngressConfig[names[at]].HostnameOverride; host != l.HostnameOverride {
			u.IngressHost = host
		}
	}
}

func userListenerOf(l v1beta1.CommonListenerSpec) userListener {
	return userListener{
		Name: l.Name, Type: l.Type, Port: l.ContainerPort, InnerBroker: l.UsedForInnerBrokerCommunication,
		ClientAuth: l.SSLClientAuth, Keystore: l.GetServerSSLCertSecretName(),
	}
}

// userDisks leaves out the claims' specs: they grow without a restart, and nothing else in them can change. Their order says
// nothing: a disk that drains comes last wherever it was.
func userDisks(config *v1beta1.BrokerConfig) []userDisk {
	var disks []userDisk
	for _, storage := range config.StorageConfigs {
		disk := userDisk{Path: storage.MountPath}
		if storage.PvcSpec == nil {
			disk.EmptyDir = storage.EmptyDir
		}
		disks = append(disks, disk)
	}
	slices.SortStableFunc(disks, func(a, b userDisk) int { return strings.Compare(a.Path, b.Path) })
	return disks
}

// sidecarAnnotations are the only ones that count: an injector reads them when a Pod is created.
func sidecarAnnotations(config *v1beta1.BrokerConfig) map[string]string {
	chosen := map[string]string{}
	for key, value := range config.BrokerAnnotations {
		if strings.HasPrefix(key, "sidecar.istio.io/") {
			chosen[key] = value
		}
	}
	return chosen
}

// userGracePeriod: the schema writes 120 where the user wrote nothing.
func userGracePeriod(config *v1beta1.BrokerConfig) *int64 {
	if config.GetTerminationGracePeriodSeconds() == v1beta1.DefaultTerminationGracePeriodSeconds {
		return nil
	}
	return config.TerminationGracePeriod
}

func firstSet(values ...string) string {
	for _, value := range values {
		if value != "" {
			return value
		}
	}
	return ""
}
