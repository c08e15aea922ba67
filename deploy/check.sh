#!/bin/bash
# Everything that must hold before a change counts, in stages with their times. Called by `make check`.
set -uo pipefail
cd "$(dirname "$0")/.."
: "${MAKE:=make}"
if [ $# -gt 0 ]; then
  echo "usage: deploy/check.sh (it takes no arguments; 'make check' is the same): runs all that CI runs" >&2
  exit 2
fi
unset KUBECONFIG # nothing here may touch a cluster that somebody looks at
begin=$SECONDS
summary=()

# stage NAME BUDGET COMMAND… runs a stage; one that takes more seconds than its budget (two cores, warm caches) is marked.
# The simulation takes minutes with any cache: the gate plays 2,000 seeds, a quarter of them fresh, and 200 through client-go.
stage() {
  local name=$1 budget=$2 start=$SECONDS result=ok took note=
  shift 2
  printf '\n=== %s\n' "$name"
  "$@" || result=FAIL
  took=$((SECONDS - start))
  [ "$took" -le "$budget" ] || note=", over its budget"
  summary+=("$(printf '%-4s  %5d s of %4d s  %s%s' "$result" "$took" "$budget" "$name" "$note")")
  [ "$result" = ok ] || finish 1
}

finish() {
  printf '\n=== stages, each with its time and its budget\n'
  printf '%s\n' "${summary[@]}"
  printf '%d s in all\n' $((SECONDS - begin))
  exit "$1"
}

generated() {
  "$MAKE" --no-print-directory generate || return
  local changed
  changed=$(git status --porcelain -- kube/api kube/apply deploy/crds)
  [ -z "$changed" ] || { printf 'generated files are stale, run make generate and commit:\n%s\n' "$changed"; return 1; }
}

# nested vets and builds what the stages before have not; the tests of the nested modules ran in the stage of all tests.
nested() {
  go -C cmd/sandbox vet ./... && go -C cmd/sandbox vet -tags root . && go -C cmd/bench vet ./... &&
    go -C cmd/sandbox build -o /dev/null . && go -C cmd/bench build -o /dev/null .
}

# fresh is the first of the seeds that nobody has played before: others for each commit, the same ones for the same commit.
fresh() { echo $((1000000 + 16#$(git rev-parse --short=7 HEAD | cut -c1-7))); }

stage "test" 900 "$MAKE" --no-print-directory test
stage "generated code" 120 generated
stage "lint" 180 "$MAKE" --no-print-directory lint
stage "simulation" 480 "$MAKE" --no-print-directory sim SEEDS=2000 FRESH="$(fresh)"
stage "nested modules" 240 nested
stage "end to end, short" 600 "$MAKE" --no-print-directory e2e-smoke
stage "real Kafka" 420 "$MAKE" --no-print-directory test-kafka
finish 0
