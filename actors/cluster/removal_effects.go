package cluster

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/koperator-go/koperator/actors/broker"
	"github.com/koperator-go/koperator/actors/kit"
	"github.com/koperator-go/koperator/kafka"
	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/messages"
)

// remover brings brokers that left the spec to their end, the steps of one at a time.
type remover struct {
	// jobs are the tasks of each broker: one that does not answer holds up no other.
	jobs map[messages.BrokerID]*job
	each map[messages.BrokerID]removal
	told map[messages.BrokerID]messages.Removal
}

// removalWish is a task with all that it needs to know.
type removalWish struct {
	task removalTask
	id   messages.BrokerID
	// own is the address of the broker itself, other that of one that stays, controller that of the active controller's own
	// listener; empty where there is none.
	own, other, controller string
	version                kafka.Version
	// keys are the dynamic keys to be deleted.
	keys []string
}

// removalResult is what became of it.
type removalResult struct {
	wish  removalWish
	disks diskAnswer
	err   error
}

// keepRemovals decides how each broker that left the spec goes on, and starts what has to be asked or done for one.
func (a *cluster) keepRemovals(c actor.Context) {
	leaving, former := leavingNodes(a.nodes()), a.formerBrokers()
	a.removals.forget(slices.Concat(leaving, former))
	if len(leaving) == 0 {
		a.removals.told = nil
	}
	if len(leaving)+len(former) == 0 {
		return
	}
	if a.paused() { // what was told stays: nobody is stopped, and who is stopped is not made again
		return
	}
	version, err := kafka.ParseVersion(a.wide.release.Version)
	if err != nil {
		version = kafka.Version{}
	}
	view := removalView{rollView: a.rollView(time.Now()), version: version, voteGone: a.voteGone}
	if a.movesItself() {
		view.moving = a.moves.text
	}
	a.removals.told = map[messages.BrokerID]messages.Removal{}
	for _, n := range leaving {
		r, step := view.nextRemoval(n, a.removals.each[n.id])
		// Put back while its disks go it gets new ones, so nothing may say any more that Kafka ran on them.
		step.told.Retire = step.told.Retire && !remembers(a.known.BrokersState[n.id.String()])
		a.removals.told[n.id] = step.told
		a.goOn(c, n, r, step, version)
	}
	for _, n := range former {
		r, step := view.nextForgetting(n, a.removals.each[n.id])
		a.goOn(c, n, r, step, version)
	}
}

// goOn remembers what was decided of a broker, and starts what is to be done.
func (a *cluster) goOn(c actor.Context, n node, r removal, step removalStep, version kafka.Version) {
	a.removals.each[n.id] = r
	if step.again > 0 {
		a.again.SetSooner(c, step.again, lookNow{})
	}
	if step.task != taskNone {
		a.startRemoval(c, n, r, step.task, version)
	}
}

// forget drops what is remembered of brokers that are none of those to be removed any more.
func (r *remover) forget(going []node) {
	maps.DeleteFunc(r.each, func(id messages.BrokerID, _ removal) bool {
		return !slices.ContainsFunc(going, func(n node) bool { return n.id == id })
	})
	maps.DeleteFunc(r.jobs, func(id messages.BrokerID, j *job) bool {
		_, leaves := r.each[id]
		return !j.running && !leaves
	})
	if r.each == nil {
		r.each, r.jobs = map[messages.BrokerID]removal{}, map[messages.BrokerID]*job{}
	}
}

// busyWith reports whether something is under way for a broker. One that came back to the spec meanwhile is not started before
// that has ended: Kafka unregisters a broker that runs, too.
func (r *remover) busyWith(id messages.BrokerID) bool { return r.jobs[id] != nil && r.jobs[id].running }

// hurried reports whether a broker is down until Kafka has answered.
func (r *remover) hurried() bool {
	for _, told := range r.told {
		if told.Stopped && !told.Retire {
			return true
		}
	}
	return false
}

// forgotten are the brokers that Kafka has forgotten.
func (r *remover) forgotten() map[messages.BrokerID]bool {
	forgotten := map[messages.BrokerID]bool{}
	for id, one := range r.each {
		forgotten[id] = one.forgotten
	}
	return forgotten
}

// waits are what the brokers that leave wait for.
func (r *remover) waits() map[messages.BrokerID]string {
	waits := map[messages.BrokerID]string{}
	for id, one := range r.each {
		waits[id] = cmp.Or(one.waits, one.failure)
	}
	return waits
}

// voteGone reports whether a node has no vote in the metadata quorum, or why not yet.
func (a *cluster) voteGone(n node) (bool, string) {
	if !a.valid.Spec.KRaft {
		return true, ""
	}
	return kafka.VoterGone(n.id, a.kafka)
}

func (a *cluster) startRemoval(c actor.Context, n node, r removal, task removalTask, version kafka.Version) {
	wish := removalWish{task: task, id: n.id, own: broker.AdminAddress(a.valid, n.id), version: version, keys: r.disks.keys}
	if task == taskForget {
		if wish.other, wish.controller = a.stayingBroker(), a.activeController(); wish.other == "" || a.valid.Spec.KRaft && wish.controller == "" {
			r.failure = "no other broker, or no active controller, can be asked to forget it"
			a.removals.each[n.id] = r
			return
		}
		if n.leaving { // the node of another one goes on, and what is set for it is its broker actor's
			wish.keys = a.keysLeft(n.id, wish.keys, version)
		}
	}
	if a.removals.jobs[n.id] == nil {
		a.removals.jobs[n.id] = &job{}
	}
	if !a.removals.jobs[n.id].start(a, c) {
		return
	}
	e := a.effects
	kit.Go(a.life, c, effectTimeout, func(ctx context.Context) (removalResult, error) {
		disks, err := e.remove(ctx, wish)
		return removalResult{wish, disks, err}, nil
	})
}

// keysLeft are the dynamic keys to be deleted with a broker, beside those that it has named itself.
func (a *cluster) keysLeft(id messages.BrokerID, named []string, version kafka.Version) []string {
	record := a.Cache.ConfigMap(a.Key.Namespace, kube.BrokerAppliedName(a.Key.Name, id))
	keys := slices.Concat(named, slices.Collect(maps.Keys(kube.Applied(record, a.valid))))
	if kafka.CanCordon(version) {
		keys = append(keys, kafka.CordonKey)
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// stayingBroker is the address of a broker that is ready and stays, empty while there is none.
func (a *cluster) stayingBroker() string {
	for _, n := range a.nodes() {
		if n.broker && n.observed.PodReady && !n.leaving {
			return broker.AdminAddress(a.valid, n.id)
		}
	}
	return ""
}

// activeController is the address of the active controller's own listener, empty while there is none.
func (a *cluster) activeController() string {
	for _, n := range a.nodes() {
		if n.id == a.kafka.QuorumLeader && n.controller {
			return kafka.ControllerAddress(a.valid, kube.AddressesOf(a.valid), n.id, n.broker)
		}
	}
	return ""
}

func (a *cluster) removalDone(c actor.Context, r kit.Result[removalResult]) {
	id := r.Value.wish.id
	if r.Err != nil { // a panic, or the actor's end: whose it was is not known
		for _, j := range a.removals.jobs {
			j.ended(a, c, r.Err)
		}
		return
	}
	if j := a.removals.jobs[id]; j != nil {
		j.ended(a, c, r.Value.err)
	}
	one, known := a.removals.each[id]
	if !known { // it came back to the spec meanwhile
		return
	}
	one.failure = ""
	switch task := r.Value.wish.task; {
	case r.Value.err != nil:
		one.failure = task.what() + ": " + r.Value.err.Error()
	case task == taskDisks:
		one.disks = r.Value.disks
	case task == taskClear:
		one.cleared = true
	case task == taskForget:
		one.forgotten = true
		a.Log.Info("Kafka has forgotten the broker", "broker", id)
	}
	a.removals.each[id] = one
}

// remove carries out a task.
func (e worldEffects) remove(ctx context.Context, wish removalWish) (answer diskAnswer, err error) {
	own := kafka.ConfigResource{Broker: wish.id}
	switch wish.task {
	case taskDisks:
		err = broker.WithAdmin(ctx, e.Kafka, wish.own, func(admin broker.Admin) (err error) {
			answer, err = askDisks(ctx, admin, wish)
			return err
		})
		return answer, err
	case taskClear:
		return answer, broker.WithAdmin(ctx, e.Kafka, wish.own, func(admin broker.Admin) error { return clear(ctx, admin, own, wish.keys) })
	case taskForget:
		return answer, e.forget(ctx, wish, own)
	default:
		return answer, nil
	}
}

// forget makes Kafka forget a broker that does not run: a key that stays would be in force again when the id comes back.
func (e worldEffects) forget(ctx context.Context, wish removalWish, own kafka.ConfigResource) error {
	if wish.controller == "" { // ZooKeeper: what is not there is not registered
		return nil
	}
	if kafka.ControllersTakeConfigs(wish.version) {
		err := broker.WithAdmin(ctx, e.Kafka, wish.controller, func(admin broker.Admin) error { return clear(ctx, admin, own, wish.keys) })
		if err != nil {
			return err
		}
	}
	return broker.WithAdmin(ctx, e.Kafka, wish.other, func(admin broker.Admin) error { return admin.Unregister(ctx, wish.id) })
}

func askDisks(ctx context.Context, admin broker.Admin, wish removalWish) (diskAnswer, error) {
	configs, err := admin.Describe(ctx, kafka.ConfigResource{Broker: wish.id})
	if err != nil {
		return diskAnswer{}, err
	}
	at := time.Now()
	dirs, err := admin.DescribeLogDirs(ctx)
	if err != nil {
		return diskAnswer{}, err
	}
	answer := diskAnswer{at: at, left: kafka.LeftIn(kafka.Paths(dirs), dirs), keys: configs.OwnKeys(), release: admin.Version()}
	if own, err := kafka.ParseVersion(admin.Version()); err == nil && kafka.CanCordon(own) {
		answer.open = kafka.NotCordoned(kafka.Paths(dirs), dirs)
	}
	return answer, nil
}

// clear deletes dynamic keys one by one, since one that is refused would keep all others.
func clear(ctx context.Context, admin broker.Admin, of kafka.ConfigResource, keys []string) error {
	for _, key := range keys {
		err := admin.Alter(ctx, of, []kafka.ConfigChange{{Key: key}}, false)
		var refused *kafka.ConfigRefused
		if err != nil && !errors.As(err, &refused) {
			return err
		}
	}
	return nil
}
