package crdcheck

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const a, b = "{mountPath: /a}", "{mountPath: /b}"

// node is an entry of spec.brokers with roles and disks of its own; empty ones come from its group g.
func node(id int, roles, disks string) string {
	return fmt.Sprintf("{id: %d, brokerConfigGroup: g, brokerConfig: {processRoles: [%s], storageConfigs: [%s]}}", id, roles, disks)
}

func configGroup(name, roles, disks string) string {
	return fmt.Sprintf("%s: {processRoles: [%s], storageConfigs: [%s]}", name, roles, disks)
}

type transition struct {
	before, after map[string]any
	want          string
}

func (tc transition) check(t *testing.T, server apiServer) {
	before, errs := server.admit(tc.before)
	require.Empty(t, errs.ToAggregate())
	_, errs = server.update(tc.after, before)
	if tc.want == "" {
		require.Empty(t, errs.ToAggregate())
		return
	}
	require.ErrorContains(t, errs.ToAggregate(), tc.want)
}

func checkTransitions(t *testing.T, cases map[string]transition) {
	server := serverOf(t, "kafkaclusters")
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) { tc.check(t, server) })
	}
}

const (
	ofBrokers = "spec.brokers: Invalid value: the first of a controller's storageConfigs"
	ofGroups  = "spec.brokerConfigGroups: Invalid value"
)

func TestAClusterWithKRaftKeepsIt(t *testing.T) {
	checkTransitions(t, map[string]transition{
		"KRaft back to ZooKeeper": {clusterWith(t), clusterWith(t, "KRAFT", "false"), "spec.kRaft: Forbidden"},
		"ZooKeeper to KRaft":      {clusterWith(t, "KRAFT", "false"), clusterWith(t), ""},
	})
}

func TestTheFirstDiskOfAControllerWithItsOwnDisksStays(t *testing.T) {
	brokers := func(list ...string) map[string]any {
		return clusterWith(t, "GROUPS", "g: {}", "BROKERS", strings.Join(list, ","))
	}
	both := "controller, broker"
	checkTransitions(t, map[string]transition{
		"another":             {brokers(node(0, both, a)), brokers(node(0, both, b)), ofBrokers},
		"one put before it":   {brokers(node(0, both, a)), brokers(node(0, both, b+","+a)), ofBrokers},
		"none any more":       {brokers(node(0, both, a)), brokers(node(0, both, "")), ofBrokers},
		"one added behind it": {brokers(node(0, both, a)), brokers(node(0, both, a+","+b)), ""},
		"one where there was none, with which it never ran":    {brokers(node(0, both, "")), brokers(node(0, both, a)), ""},
		"another, of another controller in the same place":     {brokers(node(0, both, a)), brokers(node(1, both, b)), ""},
		"another, while a controller is added: the operator's": {brokers(node(0, both, a)), brokers(node(0, both, b), node(1, both, b)), ""},
		"another, of a broker that is no controller":           {brokers(node(0, "broker", a)), brokers(node(0, "broker", b)), ""},
		"another, of a node that is no controller any more":    {brokers(node(0, both, a)), brokers(node(0, "broker", b)), ""},
		"a broker beside it that moves, is added, is removed":  {brokers(node(0, both, a), node(1, "broker", a)), brokers(node(2, "broker", b), node(0, both, a)), ""},
		"a second controller behind it that loses its disk":    {brokers(node(0, both, a), node(1, both, a)), brokers(node(0, both, a), node(1, both, b)), ofBrokers},
	})
}

func TestTheFirstDiskOfAControllerOfAGroupStays(t *testing.T) {
	groups := func(brokers string, groups ...string) map[string]any {
		return clusterWith(t, "GROUPS", strings.Join(groups, ","), "BROKERS", brokers)
	}
	const member = "{id: 0, brokerConfigGroup: g}"
	const moved = "{id: 0, brokerConfigGroup: h}"
	all := func(disks string) string { return configGroup("g", "controller, broker", disks) }
	disksOf := func(disks string) string { return configGroup("g", "", disks) }
	rolesOf := configGroup("g", "controller", "")
	other := func(disks string) string { return configGroup("h", "controller", disks) }
	checkTransitions(t, map[string]transition{
		"another in its group":                                      {groups(member, all(a)), groups(member, all(b)), ofGroups},
		"another in its group, while a controller is added":         {groups(member, all(a)), groups(member+",{id: 1, brokerConfigGroup: g}", all(b)), ofGroups},
		"another in a group that nobody follows":                    {groups("{id: 0}", all(a)), groups("{id: 0}", all(b)), ofGroups},
		"a group that goes":                                         {groups("{id: 0}", all(a)), groups("{id: 0}"), ""},
		"none in its group any more":                                {groups(member, all(a)), groups(member, all("")), ofBrokers},
		"from its group to the node":                                {groups(member, all(a)), groups(node(0, "", a), all("")), ""},
		"from the node to its group":                                {groups(node(0, "", a), all("")), groups(member, all(a)), ""},
		"another in its group, the role is its own":                 {groups(node(0, "controller", ""), disksOf(a)), groups(node(0, "controller", ""), disksOf(b)), ofBrokers},
		"another of its own, the role is its group's":               {groups(node(0, "", a), rolesOf), groups(node(0, "", b), rolesOf), ofBrokers},
		"one of its own before its group's":                         {groups(member, all(a)), groups(node(0, "", b), all(a)), ofBrokers},
		"the same of its own before its group's":                    {groups(member, all(a)), groups(node(0, "", a), all(a+","+b)), ""},
		"another group whose first is another":                      {groups(member, all(a), other(b)), groups(moved, all(a), other(b)), ofBrokers},
		"another group whose first is the same":                     {groups(member, all(a), other(a+","+b)), groups(moved, all(a), other(a+","+b)), ""},
		"another group, of a broker that is no controller":          {groups(member, disksOf(a), configGroup("h", "broker", b)), groups(moved, disksOf(a), configGroup("h", "broker", b)), ""},
		"no group any more":                                         {groups(member, all(a)), groups("{id: 0, brokerConfig: {processRoles: [controller], storageConfigs: ["+b+"]}}", all(a)), ofBrokers},
		"another group while a controller is added: the operator's": {groups(member, all(a), other(b)), groups(moved+",{id: 1, brokerConfigGroup: g}", all(a), other(b)), ""},
	})
}

// An edit that the API server takes and the operator refuses is what the next one is compared with: the way back must be open.
func TestAnEditThatTheOperatorRefusedCanBeTakenBack(t *testing.T) {
	ready := func(reason string) map[string]any {
		return map[string]any{"state": "", "alertCount": int64(0), "conditions": []any{map[string]any{
			"type": "Ready", "status": "False", "reason": reason, "message": "", "lastTransitionTime": "2026-01-02T03:04:05Z",
		}}}
	}
	for name, made := range map[string]struct {
		group, brokers func(disks string) string
		refused        string
	}{
		"disks of a group whose controllers have the role themselves": {
			func(disks string) string { return configGroup("g", "", disks) },
			func(string) string { return node(0, "controller", "") + ",{id: 1}" }, ofBrokers,
		},
		"disks of a group of controllers": {
			func(disks string) string { return configGroup("g", "broker, controller", disks) },
			func(string) string { return "{id: 0, brokerConfigGroup: g}" }, ofGroups,
		},
		"disks of a node": {
			func(string) string { return "g: {}" },
			func(disks string) string { return node(0, "broker, controller", disks) }, ofBrokers,
		},
	} {
		t.Run(name, func(t *testing.T) {
			with := func(disks string, status map[string]any) map[string]any {
				c := clusterWith(t, "GROUPS", made.group(disks), "BROKERS", made.brokers(disks))
				if status != nil {
					c["status"] = status
				}
				return c
			}
			checkTransitions(t, map[string]transition{
				"the operator refused it":          {with(b, ready("InvalidSpec")), with(a, ready("InvalidSpec")), ""},
				"the operator took it":             {with(b, ready("Rolling")), with(a, ready("Rolling")), made.refused},
				"the operator has not answered":    {with(b, nil), with(a, nil), made.refused},
				"the word of the new status is no": {with(b, nil), with(a, ready("InvalidSpec")), made.refused},
			})
		})
	}
}

func TestOnlyAPropertyThatNamesAnotherDirForTheMetadataLetsTheFirstDiskChange(t *testing.T) {
	type cluster = map[string]any
	with := func(disks, properties string) cluster {
		return clusterWith(t, "GROUPS", configGroup("g", "controller", disks), "BROKERS", "{id: 0, brokerConfigGroup: g}",
			"MORE", fmt.Sprintf("readOnlyConfig: %q", properties))
	}
	change := func(before, after, want string) transition { return transition{with(a, before), with(b, after), want} }
	const property = "metadata.log.dir=/b/kafka"
	checkTransitions(t, map[string]transition{
		"the property goes as its disk becomes the first": change(property, "", ""),
		"the property stays":                              change("x=y\n"+property, "x=y\n"+property, ""),
		"the property comes":                              change("", property, ofGroups),
		"a comment":                                       change("#"+property, "#"+property, ofGroups),
		"a comment with blanks":                           change("# "+property+"\n", "", ofGroups),
		"a value":                                         change("x="+property, "", ofGroups),
		"a longer key":                                    change("x."+property, "", ofGroups),
		"a line that continues another":                   change("x=\\\n"+property, "", ofGroups),
		"a key over two lines":                            change("metadata.\\\nlog.dir=/b", "", ofGroups),
		"another separator, which is not looked for":      change("metadata.log.dir : /b", "", ofGroups),
	})
}

func TestZooKeeperModeHasNoControllersWhoseDisksAreWatchedInAGroup(t *testing.T) {
	with := func(disks, kraft string) map[string]any {
		return clusterWith(t, "KRAFT", kraft, "GROUPS", configGroup("g", "controller", disks), "BROKERS", "{id: 0, brokerConfigGroup: g}")
	}
	checkTransitions(t, map[string]transition{
		"ZooKeeper mode": {with(a, "false"), with(b, "false"), ""},
		"with KRaft":     {with(a, "true"), with(b, "true"), ofGroups},
	})
}

// The estimate of a rule's cost is one thing, the count while it runs another: both have a limit.
func TestTheRulesOfAClusterOfTwoThousandControllersRunWithinTheirBudget(t *testing.T) {
	var brokers []string
	for id := range 2000 {
		brokers = append(brokers, fmt.Sprintf("{id: %d, brokerConfigGroup: g%d, brokerConfig: {processRoles: [broker, controller], "+
			"storageConfigs: [{mountPath: /var/lib/kafka/disks/of/this/broker}]}}", id, id%100))
	}
	var groups []string
	for id := range 100 {
		groups = append(groups, fmt.Sprintf("g%d: {processRoles: [broker, controller], storageConfigs: [{mountPath: /other}]}", id))
	}
	cluster := clusterWith(t, "BROKERS", strings.Join(brokers, ","), "GROUPS", strings.Join(groups, ","))
	server := serverOf(t, "kafkaclusters")
	before, errs := server.admit(cluster)
	require.Empty(t, errs.ToAggregate())
	_, errs = server.update(cluster, before)
	require.Empty(t, errs.ToAggregate())
}
