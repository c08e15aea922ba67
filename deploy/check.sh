#!/bin/bash
# Everything that must hold before a change counts, in stages with their times. Called by `make check`.
set -uo pipefail
cd "$(dirname "$0")/.."
unset KUBECONFIG # nothing here may touch a cluster that somebody looks at
begin=$SECONDS
tools=$PWD/cmd/tools/go.mod
summary=()

stage() {
  local name=$1 start=$SECONDS
  shift
  printf '\n=== %s\n' "$name"
  if "$@"; then
    summary+=("$(printf 'ok    %5d s  %s' $((SECONDS - start)) "$name")")
    return
  fi
  summary+=("$(printf 'FAIL  %5d s  %s' $((SECONDS - start)) "$name")")
  finish 1
}

finish() {
  printf '\n=== stages\n'
  printf '%s\n' "${summary[@]}"
  printf '%d s in all\n' $((SECONDS - begin))
  exit "$1"
}

generated() {
  "$MAKE" --no-print-directory generate || return
  local changed
  changed=$(git status --porcelain -- kube/api kube/apply deploy/crds)
  [ -z "$changed" ] || { printf 'generated files are stale, run make generate and commit:\n%s\n' "$changed"; return 1; }
  nested cmd/tools
}

# nested vets and tests a module of its own; gotestsum counts its tests and says why some were skipped.
nested() {
  local module=$1
  shift
  go -C "$module" vet ./... && (cd "$module" && go tool -modfile="$tools" gotestsum --format pkgname -- -count=1 "$@" ./...)
}

sandbox_module() { nested cmd/sandbox && nested cmd/bench; }

# fresh is the first of the seeds that nobody has played before: others for each commit, the same ones for the same commit.
fresh() { echo $((1000000 + 16#$(git rev-parse --short=7 HEAD | cut -c1-7))); }

stage "test" "$MAKE" --no-print-directory test
stage "generated code" generated
stage "lint" "$MAKE" --no-print-directory lint
stage "simulation" "$MAKE" --no-print-directory sim SEEDS=2000 FRESH="$(fresh)"
stage "nested modules" sandbox_module
stage "end to end, short" "$MAKE" --no-print-directory e2e-smoke
finish 0
