#!/bin/bash
# Makes .venv from uv.lock: with uv from PATH, else with a uv of our own in the cache.
# Arguments say which clouds' SDKs are wanted too, as uv does: --extra aws, or --all-extras.
set -euo pipefail

cd "$(dirname "$0")/.."
version=0.13.8
home=${BIOJOBS_CACHE:-$HOME/.cache/biojobs}/uv-$version

say() { printf '%s\n' "$1" >&2; }

install_uv() {
  command -v python3 >/dev/null || { say "error: no python3; install Python 3.11 or newer"; exit 1; }
  say "installing uv $version into the cache"
  rm -rf "$home"
  if ! python3 -m venv "$home" >/dev/null 2>&1; then
    # Debian's python3 comes without venv.
    if [[ $(id -u) = 0 ]] && command -v apt-get >/dev/null; then
      apt-get -qq update && apt-get -qq install -y --no-install-recommends python3-venv >/dev/null
    fi
    rm -rf "$home"
    python3 -m venv "$home" || { say "error: python3 has no venv; install python3-venv, or uv"; exit 1; }
  fi
  "$home/bin/pip" install --quiet --disable-pip-version-check "uv==$version"
}

uv=$(command -v uv || true)
if [[ -z $uv ]]; then
  uv=$home/bin/uv
  "$uv" --version >/dev/null 2>&1 || install_uv
fi

# Nothing to do, and nothing said, when the environment has what the lock says. Inexact: an SDK that another stack of
# this clone needs stays.
"$uv" sync --locked --inexact "$@" --quiet --check 2>/dev/null && exit 0
say "installing the locked Python environment into .venv"
# Compiled once here: every preview and every plugin imports the same modules again.
"$uv" sync --locked --inexact "$@" --quiet --compile-bytecode
