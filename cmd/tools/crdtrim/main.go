// Command crdtrim makes generated CRDs small enough for plain kubectl apply.
//
// kubectl keeps a copy of what it applied in an annotation, and annotations end at 262,144 bytes. A KafkaCluster embeds
// containers, volumes and affinities in many places; with the texts of all their fields its CRD is three times too large.
// crdtrim walks the schema beside the Go types and drops the descriptions inside types that are not this repository's:
// kubectl explain pod has them too. The texts of our own fields stay.
//
//	go -C cmd/tools run ./crdtrim -root ../.. ../../deploy/crds/*.yaml
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"

	"sigs.k8s.io/yaml"
)

func main() {
	root := flag.String("root", ".", "directory of the module that holds the API types")
	types := flag.String("types", "./kube/api/...", "packages of the API types, below root")
	limit := flag.Int("max-bytes", 255_000, "largest CRD as JSON; the API server takes annotations of 262,144 bytes in sum")
	flag.Parse()
	if err := run(*root, *types, *limit, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "crdtrim:", err)
		os.Exit(1)
	}
}

func run(root, pattern string, limit int, files []string) error {
	kinds, err := loadKinds(root, pattern)
	if err != nil {
		return err
	}
	for _, file := range files {
		if err := trimFile(file, kinds, limit); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
	}
	return nil
}

func trimFile(file string, kinds *kinds, limit int) error {
	content, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var crd map[string]any
	if err := yaml.Unmarshal(content, &crd); err != nil {
		return err
	}
	if err := trimCRD(crd, kinds); err != nil {
		return err
	}
	if err := checkSize(crd, limit); err != nil {
		return err
	}
	trimmed, err := yaml.Marshal(crd)
	if err != nil {
		return err
	}
	return os.WriteFile(file, append([]byte("---\n"), trimmed...), 0o644)
}

func checkSize(crd map[string]any, limit int) error {
	asJSON, err := json.Marshal(crd)
	if err != nil {
		return err
	}
	if len(asJSON) > limit {
		return fmt.Errorf("%d bytes as JSON, %d are allowed: shorten the comments of our own fields, "+
			"or embed one Kubernetes type less", len(asJSON), limit)
	}
	return nil
}
