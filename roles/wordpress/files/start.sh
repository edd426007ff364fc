# Copies WordPress out of the image, unless it is there, and sets it up. docker-ensure-installed.sh, which then only adds wp-config.php,
# would copy it by a tar that fails on directories of another owner, as those of volumes are; and what it had copied until then
# would pass for a whole WordPress at the next start. Here, the file by which that is told comes last.
set -eu
site=$PWD
last=wp-includes/version.php
if [ ! -e "$last" ]; then
  cd /usr/src/wordpress
  find . -path ./wp-content -prune -o ! -type d ! -path "./$last" -exec cp -P --parents -t "$site" {} +
  # What the volume has already is not written anew: it may be full.
  find wp-content -maxdepth 2 ! -type d | while read -r file; do
    cmp -s "$file" "$site/$file" || cp -P --parents -t "$site" "$file"
  done
  # Themes and plugins that the volume has are left as they are, so none may be there by half.
  part=$site/wp-content/.slipway-$HOSTNAME
  for folder in wp-content/*/*/; do
    folder=${folder%/}
    [ ! -e "$site/$folder" ] || continue
    rm -rf "$part"
    mkdir -p "$site/${folder%/*}"
    cp -R "$folder" "$part"
    # Of several pods that start at a time, one is the first.
    mv -T "$part" "$site/$folder" || [ -e "$site/$folder" ]
  done
  rm -rf "$part"
  cp -P --parents -t "$site" "$last"
  cd "$site"
fi
exec docker-ensure-installed.sh php /usr/local/share/slipway/setup.php
