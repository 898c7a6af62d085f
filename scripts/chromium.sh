#!/bin/sh
# The browser tests drive Debian's Chromium; brings it when run as root, else says what to install.
set -eu
[ -x /usr/bin/chromium ] && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "cahier: bringing chromium by apt-get" >&2
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null
else
  echo "cahier: browser tests need Chromium; as root run: apt-get install chromium" >&2
  exit 1
fi
