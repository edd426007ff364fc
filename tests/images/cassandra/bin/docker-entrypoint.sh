#!/usr/bin/env bash
# Sets in cassandra.yaml what the environment says, under the names of the official image.
set -e

if [[ ${1:-} == -* ]]; then
  set -- cassandra -f "$@"
fi
if [[ ${1:-} != cassandra ]]; then
  exec "$@"
fi

own=$(hostname -i | cut -d ' ' -f 1)
[[ ${CASSANDRA_LISTEN_ADDRESS:-auto} == auto ]] && CASSANDRA_LISTEN_ADDRESS=$own
: "${CASSANDRA_RPC_ADDRESS:=0.0.0.0}"
: "${CASSANDRA_BROADCAST_ADDRESS:=$CASSANDRA_LISTEN_ADDRESS}"
: "${CASSANDRA_BROADCAST_RPC_ADDRESS:=$CASSANDRA_BROADCAST_ADDRESS}"
: "${CASSANDRA_SEEDS:=$CASSANDRA_BROADCAST_ADDRESS}"

# Not `sed -i`: the file may be mounted, and its folder read-only.
edit() {  # sed expression, file
  local edited
  edited=$(sed -r "$1" "$2")
  printf '%s\n' "$edited" >"$2"
}
edit "s/^( *- seeds:).*/\\1 \"$CASSANDRA_SEEDS\"/" "$CASSANDRA_CONF/cassandra.yaml"
for name in broadcast_address broadcast_rpc_address cluster_name endpoint_snitch listen_address num_tokens rpc_address; do
  variable=CASSANDRA_${name^^}
  if [[ -n ${!variable:-} ]]; then
    edit "s/^(# *)?($name:).*/\\2 ${!variable}/" "$CASSANDRA_CONF/cassandra.yaml"
  fi
done
for name in dc rack; do
  variable=CASSANDRA_${name^^}
  if [[ -n ${!variable:-} ]]; then
    edit "s/^($name=).*/\\1${!variable}/" "$CASSANDRA_CONF/cassandra-rackdc.properties"
  fi
done
exec "$@"
