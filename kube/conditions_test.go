package kube

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestSetCondition(t *testing.T) {
	begin := metav1.NewTime(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	later := metav1.NewTime(begin.Add(time.Hour))
	ready := func(status bool, message string) metav1.Condition {
		return ConditionOf(ConditionReady, status, ReasonStarting, message, 3)
	}
	first, changed := SetCondition(nil, ready(false, "a"), begin)
	require.True(t, changed)
	require.Equal(t, begin, first[0].LastTransitionTime)

	t.Run("the same again is no change", func(t *testing.T) {
		list, changed := SetCondition(first, ready(false, "a"), later)
		require.False(t, changed)
		require.Equal(t, first, list)
	})
	t.Run("another message keeps the time of the transition", func(t *testing.T) {
		list, changed := SetCondition(first, ready(false, "b"), later)
		require.True(t, changed)
		require.Equal(t, begin, list[0].LastTransitionTime)
		require.Equal(t, "a", first[0].Message, "the given list is left alone")
	})
	t.Run("another status is a transition", func(t *testing.T) {
		list, changed := SetCondition(first, ready(true, "a"), later)
		require.True(t, changed)
		require.Equal(t, later, list[0].LastTransitionTime)
	})
	t.Run("Ready stays when it is false, others go", func(t *testing.T) {
		list, _ := SetCondition(first, ConditionOf(ConditionStalled, true, ReasonFailing, "x", 3), begin)
		require.NotNil(t, Condition(list, ConditionStalled))
		list, changed := SetCondition(list, ConditionOf(ConditionStalled, false, ReasonRunning, "", 3), later)
		require.True(t, changed)
		require.Nil(t, Condition(list, ConditionStalled))
		require.NotNil(t, Condition(list, ConditionReady))
		_, changed = SetCondition(list, ConditionOf(ConditionStalled, false, ReasonRunning, "", 3), later)
		require.False(t, changed)
	})
}

func TestConditionMessagesAreShortAndKeepTheWayOut(t *testing.T) {
	long := "spec.brokers: " + strings.Repeat("é", 2000) + "; remove one"
	list, _ := SetCondition(nil, ConditionOf(ConditionReady, false, ReasonFailing, long, 1), metav1.Now())
	message := list[0].Message
	require.LessOrEqual(t, len(message), 1000)
	require.True(t, utf8.ValidString(message))
	require.True(t, strings.HasPrefix(message, "spec.brokers: é"))
	require.True(t, strings.HasSuffix(message, "é; remove one"), "the way out stays")
}

// What a person sees in status stands in the guide, with what to do; and the guide speaks of nothing that nobody sets.
func TestTheGuideExplainsEveryCondition(t *testing.T) {
	code, err := os.ReadFile("conditions.go")
	require.NoError(t, err)
	guide, err := os.ReadFile("../deploy/OPERATIONS.md")
	require.NoError(t, err)
	_, table, found := strings.Cut(string(guide), "| `Failing` |")
	require.True(t, found)
	table, _, _ = strings.Cut("| `Failing` |"+table, "\n\n")
	explained := map[string]bool{}
	for _, row := range regexp.MustCompile(`(?m)^\| ([^|]+) \|`).FindAllStringSubmatch(table, -1) {
		for _, name := range regexp.MustCompile("`(\\w+)`").FindAllStringSubmatch(row[1], -1) {
			explained[name[1]] = true
		}
	}
	known := map[string]bool{"InvalidSpec": true} // the reason of a problem, of package messages
	for _, constant := range regexp.MustCompile(`(?m)^\t(Condition|Reason)\w+ += "(\w+)"`).FindAllStringSubmatch(string(code), -1) {
		known[constant[2]] = true
		if constant[1] == "Condition" && !slices.Contains([]string{ConditionReady, ConditionReconciling, ConditionStalled}, constant[2]) {
			require.True(t, explained[constant[2]], "%s is not explained", constant[2])
		}
	}
	for name := range explained {
		require.True(t, known[name] || name == ConditionReady, "nobody sets %s", name)
	}
}
