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
