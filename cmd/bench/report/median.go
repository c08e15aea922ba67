package report

import (
	"cmp"
	"slices"
)

func sortedOf[T cmp.Ordered](values []T) []T {
	sorted := slices.Clone(values)
	slices.Sort(sorted)
	return sorted
}

// Median is the middle value, the lower one of two, the zero value of none.
func Median[T cmp.Ordered](values []T) T {
	var none T
	if len(values) == 0 {
		return none
	}
	return sortedOf(values)[(len(values)-1)/2]
}
