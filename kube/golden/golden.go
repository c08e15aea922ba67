package golden

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// The flag must exist before the testing package parses the command line, so it is the one package variable.
var update = flag.Bool("update", false, "write what the tests generate into their golden files")

// T is the part of testing.TB that is needed here, narrow so that this package can be tested itself.
type T interface {
	Helper()
	Errorf(format string, args ...any)
}

// Equal fails the test unless the file holds exactly got. Under -update it writes the file instead.
func Equal(t T, path string, got []byte) {
	t.Helper()
	if err := compare(path, got, *update); err != nil {
		t.Errorf("%v", err)
	}
}

func compare(path string, got []byte, write bool) error {
	want, err := os.ReadFile(path)
	missing := errors.Is(err, fs.ErrNotExist)
	switch {
	case err != nil && !missing:
		return fmt.Errorf("read golden file: %w", err)
	case !missing && string(want) == string(got):
		return nil
	case write:
		return save(path, got)
	case missing:
		return fmt.Errorf("golden file %s does not exist; read what was generated, then run the test with -update:\n%s",
			path, got)
	default:
		return fmt.Errorf("%s differs (- the file, + generated now; -update takes it over):\n%s",
			path, Diff(string(want), string(got)))
	}
}

func save(path string, got []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("make directory of golden file: %w", err)
	}
	if err := os.WriteFile(path, got, 0o644); err != nil {
		return fmt.Errorf("write golden file: %w", err)
	}
	return nil
}
