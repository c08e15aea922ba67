package cluster

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/koperator-go/koperator/kafka"
	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
)

// configureAll asks, decides, and carries out: the record of what is ours is written before a change and after it.
func (e worldEffects) configureAll(ctx context.Context, cluster *v1beta1.KafkaCluster, wish wideWish) (wideResult, error) {
	result := wideResult{of: wish.of, applied: wish.applied, without: wish.without, again: true}
	plan, problems, err := e.planAll(ctx, cluster, wish)
	result.problems = problems
	if err != nil {
		return result, err
	}
	if !wish.deletions {
		plan = plan.WithoutDeletions()
	}
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
	admin, err := e.Kafka.Admin(ctx, wish.address)
	if err != nil {
		return result, kafka.Unanswered(wish.address, err)
	}
	defer admin.Close()
	for _, change := range plan.Changes {
		result.keys = append(result.keys, change.Key)
	}
	e.Log.Info("configuration of all brokers changes", "keys", strings.Join(result.keys, " "))
	if err := admin.Alter(ctx, kafka.ConfigResource{ClusterWide: true}, plan.Changes, false); err != nil {
		var refused *kafka.ConfigRefused
		if errors.As(err, &refused) {
			result.refused = refused.Message
			return result, nil
		}
		return result, kafka.Unanswered(wish.address, err)
	}
	return result, record(plan.After)
}

// planAll asks one broker for what all share and every broker for what it has: Kafka takes no jump in numbers of threads.
func (e worldEffects) planAll(ctx context.Context, cluster *v1beta1.KafkaCluster, wish wideWish) (plan kafka.DynamicPlan, problems []string, err error) {
	var actual kafka.Configs
	var brokers []kafka.Configs
	ask := func(address string, resource kafka.ConfigResource) (kafka.Configs, error) {
		admin, err := e.Kafka.Admin(ctx, address)
		if err != nil {
			return nil, kafka.Unanswered(address, err)
		}
		defer admin.Close()
		configs, err := admin.Describe(ctx, resource)
		if err != nil {
			return nil, kafka.Unanswered(address, err)
		}
		return configs, nil
	}
	if actual, err = ask(wish.address, kafka.ConfigResource{ClusterWide: true}); err != nil {
		return plan, nil, err
	}
	wanted, found := kafka.ClusterDynamic(cluster, wish.running)
	for _, problem := range found {
		problems = append(problems, problem.String())
	}
	if wanted == nil { // a text that cannot be read says nothing, not even that it is empty
		return plan, problems, nil
	}
	if kafka.HasThreadCounts(wanted, wish.applied) {
		for _, id := range slices.Sorted(maps.Keys(wish.brokers)) {
			described, err := ask(wish.brokers[id], kafka.ConfigResource{Broker: id})
			if err != nil {
				return plan, problems, err
			}
			brokers = append(brokers, described)
		}
	}
	plan = kafka.PlanDynamic(kafka.DynamicInput{
		Resource: kafka.ConfigResource{ClusterWide: true}, Wanted: wanted, Actual: actual, Applied: wish.applied, Brokers: brokers,
		ELR: wish.running.ELR, Without: wish.without,
	})
	return plan, append(problems, plan.Problems...), nil
}
