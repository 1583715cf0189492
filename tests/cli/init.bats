load helper

@test "init makes .mlops once and says so" {
  succeeds init
  says 'made '
  [ -f .mlops/config.yaml ] && [ -f .mlops/.gitignore ]
  cp .mlops/config.yaml before
  succeeds init
  says 'already there'
  cmp before .mlops/config.yaml
}

@test "init in a directory of a git repository makes it at the top" {
  git_init
  mkdir -p a/b
  succeeds -C a/b init --json
  holds 'r["is_new"] and r["project"]'
  [ -d .mlops ] && [ ! -e a/b/.mlops ]
}
