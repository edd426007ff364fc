# Starts the node with the seeds that it may have. One that is its own seed joins without taking over its share of the rows.
# So a node is that after it has joined, when it is a member like any other, or where there is nobody else: as the first of
# a new cluster.
set -eu
if [[ -e /var/lib/cassandra/joined ]]; then
  seeds=${CASSANDRA_SEED_NODES/"$POD_NAME.$CASSANDRA_HEADLESS"/"$POD_IP"}
else
  seeds=$(getent ahosts "$CASSANDRA_HEADLESS" | awk -v own="$POD_IP" '$2 == "STREAM" && $1 != own { print $1 }' | paste -s -d , -)
  if [[ -z $seeds && $POD_NAME == *-0 ]]; then
    seeds=$POD_IP
  elif [[ -z $seeds ]]; then
    echo "$CASSANDRA_HEADLESS names no other node, which $POD_NAME could get its rows from" >&2
    exit 1
  fi
  # Noted by the module cassandra_replace: the address of the lost node whose share of the rows this one takes over.
  if [[ -e /replacement/$POD_NAME ]]; then
    export JVM_EXTRA_OPTS="$JVM_EXTRA_OPTS -Dcassandra.replace_address_first_boot=$(<"/replacement/$POD_NAME")"
  fi
fi
export CASSANDRA_SEEDS=$seeds
exec docker-entrypoint.sh cassandra -f
