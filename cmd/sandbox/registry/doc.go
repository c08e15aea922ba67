// Package registry serves container images from the disk: blobs by content, tags as files that are replayed at start.
// The library below keeps manifests in memory only.
package registry
