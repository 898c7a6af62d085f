#!/bin/sh
# Makes the virtual environment; on Debian, whose python3.11 comes without venv, brings that first.
set -eu
venv=$1
python=${PYTHON:-python3.11}
command -v "$python" >/dev/null || { echo "cahier: $python is not on the PATH; install Python 3.11 or set PYTHON=..." >&2; exit 1; }
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "cahier: bringing python3-venv by apt-get" >&2
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq python3-venv python3.11-venv >/dev/null
  else
    echo "cahier: this Python has no venv module; as root run: apt-get install python3-venv" >&2
    exit 1
  fi
fi
[ -x "$venv/bin/pip" ] || "$python" -m venv --clear "$venv"
