#!/bin/bash
# Runs all end-to-end tests. On this machine two sandboxes stand side by side, since most of a test is waiting, and what measures time has
# the machine to itself at the end. On KUBECONFIG one test follows the other.
set -euo pipefail
cd "$(dirname "$0")/.."

# The second sandbox's tests; those that stand nowhere are the first one's.
second='TestDisks|TestNodeLost|TestProducersNoticeNothing|TestSmoke|TestUpgrade|TestZooKeeperMode'
alone='TestRoll'

if [ -n "${KUBECONFIG:-}" ]; then
  echo "TestDownLeavesTheMachineAsItWas is not run: KUBECONFIG is set, and it is about the sandbox"
  exec deploy/e2e.sh -timeout 150m
fi
if [ "$(id -u)" != 0 ] || [ ! -e /etc/debian_version ]; then
  exec deploy/e2e.sh # which says what is missing
fi
first=${E2E_INSTANCE:-e2e}
echo "the sandbox's program: the first time compiles Kubernetes for six to ten minutes, without a word"
"$MAKE" --no-print-directory "$SANDBOX"
"$SANDBOX" down --instance "$first"
"$SANDBOX" down --instance "$first-2"

# The sandbox's own test, that it leaves the machine as it was, compares all of it: before ours come up.
if ! (cd cmd/sandbox && go tool -modfile=../tools/go.mod gotestsum --format testname \
  --post-run-command 'bash -c "test $TESTS_TOTAL != 0 -a $TESTS_SKIPPED = 0"' -- -count=1 -tags root -timeout 15m .); then
  "$SANDBOX" down --instance traces --purge
  exit 1
fi

# What is interrupted takes both down: each script does so at its end.
lanes=()
trap 'kill "${lanes[@]}" 2>/dev/null; wait; exit 130' INT TERM
# Images and caches are made once, by the first; the second has to wait for them anyway.
E2E_INSTANCE=$first deploy/e2e.sh -skip "^($second|$alone)$" -timeout 100m > >(sed -u 's/^/1| /') 2>&1 &
lanes+=($!)
until "$SANDBOX" env --instance "$first" >/dev/null 2>&1 || ! kill -0 "${lanes[0]}" 2>/dev/null; do sleep 2; done
E2E_INSTANCE=$first-2 deploy/e2e.sh -run "^($second)$" -timeout 100m > >(sed -u 's/^/2| /') 2>&1 &
lanes+=($!)

failed=0
for lane in "${lanes[@]}"; do
  wait "$lane" || failed=1
done
E2E_INSTANCE=$first-3 deploy/e2e.sh -run "^($alone)$" -timeout 20m || failed=1
exit "$failed"
