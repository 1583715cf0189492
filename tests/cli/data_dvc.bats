# What DVC tracks, fetched from a directory as DVC lays it out.
load helper

# ../store holds what is given to `keep`; DVC's settings name it.
tracked_by_dvc() {
  git_init
  mkdir -p .dvc ../store
  printf "[core]\n    remote = o\n['remote \"o\"']\n    url = %s\n" "$BATS_TEST_TMPDIR/store" >.dvc/config
}

# keep FILE [SUFFIX]: prints its MD5.
keep() {
  local hex
  hex=$(md5sum <"$1" | cut -c1-32)
  mkdir -p "../store/files/md5/${hex:0:2}"
  cp "$1" "../store/files/md5/${hex:0:2}/${hex:2}${2:-}"
  echo "$hex"
}

@test "a part that was fetched alone is kept by gc, of the rest nothing is taken for here" {
  tracked_by_dvc
  echo one >../one && echo two >../two
  printf '[{"md5": "%s", "relpath": "a/1"}, {"md5": "%s", "relpath": "b/2"}]' "$(keep ../one)" "$(keep ../two)" >../list
  printf 'outs:\n- md5: %s.dir\n  hash: md5\n  path: raw\n' "$(keep ../list .dir)" >raw.dvc
  succeeds pull raw/a
  [ "$(cat raw/a/1)" = one ] && [ ! -e raw/b ]
  rm -r raw
  succeeds gc --grace 0 --yes
  rm ../store/files/md5/*/"$(md5sum <../one | cut -c3-32)"
  succeeds pull raw/a
  [ "$(cat raw/a/1)" = one ] && [ ! -e raw/b ]
  rm -r raw
  succeeds pull
  [ "$(cat raw/a/1 raw/b/2)" = $'one\ntwo' ]
}

@test "what a .dvc file tracks outside of the project is left out, and told" {
  tracked_by_dvc
  echo one >../one
  for path in ../out /tmp/out .git/hooks/post-checkout; do
    printf 'outs:\n- md5: %s\n  hash: md5\n  path: %s\n' "$(keep ../one)" "$path" >x.dvc
    run "$MLOPS" pull
    [[ $output == *"which x.dvc tracks, is left out"* ]]
  done
  [ ! -e ../out ] && [ ! -e /tmp/out ] && [ ! -e .git/hooks/post-checkout ]
}

@test "push gives no other content than the one that has the MD5" {
  tracked_by_dvc
  echo one >../one && echo two >../two
  hex=$(keep ../one)
  printf 'outs:\n- md5: %s\n  hash: md5\n  path: one\n' "$hex" >one.dvc
  printf 'outs:\n- md5: %s\n  hash: md5\n  path: two\n' "$(keep ../two)" >two.dvc
  succeeds pull
  rm one "../store/files/md5/${hex:0:2}/${hex:2}"
  python3 - "$(sha256sum <../one | cut -c1-64)" "$(sha256sum <../two | cut -c1-64)" <<'END'
import sys
one, two = (bytes.fromhex(word) for word in sys.argv[1:])
held = open(".mlops/imported", "rb").read()
assert one in held
open(".mlops/imported", "wb").write(held.replace(one, two))
END
  run "$MLOPS" push
  [ ! -e "../store/files/md5/${hex:0:2}/${hex:2}" ]
}
