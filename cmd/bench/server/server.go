package server

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/koperator-go/koperator/cmd/bench/audit"
)

// downTimeout bounds how long an instance may take to go.
const downTimeout = 2 * time.Minute

// Server is a fresh kube-apiserver with an empty etcd.
type Server struct {
	Kubeconfig string

	sandbox, instance string
}

// Start replaces whatever an earlier run left of the instance.
func Start(ctx context.Context, sandbox, instance string) (*Server, error) {
	s := &Server{sandbox: sandbox, instance: instance}
	if err := s.Stop(ctx); err != nil {
		return nil, err
	}
	var out, progress bytes.Buffer
	command := exec.CommandContext(ctx, sandbox, "apiserver-only", "--instance", instance)
	command.Stdout, command.Stderr = &out, &progress
	if err := command.Run(); err != nil {
		return nil, fmt.Errorf("start an API server (%s): %w\n%s", strings.Join(command.Args, " "), err, progress.String())
	}
	s.Kubeconfig = strings.TrimSpace(out.String())
	return s, nil
}

// Stop removes the instance and all it wrote but logs.
func (s *Server) Stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), downTimeout)
	defer cancel()
	command := exec.CommandContext(ctx, s.sandbox, "down", "--purge", "--instance", s.instance)
	if text, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("remove the API server (%s): %w\n%s", strings.Join(command.Args, " "), err, text)
	}
	return nil
}

// Requests are all that a client has sent to this server.
func (s *Server) Requests(userAgent string) ([]audit.Request, error) {
	log, err := os.Open(filepath.Join(filepath.Dir(s.Kubeconfig), "logs", "audit.log"))
	if err != nil {
		return nil, fmt.Errorf("the API server has no audit log: %w", err)
	}
	defer log.Close()
	return audit.Read(log, userAgent)
}
