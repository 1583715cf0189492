#!/usr/bin/env bats
# Sweeps: many trials beside each other, each in a directory of its own.

load helper

# A stage that all trials share, and one that takes parameters; `train.py` is python without
# imports that cost.
shared_stage() {
  git_init
  echo raw >raw.txt
  printf 'lr: 0.1 # as in the paper\ndepth: 3\nkind: a\n' >params.yaml
  cat >train.sh <<'END'
lr=$(awk '/^lr:/ { print $2 }' params.yaml) depth=$(awk '/^depth:/ { print $2 }' params.yaml)
echo "train $lr $depth" >>"$DID"
[ "$depth" != 13 ] || { echo "unlucky depth" >&2; exit 7; }
printf '{"f1": %s, "macro": {"recall": %s}}' "$lr" "$depth" >metrics.json
END
  pipeline <<'END'
stages:
  prepare:
    cmd: echo prepare >> "$DID"; tr a-z A-Z < raw.txt > clean.txt
    deps: [raw.txt]
    outs: [clean.txt]
  train:
    cmd: sh train.sh
    deps: [clean.txt, train.sh]
    params: [lr, depth]
    metrics: [metrics.json]
END
  commit_all
  succeeds init
}

# What must not change, whatever trials do.
remember() {
  git status --porcelain >"$BATS_TEST_TMPDIR/status"
  (find . -path ./.mlops -prune -o -type f -print0 | sort -z | xargs -0 sha256sum) >"$BATS_TEST_TMPDIR/sums"
}

unchanged() {
  git status --porcelain | diff "$BATS_TEST_TMPDIR/status" -
  (find . -path ./.mlops -prune -o -type f -print0 | sort -z | xargs -0 sha256sum) | diff "$BATS_TEST_TMPDIR/sums" -
  [ -z "$(ls .mlops/work 2>/dev/null)" ] || tell "left in .mlops/work: $(ls .mlops/work)"
}

# trials EXPRESSION: about the trials t of the newest sweep, by "key=value ..." of what they change.
trials() {
  succeeds sweep show --json
  "$PYTHON" -I -S -c '
import json, sys
r = json.load(open(sys.argv[1]))
t = {" ".join(p["key"] + "=" + p["value"] for p in x["params"]): x for x in r["trials"]}
if not eval(sys.argv[2]):
    sys.exit("does not hold: " + sys.argv[2] + "\n" + json.dumps(r["trials"], indent=1))
' "$OUT" "$1" || tell "trials $1"
}

@test "all combinations run, what they share once, and the work tree stays as it is" {
  shared_stage
  remember
  succeeds sweep -S lr=0.1,0.2,0.3 -S depth=1,2 --metric f1 -j2
  unchanged
  [ "$(grep -c prepare "$DID")" = 1 ]
  [ "$(grep -c train "$DID")" = 6 ]
  trials 'len(t) == 6 and all(x["status"] == "succeeded" for x in t.values())'
  trials 't["depth=2 lr=0.3"]["score"] == 0.3'
}

@test "a dirty work tree is what trials are made from" {
  shared_stage
  echo 'echo dirty >>"$DID"' >>train.sh
  echo new >extra.txt
  sed -i 's/raw.txt > clean/raw.txt extra.txt > clean/; s/< raw.txt extra.txt/< extra.txt/' pipeline.yaml
  remember
  succeeds sweep -S lr=0.1,0.2 -j1
  unchanged
  [ "$(grep -c dirty "$DID")" = 2 ]
}

@test "--rev makes trials from a commit" {
  shared_stage
  git tag first
  sed -i 's/echo "train/echo "later/' train.sh
  commit_all
  remember
  succeeds sweep -S lr=0.5,0.6 --metric f1 --rev first -j1
  unchanged
  [ "$(grep -c train "$DID")" = 2 ] && ! grep -q later "$DID"
  fails 2 sweep -S lr=0.5,0.6 --rev nowhere
  grep -q "no revision 'nowhere'" "$ERR"
}

@test "the same sweep again takes all from the cache" {
  shared_stage
  succeeds sweep -S lr=0.1,0.2 --metric f1
  rm "$DID"
  succeeds sweep -S lr=0.1,0.2 --metric f1
  [ ! -e "$DID" ]
  trials 't["lr=0.2"]["score"] == 0.2'
}

@test "each trial is a run with a name, and its parent is the run before" {
  shared_stage
  succeeds run --json
  parent=$("$PYTHON" -c 'import json,sys; print(json.load(open(sys.argv[1]))["run"])' "$OUT")
  succeeds sweep -S lr=0.1,0.2 --name probe
  succeeds runs --all --json
  "$PYTHON" -c '
import json, sys
runs = json.load(open(sys.argv[1]))["runs"]
assert sorted(run["name"] for run in runs[:2]) == ["probe-1", "probe-2"], runs[:2]
' "$OUT"
  succeeds sweep show probe --json
  holds "r['parent'] == '$parent'"
  fails 2 sweep -S lr=0.1,0.2 --name probe
  grep -q "there is a sweep 'probe' already" "$ERR"
  says "remove it (mlops runs rm --sweep probe)"
  fails 2 sweep -S lr=0.1,0.2 --name ../probe
  says "the name '../probe' of the sweep does not start with a letter, a digit or _"
}

@test "a trial that fails is told with the end of its log, and the others go on" {
  shared_stage
  remember
  fails 1 sweep -S depth=1,13,2 --metric f1
  unchanged
  grep -q 'trial 2 failed' "$ERR"
  grep -q 'unlucky depth' "$ERR"
  trials 't["depth=13"]["status"] == "failed" and t["depth=2"]["status"] == "succeeded"'
  trials '"exited with status 7" in t["depth=13"]["note"]'
}

@test "a trial that changes what it reads is told with the file" {
  shared_stage
  echo 'echo "# more" >>train.sh' >>train.sh
  fails 1 sweep -S lr=0.1 --metric f1
  grep -q "train: 'train.sh' changed while the stage ran" "$ERR"
}

@test "--fail-fast begins nothing after a failure, and the rest can be gone on with" {
  shared_stage
  fails 1 sweep -S depth=13,1,2,3 -j1 --fail-fast
  trials 'len(t) == 1'
  fails 1 sweep --resume -j1
  trials 'len(t) == 4 and t["depth=3"]["status"] == "succeeded"'
}

@test "all trials fail" {
  shared_stage
  fails 1 sweep -S depth=13 -S lr=1,2 --metric f1
  trials 'all(x["status"] == "failed" for x in t.values())'
}

@test "a metric that nobody reports is told with those there are" {
  shared_stage
  fails 1 sweep -S lr=0.1,0.2 --metric f2 --max
  [ "$(grep -c "there is no metric 'f2'; there are metrics.json:f1" "$ERR")" = 2 ] # a warning, and a trial
  [ "$(grep -c ": no score, as in trial [12]$" "$ERR")" = 1 ]
  grep -q "the same sweep with the right --metric runs nothing again" "$OUT"
  trials 'all(x["status"] == "succeeded" and x["score"] is None for x in t.values())'
  sed -i '/metrics:/d' pipeline.yaml
  fails 3 sweep -S lr=0.1,0.2 --metric f1
  grep -q 'reports metrics' "$ERR"
}

@test "a metric that is a text, NaN, or of another file is told as such" {
  shared_stage
  sed -i 's/printf .*/case $depth in 1) f1=NaN;; 2) f1=\\"high\\";; *) f1=0.5;; esac; echo "{\\"f1\\": $f1}" >metrics.json/' train.sh
  succeeds sweep -S depth=1,2,3 --metric f1
  trials '[t[f"depth={i}"]["score"] for i in (1, 2, 3)] == [None, None, 0.5]'
  trials 't["depth=1"]["note"] == "the metric '"'f1'"' is NaN"'
  trials 't["depth=2"]["note"] == "the metric '"'f1'"' is a text in metrics.json, not a number"'
  fails 1 sweep -S depth=3 --metric other.json:f1
  grep -q "there is no metric 'other.json:f1'; there are metrics.json:f1" "$ERR"
}

@test "a trial that diverged is the worst, and tpe goes on" {
  shared_stage
  sed -i 's/"f1": %s/"f1": NaN, "loss": %s/' train.sh
  fails 1 sweep -S depth=1,2,3 --metric f1 --method tpe -n 3 -j1
  trials 'len(t) == 3 and all(x["status"] == "succeeded" and x["score"] is None for x in t.values())'
  sed -i 's/"f1": NaN/"f1": Infinity/' train.sh
  fails 1 sweep -S depth=1,2 --metric f1 -j1
  not grep -q 'best so far' "$ERR"
  sed -i 's/"f1": Infinity/"f1": "text"/; s/, "macro.*/}'"'"' "$lr" >metrics.json/' train.sh
  sed -i 's/"loss": %s/"more": "%s"/' train.sh
  fails 1 sweep -S depth=4,5 --metric f1
  not grep -q 'there are *$' "$ERR"
}

@test "a metric's last part is enough, its file may be named" {
  shared_stage
  succeeds sweep -S depth=1,2 --metric recall
  trials 't["depth=2"]["score"] == 2'
  succeeds sweep -S depth=1,2 --metric metrics.json:macro.recall
  trials 't["depth=2"]["score"] == 2'
}

@test "what is to be tried and wrong is told before anything runs" {
  shared_stage
  fails 3 sweep -S lrr=0.1,0.2
  grep -q "no parameter 'lrr' (did you mean 'lr'?)" "$ERR"
  fails 3 sweep -S depth=1,deep
  grep -q "'depth' is an integer here" "$ERR"
  fails 3 sweep -S 'lr=choice()'
  fails 3 sweep -S 'depth=range(5,1,1)'
  fails 2 sweep
  fails 2 sweep -S 'lr=uniform(0,1)'
  fails 2 sweep -S 'lr=uniform(0,1)' --method grid
  fails 2 sweep -S 'lr=uniform(0,1)' --method tpe -n 5
  fails 2 sweep -S lr=1,2 --metric f1 --max --min
  fails 2 sweep -S lr=1,2 --repeat 3
  grep -q -- '--seed-param' "$ERR"
  fails 2 sweep --resume -S lr=1
  fails 3 sweep --resume
  [ ! -e "$DID" ]
  succeeds sweep list --json
  holds "r['sweeps'] == []"
}

@test "numbers at the ends of what fits" {
  shared_stage
  printf 'params: {lr: [1, 2]}\nseed: 18446744073709551615\n' >wide.yaml
  succeeds sweep --file wide.yaml
  succeeds sweep show --json
  holds 'r["seed"] == 2**64 - 1'
  fails 2 sweep -S 'lr=uniform(0,1)' -m f1 --stop halving --budget depth=1..99999999999999999999 -n 9
}

@test "random draws are the same for the same seed" {
  shared_stage
  succeeds sweep -S 'lr=loguniform(1e-3,1e-1)' -n 4 --seed 7 -j2
  trials 'sorted(t) and len(t) == 4 and all(1e-3 <= float(x[3:]) <= 1e-1 for x in t)'
  succeeds sweep show --json
  "$PYTHON" -c 'import json,sys; print(sorted(x["params"][0]["value"] for x in json.load(open(sys.argv[1]))["trials"]))' "$OUT" >first
  succeeds sweep -S 'lr=loguniform(1e-3,1e-1)' -n 4 --seed 7 -j1
  succeeds sweep show --json
  "$PYTHON" -c 'import json,sys; print(sorted(x["params"][0]["value"] for x in json.load(open(sys.argv[1]))["trials"]))' "$OUT" | diff first -
}

@test "tpe is the same whatever runs side by side" {
  shared_stage
  for jobs in 1 2; do
    succeeds sweep -S 'lr=uniform(0,1)' --method tpe -n 14 --seed 3 --metric f1 -j$jobs
    succeeds sweep show --json
    "$PYTHON" -c 'import json,sys; print(sorted((x["trial"], x["params"][0]["value"]) for x in json.load(open(sys.argv[1]))["trials"]))' "$OUT" >of-$jobs
  done
  # without a lag each proposal waits for the trial before it
  diff of-1 of-2
}

@test "tpe says that it leaves jobs idle which were asked for" {
  shared_stage
  succeeds sweep -S 'lr=uniform(0,1)' --method tpe -n 1 --metric f1 -j6
  says "no more than 4 trials run side by side"
  succeeds sweep -S 'lr=uniform(0,1)' --method tpe -n 1 --metric f1 -j4
  says_not "side by side"
}

@test "stages have nothing open of what tells that a trial is under way" {
  shared_stage
  sed -i 's|cmd: sh train.sh|cmd: ls -l /proc/self/fd >> "$DID.fds"; sh train.sh|' pipeline.yaml
  succeeds sweep -S lr=0.1,0.2 --metric f1 -j2
  succeeds run -P lr=0.3
  [ -s "$DID.fds" ]
  not grep -E "mlops-slots|locks/trials" "$DID.fds"
}

@test "--repeat takes other seeds" {
  shared_stage
  echo 'seed: 1' >>params.yaml
  sed -i 's/params: .lr, depth./params: [lr, depth, seed]/' pipeline.yaml
  succeeds sweep -S lr=0.1,0.2 --repeat 3 --metric f1
  [ "$(grep -c train "$DID")" = 6 ]
  succeeds sweep show --json
  holds 'len(r["trials"]) == 6 and len({p["value"] for x in r["trials"] for p in x["params"] if p["key"] == "seed"}) >= 3'
}

@test "a sweep file, and options before it" {
  shared_stage
  cat >sweep.yaml <<'END'
sweep:
  metric: f1
  params:
    lr: [0.1, 0.2]
    depth: [1, 2]
END
  succeeds sweep --file sweep.yaml
  trials 'len(t) == 4 and t["depth=1 lr=0.2"]["score"] == 0.2'
  succeeds sweep --file sweep.yaml -S depth=5
  trials 'len(t) == 2 and t["depth=5 lr=0.2"]["score"] == 0.2'
  fails 3 sweep --file nowhere.yaml
  echo 'params: {lr: range(1, 3)}' >sweep.yaml
  fails 3 sweep --file sweep.yaml
  says "and stands in quotes inside of { } or [ ]"
}

@test "--max-trials ends a driver, --resume goes on" {
  shared_stage
  succeeds sweep -S lr=0.1,0.2,0.3,0.4 -n 2
  trials 'len(t) == 2'
  succeeds sweep --resume -n 1
  says "going on with sweep "
  trials 'len(t) == 3'
  succeeds sweep --resume -n 9
  trials 'len(t) == 4'
  [ "$(grep -c train "$DID")" = 4 ]
}

@test "--max-time begins nothing new" {
  shared_stage
  sed -i '1i sleep 0.3' train.sh
  succeeds sweep -S lr=1,2,3,4,5,6,7,8,9 -j1 --max-time 0.5s
  trials '1 <= len(t) <= 3'
  succeeds sweep --resume --max-time 0.1s -j1
}

@test "stages of few trials run side by side" {
  git_init
  echo 'x: 1' >params.yaml
  pipeline <<'END'
stages:
  a: {cmd: 'touch $DID.a; for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do [ ! -e $DID.b ] || exit 0; sleep 0.1; done; exit 1', params: [x]}
  b: {cmd: 'touch $DID.b; for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do [ ! -e $DID.a ] || exit 0; sleep 0.1; done; exit 1', params: [x]}
END
  succeeds sweep -S x=2 -j2 --repeat 1
}

@test "-j counts stages of all trials together" {
  git_init
  printf 'x: 1\n' >params.yaml
  cat >busy.sh <<'END'
mkdir "$DID.lock" 2>/dev/null || echo overlap >>"$DID"
sleep 0.05
rmdir "$DID.lock" 2>/dev/null || :
END
  pipeline <<'END'
stages:
  a: {cmd: sh busy.sh; echo 1 > a, deps: [busy.sh], params: [x], outs: [a]}
  b: {cmd: sh busy.sh; echo 2 > b, deps: [busy.sh], params: [x], outs: [b]}
END
  succeeds sweep -S x=1,2,3 -j1
  [ ! -e "$DID" ]
}

# A stage that says if another one runs at the same time, with the same GPUs if it has some.
greedy() {
  git_init
  printf 'x: 1\n' >params.yaml
  cat >busy.sh <<'END'
lock=$DID.lock$CUDA_VISIBLE_DEVICES
mkdir "$lock" || echo overlap >>"$DID.overlap"
echo "$CUDA_VISIBLE_DEVICES" >>"$DID"
sleep 0.1
rmdir "$lock"
END
  pipeline <<END
stages:
  a: {cmd: sh busy.sh; echo 1 > a, deps: [busy.sh], params: [x], outs: [a], resources: {$1}}
END
}

@test "trials share the memory: who asks for all of it runs alone" {
  greedy 'memory: 1000TiB'
  succeeds sweep -S x=1,2,3,4 -j4
  [ "$(wc -l <"$DID")" -eq 4 ]
  [ ! -e "$DID.overlap" ]
}

@test "trials lease GPUs one by one, those of another driver, too" {
  greedy 'gpus: 1'
  export MLOPS_GPUS=0,1
  "$MLOPS" sweep -S x=1,2,3,4,5,6,7,8 -j3 --name leased </dev/null >/dev/null 2>&1 &
  until [ -e "$DID" ]; do sleep 0.02; done
  succeeds sweep --resume leased -j3
  wait $!
  [ "$(wc -l <"$DID")" -eq 8 ]
  [ "$(sort -u "$DID" | tr '\n' ' ')" = '0 1 ' ]
  [ ! -e "$DID.overlap" ]
  sed -i 's/gpus: 1/gpus: 3/' pipeline.yaml
  fails 4 sweep -S x=10
  grep -q "asks for 3 GPUs; this machine has 2" "$ERR"
}

@test "--keep-work leaves the directories" {
  shared_stage
  succeeds sweep -S lr=0.1,0.2 --keep-work
  [ "$(ls .mlops/work | wc -l)" = 2 ]
  grep -q 'lr: 0.2 # as in the paper' .mlops/work/*-2/params.yaml
}

@test "targets are chosen as in a run, from where one stands" {
  shared_stage
  mkdir sub
  cd sub
  succeeds sweep -S lr=0.1,0.2 prepare
  [ "$(cat "$DID")" = prepare ]
  succeeds sweep -S lr=0.1,0.2 ../metrics.json
  [ "$(grep -c train "$DID")" = 2 ]
}

@test "what looks wrong to who comes from elsewhere is told with what to write" {
  shared_stage
  fails 2 sweep -S lr=0.1,0.2 -m zorp
  says "whether 'zorp' should be high or low is not known"
  [ ! -e "$DID" ]
  fails 2 run -P lr
  says "changes a parameter: -P lr=VALUE"
  fails 2 run -P 'lr=uniform(0,1)'
  says "is a range, not one value"
  says "mlops sweep -S 'KEY=uniform(0,1)'"
  fails 2 sweep -S lr=1,2 -m f1 --stop asha
  says -- "say '--steps FILE'"
  fails 2 sweep -S lr=1,2 -m f1 --stop halving
  says -- "say '--budget train.epochs=1..27'"
  fails 2 run lr=0.3
  says "-S in front changes a parameter: -S lr=0.3"
  fails 2 sweep lr=0.1,0.2
  says "-S lr=0.1,0.2"
  fails 2 sweep -S lr 0.1,0.2
  says "'lr' gives no value"
  fails 2 sweep shwo
  says "'mlops sweep list' and 'mlops sweep show' look at sweeps"
  fails 2 sweep -S lr=1,2 -m f1 --direction maximize
  says "say --max or --min"
  succeeds sweep -P lr=0.5,0.6
  trials 'len(t) == 2'
  fails 2 sweep -S lr=1,2 --repeat 0
  fails 2 sweep -S lr=1,2 -n 0
  printf 'metric: f1\nparams: {lr: [0.1, 0.2]}\n' >space.yaml
  fails 2 sweep space.yaml
  says "'space.yaml' is a sweep file and no pipeline"
  says -- "mlops sweep --file space.yaml"
  printf 'sweep: {metric: f1, params: {lr: [0.1, 0.2]}}\n' >>pipeline.yaml
  succeeds sweep pipeline.yaml
}

@test "--resume makes no project where there is none" {
  fails 3 sweep --resume
  [ ! -e .mlops ]
}

@test "the answer of a sweep as CSV is its table" {
  shared_stage
  succeeds sweep -S lr=0.1,0.2 -m f1 --format csv
  [ "$(head -1 "$OUT")" = "trial,run,status,score,params.lr,duration_s,combination,repeat,attempts,isolation,note" ]
  [ "$(wc -l <"$OUT")" = 3 ]
}

@test "an experiment is not @, which is said where there is nothing else" {
  shared_stage
  succeeds run -P lr=0.3
  fails 2 apply @
  says "'@' is no trial and no experiment, 'mlops runs' lists those"
}
