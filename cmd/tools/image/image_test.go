package main

import (
	"archive/tar"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/stretchr/testify/require"
)

func testIndex(t *testing.T) v1.ImageIndex {
	t.Helper()
	var built []platformImage
	for _, architecture := range []string{"amd64", "arm64"} {
		platform := v1.Platform{OS: "linux", Architecture: architecture}
		image, err := imageOf([]byte("binary for "+architecture), platform, "v1", []byte("authorities"))
		require.NoError(t, err)
		built = append(built, platformImage{platform: platform, image: image})
	}
	return indexOf(built)
}

func TestPlatforms(t *testing.T) {
	for name, test := range map[string]struct {
		text string
		want []string
	}{
		"one platform":                   {"linux/amd64", []string{"linux/amd64"}},
		"spaces around commas are taken": {"linux/amd64, linux/arm64", []string{"linux/amd64", "linux/arm64"}},
		"other systems are refused":      {"windows/amd64", nil},
		"an empty list is refused":       {"", nil},
		"variants are refused":           {"linux/arm/v7", nil},
	} {
		t.Run(name, func(t *testing.T) {
			platforms, err := parsePlatforms(test.text)
			if test.want == nil {
				require.ErrorContains(t, err, "--platforms")
				return
			}
			require.NoError(t, err)
			require.Equal(t, test.want, names(platforms))
		})
	}
}

func TestTheSameFilesGiveTheSameImage(t *testing.T) {
	first, err := testIndex(t).Digest()
	require.NoError(t, err)
	second, err := testIndex(t).Digest()
	require.NoError(t, err)
	require.Equal(t, first, second)
}

func TestTheImageRunsAsAUserThatIsNotRoot(t *testing.T) {
	image, err := imageOf([]byte("binary"), v1.Platform{OS: "linux", Architecture: "arm64"}, "v1", nil)
	require.NoError(t, err)
	config, err := image.ConfigFile()
	require.NoError(t, err)
	require.Equal(t, "65532:65532", config.Config.User)
	require.Equal(t, []string{"/koperator"}, config.Config.Entrypoint)
	require.Equal(t, "arm64", config.Architecture)
	found := contents(t, mutate.Extract(image))
	require.Equal(t, "binary", found["koperator"])
	require.Contains(t, found["etc/passwd"], "nonroot:x:65532:65532")
	require.NotContains(t, found, authorities, "a machine without certificate authorities")
}

func TestAPushedImageServesBothPlatforms(t *testing.T) {
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	defer server.Close()
	reference := strings.TrimPrefix(server.URL, "http://") + "/koperator/koperator:dev"
	index := testIndex(t)
	digest, err := push(context.Background(), index, reference)
	require.NoError(t, err)
	tag, err := name.NewTag(reference, name.Insecure)
	require.NoError(t, err)
	descriptor, err := remote.Get(tag)
	require.NoError(t, err)
	require.Equal(t, digest, descriptor.Digest.String())
	image, err := remote.Image(tag, remote.WithPlatform(v1.Platform{OS: "linux", Architecture: "arm64"}))
	require.NoError(t, err)
	require.Equal(t, "binary for arm64", contents(t, mutate.Extract(image))["koperator"])
}

func TestAPushSendsTheCredentialsOfALogin(t *testing.T) {
	images := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "user" || password != "word" {
			w.Header().Set("WWW-Authenticate", `Basic realm="registry"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		images.ServeHTTP(w, r)
	}))
	defer server.Close()
	host := strings.TrimPrefix(server.URL, "http://")
	config := t.TempDir()
	t.Setenv("DOCKER_CONFIG", config)
	_, err := push(context.Background(), testIndex(t), host+"/koperator/koperator:dev")
	require.ErrorContains(t, err, "401")
	login := `{"auths":{"` + host + `":{"auth":"` + base64.StdEncoding.EncodeToString([]byte("user:word")) + `"}}}`
	require.NoError(t, os.WriteFile(filepath.Join(config, "config.json"), []byte(login), 0o600))
	_, err = push(context.Background(), testIndex(t), host+"/koperator/koperator:dev")
	require.NoError(t, err)
}

func TestAPackedLayoutSaysHowTheImageIsCalled(t *testing.T) {
	output := filepath.Join(t.TempDir(), "build", "image.tar")
	require.NoError(t, write(testIndex(t), "koperator:latest", output, t.TempDir()))
	file, err := os.Open(output)
	require.NoError(t, err)
	defer file.Close()
	found := contents(t, file)
	require.Contains(t, found, "oci-layout")
	require.Contains(t, found["index.json"], `"io.containerd.image.name": "docker.io/library/koperator:latest"`)
	require.NoFileExists(t, output+".new")
}

func TestOnlyThisMachinesRegistriesAreSpokenToInPlainHTTP(t *testing.T) {
	require.NotEmpty(t, nameOptions("127.0.0.1:5000/koperator/koperator:dev"))
	require.NotEmpty(t, nameOptions("localhost:5000/koperator:dev"))
	require.Empty(t, nameOptions("registry.example.com/koperator:dev"))
}

func TestWithoutADestinationNothingIsBuilt(t *testing.T) {
	require.ErrorContains(t, run(context.Background(), options{platforms: "linux/amd64"}), "--output")
}

func contents(t *testing.T, source io.Reader) map[string]string {
	t.Helper()
	found := map[string]string{}
	reader := tar.NewReader(source)
	for {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return found
		}
		require.NoError(t, err)
		text, err := io.ReadAll(reader)
		require.NoError(t, err)
		found[header.Name] = string(text)
	}
}
