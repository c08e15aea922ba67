package images

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/koperator-go/koperator/cmd/sandbox/machine"
)

//go:embed sources/pause/main.go.txt
var pauseSource string

// Pause is the image that keeps a Pod's namespaces open.
func Pause() Recipe {
	return Recipe{
		Name: "pause", Tag: "1",
		Inputs: []string{pauseSource, runtime.GOARCH},
		Build: func(ctx context.Context, _ Store, scratch string) (v1.Image, error) {
			source := filepath.Join(scratch, "main.go")
			if err := os.WriteFile(source, []byte(pauseSource), 0o644); err != nil {
				return nil, fmt.Errorf("write the source: %w", err)
			}
			program := filepath.Join(scratch, "pause")
			err := machine.Run(ctx, "env", "CGO_ENABLED=0", "GO111MODULE=off", "GOFLAGS=", "go", "build", "-trimpath", "-ldflags=-s -w", "-o", program, source)
			if err != nil {
				return nil, err
			}
			file, err := fileEntry("pause", program, 0o755)
			if err != nil {
				return nil, err
			}
			layer, err := layerOfEntries([]entry{file})
			if err != nil {
				return nil, err
			}
			return imageOf(v1.Config{Entrypoint: []string{"/pause"}, User: "65535:65535"}, layer)
		},
	}
}
