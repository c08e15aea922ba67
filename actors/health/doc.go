// Package health is one actor per cluster that asks Kafka which nodes it knows. It changes nothing of its own accord: on its parent's
// word it gives partitions back to their preferred leaders, over the connection that it has.
//
// It looks often while somebody is awaited, seldom when all is well, later and later while Kafka does not answer. It
// tells its parent only what is new, so that a Kafka that stays away, or stays well, causes nothing.
package health
