package images

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// A Recipe makes one image.
type Recipe struct {
	Name, Tag string
	// Inputs is all that decides what comes out; two recipes with equal inputs make the same image.
	Inputs []string
	// Build may use the scratch directory; the store caches what other recipes share.
	Build func(ctx context.Context, s Store, scratch string) (v1.Image, error)
}

// Store keeps built images and their parts by content.
type Store struct {
	Dir string
	Say func(format string, args ...any)
}

// Key names the image's content.
func (r Recipe) Key() string { return key(append([]string{r.Name, r.Tag}, r.Inputs...)) }

func key(inputs []string) string {
	hash := sha256.New()
	for _, input := range inputs {
		fmt.Fprintf(hash, "%d:%s\n", len(input), input)
	}
	return hex.EncodeToString(hash.Sum(nil))[:16]
}

// Ensure returns the image, built now or earlier.
func (s Store) Ensure(ctx context.Context, r Recipe) (v1.Image, error) {
	path, err := s.part(ctx, r.Name+"-"+r.Tag, r.Key(), func(ctx context.Context, into string) error {
		scratch, err := os.MkdirTemp(s.Dir, "build-*")
		if err != nil {
			return fmt.Errorf("create a directory to build in: %w", err)
		}
		defer os.RemoveAll(scratch)
		image, err := r.Build(ctx, s, scratch)
		if err != nil {
			return err
		}
		return writeLayout(into, image)
	})
	if err != nil {
		return nil, fmt.Errorf("image %s:%s: %w", r.Name, r.Tag, err)
	}
	return readLayout(path)
}

// part returns the path of something that is made once. A lock keeps two instances from making it at the same time,
// and a rename at the end keeps half-made things out.
func (s Store) part(ctx context.Context, name, key string, build func(ctx context.Context, into string) error) (string, error) {
	path := filepath.Join(s.Dir, name+"-"+key)
	if exists(path) {
		return path, nil
	}
	if err := os.MkdirAll(s.Dir, 0o755); err != nil {
		return "", fmt.Errorf("create the directory of images: %w", err)
	}
	unlock, err := lock(filepath.Join(s.Dir, "."+name+".lock"))
	if err != nil {
		return "", err
	}
	defer unlock()
	if exists(path) {
		return path, nil
	}
	started := time.Now()
	s.Say("building %s …", name)
	temporary := path + ".new"
	if err := os.RemoveAll(temporary); err != nil {
		return "", fmt.Errorf("remove what an earlier run left: %w", err)
	}
	if err := build(ctx, temporary); err != nil {
		return "", errors.Join(err, os.RemoveAll(temporary))
	}
	if err := os.Rename(temporary, path); err != nil {
		return "", fmt.Errorf("keep %s: %w", name, err)
	}
	s.Say("built %s in %.1f s", name, time.Since(started).Seconds())
	return path, nil
}

func writeLayout(path string, image v1.Image) error {
	config, err := image.ConfigFile()
	if err != nil {
		return fmt.Errorf("read the image's configuration: %w", err)
	}
	index, err := layout.Write(path, emptyIndex())
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	platform := v1.Platform{OS: config.OS, Architecture: config.Architecture}
	if err := index.AppendImage(image, layout.WithPlatform(platform)); err != nil {
		return fmt.Errorf("write the image: %w", err)
	}
	return nil
}

func readLayout(path string) (v1.Image, error) {
	index, err := layout.ImageIndexFromPath(path)
	if err != nil {
		return nil, fmt.Errorf("read %s (remove it to build it anew): %w", path, err)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		return nil, fmt.Errorf("read %s (remove it to build it anew): %w", path, err)
	}
	if len(manifest.Manifests) != 1 {
		return nil, fmt.Errorf("%s holds %d images instead of one; remove it to build it anew", path, len(manifest.Manifests))
	}
	return index.Image(manifest.Manifests[0].Digest)
}

// Push brings the image to a registry unless it is there.
func Push(ctx context.Context, image v1.Image, reference string) (pushed bool, err error) {
	tag, err := name.NewTag(reference, name.Insecure)
	if err != nil {
		return false, fmt.Errorf("image reference %q: %w", reference, err)
	}
	digest, err := image.Digest()
	if err != nil {
		return false, fmt.Errorf("digest of %s: %w", reference, err)
	}
	have, err := remote.Head(tag, remote.WithContext(ctx))
	if err == nil && have.Digest == digest {
		return false, nil
	}
	var refused *transport.Error
	if err != nil && (!errors.As(err, &refused) || refused.StatusCode != http.StatusNotFound) {
		return false, fmt.Errorf("ask the registry for %s: %w", reference, err)
	}
	if err := remote.Write(tag, image, remote.WithContext(ctx)); err != nil {
		return false, fmt.Errorf("push %s: %w", reference, err)
	}
	return true, nil
}

func lock(path string) (unlock func(), err error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open a lock: %w", err)
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX); err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("take a lock: %w", err)
	}
	return func() { _ = file.Close() }, nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
