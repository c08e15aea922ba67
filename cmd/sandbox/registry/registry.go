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

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/remote"
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
	command.AddCommand(digestCommand())
	return command
}

// digestCommand tells apart two images that had the same tag one after the other.
func digestCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "digest REFERENCE",
		Short: "Print the digest of an image",
		Args:  cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			reference, err := name.ParseReference(args[0], name.Insecure)
			if err != nil {
				return fmt.Errorf("image reference %q: %w", args[0], err)
			}
			descriptor, err := remote.Head(reference, remote.WithContext(command.Context()))
			if err != nil {
				return fmt.Errorf("ask the registry for %s: %w", args[0], err)
			}
			_, err = fmt.Fprintln(command.OutOrStdout(), descriptor.Digest)
			return err
		},
	}
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
