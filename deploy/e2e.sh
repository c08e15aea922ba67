#!/bin/bash
# Runs the end-to-end tests with the given flags of go test: on KUBECONFIG if it is set (then KOPERATOR_IMAGE and
# SANDBOX_REGISTRY must be too), else on a sandbox of its own that goes when the tests have ended (KEEP=1 keeps it).
set -euo pipefail
cd "$(dirname "$0")/.."
instance=${E2E_INSTANCE:-e2e}

if [ -z "${KUBECONFIG:-}" ]; then
  if [ "$(id -u)" != 0 ] || [ ! -e /etc/debian_version ]; then
    echo "0 end-to-end tests ran, all skipped: they need root on a Debian-like machine, or KUBECONFIG, KOPERATOR_IMAGE and SANDBOX_REGISTRY"
    exit 0
  fi
  "$MAKE" --no-print-directory "$SANDBOX"
  "$SANDBOX" down --instance "$instance" # what an earlier run that was killed has left
  [ -n "${KEEP:-}" ] || trap '"$SANDBOX" down --instance "$instance"' EXIT
  "$SANDBOX" up --instance "$instance"
  eval "$("$SANDBOX" env --instance "$instance")"
  case "$*" in
    *TestSmoke*) ;;
    *) "$SANDBOX" image kafka --version 3.9.2 --instance "$instance" >/dev/null ;; # for ZooKeeper mode
  esac
  export KUBECONFIG KOPERATOR_IMAGE SANDBOX_REGISTRY SANDBOX_INSTANCE KAFKA_3_IMAGE
  export KUBECTL="$SANDBOX kubectl"
  KOPERATOR_IMAGE=$(go -C cmd/tools run ./image --root ../.. --platforms "linux/$(go env GOARCH)" --push "$KOPERATOR_IMAGE")
elif [ -z "${KOPERATOR_IMAGE:-}" ] || [ -z "${SANDBOX_REGISTRY:-}" ]; then
  echo "KUBECONFIG is set, so the tests would run on that cluster. For that set KOPERATOR_IMAGE to an image of the operator (make image PUSH=…)" >&2
  echo "and SANDBOX_REGISTRY to a registry with koperator/kafka:4.3.1; or unset KUBECONFIG for a sandbox of their own" >&2
  exit 1
fi
go tool -modfile=cmd/tools/go.mod gotestsum --format testname -- -tags e2e -count=1 "$@" ./cmd/e2e
