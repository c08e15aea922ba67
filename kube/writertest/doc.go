// Package writertest is the contract between kube.Writer and an API server: what the daemon's writes do there, one behaviour
// each. The simulation's own API server keeps it in both of its worlds (actors/simulation), and a real kube-apiserver does
// (cmd/e2e, TestWriter), so that the first cannot drift from the second.
//
// A behaviour is here when the daemon counts on it. What takes a kubelet, or a controller that answers in its own time, is not.
//
// Only tests import this package.
package writertest
