#!/bin/bash
# Runs inside of the image's root, with /proc and a loopback of its own: starts a broker once and keeps the classes
# that it loaded as an archive, which halves the time of later starts.
set -eu
export KAFKA_HOME=/opt/kafka JAVA_HOME=/opt/java HOME=/tmp
work=$(mktemp -d)
cat > "$work/server.properties" <<'P'
process.roles=broker,controller
node.id=1
listeners=PLAINTEXT://127.0.0.1:19092,CONTROLLER://127.0.0.1:19093
advertised.listeners=PLAINTEXT://127.0.0.1:19092
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
controller.quorum.voters=1@127.0.0.1:19093
offsets.topic.replication.factor=1
log.cleaner.dedupe.buffer.size=4194304
P
echo "log.dirs=$work/data" >> "$work/server.properties"
$KAFKA_HOME/bin/kafka-storage.sh format --cluster-id "$($KAFKA_HOME/bin/kafka-storage.sh random-uuid)" --ignore-formatted -c "$work/server.properties" > "$work/format" 2>&1 || { cat "$work/format" >&2; exit 1; }
KAFKA_HEAP_OPTS=-Xmx256m KAFKA_OPTS=-XX:ArchiveClassesAtExit=$KAFKA_HOME/kafka.jsa \
  $KAFKA_HOME/bin/kafka-server-start.sh "$work/server.properties" > "$work/log" 2>&1 &
broker=$!
for second in $(seq 120); do
  if grep -q '\] Kafka Server started' "$work/log"; then break; fi
  if ! kill -0 $broker 2>/dev/null; then cat "$work/log" >&2; exit 1; fi
  sleep 1
done
kill -TERM $broker
wait $broker || true
if [ ! -s $KAFKA_HOME/kafka.jsa ]; then cat "$work/log" >&2; exit 1; fi
chmod 0644 $KAFKA_HOME/kafka.jsa
rm -rf "$work" /tmp/hsperfdata_*
