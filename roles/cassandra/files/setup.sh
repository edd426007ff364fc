# Makes the superuser, takes the well-known one away, and sets up keyspaces. Can be run any number of times.
set -eu
umask 077
cd /tmp

login() {  # file user password
  printf '[PlainTextAuthProvider]\nusername = %s\npassword = %s\n' "$2" "$3" >"$1"
}
query() {  # login file, options of cqlsh
  cqlsh "$CASSANDRA_HOST" --credentials "/tmp/$1" --request-timeout 60 "${@:2}"
}
# Until it works, for two minutes: nodes that have just come up make the first user some seconds later.
persist() {
  local end=$((SECONDS + 120))
  until "$@" >/dev/null 2>errors; do
    if ((SECONDS > end)); then
      cat errors >&2
      exit 1
    fi
    sleep 2
  done
}

login own "$CASSANDRA_USERNAME" "$CASSANDRA_PASSWORD"
login default cassandra cassandra
cat >superuser.cql <<END
CREATE ROLE IF NOT EXISTS "${CASSANDRA_USERNAME//\"/\"\"}"
  WITH SUPERUSER = true AND LOGIN = true AND PASSWORD = '${CASSANDRA_PASSWORD//\'/\'\'}';
END
# What a read at ALL finds missing on a replica is written there. It takes the place of a repair, which needs a shell there.
cat >logins.cql <<END
ALTER KEYSPACE system_auth WITH replication = $CASSANDRA_SYSTEM_REPLICATION;
CONSISTENCY ALL;
SELECT * FROM system_auth.roles;
SELECT * FROM system_auth.role_members;
SELECT * FROM system_auth.role_permissions;
SELECT * FROM system_auth.resource_role_permissons_index;
SELECT * FROM system_auth.network_permissions;
END
printf '%s\n' "$CASSANDRA_SETUP" >setup.cql

superuser() {
  query own --execute 'SELECT release_version FROM system.local' || query default --file superuser.cql
}
persist superuser
persist query own --file logins.cql
query own --file setup.cql
