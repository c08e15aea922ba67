package kafka

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// adminTimeout bounds a call whose context has no sooner end.
const adminTimeout = 15 * time.Second

// Admin is a short connection to one broker, for what is asked of that broker and no other: its own configuration, which
// it alone validates, and its own log dirs.
//
// It speaks through franz-go: sarama's admin client takes no context, looks for the broker in the metadata of the cluster
// instead of taking the address it was given, and puts a text of its own before Kafka's reasons.
type Admin struct {
	address string
	client  client
	broker  *seed
	version string
}

// DialAdmin connects to the broker at host:port, and fails when nobody there speaks Kafka.
func DialAdmin(ctx context.Context, address string, gate Gate) (*Admin, error) {
	client, err := newClient([]string{address}, gate)
	if err != nil {
		return nil, err
	}
	a := &Admin{address: address, client: client, broker: client.seeds()[0]}
	answer, err := told[*kmsg.ApiVersionsResponse](ctx, a, "connect", apiVersions())
	if err != nil {
		client.close()
		return nil, err
	}
	a.version = featuresOf(answer).version
	return a, nil
}

// Version is the release that the broker said it is when it was connected to, such as "4.3"; empty where it is one that nobody here
// knows.
func (a *Admin) Version() string { return a.version }

// Close ends the connection.
func (a *Admin) Close() { a.client.close() }

// told asks the broker within adminTimeout. what says what is tried, for the error.
func told[R kmsg.Response](ctx context.Context, a *Admin, what string, request kmsg.Request) (R, error) {
	ctx, cancel := context.WithTimeout(ctx, adminTimeout)
	defer cancel()
	answer, err := asked[R](ctx, a.broker, request)
	if err != nil {
		return answer, a.failed(what, err)
	}
	return answer, nil
}

func (a *Admin) failed(what string, err error) error {
	return fmt.Errorf("%s at %s: %w", what, a.address, err)
}

// String names the resource as errors do.
func (r ConfigResource) String() string {
	if r.ClusterWide {
		return "all brokers"
	}
	if r.Loggers {
		return "the loggers of broker " + r.Broker.String()
	}
	return "broker " + r.Broker.String()
}

// name is how Kafka's requests name it.
func (r ConfigResource) name() string {
	if r.ClusterWide {
		return ""
	}
	return r.Broker.String()
}

func (r ConfigResource) kind() kmsg.ConfigResourceType {
	if r.Loggers {
		return kmsg.ConfigResourceTypeBrokerLogger
	}
	return kmsg.ConfigResourceTypeBroker
}

// Describe asks for all keys of a resource and the levels that their values come from. The broker that is asked knows
// itself and what all brokers share, no other broker.
func (a *Admin) Describe(ctx context.Context, resource ConfigResource) (Configs, error) {
	what := "describe the configuration of " + resource.String()
	named := kmsg.NewDescribeConfigsRequestResource()
	named.ResourceType, named.ResourceName = resource.kind(), resource.name()
	request := kmsg.NewPtrDescribeConfigsRequest()
	request.Resources = []kmsg.DescribeConfigsRequestResource{named}
	request.IncludeSynonyms = true
	answer, err := told[*kmsg.DescribeConfigsResponse](ctx, a, what, request)
	if err != nil {
		return nil, err
	}
	configs := Configs{}
	for _, r := range answer.Resources {
		if err := kerr.ErrorForCode(r.ErrorCode); err != nil {
			return nil, a.failed(what, withMessage(err, r.ErrorMessage))
		}
		for _, config := range r.Configs {
			configs[config.Name] = configEntry(config)
		}
	}
	return configs, nil
}

func configEntry(config kmsg.DescribeConfigsResponseResourceConfig) ConfigEntry {
	entry := ConfigEntry{
		Name: config.Name, Value: config.Value, Type: ConfigType(config.ConfigType), ReadOnly: config.ReadOnly,
		Sensitive: config.IsSensitive, Source: ConfigSource(config.Source),
	}
	for _, s := range config.ConfigSynonyms {
		entry.Synonyms = append(entry.Synonyms, ConfigSynonym{Name: s.Name, Value: s.Value, Source: ConfigSource(s.Source)})
	}
	return entry
}

// withMessage adds what Kafka says beyond the code, if anything.
func withMessage(err error, message *string) error {
	if message == nil || *message == "" {
		return err
	}
	return fmt.Errorf("%w: %s", err, *message)
}

// Alter sets and deletes keys of a resource; validateOnly asks whether it could be done. A *ConfigRefused says that Kafka
// will not, and that asking again is of no use. The broker validates before the controller stores; that it accepts does
// not yet mean that it works by the new values.
func (a *Admin) Alter(ctx context.Context, resource ConfigResource, changes []ConfigChange, validateOnly bool) error {
	if len(changes) == 0 {
		return nil
	}
	what := "alter the configuration of " + resource.String()
	answer, err := told[*kmsg.IncrementalAlterConfigsResponse](ctx, a, what, alteration(resource, changes, validateOnly))
	if err != nil {
		return err
	}
	for _, r := range answer.Resources {
		if err := kerr.ErrorForCode(r.ErrorCode); err != nil {
			return a.failed(what, refusal(err, r, changes))
		}
	}
	return nil
}

func alteration(resource ConfigResource, changes []ConfigChange, validateOnly bool) *kmsg.IncrementalAlterConfigsRequest {
	named := kmsg.NewIncrementalAlterConfigsRequestResource()
	named.ResourceType, named.ResourceName = resource.kind(), resource.name()
	for _, change := range changes {
		config := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
		config.Name, config.Value, config.Op = change.Key, change.Value, kmsg.IncrementalAlterConfigOpSet
		if change.Value == nil {
			config.Op = kmsg.IncrementalAlterConfigOpDelete
		}
		named.Configs = append(named.Configs, config)
	}
	request := kmsg.NewPtrIncrementalAlterConfigsRequest()
	request.Resources = []kmsg.IncrementalAlterConfigsRequestResource{named}
	request.ValidateOnly = validateOnly
	return request
}

// refusal is a *ConfigRefused unless Kafka was just not able to answer.
func refusal(err error, r kmsg.IncrementalAlterConfigsResponseResource, changes []ConfigChange) error {
	message := ""
	if r.ErrorMessage != nil {
		message = withoutSecrets(*r.ErrorMessage, changes)
	}
	if kerr.IsRetriable(err) {
		return withMessage(err, &message)
	}
	return &ConfigRefused{Code: r.ErrorCode, Message: message}
}
