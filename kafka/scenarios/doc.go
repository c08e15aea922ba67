// Package scenarios holds what Kafka does, step by step, as tests that run on real Kafka and on its simulation alike: so that the
// simulation cannot drift from the truth. Only tests import it.
package scenarios
