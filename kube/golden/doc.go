// Package golden compares what a test generated with a file beside it.
//
//	golden.Equal(t, "testdata/combined.properties", got)
//
// The path is relative to the package under test. A difference is shown line by line, "-" for the file and "+" for
// what was generated. After reading it, take the new output over:
//
//	go test ./kafka/ -update
//
// `git diff` is then what a reviewer reads. The package is for tests only; it registers the flag -update, so a
// program that is no test must not import it.
package golden
