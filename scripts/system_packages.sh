#!/bin/sh
# What tests need of Debian: Chromium for the browser tests, SoftHSM for keys in tokens.
# Brings it when run as root, else says what to install.
set -eu
missing=""
[ -x /usr/bin/chromium ] || missing="chromium fonts-dejavu-core"
command -v softhsm2-util >/dev/null || missing="$missing softhsm2"
[ -n "$missing" ] || exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "cahier: bringing $missing by apt-get" >&2
  apt-get update -qq
  # shellcheck disable=SC2086
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
else
  echo "cahier: the tests need Debian packages; as root run: apt-get install $missing" >&2
  exit 1
fi
