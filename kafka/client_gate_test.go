package kafka

import (
	"errors"
	"io"
	"net"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/koperator-go/koperator/messages"
)

// open is the gate of tests that may change what they like.
func open() error { return nil }

var errNotLeading = errors.New("another daemon leads")

func closed() error { return errNotLeading }

// overheard is the address of somebody who takes calls, says nothing, and tells each byte that he hears.
func overheard(t *testing.T) (address string, heard <-chan byte) {
	t.Helper()
	bytes := make(chan byte, 1<<10)
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = socket.Close() })
	go func() {
		for {
			call, err := socket.Accept()
			if err != nil {
				return
			}
			go func() {
				defer call.Close()
				one := make([]byte, 1)
				for {
					if _, err := io.ReadFull(call, one); err != nil {
						return
					}
					bytes <- one[0]
				}
			}()
		}
	}()
	return socket.Addr().String(), bytes
}

func TestNothingIsChangedPastTheGate(t *testing.T) {
	address, heard := overheard(t)
	connection, err := newClient([]string{address}, closed)
	require.NoError(t, err)
	admin := &Admin{address: address, client: connection, broker: connection.seeds()[0]}
	defer admin.Close()
	session, err := NewSession([]string{address}, closed)
	require.NoError(t, err)
	defer session.Close()
	value := "1000"
	for name, change := range map[string]func() error{
		"a configuration": func() error {
			return admin.Alter(t.Context(), ConfigResource{}, []ConfigChange{{Key: "log.retention.ms", Value: &value}}, false)
		},
		"a feature": func() error { return admin.RaiseMetadata(t.Context(), 25) },
		"moves":     func() error { return admin.Move(t.Context(), []Move{{Partition: TopicPartition{Topic: "a"}}}) },
		"leaders": func() error {
			return session.ElectPreferred(t.Context(), []messages.Partition{{Topic: "a", Number: 0}})
		},
		"by whom it concerns": func() error {
			_, err := kmsg.NewPtrElectLeadersRequest().RequestWith(t.Context(), connection)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			err := change()
			require.ErrorIs(t, err, errNotLeading)
			var refused *ConfigRefused
			require.NotErrorAs(t, err, &refused, "Kafka did not refuse it: it is tried again")
			require.Empty(t, heard)
		})
	}
}

func TestOnlyQuestionsPassAClosedGate(t *testing.T) {
	question := regexp.MustCompile(`^(Describe|List|ApiVersions$|Metadata$)`)
	passed := 0
	for key := range int16(kmsg.MaxKey + 1) {
		request := kmsg.RequestForKey(key)
		if request == nil {
			continue
		}
		if err := Gate(closed).through(request); err == nil {
			require.Regexp(t, question, kmsg.NameForKey(key))
			passed++
		}
		require.NoError(t, Gate(open).through(request))
	}
	require.Positive(t, passed)
}
