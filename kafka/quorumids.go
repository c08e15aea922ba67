package kafka

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"strings"

	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// DirectoryID is the id of the log dir on a claim: the claim's UID in the form of Kafka's Uuid, 16 bytes as URL base64
// without padding. So the voters of a new quorum are known before the first Pod, and nothing has to be remembered.
func DirectoryID(uid string) (string, error) {
	id, err := hex.DecodeString(strings.ReplaceAll(uid, "-", ""))
	if err != nil || len(id) != 16 {
		return "", fmt.Errorf("UID %q is not a UUID of 32 hexadecimal digits", uid)
	}
	// KIP-858 keeps the first hundred ids for itself (DirectoryId.reserved); Kubernetes makes no such UID.
	if binary.BigEndian.Uint64(id[:8]) == 0 && binary.BigEndian.Uint64(id[8:]) < 100 {
		return "", fmt.Errorf("UID %q is an id that Kafka reserves for itself", uid)
	}
	return base64.RawURLEncoding.EncodeToString(id), nil
}

// PodDirectory is the UUID of which the directory id of a first voter is made whose metadata are on an emptyDir: there is no claim that
// could have one before the first Pod. It is the same for ever, so only the very first Pod of the node may format with it. The UID
// of the custom resource is in it: a cluster that is made anew under the same cluster id has no voter in common with the old one.
func PodDirectory(resourceUID, clusterID string, id messages.BrokerID) string {
	sum := sha256.Sum256([]byte("metadata on an emptyDir/" + resourceUID + "/" + clusterID + "/" + id.String()))
	uuid := sum[:16]
	uuid[0] &= 0x7f               // its base64 form begins with no dash
	uuid[6] = uuid[6]&0x0f | 0x80 // version 8: made of what the vendor wants (RFC 9562), so never one that Kafka reserves
	uuid[8] = uuid[8]&0x3f | 0x80
	text := hex.EncodeToString(uuid)
	return strings.Join([]string{text[:8], text[8:12], text[12:16], text[16:20], text[20:]}, "-")
}

// NewClusterID makes the id of a new KRaft cluster: a random UUID as 22 characters. It never begins with a dash, which
// command line tools would take for an option; Kafka's own random-uuid has the same rule.
func NewClusterID(random io.Reader) (string, error) {
	id := make([]byte, 16)
	if _, err := io.ReadFull(random, id); err != nil {
		return "", fmt.Errorf("read random bytes for a cluster id: %w", err)
	}
	id[0] &= 0x7f             // the first character is one of A to f
	id[6] = id[6]&0x0f | 0x40 // version 4
	id[8] = id[8]&0x3f | 0x80 // variant of RFC 9562
	return base64.RawURLEncoding.EncodeToString(id), nil
}

// Voters are the first voters of a dynamic quorum: all controllers of the spec by id. It takes the UID of the claim
// that holds each controller's metadata, and fails while one is not known.
func Voters(
	cluster *v1beta1.KafkaCluster, addresses messages.Addresses, claimUIDs map[messages.BrokerID]string,
) ([]messages.Voter, error) {
	if ControllerListener(cluster) == nil {
		return nil, fmt.Errorf("voters of %s: no internal listener has usedForControllerCommunication", addresses.Cluster)
	}
	var voters []messages.Voter
	for _, c := range controllers(cluster) {
		uid, ok := claimUIDs[c.id]
		if !ok {
			return nil, fmt.Errorf("voters of %s: the claim of controller %d is not known yet", addresses.Cluster, c.id)
		}
		directory, err := DirectoryID(uid)
		if err != nil {
			return nil, fmt.Errorf("voters of %s: claim of controller %d: %w", addresses.Cluster, c.id, err)
		}
		voter := VoterAddress(cluster, addresses, c.id, c.broker)
		voter.DirectoryID = directory
		voters = append(voters, voter)
	}
	return voters, nil
}

// VoterAddress is where a controller is reached by the others of its quorum; its directory is left out.
func VoterAddress(cluster *v1beta1.KafkaCluster, addresses messages.Addresses, id messages.BrokerID, alsoBroker bool) messages.Voter {
	voter := messages.Voter{ID: id, Host: addresses.Controller(id, alsoBroker)}
	if listener := ControllerListener(cluster); listener != nil {
		voter.Port = listener.ContainerPort
	}
	return voter
}
