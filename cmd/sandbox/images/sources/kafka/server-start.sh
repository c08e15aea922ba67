#!/bin/bash
# Starts a broker or controller in the foreground.
H=${KAFKA_HOME:-/opt/kafka}
export KAFKA_HEAP_OPTS=${KAFKA_HEAP_OPTS:--Xmx1G -Xms1G}
export LOG_DEFAULT="@SERVER_LOG@"
if [ -f "$H/kafka.jsa" ]; then export SHARED_ARCHIVE="-XX:SharedArchiveFile=$H/kafka.jsa"; fi
if [ "$1" = -daemon ]; then shift; fi
exec "$H/bin/kafka-run-class.sh" @CLASS@ "$@"
