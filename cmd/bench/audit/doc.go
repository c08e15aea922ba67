// Package audit counts requests in the audit log of a kube-apiserver: who sent how many of what, and when. It is the
// only judge of what the daemon costs an API server, since a counter inside the daemon would not see what libraries
// send on their own.
package audit
