#!/usr/bin/env bash
# Succeeds once the server answers on its port, which it does when InnoDB is up. A refused password is an answer, too.
exec mariadb-admin --no-defaults --protocol=tcp --host=127.0.0.1 --connect-timeout=2 ping > /dev/null
