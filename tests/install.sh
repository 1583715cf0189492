#!/bin/sh
# install.sh GROUP...: sees that the Debian packages of these groups (tests/packages.txt) are there
# and installs those that are not, as root or through sudo. Where all are there it calls nothing.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)

wanted() {
  for group in "$@"; do
    awk -v group="$group" '$1 == group { print $2 }' "$here/packages.txt"
  done
}

is_installed() {
  [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

if ! command -v dpkg-query >/dev/null; then
  echo "install: this is no Debian: please see to it that you have these, or what they are called here:"
  wanted "$@" | tr '\n' ' '
  echo
  exit 0
fi

missing=
for package in $(wanted "$@"); do
  is_installed "$package" || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -eq 0 ]; then
  as_root=
elif command -v sudo >/dev/null; then
  as_root=sudo
else
  echo "install: these packages are missing, and I am neither root nor is there sudo. Please run:" >&2
  echo "  apt-get install --no-install-recommends$missing" >&2
  exit 1
fi

echo "install: installing$missing"
log=$(mktemp)
# Tests start servers themselves: what is installed for them is neither started now (Debian asks this
# file) nor at the next boot.
policy=/usr/sbin/policy-rc.d
made=
restore() {
  rm -f "$log"
  [ -z "$made" ] || $as_root rm -f "$made"
}
trap restore EXIT
if [ ! -e $policy ] && printf '#!/bin/sh\nexit 101\n' | $as_root tee $policy >/dev/null; then
  made=$policy
  $as_root chmod 755 $policy
fi
disable_services() {
  command -v systemctl >/dev/null || return 0
  for package in $missing; do
    dpkg-query -L "$package" | sed -n 's|^/lib/systemd/system/\([^@]*\.service\)$|\1|p'
  done | xargs -r $as_root systemctl --quiet disable >/dev/null 2>&1 || true
}
apt() {
  # shellcheck disable=SC2086 # no word where nothing is needed
  $as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 "$@" >"$log" 2>&1
}
install() {
  # shellcheck disable=SC2086 # a list of names
  apt install -y --no-install-recommends $missing
}
# The package lists may be absent or old: then, and only then, they are fetched.
if ! install && ! { apt update && install; }; then
  cat "$log" >&2
  exit 1
fi
disable_services
