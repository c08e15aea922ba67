# Formats what may be formatted, then runs Kafka until it ends or the Pod is stopped.
# Needs bash and what Kafka's own scripts need. curl is used beside an Istio sidecar only, df where it is there.
#
#   CLUSTER_ID                 Kafka's cluster id; without it nothing is formatted (ZooKeeper mode)
#   KAFKA_QUORUM               Dynamic or Static
#   KAFKA_FORMAT_DIRS          log dirs that may be formatted, once, separated by commas
#   KAFKA_INITIAL_CONTROLLERS  first voters of a dynamic quorum, on each of them
#   KAFKA_FIRST_POD            UID of the Pod, where a first voter has its metadata on an emptyDir

config=${KAFKA_CONFIG:-/config/broker-config}
home=${KAFKA_HOME:-/opt/kafka}
state=${KAFKA_STATE_DIR:-/var/run/koperator}
waiting=${WAIT_DIR:-/var/run/wait}/do-not-exit-yet
pause=${KAFKA_HOLD_PAUSE:-5}
child= stopping= why=

say() { printf 'start: %s\n' "$*"; }

# A signal interrupts `wait`; whatever runs meanwhile gets it too.
stop() {
  stopping=yes
  [ -z "$child" ] || kill -s "$(stop_signal)" "$child" 2>/dev/null
}
trap stop TERM INT

# Without its sidecar Kafka reaches nobody and would wait for a controlled shutdown until the Pod is killed.
stop_signal() {
  if [ -n "${ENVOY_SIDECAR_STATUS:-}" ] && ! sidecar_ready; then echo KILL; else echo TERM; fi
}

sidecar_ready() { [ "$(curl -s -o /dev/null -m 1 -w '%{http_code}' http://localhost:15000/ready)" = 200 ]; }

# run CMD... : its exit code, also when signals interrupt the waiting.
run() {
  "$@" &
  child=$!
  [ -z "$stopping" ] || kill -s TERM "$child" 2>/dev/null # the signal may have come just before
  local code again
  while :; do
    wait "$child"
    code=$?
    kill -0 "$child" 2>/dev/null || break
  done
  wait "$child" 2>/dev/null
  again=$?
  child=
  [ "$again" -eq 127 ] || code=$again
  return "$code"
}

leave_if_stopped() {
  [ -z "$stopping" ] && return
  say "stopped before Kafka was started"
  exit 0
}

# hold GUARD : waits while the guard fails and says so once a minute. Exiting instead would only make the kubelet start
# the same thing again and hide the reason behind CrashLoopBackOff; Kafka must not start in the meantime.
hold() {
  local said=-60
  until "$1"; do
    leave_if_stopped
    if [ $((SECONDS - said)) -ge 60 ]; then
      say "waiting: $why"
      said=$SECONDS
    fi
    run sleep "$pause"
    leave_if_stopped
  done
}

# property KEY : its value in the rendered file, which has one key=value a line.
property() {
  local line
  while IFS= read -r line || [ -n "$line" ]; do
    if [ "${line%%=*}" = "$1" ]; then
      printf '%s' "${line#*=}"
      return
    fi
  done <"$config"
}

# listed ITEM LIST : is it in the comma separated list?
listed() { case ",$2," in *",$1,"*) return 0 ;; *) return 1 ;; esac; }

marker() {
  local name=${1//%/%25}
  printf '%s/formatted-%s' "$state" "${name//\//%2F}"
}

# --- the version of Kafka in the image -------------------------------------------------------------------------------

kafka_version() {
  local jar
  for jar in "$home"/libs/kafka-server-common-[0-9]*.jar; do
    jar=${jar##*/kafka-server-common-}
    [[ $jar =~ ^([0-9]+)\.([0-9]+) ]] && echo "${BASH_REMATCH[1]} ${BASH_REMATCH[2]} ${jar%.jar}"
    return
  done
}

# Kafka below 3.9 has no dynamic quorum (KIP-853), Kafka 4 no ZooKeeper mode (KIP-500).
version_fits() {
  local major minor full
  read -r major minor full <<<"$(kafka_version)"
  [ -n "$full" ] || return 0
  if [ -z "$roles" ]; then
    why="Kafka $full has no ZooKeeper mode: set an image with Kafka 3.6 to 3.9"
    [ "$major" -lt 4 ]
  elif [ "${KAFKA_QUORUM:-}" = Dynamic ]; then
    why="Kafka $full cannot run a new KRaft cluster, its quorum needs 3.9 or later: set a newer image"
    [ "$major" -gt 3 ] || { [ "$major" -eq 3 ] && [ "$minor" -ge 9 ]; }
  fi
}

# --- log dirs --------------------------------------------------------------------------------------------------------

# Kafka without room on a disk takes that disk offline or dies in the middle of log recovery.
room_left() {
  local dir at line size free need
  command -v df >/dev/null 2>&1 || return 0
  for dir in "${dirs[@]}"; do
    at=$dir
    while [[ $at = */* && ! -e $at ]]; do at=${at%/*}; done
    line=$(df -Pk "${at:-/}" 2>/dev/null) || continue
    read -r _ size _ free _ <<<"${line##*$'\n'}"
    [[ $size =~ ^[0-9]+$ && $free =~ ^[0-9]+$ ]] || continue
    need=$((size / 100))
    [ "$need" -ge "${KAFKA_MIN_FREE_KIB:-262144}" ] || need=${KAFKA_MIN_FREE_KIB:-262144}
    if [ "$free" -lt "$need" ]; then
      why="disk full: $dir has $free KiB free of $size and needs $need to start: grow the volume, or delete data by hand"
      return 1
    fi
  done
}

# has_data DIR : replicas, or a metadata log beyond what formatting writes.
has_data() {
  local entry
  for entry in "$1"/*-[0-9]*; do
    [ -d "$entry" ] || continue
    [ "${entry##*/}" = __cluster_metadata-0 ] || return 0
    for entry in "$entry"/*.log; do
      [ -e "$entry" ] && return 0
    done
  done
  return 1
}

# metadata_dir : the log dir with the metadata log. By default it is the first of log.dirs; but a disk that a broker gets
# for itself comes before those of its group, and Kafka refuses to start with a metadata log in any other log dir.
metadata_dir() {
  local dir
  dir=$(property metadata.log.dir)
  if [ -n "$dir" ]; then
    printf '%s' "$dir"
    return
  fi
  for dir in "${dirs[@]}" "${dirs[0]}"; do
    [ ! -d "$dir/__cluster_metadata-0" ] || [ ! -e "$dir/meta.properties" ] || break
  done
  printf '%s' "$dir"
}

# Sorts the log dirs into formatted ones and those to format; fails for one that is neither.
dirs_known() {
  local dir
  todo=()
  for dir in "${dirs[@]}"; do
    if [ -e "$dir/meta.properties" ]; then
      listed "$dir" "${KAFKA_FORMAT_DIRS:-}" && : >>"$(marker "$dir")"
      continue
    fi
    why="$dir has no meta.properties, the volume came back empty or another one is mounted; nothing is formatted: bring the data back, or see the conditions of the KafkaCluster"
    listed "$dir" "${KAFKA_FORMAT_DIRS:-}" || return 1
    [ ! -e "$(marker "$dir")" ] || return 1
    why="$dir may be formatted but holds data without meta.properties; nothing is formatted: bring meta.properties back, or empty the directory by hand"
    ! has_data "$dir" || return 1
    todo+=("$dir")
  done
}

# first_voter : the directory id of a first voter whose metadata are on an emptyDir is known before any Pod and never changes. So one Pod
# alone may have it: the next would be taken for a voter that it is not, with an empty log and without the votes that were given.
first_voter() {
  local named=
  [ -n "${KAFKA_FIRST_POD:-}" ] && [ ! -e "$metadata/meta.properties" ] || return 0
  why="$metadata is to be that of a first voter of the metadata quorum, and the broker's ConfigMap does not name this Pod as the one that may; nothing is formatted: see the conditions of the KafkaCluster"
  { read -r named <"${config%/*}/first-voter"; } 2>/dev/null
  [ "$named" = "$KAFKA_FIRST_POD" ]
}

# format_config : the file that formatting reads. kafka-storage.sh formats every log dir of its file, so this one names
# only those that may be. The metadata log dir stays what it is: Kafka wants it among them, and by --ignore-formatted
# leaves it alone if it is formatted already.
format_config() {
  local line joined
  joined=$(printf '%s,' "${todo[@]}")
  while IFS= read -r line || [ -n "$line" ]; do
    case "${line%%=*}" in
      log.dir | log.dirs | metadata.log.dir) ;;
      *) printf '%s\n' "$line" ;;
    esac
  done <"$config"
  printf 'log.dirs=%s\nmetadata.log.dir=%s\n' "${joined%,}" "$metadata"
}

# Only a first voter that formats its metadata log dir writes the first voter set; everybody else learns it.
quorum_options() {
  [ "${KAFKA_QUORUM:-}" = Dynamic ] || return
  if [ -n "${KAFKA_INITIAL_CONTROLLERS:-}" ] && [[ " ${todo[*]} " = *" $metadata "* ]]; then
    printf '%s\n' --initial-controllers "$KAFKA_INITIAL_CONTROLLERS"
  else
    printf '%s\n' --no-initial-controllers
  fi
}

# A new quorum begins with the metadata.version that people ask for, since Kafka cannot go back to it from a newer one: with the nearest where
# this Kafka does not have it yet, or it has no dynamic quorum (KIP-853). The operator tells of both.
level_options() {
  local level= asked own lowest=0 major minor full
  [[ " ${todo[*]} " = *" $metadata "* ]] || return
  { read -r level <"${config%/*}/metadata-version"; } 2>/dev/null
  [[ $level =~ ^([0-9]+)\.([0-9]+) ]] || return
  asked=$((10#${BASH_REMATCH[1]} * 1000 + 10#${BASH_REMATCH[2]}))
  read -r major minor full <<<"$(kafka_version)"
  own=$((10#${major:-0} * 1000 + 10#${minor:-0}))
  [ "${KAFKA_QUORUM:-}" = Dynamic ] && lowest=3009
  [ "$asked" -ge "$lowest" ] || { asked=3009 level=3.9-IV0; }
  [ "$asked" -gt "$own" ] || printf '%s\n' --release-version "$level"
}

storage_format() {
  # The JMX agent in KAFKA_OPTS would take the port that the broker's own needs a moment later.
  KAFKA_OPTS= JMX_PORT= exec "$home/bin/kafka-storage.sh" format --cluster-id "$CLUSTER_ID" --ignore-formatted \
    "$@" --config "$state/format.properties"
}

# The markers come after the formatting, so that a crash in between is repaired, and before Kafka, so that a volume that
# is emptied under a running broker is not formatted when its container starts again.
format() {
  local options dir code
  [ "${#todo[@]}" -gt 0 ] || return 0
  format_config >"$state/format.properties" || exit 1
  mapfile -t options < <(quorum_options; level_options)
  say "formatting ${todo[*]} ${options[*]}"
  run storage_format "${options[@]}"
  code=$?
  leave_if_stopped
  if [ "$code" -ne 0 ]; then
    say "kafka-storage.sh failed with exit code $code"
    exit "$code"
  fi
  for dir in "${todo[@]}"; do : >>"$(marker "$dir")" || exit 1; done
}

# In a static quorum Kafka refuses to start when the ids in quorum-state are not those of controller.quorum.voters. The
# file also remembers whom this node voted for, so it goes only then. In a dynamic quorum it always stays.
voters_as_stored() {
  local file=$metadata/__cluster_metadata-0/quorum-state voters stored= wanted= content voter
  voters=$(property controller.quorum.voters)
  [ "${KAFKA_QUORUM:-}" = Static ] && [ -n "$voters" ] && [ -s "$file" ] || return 0
  content=$(<"$file")
  [[ $content == *'"currentVoters"'* ]] || return 0
  while [[ $content =~ \"voterId\":([0-9]+)(.*) ]]; do
    stored+=" ${BASH_REMATCH[1]} "
    content=${BASH_REMATCH[2]}
  done
  for voter in ${voters//,/ }; do wanted+=" ${voter%%@*} "; done
  same_ids "$stored" "$wanted" && return
  say "the voters changed from$stored to$wanted: removing quorum-state"
  rm -f "$file"
}

same_ids() {
  local id
  for id in $1; do [[ $2 = *" $id "* ]] || return 1; done
  for id in $2; do [[ $1 = *" $id "* ]] || return 1; done
}

# --- order -----------------------------------------------------------------------------------------------------------

if [ -n "${ENVOY_SIDECAR_STATUS:-}" ]; then
  for ((i = 0; i < 30; i++)); do
    sidecar_ready && break
    leave_if_stopped
    run sleep 1
  done
fi
mkdir -p "$state" && : >"$waiting" || exit 1
trap 'rm -f "$waiting"' EXIT # a sidecar waits for this

roles=$(property process.roles)
IFS=, read -r -a dirs <<<"$(property log.dirs)"
metadata=$(metadata_dir)
options=()
[ -z "$roles" ] || [ "$metadata" = "${dirs[0]}" ] || options=(--override "metadata.log.dir=$metadata")

hold version_fits
hold room_left
if [ -n "$roles" ]; then
  hold dirs_known
  hold first_voter
  format
  voters_as_stored
fi
leave_if_stopped

run "$home/bin/kafka-server-start.sh" "$config" "${options[@]}"
code=$?
# 143 is what Java makes of SIGTERM: an ordered stop, not a failure.
[ "$code" -eq 143 ] && code=0
exit "$code"
