package broker

import (
	"maps"
	"slices"

	"github.com/koperator-go/koperator/kafka"
	"github.com/koperator-go/koperator/kube"
)

// settled is what of the configuration is as it has to be, and what cannot be.
type settled struct {
	// restart are the reasons why only a restart brings in the file.
	restart []string
	// problems are wishes that Kafka does not fulfil.
	problems []string
	// refused is set when Kafka itself has refused some, invalid when they stand in the file.
	refused, invalid bool
	// needs are keys that the broker has from all brokers alone, and should have for itself.
	needs []string
	// blind is set while nobody knows what a changed file changes.
	blind bool
}

// live is what a broker's answer leads to.
type live struct {
	plan   kafka.DynamicPlan
	wanted kafka.Properties
	// files are those that the process runs between, known only where there is a record of its start.
	files files
	known bool
	// refusals are to be recorded.
	refusals map[string]kube.RefusedValue
	settled
}

// liveOf works out what a broker's answer leads to, nil while there is none that counts.
func (w blueprint) liveOf(o observed) *live {
	if pod := o.pod(); w.config == nil || !w.runs(pod, o.written) || o.asked.configs == nil || o.asked.process != processOf(pod) {
		return nil
	}
	running := w.running(o.asked.configs)
	perBroker, problems := kafka.BrokerDynamic(kafka.RenderInput{Cluster: w.Cluster, Broker: w.Entry, Config: w.config}, running)
	clusterWide, _ := kafka.ClusterDynamic(w.Cluster, running) // of which the cluster actor tells
	l := live{wanted: perBroker, refusals: w.refusals(o)}
	for _, problem := range problems {
		l.problems = append(l.problems, problem.String())
	}
	if perBroker == nil || clusterWide == nil { // what cannot be read says nothing, not even that it is empty
		l.blind = true
		return &l
	}
	applied := w.applied(o)
	change := w.fileChange(o, &l, kafka.FileDiff{
		Running: running, PerBroker: perBroker, ClusterWide: clusterWide, Applied: applied, ClusterApplied: w.clusterApplied(),
	})
	l.wanted = w.withCordon(change.Dynamic(perBroker))
	stay := w.weigh(&l, change, o.asked)
	l.plan = kafka.PlanDynamic(kafka.DynamicInput{
		Resource: kafka.ConfigResource{Broker: w.id}, Wanted: l.wanted, Actual: o.asked.configs, Applied: applied,
		ClusterWide: clusterWide, ELR: w.Kafka.ELR, Without: append(stay, w.unseen(o, &l)...),
	})
	l.problems = append(l.problems, l.plan.Problems...)
	l.refusals = w.refusalsNow(o, &l, change)
	l.needs = w.needs(o, &l, stay, clusterWide)
	return &l
}

// fileChange compares the file of today with the one that the process was started with: with the record of it or, where
// that is lost, with what the process shows.
func (w blueprint) fileChange(o observed, l *live, diff kafka.FileDiff) kafka.FileChange {
	f, known := w.startedWith(o)
	compared := known
	if known {
		f = f.corrected(o.asked.configs)
	} else {
		f, compared = w.seenFiles(o, diff.Applied)
		l.blind = w.fileDiffers(o.pod())
	}
	l.files, l.known = f, known
	if !compared {
		return kafka.FileChange{}
	}
	diff.Started, diff.Wanted = f.before, f.wanted
	return diff.Change()
}

// unseen are keys of ours in today's file of which, without a record, nobody knows whether the process has read them there:
// Kafka shows no value that may be secret.
func (w blueprint) unseen(o observed, l *live) []string {
	if l.known {
		return nil
	}
	var keys []string
	for _, key := range slices.Sorted(maps.Keys(w.applied(o))) {
		_, written := w.userKeys.Get(key)
		if _, _, shown := o.asked.configs.InFile(key); written && !shown {
			keys = append(keys, key)
		}
	}
	return keys
}

// needs are the keys that are about to be deleted at all brokers while this one does not have them for itself as it should.
func (w blueprint) needs(o observed, l *live, missing []string, clusterWide kafka.Properties) []string {
	if !hashed(o.pod()) {
		missing = append(slices.Clone(missing), w.notInFile(o, l)...)
	}
	return slices.DeleteFunc(slices.Clone(w.ClusterApplied), func(key string) bool {
		_, wanted := clusterWide.Get(key)
		return wanted || !slices.Contains(missing, key)
	})
}

// notInFile are the keys of today's file that a process was not started with, as far as it shows them. A Pod that Koperator
// made keeps its file until somebody agrees to a restart; what was edited since its takeover it takes while it runs, or is restarted for.
func (w blueprint) notInFile(o observed, l *live) []string {
	return slices.DeleteFunc(w.userKeys.Keys(), func(key string) bool {
		if slices.Contains(l.files.changed, key) {
			return true
		}
		value, there, known := o.asked.configs.InFile(key)
		return known && there && kafka.SameValue(kafka.TypeOf(key, o.asked.configs), value, w.userKeys[key])
	})
}

func (w blueprint) clusterApplied() kafka.Applied {
	applied := kafka.Applied{}
	for _, key := range w.ClusterApplied {
		applied[key] = ""
	}
	return applied
}
