#!/usr/bin/env bash
# collect_root.sh FOLDER PROGRAM...: puts into FOLDER what the programs need of
# this Debian: shared libraries, certificates, a user; with licences, and dpkg's
# records where scanners look for them in an image without dpkg.
set -euo pipefail
readonly root=$1
shift

put() {
  mkdir -p "$root$(dirname "$1")"
  cp -L "$1" "$root$1"
}

# As in Debian, where /lib is another name of /usr/lib.
for link in /lib /lib64; do
  [[ -L $link ]] || continue
  mkdir -p "$root/usr$link"
  ln -s "usr$link" "$root$link"
done

libraries=$(ldd "$@")
if grep 'not found' <<<"$libraries" >&2; then exit 1; fi
libraries=$(awk '$2 == "=>" { print $3 } $1 ~ /^\/.*\/ld-linux/ { print $1 }' \
  <<<"$libraries" | sort -u)
packages=(base-files ca-certificates)
for library in $libraries; do
  put "$library"
  owner=$(dpkg-query -S "*/$(basename "$(readlink -f "$library")")")
  packages+=("${owner%%:*}")
done
put /etc/os-release
put /etc/ssl/certs/ca-certificates.crt

mkdir -p "$root/var/lib/dpkg/status.d"
printf '%s\n' "${packages[@]}" | sort -u | while read -r package; do
  put "/usr/share/doc/$package/copyright"
  dpkg-query -s "$package" >"$root/var/lib/dpkg/status.d/$package"
done
cp -r /usr/share/common-licenses "$root/usr/share/"

# librdkafka's licences, and those of what is part of it.
licences=/usr/share/doc/librdkafka
mkdir -p "$root$licences"
cp node_modules/@confluentinc/kafka-javascript/deps/librdkafka/LICENSE* \
  "$root$licences/"

echo 'hosts: files dns' >"$root/etc/nsswitch.conf"
echo 'switchyard:x:65532:65532::/:/sbin/nologin' >"$root/etc/passwd"
echo 'switchyard:x:65532:' >"$root/etc/group"
mkdir -p "$root/etc/switchyard"
mkdir -m 1777 "$root/tmp"
