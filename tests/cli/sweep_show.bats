# sweep list, sweep show, best --sweep
load helper

# f1 is 0.9 less the distance of lr to 0.01 in decades, and a little by the seed; kind bad fails.
project() {
  printf 'lr: 0.1\nkind: good\nseed: 0\n' >params.yaml
  cat >train.sh <<'END'
value() { sed -n "s/^$1: *//p" params.yaml; }
if [ "$(value kind)" = bad ]; then echo "out of memory"; exit 3; fi
if [ "$(value kind)" = mute ]; then echo 'other: 1' >metrics.yaml; exit 0; fi
awk -v lr="$(value lr)" -v seed="$(value seed)" 'BEGIN {
  d = log(lr) / log(10) + 2; printf "f1: %.6f\n", 0.9 - (d < 0 ? -d : d) / 10 + seed / 1000 }' >metrics.yaml
END
  pipeline <<'END'
stages:
  train:
    cmd: sh train.sh
    deps: [train.sh]
    params: [lr, kind, seed]
    metrics: [{metrics.yaml: {cache: false}}]
END
}

# What python prints of the JSON in $OUT, as `data`.
json() {
  "$PYTHON" -c "import json,sys; data = json.load(open(sys.argv[1])); print($1)" "$OUT"
}

@test "a sweep is shown by score with what varies, and with what to do next" {
  project
  succeeds sweep -S lr=0.1,0.01,0.001 -S kind=good -m f1
  succeeds sweep show
  [[ $(sed -n 4p "$OUT") == "TRIAL  RUN"*"f1     lr"* ]]
  [[ $(sed -n 5p "$OUT") == "    2  "*" 0.9   0.01"* ]]
  if grep -q kind "$OUT"; then false; fi
  run=$(sed -n '5s/^ *2  \([0-9A-Z]*\).*/\1/p' "$OUT")
  grep -q "mlops apply $run" "$OUT"
  grep -q "optimistic: it was chosen by it among 3; by how much only repeats tell" "$OUT"
  succeeds sweep show --json
  [ "$(json 'data["best"]["trial"], data["best"]["score"], data["status"]')" = "2 0.9 done" ]
  [ "$(json '[t["trial"] for t in data["trials"]]')" = "[2, 1, 3]" ] || [ "$(json '[t["trial"] for t in data["trials"]]')" = "[2, 3, 1]" ]
  succeeds sweep show --format csv
  [ "$(head -1 "$OUT")" = "trial,run,status,score,params.lr,duration_s,combination,repeat,attempts,isolation,note" ]
  [ "$(wc -l <"$OUT")" = 4 ]
  succeeds sweep show --format md
  grep -q '^| *2 | ' "$OUT"
}

@test "failed trials say why, once for each reason, and those without the metric are told" {
  project
  mlops sweep -S kind=good,bad,mute -S lr=0.1,0.01 -m f1
  [ "$status" = 1 ]
  [ "$(grep -c '    | out of memory' "$ERR")" = 1 ]
  [ "$(grep -c '^    as in trial' "$ERR")" = 1 ]
  succeeds sweep show
  grep -q '^failed  *trials 3, 4: train: exited with status 3 (mlops logs' "$OUT"
  [ "$(grep -c '^ .* failed ' "$OUT")" = 2 ]
  succeeds sweep show --json
  [ "$(json 'data["counts"]["failed"], data["counts"]["succeeded"]')" = "2 4" ]
  [ "$(json 'sum(t["score"] is None for t in data["trials"])')" = 4 ]
}

@test "repeats are a row with mean, spread and interval, and best goes by their mean" {
  project
  succeeds sweep -S lr=0.1,0.01 --repeat 3 -m f1 --name thrice
  succeeds sweep show thrice
  grep -q '0.901 ± 0.001  0.89852 to 0.90348  3  0.01' "$OUT"
  grep -q 'the best looks better by about 0.0003' "$OUT"
  if grep -q seed "$OUT"; then false; fi
  succeeds sweep show thrice --json
  [ "$(json '[c["trials"] for c in data["combinations"]], len(data["trials"])')" = "[3, 3] 6" ]
  succeeds best --sweep thrice --json
  [ "$(json 'round(data["runs"][0]["value"], 6), data["runs"][0]["repeats"], data["experiments"]')" = "0.901 3 2" ]
  # one run that is luckier than the mean of the repeats, but not than all of them
  printf 'lr: 0.01\nkind: good\nseed: 0.5\n' >params.yaml
  succeeds run
  succeeds best f1 --json
  [ "$(json 'data["runs"][0]["repeats"], data["experiments"]')" = "3 3" ]
  succeeds best --sweep @ -n 0 --json
  [ "$(json 'len(data["runs"])')" = 2 ]
}

@test "a standard error in the metrics file gives the choice without repeats" {
  project
  sed -i 's|printf "f1: %.6f\\n"|printf "f1: %.6f\\nf1_stderr: 0.05\\n"|' train.sh
  succeeds sweep -S lr=0.01,0.011,0.1 -m f1
  succeeds sweep show
  grep -q 'within one standard error (0.05) of the best: trial 2' "$OUT"
}

@test "sweeps are listed, found by name, id and @, and what is none is said" {
  project
  fails 3 sweep list
  succeeds init
  succeeds sweep list
  [ ! -s "$OUT" ]
  fails 2 sweep show
  grep -q 'no sweep was made in this project' "$ERR"
  succeeds sweep -S lr=0.1,0.01 -m f1 --name first
  succeeds sweep -S lr=0.1,0.001 -m f1
  succeeds sweep list --json
  [ "$(json '[s["name"] for s in data["sweeps"]]')" = "[None, 'first']" ]
  newest=$(json 'data["sweeps"][0]["sweep"]')
  succeeds sweep show first --json
  [ "$(json 'data["name"]')" = first ]
  succeeds sweep show "${newest: -8}" --json
  [ "$(json 'data["sweep"]')" = "$newest" ]
  succeeds sweep show @ --json
  [ "$(json 'data["sweep"]')" = "$newest" ]
  fails 2 sweep show nothing
  grep -q "there is no sweep 'nothing'" "$ERR"
  fails 2 best --sweep nothing
}

@test "the page stands by itself and has its charts" {
  project
  mlops sweep -S 'kind=good,bad,"<b>x"' -S lr=0.1,0.03,0.01,0.003,0.001 -m f1 --name charts
  succeeds sweep show --html page.html
  [ ! -s "$OUT" ]
  [ "$(grep -c '<svg class="mlops-chart"' page.html)" -ge 4 ]
  grep -q 'class="mc-r0"' page.html
  if grep -qE '<script|https?://|<b>' page.html; then false; fi
  fails 4 sweep show --html no/such/page.html
}

@test "progress as JSON is one object a line, and quiet tells failures only" {
  project
  mlops sweep -S kind=good,bad -S lr=0.1,0.01 -m f1 --progress=json
  "$PYTHON" - "$ERR" <<'END'
import json, sys
events = [json.loads(line) for line in open(sys.argv[1])]
names = [e["event"] for e in events]
assert names[0] == "sweep_begun" and names[-1] == "sweep_ended", names
ended = [e for e in events if e["event"] == "trial_ended"]
assert sorted(e["trial"] for e in ended) == [1, 2, 3, 4]
assert ended[-1]["done"] == ended[-1]["total"] == 4
assert max(e["score"] for e in ended if e["score"]) == events[-1]["best_score"] == 0.9
assert all(e["log_tail"] for e in ended if e["status"] == "failed")
END
  mlops sweep -S kind=good,bad -S lr=0.1,0.02 -m f1 --quiet
  grep -q 'failed' "$ERR"
  if grep -q 'succeeded' "$ERR"; then false; fi
}

@test "forty columns and control characters in names and notes are no harm" {
  project
  succeeds sweep -S lr=0.1,0.01 -S 'kind=choice("good\e[2J", "a-word-that-is-much-longer-than-it-should-be")' -m f1
  succeeds sweep show
  if grep -q $'\x1b' "$OUT"; then false; fi
}

@test "trials are compared and reported on like any run" {
  project
  succeeds sweep -S lr=0.1,0.01 -m f1 --name two
  succeeds diff two-1 two-2
  grep -q 'better: f1 0.8 -> 0.9' "$OUT" || grep -q 'better' "$OUT"
  succeeds report two-2 --against two-1
  grep -q 'only the parameter lr changed\|lr' "$OUT"
  succeeds show two-2
}

@test "a sweep is no run to apply, also where nothing else was recorded" {
  pipeline <<'END'
stages:
  a: {cmd: cp params.yaml m.yaml, params: [x], metrics: [m.yaml]}
END
  echo 'x: 1' >params.yaml
  succeeds sweep -S x=1,2 --name two
  fails 2 apply two
  grep -q "'two' is a sweep, not a run" "$ERR"
}

@test "a later run or sweep of the same does not take a trial's place in best" {
  project
  succeeds sweep -S lr=0.1,0.01,0.001 -m f1 --name one
  sed -i 's/^lr: .*/lr: 0.01/' params.yaml
  succeeds run
  succeeds best --sweep one --json
  [ "$(json 'data["experiments"], data["runs"][0]["value"]')" = "3 0.9" ]
  succeeds sweep -S lr=0.1,0.01 -m f1 --name two
  succeeds best --sweep one --json
  [ "$(json 'data["experiments"], data["runs"][0]["value"]')" = "3 0.9" ]
  succeeds sweep -S lr=0.1,0.01 --repeat 3 -m f1 --name repeated
  sed -i 's/^seed: .*/seed: 2/' params.yaml
  succeeds run
  succeeds best -m f1 --json # the luckiest seed, once run by itself, is still one of three
  [ "$(json 'data["runs"][0]["value"], data["runs"][0]["repeats"]')" = "0.901 3" ]
}

@test "trials that are not begun yet count as waiting, and a sweep that goes on as running" {
  project
  fails 1 sweep -S kind=bad,good -S lr=0.1,0.01 -j1 --fail-fast --name early
  grep -q '^sweep early: 4 trials: 1 failed, 3 waiting ' "$OUT"
  succeeds sweep show
  grep -q '^4 trials: 1 failed, 3 waiting ' "$OUT"
  succeeds sweep show --json
  [ "$(json 'data["planned"], data["counts"]["failed"]')" = "4 1" ]
  succeeds runs
  grep -q 'sweep: 1 failed, 3 waiting' "$OUT"
  sed -i '1i while [ ! -e "$DID" ]; do sleep 0.05; done' train.sh
  mlops sweep -S lr=0.2,0.3,0.4 -j1 --name long 3>&- &
  for _ in $(seq 100); do
    succeeds sweep list --json
    [ "$(json 'data["sweeps"][0]["status"]')" != running ] || break
    sleep 0.1
  done
  [ "$(json '[(s["status"], s["trials"], s["spent_s"] is None) for s in data["sweeps"]]')" = "[('running', 3, True), ('open', 4, False)]" ]
  touch "$DID"
  wait
}

@test "what a killed driver left is waiting, not running" {
  project
  sed -i '1i while [ ! -e "$DID" ]; do sleep 0.05; done' train.sh
  "$MLOPS" sweep -S lr=0.2,0.3,0.4 -j2 --name killed 3>&- >/dev/null 2>&1 &
  driver=$!
  for _ in $(seq 100); do
    "$MLOPS" sweep show --json >"$OUT" 2>/dev/null || { sleep 0.1; continue; }
    [ "$(json 'data["counts"]["running"]')" != 2 ] || break
    sleep 0.1
  done
  [ "$(json 'data["counts"]["running"]')" = 2 ]
  kill -9 "$driver"
  for _ in $(seq 50); do
    succeeds sweep show --json
    [ "$(json 'data["is_busy"]')" = True ] || break
    sleep 0.1
  done
  [ "$(json 'data["counts"]["running"], data["counts"]["waiting"], data["status"]')" = "0 2 open" ]
  succeeds sweep show
  grep -q '^3 trials: 3 waiting ' "$OUT"
  touch "$DID"
}

@test "what a metric is called does not reach the terminal as it is" {
  echo 'lr: 1' >params.yaml
  pipeline <<'END'
stages:
  a: {cmd: 'printf "{\"\\\\u001b[31mred\": 1}" > m.json', params: [lr], metrics: [m.json]}
END
  succeeds sweep -S lr=1,2 -m $'\e[31mred' --max
  succeeds sweep show
  grep -q 'x1b\[31mred' "$OUT"
  not grep -q $'\e' "$OUT" "$ERR"
  succeeds best $'\e[31mred' --max
  not grep -q $'\e' "$OUT" "$ERR"
}
