// Command image builds the operator's container image without a container engine: it compiles the static binary for
// each platform, packs it with certificate authorities and a user into a layer, and writes the result as an OCI layout
// (a directory, or a tar file that docker, podman, ctr and kind can load), pushes it to a registry, or both.
//
//	go -C cmd/tools run ./image --root ../.. --output ../../build/koperator-image.tar
//	go -C cmd/tools run ./image --root ../.. --platforms linux/amd64 --push 127.0.0.1:5000/koperator/koperator:dev
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
)

type options struct {
	root, pkg, platforms, output, push, name, version string
}

func main() {
	var o options
	flag.StringVar(&o.root, "root", ".", "directory of the module")
	flag.StringVar(&o.pkg, "package", "./cmd/koperator", "package to compile, below root")
	flag.StringVar(&o.platforms, "platforms", "linux/amd64,linux/arm64", "platforms of the image")
	flag.StringVar(&o.output, "output", "", "where to write the OCI layout: a directory, or a file that ends in .tar")
	flag.StringVar(&o.push, "push", "", "image reference to push to; a registry on this machine's loopback is spoken to in plain HTTP")
	flag.StringVar(&o.name, "name", "koperator:latest", "name that the image gets when --output is loaded")
	flag.StringVar(&o.version, "version", "dev", "version in the image's labels")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, o); err != nil {
		stop()
		fmt.Fprintln(os.Stderr, "image:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) error {
	if o.output == "" && o.push == "" {
		return errors.New("say what to do with the image: --output FILE.tar, --push REFERENCE, or both")
	}
	platforms, err := parsePlatforms(o.platforms)
	if err != nil {
		return err
	}
	scratch, err := os.MkdirTemp("", "koperator-image-*")
	if err != nil {
		return fmt.Errorf("create a directory to build in: %w", err)
	}
	defer os.RemoveAll(scratch)
	built := make([]platformImage, 0, len(platforms))
	for _, p := range platforms {
		binary, err := compile(ctx, o, p, scratch)
		if err != nil {
			return err
		}
		image, err := imageOf(binary, p, o.version, readAuthorities())
		if err != nil {
			return err
		}
		built = append(built, platformImage{platform: p, image: image})
	}
	index := indexOf(built)
	if o.output != "" {
		if err := write(index, o.name, o.output, scratch); err != nil {
			return err
		}
		fmt.Fprintf(os.Stderr, "wrote %s (%s)\n", o.output, strings.Join(names(platforms), ", "))
	}
	if o.push != "" {
		digest, err := push(ctx, index, o.push)
		if err != nil {
			return err
		}
		fmt.Println(o.push + "@" + digest)
	}
	return nil
}
