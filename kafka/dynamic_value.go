package kafka

import (
	"slices"
	"strconv"
	"strings"
)

// TypeOf is how values of a key are written: what Kafka says of the key, else what the table says.
func TypeOf(key string, described Configs) ConfigType {
	if entry, ok := described[key]; ok && entry.Type != TypeUnknown {
		return entry.Type
	}
	row, _ := rowOf(baseKey(key))
	return row.valueType
}

// baseKey is the longest key of Kafka's own that a listener.name.* key ends with; other keys are their own.
func baseKey(key string) string {
	option, ok := strings.CutPrefix(key, listenerPrefix)
	if !ok {
		return key
	}
	for ok {
		if _, option, ok = strings.Cut(option, "."); ok {
			if _, own := rowOf(option); own {
				return option
			}
		}
	}
	return key
}

// SameValue compares two values as Kafka reads them. It returns values normalised in one place and as written in
// another ("0.9" for "0.90", "a,b" for "a , b"); compared as texts they would differ for ever.
func SameValue(t ConfigType, a, b string) bool {
	if a == b {
		return true
	}
	a, b = strings.TrimSpace(a), strings.TrimSpace(b)
	switch t {
	case TypeBoolean:
		return strings.EqualFold(a, b)
	case TypeInt, TypeShort, TypeLong:
		x, errX := strconv.ParseInt(a, 10, 64)
		y, errY := strconv.ParseInt(b, 10, 64)
		return errX == nil && errY == nil && x == y
	case TypeDouble:
		x, errX := strconv.ParseFloat(a, 64)
		y, errY := strconv.ParseFloat(b, 64)
		return errX == nil && errY == nil && x == y
	case TypeList:
		return slices.Equal(trimmedItems(a), trimmedItems(b))
	case TypeClass:
		return a == b
	default:
		return false
	}
}

func trimmedItems(list string) []string {
	if list == "" {
		return nil
	}
	items := strings.Split(list, ",")
	for i := range items {
		items[i] = strings.TrimSpace(items[i])
	}
	return items
}

// IsSensitive says whether the values of a key are to be shown nowhere: passwords, and all that is none of Kafka's own, for
// that may be the password of a plugin. Kafka hides the same.
func IsSensitive(key string, described Configs) bool {
	_, own := rowOf(baseKey(key))
	return !own || described[key].Sensitive || TypeOf(key, described) == TypePassword
}
