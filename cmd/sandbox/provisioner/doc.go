// Package provisioner makes PersistentVolumes out of directories: one directory under the node's own for each claim
// that waits for it. Capacity is a number only; nothing limits what a volume holds. Growing a claim succeeds at once,
// and a released volume takes its directory with it.
package provisioner
