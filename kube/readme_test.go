package kube

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheClusterOfTheReadmeIsTheSample(t *testing.T) {
	sample, err := os.ReadFile("../deploy/samples/kraft.yaml")
	require.NoError(t, err)
	readme, err := os.ReadFile("../README.md")
	require.NoError(t, err)
	_, withoutComment, _ := strings.Cut(string(sample), "\n")
	require.Contains(t, string(readme), "```yaml\n"+withoutComment+"```")
}
