// Package e2e tests the operator against a real Kubernetes with real Kafka: what a person does with kubectl and Kafka's
// own tools, and what then must be true. Build tag e2e; deploy/e2e.sh prepares a sandbox and runs it.
//
// Environment: KUBECONFIG, KUBECTL (the kubectl command, default kubectl), KOPERATOR_IMAGE, and SANDBOX_REGISTRY, the
// prefix of the images that deploy/samples/sandbox.yaml names. KAFKA_3_IMAGE, an older Kafka, is for the tests that begin with it;
// without it they are skipped. SANDBOX and SANDBOX_INSTANCE, the program and its instance, let a
// test kill a node; on another Kubernetes that test is skipped. On a sandbox of deploy/e2e.sh a skipped test fails the run.
package e2e
