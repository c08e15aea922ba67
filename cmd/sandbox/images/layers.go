package images

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path"
	"runtime"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// layerOptions: these images never leave the machine, so that compressing them once and expanding them once per node
// would be lost time.
func layerOptions() []tarball.LayerOption {
	return []tarball.LayerOption{tarball.WithCompressionLevel(gzip.NoCompression), tarball.WithMediaType(types.OCILayer)}
}

func emptyIndex() v1.ImageIndex { return mutate.IndexMediaType(empty.Index, types.OCIImageIndex) }

// layerOf is a layer of a tar file.
func layerOf(path string) (v1.Layer, error) {
	layer, err := tarball.LayerFromFile(path, layerOptions()...)
	if err != nil {
		return nil, fmt.Errorf("make a layer of %s: %w", path, err)
	}
	return layer, nil
}

// An entry is a file of a small layer; without content it is a directory, with a link a symbolic link.
type entry struct {
	path    string
	mode    int64
	content []byte
	link    string
}

// layerOfEntries is a layer whose bytes depend on the entries alone.
func layerOfEntries(entries []entry) (v1.Layer, error) {
	var buffer bytes.Buffer
	writer := tar.NewWriter(&buffer)
	for _, e := range entries {
		if err := writer.WriteHeader(e.header()); err != nil {
			return nil, fmt.Errorf("pack %s: %w", e.path, err)
		}
		if _, err := writer.Write(e.content); err != nil {
			return nil, fmt.Errorf("pack %s: %w", e.path, err)
		}
	}
	if err := writer.Close(); err != nil {
		return nil, fmt.Errorf("pack a layer: %w", err)
	}
	open := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(buffer.Bytes())), nil }
	return tarball.LayerFromOpener(open, layerOptions()...)
}

func (e entry) header() *tar.Header {
	header := &tar.Header{Name: path.Clean(e.path), Mode: e.mode, ModTime: time.Unix(0, 0), Format: tar.FormatPAX}
	switch {
	case e.link != "":
		header.Typeflag, header.Linkname, header.Mode = tar.TypeSymlink, e.link, 0o777
	case e.content == nil:
		header.Typeflag, header.Name = tar.TypeDir, header.Name+"/"
	default:
		header.Typeflag, header.Size = tar.TypeReg, int64(len(e.content))
	}
	return header
}

// imageOf puts layers and configuration together, for this machine's architecture.
func imageOf(config v1.Config, layers ...v1.Layer) (v1.Image, error) {
	image := mutate.MediaType(empty.Image, types.OCIManifestSchema1)
	image = mutate.ConfigMediaType(image, types.OCIConfigJSON)
	image, err := mutate.AppendLayers(image, layers...)
	if err != nil {
		return nil, fmt.Errorf("append layers: %w", err)
	}
	file, err := image.ConfigFile()
	if err != nil {
		return nil, fmt.Errorf("read the image's configuration: %w", err)
	}
	file = file.DeepCopy()
	file.OS, file.Architecture = "linux", runtime.GOARCH
	file.Config = config
	image, err = mutate.ConfigFile(image, file)
	if err != nil {
		return nil, fmt.Errorf("set the image's configuration: %w", err)
	}
	return image, nil
}

func fileEntry(target, source string, mode int64) (entry, error) {
	content, err := os.ReadFile(source)
	if err != nil {
		return entry{}, fmt.Errorf("read %s: %w", source, err)
	}
	return entry{path: target, mode: mode, content: content}, nil
}
