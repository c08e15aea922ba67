// Package messages holds the identities of the things that Koperator manages and every value that crosses the
// border of an actor or of a package.
//
//	cluster ── Reconfigure ──▶ broker      all that is wanted of one broker, whole, replaceable, repeatable
//	broker  ── BrokerObserved ▶ cluster    all that the broker saw last; replaces what it said before
//	cluster ── Watch ────────▶ health      which Kafka to look at, and how closely
//	health  ── KafkaObserved ─▶ cluster    which nodes Kafka knows
//
// Messages are plain structs sent by value and never changed after sending. What they point to (a snapshot of a
// custom resource) is shared and read-only. Nothing here has behaviour beyond reading itself: no channel, no
// context, no process id.
package messages
