package kube

import _ "embed"

// defaultJMXRules are used unless monitoringConfig has the user's own. The names are those that Koperator's dashboards
// and alerts know; a test reads examples through them.
//
//go:embed jmxrules.yaml
var defaultJMXRules string
