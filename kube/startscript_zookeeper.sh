# --- ZooKeeper mode: what comes between the guards and Kafka ----------------------------------------------------------
#
# Kafka itself writes meta.properties here, late in its first start, and takes every log dir without one for new.
# KAFKA_FORMAT_DIRS are the log dirs that may be.

# Fails for a log dir that was used before and came back without meta.properties; gathers those that are new. What else lies in a new one
# is no reason to hold: Kafka keeps it.
dirs_used() {
  local dir
  todo=()
  for dir in "${dirs[@]}"; do
    if [ -e "$dir/meta.properties" ]; then
      ! listed "$dir" "${KAFKA_FORMAT_DIRS:-}" || : >>"$(marker "$dir")"
      continue
    fi
    why="$dir has no meta.properties, the volume came back empty or another one is mounted; nothing is formatted: bring the data back, or see the conditions of the KafkaCluster"
    listed "$dir" "${KAFKA_FORMAT_DIRS:-}" && [ ! -e "$(marker "$dir")" ] || return 1
    todo+=("$dir")
  done
}

# The right is used up as soon as Kafka has written the file, and not when the container starts again: its machine may go down
# before, and come back with an empty volume.
mark_first_use() {
  local dir left=yes
  while [ -n "$left" ] && kill -0 "$$"; do
    left=
    sleep "$pause"
    for dir in "${todo[@]}"; do
      if [ -e "$dir/meta.properties" ]; then : >>"$(marker "$dir")"; else left=yes; fi
    done
  done
}

hold dirs_used
[ "${#todo[@]}" -eq 0 ] || mark_first_use >/dev/null 2>&1 &
