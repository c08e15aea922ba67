package main

import (
	"archive/tar"
	"context"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// write writes an OCI layout, as a directory or packed.
func write(index v1.ImageIndex, imageName, output, scratch string) error {
	packed := strings.HasSuffix(output, ".tar")
	dir := output
	if packed {
		dir = filepath.Join(scratch, "layout")
	}
	if err := os.MkdirAll(filepath.Dir(output), 0o755); err != nil {
		return fmt.Errorf("create the directory of --output: %w", err)
	}
	annotations, err := loadNames(imageName)
	if err != nil {
		return err
	}
	path, err := layout.Write(dir, empty.Index)
	if err != nil {
		return fmt.Errorf("write the layout: %w", err)
	}
	if err := path.AppendIndex(index, layout.WithAnnotations(annotations)); err != nil {
		return fmt.Errorf("write the image: %w", err)
	}
	if !packed {
		return nil
	}
	return packLayout(dir, output)
}

// loadNames tell whoever loads the layout how the image is called.
func loadNames(imageName string) (map[string]string, error) {
	tag, err := name.NewTag(imageName)
	if err != nil {
		return nil, fmt.Errorf("--name: %w", err)
	}
	return map[string]string{
		// containerd calls Docker's registry by its short name
		"io.containerd.image.name":          strings.Replace(tag.Name(), "index.docker.io/", "docker.io/", 1),
		"org.opencontainers.image.ref.name": tag.TagStr(),
	}, nil
}

// packLayout writes beside the target and renames: a file that is there is whole.
func packLayout(dir, output string) (err error) {
	target, err := os.Create(output + ".new")
	if err != nil {
		return fmt.Errorf("create --output: %w", err)
	}
	defer func() {
		if closed := target.Close(); err == nil {
			err = closed
		}
		if err == nil {
			err = os.Rename(output+".new", output)
		}
	}()
	writer := tar.NewWriter(target)
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		return packFile(writer, dir, path)
	})
	if err != nil {
		return fmt.Errorf("pack the layout: %w", err)
	}
	return writer.Close()
}

func packFile(writer *tar.Writer, dir, path string) error {
	relative, err := filepath.Rel(dir, path)
	if err != nil {
		return err
	}
	source, err := os.Open(path)
	if err != nil {
		return err
	}
	defer source.Close()
	info, err := source.Stat()
	if err != nil {
		return err
	}
	header := &tar.Header{Typeflag: tar.TypeReg, Name: filepath.ToSlash(relative), Mode: 0o644, Size: info.Size(), ModTime: time.Unix(0, 0)}
	if err := writer.WriteHeader(header); err != nil {
		return err
	}
	_, err = io.Copy(writer, source)
	return err
}

// push sends the credentials that a login of docker, podman or crane left in config.json (DOCKER_CONFIG, or ~/.docker).
func push(ctx context.Context, index v1.ImageIndex, reference string) (digest string, err error) {
	tag, err := name.NewTag(reference, nameOptions(reference)...)
	if err != nil {
		return "", fmt.Errorf("--push: %w", err)
	}
	if err := remote.WriteIndex(tag, index, remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.DefaultKeychain)); err != nil {
		return "", fmt.Errorf("push %s: %w", reference, err)
	}
	hash, err := index.Digest()
	if err != nil {
		return "", fmt.Errorf("digest of the image: %w", err)
	}
	return hash.String(), nil
}

// nameOptions: a registry on this machine has no certificate.
func nameOptions(reference string) []name.Option {
	host, _, _ := strings.Cut(reference, "/")
	if bare, _, err := net.SplitHostPort(host); err == nil {
		host = bare
	}
	if ip := net.ParseIP(host); host == "localhost" || ip != nil && ip.IsLoopback() {
		return []name.Option{name.Insecure}
	}
	return nil
}
