#!/usr/bin/env bash
# Builds the container image with Docker, or with buildah where no Docker engine answers.
# Settings, all optional, from the environment:
#   IMAGE         name and tag (driftline:VERSION)
#   PYTHON_IMAGE  the base in place of the Dockerfile's, such as the same with its digest, or from a mirror
#   IMAGE_SOURCE  where the source code is, for the label of that name
#   PIP_CONF, CA  files that pip needs to reach its index: its configuration, and certificates, which pip then finds
#                 as /run/secrets/ca.pem; used while building, never part of the image
#   BUILDER       "docker" or "buildah", with options of its own
#   BUILD_ARGS    more options of `build`
set -euo pipefail
cd "$(dirname "$0")/.."

fail() { echo "image: $*" >&2; exit 1; }

if [ -z "${BUILDER:-}" ]; then
    if docker version >/dev/null 2>&1; then
        BUILDER=docker
    elif command -v buildah >/dev/null; then
        BUILDER=buildah
    else
        fail "neither a Docker engine nor buildah answers; install one (Debian: buildah)"
    fi
fi

version=$(sed -n 's/^__version__ = "\(.*\)"$/\1/p' monitor/__init__.py)
image=${IMAGE:-driftline:$version}
# The time of the commit, not of the build: the same source gives the same image.
revision=unknown epoch=${SOURCE_DATE_EPOCH:-0}
if git rev-parse --git-dir >/dev/null 2>&1; then
    revision=$(git rev-parse HEAD)
    [ -z "$(git status --porcelain)" ] || revision+=-dirty
    epoch=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
fi
options=(
    --build-arg "VERSION=$version" --build-arg "REVISION=$revision" --build-arg "SOURCE=${IMAGE_SOURCE:-unknown}"
    --build-arg "CREATED=$(date --utc --date "@$epoch" +%Y-%m-%dT%H:%M:%SZ)"
    --tag "$image"
)
[ -z "${PYTHON_IMAGE:-}" ] || options+=(--build-arg "PYTHON_IMAGE=$PYTHON_IMAGE")
[ -z "${PIP_CONF:-}" ] || options+=(--secret "id=pip.conf,src=$PIP_CONF")
[ -z "${CA:-}" ] || options+=(--secret "id=ca.pem,src=$CA")
case $BUILDER in
# The OCI format has no place for a health check.
buildah*) options+=(--format docker --layers --timestamp "$epoch") ;;
docker*) options+=(--build-arg "SOURCE_DATE_EPOCH=$epoch") ;;
*) fail "BUILDER=$BUILDER is neither docker nor buildah" ;;
esac
# Unquoted on purpose: both are lists of words.
# shellcheck disable=SC2086
$BUILDER build "${options[@]}" ${BUILD_ARGS:-} .
echo "image: built $image with $BUILDER"
