#!/bin/sh
# Makes sure of a base image with Python 3.11 and prints its name.
#
#   scripts/base_image.sh
#
# $PYTHON_IMAGE if set; else the official image, if the engine has it or can fetch it; else one made
# of Debian's packages, for machines that reach no registry. Exit 3: none can be had.
set -eu
OFFICIAL=docker.io/library/python:3.11-slim
OURS=cahier-base:bookworm
MIRROR=${DEBIAN_MIRROR:-http://deb.debian.org/debian}

known() { docker image inspect "$1" >/dev/null 2>&1; }

if [ -n "${PYTHON_IMAGE:-}" ]; then echo "$PYTHON_IMAGE"; exit; fi
if known "$OFFICIAL"; then echo "$OFFICIAL"; exit; fi
if known "$OURS"; then echo "$OURS"; exit; fi
if timeout 60 docker pull --quiet "$OFFICIAL" >/dev/null 2>&1; then echo "$OFFICIAL"; exit; fi

command -v mmdebstrap >/dev/null || { echo "base_image: no registry, and no mmdebstrap" >&2; exit 3; }
echo "base_image: no registry; making $OURS of Debian's packages" >&2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# What this machine trusts, pip in the image trusts: a company's own authority, for example.
printf '[global]\ncert = /etc/ssl/certs/ca-certificates.crt\n' >"$work/pip.conf"
timeout 240 mmdebstrap --quiet --variant=minbase --dpkgopt=force-unsafe-io --include=python3,python3-venv,ca-certificates \
  --customize-hook="upload /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt" \
  --customize-hook="upload $work/pip.conf /etc/pip.conf" \
  --customize-hook='rm -rf "$1"/usr/share/doc/* "$1"/usr/share/locale/* "$1"/var/cache/apt/*' \
  bookworm "$work/base.tar" "$MIRROR" >&2 || { echo "base_image: Debian's packages cannot be had" >&2; exit 3; }
docker import "$work/base.tar" "$OURS" >/dev/null
echo "$OURS"
