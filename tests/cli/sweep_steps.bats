#!/usr/bin/env bats
# Trials that report step by step, and are ended when they can't win.

load helper

# A stage that reports its rate in ten steps by a line of WRITE, which may use $i and $lr.
reporting() {
  git_init
  echo 'lr: 0.1' >params.yaml
  cat >train.sh <<END
lr=\$(sed -n 's/^lr: *//p' params.yaml)
$1
for i in 1 2 3 4 5 6 7 8 9 10; do
  $2
  sleep 0.1
done
echo "done \$lr" >>"\$DID"
echo "{\"f1\": \$lr}" >metrics.json
END
  pipeline <<'END'
stages:
  train:
    cmd: sh train.sh
    deps: [train.sh]
    params: [lr]
    metrics: [metrics.json]
END
  commit_all
}

states() {
  succeeds sweep show --json
  holds "[x['status'] for x in sorted(r['trials'], key=lambda x: x['trial'])] == '$1'.split()"
}

@test "asha ends trials that are behind; they count as ended well" {
  reporting 'echo step,f1 >log.csv' 'echo $i,$lr >>log.csv'
  succeeds sweep -S lr=0.9,0.1,0.2,0.3 --metric f1 --stop asha --steps log.csv -j1
  states 'succeeded succeeded stopped stopped'
  [ "$(wc -l <"$DID")" = 2 ]
  holds "all('step' in x['note'] for x in r['trials'] if x['status'] == 'stopped')"
}

@test "median ends a trial that is worse than what the others had by then" {
  reporting 'echo step,f1 >log.csv' 'echo $i,$lr >>log.csv'
  succeeds sweep -S lr=0.9,0.8,0.7,0.6,0.5,0.1 --metric f1 --stop median --steps log.csv -j5
  states 'succeeded succeeded succeeded succeeded succeeded stopped'
  holds "'step' in [x['note'] for x in r['trials'] if x['status'] == 'stopped'][0]"
}

@test "a TSV that is written anew each time, and JSON Lines" {
  reporting 'rows=' 'rows="$rows$i\t$lr\n"; printf "step\tf1\n$rows" >log.tsv'
  succeeds sweep -S lr=0.9,0.1,0.2,0.3 --metric f1 --stop asha --steps log.tsv -j1
  states 'succeeded succeeded stopped stopped'
  reporting : 'echo "{\"epoch\": $i, \"f1\": $lr}" >>log.jsonl'
  succeeds sweep -S lr=0.8,0.1,0.2,0.3 --metric f1 --stop asha --steps log.jsonl -j1
  states 'succeeded succeeded stopped stopped'
}

@test "steps that are not there are told in words" {
  reporting 'echo step,loss >log.csv' 'echo $i,$lr >>log.csv'
  succeeds sweep -S lr=0.9,0.1 --metric f1 --stop asha --steps log.csv -j2
  grep -q "'log.csv' has no column 'f1'; it has step, loss" "$ERR"
  succeeds sweep -S lr=0.91,0.11 --metric f1 --stop asha --steps other.csv -j2
  grep -q "'other.csv' was never written" "$ERR"
}

@test "halving runs in rounds with more budget each" {
  git_init
  printf 'lr: 0.1\nepochs: 1\n' >params.yaml
  cat >train.sh <<'END'
lr=$(sed -n 's/^lr: *//p' params.yaml) epochs=$(sed -n 's/^epochs: *//p' params.yaml)
echo "$epochs" >>"$DID"
echo "{\"f1\": $lr}" >metrics.json
END
  pipeline <<'END'
stages:
  train:
    cmd: sh train.sh
    deps: [train.sh]
    params: [lr, epochs]
    metrics: [metrics.json]
END
  commit_all
  succeeds sweep -S lr=0.1,0.2,0.3,0.4,0.5,0.6,0.7,0.8,0.9 --metric f1 --stop halving --budget epochs=1..9 -j2
  [ "$(sort "$DID" | uniq -c | awk '{print $1 "x" $2}' | tr '\n' ' ')" = '9x1 3x3 1x9 ' ]
  fails 2 sweep -S lr=0.1,0.2 --metric f1 --stop halving --budget epochs=many
}
