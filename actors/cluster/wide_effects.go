package cluster

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/koperator-go/koperator/actors/broker"
	"github.com/koperator-go/koperator/kafka"
	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

// configureAll asks, decides, and carries out: the record of what is ours is written before a change and after it.
func (e worldEffects) configureAll(ctx context.Context, cluster *v1beta1.KafkaCluster, wish wideWish) (wideResult, error) {
	result := wideResult{of: wish.of, ofAll: wish.ofAll, applied: wish.applied, without: wish.without, again: true}
	plan, address, err := e.planAll(ctx, cluster, wish, &result)
	if err != nil {
		return result, err
	}
	plan, result.waiting = plan.Keeping(wish.keep)
	result.again = plan.Again || len(plan.Changes) > 0
	record := func(applied kafka.Applied) error {
		if applied == nil || applied.Equal(result.applied) {
			return nil
		}
		if _, err := kube.Write(ctx, e.Writer, e.Cache, kube.ClusterAppliedConfigMap(cluster, applied)); err != nil {
			return err
		}
		result.applied = applied
		return nil
	}
	if len(plan.Changes) == 0 {
		return result, record(plan.After)
	}
	if err := record(plan.Before); err != nil {
		return result, err
	}
	for _, change := range plan.Changes {
		result.keys = append(result.keys, change.Key)
	}
	e.Log.Info("configuration of all brokers changes", "keys", strings.Join(result.keys, " "))
	err = e.send(ctx, plan, address, wish.controller)
	var refused *kafka.ConfigRefused
	if errors.As(err, &refused) {
		result.refused = refused.Message
		return result, nil
	}
	if err != nil {
		return result, err
	}
	return result, record(plan.After)
}

// send asks a broker for all changes but those that only the active controller takes, where its own listener is known.
func (e worldEffects) send(ctx context.Context, plan kafka.DynamicPlan, address, controller string) error {
	all := kafka.ConfigResource{ClusterWide: true}
	if beyond, rest := plan.Beyond(); len(beyond.Changes) > 0 && controller != "" {
		err := broker.WithAdmin(ctx, e.Kafka, controller, func(admin broker.Admin) error { return beyond.Send(ctx, admin, all) })
		if err != nil || len(rest.Changes) == 0 {
			return err
		}
		plan = rest
	}
	return broker.WithAdmin(ctx, e.Kafka, address, func(admin broker.Admin) error { return plan.Send(ctx, admin, all) })
}

// planAll asks one broker for what all share and every broker for what it has: Kafka takes no jump in numbers of threads.
// While one does not tell, they stay as they are.
func (e worldEffects) planAll(ctx context.Context, cluster *v1beta1.KafkaCluster, wish wideWish, result *wideResult,
) (plan kafka.DynamicPlan, address string, err error) {
	actual, address, err := e.describeAll(ctx, wish.brokers)
	if err != nil {
		return plan, address, err
	}
	wanted, found := kafka.ClusterDynamic(cluster, wish.running)
	for _, problem := range found {
		result.problems = append(result.problems, problem.String())
	}
	if wanted == nil { // a text that cannot be read says nothing, not even that it is empty
		return plan, address, nil
	}
	without, brokers := wish.without, []kafka.Configs(nil)
	if threads := kafka.ThreadCounts(wanted, wish.applied); len(threads) > 0 {
		if brokers, err = e.describeBrokers(ctx, wish.brokers); err != nil {
			brokers, without, result.unanswered = nil, slices.Concat(without, threads), err.Error()
		}
	}
	plan = kafka.PlanDynamic(kafka.DynamicInput{
		Resource: kafka.ConfigResource{ClusterWide: true}, Wanted: wanted, Actual: actual, Applied: wish.applied, Brokers: brokers,
		ELR: wish.running.ELR, Without: without,
	})
	result.problems = append(result.problems, plan.Problems...)
	return plan, address, nil
}

// describeAll asks for what all brokers share whoever answers of the first few, and returns where that was.
func (e worldEffects) describeAll(ctx context.Context, brokers map[messages.BrokerID]string) (configs kafka.Configs, address string, err error) {
	const most, patience = 3, 5 * time.Second
	ids := slices.Sorted(maps.Keys(brokers))
	for _, id := range ids[:min(most, len(ids))] {
		address = brokers[id]
		one, cancel := context.WithTimeout(ctx, patience)
		configs, err = broker.Describe(one, e.Kafka, address, kafka.ConfigResource{ClusterWide: true})
		cancel()
		if err == nil {
			return configs, address, nil
		}
	}
	return nil, address, err
}

// describeBrokers ends at the first broker that does not answer.
func (e worldEffects) describeBrokers(ctx context.Context, addresses map[messages.BrokerID]string) ([]kafka.Configs, error) {
	const patience = 10 * time.Second // the rest of the time is for the changes themselves
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var brokers []kafka.Configs
	for _, id := range slices.Sorted(maps.Keys(addresses)) {
		described, err := broker.Describe(ctx, e.Kafka, addresses[id], kafka.ConfigResource{Broker: id})
		if err != nil {
			return nil, err
		}
		brokers = append(brokers, described)
	}
	return brokers, nil
}
