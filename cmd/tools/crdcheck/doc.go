// Package crdcheck tests the generated CRDs with the API server's own code: that an API server takes them (structural
// schemas, the cost budget of CEL rules), that it takes and keeps every field of what people have written for Koperator,
// and that it refuses exactly what it should.
//
// It lives here, and not beside the types, since it needs half an API server as a dependency.
package crdcheck
