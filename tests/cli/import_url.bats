#!/usr/bin/env bats
# Data that come from elsewhere: import-url, update, get.
load helper

upstream() {
  UP=$BATS_TEST_TMPDIR/upstream
  mkdir -p "$UP/dir/sub"
  echo one >"$UP/file.csv"
  echo a >"$UP/dir/a"
  echo b >"$UP/dir/sub/b b"
  printf '#!/bin/sh\n' >"$UP/dir/run.sh"
  chmod +x "$UP/dir/run.sh"
}

@test "a file comes with a pointer that knows its source, and git ignores it" {
  git_init
  upstream
  succeeds import-url "$UP/file.csv" --json
  holds 'r["data"][0]["status"] == "added" and r["data"][0]["url"].endswith("upstream/file.csv")'
  holds_text file.csv one
  grep -q '^/file.csv$' .gitignore
  grep -q '  modified: ' file.csv.mlops
  git check-ignore -q file.csv
  succeeds import-url "$UP/file.csv" --json
  holds 'r["data"][0]["status"] == "unchanged" and r["data"][0]["fetched_files"] == 0'
}

@test "update fetches only what is newer; --check only asks" {
  upstream
  succeeds import-url "$UP/file.csv"
  succeeds update --check
  says "up to date: 1"
  echo longer >"$UP/file.csv"
  fails 1 update --check
  says "outdated"
  holds_text file.csv one
  succeeds update -n
  succeeds update --json
  holds 'r["data"][0]["status"] == "updated" and r["data"][0]["fetched_files"] == 1'
  holds_text file.csv longer
  succeeds update --json
  holds 'r["data"][0]["status"] == "unchanged"'
}

@test "an edited file is displaced by an update, not lost" {
  upstream
  succeeds import-url "$UP/file.csv"
  echo "by hand" >file.csv
  echo two >"$UP/file.csv"
  touch -d '2030-01-01' "$UP/file.csv"
  succeeds update
  says "moved to .mlops/displaced"
  holds_text file.csv two
  grep -rq "by hand" .mlops/displaced
}

@test "what lies at the path and is not tracked is refused, and displaced with --force" {
  upstream
  echo mine >file.csv
  fails 3 import-url "$UP/file.csv"
  says "is there already"
  holds_text file.csv mine
  [ ! -e file.csv.mlops ]
  succeeds import-url --force "$UP/file.csv"
  holds_text file.csv one
  grep -rqx mine .mlops/displaced
}

@test "a directory comes whole, and an update fetches what changed" {
  upstream
  succeeds import-url "$UP/dir" data/here --json
  holds 'r["data"][0]["files"] == 3'
  holds_text "data/here/sub/b b" b
  [ -x data/here/run.sh ]
  echo other >"$UP/dir/a"
  rm "$UP/dir/sub/b b"
  succeeds update --json data
  holds 'r["data"][0]["files"] == 2 and r["data"][0]["fetched_files"] == 1'
  [ ! -e "data/here/sub/b b" ]
  [ -x data/here/run.sh ]
  holds_text data/here/a other
}

@test "links and names that may not be written are refused before anything is" {
  upstream
  ln -s /etc "$UP/dir/link"
  fails 3 import-url "$UP/dir"
  says "neither a file nor a directory"
  rm "$UP/dir/link"
  mkdir "$UP/dir/.git"
  echo x >"$UP/dir/.git/config"
  fails 3 import-url "$UP/dir"
  [ ! -e dir ]
  [ ! -e dir.mlops ]
}

@test "frozen data is updated only by name; what has gone stays" {
  upstream
  succeeds import-url --frozen "$UP/file.csv"
  echo other >"$UP/file.csv"
  succeeds update --json
  holds 'r["data"][0]["status"] == "frozen"'
  succeeds update file.csv
  holds_text file.csv other
  rm "$UP/file.csv"
  fails 1 update file.csv
  says gone
  holds_text file.csv other
}

@test "a relative path is one from the project, wherever update is called" {
  upstream
  succeeds init
  mkdir sub
  cd sub
  succeeds import-url ../../upstream/file.csv
  grep -q 'url: "../upstream/file.csv"' file.csv.mlops
  echo longer >"$UP/file.csv"
  cd ..
  succeeds update
  holds_text sub/file.csv longer
}

@test "data without a URL, or inside of other data, can't be updated" {
  upstream
  echo x >mine
  succeeds add mine
  fails 3 update mine
  says "was added here"
  succeeds import-url "$UP/dir"
  fails 3 update dir/a
  says "is a part of"
  fails 3 import-url "$UP/file.csv" dir/new
  says "which dir.mlops tracks"
  fails 3 import-url "$UP/file.csv" mine
  says "--force"
}

@test "secrets in a URL are refused, they would be committed" {
  fails 2 import-url 'https://example.org/x?X-Amz-Signature=abc'
  fails 2 import-url 'https://me:pw@example.org/x'
  says_not "pw@"
}

@test "get fetches a file or a directory without tracking it" {
  upstream
  succeeds get "$UP/file.csv" --json
  holds 'r["out"] == "file.csv" and r["size_bytes"] == 4'
  holds_text file.csv one
  [ ! -e .mlops ]
  fails 3 get "$UP/file.csv"
  says "is there already"
  echo two >"$UP/file.csv"
  succeeds get "$UP/file.csv" --force
  holds_text file.csv two
  succeeds get "$UP/dir" -o copy
  holds_text "copy/sub/b b" b
  [ -x copy/run.sh ]
  succeeds get "$UP/dir" -o copy
  [ -d copy/dir ]
  fails 3 get "$UP/dir" -o copy --force
  [ -z "$(find . -maxdepth 1 -name '.mlops-tmp-*')" ]
}

@test "get takes what a project names, now or at a revision, and links nothing to its store" {
  upstream
  git_init
  succeeds init
  succeeds config set cache.link hardlink
  cp -r "$UP/dir" data
  succeeds add data
  echo kept >kept.txt
  commit_all first
  echo other >data/a
  succeeds add data
  mkdir "$BATS_TEST_TMPDIR/away"
  cd "$BATS_TEST_TMPDIR/away"
  succeeds get ../project data
  holds_text data/a other
  [ -x data/run.sh ]
  [ "$(stat -c %h data/a)" = 1 ]
  succeeds get ../project data/a --rev HEAD -o old
  holds_text old a
  succeeds get ../project data/sub --rev main
  holds_text "sub/b b" b
  succeeds get ../project kept.txt --rev HEAD
  holds_text kept.txt kept
  fails 3 get ../project nothing
  says "names 'nothing'"
  fails 2 get ../project data --rev nowhere
}

# serve KIND COMMAND...: with a real server; skips where it can't run.
serve() {
  local code=0 kind=$1
  shift
  "$PYTHON" "$BATS_TEST_DIRNAME/../support/servers/serve.py" "$kind" "${RULES[@]}" -- "$@" || code=$?
  [ "$code" -ne 77 ] || skip "$kind can't run here"
  return "$code"
}

@test "a file comes by HTTP with its ETag, and is asked for by it" {
  RULES=()
  cat >steps <<'END'
set -ex
echo one >"$MLOPS_WEB_ROOT/a b.csv"
"$MLOPS" import-url "$MLOPS_WEB_PLAIN/a%20b.csv"
grep -q 'etag:' 'a b.csv.mlops'
[ "$(cat 'a b.csv')" = one ]
"$MLOPS" update --check
echo longer >"$MLOPS_WEB_ROOT/a b.csv"
! "$MLOPS" update --check
"$MLOPS" update
[ "$(cat 'a b.csv')" = longer ]
"$MLOPS" get "$MLOPS_WEB_PLAIN/a%20b.csv?download=1" -o got
[ "$(cat got)" = longer ]
! "$MLOPS" import-url "$MLOPS_WEB_PLAIN/missing"
[ ! -e missing.mlops ]
END
  serve web bash steps
}

@test "a large file that breaks off is continued by the next command" {
  RULES=(--rule 'method=GET cut=30000000 times=1' --rule 'method=GET status=403 times=1')
  cat >steps <<'END'
set -ex
head -c 36000000 /dev/urandom >"$MLOPS_WEB_ROOT/big"
! "$MLOPS" import-url "$MLOPS_WEB_PLAIN/big"
[ ! -e big.mlops ]
ls .mlops/cache/incoming/*.from
"$MLOPS" import-url "$MLOPS_WEB_PLAIN/big" --json >out
cmp big "$MLOPS_WEB_ROOT/big"
"$PYTHON" -c 'import json; assert json.load(open("out"))["data"][0]["continued_bytes"] > 5000000'
[ -z "$(ls .mlops/cache/incoming)" ]
END
  serve web timeout 100 bash steps
}

@test "what an earlier command left of other content is thrown away" {
  RULES=(--rule 'method=GET cut=30000000 times=1' --rule 'method=GET status=403 times=1')
  cat >steps <<'END'
set -ex
head -c 36000000 /dev/urandom >"$MLOPS_WEB_ROOT/big"
! "$MLOPS" import-url "$MLOPS_WEB_PLAIN/big"
head -c 36000001 /dev/urandom >"$MLOPS_WEB_ROOT/big"
"$MLOPS" import-url "$MLOPS_WEB_PLAIN/big" --json >out
cmp big "$MLOPS_WEB_ROOT/big"
"$PYTHON" -c 'import json; assert json.load(open("out"))["data"][0]["continued_bytes"] == 0'
END
  serve web timeout 100 bash steps
}

@test "files and directories come by SFTP, also by the name of a remote" {
  RULES=()
  cat >steps <<'END'
set -ex
mkdir -p "$MLOPS_SSH_ROOT/d/e"
echo one >"$MLOPS_SSH_ROOT/d/a b"
echo two >"$MLOPS_SSH_ROOT/d/e/c"
"$MLOPS" init
"$MLOPS" remote add lab "$MLOPS_SSH_URL"
"$MLOPS" config set --local remote.lab.ssh_command "$MLOPS_SSH_COMMAND"
"$MLOPS" import-url "$MLOPS_SSH_URL/d/a b"
[ "$(cat 'a b')" = one ]
"$MLOPS" import-url remote://lab/d here
[ "$(cat 'here/a b' here/e/c)" = "$(printf 'one\ntwo')" ]
grep -q 'url: "remote://lab/d"' here.mlops
"$MLOPS" update --check
echo three >"$MLOPS_SSH_ROOT/d/e/c"
"$MLOPS" update --json here >out
[ "$(cat here/e/c)" = three ]
"$PYTHON" -c 'import json; assert json.load(open("out"))["data"][0]["fetched_files"] == 1'
! "$MLOPS" import-url remote://lab/nothing
END
  serve ssh timeout 100 bash steps
}
