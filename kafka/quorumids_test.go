package kafka

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/koperator-go/koperator/messages"
)

func TestDirectoryID(t *testing.T) {
	id, err := DirectoryID("6f6e6c79-2061-4d61-b261-6368696e6521")
	require.NoError(t, err)
	require.Equal(t, "b25seSBhTWGyYWNoaW5lIQ", id)

	for name, uid := range map[string]string{
		"nothing":                            "",
		"no hexadecimal digits":              "6f6e6c79-2061-4d61-b261-6368696e652x",
		"too short":                          "6f6e6c79-2061-4d61-b261",
		"the id of no directory (KIP-858)":   "00000000-0000-0000-0000-000000000000",
		"the id of a lost one (KIP-858)":     "00000000-0000-0000-0000-000000000001",
		"the last one that Kafka reserves":   "00000000-0000-0000-0000-000000000063",
		"too long, though all of it is good": "6f6e6c79-2061-4d61-b261-6368696e652100",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := DirectoryID(uid)
			require.ErrorContains(t, err, uid)
		})
	}
}

// KIP-858 reserves ids, and a voter's is not to change: whoever formats with another one is another voter.
func TestPodDirectory(t *testing.T) {
	const resource = "6f1c2b9e-0000-4000-8000-000000000001"
	uuid := PodDirectory(resource, "Qk1hb2tqT3ZBUVlYbEE9PQ", 2)
	require.Equal(t, "4cf28b8b-7e54-8af1-b711-6e1e52ad082e", uuid)
	id, err := DirectoryID(uuid)
	require.NoError(t, err)
	require.NotEqual(t, byte('-'), id[0])
	for name, other := range map[string]string{
		"another node":             PodDirectory(resource, "Qk1hb2tqT3ZBUVlYbEE9PQ", 3),
		"another Kafka":            PodDirectory(resource, "another", 2),
		"a resource made anew":     PodDirectory("6f1c2b9e-0000-4000-8000-000000000002", "Qk1hb2tqT3ZBUVlYbEE9PQ", 2),
		"ids that look like these": PodDirectory(resource, "Qk1hb2tqT3ZBUVlYbEE9PQ/2", 2),
	} {
		require.NotEqual(t, uuid, other, name)
	}
}

func TestNewClusterID(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed := rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "random bytes")
		id, err := NewClusterID(bytes.NewReader(seed))
		require.NoError(t, err)
		require.Len(t, id, 22)
		require.NotEqual(t, byte('-'), id[0], "kafka-storage.sh would take it for an option")
		raw, err := base64.RawURLEncoding.DecodeString(id)
		require.NoError(t, err)
		require.Equal(t, byte(4), raw[6]>>4, "a random UUID")
	})
	first, err := NewClusterID(rand.Reader)
	require.NoError(t, err)
	second, err := NewClusterID(rand.Reader)
	require.NoError(t, err)
	require.NotEqual(t, first, second)

	_, err = NewClusterID(bytes.NewReader([]byte("too short")))
	require.ErrorContains(t, err, "cluster id")
}

func TestVoters(t *testing.T) {
	claims := map[messages.BrokerID]string{
		0: "00000000-0000-4000-8000-000000000000", // a broker's, which is nobody's business here
		1: "6f6e6c79-2061-4d61-b261-6368696e6521",
		2: "6f6e6c79-2061-4d61-b261-6368696e6522",
	}
	cluster := demo(headless)
	voters, err := Voters(cluster, addressesOf(cluster), claims)
	require.NoError(t, err)
	require.Equal(t, []messages.Voter{
		{ID: 1, Host: "demo-1.demo-controller-headless.ns1.svc.cluster.local", Port: 29093, DirectoryID: "b25seSBhTWGyYWNoaW5lIQ"},
		{ID: 2, Host: "demo-2.demo-headless.ns1.svc.cluster.local", Port: 29093, DirectoryID: "b25seSBhTWGyYWNoaW5lIg"},
	}, voters)

	delete(claims, 2)
	_, err = Voters(cluster, addressesOf(cluster), claims)
	require.ErrorContains(t, err, "controller 2 is not known yet")
	claims[2] = "uid-2"
	_, err = Voters(cluster, addressesOf(cluster), claims)
	require.ErrorContains(t, err, "claim of controller 2")

	cluster = demo(internal(internalListener("internal", 29092, innerBroker)))
	_, err = Voters(cluster, addressesOf(cluster), claims)
	require.ErrorContains(t, err, "usedForControllerCommunication")
}

// What a controller advertises and what its quorum is formatted with must be one address, or Kafka replaces the voter's
// endpoint at its first start (KIP-853).
func TestVotersHaveTheAddressTheyAdvertise(t *testing.T) {
	for _, cluster := range []struct {
		name  string
		nodes []RenderInput
	}{
		{"headless", []RenderInput{inputOf(t, demo(headless), controllerOnly), inputOf(t, demo(headless), combined)}},
		{"one Service each", []RenderInput{inputOf(t, demo(), controllerOnly), inputOf(t, demo(), combined)}},
	} {
		t.Run(cluster.name, func(t *testing.T) {
			for _, in := range cluster.nodes {
				voters, err := Voters(in.Cluster, in.Addresses, map[messages.BrokerID]string{
					1: "6f6e6c79-2061-4d61-b261-6368696e6521", 2: "6f6e6c79-2061-4d61-b261-6368696e6522",
				})
				require.NoError(t, err)
				at := int(in.id()) - 1
				require.Contains(t, rendered(t, in)["advertised.listeners"], "CONTROLLER://"+hostPort(voters[at].Host, voters[at].Port))
			}
		})
	}
}
