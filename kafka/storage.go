package kafka

import (
	"path"
	"slices"
	"strings"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
)

// LogDir is Kafka's log dir on a volume that is mounted at a path. It is a directory below the mount, since the root of
// a file system may hold lost+found, and Kafka takes every directory in a log dir for a partition.
func LogDir(mountPath string) string { return path.Join(mountPath, "kafka") }

// LogDirs are the log dirs of a node in the order of log.dirs; the first one holds the metadata log. Mount paths that
// left the spec while Kafka still has replicas on them stay at the end until they are empty.
func LogDirs(config *v1beta1.BrokerConfig, draining []string) []string {
	var dirs []string
	add := func(mountPath string) {
		if dir := LogDir(mountPath); !slices.Contains(dirs, dir) {
			dirs = append(dirs, dir)
		}
	}
	for _, storage := range config.StorageConfigs {
		add(storage.MountPath)
	}
	for _, mountPath := range draining {
		add(mountPath)
	}
	return dirs
}

func storageProperties(in RenderInput) Properties {
	return Properties{"log.dirs": strings.Join(LogDirs(in.Config, in.Draining), ",")}
}
