load helper

@test "a remote is added, listed, made the default, checked and removed" {
  succeeds init
  succeeds remote add origin ../store --default
  succeeds remote --json
  holds 'r["remotes"] == [{"name": "origin", "url": "'"$BATS_TEST_TMPDIR"'/store", "is_default": True, "is_trusted": False}]'
  succeeds remote default
  [ "$(cat "$OUT")" = origin ]
  succeeds remote check --json
  holds 'r["is_writable"] and r["can_list"] and not r["has_data"]'
  [ -z "$(find ../store -type f)" ]
  succeeds remote remove origin
  succeeds remote --json
  holds 'r["remotes"] == []'
  fails 3 remote check
  says "no remote is configured"
}

@test "settings of a remote come from all layers, the stronger wins" {
  succeeds init
  succeeds remote add lab /srv/data trust=true
  succeeds config set --local remote.lab.trust false
  succeeds remote --json
  holds 'not r["remotes"][0]["is_trusted"]'
  succeeds config origin remote.lab.trust
  says config.local.yaml
  succeeds config get remote.lab.url
  [ "$(cat "$OUT")" = /srv/data ]
}

@test "settings that are nested are read and changed where they stand" {
  succeeds init
  printf 'remote:\n  lab:\n    url: /srv/a  # ours\n    trust: true\n' >>.mlops/config.yaml
  succeeds config set remote.lab.url /srv/b
  grep -q '^    url: /srv/b  # ours' .mlops/config.yaml
  succeeds remote --json
  holds 'r["remotes"][0]["url"] == "/srv/b" and r["remotes"][0]["is_trusted"]'
}

@test "secrets, programs of a tracked file, wrong keys and unknown kinds are refused" {
  succeeds init
  fails 3 remote add a https://me:secret@host/x
  says "may not hold a password"
  [ -z "$(grep -r secret .mlops)" ]
  fails 3 remote add a /srv/x ssh_command=evil
  says "may not stand in a file that comes with the project"
  fails 3 remote add b /srv/x trusted=true
  says "did you mean 'trust'?"
  fails 2 remote add c gopher://x/y
  says "is no kind of remote"
  fails 3 remote add default /srv/x
  fails 2 remote ad d /srv/x
  says "did you mean 'add'?"
}

@test "a remote that can't be reached is told with its name" {
  succeeds init
  succeeds remote add origin /nonexistent/a/b
  fails 4 remote check
  says "remote 'origin'"
  says "/nonexistent/a/b"
}

@test "a remote gets another name where its settings stand" {
  succeeds init
  printf 'remote:\n  # the old machine\n  lab: {url: /srv/a, trust: true}\nremote.default: "lab"  # for now\nremote.lab-2.url: /srv/lab\n' >>.mlops/config.yaml
  succeeds remote rename lab cellar
  succeeds config get remote.cellar.url
  [ "$(cat "$OUT")" = /srv/a ]
  grep -qF '  # the old machine' .mlops/config.yaml
  grep -qF '  cellar: {url: /srv/a, trust: true}' .mlops/config.yaml
  grep -qF 'remote.default: "cellar"  # for now' .mlops/config.yaml
  grep -qF 'remote.lab-2.url: /srv/lab' .mlops/config.yaml
  succeeds remote default
  [ "$(cat "$OUT")" = cellar ]
  fails 2 remote rename lab attic
  says "there is no remote 'lab'"
  fails 2 remote rename cellar lab-2
  says "there is a remote 'lab-2' already"
  fails 3 remote rename cellar 'a b'
  says "may hold letters, digits"
}

@test "a new name counts in all layers, and what still has the old one is told" {
  succeeds init
  mkdir "$BATS_TEST_TMPDIR/store"
  succeeds remote add lab "$BATS_TEST_TMPDIR/store" --default
  succeeds config set --local remote.lab.trust true
  succeeds config set --user remote.lab.connections 3
  pipeline <<'END'
remote: lab
stages:
  a:
    cmd: echo a > a
    outs: [{a: {remote: lab}}, b]
END
  echo data >data
  succeeds add data
  succeeds push data
  known=$(ls .mlops/remotes)
  MLOPS_REMOTE=lab succeeds remote rename lab cellar
  says "the remote 'lab' (remote:)"
  says "the remote 'lab' (output 'a')"
  says "MLOPS_REMOTE still names 'lab'"
  says "config.yaml was changed, too"
  succeeds config get remote.cellar.connections
  [ "$(cat "$OUT")" = 3 ]
  succeeds remote --json
  holds 'len(r["remotes"]) == 1 and r["remotes"][0]["is_trusted"] and r["remotes"][0]["is_default"]'
  [ "$(ls .mlops/remotes)" = "cellar${known#lab}" ]
  succeeds push data --json
  holds 'c["sent_bytes"] == 0'
}

@test "a remote moves to another place with its other settings" {
  succeeds init
  succeeds remote add origin ../store trust=true --local
  succeeds remote set-url origin 'me@[::1]:data/project'
  succeeds remote get-url
  [ "$(cat "$OUT")" = 'ssh://me@[::1]/~/data/project' ]
  grep -q '::1' .mlops/config.local.yaml
  succeeds remote --json
  holds 'r["remotes"][0]["is_trusted"]'
  fails 2 remote set-url origin gopher://x
  fails 3 remote set-url origin https://a:b@c/
  fails 3 remote get-url nobody
}

@test "words of git and DVC lead to ours" {
  succeeds init
  fails 2 remote modify origin url x
  says "mlops config set remote.NAME.KEY VALUE"
  fails 2 remote rm origin
  says "mlops remote remove"
}

@test "a setting that is wrong adds nothing of a remote" {
  succeeds init
  cp .mlops/config.yaml before
  fails 3 remote add lab ssh://host/x connections=4 ssh_command=evil
  says "hint: --local keeps it to this clone"
  fails 3 remote add lab ssh://host/x trusted=true
  fails 3 remote add lab ssh://host/x connections=900
  cmp before .mlops/config.yaml
  succeeds remote add lab ssh://host/x connections=4
}

@test "a URL with one slash is no path on a host that is called s3" {
  succeeds init
  fails 2 remote add lab s3:/bucket/x
  says "did you mean 's3://bucket/x'?"
  succeeds remote add lab host:/srv/x
  fails 2 remote set-url lab webdavs:/host/x
}
