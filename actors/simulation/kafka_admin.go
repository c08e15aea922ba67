package simulation

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"time"

	kafkaclient "github.com/koperator-go/koperator/kafka"
	"github.com/koperator-go/koperator/messages"
)

// kafkaAdmin is a connection to one broker.
type kafkaAdmin struct {
	kafka   *kafka
	address string
	held    func() error
}

// adminOf prepares a connection to the broker at an address, host:port.
func (k *kafka) adminOf(address string) kafkaAdmin { return kafkaAdmin{k, address, (&term{}).held} }

// dial fails when nobody listens at the address.
func (a kafkaAdmin) dial(ctx context.Context) error {
	return a.do(ctx, "dial", func(*kafkaState, *process) error { return nil })
}

// Close ends the connection.
func (kafkaAdmin) Close() {}

// Describe is DescribeConfigs.
func (a kafkaAdmin) Describe(ctx context.Context, resource kafkaclient.ConfigResource) (configs kafkaclient.Configs, err error) {
	err = a.do(ctx, "describe", func(c *kafkaState, p *process) error {
		switch {
		case resource.ClusterWide:
			configs = c.describeDefaults(p)
		case resource.Broker != p.id:
			return refused("Unexpected broker id, expected %d, but received %d", p.id, resource.Broker)
		default:
			configs = c.describeBroker(p)
		}
		return nil
	})
	return configs, err
}

// Alter is IncrementalAlterConfigs.
func (a kafkaAdmin) Alter(
	ctx context.Context, resource kafkaclient.ConfigResource, changes []kafkaclient.ConfigChange, validateOnly bool,
) error {
	return a.do(ctx, "alter", func(c *kafkaState, p *process) error {
		if !c.active() {
			return errors.New("REQUEST_TIMED_OUT: no active controller")
		}
		if a.toController() { // KIP-919: it knows every broker's configuration, and validates less of it
			return c.storeAt(p, resource, changes, validateOnly)
		}
		err := c.alter(p, resource, changes, validateOnly)
		if len(changes) > 0 && strings.Contains(changes[0].Key, kafkaclient.ThrottleKeys) {
			a.kafka.heard()
		}
		if err == nil && !validateOnly {
			a.kafka.evaluate(c)
		}
		return err
	})
}

// storeAt is a controller taking a change on its own listener: only the active one does.
func (c *kafkaState) storeAt(p *process, resource kafkaclient.ConfigResource, changes []kafkaclient.ConfigChange, validateOnly bool) error {
	if p.id != c.quorum.leader {
		return errors.New("NOT_CONTROLLER: this is not the correct controller for this cluster")
	}
	return c.store(resource, changes, validateOnly)
}

// toController reports whether the connection is to a controller's own listener.
func (a kafkaAdmin) toController() bool { return strings.HasSuffix(a.address, ":29093") }

// Unregister is UnregisterBroker. Kafka takes it for any broker, also for one that runs or holds replicas: that is a harm.
func (a kafkaAdmin) Unregister(ctx context.Context, id messages.BrokerID) error {
	return a.do(ctx, "unregister", func(c *kafkaState, _ *process) error {
		if !c.active() {
			return errors.New("REQUEST_TIMED_OUT: no active controller")
		}
		for _, p := range c.partitions {
			if slices.Contains(p.replicas, id) {
				a.kafka.harm("broker %d of %s was unregistered while it holds %s", id, c.name, p)
			}
		}
		if c.processes[id] != nil && c.processes[id].broker && c.processes[id].serves {
			a.kafka.harm("broker %d of %s was unregistered while it runs", id, c.name)
		}
		c.unregister(id)
		a.kafka.evaluate(c)
		return nil
	})
}

func (c *kafkaState) unregister(id messages.BrokerID) {
	delete(c.brokers, id)
	delete(c.stopped, id)
}

// Version is what the broker says of itself when it is connected to.
func (a kafkaAdmin) Version() string {
	host, _, err := net.SplitHostPort(a.address)
	if err != nil {
		return ""
	}
	a.kafka.mu.Lock()
	defer a.kafka.mu.Unlock()
	if _, p := a.kafka.processAt(host); p != nil {
		return p.version
	}
	return ""
}

// DescribeLogDirs lists the log dirs of the broker with the replicas in them.
func (a kafkaAdmin) DescribeLogDirs(ctx context.Context) (dirs []kafkaclient.ObservedLogDir, err error) {
	err = a.do(ctx, "log dirs", func(c *kafkaState, p *process) error {
		for _, path := range slices.Sorted(maps.Keys(p.dirs)) {
			dirs = append(dirs, c.logDirOf(p, path))
		}
		return nil
	})
	return dirs, err
}

func (a kafkaAdmin) do(ctx context.Context, what string, ask func(*kafkaState, *process) error) error {
	if err := sleep(ctx, answering); err != nil {
		return err
	}
	if err := a.held(); err != nil && !asksKafka(what) {
		return err
	}
	host, _, err := net.SplitHostPort(a.address)
	if err != nil {
		return err
	}
	lost := a.kafka.faults.kafkaFails(what + " at " + host)
	if lost && !a.kafka.faults.happens("landed ", what+" at "+host, 500) {
		return a.lost(ctx)
	}
	a.kafka.mu.Lock()
	c, p := a.kafka.processAt(host)
	if p == nil || a.toController() && !p.controller || !a.toController() && !p.broker {
		a.kafka.mu.Unlock()
		return fmt.Errorf("dial tcp %s: connect: connection refused", a.address)
	}
	if p.adrift && !a.toController() && !asksKafka(what) {
		a.kafka.mu.Unlock()
		return a.lost(ctx)
	}
	err = ask(c, p)
	a.kafka.mu.Unlock()
	if lost {
		return a.lost(ctx)
	}
	return err
}

func (a kafkaAdmin) lost(ctx context.Context) error {
	if err := sleep(ctx, time.Second); err != nil {
		return err
	}
	return fmt.Errorf("read tcp %s: i/o timeout", a.address)
}

// logDirOf is one log dir of a broker as DescribeLogDirs shows it; of a failed one it shows no replicas.
func (c *kafkaState) logDirOf(p *process, path string) kafkaclient.ObservedLogDir {
	const gigabyte = 1 << 30
	dir := kafkaclient.ObservedLogDir{Path: path, TotalBytes: 10 * gigabyte, UsableBytes: 9 * gigabyte}
	if usable, filled := c.usable[p.id]; filled {
		dir.UsableBytes = usable
	}
	dir.Cordoned = slices.ContainsFunc(splitList(c.dynamic[p.id]["cordoned.log.dirs"]), func(o string) bool { return o == path || o == "*" })
	if c.brokers[p.id].failed[p.dirs[path]] {
		dir.Failure, dir.TotalBytes, dir.UsableBytes = "KAFKA_STORAGE_ERROR", -1, -1
		return dir
	}
	for _, part := range c.partitions {
		if slices.Contains(part.replicas, p.id) && part.dirs[p.id] == p.dirs[path] {
			dir.Replicas = append(dir.Replicas, kafkaclient.ObservedReplica{Topic: part.topic, Partition: part.number, Bytes: 1 << 20})
		}
	}
	return dir
}
