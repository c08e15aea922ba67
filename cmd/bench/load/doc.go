// Package load makes what a measurement puts into an API server: KafkaClusters, the floor (the very objects that the
// daemon wrote, written once more by a client that does nothing else), and objects of other people.
package load
