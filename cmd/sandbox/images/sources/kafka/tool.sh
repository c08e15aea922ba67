#!/bin/bash
# A tool: without the broker's Java agent, whose port is taken, and with messages on standard error only.
H=${KAFKA_HOME:-/opt/kafka}
unset KAFKA_OPTS JMX_PORT KAFKA_JMX_OPTS
export LOG_DEFAULT="@TOOLS_LOG@" KAFKA_LOG4J_OPTS=
export KAFKA_HEAP_OPTS=${KAFKA_TOOL_HEAP_OPTS:--Xmx128m} KAFKA_JVM_PERFORMANCE_OPTS="-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
exec "$H/bin/kafka-run-class.sh" @CLASS@ "$@"
