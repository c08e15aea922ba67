// Package daemon builds the operator and runs it as a process of its own, as it would run in a Pod: what it costs is
// read from the kernel, and what it does from its log.
package daemon
