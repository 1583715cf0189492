#!/usr/bin/env bats
# What DVC tracks and has made is taken over: caches of 2.x and 3.x are made here by md5sum alone.
load helper

md5_of() { md5sum "$1" | cut -d' ' -f1; }
size_of() { stat -c %s "$1"; }

# As DVC 2.x hashes: of text with CRLF as LF.
text_md5_of() { sed 's/\r$//' "$1" | md5sum | cut -d' ' -f1; }

# cached LAYOUT FILE: puts it into the cache, prints its MD5.
cached() {
  local md5 to
  md5=$(if [ "$1" = 2 ]; then text_md5_of "$2"; else md5_of "$2"; fi)
  to=.dvc/cache/$([ "$1" = 2 ] || echo files/md5/)${md5:0:2}
  mkdir -p "$to"
  cp -f "$2" "$to/${md5:2}" && chmod 0444 "$to/${md5:2}"
  echo "$md5"
}

# cached_dir LAYOUT DIRECTORY: its files and its manifest; prints the MD5 with .dir.
cached_dir() {
  local file md5 manifest to comma=
  manifest=$BATS_TEST_TMPDIR/manifest
  printf '[' >"$manifest"
  while read -r file; do
    md5=$(cached "$1" "$2/$file")
    printf '%s{"md5": "%s", "relpath": "%s"}' "$comma" "$md5" "$file" >>"$manifest"
    comma=', '
  done < <(cd "$2" && find . -type f | sed 's,^\./,,' | LC_ALL=C sort)
  printf ']' >>"$manifest"
  md5=$(md5_of "$manifest")
  to=.dvc/cache/$([ "$1" = 2 ] || echo files/md5/)${md5:0:2}
  mkdir -p "$to"
  cp "$manifest" "$to/${md5:2}.dir" && chmod 0444 "$to/${md5:2}.dir"
  echo "$md5.dir"
}

hash_line() { [ "$1" = 2 ] || printf '      hash: md5\n'; }

# A project of DVC that is up to date, with layout 2 or 3: raw (tracked directory) -> clean.txt and
# feats/ -> model.txt and metrics.json.
dvc_project() {
  local layout=$1 raw clean feats model
  mkdir -p .dvc raw/deep feats src
  echo 1 >raw/a.csv
  printf 'x\r\ny\r\n' >raw/deep/dos.txt
  echo 'print(1)' >src/prepare.py
  printf 'lr: 1e-3\nlist: [1, 2.5, yes]\n' >params.yaml
  echo clean >clean.txt
  echo f >feats/f
  echo model >model.txt
  echo '{"acc": 0.5}' >metrics.json
  cat >dvc.yaml <<'YAML'
stages:
  prepare:
    cmd: echo prepare >> "$DID"; echo clean > clean.txt; mkdir feats; echo f > feats/f
    deps: [raw, src]
    outs: [clean.txt, feats]
  train:
    cmd: echo train >> "$DID"; echo model > model.txt; echo '{"acc":0.5}' > metrics.json
    deps: [clean.txt, feats]
    params: [lr, list]
    outs: [model.txt]
    metrics: [metrics.json: {cache: false}]
YAML
  raw=$(cached_dir "$layout" raw)
  printf 'outs:\n- md5: %s\n  nfiles: 2\n' "$raw" >raw.dvc
  [ "$layout" = 2 ] || printf '  hash: md5\n' >>raw.dvc
  printf '  path: raw\n' >>raw.dvc
  clean=$(cached "$layout" clean.txt)
  feats=$(cached_dir "$layout" feats)
  model=$(cached "$layout" model.txt)
  cat >dvc.lock <<YAML
schema: '2.0'
stages:
  prepare:
    cmd: $(sed -n '0,/cmd: /s/ *cmd: //p' dvc.yaml)
    deps:
    - path: raw
$(hash_line "$layout")
      md5: $raw
      nfiles: 2
    - path: src
$(hash_line "$layout")
      md5: $(printf '[{"md5": "%s", "relpath": "prepare.py"}]' "$(md5_of src/prepare.py)" |
    md5sum | cut -d' ' -f1).dir
      nfiles: 1
    outs:
    - path: clean.txt
$(hash_line "$layout")
      md5: $clean
      size: $(size_of clean.txt)
    - path: feats
$(hash_line "$layout")
      md5: $feats
      nfiles: 1
  train:
    cmd: $(sed -n '/train:/,$s/ *cmd: //p' dvc.yaml)
    deps:
    - path: clean.txt
$(hash_line "$layout")
      md5: $clean
    - path: feats
$(hash_line "$layout")
      md5: $feats
    params:
      params.yaml:
        list:
        - 1
        - 2.5
        - yes
        lr: 0.001
    outs:
    - path: metrics.json
$(hash_line "$layout")
      md5: $(md5_of metrics.json)
    - path: model.txt
$(hash_line "$layout")
      md5: $model
YAML
}

nothing_ran() { [ ! -e "$DID" ] || tell "these ran: $(tr '\n' ' ' <"$DID")"; }

@test "stages that DVC 3 had up to date are unchanged, and can be restored without DVC" {
  dvc_project 3
  succeeds import --json
  holds 'r["stages_new"] == 2'
  holds 'r["objects"] == 5'
  holds 'r["tracked"] == 1'
  succeeds run --json
  counts unchanged=2
  rm -rf .dvc/cache clean.txt feats model.txt metrics.json
  succeeds run --json
  counts restored=2
  [ "$(cat feats/f model.txt)" = "$(printf 'f\nmodel')" ]
  nothing_ran
}

@test "so are those of DVC 2, which hashed text with other line ends" {
  dvc_project 2
  succeeds import --json
  holds 'r["stages_new"] == 2'
  holds 'r["objects"] == 5'
  holds 'r["damaged"] == 0'
  succeeds run
  nothing_ran
}

@test "outputs that are only in DVC's cache come back without running" {
  dvc_project 3
  rm -rf clean.txt feats model.txt
  succeeds import --json
  holds 'r["stages_new"] == 2'
  succeeds run --json
  counts restored=2
  [ "$(cat clean.txt)" = clean ]
  nothing_ran
}

@test "a run takes over by itself what matches the work tree, once" {
  dvc_project 3
  succeeds plan
  says 'can take 2 stages from dvc.lock'
  [ ! -e .mlops ]
  succeeds run
  says 'took 2 stages from dvc.lock'
  nothing_ran
  succeeds run
  says_not 'dvc.lock'
  succeeds metrics
  says 0.5
}

@test "what a colleague recorded with DVC since then is taken over, too" {
  dvc_project 3
  sed -i '/^  train:/,$d' dvc.lock
  cp dvc.lock before.lock
  dvc_project 3
  cp dvc.lock after.lock
  cp before.lock dvc.lock
  succeeds run prepare
  says 'took 1 stage from dvc.lock'
  cp after.lock dvc.lock
  succeeds run
  says 'took 1 stage from dvc.lock'
  nothing_ran
}

@test "a broken dvc.lock says how to do without it" {
  dvc_project 3
  echo '{' >dvc.lock
  fails 3 run
  says "--no-dvc-lock"
  fails 3 plan
  says "--no-dvc-lock"
}

@test "a revision whose dvc.lock is ahead of ours is compared with a warning" {
  git_init
  dvc_project 3
  succeeds run
  commit_all first
  succeeds metrics HEAD
  says_not "DVC ran last"
  sed -i "/path: clean.txt/,/size:/s/size: .*/size: 77/" dvc.lock
  commit_all "by DVC alone"
  succeeds metrics HEAD
  says "records other outputs of prepare than"
  succeeds diff HEAD~1 HEAD
  says "DVC ran last"
}

@test "a revision whose dvc.lock has other bytes of the same size is told, too" {
  git_init
  dvc_project 3
  succeeds run
  sed -i "s/$(md5_of model.txt)/$(printf x | md5sum | cut -d' ' -f1)/" dvc.lock
  commit_all "by DVC alone"
  succeeds metrics HEAD
  says "records other outputs of train than"
}

@test "--no-dvc-lock leaves dvc.lock alone" {
  dvc_project 3
  succeeds run --no-dvc-lock
  did prepare train
}

@test "data that come with 'dvc pull' after a run that lacked them are taken over then" {
  dvc_project 3
  mv .dvc/cache away && mv raw raw.away
  fails 3 run
  mv away .dvc/cache && mv raw.away raw
  succeeds run
  says 'took 1 stage from dvc.lock'
  nothing_ran
}

@test "a directory that no file system could hold stops neither import nor run; nothing leaves it" {
  dvc_project 3
  md5=$(cached 3 clean.txt)
  feats=$(cached_dir 3 feats)
  for names in '../evil x' '/evil x' 'a a/b' 'a a'; do
    rm -rf .mlops dvc.mlops.lock feats "$DID"
    # shellcheck disable=SC2086 # two names
    printf '[{"md5": "'"$md5"'", "relpath": "%s"}, {"md5": "'"$md5"'", "relpath": "%s"}]' \
      $names >list
    list=$(md5_of list)
    mkdir -p ".dvc/cache/files/md5/${list:0:2}"
    mv list ".dvc/cache/files/md5/${list:0:2}/${list:2}.dir"
    sed "s/$feats/$list.dir/" dvc.lock >lock && mv lock dvc.lock
    feats=$list.dir
    mlops import
    [ "$status" -le 1 ] || tell "import of a directory with '$names'"
    succeeds run
    did prepare train
    [ ! -e evil ] && [ ! -e ../evil ]
  done
}

@test "a changed input runs its stage" {
  dvc_project 3
  echo 2 >>src/prepare.py
  succeeds run
  grep -q prepare "$DID"
}

@test "damaged objects are named and end in status 1; nothing of them is kept" {
  dvc_project 3
  object=$(find .dvc/cache -name "$(md5_of model.txt | cut -c3-)")
  chmod u+w "$object" && echo other >"$object" && chmod 0444 "$object"
  rm model.txt
  fails 1 import
  says 'model.txt: its object'
  mlops import --json
  holds 'r["damaged"] == 1'
  holds 'r["unusable"] == 1'
  not grep -rqx other .mlops/cache/obj
}

@test "what is missing is named, with what to do, and is no failure" {
  dvc_project 3
  rm -rf raw .dvc/cache/files/md5/"$(md5_of clean.txt | cut -c1-2)" clean.txt
  succeeds import -v
  says 'dvc pull'
  says '  clean.txt: '
  succeeds import --json
  holds 'r["missing"] == 1'
}

@test "DVC's files stay as they are, and --dry-run makes nothing" {
  dvc_project 3
  find . -type f -print0 | LC_ALL=C sort -z | xargs -0 md5sum >"$BATS_TEST_TMPDIR/before"
  succeeds import --dry-run --json
  holds 'r["objects"] == 5'
  [ ! -e .mlops ]
  succeeds import
  find . -type f -not -path './.mlops/*' -print0 | LC_ALL=C sort -z | xargs -0 md5sum |
    diff "$BATS_TEST_TMPDIR/before" -
}

@test "--dry-run takes what lies in DVC's cache for there" {
  dvc_project 3
  rm -rf raw clean.txt feats model.txt
  succeeds import --dry-run --json
  holds 'r["missing"] == 0 and r["unusable"] == 0'
  rm -rf .dvc/cache/files/md5/"$(printf 'f\n' | md5sum | cut -c1-2)"
  succeeds import --dry-run --json
  holds '[f["name"] for f in r["faults"] if f["what"] == "missing"] == ["feats"]'
}

@test "a run takes outputs that are not there from DVC's cache" {
  dvc_project 3
  rm -rf raw clean.txt feats model.txt
  succeeds run --json
  counts restored=2
  nothing_ran
}

@test "a tracked input that is not there comes back, by import or by itself" {
  dvc_project 3
  rm -rf raw
  succeeds run
  nothing_ran
  [ "$(cat raw/a.csv)" = 1 ]
  succeeds import
  rm -rf raw .dvc/cache
  succeeds run
  nothing_ran
  [ "$(cat raw/a.csv)" = 1 ]
}

@test "an import that is killed at any moment goes on when it is started again" {
  dvc_project 3
  for i in $(seq 200); do echo "$i" >raw/"$i"; done
  old=$(sed -n 's/.*md5: //p' raw.dvc)
  new=$(cached_dir 3 raw)
  sed -i "s/$old/$new/; s/nfiles: 2/nfiles: 202/" raw.dvc dvc.lock
  for i in 005 01 02 03 05 08 13 2; do
    timeout -s KILL "0.$i" "$MLOPS" import >/dev/null 2>&1 || true
  done
  succeeds import --json
  holds 'r["missing"] + r["unusable"] == 0'
  succeeds verify
  rm -rf .dvc/cache clean.txt feats model.txt metrics.json
  succeeds run --json
  counts restored=2
  nothing_ran
}

@test "a second import reads nothing again, and gc keeps what came in" {
  dvc_project 3
  succeeds import
  succeeds import --json
  holds 'r["objects_new"] == 0'
  holds 'r["stages_new"] == 0'
  succeeds gc --yes --grace 0
  rm -rf .dvc/cache clean.txt feats model.txt metrics.json
  succeeds run --json
  counts restored=2
  nothing_ran
}

@test "a cache elsewhere is found by .dvc/config.local" {
  dvc_project 3
  mv .dvc/cache ../shared
  printf '[cache]\n    dir = ../nowhere\n' >.dvc/config
  printf '[cache]\n    dir = ../../shared\n' >.dvc/config.local
  succeeds import --json
  holds 'r["objects"] == 5'
}

@test "a cache that the user's settings of DVC name is found" {
  dvc_project 3
  mv .dvc/cache "$BATS_TEST_TMPDIR/shared"
  mkdir -p "$XDG_CONFIG_HOME/dvc"
  printf '[cache]\n    dir = %s\n' "$BATS_TEST_TMPDIR/shared" >"$XDG_CONFIG_HOME/dvc/config"
  succeeds import --json
  holds 'r["objects"] == 5'
}

@test "a cache of DVC's project around ours is found" {
  dvc_project 3
  succeeds init
  mv .dvc ..
  succeeds import --json
  holds 'r["objects"] == 5'
}

@test "objects that nobody else writes to are linked, others are copied" {
  dvc_project 3
  succeeds import --json
  holds 'r["objects_linked"] == 5'
  rm -rf .mlops
  find .dvc/cache -type f -exec chmod u+w {} +
  succeeds import --json
  holds 'r["objects_new"] == 5'
}

@test "a lock of DVC 1 says what to do" {
  dvc_project 3
  printf 'train:\n  cmd: x\n  deps: []\n' >dvc.lock
  fails 3 import
  says 'DVC 1.x'
}

@test "--export-lock writes what DVC would, and objects into its cache" {
  dvc_project 3
  sed -i '/^ *$/d' dvc.lock
  cp dvc.lock "$BATS_TEST_TMPDIR/before"
  succeeds run
  find .dvc/cache -type f | sort >"$BATS_TEST_TMPDIR/objects"
  rm -rf dvc.lock .dvc/cache
  succeeds import --export-lock --dry-run
  [ ! -e dvc.lock ]
  succeeds import --export-lock
  # sizes of directories and of what was recorded without
  diff <(grep -v 'size:\|nfiles:' "$BATS_TEST_TMPDIR/before") <(grep -v 'size:\|nfiles:' dvc.lock)
  find .dvc/cache -type f | sort >"$BATS_TEST_TMPDIR/now"
  [ "$(wc -l <"$BATS_TEST_TMPDIR/now")" = 4 ] # without raw, which .dvc files track
  comm -13 "$BATS_TEST_TMPDIR/objects" "$BATS_TEST_TMPDIR/now" | not grep .
  succeeds import --export-lock
  says 'says so already'
}

@test "comments, other stages and unknown keys of dvc.lock stay" {
  dvc_project 3
  succeeds run
  {
    echo '# top'
    sed '/^ *$/d; s/^  train:/  # about train\n  train:/' dvc.lock
    printf '  gone:\n    cmd: x\n    extra: [1]\n# behind\ndatasets:\n- name: d\n# end\n'
  } >new && mv new dvc.lock
  cp dvc.lock "$BATS_TEST_TMPDIR/before"
  sed -i 's/1e-3/1e-2/' params.yaml
  succeeds run
  did train
  succeeds import --export-lock
  grep -q 'lr: 0.01$' dvc.lock
  diff <(grep -v 'size:\|lr:\|clean\|nfiles\|md5' "$BATS_TEST_TMPDIR/before") \
    <(grep -v 'size:\|lr:\|clean\|nfiles\|md5' dvc.lock)
}

@test "DVC itself finds nothing to do after an export" {
  command -v dvc >/dev/null || skip "dvc is not installed"
  export DVC_NO_ANALYTICS=1
  git_init
  dvc init -q
  mkdir raw && seq 3 >raw/a && echo 'lr: 1e-5' >params.yaml
  dvc add -q raw
  cat >dvc.yaml <<'YAML'
stages:
  a:
    cmd: mkdir out; cat raw/a > out/a; date +%N > out/b
    deps: [raw]
    outs: [out]
  b:
    cmd: "cat out/b > 'name: with colon'"
    deps: [out]
    params: [lr]
    outs: ["name: with colon"]
YAML
  succeeds run
  succeeds import --export-lock
  [ -z "$(dvc status -q; echo $? | grep -v 0)" ]
  dvc repro >"$BATS_TEST_TMPDIR/repro"
  not grep -q Running "$BATS_TEST_TMPDIR/repro"
  cp dvc.lock before
  dvc repro -q -f
  succeeds run
  says 'took 2 stages from dvc.lock'
  rm -rf out 'name: with colon'
  dvc checkout -q
  succeeds run --json
  counts unchanged=2
}

@test "a project that tracks data and has no pipeline is imported" {
  mkdir -p .dvc data
  echo 1 >data/raw.csv
  md5=$(cached 3 data/raw.csv)
  printf 'outs:\n- path: raw.csv\n  hash: md5\n  md5: %s\n  size: 2\n' "$md5" >data/raw.csv.dvc
  succeeds import --json
  holds 'r["objects_new"] == 1 and r["tracked"] == 1 and r["missing"] == 0'
}

@test "a native pipeline beside a dvc.yaml does not hide it from an import" {
  dvc_project 3
  printf 'stages:\n  other: {cmd: echo}\n' >pipeline.yaml
  succeeds import --json
  holds 'r["stages_new"] == 2'
}

@test "nothing to import is said" {
  fails 3 import
  says 'no dvc.yaml, pipeline.yaml or .dvc file'
}

@test "a frozen stage is what dvc.lock says, whatever became of its inputs, until it is thawed" {
  dvc_project 3
  sed -i 's/^  prepare:/  prepare:\n    frozen: true/' dvc.yaml
  echo 2 >raw/a.csv
  succeeds plan
  succeeds run --json
  counts unchanged=2
  nothing_ran
  rm -f .mlops/index.db*
  ran unchanged=2 -- --no-dvc-lock
  sed -i '/frozen/d' dvc.yaml
  succeeds why prepare
  says 'raw changed'
}

@test "a plan foresees what a run takes from DVC's cache, and writes nothing" {
  dvc_project 3
  for path in clean.txt model.txt; do cached 3 "$path" >/dev/null; done
  cached_dir 3 feats >/dev/null
  rm -r clean.txt feats model.txt
  succeeds plan --json
  counts restored=2
  [ ! -e .mlops/cache ]
  ran restored=2
  nothing_ran
}

@test "an older output in the work tree gives way to the recorded one in DVC's cache" {
  dvc_project 3
  for path in clean.txt model.txt; do cached 3 "$path" >/dev/null; done
  cached_dir 3 feats >/dev/null
  echo older >model.txt
  ran restored=1 unchanged=1
  nothing_ran
  holds_text model.txt model
}
