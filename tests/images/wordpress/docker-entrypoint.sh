#!/usr/bin/env bash
# Puts WordPress and its wp-config.php into the current folder, unless they are there, before it runs a web server or, when
# called as docker-ensure-installed.sh, any command.
set -euo pipefail
if [[ ${1-} == apache2* || $(basename "$0") == docker-ensure-installed.sh ]]; then
  source=/usr/src/wordpress
  if [[ ! -e index.php && ! -e wp-includes/version.php ]]; then
    # Themes and plugins that the volume has are left as they are.
    kept=()
    for path in "$source"/.htaccess "$source"/wp-content/*/*/; do
      path=${path#"$source"/}
      path=${path%/}
      [[ ! -e $path ]] || kept+=(--exclude "./$path")
    done
    tar --create --directory "$source" "${kept[@]}" . | tar --extract --no-overwrite-dir --no-same-owner --no-same-permissions
    echo "WordPress has been copied to $PWD" >&2
  fi
  if [[ ! -s wp-config.php ]] && compgen -e WORDPRESS_ > /dev/null; then
    while IFS= read -r line; do
      [[ $line != *RANDOM_PHRASE* ]] || line=${line//RANDOM_PHRASE/$(sha1sum < <(head --bytes 64 /dev/urandom) | cut --delimiter ' ' --fields 1)}
      printf '%s\n' "$line"
    done < "$source/wp-config-docker.php" > wp-config.php
  fi
fi
exec "$@"
