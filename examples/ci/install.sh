#!/bin/sh
# install.sh: makes sure that `mlops` is there. One on the PATH is taken; else it is built from the sources that
# $MLOPS_SOURCE names (a folder, or a git URL; of that the tag, branch or commit $MLOPS_REF) into $MLOPS_HOME (default:
# ~/.cache/mlops-build), which CI may cache.
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
  # Fetched each time: a cache may hold another commit, or another repository.
  [ -d "$home/source/.git" ] || git init -q "$home/source"
  git -C "$home/source" fetch -q --depth 1 "$source" "${MLOPS_REF:-HEAD}"
  git -C "$home/source" checkout -q --force --detach FETCH_HEAD
  source=$home/source
fi
sh "$source/tests/install.sh" build
cmake -S "$source" -B "$home/release" -G Ninja -DMLOPS_MODE=release
cmake --build "$home/release" --target mlops
mkdir -p "$HOME/.local/bin"
ln -sf "$home/release/src/mlops" "$HOME/.local/bin/mlops"
[ -z "${GITHUB_PATH:-}" ] || echo "$HOME/.local/bin" >>"$GITHUB_PATH"
"$HOME/.local/bin/mlops" version
