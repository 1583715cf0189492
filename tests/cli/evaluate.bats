load helper

# A small binary file: 3 of 4 right at 0.5.
four_rows() {
  printf 'label,score\n0,0.1\n0,0.4\n1,0.35\n1,0.8\n' >"${1:-p.csv}"
}

# fails_with TEXT STATUS ARGS...: one line on stderr holds the text.
fails_with() {
  local text=$1
  shift
  fails "$@"
  grep -qF -- "$text" "$ERR" || tell "wanted: $text"
}

says() {
  grep -qF -- "$1" "$OUT" || tell "wanted: $1"
}

warns() {
  grep -qF -- "$1" "$ERR" || tell "wanted: $1"
}

@test "a binary file: metrics by their names, outside of any project" {
  four_rows
  succeeds evaluate p.csv --task binary --json
  holds 'r["schema_version"] == 1 and r["task"] == "binary" and r["rows"] == 4'
  holds 'r["accuracy"] == 0.75 and r["binary"]["recall"] == 0.5 and r["roc_auc"] == 0.75'
  holds 'r["confusion"] == [[2, 0], [1, 1]] and r["threshold"] == 0.5 and r["positive"] == "1"'
  holds 'r["per_class"]["support"] == [2, 2] and r["classes"]["1"]["precision"] == 1'
  holds 'r["roc_curve"]["tpr"] == [0.5, 0.5, 1, 1]'
  holds 'r["intervals"]["accuracy"]["method"] == "wilson" and r["intervals"]["roc_auc"]["level"] == 0.95'
  holds 'r["trivial"]["accuracy"] == 0.5 and r["undefined"] == {}'
  [ ! -e .mlops ]
  [ ! -s "$ERR" ]
}

@test "people see metrics beside the trivial baseline, and what was guessed" {
  four_rows
  succeeds evaluate p.csv
  says "p.csv: binary, 4 rows, positive '1', threshold 0.5"
  says 'roc_auc              0.7500'
  says "trivial: always '0'; intervals at 95 %"
  warns "taken for the task 'binary', since there is a column of scores"
  succeeds evaluate p.csv --quiet
  [ ! -s "$ERR" ]
}

@test "what hinders the guess of a task is told" {
  printf 'label,score,score\n0,0.1,0.2\n' >p.csv
  fails_with "p.csv has two columns 'score'" 3 evaluate p.csv
  printf 'label,guess\n0,0.1\n' >p.csv
  fails_with "p.csv has neither a column 'prediction' nor 'score'" 3 evaluate p.csv
}

@test "predictions are not written over" {
  four_rows
  cp p.csv b.csv
  fails_with "'p.csv' holds predictions" 2 evaluate p.csv --output p.csv
  fails_with "'b.csv' holds predictions" 2 evaluate p.csv --against b.csv --by-row --metrics b.csv
  fails_with "--metrics and --output both name 'm.json'" 2 evaluate p.csv -m m.json -o m.json
  cmp p.csv b.csv
}

@test "the answer is the same every time" {
  four_rows
  succeeds evaluate p.csv --task binary --json
  cp "$OUT" first
  succeeds evaluate p.csv --task binary --json
  cmp first "$OUT"
}

@test "tables as CSV and Markdown" {
  four_rows
  succeeds evaluate p.csv --task binary --format csv
  [ "$(head -n 1 "$OUT")" = 'metric,value,interval,low,high,trivial,undefined' ]
  grep -q '^accuracy,0.75,' "$OUT"
  succeeds evaluate p.csv --task binary --format md
  grep -q '^| accuracy ' "$OUT"
}

@test "a threshold, a named positive and other columns" {
  printf 'truth,p\nham,0.9\nspam,0.35\nspam,0.2\n' >p.csv
  succeeds evaluate p.csv --task binary --label truth --score p --threshold 0.3 --positive ham --json
  holds 'r["positive"] == "ham" and r["confusion"] == [[1, 0], [1, 1]] and r["threshold"] == 0.3'
}

@test "predictions count before the usual threshold; another threshold before predictions" {
  printf 'label,prediction,score\n0,1,0.4\n1,1,0.3\n' >p.csv
  succeeds evaluate p.csv --task binary --json
  holds 'r["accuracy"] == 0.5 and r["threshold"] is None'
  succeeds evaluate p.csv --task binary --threshold 0.35 --json
  holds 'r["accuracy"] == 0'
  warns 'the threshold decides, not the column of predictions'
}

@test "raw scores: ranks but no probabilities" {
  printf 'label,score\n0,-2\n1,3\n' >p.csv
  succeeds evaluate p.csv --task binary --json
  holds 'r["roc_auc"] == 1 and r["log_loss"] is None and r["brier"] is None'
  holds 'r["undefined"]["log_loss"] == "scores are not all within 0 and 1"'
  warns 'the threshold 0.5 was taken as it is'
  succeeds evaluate p.csv --task binary --threshold 0 --json
  holds 'r["threshold"] == 0'
  [ ! -s "$ERR" ] || tell 'a threshold that is given needs no warning'
}

@test "one class only: what is undefined says why" {
  printf 'label,score\n0,0.2\n0,0.7\n' >p.csv
  succeeds evaluate p.csv --task binary --json
  holds 'r["roc_auc"] is None and r["undefined"]["roc_auc"] == "only one class in the labels"'
  holds 'r["average_precision"] == 0 and r["confusion"] == [[1, 1], [0, 0]]'
  warns "no row has the label '1'"
}

@test "several classes: by name, by number, by predictions alone" {
  printf 'label,p_cat,p_dog,p_eel\ncat,.5,.5,0\ndog,.1,.2,.7\neel,0,0,1\n' >p.csv
  succeeds evaluate p.csv --json
  holds 'r["task"] == "multiclass" and r["labels"] == ["cat", "dog", "eel"]'
  holds 'r["confusion"][0] == [1, 0, 0] and r["top2_accuracy"] == 1 and "top3_accuracy" not in r'
  holds 'sorted(r["roc_curve"]) == ["cat", "dog", "eel"]'
  printf 'label,p0,p1,p2\n0,.5,.5,0\n1.0,.1,.2,.7\n2,0,0,1\n' >p.csv
  succeeds evaluate p.csv --json
  holds 'r["labels"] == ["0", "1", "2"] and r["accuracy"] > 0.6'
  printf 'label,prediction\na,a\nb,c\nc,c\n' >p.csv
  succeeds evaluate p.csv --task multiclass --json
  holds 'r["roc_auc_ovr_macro"] is None and "no probabilities" in r["undefined"]["roc_auc_ovr_macro"]'
}

@test "numbers" {
  printf 'label,prediction\n1.5,2\n-3,1e1\n' >p.csv
  succeeds evaluate p.csv --json
  holds 'r["task"] == "regression" and r["mae"] == 6.75 and r["msle"] is None'
  holds 'r["predicted_vs_true"]["prediction"] == [2, 10] and r["pinball_0.9"] > 0'
  warns 'rmse is not better than that of the mean -0.75'
}

@test "slices hold the same metrics, and an empty cell is one of them" {
  printf 'label,score,land\n0,0.1,FR\n1,0.4,FR\n1,0.9,\n0,0.2,DE\n' >p.csv
  succeeds evaluate p.csv --task binary --slice land --json
  holds 'list(r["slices"]["land"]) == ["", "DE", "FR"] and r["slices"]["land"]["FR"]["accuracy"] == 0.5'
  holds 'r["slices"]["land"]["DE"]["rows"] == 1 and r["slices"]["land"]["DE"]["roc_auc"] is None'
  succeeds evaluate p.csv --task binary --slice land
  says 'land=FR'
}

@test "weights" {
  printf 'label,score,weight\n0,0.1,3\n1,0.4,1\n1,0.9,0\n' >p.csv
  succeeds evaluate p.csv --task binary --json
  holds 'r["accuracy"] == 0.75 and r["confusion"] == [[3, 0], [1, 0]]'
  warns '1 row has the weight 0'
  succeeds evaluate p.csv --task binary --weight score --json
  holds 'r["rows"] == 3 and r["confusion"] == [[0.1, 0], [0.4, 0.9]]'
}

@test "files: metrics, evaluation and charts, with the directories above them" {
  four_rows
  succeeds evaluate p.csv --task binary --metrics out/m.json --output out/deep/e.json --charts out/charts
  "$PYTHON" -c 'import json; m = json.load(open("out/m.json")); assert m["accuracy"] == 0.75 and "roc_curve" not in m'
  "$PYTHON" -c 'import json; e = json.load(open("out/deep/e.json")); assert e["evaluation_format"] == 1 and e["roc_curve"]["fpr"]'
  [ "$(ls out/charts | tr '\n' ' ')" = 'calibration.svg confusion.svg pr.svg roc.svg threshold.svg ' ]
  [ "$(ls)" = "$(printf 'out\np.csv')" ]
  cp -r out before
  succeeds evaluate p.csv --task binary --metrics out/m.json --output out/deep/e.json --charts out/charts
  diff -r before out
}

@test "two files by id: the second in another order" {
  printf 'id,label,score\na,1,0.9\nb,0,0.6\nc,1,0.2\nd,0,0.1\n' >a.csv
  printf 'id,label,score\nd,0,0.2\nc,1,0.7\nb,0,0.3\na,1,0.8\n' >b.csv
  succeeds evaluate a.csv --against b.csv --task binary --json
  holds 'r["comparison"]["fixed"] == 2 and r["comparison"]["broke"] == 0'
  holds 'r["accuracy"] == 0.5 and r["against"]["accuracy"] == 1 and r["comparison"]["a"] == "a.csv"'
  holds '[m["delta"] for m in r["comparison"]["metrics"] if m["name"] == "accuracy"] == [0.5]'
  succeeds evaluate a.csv --against b.csv --task binary --charts charts
  says 'b fixed 2, broke 0'
  says '+0.5000  better'
  [ -e charts/confusion_before.svg ]
}

@test "two files without ids: only by row, and only if the user says so" {
  four_rows a.csv
  printf 'label,score\n0,0.1\n0,0.4\n1,0.75\n1,0.8\n' >b.csv
  fails_with "a.csv has no column 'id'" 3 evaluate a.csv --against b.csv --task binary
  warns '--by-row'
  succeeds evaluate a.csv --against b.csv --task binary --by-row --json
  holds 'r["comparison"]["fixed"] == 1'
  four_rows b.csv
  sed -i '$d' b.csv
  fails 3 evaluate a.csv --against b.csv --task binary --by-row
}

@test "two models in one file" {
  printf 'label,score_a,score_b\n0,0.6,0.1\n1,0.7,0.8\n1,0.2,0.9\n0,0.1,0.2\n' >p.csv
  succeeds evaluate p.csv --task binary --json
  holds 'r["comparison"]["accuracy_a"] == 0.5 and r["comparison"]["accuracy_b"] == 1'
  holds 'r["accuracy_a"] == 0.5 and r["mcnemar_exact_p"] == r["comparison"]["mcnemar_exact_p"]'
  holds 'r["comparison"]["table_a_right_b_right__a_right_b_wrong__a_wrong_b_right__both_wrong"] == [[2, 0], [2, 0]]'
  printf 'label,prediction_a,prediction_b\n1.5,1,1.4\n2.5,2,2.6\n' >p.csv
  succeeds evaluate p.csv --json
  holds 'r["task"] == "regression" and r["comparison"]["b"] == "prediction_b"'
}

@test "other formats: byte order mark, CRLF, blank lines, gzip, JSON Lines, JSON" {
  printf '\xef\xbb\xbflabel,score\r\n0,0.1\r\n\r\n1, 0.8 \r\n' >p.csv
  succeeds evaluate p.csv --task binary --json
  holds 'r["rows"] == 2 and r["accuracy"] == 1'
  four_rows
  gzip -k p.csv
  succeeds evaluate p.csv.gz --task binary --json
  holds 'r["accuracy"] == 0.75'
  printf '{"label": true, "score": 0.8}\n{"score": 0.1, "label": false}\n' >p.jsonl
  succeeds evaluate p.jsonl --task binary --json
  holds 'r["labels"] == ["false", "true"] and r["positive"] == "true" and r["accuracy"] == 1'
  printf '[{"label": 1, "prediction": 1.5}, {"label": 2, "prediction": 2}]' >p.json
  succeeds evaluate p.json --task regression --json
  holds 'r["mae"] == 0.25'
  printf 'label\tscore\n0\t0.1\n1\t0.8\n' >p.tsv
  succeeds evaluate p.tsv --task binary --json
  holds 'r["accuracy"] == 1'
}

@test "wrong files: one line that says where, and status 3" {
  printf 'label,scor\n1,0.2\n' >p.csv
  fails_with "p.csv has neither a column 'prediction' nor 'score'" 3 evaluate p.csv --task binary
  fails_with "p.csv has no column 'x'" 3 evaluate p.csv --task binary --score x
  printf 'truth,score\n1,0.2\n' >p.csv
  fails_with "p.csv has no column 'label'" 3 evaluate p.csv --task binary
  printf 'label,score,score\n1,0.2,0.3\n' >p.csv
  fails_with "p.csv has two columns 'score'" 3 evaluate p.csv --task binary
  printf 'label,score\n1,0.2\nNaN,0.3\n' >p.csv
  fails_with "row 3, column 'label': 'NaN' is no label" 3 evaluate p.csv --task binary
  printf 'label,score\n1,0.2\n0,\n' >p.csv
  fails_with "row 3, column 'score': the cell is empty" 3 evaluate p.csv --task binary
  printf 'label,score\n1,much\n' >p.csv
  fails_with "row 2, column 'score': 'much' is no number" 3 evaluate p.csv --task binary
  printf 'label,score\n1,inf\n' >p.csv
  fails_with "row 2, column 'score': 'inf' is no finite number" 3 evaluate p.csv --task binary
  printf 'label,score\n1,0.2\n0,0.1\n2,0.3\n' >p.csv
  fails_with "row 4, column 'label': '2' is a third label" 3 evaluate p.csv --task binary
  printf 'label,score,weight\n1,0.2,-1\n' >p.csv
  fails_with "row 2, column 'weight': '-1' is below 0" 3 evaluate p.csv --task binary
  printf 'label,score,weight\n1,0.2,0\n' >p.csv
  fails_with 'p.csv: all weights are 0' 3 evaluate p.csv --task binary
  printf 'id,label,score\na,1,0.2\na,0,0.3\n' >p.csv
  fails_with "row 3, column 'id': the id 'a' stands in row 2, too" 3 evaluate p.csv --task binary
  printf 'label,score\n' >p.csv
  fails_with 'p.csv has no rows' 3 evaluate p.csv --task binary
  : >p.csv
  fails_with 'the file is empty' 3 evaluate p.csv
  printf 'label,score\n1,0.5,7\n' >p.csv
  fails_with 'more cells follow than there are columns' 3 evaluate p.csv --task binary
  printf 'label,score\ncat,0.5\n' >p.csv
  fails_with "p.csv has only the label 'cat'" 3 evaluate p.csv --task binary
  printf 'label,p_a,p_b\na,0.5,0.5\nc,0.5,0.5\n' >p.csv
  fails_with "p.csv has no column 'p_c' for the class 'c'" 3 evaluate p.csv --task multiclass
  printf '{"label": null, "score": 1}\n' >p.jsonl
  fails_with "row 1, column 'label': the cell is empty" 3 evaluate p.jsonl --task binary
  fails 4 evaluate nothing.csv --task binary
}

@test "wrong options: status 2" {
  four_rows
  fails 2 evaluate
  fails_with '--threshold takes a number' 2 evaluate p.csv --threshold high
  fails_with '--level is a share between 0 and 1' 2 evaluate p.csv --level 95
  fails_with "--threshold is for the task 'binary'" 2 evaluate p.csv --task multiclass --threshold 0.3
  fails_with '--by-row is for --against' 2 evaluate p.csv --by-row
  fails 2 evaluate p.csv --task tertiary
}

@test "texts of others do no harm" {
  printf 'label,prediction\n\x1b[31mred,b\nb,b\nc,"a\x1b]0;x\x07"\n' >p.csv
  succeeds evaluate p.csv --task multiclass
  ! grep -q $'\x1b' "$OUT" "$ERR"
}

@test "a file that is not there is told as such, whatever its name" {
  fails_with "cannot open 'p.csvv'" 4 evaluate p.csvv
  fails_with "'mlops evaluate' needs more words: mlops evaluate FILE" 2 evaluate
  mkdir p
  fails_with "'p' is a directory" 4 evaluate p
  echo >p.txt
  fails_with "does not tell its format" 3 evaluate p.txt
}
