package audit_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/koperator-go/koperator/cmd/bench/audit"
)

const log = `{"auditID":"1","stage":"ResponseComplete","verb":"patch","userAgent":"koperator","requestURI":"/x","objectRef":{"resource":"pods"},"responseStatus":{"code":201},"requestReceivedTimestamp":"2026-11-21T10:00:00.5Z"}
{"auditID":"2","stage":"ResponseStarted","verb":"watch","userAgent":"koperator","requestURI":"/x","objectRef":{"resource":"pods"},"responseStatus":{"code":200},"requestReceivedTimestamp":"2026-11-21T10:00:01Z"}
{"auditID":"3","stage":"ResponseComplete","verb":"patch","userAgent":"koperator-bench","requestURI":"/x","objectRef":{"resource":"pods"},"responseStatus":{"code":200},"requestReceivedTimestamp":"2026-11-21T10:00:01Z"}
{"auditID":"2","stage":"ResponseComplete","verb":"watch","userAgent":"koperator","requestURI":"/x","objectRef":{"resource":"pods"},"responseStatus":{"code":200},"requestReceivedTimestamp":"2026-11-21T10:00:01Z"}
{"auditID":"4","stage":"ResponseComplete","verb":"patch","userAgent":"koperator","requestURI":"/x","objectRef":{"resource":"kafkaclusters","subresource":"status"},"responseStatus":{"code":409},"requestReceivedTimestamp":"2026-11-21T10:00:02Z"}
{"auditID":"5","stage":"ResponseComplete","verb":"get","userAgent":"koperator","requestURI":"/version","responseStatus":{"code":200},"requestReceivedTimestamp":"2026-11-21T10:00:03Z"}
{"auditID":"6","stage":"ResponseComplete","verb":"get","userAgent":"koperator","requestURI":"/ver`

func TestRead(t *testing.T) {
	requests, err := audit.Read(strings.NewReader(log), "koperator")
	require.NoError(t, err)
	at := func(text string) time.Time {
		moment, err := time.Parse(time.RFC3339Nano, text)
		require.NoError(t, err)
		return moment
	}
	require.Equal(t, []audit.Request{
		{UserAgent: "koperator", Verb: "patch", Resource: "pods", At: at("2026-11-21T10:00:00.5Z"), Code: 201},
		{UserAgent: "koperator", Verb: "watch", Resource: "pods", At: at("2026-11-21T10:00:01Z"), Code: 200},
		{UserAgent: "koperator", Verb: "patch", Resource: "kafkaclusters/status", At: at("2026-11-21T10:00:02Z"), Code: 409},
		{UserAgent: "koperator", Verb: "get", Resource: "/version", At: at("2026-11-21T10:00:03Z"), Code: 200},
	}, requests, "each request once, no other client, no half line")
	require.Len(t, audit.Between(requests, at("2026-11-21T10:00:01Z"), at("2026-11-21T10:00:02Z")), 2)
}

func TestReadTellsWhichLineIsBroken(t *testing.T) {
	_, err := audit.Read(strings.NewReader("{}\n{\"userAgent\":\"koperator\",\n"), "koperator")
	require.ErrorContains(t, err, "line 2 of the audit log")
}

func TestCount(t *testing.T) {
	pod := audit.Request{Verb: "patch", Resource: "pods"}
	lease := audit.Request{Verb: "update", Resource: "leases"}
	event := audit.Request{Verb: "create", Resource: "events"}
	watch := audit.Request{Verb: "watch", Resource: "services"}
	newLease := audit.Request{Verb: "create", Resource: "leases"}
	for _, test := range []struct {
		name, want string
		requests   []audit.Request
	}{
		{"nothing is told as such", "none", nil},
		{"the most frequent comes first", "2 patch pods, 1 update leases", []audit.Request{lease, pod, pod}},
		{"equal counts are sorted by resource and verb", "1 create events, 1 create leases, 1 update leases",
			[]audit.Request{lease, event, newLease}},
		{"Events and leases are bookkeeping", "1 patch pods",
			audit.WithoutBookkeeping([]audit.Request{lease, pod, event})},
		{"a client at rest watches and renews its lease", "1 create events, 1 create leases, 1 patch pods",
			audit.Restless([]audit.Request{lease, pod, event, watch, newLease})},
	} {
		t.Run(test.name, func(t *testing.T) {
			require.Equal(t, test.want, audit.String(audit.Count(test.requests)))
		})
	}
}
