package kube

import (
	"encoding/json"
	"maps"
)

// signed is an object with a record of all that is wanted of it. Whoever looks at what stands sees fields that are wanted and
// missing, but not those that were wanted once and are not any more: managedFields, which tell, are too large to be kept. With
// the record they are a difference as well, and server-side apply takes back what we own and do not send again.
func signed[T Object](object T) T {
	annotations := maps.Clone(object.GetAnnotations()) // they may be the user's own map
	if annotations == nil {
		annotations = map[string]string{}
	}
	delete(annotations, AnnotationWantedHash)
	object.SetAnnotations(annotations)
	annotations[AnnotationWantedHash] = wantedHash(object)
	return object
}

// wantedHash is empty for what is no JSON; of the kinds that we write none is.
func wantedHash(object Object) string {
	text, err := json.Marshal(object)
	if err != nil {
		return ""
	}
	return FileHash(string(text))
}
