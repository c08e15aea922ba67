// Package images builds the container images that the sandbox needs out of what package registries have: Debian
// packages and Maven artifacts. No container engine takes part: an image is tar files, a configuration and a manifest.
//
// A built image is a directory in OCI layout, named by the hash of everything that went into it, so that a second
// build finds it there:
//
//	recipe ── Key() ──> images/kafka-4.3.1-<key>/ ── push ──> 127.0.0.1:5000/koperator/kafka:4.3.1
package images
