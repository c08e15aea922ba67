// Package loadbalancer gives Services of type LoadBalancer an address out of a pool. The address belongs to no network
// interface: kube-proxy's rules know it, and the host has a route to where those rules are.
package loadbalancer
