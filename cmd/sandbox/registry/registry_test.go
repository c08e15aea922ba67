package registry

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/stretchr/testify/require"
)

func TestATagOutlivesTheRegistrysProcess(t *testing.T) {
	blobs, manifests := t.TempDir(), t.TempDir()
	index, err := random.Index(64, 1, 2)
	require.NoError(t, err)
	digest, err := index.Digest()
	require.NoError(t, err)

	require.NoError(t, remote.WriteIndex(tag(t, start(t, blobs, manifests)), index))
	descriptor, err := remote.Get(tag(t, start(t, blobs, manifests)))
	require.NoError(t, err)
	require.Equal(t, digest, descriptor.Digest)
	found, err := descriptor.ImageIndex()
	require.NoError(t, err)
	list, err := found.IndexManifest()
	require.NoError(t, err)
	image, err := found.Image(list.Manifests[1].Digest)
	require.NoError(t, err)
	layers, err := image.Layers()
	require.NoError(t, err)
	require.Len(t, layers, 1)
	_, err = layers[0].Compressed()
	require.NoError(t, err, "the blobs are there, too")
}

func TestDirectoriesAreRequired(t *testing.T) {
	_, err := Handler("", t.TempDir())
	require.ErrorContains(t, err, "--blobs")
}

func start(t *testing.T, blobs, manifests string) string {
	t.Helper()
	handler, err := Handler(blobs, manifests)
	require.NoError(t, err)
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

func tag(t *testing.T, host string) name.Tag {
	t.Helper()
	reference, err := name.NewTag(host+"/koperator/kafka:4.3.1", name.Insecure)
	require.NoError(t, err)
	return reference
}
