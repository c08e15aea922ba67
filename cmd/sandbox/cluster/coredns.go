package cluster

import (
	_ "embed"
	"path/filepath"

	"github.com/koperator-go/koperator/cmd/sandbox/plan"
)

//go:embed coredns/main.go.txt
var coreDNSMain string

//go:embed coredns/go.mod.txt
var coreDNSModule string

//go:embed coredns/go.sum.txt
var coreDNSSums string

func coreDNSSources(dir string) []plan.File {
	return []plan.File{
		{Path: filepath.Join(dir, "main.go"), Content: coreDNSMain},
		{Path: filepath.Join(dir, "go.mod"), Content: coreDNSModule},
		{Path: filepath.Join(dir, "go.sum"), Content: coreDNSSums},
	}
}
