package main

import (
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"k8s.io/apimachinery/pkg/types"
)

// options are what flags and environment say.
type options struct {
	namespaces []string
	// namespacesText is the flag as it was written: the lease's name is made from it.
	namespacesText string
	metricsAddress string
	probesAddress  string
	kubeconfig     string
	leaseNamespace string
	// pod is the daemon's own Pod; it has no name outside of one.
	pod       types.NamespacedName
	logFormat string
	logLevel  slog.Level
	// ignored are flags that were given and have no effect, with the reason.
	ignored []string
}

// withoutEffect are flags of Koperator that manifests may carry and that mean nothing here, with the reason.
func withoutEffect() map[string]string {
	const (
		webhooks = "this version has no admission webhook; the same checks become conditions"
		security = "this version manages no certificates"
	)
	return map[string]string{
		"enable-leader-election":                "a lease is always held, so that two daemons never act at once",
		"disable-webhooks":                      webhooks,
		"tls-cert-dir":                          webhooks,
		"webhook-server-port":                   webhooks,
		"cert-manager-enabled":                  security,
		"cert-manager-namespace":                security,
		"disable-cert-signing-support":          security,
		"contour-enabled":                       "this version makes no Contour objects",
		"max-kafka-topic-concurrent-reconciles": "this version does not manage topics",
	}
}

// boolean are those of them that need no value.
func boolean(name string) bool {
	switch name {
	case "tls-cert-dir", "webhook-server-port", "cert-manager-namespace", "max-kafka-topic-concurrent-reconciles":
		return false
	default:
		return true
	}
}

// parseOptions reads flags, and the environment where a flag leaves a thing open. Unknown flags are refused.
func parseOptions(args []string, env func(string) string, output io.Writer) (options, error) {
	o := options{}
	flags := flag.NewFlagSet("koperator", flag.ContinueOnError)
	flags.SetOutput(output)
	flags.StringVar(&o.namespacesText, "namespaces", "",
		"namespaces to watch, separated by commas; empty: WATCH_NAMESPACE, or all")
	flags.StringVar(&o.metricsAddress, "metrics-addr", ":8080", "where /metrics is served")
	flags.StringVar(&o.probesAddress, "health-probes-addr", ":8081", "where /healthz and /readyz are served")
	flags.StringVar(&o.kubeconfig, "kubeconfig", "", "kubeconfig to use; empty: that of the Pod, or KUBECONFIG")
	flags.StringVar(&o.leaseNamespace, "lease-namespace", "",
		"namespace of the lease; empty: that of the Pod, or default")
	flags.StringVar(&o.logFormat, "log-format", "json", "json or text")
	level := flags.String("log-level", "info", "debug, info, warn or error")
	verbose := flags.Bool("verbose", false, "log at level debug")
	development := flags.Bool("development", false, "log as text")
	reasons := withoutEffect()
	for name, reason := range reasons {
		ignore := func(string) error {
			o.ignored = append(o.ignored, fmt.Sprintf("--%s has no effect: %s", name, reason))
			return nil
		}
		if boolean(name) {
			flags.BoolFunc(name, "without effect: "+reason, ignore)
		} else {
			flags.Func(name, "without effect: "+reason, ignore)
		}
	}
	if err := flags.Parse(args); err != nil {
		return options{}, err
	}
	if flags.NArg() > 0 {
		return options{}, fmt.Errorf("%q is no flag; see --help", flags.Arg(0))
	}
	if o.namespacesText == "" {
		o.namespacesText = env("WATCH_NAMESPACE")
	}
	o.namespaces = splitNamespaces(o.namespacesText)
	if err := o.logLevel.UnmarshalText([]byte(*level)); err != nil {
		return options{}, fmt.Errorf("--log-level: %q is none of debug, info, warn, error", *level)
	}
	if *verbose {
		o.logLevel = slog.LevelDebug
	}
	if *development {
		o.logFormat = "text"
	}
	if o.logFormat != "json" && o.logFormat != "text" {
		return options{}, fmt.Errorf("--log-format: %q is neither json nor text", o.logFormat)
	}
	o.pod = types.NamespacedName{Namespace: podNamespace(env), Name: env("POD_NAME")}
	if o.leaseNamespace == "" {
		o.leaseNamespace = o.pod.Namespace
	}
	return o, nil
}

func splitNamespaces(text string) []string {
	var namespaces []string
	for _, part := range strings.Split(text, ",") {
		if part = strings.TrimSpace(part); part != "" {
			namespaces = append(namespaces, part)
		}
	}
	return namespaces
}

const namespaceFile = "/var/run/secrets/kubernetes.io/serviceaccount/namespace"

func podNamespace(env func(string) string) string {
	if namespace := env("POD_NAMESPACE"); namespace != "" {
		return namespace
	}
	if text, err := os.ReadFile(namespaceFile); err == nil {
		return strings.TrimSpace(string(text))
	}
	return "default"
}

func newLogger(o options, output io.Writer) *slog.Logger {
	handlerOptions := &slog.HandlerOptions{Level: o.logLevel}
	if o.logFormat == "text" {
		return slog.New(slog.NewTextHandler(output, handlerOptions))
	}
	return slog.New(slog.NewJSONHandler(output, handlerOptions))
}
