// Package machine changes the machine on behalf of one instance, and changes it back: Debian packages, claims on
// subnets, cgroups, the network namespace, mounts and processes. Each "ensure" may be repeated; each "remove" works on
// whatever an earlier run, ended at any moment, has left.
package machine
