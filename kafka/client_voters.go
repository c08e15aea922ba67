package kafka

import (
	"context"
	"encoding/base64"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/koperator-go/koperator/messages"
)

// joinTimeout is how long the leader of the quorum waits for a new voter to have all of the metadata log. It is asked only
// for one that has.
const joinTimeout = 5 * time.Second

// VoterRefused says that Kafka will not change the voters of the metadata quorum, and why: the answer is final, unlike that of a
// quorum that has no leader at the moment.
type VoterRefused struct {
	Code    int16
	Message string
}

// Error implements error.
func (r *VoterRefused) Error() string {
	name := fmt.Sprintf("error %d", r.Code)
	if e := kerr.TypedErrorForCode(r.Code); e != nil {
		name = e.Message
	}
	if r.Message == "" {
		return "Kafka refuses to change the voters: " + name
	}
	return "Kafka refuses to change the voters: " + r.Message + " (" + name + ")"
}

// DescribeQuorum asks for the leader, the voters and the observers of the metadata quorum. Any broker passes it on, and does
// not answer while there is no majority.
func (a *Admin) DescribeQuorum(ctx context.Context) (QuorumState, error) {
	quorum, err := describeQuorum(ctx, a.broker)
	if err != nil {
		return quorum, a.failed("describe the quorum", err)
	}
	return quorum, nil
}

// AddVoter is AddRaftVoter (KIP-853): the observer with that directory gets a vote. listener is the name of the controllers' listener
// at the voter's address. The cluster id keeps it from a cluster that took over the address.
func (a *Admin) AddVoter(ctx context.Context, clusterID, listener string, voter messages.Voter) error {
	what := fmt.Sprintf("add voter %d", voter.ID)
	request := kmsg.NewPtrAddRaftVoterRequest()
	request.ClusterID, request.VoterID, request.TimeoutMillis = &clusterID, int32(voter.ID), int32(joinTimeout.Milliseconds())
	var err error
	if request.VoterDirectoryID, err = directoryBytes(voter.DirectoryID); err != nil {
		return a.failed(what, err)
	}
	at := kmsg.NewAddRaftVoterRequestListener()
	at.Name, at.Host, at.Port = listener, voter.Host, uint16(voter.Port)
	request.Listeners = []kmsg.AddRaftVoterRequestListener{at}
	answer, err := told[*kmsg.AddRaftVoterResponse](ctx, a, what, request)
	if err != nil {
		return err
	}
	return a.voterError(what, answer.ErrorCode, answer.ErrorMessage)
}

// RemoveVoter is RemoveRaftVoter (KIP-853): the entry of a node with that directory loses its vote, whether the node runs or
// not. Kafka looks at nothing else: that the others are a majority is for the caller to prove.
func (a *Admin) RemoveVoter(ctx context.Context, clusterID string, id messages.BrokerID, directory string) error {
	what := fmt.Sprintf("remove voter %d", id)
	request := kmsg.NewPtrRemoveRaftVoterRequest()
	request.ClusterID, request.VoterID = &clusterID, int32(id)
	var err error
	if request.VoterDirectoryID, err = directoryBytes(directory); err != nil {
		return a.failed(what, err)
	}
	answer, err := told[*kmsg.RemoveRaftVoterResponse](ctx, a, what, request)
	if err != nil {
		return err
	}
	return a.voterError(what, answer.ErrorCode, answer.ErrorMessage)
}

func (a *Admin) voterError(what string, code int16, message *string) error {
	err := kerr.ErrorForCode(code)
	switch {
	case err == nil:
		return nil
	case kerr.IsRetriable(err):
		return a.failed(what, withMessage(err, message))
	case message == nil:
		return a.failed(what, &VoterRefused{Code: code})
	default:
		return a.failed(what, &VoterRefused{Code: code, Message: *message})
	}
}

// directoryBytes reads the form of meta.properties back.
func directoryBytes(id string) (bytes [16]byte, err error) {
	read, err := base64.RawURLEncoding.DecodeString(id)
	if err != nil || len(read) != len(bytes) {
		return bytes, fmt.Errorf("%q is no directory id: it has 22 characters of URL base64", id)
	}
	return [16]byte(read), nil
}
