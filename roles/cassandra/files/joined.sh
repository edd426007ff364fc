# The startup probe: CQL is served once the node has joined, which its volume remembers.
set -eu
: </dev/tcp/127.0.0.1/9042
touch /var/lib/cassandra/joined
