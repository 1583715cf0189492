#!/bin/sh
# quickstart.sh [--no-install]: from a fresh clone to a comparison of two models. Installs what is
# missing (as root or through sudo), builds mlops, and walks through examples/penguins in a copy of
# its own. Nothing outside $MLOPS_BUILD (default: build) and that copy is written.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
build=${MLOPS_BUILD:-$root/build}

say() {
  printf '\n# %s\n' "$*"
}

# Shows a command as it would be typed, and runs it.
show() {
  printf '$ %s\n' "$*"
  "$@"
}

# Sets the number of trees, as one would by hand.
plant() {
  printf "$ sed -i 's/trees: .*/trees: %d/' params.yaml\n" "$1"
  sed -i "s/trees: .*/trees: $1/" params.yaml
}

if [ "${1:-}" != --no-install ]; then
  say "1. Install what is missing"
  sh "$root/tests/install.sh" build examples
fi
# The example uses pandas of the system's own python; another one may stand before it.
if ! python3 -c 'import pandas, sklearn, yaml' 2>/dev/null; then
  PATH=/usr/bin:$PATH
  python_path=/usr/bin:
fi

say "2. Build mlops (half a minute)"
mkdir -p "$build" && build=$(cd "$build" && pwd)
{ cmake -S "$root" -B "$build/release" -G Ninja -DMLOPS_MODE=release &&
  cmake --build "$build/release" --target mlops; } >"$build/quickstart.log" 2>&1 ||
  { tail -n 40 "$build/quickstart.log" >&2 && exit 1; }
PATH=$build/release/src:$PATH
export PATH
show mlops version

copy=$(mktemp -d "${TMPDIR:-/tmp}/penguins-XXXXXX")
say "3. Copy the example to $copy, with a git repository of its own"
cp -R "$root/examples/penguins/." "$copy"
cd "$copy"
git init -q .
git config user.name >/dev/null || git config user.name quickstart
git config user.email >/dev/null || git config user.email quickstart@example.org
git add . && git commit -q -m "Penguins"

say "4. Run the pipeline: four stages, and the last of them measures the model"
show mlops run

say "5. Again: nothing has changed, so nothing is run"
show mlops run

say "6. Ten times as many trees. What would that run?"
plant 200
show mlops plan

say "7. Only these two, since the data and its check are the same"
show mlops run

say "8. Was it worth it?"
show mlops diff

say "9. Back to 20 trees: that result is known, so it is restored and not computed"
plant 20
show mlops run

cat <<END

The project is in $copy. To go on with it:

  export PATH="$build/release/src:${python_path:-}\$PATH"
  cd $copy
  mlops lineage model/penguins.pkl   # where does the model come from?
  mlops runs                         # what has been run
  mlops help                         # everything else

Next: docs/tutorial.md builds such a pipeline from an empty folder; docs/pipeline.md is its language.
END
