package kube

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

func disks(paths ...string) []v1beta1.StorageConfig {
	var storages []v1beta1.StorageConfig
	for _, path := range paths {
		storages = append(storages, v1beta1.StorageConfig{MountPath: path, PvcSpec: claimSpec("1Gi")})
	}
	return storages
}

// controllers is a spec of two groups and one node with the controller role, as the changes make it.
func controllers(changes ...func(*v1beta1.KafkaCluster)) *v1beta1.KafkaCluster {
	cluster := quiet(func(c *v1beta1.KafkaCluster) {
		c.Spec.BrokerConfigGroups = map[string]v1beta1.BrokerConfig{
			"a": {StorageConfigs: disks("/a")}, "a-and-b": {StorageConfigs: disks("/a", "/b")}, "b": {StorageConfigs: disks("/b")},
		}
		c.Spec.Brokers = []v1beta1.Broker{
			{ID: 7, BrokerConfigGroup: "a", BrokerConfig: &v1beta1.BrokerConfig{ProcessRoles: []string{"broker", "controller"}}},
		}
	})
	for _, change := range changes {
		change(cluster)
	}
	return cluster
}

func inGroup(name string) func(*v1beta1.KafkaCluster) {
	return func(c *v1beta1.KafkaCluster) { c.Spec.Brokers[0].BrokerConfigGroup = name }
}

func ownDisks(paths ...string) func(*v1beta1.KafkaCluster) {
	return func(c *v1beta1.KafkaCluster) { c.Spec.Brokers[0].BrokerConfig.StorageConfigs = disks(paths...) }
}

func groupDisks(paths ...string) func(*v1beta1.KafkaCluster) {
	return func(c *v1beta1.KafkaCluster) {
		c.Spec.BrokerConfigGroups["a"] = v1beta1.BrokerConfig{StorageConfigs: disks(paths...)}
	}
}

func roleOfGroups(c *v1beta1.KafkaCluster) {
	c.Spec.Brokers[0].BrokerConfig.ProcessRoles = nil
	for name, config := range c.Spec.BrokerConfigGroups {
		config.ProcessRoles = []string{"controller"}
		c.Spec.BrokerConfigGroups[name] = config
	}
}

func onlyBroker(c *v1beta1.KafkaCluster) {
	c.Spec.Brokers[0].BrokerConfig.ProcessRoles = []string{"broker"}
}

func oneMore(c *v1beta1.KafkaCluster) {
	more := *c.Spec.Brokers[0].DeepCopy()
	more.ID = 3
	c.Spec.Brokers = slices.Insert(c.Spec.Brokers, 0, more)
}

const fromAToB = "a controller has its metadata on /a, its first disk, and would come back without them if /b became the first; " +
	"put /a first again, or add a controller with a new id and remove this one"

func TestAControllerKeepsTheDiskOfItsMetadata(t *testing.T) {
	type changes []func(*v1beta1.KafkaCluster)
	for name, test := range map[string]struct {
		before, after changes
		want          string // the field
	}{
		"nothing changes":                                       {},
		"another disk comes behind it":                          {nil, changes{groupDisks("/a", "/b")}, ""},
		"another disk comes first in its group":                 {nil, changes{groupDisks("/b", "/a")}, "spec.brokerConfigGroups[a].storageConfigs"},
		"another disk comes first, the role is of the group":    {changes{roleOfGroups}, changes{groupDisks("/b"), roleOfGroups}, "spec.brokerConfigGroups[a].storageConfigs"},
		"a disk of its own comes before that of its group":      {nil, changes{ownDisks("/b")}, "spec.brokers[id=7].brokerConfig.storageConfigs"},
		"its own disk is another, the role is of the group":     {changes{ownDisks("/a"), roleOfGroups}, changes{ownDisks("/b"), roleOfGroups}, "spec.brokers[id=7].brokerConfig.storageConfigs"},
		"its own disk goes and that of its group is another":    {changes{ownDisks("/a"), inGroup("b")}, changes{inGroup("b")}, "spec.brokers[id=7].brokerConfig.storageConfigs"},
		"its own disk goes and that of its group is the same":   {changes{ownDisks("/a")}, nil, ""},
		"its own disk goes before another one of its own":       {changes{ownDisks("/a", "/b")}, changes{ownDisks("/b", "/a")}, "spec.brokers[id=7].brokerConfig.storageConfigs"},
		"another group whose first disk is another":             {nil, changes{inGroup("b")}, "spec.brokers[id=7].brokerConfigGroup"},
		"another group whose first disk is the same":            {nil, changes{inGroup("a-and-b")}, ""},
		"another group, while a controller is added before it":  {nil, changes{oneMore, func(c *v1beta1.KafkaCluster) { c.Spec.Brokers[1].BrokerConfigGroup = "b" }}, "spec.brokers[id=7].brokerConfigGroup"},
		"another controller has another disk":                   {nil, changes{inGroup("b"), func(c *v1beta1.KafkaCluster) { c.Spec.Brokers[0].ID = 8 }}, ""},
		"a broker":                                              {changes{onlyBroker}, changes{onlyBroker, inGroup("b")}, ""},
		"a broker becomes a controller on another disk":         {changes{onlyBroker}, changes{inGroup("b")}, ""},
		"a controller becomes a broker on another disk":         {nil, changes{onlyBroker, inGroup("b")}, ""},
		"a controller without a disk, which never ran, gets it": {changes{groupDisks()}, nil, ""},
		"a group that is not there is another's business":       {nil, changes{inGroup("gone")}, ""},
		"ZooKeeper mode has no controllers":                     {changes{zooKeeper}, changes{inGroup("b")}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var want []string
			if test.want != "" {
				want = []string{"error " + test.want + ": "}
			}
			before, after := controllers(test.before...), controllers(test.after...)
			problems := ChangeProblems(&before.Spec, after)
			requireProblems(t, problems, want)
			for _, problem := range problems {
				require.Equal(t, fromAToB, problem.Message)
			}
			require.Empty(t, ChangeProblems(nil, after), "the first spec changes nothing")
			require.Empty(t, ChangeProblems(&after.Spec, after))
		})
	}
}

func TestAControllersClaimDoesNotBecomeAnEmptyDir(t *testing.T) {
	scratch := func(c *v1beta1.KafkaCluster) {
		c.Spec.Brokers[0].BrokerConfig.StorageConfigs = []v1beta1.StorageConfig{{MountPath: "/a", EmptyDir: &corev1.EmptyDirVolumeSource{}}}
	}
	claimed, thrown := controllers(ownDisks("/a")), controllers(scratch)
	claimed.Spec.Brokers[0].BrokerConfig.StorageConfigs[0].PvcSpec = &corev1.PersistentVolumeClaimSpec{}
	problems := ChangeProblems(&claimed.Spec, thrown)
	requireProblems(t, problems, []string{"error spec.brokers[id=7].brokerConfig.storageConfigs: "})
	require.Contains(t, problems[0].Message, "would come back without them if that became an emptyDir")
	require.Empty(t, ChangeProblems(&thrown.Spec, claimed), "the other way it loses nothing")
	combined := thrown.DeepCopy()
	combined.Spec.Brokers[0].BrokerConfig.ProcessRoles = []string{v1beta1.ControllerRole, v1beta1.BrokerRole}
	alone := thrown.DeepCopy()
	alone.Spec.Brokers[0].BrokerConfig.ProcessRoles = []string{v1beta1.ControllerRole}
	for _, change := range [][2]*v1beta1.KafkaCluster{{combined, alone}, {alone, combined}} {
		problems = ChangeProblems(&change[0].Spec, change[1])
		requireProblems(t, problems, []string{"error spec.brokers[id=7].brokerConfig.processRoles: "})
		require.Contains(t, problems[0].Message, "give it its roles back")
	}
}

func TestABrokerGetsTheControllerRoleWhenNoDiskOfItLeaves(t *testing.T) {
	type changes []func(*v1beta1.KafkaCluster)
	const field = "spec.brokers[id=7].brokerConfig."
	broker := func(paths ...string) changes { return changes{inGroup("none"), onlyBroker, ownDisks(paths...)} }
	both := func(paths ...string) changes { return changes{inGroup("none"), ownDisks(paths...)} }
	ran := func(paths ...string) func(*v1beta1.KafkaCluster) {
		return func(c *v1beta1.KafkaCluster) {
			var dirs []v1beta1.FormattedLogDir
			for _, path := range paths {
				dirs = append(dirs, v1beta1.FormattedLogDir{MountPath: path, ClaimUID: "uid"})
			}
			c.Status.BrokersState = map[string]v1beta1.BrokerState{"7": {FormattedLogDirs: dirs}}
		}
	}
	for name, test := range map[string]struct {
		before, after changes
		ran           []string
		want          string
	}{
		"a disk leaves the spec":              {broker("/a", "/b"), broker("/b"), []string{"/a", "/b"}, ""},
		"the role alone":                      {broker("/a", "/b"), both("/a", "/b"), []string{"/a", "/b"}, ""},
		"the role while a disk leaves":        {broker("/b"), both("/b"), []string{"/a", "/b"}, field + "processRoles"},
		"the role, and a disk leaves at once": {broker("/a", "/b"), both("/b"), []string{"/a", "/b"}, field + "processRoles"},
	} {
		t.Run(name, func(t *testing.T) {
			kraft := func(c *v1beta1.KafkaCluster) { c.Spec.KRaft = true }
			before := controllers(append(test.before, kraft)...)
			problems := ChangeProblems(&before.Spec, controllers(append(test.after, kraft, ran(test.ran...))...))
			var fields []string
			for _, problem := range problems {
				fields = append(fields, problem.Field)
			}
			require.Equal(t, test.want, strings.Join(fields, ", "), "%v", problems)
		})
	}
}

func TestAHundredControllersOfOneGroupHaveItsProblemOnce(t *testing.T) {
	many := func(c *v1beta1.KafkaCluster) {
		for id := range int32(100) {
			more := *c.Spec.Brokers[0].DeepCopy()
			more.ID = 10 + id
			c.Spec.Brokers = append(c.Spec.Brokers, more)
		}
	}
	require.Len(t, ChangeProblems(&controllers(many).Spec, controllers(many, groupDisks("/b"))), 1)
}

func TestAClusterWithKRaftDoesNotGoBack(t *testing.T) {
	requireProblems(t, ChangeProblems(&controllers().Spec, controllers(zooKeeper)),
		[]string{"error spec.kRaft: a cluster that runs with KRaft cannot go back to ZooKeeper"})
	require.Empty(t, ChangeProblems(&controllers(zooKeeper).Spec, controllers()))
}

func TestTheListenerByWhichNodesFindEachOtherKeepsItsName(t *testing.T) {
	before := demo()
	renamed := func(ran bool) []messages.FieldProblem {
		after := demo()
		for i := range after.Spec.ListenersConfig.InternalListeners {
			if l := &after.Spec.ListenersConfig.InternalListeners[i]; l.UsedForInnerBrokerCommunication {
				l.Name = "other"
			}
		}
		if ran {
			after.Status.BrokersState = map[string]v1beta1.BrokerState{"0": {FormattedLogDirs: []v1beta1.FormattedLogDir{{MountPath: "/kafka-logs"}}}}
		}
		return ChangeProblems(&before.Spec, after)
	}
	problems := renamed(true)
	require.Len(t, problems, 1)
	require.Equal(t, "spec.listenersConfig.internalListeners", problems[0].Field)
	require.Contains(t, problems[0].Message, "give it its name back")
	require.Empty(t, renamed(false), "before Kafka has run anywhere")
}

func TestAThresholdThatRestartsNobodyIsNamed(t *testing.T) {
	cluster := demo(func(c *v1beta1.KafkaCluster) { c.Spec.RollingUpgradeConfig.FailureThreshold = 0 })
	problems := Validate(cluster)
	require.Empty(t, messages.Errors(problems))
	require.Contains(t, problems, messages.Warning("spec.rollingUpgradeConfig.failureThreshold",
		"0 lets no broker be restarted that serves, so edits that need a restart wait; use 1 for restarts without any failure"))
}

func TestNumbersAndLabelsThatMakeNoSenseAreNamed(t *testing.T) {
	cluster := demo(func(c *v1beta1.KafkaCluster) {
		c.Spec.RackAwareness = &v1beta1.RackAwareness{Labels: []string{"topology.kubernetes.io/zone", "not a label!!"}}
		c.Spec.RollingUpgradeConfig.FailureThreshold = -1
	}, group(func(b *v1beta1.BrokerConfig) { b.TerminationGracePeriod = ptr.To(int64(-1)) }))
	var fields []string
	for _, p := range messages.Errors(Validate(cluster)) {
		fields = append(fields, p.Field)
	}
	require.ElementsMatch(t, []string{
		"spec.rackAwareness.labels[1]", "spec.rollingUpgradeConfig.failureThreshold",
		"spec.brokerConfigGroups[default].terminationGracePeriodSeconds",
	}, fields)
}
