#!/usr/bin/env bash
# Prepares .venv: the locked packages, each checked against its hash, and this project in editable form.
# Does nothing when the lock, the project file and the interpreter are those of the last time.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}

fail() { echo "setup: $*" >&2; exit 1; }

command -v "$python" >/dev/null || fail "$python is not on the PATH; install Python 3.11 or newer, or set PYTHON"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    fail "$("$python" --version 2>&1) is too old; Python 3.11 or newer is needed (set PYTHON to choose another)"

stamp=.venv/.driftline-setup
want=$({ "$python" -c 'import sys; print(sys.version, sys.prefix)'; pwd
         cat requirements/dev.txt pyproject.toml monitor/__init__.py monitor/native/*.c monitor/native/building.py "$0"; } | sha256sum)
[ -x .venv/bin/python ] && [ "$(cat "$stamp" 2>/dev/null)" = "$want" ] && exit 0

uv=$(command -v uv || true)
if [ -z "$uv" ]; then
    uv=.cache/uv/bin/uv
    if [ ! -x "$uv" ]; then
        echo "setup: uv is not installed; putting it into .cache/uv"
        "$python" -m venv --clear .cache/uv ||
            fail "the venv module does not work; install uv, or Debian's python3-venv"
        .cache/uv/bin/python -m pip install --quiet --disable-pip-version-check \
            --require-hashes -r requirements/bootstrap.txt
    fi
fi

echo "setup: installing the locked packages into .venv"
rm -f "$stamp"
"$uv" venv --quiet --clear --no-project --python "$("$python" -c 'import sys; print(sys.executable)')" .venv
export VIRTUAL_ENV=$PWD/.venv
"$uv" pip sync --quiet --require-hashes requirements/dev.txt
"$uv" pip install --quiet --no-deps --no-build-isolation --editable .
[ -f monitor/native/native.so ] ||
    echo "setup: there is no C compiler (cc, gcc or clang), so all works but JSON is read at a third of the speed" >&2
echo "$want" >"$stamp"
