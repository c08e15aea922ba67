package machine

import (
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/koperator-go/koperator/cmd/sandbox/plan"
)

func TestMissingPackages(t *testing.T) {
	needs := []need{{"etcd-server", []string{"etcd"}}, {"containernetworking-plugins", []string{"/usr/lib/cni/ptp", "/opt/cni/bin/ptp"}}}
	for name, test := range map[string]struct {
		have []string
		want []string
	}{
		"nothing is there":                   {nil, []string{"etcd-server", "containernetworking-plugins"}},
		"one of two places is enough":        {[]string{"/opt/cni/bin/ptp"}, []string{"etcd-server"}},
		"all is there, nothing is installed": {[]string{"etcd", "/usr/lib/cni/ptp"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			present := func(path string) bool {
				for _, have := range test.have {
					if have == path {
						return true
					}
				}
				return false
			}
			require.Equal(t, test.want, missingPackages(needs, present))
		})
	}
}

func TestParseCgroups(t *testing.T) {
	for name, test := range map[string]struct {
		mounts string
		want   []string
	}{
		"hybrid: every controller and the unified one": {
			"tmpfs /sys/fs/cgroup tmpfs rw 0 0\ncgroup /sys/fs/cgroup/cpu cgroup rw,cpu 0 0\ncgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n",
			[]string{"/sys/fs/cgroup/cpu/g/cgroup.procs", "/sys/fs/cgroup/unified/g/cgroup.procs"},
		},
		"version 2 alone": {"cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n", []string{"/sys/fs/cgroup/g/cgroup.procs"}},
		"other mount points of the same hierarchy are left out": {
			"cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\ncgroup2 /var/lib/x/cgroup cgroup2 rw 0 0\n", []string{"/sys/fs/cgroup/g/cgroup.procs"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, test.want, parseCgroups(test.mounts).ProcsFiles("/g"))
		})
	}
}

func TestANewCpusetIsFilledFromItsParent(t *testing.T) {
	parent, child := t.TempDir(), t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(parent, "cpuset.cpus"), []byte("0-1\n"), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(child, "cpuset.cpus"), []byte("\n"), 0o644))
	require.NoError(t, inherit(parent, child, "cpuset.cpus"))
	require.NoError(t, inherit(parent, child, "cpuset.mems"), "hierarchies without cpusets have no such file")
	text, err := os.ReadFile(filepath.Join(child, "cpuset.cpus"))
	require.NoError(t, err)
	require.Equal(t, "0-1\n", string(text))
}

func TestMountsBelow(t *testing.T) {
	mountinfo := `22 27 0:21 / /proc rw - proc proc rw
30 27 0:30 / /cache/state/a rw - tmpfs tmpfs rw
31 30 0:31 / /cache/state/a/b\040c rw - tmpfs tmpfs rw
32 27 0:32 / /cache/state2 rw - tmpfs tmpfs rw
33 27 0:33 / /run/x rw - tmpfs tmpfs rw
`
	require.Equal(t, []string{"/run/x", "/cache/state/a/b c", "/cache/state/a"}, mountsBelow(mountinfo, []string{"/cache/state", "/run/x"}))
	require.Empty(t, mountsBelow(mountinfo, nil), "no directories, no mounts")
}

func TestParseStart(t *testing.T) {
	const tail = " 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4711 20"
	for name, test := range map[string]struct{ stat, want string }{
		"a program's name may hold spaces and parentheses": {"12 (a) b (c) S" + tail, "4711"},
		"who only waits to be reaped is not running":       {"12 (etcd) Z" + tail, ""},
		"nonsense is not running":                          {"nonsense", ""},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, test.want, parseStart(test.stat)) })
	}
	require.NotEmpty(t, processStart(os.Getpid()))
}

func TestFreeIndex(t *testing.T) {
	for name, test := range map[string]struct {
		claims []Claim
		used   []string
		want   int
	}{
		"the first one gets zero":                      {nil, []string{"192.0.2.2"}, 0},
		"gaps are filled":                              {[]Claim{{Index: 0}, {Index: 2}}, nil, 1},
		"subnets that the machine uses are left alone": {nil, []string{"10.244.0.7", "10.97.3.4"}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			var used []net.IP
			for _, address := range test.used {
				used = append(used, net.ParseIP(address))
			}
			got, err := freeIndex(test.claims, used)
			require.NoError(t, err)
			require.Equal(t, test.want, got)
		})
	}
	var all []Claim
	for index := range plan.MaxInstances {
		all = append(all, Claim{Index: index})
	}
	_, err := freeIndex(all, nil)
	require.ErrorContains(t, err, "take one down")
}

func TestFreePort(t *testing.T) {
	free := func(taken ...int) func(int) bool {
		return func(port int) bool {
			for _, other := range taken {
				if port == other {
					return false
				}
			}
			return true
		}
	}
	port, err := freePort([]Claim{{RegistryPort: 5000}}, free(5001))
	require.NoError(t, err)
	require.Equal(t, 5002, port)
	_, err = freePort(nil, func(int) bool { return false })
	require.ErrorContains(t, err, "no free port")
}

func TestADaemonEntersItsCgroupBeforeItStarts(t *testing.T) {
	i := plan.Instance{Name: "default"}
	groups := parseCgroups("cgroup /sys/fs/cgroup/pids cgroup rw 0 0\n")
	for name, test := range map[string]struct {
		daemon plan.Daemon
		want   []string
	}{
		"inside of the network namespace": {
			plan.Daemon{Args: []string{"etcd", "--x=y"}},
			[]string{"sandbox", "nsenter", "--net=/run/koperator-sandbox/default/netns", "--", "etcd", "--x=y"},
		},
		"on the host": {plan.Daemon{Args: []string{"registry"}, OnHost: true}, []string{"sandbox", "registry"}},
	} {
		t.Run(name, func(t *testing.T) {
			args := launchArgs(i, groups, test.daemon)
			require.Equal(t, "-c", args[0])
			require.Equal(t, "echo $$ > /sys/fs/cgroup/pids/koperator-sandbox/default/system/cgroup.procs || exit 1\nexec \"$@\"\n", args[1])
			require.Equal(t, test.want, args[2:])
		})
	}
}

func TestTheNetworkIsBuiltInsideOut(t *testing.T) {
	commands := networkCommands(plan.Instance{Name: "default", Nodes: 2})
	require.Equal(t, []string{"unshare", "--net=/run/koperator-sandbox/default/netns", "true"}, commands[0])
	last := commands[len(commands)-1]
	require.Equal(t, []string{"ip", "route", "add", "10.96.0.0/16", "via", "10.244.255.2", "dev", "ksb0"}, last,
		"NetworkReady asks for this one: whatever was cut off earlier is built anew")
	require.Contains(t, commands, []string{"nsenter", "--net=/run/koperator-sandbox/default/netns", "--", "ip", "address", "add", "10.244.2.1/32", "dev", "uplink"})
}
