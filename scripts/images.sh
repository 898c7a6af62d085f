#!/bin/sh
# Builds the units' images as $REPOSITORY-<unit>:$TAG.
#
#   scripts/images.sh [UNIT...]      all units without arguments
#   TAG=1.4.2 REPOSITORY=registry.example.org/cahier scripts/images.sh
#
# Exit 3: no base image can be had here.
set -eu
cd "$(dirname "$0")/.."
REPOSITORY=${REPOSITORY:-cahier}
TAG=${TAG:-dev}
[ $# -gt 0 ] || set -- identity consultation reporting budget notifications portal
base=$(scripts/base_image.sh)

# Debian's docker.io has no buildx; elsewhere the default builder does.
docker buildx version >/dev/null 2>&1 || export DOCKER_BUILDKIT=0
for unit in "$@"; do
  echo "images: $REPOSITORY-$unit:$TAG" >&2
  docker build --quiet --network host --build-arg "PYTHON_IMAGE=$base" --build-arg PIP_INDEX_URL \
    --build-arg "UNIT=$unit" --tag "$REPOSITORY-$unit:$TAG" . >/dev/null
done
