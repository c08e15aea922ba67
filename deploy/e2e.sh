#!/bin/bash
# Runs the end-to-end tests with the given flags of go test: on KUBECONFIG if it is set (then KOPERATOR_IMAGE and
# SANDBOX_REGISTRY must be too), else on a sandbox of its own that goes when the tests have ended (KEEP=1 keeps it). There
# nothing that a test needs is missing, so a skipped test is a failure (MAY_SKIP=1 lets it pass).
set -euo pipefail
cd "$(dirname "$0")/.."
instance=${E2E_INSTANCE:-e2e}
tools=$PWD/cmd/tools/go.mod

# ran judges what gotestsum has counted: no test at all means that -run names none, which go test takes for a success.
ran() {
  if [ "$TESTS_TOTAL" = 0 ]; then
    echo "no test ran: -run matches none of ./cmd/e2e" >&2
    return 1
  fi
  [ "$TESTS_SKIPPED" = 0 ] && return
  echo "skipped, for the reasons above: $TESTS_SKIPPED of $TESTS_TOTAL tests" >&2
  [ -n "${MAY_SKIP:-}" ] && return
  echo "A skipped test has shown nothing, so this run has failed: give it what it asks for, or let it pass by MAY_SKIP=1" >&2
  return 1
}
export -f ran

# tests runs tests with the given flags of go test; the reasons of those that were skipped are in the summary.
tests() { go tool -modfile="$tools" gotestsum --format testname --post-run-command "bash -c ran" -- -count=1 "$@"; }

if [ -z "${KUBECONFIG:-}" ]; then
  if [ "$(id -u)" != 0 ] || [ ! -e /etc/debian_version ]; then
    echo "0 end-to-end tests ran, all skipped: they need root on a Debian-like machine, or KUBECONFIG, KOPERATOR_IMAGE and SANDBOX_REGISTRY"
    exit 0
  fi
  echo "the sandbox's program: the first time compiles Kubernetes for six to ten minutes, without a word"
  "$MAKE" --no-print-directory "$SANDBOX"
  "$SANDBOX" down --instance "$instance" # what an earlier run that was killed has left
  export SANDBOX
  [ -n "${KEEP:-}" ] || trap '"$SANDBOX" down --instance "$instance"' EXIT
  echo "Kubernetes; the first time builds Kafka's images for some minutes"
  "$SANDBOX" up --instance "$instance"
  eval "$("$SANDBOX" env --instance "$instance")"
  case "$*" in
    "-run TestSmoke"*) ;;
    *) "$SANDBOX" image kafka --version 3.9.2 --instance "$instance" >/dev/null ;; # for ZooKeeper mode
  esac
  export KUBECONFIG KOPERATOR_IMAGE SANDBOX_REGISTRY SANDBOX_INSTANCE KAFKA_3_IMAGE
  export KUBECTL="$SANDBOX kubectl"
  echo "the operator's image; the first time compiles for some minutes, without a word"
  KOPERATOR_IMAGE=$(go -C cmd/tools run ./image --root ../.. --platforms "linux/$(go env GOARCH)" --push "$KOPERATOR_IMAGE")
else
  if [ -z "${KOPERATOR_IMAGE:-}" ] || [ -z "${SANDBOX_REGISTRY:-}" ]; then
    program=${SANDBOX:-sandbox}
    cat >&2 <<TEXT
KUBECONFIG is set, so the tests would run on that cluster. For that set KOPERATOR_IMAGE to an image of the operator (make image
PUSH=…) and SANDBOX_REGISTRY to a registry that it pulls from, with these images; or unset KUBECONFIG for a sandbox of their own.
  koperator/kafka:4.3.1 koperator/jmx-javaagent:1.0.1 koperator/metrics-reporter:dev
    $program image kafka jmx-javaagent metrics-reporter --push "\$SANDBOX_REGISTRY"
  koperator/kafka:3.9.2, for TestUpgrade and TestZooKeeperMode, which run only where KAFKA_3_IMAGE names it
    $program image kafka --version 3.9.2 --push "\$SANDBOX_REGISTRY"; export KAFKA_3_IMAGE=\$SANDBOX_REGISTRY/koperator/kafka:3.9.2
'make $program' builds that program. It needs root on a Debian-like machine; the registry must ask for no login.
TEXT
    exit 1
  fi
  export MAY_SKIP=${MAY_SKIP-1} # tests that kill a node, or have no image of Kafka 3 to begin with
fi
tests -tags e2e "$@" ./cmd/e2e
