# Copies the image's configuration to where the container may write, with the settings given put in place of its own.
set -eu
cp -R /etc/cassandra/. /configuration/
keys=$(printf '%s\n' "$CASSANDRA_SETTINGS" | sed 's/:.*//' | paste -s -d '|' -)
# A setting goes on until the next key in the first column. Comments stay: the image's start script puts values there.
awk -v keys="^($keys):" '
  /^[^ \t#-]/ { skip = ($0 ~ keys) }
  !skip || /^#/
' /etc/cassandra/cassandra.yaml >/configuration/cassandra.yaml
printf '%s\n' "$CASSANDRA_SETTINGS" >>/configuration/cassandra.yaml
