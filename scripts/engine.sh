#!/bin/sh
# A container engine for building and trying images where none runs.
#
#   scripts/engine.sh install      brings Debian's docker.io and mmdebstrap, as root
#   scripts/engine.sh start DIR    starts dockerd on DIR and prints its DOCKER_HOST
#   scripts/engine.sh stop DIR     stops it, by its pid
#
# It touches no firewall and makes no bridge of its own, so that nothing is left behind.
# Exit 3: no engine can be had here (said on stderr).
set -eu
NONE=3
none() { echo "engine: $1" >&2; exit $NONE; }

install_engine() {
  command -v dockerd >/dev/null && command -v mmdebstrap >/dev/null && return
  [ "$(id -u)" = 0 ] || none "not root, so docker.io cannot be installed"
  command -v apt-get >/dev/null || none "no apt-get to bring docker.io with"
  echo "engine: bringing docker.io and mmdebstrap by apt-get" >&2
  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
      docker.io iptables mmdebstrap ca-certificates; } >/dev/null 2>&1 || none "apt-get brought no docker.io"
}

start() {
  dir=$1
  [ "$(id -u)" = 0 ] || none "not root, so dockerd cannot be started"
  command -v dockerd >/dev/null || none "no dockerd; as root run: scripts/engine.sh install"
  mkdir -p "$dir"
  dockerd --data-root "$dir/data" --exec-root "$dir/exec" --pidfile "$dir/pid" \
    --host "unix://$dir/docker.sock" --bridge none --iptables=false --ip6tables=false \
    >"$dir/log" 2>&1 </dev/null &
  pid=$!
  for _ in $(seq 60); do
    if DOCKER_HOST="unix://$dir/docker.sock" docker info >/dev/null 2>&1; then
      echo "unix://$dir/docker.sock"
      return
    fi
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.5
  done
  kill "$pid" 2>/dev/null || true
  none "dockerd did not start here: $(tail -n 1 "$dir/log")"
}

stop() {
  pid=$(cat "$1/pid" 2>/dev/null) || return 0
  kill "$pid" 2>/dev/null || true
  for _ in $(seq 60); do
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.5
  done
  kill -9 "$pid" 2>/dev/null || true
  # The daemon leaves its namespaces mounted; with them the folder could not be removed.
  awk -v dir="$1/" 'index($2, dir) == 1 {print $2}' /proc/mounts | sort -r | xargs -r umount
}

case "${1:-}" in
  install) install_engine ;;
  start) start "${2:?which folder?}" ;;
  stop) stop "${2:?which folder?}" ;;
  *) sed -n '2,9p' "$0" >&2; exit 2 ;;
esac
