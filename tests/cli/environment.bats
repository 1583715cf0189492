# What a stage ran with: interpreter, packages, lock files.
load helper

project() {
  python=$(readlink -f "$(command -v "$PYTHON")")
  site=.venv/lib/python$("$PYTHON" -c 'import sys; print("%d.%d" % sys.version_info[:2])')/site-packages
  mkdir -p .venv/bin "$site/numpy-1.24.2.dist-info" "$site/Scikit_Learn-1.3.0.dist-info"
  ln -s "$python" .venv/bin/python
  printf 'home = %s\ninclude-system-site-packages = false\n' "$(dirname "$python")" >.venv/pyvenv.cfg
  echo 'PATH=$PWD/.venv/bin:$PATH; export PATH' >.venv/bin/activate
  echo numpy==1.24.2 >requirements.txt
  pipeline <<'END'
stages:
  train: {cmd: '. .venv/bin/activate; python -c "open(chr(97), chr(119))"', outs: [a]}
  copy: {cmd: 'touch b', outs: [b]}
END
}

@test "show tells interpreter, packages, machine and lock files of every stage" {
  project
  ran executed=2
  succeeds show --json
  holds 's["train"]["environment"]["interpreter"] == "python"'
  holds 's["train"]["environment"]["manager"] == "venv"'
  holds 's["train"]["environment"]["packages"] == {"numpy": "1.24.2", "scikit-learn": "1.3.0"}'
  holds 'list(s["train"]["environment"]["lockfiles"]) == ["requirements.txt"]'
  holds 's["copy"]["environment"]["interpreter"] == ""'
  holds 's["copy"]["environment"]["cpus"] > 0'
  holds 's["copy"]["environment"]["platform"].startswith("linux/")'
  succeeds show
  says "2 packages: train"
  says "no interpreter: copy"
}

@test "an environment is stored once, whatever the number of stages and runs" {
  project
  ran executed=2
  sed -i 's/touch b/touch b;/' pipeline.yaml
  ran executed=1 unchanged=1
  [ "$("$PYTHON" -c 'import sqlite3; print(sqlite3.connect(".mlops/lineage.db").execute("SELECT count(*) FROM environment").fetchone()[0])')" = 2 ]
}

@test "environments survive a lineage made anew" {
  project
  ran executed=2
  rm .mlops/lineage.db*
  succeeds verify --rebuild-lineage
  succeeds show --json
  holds 's["train"]["environment"]["packages"]["numpy"] == "1.24.2"'
}

@test "no variable is recorded that is not on the list" {
  project
  GEHEIM=geheimnis-4711 ran executed=2
  not grep -rqF geheimnis .mlops
}

@test "a damaged index costs a second look, not the answer" {
  project
  touch -d '1 hour ago' "$site"
  ran executed=2
  for file in .mlops/index.db*; do echo damaged >"$file"; done
  rm -f a
  sed -i 's/chr(97)/chr(97) + str()/' pipeline.yaml
  succeeds run
  succeeds show --json
  holds 's["train"]["environment"]["packages"]["numpy"] == "1.24.2"'
}

@test "of long lists of directories people see what differs" {
  echo 'stages: {a: {cmd: "echo 1 >a", outs: [a]}}' >pipeline.yaml
  ran executed=1
  sed -i 's/echo 1/echo 2/' pipeline.yaml
  PATH=$PATH:/opt/a/rather/long/directory/that/nobody/has/anywhere/bin:/opt/bin
  ran executed=1
  succeeds diff
  says '/opt/a/rather/long/directory/that/nobody/has/anywhere/bin:/opt/bin'
  says '...:'
  says_not ':/usr/bin:'
  succeeds diff --json
  grep -qF "$PATH" "$OUT"
}

upgrade() {
  mv "$site/numpy-1.24.2.dist-info" "$site/numpy-1.26.0.dist-info"
}

@test "diff tells what was upgraded since the results were made, though they are the same" {
  project
  ran executed=2
  succeeds diff @ workspace --json
  holds 'r["is_empty"] and not r["notes"]'
  upgrade
  ran unchanged=2
  succeeds diff @ workspace --json
  holds 'r["is_empty"]'
  holds '"numpy 1.24.2 -> 1.26.0" in r["notes"][0]'
  succeeds run --force
  succeeds diff @ workspace --json
  holds 'not r["notes"]'
  succeeds diff @~1 @
  says 'only the package numpy changed'
}

@test "diff names the upgraded package of a stage that keys its environment, before and after it ran" {
  git_init
  project
  sed -i '/train/ s/outs/environment: true, outs/' pipeline.yaml
  echo /.venv >.gitignore
  ran executed=2
  commit_all before
  upgrade
  succeeds diff HEAD --json
  holds 'r["verdict"]["text"] == "only the package numpy changed; not run with that yet"'
  ran executed=1 unchanged=1
  commit_all after
  succeeds diff HEAD~1 --json
  holds 'r["verdict"]["text"] == "only the package numpy changed"'
  git clone -q . ../clone
  cd ../clone
  succeeds diff HEAD~1 HEAD --json # a lock file says no more than that it differs
  holds 'r["verdict"]["text"] == "only the environment of train changed"'
  holds 'not r["is_empty"]'
  succeeds diff HEAD HEAD --json
  holds 'r["is_empty"]'
}
