# Plots of a pipeline as one page, of one or several runs.
load helper

# A stage that makes one of each kind; $1: a factor of its values.
project() {
  cat >make.py <<'END'
import json, os, sys
k = float(open("k").read())
os.makedirs("pics", exist_ok=True)
with open("loss.csv", "w") as f:
    print("step,loss,val_loss,note", file=f)
    for i in range(20):
        print(i, k / (i + 1), k / (i + 2), "x", sep=",", file=f)
with open("acc.jsonl", "w") as f:
    for i in range(5):
        print(json.dumps({"epoch": i, "acc": {"top1": i / 5}}), file=f)
open("classes.csv", "w").write("actual,predicted\ncat,cat\ncat,dog\ndog,dog\n")
json.dump({"all": [{"name": "age", "gain": k}, {"name": "sex", "gain": 0.3}]}, open("gain.json", "w"))
open("pics/tree.svg", "w").write('<svg xmlns="http://www.w3.org/2000/svg"><circle r="%g"/></svg>' % k)
open("pics/readme.txt", "w").write("no picture")
END
  echo 1 >k
  pipeline "${1:-pipeline.yaml}" <<END
stages:
  make:
    cmd: $PYTHON make.py
    deps: [make.py, k]
    plots:
      - loss.csv: {x: step, y: loss, title: Loss, cache: false}
      - acc.jsonl
      - classes.csv: {template: confusion, x: actual, y: predicted}
      - gain.json: {template: bar_horizontal, x: gain, y: name}
      - pics
plots:
  - Both:
      x: step
      y: {loss.csv: [loss, val_loss]}
      x_label: steps
      template: smooth
END
}

# plot ID: of the last --json
plot='next(p for p in r["plots"] if p["id"] == "%s")'
holds_of() {
  holds "(lambda p: $2)($(printf "$plot" "$1"))"
}

@test "show draws every plot into one page without script or reference" {
  project
  ran executed=1
  succeeds plots
  says "6 plots: file://$PWD/plots.html"
  [ "$(grep -c '<svg' plots.html)" -ge 1 ]
  [ "$(grep -o '<svg' plots.html | wc -l)" -ge 5 ]
  grep -q 'data:image/svg+xml' plots.html
  not grep -qiE '<script|https?://[^w]|<link' plots.html
  succeeds plots show Both -o -
  says "<svg"
  says "steps"
}

@test "the values come as JSON" {
  project
  ran executed=1
  succeeds plots show --json
  holds '[p["id"] for p in r["plots"]] == ["Both", "loss.csv", "acc.jsonl", "classes.csv", "gain.json", "pics/tree.svg"]'
  holds_of loss.csv 'p["title"] == "Loss" and p["lines"][0]["x"] == "step" and p["lines"][0]["points"][1] == [1, 0.5]'
  holds_of Both '[l["y"] for l in p["lines"]] == ["loss", "val_loss"] and p["template"] == "smooth"'
  holds_of acc.jsonl 'p["lines"][0]["x"] == "epoch" and p["lines"][0]["y"] == "acc.top1" and len(p["lines"][0]["points"]) == 5'
  holds_of classes.csv 'p["lines"][0]["points"] == [["cat", "cat"], ["cat", "dog"], ["dog", "dog"]]'
  holds_of gain.json 'p["lines"][0]["points"] == [[1, "age"], [0.3, "sex"]]'
  holds_of pics/tree.svg 'p["images"][0]["type"] == "image/svg+xml"'
}

@test "options choose columns, template and labels; files that no plot names are drawn when named" {
  project
  ran executed=1
  succeeds plots show loss.csv -x val_loss -y step -y loss -t scatter --title T --json
  holds_of loss.csv 'p["title"] == "T" and p["template"] == "scatter" and [l["y"] for l in p["lines"]] == ["step", "loss"]'
  printf 'a\tb\n1\t2\n3\t4\n' >own.tsv
  succeeds plots show own.tsv --json
  holds_of own.tsv '[l["y"] for l in p["lines"]] == ["a", "b"]'
  mkdir -p sub && cp own.tsv sub/other.tsv
  cd sub
  succeeds plots show other.tsv --json
  holds_of sub/other.tsv 'len(p["lines"]) == 2'
  cd ..
  fails 2 plots show nothing.csv
  says "is no plot and no file"
}

@test "diff draws HEAD and the work tree in the same charts, from the store and git" {
  git_init
  project
  ran executed=1
  git add -A && git commit -qm one
  echo 2 >k
  ran executed=1
  succeeds plots diff --json
  holds 'r["revisions"] == ["HEAD", "workspace"]'
  holds_of loss.csv '[l["points"][0][1] for l in p["lines"]] == [1, 2]'
  holds_of gain.json '[l["points"][0][0] for l in p["lines"]] == [1, 2]'
  holds_of pics/tree.svg '[i["revision"] for i in p["images"]] == ["HEAD", "workspace"]'
  rm -f loss.csv
  succeeds plots diff @~1 @ --targets loss.csv --json
  holds_of loss.csv '[l["points"][0][1] for l in p["lines"]] == [1, 2]'
  succeeds plots diff @~1 @ HEAD -o three.html
  grep -q '@~1' three.html
}

@test "what can't be drawn is a warning and hides nothing" {
  project
  ran executed=1
  sed -i 's/template: smooth/template: funny/; s/val_loss\]/absent]/' pipeline.yaml
  printf '[]' >gain.json
  succeeds plots show --json
  says "there is no template 'funny'"
  says "'loss.csv' has no column 'absent'"
  says "'gain.json' has no rows"
  holds_of Both '[l["y"] for l in p["lines"]] == ["loss"] and p["template"] == "linear"'
}

@test "a revision of which git alone knows the files" {
  git_init
  pipeline dvc.yaml <<'END'
plots:
  - hist.csv: {x: step, y: loss}
metrics: [m.json]
END
  printf 'step,loss\n1,5\n' >hist.csv
  echo '{"f1": 0.5}' >m.json
  git add -A && git commit -qm one
  printf 'step,loss\n1,7\n' >hist.csv
  echo '{"f1": 0.75}' >m.json
  succeeds plots diff --json
  holds_of hist.csv '[l["points"] for l in p["lines"]] == [[[1, 5]], [[1, 7]]]'
  succeeds metrics diff --json
  holds 'r["metrics"] == [{"path": "m.json", "name": "f1", "before": 0.5, "after": 0.75, "change": 0.25, "verdict": "better"}]'
}

@test "a page is never written over a directory, nor in the place of a device, pipe or link" {
  project
  ran executed=1
  mkdir out
  fails 2 plots -o out
  says "is a directory"
  for words in "plots -o" "report --html -o" "diff @ workspace --html" "data infer rows.csv -o"; do
    rm -f pipe link
    mkfifo pipe
    echo a,b >rows.csv
    echo 1,2 >>rows.csv
    timeout 20 cat pipe >../got &
    # shellcheck disable=SC2086
    timeout 20 "$MLOPS" $words pipe >"$OUT" 2>"$ERR" || tell "$words"
    wait
    [ -p pipe ] && [ -s ../got ] || tell "$words: the pipe is gone or got nothing"
    echo old >page.html
    ln -s page.html link
    # shellcheck disable=SC2086
    succeeds $words link
    [ -L link ] && [ "$(cat page.html)" != old ] || tell "$words: the link is gone"
  done
}

@test "nothing to plot makes no page and says so" {
  pipeline <<<'stages: {a: {cmd: "echo x >a", outs: [a]}}'
  succeeds run
  succeeds plots
  grep -q "nothing to plot" "$ERR"
  [ ! -e plots.html ]
}
