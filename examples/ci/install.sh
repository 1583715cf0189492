#!/bin/sh
# install.sh: makes sure that `mlops` is there. One on the PATH is taken; else it is built from the sources that
# $MLOPS_SOURCE names (a folder, or a git URL) into $MLOPS_HOME (default: ~/.cache/mlops-build), which CI may cache.
set -eu
if command -v mlops >/dev/null; then
  mlops version
  exit 0
fi
: "${MLOPS_SOURCE:?names the sources of mlops: a folder, or a git URL}"
home=${MLOPS_HOME:-$HOME/.cache/mlops-build}
source=$MLOPS_SOURCE
mkdir -p "$home"
if [ ! -d "$source" ]; then
  [ -d "$home/source" ] || git clone --depth 1 "$source" "$home/source"
  source=$home/source
fi
sh "$source/tests/install.sh" build
cmake -S "$source" -B "$home/release" -G Ninja -DMLOPS_MODE=release
cmake --build "$home/release" --target mlops
mkdir -p "$HOME/.local/bin"
ln -sf "$home/release/src/mlops" "$HOME/.local/bin/mlops"
[ -z "${GITHUB_PATH:-}" ] || echo "$HOME/.local/bin" >>"$GITHUB_PATH"
"$HOME/.local/bin/mlops" version
