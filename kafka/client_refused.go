package kafka

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"unicode"

	"github.com/twmb/franz-go/pkg/kerr"
)

// ConfigRefused says that Kafka will not take a change of its configuration, and why.
type ConfigRefused struct {
	// Code is Kafka's, such as 42 (INVALID_REQUEST) or 40 (INVALID_CONFIG).
	Code int16
	// Message is Kafka's reason, such as "Cannot update these configs dynamically: [broker.rack]", without secrets.
	Message string
}

// Error implements error.
func (r *ConfigRefused) Error() string {
	name := fmt.Sprintf("error %d", r.Code)
	if e := kerr.TypedErrorForCode(r.Code); e != nil {
		name = e.Message
	}
	if r.Message == "" {
		return "Kafka refuses the configuration: " + name
	}
	return "Kafka refuses the configuration: " + r.Message + " (" + name + ")"
}

const hidden = "[hidden]"

// withoutSecrets hides values of secret keys, and parts of them: Kafka repeats what it cannot read, and of a login
// configuration (JAAS) the word that it stumbled over.
func withoutSecrets(message string, changes []ConfigChange) string {
	for _, change := range changes {
		if change.Value == nil || *change.Value == "" || !IsSensitive(change.Key, nil) && !secretKey(change.Key) {
			continue
		}
		message = strings.ReplaceAll(message, *change.Value, hidden)
		for _, part := range strings.FieldsFunc(*change.Value, separates) {
			if len(part) >= 3 {
				message = strings.ReplaceAll(message, part, hidden)
			}
		}
	}
	return message
}

func separates(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune(`"'=;,`, r) }

// secretKey reports whether the value of a key may be secret: Kafka's keys of type password, and keys of plugins that
// sound like it. Kafka itself calls every key that it does not know sensitive.
func secretKey(key string) bool {
	key = strings.ToLower(key)
	for _, word := range []string{
		"password", "secret", "jaas.config", "keystore.key", "certificate.chain", "truststore.certificates", "passphrase",
		"credential", "token", "private", "apikey", "api.key",
	} {
		if strings.Contains(key, word) {
			return true
		}
	}
	return false
}

// Unreachable says that a broker does not answer. Its text is the same each time: what the network says has another port
// with each try, and would be news each time.
type Unreachable struct {
	Address string
	// Cause is what the network said.
	Cause error
}

// Error implements error.
func (u *Unreachable) Error() string { return u.Address + " does not answer" }

// Unwrap gives the cause.
func (u *Unreachable) Unwrap() error { return u.Cause }

// Unanswered is the error of a call to an address: Unreachable where the network is the reason, else the error itself.
func Unanswered(address string, err error) error {
	var network net.Error
	if errors.As(err, &network) || errors.Is(err, io.EOF) || errors.Is(err, context.DeadlineExceeded) {
		return &Unreachable{Address: address, Cause: err}
	}
	return fmt.Errorf("%s: %w", address, err)
}
