# Trials do not touch the work tree, and run their own code, wherever it is asked for.
load helper

setup_namespaces() {
  unshare -m true 2>/dev/null || unshare -rm true 2>/dev/null || skip "no mount namespaces here"
}

# A script whose module comes by an editable install, in the ways there are.
installed() {
  git_init
  mkdir -p src/pkg
  echo 'WHO = "committed"' >src/pkg/__init__.py
  cat >train.py <<'END'
import json, pathlib, pkg
lr = float(pathlib.Path("params.yaml").read_text().split(":")[1])
root = pathlib.Path(pkg.__file__).read_text()
pathlib.Path("metrics.json").write_text(json.dumps({"f1": lr, "who": len(pkg.WHO)}))
pathlib.Path("who.txt").write_text(pkg.WHO + " " + pkg.__file__)
END
  echo 'lr: 0.1' >params.yaml
  "$PYTHON" -m venv --without-pip .venv
  site=$(echo .venv/lib/python3*/site-packages)
  printf '.venv\nwho.txt\nmetrics.json\n' >.gitignore
  pipeline <<END
stages:
  train:
    cmd: .venv/bin/python train.py
    deps: [train.py, src]
    params: [lr]
    outs: [who.txt]
    metrics: [metrics.json]
END
  case $1 in
  pth) echo "$PWD/src" >"$site/__editable__.pkg-1.pth" ;;
  relative) echo ../../../../src >"$site/pkg.pth" ;;
  finder)
    cat >"$site/__editable___pkg_finder.py" <<END
import importlib.util, sys
class Finder:
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name == "pkg":
            return importlib.util.spec_from_file_location(name, "$PWD/src/pkg/__init__.py")
sys.meta_path.append(Finder)
END
    echo 'import __editable___pkg_finder' >"$site/__editable__.pkg.pth"
    ;;
  esac
  commit_all
}

# everything: names, modes, digests and times of all files but .mlops, and what git says.
everything() {
  find . -path ./.mlops -prune -o -printf '%p %y %m %l %i %T@ %C@\n' | grep -v '^\. ' | sort
  find . -path ./.mlops -prune -o -type f -print0 | sort -z | xargs -0 sha256sum
  GIT_OPTIONAL_LOCKS=0 git status --porcelain --ignored | grep -v mlops || true
  git stash list
  git branch -av
  sha256sum .git/index .git/HEAD
}

unchanged_after() {
  git update-index --refresh -q || true
  everything >"$BATS_TEST_TMPDIR/before"
  "$@"
  everything | diff "$BATS_TEST_TMPDIR/before" - >&2
}

@test "the code of a trial runs through an editable install, whatever kind it is" {
  setup_namespaces
  for kind in pth relative finder; do
    mkdir -p "$kind" && cd "$kind"
    installed "$kind"
    succeeds run # the live tree, once
    grep -q "^committed $PWD/src" who.txt
    echo 'WHO = "changed since"' >src/pkg/__init__.py
    unchanged_after succeeds sweep -S lr=0.1,0.2 -m f1 --rev HEAD --keep-work --no-restore
    grep -q "^committed $PWD/src" .mlops/work/*-1/who.txt
    cd ..
  done
}

@test "an editable install is refused in a directory of its own, unless it may be shared" {
  for kind in pth relative finder; do
    mkdir -p "$kind" && cd "$kind"
    installed "$kind"
    fails 3 sweep -S lr=0.1,0.2 -m f1 --isolation directory
    says "Python takes code from '$PWD/src"
    says "--allow-shared"
    succeeds sweep -S lr=0.1,0.2 -m f1 --isolation directory --allow-shared
    cd ..
  done
}

@test "an absolute path of the project means the trial, or is refused" {
  git_init
  mkdir in
  echo old >in/text
  echo 'lr: 1' >params.yaml
  pipeline <<END
stages:
  train:
    cmd: cat $PWD/in/text params.yaml > $PWD/out.txt; cp params.yaml m.yaml
    deps: [in]
    params: [lr]
    outs: [out.txt]
    metrics: [m.yaml]
END
  printf 'out.txt\nm.yaml\n' >.gitignore
  commit_all
  fails 3 sweep -S lr=1,2 -m lr --max --isolation directory
  says "the command of stage 'train' names '$PWD/in/text'"
  setup_namespaces
  unchanged_after succeeds sweep -S lr=1,2 -m lr --max --isolation namespace --keep-work
  [ ! -e out.txt ]
  grep -qx 'lr: 2' .mlops/work/*-2/out.txt
}

@test "what lies beside the project is found, or the relative path to it is refused" {
  echo beside >../beside.txt
  echo 'lr: 1' >params.yaml
  pipeline <<'END'
stages:
  train:
    cmd: cat ../beside.txt params.yaml > out.txt; cp params.yaml m.yaml
    deps: [../beside.txt]
    params: [lr]
    outs: [out.txt]
    metrics: [m.yaml]
END
  fails 3 sweep -S lr=2 -m lr --max --isolation directory
  says "dependency '../beside.txt' lies beside the project"
  says "name it by its absolute path: '$(dirname "$PWD")/beside.txt'"
  setup_namespaces
  succeeds sweep -S lr=2 -m lr --max --isolation namespace
  sed -i "s#[.][.]/beside.txt#$(dirname "$PWD")/beside.txt#g" pipeline.yaml
  succeeds sweep -S lr=2 -m lr --max --isolation directory
}

@test "whatever a stage does to git and to its files, the work tree has no part in it" {
  git_init
  mkdir -p src .venv
  echo a >src/a
  echo v >.venv/v
  echo 'lr: 1' >params.yaml
  printf '.venv\nout.txt\nm.yaml\n' >.gitignore
  pipeline <<'END'
stages:
  train:
    cmd: |
      for words in 'add -A' 'commit -qam x' stash 'checkout -qb other' 'gc -q' 'tag t'; do
        git $words && exit 9
      done
      rm -rf src .gitignore; echo x > .venv/new; rm -f .venv/v; echo 9 > pipeline.yaml
      cp params.yaml m.yaml; touch out.txt
    params: [lr]
    outs: [out.txt]
    metrics: [m.yaml]
END
  commit_all
  echo dirty >src/a
  echo new >untracked
  setup_namespaces
  unchanged_after succeeds sweep -S lr=1,2 -m lr --max
}

@test "a trial that is killed with its stage leaves no process and no directory" {
  two_stages
  sed -i 's/echo train >>/echo $$ > "$DID.pid"; sleep 300; echo train >>/' pipeline.yaml
  "$MLOPS" sweep -S lr=1 >"$OUT" 2>"$ERR" &
  driver=$!
  for _ in $(seq 100); do [ -s "$DID.pid" ] && break || sleep 0.1; done
  pid=$(cat "$DID.pid")
  trial=$(pgrep -f "trial .*" -P "$driver" | head -1)
  kill -9 "$driver" "$trial"
  sed -i 's/sleep 300; //' pipeline.yaml
  succeeds sweep -S lr=2
  [ -z "$(ls .mlops/work)" ]
  ! kill -0 "$pid" 2>/dev/null || ! grep -q sleep "/proc/$pid/cmdline"
}

@test "nothing starts inside of a trial, and gc removes nothing there" {
  two_stages
  sed -i 's/{ cat clean.txt/"$MLOPS" sweep -S lr=7 2>> "$DID.err" || "$MLOPS" gc --yes 2>> "$DID.err" || true; { cat clean.txt/' pipeline.yaml
  export MLOPS
  succeeds sweep -S lr=1
  grep -q "this is the work directory of a trial" "$DID.err"
  grep -q "can't be seen from here" "$DID.err"
}

@test "where namespaces are refused, the setting asks for them in vain and doctor says why" {
  two_stages
  succeeds init
  succeeds doctor --json
  holds '"isolation" in {x["check"] for x in r["checks"]}'
  succeeds config set isolation directory
  succeeds doctor
  grep -q "trials have a directory of their own (setting 'isolation')" "$OUT"
  succeeds sweep -S lr=1,2
  fails 3 config set isolation sometimes
  fails 3 config set work_dir /tmp/x
  says "comes with the project"
}

@test "an absolute path of the project in a program that a stage reads is refused, in data it is not" {
  git_init
  mkdir src
  echo "$PWD/raw.bin" >list.csv
  echo 'lr: 1' >params.yaml
  echo "cp params.yaml $PWD/m.yaml" >src/train.sh
  echo "rm -r $PWD" >unused.sh
  pipeline <<'END'
stages:
  train:
    cmd: sh src/train.sh
    deps: [src, list.csv]
    params: [lr]
    metrics: [m.yaml]
END
  echo m.yaml >.gitignore
  commit_all
  fails 3 sweep -S lr=1,2 -m lr --max --isolation directory
  says "'src/train.sh' names '$PWD/m.yaml', which is the project itself, not the trial"
  [ ! -e m.yaml ]
  sed -i "s#$PWD/##" src/train.sh
  succeeds sweep -S lr=1,2 -m lr --max --isolation directory
  [ ! -e m.yaml ]
}
