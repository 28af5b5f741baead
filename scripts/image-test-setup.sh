#!/usr/bin/env bash
# Prepares what `make image-test` builds on where no registry of images can be reached: Debian's buildah, and an image of
# Debian's own Python that bears the name of the Dockerfile's base. Everything stays in .cache/image.
set -euo pipefail
cd "$(dirname "$0")/.."

fail() { echo "image-test-setup: $*" >&2; exit 1; }

[ "$(id -u)" -eq 0 ] || fail "this makes a root file system and needs root"
missing=()
for program in buildah debootstrap; do
    command -v "$program" >/dev/null || missing+=("$program")
done
if [ ${#missing[@]} -gt 0 ]; then
    command -v apt-get >/dev/null || fail "not found: ${missing[*]}, and this is no Debian"
    echo "image-test-setup: installing ${missing[*]}"
    apt-get -qq update
    DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes --no-install-recommends "${missing[@]}" >/dev/null
fi

cache=$(realpath .cache)/image
builder=(buildah --root "$cache/storage" --runroot "$cache/run" --storage-driver "${STORAGE_DRIVER:-overlay}")
name=$(sed -n 's/^ARG PYTHON_IMAGE=//p' Dockerfile)
if "${builder[@]}" inspect --type image "$name" >/dev/null 2>&1; then
    exit 0
fi

# Trixie's Python is of the same minor version as the base's.
suite=trixie root=$cache/base
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -v security | head -n 1)
echo "image-test-setup: making a stand-in for $name"
rm -rf "$root"
mkdir -p "$root"
debootstrap --variant=minbase --include=python3,python3-venv,ca-certificates,netbase,tzdata "$suite" "$root" "$mirror" \
    >"$cache/debootstrap.log" || fail "debootstrap failed; see $cache/debootstrap.log"
# As in the base: pip as a plain package, and nothing that keeps it from installing.
rm -f "$root"/usr/lib/python3.*/EXTERNALLY-MANAGED
chroot "$root" sh -c 'PYTHONPATH=$(echo /usr/share/python-wheels/pip-*.whl) python3 -m pip install --quiet \
    --root-user-action ignore --ignore-installed --no-index --find-links /usr/share/python-wheels pip'
rm -rf "$root"/usr/share/{python-wheels,doc,man,locale} "$root"/var/{cache/apt,lib/apt/lists,cache/debconf}/*
container=$("${builder[@]}" from scratch)
"${builder[@]}" add --quiet "$container" "$root" / >/dev/null
"${builder[@]}" commit --quiet --rm "$container" "$name" >/dev/null
rm -rf "$root"
