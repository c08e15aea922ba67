//go:build race

package simulation

// raceDetector makes everything ten times as slow.
const raceDetector = true
