package main

import (
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/koperator-go/koperator/actors/kit"
	"github.com/koperator-go/koperator/actors/kit/kittest"
)

func answer(handler http.Handler) *httptest.ResponseRecorder {
	recorded := httptest.NewRecorder()
	handler.ServeHTTP(recorded, httptest.NewRequest(http.MethodGet, "/", nil))
	return recorded
}

func TestHealthFailsWhenTheOperatorActorDoesNotAnswerFor30Seconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &daemon{actors: kittest.System(t)}
		healthz := d.probe(d.healthy)
		require.Equal(t, http.StatusOK, answer(healthz).Code, "a replica that waits for the lease is well")

		pid := d.actors.Root.Spawn(actor.PropsFromFunc(func(c actor.Context) {
			if busy, ok := c.Message().(time.Duration); ok {
				time.Sleep(busy)
			}
		}))
		d.operator.Store(pid)
		require.Equal(t, http.StatusOK, answer(healthz).Code)

		d.actors.Root.Send(pid, time.Minute)
		begin := time.Now()
		failed := answer(healthz)
		require.Equal(t, http.StatusServiceUnavailable, failed.Code)
		require.Contains(t, failed.Body.String(), "the operator actor does not answer")
		require.Equal(t, 30*time.Second, time.Since(begin))
		time.Sleep(time.Minute)

		d.actors.Root.Send(pid, 29*time.Second)
		require.Equal(t, http.StatusOK, answer(healthz).Code, "slow is not stuck")

		d.actors.Root.Send(pid, time.Minute)
		time.AfterFunc(time.Second, func() { d.operator.Store(nil) })
		require.Equal(t, http.StatusOK, answer(healthz).Code, "the lease went while it was asked")
		require.NoError(t, kit.StopAndWait(t.Context(), d.actors, pid))
	})
}

func TestAReplicaIsReadyOnceItsCachesAreFull(t *testing.T) {
	d := &daemon{}
	readyz := d.probe(d.ready)
	waiting := answer(readyz)
	require.Equal(t, http.StatusServiceUnavailable, waiting.Code)
	require.Contains(t, waiting.Body.String(), "waiting for the first list")
	d.synced.Store(true)
	require.Equal(t, http.StatusOK, answer(readyz).Code)
}

// Nothing is asked of the API server before the ports are open, so that who is ready can be asked.
func TestAPortThatIsTakenEndsTheDaemonAtOnce(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	d := &daemon{
		options: options{metricsAddress: "0", probesAddress: taken.Addr().String()},
		log:     slog.New(slog.DiscardHandler), registry: prometheus.NewRegistry(),
	}
	require.ErrorContains(t, d.run(t.Context()), "listen on "+taken.Addr().String())
}

func TestProbesAndMetricsAreServedUntilTheDaemonEnds(t *testing.T) {
	addresses := map[string]string{"/healthz": freeAddress(t), "/metrics": freeAddress(t)}
	d := &daemon{
		options: options{metricsAddress: addresses["/metrics"], probesAddress: addresses["/healthz"]},
		log:     slog.New(slog.DiscardHandler), registry: prometheus.NewRegistry(),
	}
	servers, err := d.serve()
	require.NoError(t, err)
	for path, address := range addresses {
		answer, err := http.Get("http://" + address + path)
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		require.Equal(t, http.StatusOK, answer.StatusCode, path)
	}
	servers.stop()
	_, err = net.Dial("tcp", addresses["/healthz"])
	require.Error(t, err)
}

func freeAddress(t *testing.T) string {
	t.Helper()
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer socket.Close()
	return socket.Addr().String()
}
