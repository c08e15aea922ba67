#!/bin/bash
# From nothing to consumed messages: Kubernetes, images, operator, a Kafka cluster, 1,000 messages. Called by `make demo`.
set -euo pipefail
cd "$(dirname "$0")/.."
down="make demo-down"
[ "$INSTANCE" = default ] || down+=" INSTANCE=$INSTANCE"
step() { printf '\n== %s (%d s)\n' "$*" "$SECONDS"; }
fail() { printf '\ndemo: %s\n' "$*" >&2; exit 1; }

[ "$(id -u)" = 0 ] || fail "the sandbox needs root: run 'sudo make demo', or use your own cluster as the README shows"
[ -e /etc/debian_version ] || fail "the sandbox needs a Debian-like machine: use your own cluster as the README shows"
type -P go >/dev/null || fail "the program go is not there: install Go as the README says, and have it in root's PATH (sudo has its own)"

step "the sandbox's program; the first time compiles Kubernetes for six to ten minutes, without a word"
make --no-print-directory "$SANDBOX" ||
  fail "the sandbox could not be built: the lines above say why. If Go modules could not be fetched, try again with a network; if
the compiler was killed, it needs more memory"

step "Kubernetes, with three nodes in three zones; the first time builds Kafka's images for some minutes"
"$SANDBOX" up --instance "$INSTANCE" || fail "the sandbox did not come up; '$down' and try again"
environment=$("$SANDBOX" env --instance "$INSTANCE") || fail "the sandbox does not say where it is; '$down' and try again"
eval "$environment"
export KUBECONFIG
look="export KUBECONFIG=$KUBECONFIG;" alias=
if ! type -P kubectl >/dev/null; then # then what we tell people to run must bring its own: an alias has no effect on the line that makes it
  look+=" kubectl() { '$SANDBOX' kubectl \"\$@\"; };"
  alias=$'\n'"  alias kubectl=\"$SANDBOX kubectl\""
fi
kubectl() { "$SANDBOX" kubectl "$@"; }

step "the operator's image; the first time compiles for some minutes, without a word"
# With the digest in its name, a new build is a new image for the kubelet.
image=$(go -C cmd/tools run ./image --root ../.. --platforms "linux/$(go env GOARCH)" --push "$KOPERATOR_IMAGE") ||
  fail "the operator's image could not be built and pushed to the sandbox's registry: the lines above say why. If Go modules
could not be fetched, try again with a network; if the registry does not answer, '$down' and try again"

step "CRDs and operator"
kubectl kustomize deploy | sed "s#image: koperator:latest#image: $image#" | kubectl apply -f - >/dev/null ||
  fail "not everything of 'kubectl kustomize deploy' was taken: the lines above name the object; correct it, or '$down' and try again"
for ((waited = 0; ; waited++)); do # until the API server serves our kinds
  kubectl get --raw /apis/kafka.banzaicloud.io/v1beta1/kafkaclusters >/dev/null 2>&1 && break
  [ "$waited" -lt 30 ] || fail "the API server does not serve KafkaClusters: $look kubectl describe crd kafkaclusters.kafka.banzaicloud.io"
  sleep 1
done
kubectl -n koperator rollout status deployment koperator --timeout 120s ||
  fail "the operator does not start: $look kubectl -n koperator describe pods; kubectl -n koperator logs -l app=koperator"

step "a Kafka cluster of three KRaft nodes"
kubectl create namespace kafka --dry-run=client -o yaml | kubectl apply -f - >/dev/null ||
  fail "namespace kafka was not made: $look kubectl describe namespace kafka"
there=$(kubectl -n kafka get kafkacluster demo --ignore-not-found -o name) ||
  fail "the API server does not say whether there is a KafkaCluster already: the line above says why"
if [ -n "$there" ]; then
  echo "  KafkaCluster demo is there and stays as it is; to begin anew: kubectl -n kafka delete kafkacluster demo"
else
  sed "s#REGISTRY#$SANDBOX_REGISTRY#" deploy/samples/sandbox.yaml | kubectl apply -f - ||
    fail "the KafkaCluster was not taken: the line above names the field of deploy/samples/sandbox.yaml to correct"
fi
last=
for ((waited = 0; ; waited++)); do
  now=$(kubectl -n kafka get kafkacluster demo -o \
    jsonpath='{.status.brokersReady} {.status.conditions[?(@.type=="Ready")].reason}: {.status.conditions[?(@.type=="Ready")].message}' 2>/dev/null || true)
  [ "$now" = "$last" ] || printf '  %4d s  %s\n' "$SECONDS" "$now"
  last=$now
  ready=$(kubectl -n kafka get kafkacluster demo -o jsonpath='{.status.conditions[?(@.type=="Ready")].status}' 2>/dev/null || true)
  [ "$ready" = True ] && break
  case $now in
  *InvalidSpec:* | *NotSupported:*) # for some seconds it may be the answer to what was there before
    [ "$waited" -lt 10 ] || fail "the operator does not take the spec of KafkaCluster demo, see above: $look kubectl -n kafka edit kafkacluster demo, or delete it and run this again"
    ;;
  esac
  [ "$waited" -lt 300 ] || fail "the cluster is not ready after five minutes: $look kubectl -n kafka describe kafkacluster demo"
  sleep 1
done

step "1,000 messages, written and read back inside the cluster"
node() { kubectl -n kafka exec "demo-node-$1" -c kafka -- bash -c "$2"; }
bootstrap=demo-headless.kafka.svc.cluster.local:29092
node 0 "kafka-topics.sh --bootstrap-server $bootstrap --create --if-not-exists --topic demo --partitions 6" ||
  fail "the topic was not made: $look kubectl -n kafka logs demo-node-0; kubectl -n kafka describe kafkacluster demo"
run=$RANDOM$RANDOM
node 0 "seq -f 'message $run-%g' 1 1000 | kafka-console-producer.sh --bootstrap-server $bootstrap --topic demo" >/dev/null ||
  fail "the messages were not taken: $look kubectl -n kafka logs demo-node-0; kubectl -n kafka get pods"
read=$(node 1 "timeout 60 kafka-console-consumer.sh --bootstrap-server $bootstrap --topic demo --from-beginning --timeout-ms 8000 2>/dev/null" |
  grep -c "message $run-" || true)
[ "$read" = 1000 ] || fail "$read of 1,000 messages came back: $look kubectl -n kafka logs demo-node-1; kubectl -n kafka get pods"

cat <<TEXT

Done in $SECONDS s: Kubernetes with the operator, a Kafka cluster of three nodes, 1,000 messages written and read.

Look around:
  export KUBECONFIG=$KUBECONFIG$alias
  kubectl get kafkacluster -A
  kubectl -n kafka describe kafkacluster demo
  kubectl -n kafka get pods,pvc,configmaps,services,pdb
  kubectl -n koperator logs -l app=koperator --prefix --tail=20
Try: kubectl -n kafka delete pod demo-node-1     # back at once, with its data
     kubectl -n kafka edit kafkacluster demo     # add a broker
Remove everything: $down
TEXT
