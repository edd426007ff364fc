#!/usr/bin/env bash
# Makes the database on the first start, upgrades its system tables after a new version, and runs the server.
set -euo pipefail

data=/var/lib/mysql

# The value of MARIADB_$1, or what the file of MARIADB_$1_FILE holds, or the default.
setting() {
  local name=MARIADB_$1 file=MARIADB_$1_FILE
  if [[ -n ${!file-} ]]; then cat "${!file}"; else printf '%s' "${!name-${2-}}"; fi
}

# As an SQL literal.
quoted() {
  local text=${1//\\/\\\\}
  printf "'%s'" "${text//\'/\\\'}"
}

# With the server on its socket alone, for as long as the command runs.
with_server() {
  mariadbd --skip-networking --socket=/run/mysqld/setup.sock "${options[@]}" &
  local server=$!
  until mariadb-admin --no-defaults --socket=/run/mysqld/setup.sock ping &> /dev/null; do
    kill -0 "$server" || exit 1
    sleep 0.2
  done
  "$@"
  kill "$server"
  wait "$server"
}

client() {
  mariadb --no-defaults --socket=/run/mysqld/setup.sock --user=root --binary-mode "$@"
}

create() {
  local root user database host
  root=$(setting ROOT_PASSWORD)
  host=$(setting ROOT_HOST %)
  database=$(setting DATABASE)
  user=$(setting USER)
  {
    [[ -z $database ]] || echo "CREATE DATABASE IF NOT EXISTS \`$database\`;"
    if [[ -n $user ]]; then
      echo "CREATE USER $(quoted "$user")@'%' IDENTIFIED BY $(quoted "$(setting PASSWORD)");"
      [[ -z $database ]] || echo "GRANT ALL ON \`${database//_/\\_}\`.* TO $(quoted "$user")@'%';"
    fi
    if [[ $host != localhost ]]; then
      echo "CREATE USER root@$(quoted "$host") IDENTIFIED BY $(quoted "$root");"
      echo "GRANT ALL ON *.* TO root@$(quoted "$host") WITH GRANT OPTION;"
    fi
  } | client
  local file
  for file in /docker-entrypoint-initdb.d/*.sql; do
    [[ ! -e $file ]] || client --database="$database" < "$file"
  done
  # From here on the client would need it.
  echo "SET PASSWORD FOR root@localhost = PASSWORD($(quoted "$root"));" | client
}

upgrade() {
  MYSQL_PWD=$(setting ROOT_PASSWORD) mariadb-upgrade --socket=/run/mysqld/setup.sock --user=root --upgrade-system-tables
}

if [[ ${1-} == mariadbd ]]; then
  options=()
  if [[ ! -d $data/mysql ]]; then
    if [[ -z $(setting ROOT_PASSWORD) ]]; then
      echo "Database is uninitialized and MARIADB_ROOT_PASSWORD is not given" >&2
      exit 1
    fi
    mariadb-install-db --datadir="$data" --auth-root-authentication-method=normal --skip-test-db > /dev/null
    with_server create
    # The file that mariadb-upgrade leaves says which version made the tables.
    mariadbd --version | grep --only-matching '[0-9][0-9.]*-MariaDB' > "$data/mariadb_upgrade_info"
  elif [[ $(setting AUTO_UPGRADE 0) != 0 && $(< "$data/mariadb_upgrade_info") != "$(mariadbd --version | grep --only-matching '[0-9][0-9.]*-MariaDB')" ]]; then
    with_server upgrade
  fi
fi
exec "$@"
