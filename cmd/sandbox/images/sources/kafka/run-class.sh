#!/bin/bash
# Runs a Java class of Kafka. The class path is sorted: the class archive is only used with the same order every time.
H=${KAFKA_HOME:-/opt/kafka}
CP=$(printf "%s:" "$H"/libs/*.jar)
CP="${CP%:}${CLASSPATH:+:$CLASSPATH}"
LOG=${KAFKA_LOG4J_OPTS:-$LOG_DEFAULT}
case "$LOG" in *-Dlog4j.configuration=*) LOG="$LOG -Dlog4j1.compatibility=true" ;; esac
exec "${JAVA_HOME:+$JAVA_HOME/bin/}java" ${KAFKA_HEAP_OPTS:--Xmx256m} \
  ${KAFKA_JVM_PERFORMANCE_OPTS:--XX:TieredStopAtLevel=1 -XX:+UseSerialGC} \
  $SHARED_ARCHIVE $KAFKA_JMX_OPTS $LOG $KAFKA_OPTS -cp "$CP" "$@"
