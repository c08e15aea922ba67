// Package tools pins what generates and checks the code of this repository, apart from the daemon's module so that the
// daemon depends on none of it:
//
//	controller-gen   deepcopy, CRDs and apply configurations from kube/api
//	crdtrim          makes the CRDs small enough for kubectl apply
//	image            builds the operator's container image without a container engine
//	crdcheck         tests that an API server takes the CRDs and what users have written for Koperator
//	staticcheck      lint
package tools
