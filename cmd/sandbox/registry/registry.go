package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/spf13/cobra"
)

// Command is "sandbox registry".
func Command() *cobra.Command {
	var blobs, manifests string
	var listen []string
	command := &cobra.Command{
		Use:   "registry",
		Short: "Serve container images from the disk",
		Args:  cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			handler, err := Handler(blobs, manifests)
			if err != nil {
				return err
			}
			return serve(command.Context(), handler, listen)
		},
	}
	command.Flags().StringVar(&blobs, "blobs", "", "directory of blobs")
	command.Flags().StringVar(&manifests, "manifests", "", "directory of manifests")
	command.Flags().StringSliceVar(&listen, "listen", []string{"127.0.0.1:5000"}, "addresses to listen on")
	return command
}

// Handler serves the registry protocol.
func Handler(blobs, manifestDir string) (http.Handler, error) {
	if blobs == "" || manifestDir == "" {
		return nil, errors.New("--blobs and --manifests are required")
	}
	if err := os.MkdirAll(blobs, 0o755); err != nil {
		return nil, fmt.Errorf("create the directory of blobs: %w", err)
	}
	m := &manifests{dir: manifestDir, next: registry.New(
		registry.WithBlobHandler(registry.NewDiskBlobHandler(blobs)),
		registry.Logger(log.New(io.Discard, "", 0)),
	)}
	if err := m.replay(); err != nil {
		return nil, err
	}
	return m, nil
}

func serve(ctx context.Context, handler http.Handler, addresses []string) error {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	failed := make(chan error, len(addresses))
	for _, address := range addresses {
		listener, err := net.Listen("tcp", address)
		if err != nil {
			return fmt.Errorf("listen on %s: %w", address, err)
		}
		go func() { failed <- server.Serve(listener) }()
	}
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
		return server.Close()
	}
}
