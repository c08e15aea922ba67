package kube

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
)

const (
	kafkaContainer    = "kafka"
	reporterContainer = "cruise-control-reporter"
	exporterContainer = "jmx-exporter"

	reporterJar = "/opt/cruise-control/cruise-control/build/dependant-libs/cruise-control-metrics-reporter.jar"

	metricsPort = int32(9020)
)

// containers has kafka first, where kubectl logs and exec look by default.
func containers(in PodInput, disks []disk) []corev1.Container {
	return unique(append([]corev1.Container{kafka(in, disks)}, in.Config.Containers...), containerName)
}

func kafka(in PodInput, disks []disk) corev1.Container {
	return corev1.Container{
		Name:                     kafkaContainer,
		Image:                    in.Config.GetImage(in.spec()),
		Command:                  []string{"bash", "-c", startScriptOf(in.spec().KRaft)},
		Env:                      kafkaEnv(in),
		Ports:                    kafkaPorts(in),
		Resources:                in.Config.GetResources(),
		ReadinessProbe:           readiness(in),
		SecurityContext:          containerSecurityContext(in.Config, in.Config.SecurityContext),
		VolumeMounts:             kafkaMounts(in, disks),
		TerminationMessagePolicy: corev1.TerminationMessageReadFile, // the log's end may hold secrets
	}
}

// initContainers are sorted by name, the user's among ours.
func initContainers(in PodInput) []corev1.Container {
	var list []corev1.Container
	if !in.spec().CruiseControlConfig.Disabled {
		list = append(list, copyJar(in, jarCopy{
			name:   reporterContainer,
			image:  in.Config.GetMetricsReporterImage(in.spec()),
			from:   reporterJar,
			to:     extensionsDir + "/cruise-control-metrics-reporter.jar",
			volume: corev1.VolumeMount{Name: extensionsVolume, MountPath: extensionsDir},
		}))
	}
	list = append(list, copyJar(in, jarCopy{
		name:   exporterContainer,
		image:  in.spec().MonitoringConfig.GetJMXImage(),
		from:   in.spec().MonitoringConfig.GetPathToJar(),
		to:     exporterDir + "jmx_prometheus.jar",
		volume: corev1.VolumeMount{Name: exporterVolume, MountPath: exporterDir},
	}))
	list = unique(append(list, in.Config.InitContainers...), containerName)
	slices.SortStableFunc(list, func(a, b corev1.Container) int { return strings.Compare(a.Name, b.Name) })
	return list
}

type jarCopy struct {
	name, image, from, to string
	volume                corev1.VolumeMount
}

// copyJar takes a jar out of another image, so that it need not be in Kafka's.
func copyJar(in PodInput, jar jarCopy) corev1.Container {
	amount := corev1.ResourceList{
		corev1.ResourceCPU:    resource.MustParse("100m"),
		corev1.ResourceMemory: resource.MustParse("100Mi"),
	}
	return corev1.Container{
		Name:                     jar.name,
		Image:                    jar.image,
		Command:                  []string{"cp", jar.from, jar.to},
		Resources:                corev1.ResourceRequirements{Requests: amount, Limits: amount},
		SecurityContext:          containerSecurityContext(in.Config, nil),
		VolumeMounts:             []corev1.VolumeMount{jar.volume},
		TerminationMessagePolicy: corev1.TerminationMessageReadFile,
	}
}

// kafkaPorts lists all listeners on every node and whether or not their address is known: container ports open
// nothing, and a list that followed status would make Pods differ from their specs.
func kafkaPorts(in PodInput) []corev1.ContainerPort {
	var ports []corev1.ContainerPort
	for _, listener := range listenersOf(in.spec()) {
		ports = append(ports, corev1.ContainerPort{
			Name: portName(listenerPortName(listener.Name)), ContainerPort: listener.ContainerPort, Protocol: corev1.ProtocolTCP,
		})
	}
	for _, port := range in.spec().AdditionalPorts {
		port.Protocol = protocolOf(port)
		ports = append(ports, port)
	}
	if port, found := jmxPort(in.Config.Envs); found {
		ports = append(ports, corev1.ContainerPort{Name: "jmx", ContainerPort: port, Protocol: corev1.ProtocolTCP})
	}
	ports = append(ports, corev1.ContainerPort{Name: "metrics", ContainerPort: metricsPort, Protocol: corev1.ProtocolTCP})
	ports = unique(ports, func(p corev1.ContainerPort) string { return fmt.Sprint(p.ContainerPort, p.Protocol) })
	return withUniqueNames(ports)
}

// portName leaves out what is no port name (15 characters at most): nothing refers to container ports by name.
func portName(name string) string {
	if len(validation.IsValidPortName(name)) > 0 {
		return ""
	}
	return name
}

func withUniqueNames(ports []corev1.ContainerPort) []corev1.ContainerPort {
	seen := map[string]bool{}
	for i := range ports {
		if seen[ports[i].Name] {
			ports[i].Name = ""
		}
		seen[ports[i].Name] = true
	}
	return ports
}

func protocolOf(port corev1.ContainerPort) corev1.Protocol {
	if port.Protocol == "" {
		return corev1.ProtocolTCP
	}
	return port.Protocol
}

func jmxPort(envs []corev1.EnvVar) (int32, bool) {
	for _, env := range envs {
		if port, err := strconv.ParseUint(env.Value, 10, 16); env.Name == "JMX_PORT" && err == nil && port > 0 {
			return int32(port), true
		}
	}
	return 0, false
}

// listenersOf are all listeners in the order of Kafka's property: external ones first.
func listenersOf(spec *v1beta1.KafkaClusterSpec) []v1beta1.CommonListenerSpec {
	var listeners []v1beta1.CommonListenerSpec
	for i := range spec.ListenersConfig.ExternalListeners {
		listeners = append(listeners, spec.ListenersConfig.ExternalListeners[i].CommonListenerSpec)
	}
	for i := range spec.ListenersConfig.InternalListeners {
		listeners = append(listeners, spec.ListenersConfig.InternalListeners[i].CommonListenerSpec)
	}
	return listeners
}

// readiness only says that the node accepts connections. There is no liveness or startup probe: they would kill a
// broker in the middle of a long log recovery, and a controller that is an observer for good reason.
func readiness(in PodInput) *corev1.Probe {
	port := readinessPort(in)
	if port == 0 {
		return nil
	}
	return &corev1.Probe{
		ProbeHandler:     corev1.ProbeHandler{TCPSocket: &corev1.TCPSocketAction{Port: intstr.FromInt32(port)}},
		PeriodSeconds:    5,
		TimeoutSeconds:   5,
		FailureThreshold: 3,
	}
}

func readinessPort(in PodInput) int32 {
	controller := controllerOnly(in)
	var first int32
	for _, listener := range in.spec().ListenersConfig.InternalListeners {
		if controller && listener.UsedForControllerCommunication || !controller && listener.UsedForInnerBrokerCommunication {
			return listener.ContainerPort
		}
		if first == 0 && listener.UsedForControllerCommunication == controller {
			first = listener.ContainerPort
		}
	}
	return first
}

// podSecurityContext adds the seccomp profile that PodSecurity "restricted" asks for to what the user says.
func podSecurityContext(config *v1beta1.BrokerConfig) *corev1.PodSecurityContext {
	context := &corev1.PodSecurityContext{}
	if config.PodSecurityContext != nil {
		context = config.PodSecurityContext.DeepCopy()
	}
	if context.SeccompProfile == nil {
		context.SeccompProfile = &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault}
	}
	return context
}

// containerSecurityContext takes from a non-root container what it has no use for, so that PodSecurity "restricted"
// admits it. A container that may run as root, as in Koperator's images, keeps its capabilities: without DAC_OVERRIDE
// root could not write to directories of other users, such as Kafka's log directory in some images.
func containerSecurityContext(config *v1beta1.BrokerConfig, user *corev1.SecurityContext) *corev1.SecurityContext {
	if !nonRoot(config.PodSecurityContext, user) {
		return user
	}
	context := &corev1.SecurityContext{}
	if user != nil {
		context = user.DeepCopy()
	}
	privileged := context.Privileged != nil && *context.Privileged
	if context.AllowPrivilegeEscalation == nil && !privileged { // the API server refuses both together
		context.AllowPrivilegeEscalation = new(bool)
	}
	if context.Capabilities == nil {
		context.Capabilities = &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}}
	}
	return context
}

func nonRoot(pod *corev1.PodSecurityContext, container *corev1.SecurityContext) bool {
	says := func(user *int64, flag *bool) (root, known bool) {
		switch {
		case user != nil:
			return *user == 0, true
		case flag != nil:
			return !*flag, true
		default:
			return false, false
		}
	}
	if container != nil {
		if root, known := says(container.RunAsUser, container.RunAsNonRoot); known {
			return !root
		}
	}
	if pod == nil {
		return false
	}
	root, known := says(pod.RunAsUser, pod.RunAsNonRoot)
	return known && !root
}

func containerName(c corev1.Container) string { return c.Name }

// unique keeps the first entry of each key: server-side apply refuses lists that repeat one, and ours come first.
func unique[T any](list []T, key func(T) string) []T {
	seen := map[string]bool{}
	kept := make([]T, 0, len(list))
	for _, entry := range list {
		if k := key(entry); !seen[k] {
			seen[k] = true
			kept = append(kept, entry)
		}
	}
	return kept
}
