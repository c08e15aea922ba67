#!/bin/bash
# Runs the tests that start real Kafka as processes of this machine, without Kubernetes. Kafka's jars come out of the sandbox's images;
# what is missing then fails the tests instead of skipping them.
set -euo pipefail
cd "$(dirname "$0")/.."
cache=${KOPERATOR_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/koperator}
export KAFKA_JARS=${KAFKA_JARS:-$cache/kafka} KAFKA_REQUIRED=1

# jars VERSION takes the jars of a Kafka out of the layer that has them.
jars() {
  local version=$1 libs=$KAFKA_JARS/$1/libs image blob scratch
  [ ! -e "$libs/kafka-server-common-$version.jar" ] || return 0
  "$SANDBOX" image kafka --version "$version" --instance kafka-tests >/dev/null
  image=$(ls -td "$cache/images/kafka-$version-"*[!w]/ | head -1) # what ends in .new is of a build that was killed
  for blob in "$image"blobs/sha256/*; do
    # No grep -q: tar would die of the closed pipe, and that would count as a layer without jars.
    [ "$(tar -tf "$blob" 2>/dev/null | grep -c "^opt/kafka/libs/kafka-server-common-$version.jar\$" || true)" = 1 ] || continue
    scratch=$(mktemp -d "$cache/kafka-jars.XXXXXX")
    tar -xf "$blob" -C "$scratch" opt/kafka/libs
    mkdir -p "$KAFKA_JARS/$version"
    rm -rf "$libs" && mv "$scratch/opt/kafka/libs" "$libs" && rm -rf "$scratch"
    return
  done
  echo "no layer of $image has the jars of Kafka $version" >&2
  return 1
}

if [ "$(id -u)" != 0 ] || [ ! -e /etc/debian_version ]; then
  [ -d "$KAFKA_JARS" ] || { echo "0 tests with real Kafka ran, all skipped: the jars need root on a Debian-like machine, or KAFKA_JARS"; exit 0; }
else
  "$MAKE" --no-print-directory "$SANDBOX"
  jars 4.3.1
  jars 3.9.2
  # To build the images brings Java; where they came out of a cache it may be missing.
  command -v java >/dev/null || { apt-get update -qq && apt-get install -y -qq --no-install-recommends openjdk-17-jre-headless; } >/dev/null
fi
# none fails a run in which -run has named no test, which go test takes for a success.
none='[ "$TESTS_TOTAL" -gt 0 ] || { echo "no test ran: none of ./kafka and ./kube has RealKafka in its name" >&2; exit 1; }'
exec go tool -modfile=cmd/tools/go.mod gotestsum --format testname --post-run-command "bash -c '$none'" -- \
  -count=1 -p 1 -timeout 20m -run RealKafka ./kafka ./kube
