// Package pki makes the keys, certificates and kubeconfigs of an instance. They live as long as the cluster; the
// authority's key never leaves the instance's directory.
package pki
