package main

import (
	"bytes"
	"flag"
	"io"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/types"
)

// environment is a Pod's with some variables.
func environment(variables map[string]string) func(string) string {
	return func(name string) string {
		if value, set := variables[name]; set || name != "POD_NAMESPACE" {
			return value
		}
		return "koperator"
	}
}

func TestOptions(t *testing.T) {
	plain := options{
		metricsAddress: ":8080", probesAddress: ":8081", leaseNamespace: "koperator", logFormat: "json", logLevel: slog.LevelInfo,
		pod: types.NamespacedName{Namespace: "koperator"},
	}
	for name, c := range map[string]struct {
		args  []string
		env   map[string]string
		wants func(*options)
	}{
		"none": {wants: func(*options) {}},
		"namespaces, with blanks and without names": {args: []string{"--namespaces=a, b,,"}, wants: func(o *options) {
			o.namespaces, o.namespacesText = []string{"a", "b"}, "a, b,,"
		}},
		"namespaces of the environment": {env: map[string]string{"WATCH_NAMESPACE": "a"}, wants: func(o *options) {
			o.namespaces, o.namespacesText = []string{"a"}, "a"
		}},
		"a flag goes before the environment": {args: []string{"--namespaces", "b"}, env: map[string]string{"WATCH_NAMESPACE": "a"}, wants: func(o *options) {
			o.namespaces, o.namespacesText = []string{"b"}, "b"
		}},
		"addresses": {args: []string{"-metrics-addr", "127.0.0.1:1", "--health-probes-addr=0"}, wants: func(o *options) {
			o.metricsAddress, o.probesAddress = "127.0.0.1:1", "0"
		}},
		"an API server":     {args: []string{"--kubeconfig", "/a/b"}, wants: func(o *options) { o.kubeconfig = "/a/b" }},
		"the lease's place": {args: []string{"--lease-namespace=x"}, wants: func(o *options) { o.leaseNamespace = "x" }},
		"the Pod's namespace": {env: map[string]string{"POD_NAMESPACE": "y"}, wants: func(o *options) {
			o.leaseNamespace, o.pod.Namespace = "y", "y"
		}},
		"the Pod's name": {env: map[string]string{"POD_NAME": "p"}, wants: func(o *options) { o.pod.Name = "p" }},
		"a log":          {args: []string{"--log-format=text", "--log-level=warn"}, wants: func(o *options) { o.logFormat, o.logLevel = "text", slog.LevelWarn }},
		"a log of Koperator's": {args: []string{"--development", "--verbose"}, wants: func(o *options) {
			o.logFormat, o.logLevel = "text", slog.LevelDebug
		}},
	} {
		t.Run(name, func(t *testing.T) {
			want := plain
			c.wants(&want)
			is, err := parseOptions(c.args, environment(c.env), io.Discard)
			require.NoError(t, err)
			require.Equal(t, want, is)
		})
	}
}

func TestWhatIsNoFlagIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		says string
	}{
		"an unknown flag":              {[]string{"--namespace=a"}, "-namespace"},
		"a word":                       {[]string{"--verbose", "a"}, `"a" is no flag; see --help`},
		"a level":                      {[]string{"--log-level=loud"}, `--log-level: "loud" is none of debug, info, warn, error`},
		"a format":                     {[]string{"--log-format=xml"}, `--log-format: "xml" is neither json nor text`},
		"a missing value":              {[]string{"--kubeconfig"}, "-kubeconfig"},
		"a value that no switch takes": {[]string{"--verbose=perhaps"}, "perhaps"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parseOptions(c.args, environment(nil), io.Discard)
			require.ErrorContains(t, err, c.says)
		})
	}
	var help bytes.Buffer
	_, err := parseOptions([]string{"--help"}, environment(nil), &help)
	require.ErrorIs(t, err, flag.ErrHelp)
	require.Contains(t, help.String(), "health-probes-addr")
}

// Manifests that were made for Koperator go on working, and say in the log what they ask for in vain.
func TestFlagsOfKoperatorWithoutEffectSaySo(t *testing.T) {
	reasons := withoutEffect()
	var args, warned []string
	for name, reason := range reasons {
		require.NotEmpty(t, reason)
		warned = append(warned, "--"+name+" has no effect: "+reason)
		if boolean(name) {
			args = append(args, "--"+name)
		} else {
			args = append(args, "--"+name+"=1")
		}
	}
	o, err := parseOptions(args, environment(nil), io.Discard)
	require.NoError(t, err)
	require.ElementsMatch(t, warned, o.ignored)
	for _, form := range []string{"--enable-leader-election", "--enable-leader-election=true", "--cert-manager-enabled=false", "-tls-cert-dir=/a"} {
		o, err = parseOptions([]string{form}, environment(nil), io.Discard)
		require.NoError(t, err)
		require.Len(t, o.ignored, 1, form)
	}
}

func TestTheDaemonWarnsOfFlagsWithoutEffect(t *testing.T) {
	var log bytes.Buffer
	o, err := parseOptions([]string{"--disable-webhooks", "--kubeconfig=/nowhere"}, environment(nil), io.Discard)
	require.NoError(t, err)
	require.ErrorContains(t, run(t.Context(), o, newLogger(o, &log)), "no API server")
	require.Regexp(t, regexp.MustCompile(`"level":"WARN","msg":"--disable-webhooks has no effect: `), log.String())
	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	require.Len(t, slices.DeleteFunc(lines, func(l string) bool { return !strings.Contains(l, "no effect") }), 1)
}
