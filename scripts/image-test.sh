#!/usr/bin/env bash
# Builds the image on the stand-in for its base, then runs the image's tests on it. Settings: those of image.sh.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/image-test-setup.sh
cache=$(realpath .cache)/image
# buildah leaves its storage mounted upon itself, and then nobody can delete .cache.
trap 'umount "$cache/storage/overlay" 2>/dev/null || true' EXIT
export BUILDER="buildah --root $cache/storage --runroot $cache/run --storage-driver ${STORAGE_DRIVER:-overlay}"
export IMAGE=driftline:test
# Without an engine there is nobody to make containers for the steps, so they get a chroot.
BUILD_ARGS="--isolation chroot --quiet ${BUILD_ARGS:-}" scripts/image.sh
DRIFTLINE_TEST_IMAGE=$IMAGE .venv/bin/python -m pytest -n 0 -s --durations 5 tests/image ${PYTEST_ARGS:-}
