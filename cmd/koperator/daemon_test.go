package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	authorizationv1 "k8s.io/api/authorization/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/koperator-go/koperator/actors/kit"
	"github.com/koperator-go/koperator/actors/kit/kittest"
	"github.com/koperator-go/koperator/kube"
)

// asking is a daemon whose API server says whether Nodes may be read; questions counts how often it was asked.
func asking(allowed *atomic.Bool, questions *atomic.Int32) *daemon {
	core := fake.NewClientset()
	core.PrependReactor("create", "selfsubjectaccessreviews", func(action clienttesting.Action) (bool, runtime.Object, error) {
		questions.Add(1)
		review := action.(clienttesting.CreateAction).GetObject().(*authorizationv1.SelfSubjectAccessReview).DeepCopy()
		review.Status.Allowed = allowed.Load()
		return true, review, nil
	})
	return &daemon{core: core, log: slog.New(slog.DiscardHandler)}
}

func TestTheRightToReadNodesIsUsedOnceItIsGranted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var allowed atomic.Bool
		var questions atomic.Int32
		d := asking(&allowed, &questions)
		ctx, stop := context.WithCancel(context.Background())
		var terms []bool // whether Nodes were read in each
		ended := make(chan error, 1)
		go func() {
			ended <- d.terms(ctx, func(term context.Context) error {
				terms = append(terms, d.nodes)
				<-term.Done()
				return nil
			})
		}()
		time.Sleep(time.Hour)
		synctest.Wait()
		require.Equal(t, []bool{false}, terms, "it works without the right, too")
		allowed.Store(true)
		time.Sleep(nodesPause + time.Second)
		synctest.Wait()
		require.Equal(t, []bool{false, true}, terms)
		asked := questions.Load()
		time.Sleep(time.Hour)
		require.Equal(t, asked, questions.Load(), "who has the right does not ask again")
		stop()
		require.NoError(t, <-ended)
	})
}

func TestATermThatFailsEndsTheDaemon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := asking(&atomic.Bool{}, &atomic.Int32{})
		err := d.terms(context.Background(), func(context.Context) error { return errors.New("no lease") })
		require.ErrorContains(t, err, "no lease")
	})
}

// The bubble fails when goroutines remain. Terms follow one another while Nodes may not be read.
func TestATermLeavesNothingRunning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		registry, system := prometheus.NewRegistry(), kittest.System(t)
		defer system.Shutdown()
		d := &daemon{
			core: fake.NewClientset(), log: slog.New(slog.DiscardHandler),
			registry: registry, actors: system, metrics: kit.NewMetrics(registry, system),
			options: options{leaseNamespace: "koperator"},
		}
		for range 2 {
			term, end := context.WithCancel(t.Context())
			time.AfterFunc(time.Minute, end)
			led := false
			time.AfterFunc(30*time.Second, func() { led = d.operator.Load() != nil })
			require.NoError(t, d.contend(term, kube.NewCache(nil)))
			require.True(t, led)
		}
	})
}

func TestABuildIsToldByItsBytes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "koperator")
	require.NoError(t, os.WriteFile(path, []byte("one"), 0o600))
	one, err := buildOf(path)
	require.NoError(t, err)
	require.Equal(t, "7692c3ad3540bb80", one, "printf one | sha256sum")
	require.NoError(t, os.WriteFile(path, []byte("two"), 0o600))
	two, err := buildOf(path)
	require.NoError(t, err)
	require.NotEqual(t, one, two)
	_, err = buildOf(path + ".missing")
	require.ErrorContains(t, err, "read the own program")
}
