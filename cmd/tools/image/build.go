package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

type platformImage struct {
	platform v1.Platform
	image    v1.Image
}

func parsePlatforms(text string) ([]v1.Platform, error) {
	var platforms []v1.Platform
	for part := range strings.SplitSeq(text, ",") {
		os, architecture, found := strings.Cut(strings.TrimSpace(part), "/")
		if !found || os != "linux" || architecture == "" || strings.Contains(architecture, "/") {
			return nil, fmt.Errorf("--platforms %q: write them like linux/amd64,linux/arm64", text)
		}
		platforms = append(platforms, v1.Platform{OS: os, Architecture: architecture})
	}
	return platforms, nil
}

func names(platforms []v1.Platform) []string {
	list := make([]string, 0, len(platforms))
	for _, p := range platforms {
		list = append(list, p.String())
	}
	return list
}

// compile makes a static binary: the image has no C library.
func compile(ctx context.Context, o options, p v1.Platform, scratch string) ([]byte, error) {
	path := filepath.Join(scratch, "koperator-"+p.Architecture)
	command := exec.CommandContext(ctx, "go", "build", "-C", o.root, "-trimpath", "-ldflags=-s -w", "-o", path, o.pkg)
	command.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+p.OS, "GOARCH="+p.Architecture)
	command.Stdout, command.Stderr = os.Stderr, os.Stderr
	if err := command.Run(); err != nil {
		return nil, fmt.Errorf("compile %s for %s: %w", o.pkg, p, err)
	}
	binary, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the binary: %w", err)
	}
	return binary, nil
}

// authorities is where Go looks for certificate authorities.
const authorities = "etc/ssl/certs/ca-certificates.crt"

// readAuthorities returns this machine's, which Cruise Control or webhooks behind public certificates need; nil if it
// has none.
func readAuthorities() []byte {
	bundle, err := os.ReadFile("/" + authorities)
	if err != nil {
		return nil
	}
	return bundle
}

// user is "nonroot" of distroless images, so that a Pod that may not run as root takes it.
const user = "65532"

func imageOf(binary []byte, p v1.Platform, version string, bundle []byte) (v1.Image, error) {
	layer, err := layerOf(files(binary, bundle))
	if err != nil {
		return nil, err
	}
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	image, err = mutate.AppendLayers(image, layer)
	if err != nil {
		return nil, fmt.Errorf("append the layer: %w", err)
	}
	config, err := image.ConfigFile()
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	config = config.DeepCopy()
	config.OS, config.Architecture, config.Variant = p.OS, p.Architecture, p.Variant
	config.Config = v1.Config{
		Entrypoint: []string{"/koperator"},
		User:       user + ":" + user,
		WorkingDir: "/",
		Env:        []string{"PATH=/"},
		Labels: map[string]string{
			"org.opencontainers.image.title":       "koperator",
			"org.opencontainers.image.description": "Apache Kafka operator for Kubernetes",
			"org.opencontainers.image.licenses":    "Apache-2.0",
			"org.opencontainers.image.source":      "https://github.com/koperator-go/koperator",
			"org.opencontainers.image.version":     version,
		},
	}
	image, err = mutate.ConfigFile(image, config)
	if err != nil {
		return nil, fmt.Errorf("set the configuration: %w", err)
	}
	return image, nil
}

// A file of the layer; a nil content is a directory.
type file struct {
	path    string
	mode    int64
	content []byte
}

func files(binary, bundle []byte) []file {
	list := []file{
		{path: "etc", mode: 0o755},
		{path: "etc/passwd", mode: 0o644, content: []byte("root:x:0:0:root:/:/sbin/nologin\nnonroot:x:" + user + ":" + user + ":nonroot:/:/sbin/nologin\n")},
		{path: "etc/group", mode: 0o644, content: []byte("root:x:0:\nnonroot:x:" + user + ":\n")},
	}
	if bundle != nil {
		list = append(list,
			file{path: "etc/ssl", mode: 0o755}, file{path: "etc/ssl/certs", mode: 0o755},
			file{path: authorities, mode: 0o644, content: bundle})
	}
	return append(list, file{path: "tmp", mode: 0o1777}, file{path: "koperator", mode: 0o755, content: binary})
}

// layerOf depends on nothing but the files: the same source gives the same image.
func layerOf(list []file) (v1.Layer, error) {
	var buffer bytes.Buffer
	writer := tar.NewWriter(&buffer)
	for _, f := range list {
		header := &tar.Header{Typeflag: tar.TypeReg, Name: f.path, Mode: f.mode, Size: int64(len(f.content)), ModTime: time.Unix(0, 0)}
		if f.content == nil {
			header.Typeflag, header.Name = tar.TypeDir, f.path+"/"
		}
		if err := writer.WriteHeader(header); err != nil {
			return nil, fmt.Errorf("pack %s: %w", f.path, err)
		}
		if _, err := writer.Write(f.content); err != nil {
			return nil, fmt.Errorf("pack %s: %w", f.path, err)
		}
	}
	if err := writer.Close(); err != nil {
		return nil, fmt.Errorf("pack the layer: %w", err)
	}
	open := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(buffer.Bytes())), nil }
	layer, err := tarball.LayerFromOpener(open, tarball.WithCompressionLevel(gzip.BestSpeed), tarball.WithMediaType(types.OCILayer))
	if err != nil {
		return nil, fmt.Errorf("make the layer: %w", err)
	}
	return layer, nil
}

func indexOf(images []platformImage) v1.ImageIndex {
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, i := range images {
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: i.image, Descriptor: v1.Descriptor{Platform: &i.platform}})
	}
	return index
}
