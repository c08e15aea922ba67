package kafka

import (
	_ "embed" // the table of keys
	"strings"
	"sync"
)

// dynamicKeys says of every key of Kafka's own how each version changes it; its first lines explain it. It was taken from
// the brokers themselves: AbstractKafkaConfig for names and types, DynamicBrokerConfig for the rest.
//
//go:embed dynamic/keys.txt
var dynamicKeys string

// tableVersions are the columns of the table.
func tableVersions() []Version { return []Version{{3, 9}, {4, 0}, {4, 1}, {4, 2}, {4, 3}} }

// keyScope is how one version of Kafka changes a key, by the letters of the table.
type keyScope byte

const (
	scopeClusterWide    keyScope = 'c'
	scopeBroker         keyScope = 'b'
	scopeBehindListener keyScope = 'l'
	scopeStart          keyScope = 'r'
)

// keyRow is one key of Kafka's own.
type keyRow struct {
	valueType ConfigType
	scopes    string
}

// rowOf is the row of a key, and whether Kafka has such a key.
func rowOf(key string) (keyRow, bool) {
	row, known := keyRows()[key]
	return row, known
}

// keyRows is the table by key. It is read once: whoever looks at a broker's configuration asks for many keys.
var keyRows = sync.OnceValue(func() map[string]keyRow {
	rows := map[string]keyRow{}
	for line := range strings.Lines(dynamicKeys) {
		key, rest, ok := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		if !ok || key == "#" {
			continue
		}
		typeName, scopes, _ := strings.Cut(rest, " ")
		rows[key] = keyRow{valueType: namedType(typeName), scopes: scopes}
	}
	return rows
})

func namedType(name string) ConfigType {
	switch name {
	case "boolean":
		return TypeBoolean
	case "string":
		return TypeString
	case "int":
		return TypeInt
	case "short":
		return TypeShort
	case "long":
		return TypeLong
	case "double":
		return TypeDouble
	case "list":
		return TypeList
	case "class":
		return TypeClass
	case "password":
		return TypePassword
	default:
		return TypeUnknown
	}
}

// in is the scope in a version: that of the nearest column at or below it. For a version below all of them, and for an
// unknown one, a key is dynamic only if it is so in the same way everywhere.
func (r keyRow) in(version Version) keyScope {
	nearest := -1
	for column, v := range tableVersions() {
		if !version.before(v) {
			nearest = column
		}
	}
	switch {
	case nearest >= 0:
		return keyScope(r.scopes[nearest])
	case strings.Count(r.scopes, r.scopes[:1]) == len(r.scopes):
		return keyScope(r.scopes[0])
	default:
		return scopeStart
	}
}

// anywhere is the widest scope in any version: what only that says to be read-only is so for certain.
func (r keyRow) anywhere() keyScope {
	for _, scope := range []keyScope{scopeClusterWide, scopeBroker, scopeBehindListener} {
		if strings.Contains(r.scopes, string(scope)) {
			return scope
		}
	}
	return scopeStart
}
