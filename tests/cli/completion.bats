load helper

@test "the completions are accepted by their shells" {
  succeeds completion bash
  bash -n "$OUT"
  succeeds completion zsh
  if command -v zsh >/dev/null; then zsh -n "$OUT"; fi
  succeeds completion fish
  if command -v fish >/dev/null; then fish --no-execute "$OUT"; fi
  fails 2 completion tcsh
}

# completes WORDS...: what bash offers for the last of them.
completes() {
  PATH=$(dirname "$MLOPS"):$PATH bash --norc -c '
    eval "$(mlops completion bash)"
    COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE="$*"
    COMP_POINT=${#COMP_LINE}
    compopt() { :; }
    _mlops
    printf "%s\n" "${COMPREPLY[@]}"' bash mlops "$@" >"$OUT"
}

@test "bash completes commands, options, stages and settings" {
  two_stages
  completes ver
  grep -qx version "$OUT"
  completes dag --do
  grep -qx -- --dot "$OUT"
  completes dag pre
  grep -qx prepare "$OUT"
  completes config get jo
  grep -qx jobs "$OUT"
}

@test "where the pipeline is wrong there is nothing to complete, and no message" {
  echo 'stages: [' >pipeline.yaml
  succeeds help --stages
  [ ! -s "$OUT" ] && [ ! -s "$ERR" ]
}

@test "bash completes tracked paths, also those that are not here, and remotes" {
  mkdir -p data/raw
  echo 1 >'data/raw/a b'
  echo 2 >'two words.csv'
  succeeds add data/raw 'two words.csv'
  rm -rf data/raw 'two words.csv'
  completes checkout data/r
  grep -qx data/raw "$OUT"
  completes pull two
  grep -qx 'two words.csv' "$OUT"
  (cd data && completes remove r && grep -qx raw "$OUT")
  succeeds remote add lab /nowhere
  completes push --remote=l
  grep -qx -- --remote=lab "$OUT"
  completes remote remove l
  grep -qx lab "$OUT"
  completes gc --remote l
  grep -qx lab "$OUT"
}

@test "what others call their data is never run by a shell that completes it" {
  echo 1 >'x$(touch pwned)'
  echo 2 >'x`touch pwned`'
  succeeds add 'x$(touch pwned)' 'x`touch pwned`'
  completes checkout x
  grep -qxF 'x$(touch pwned)' "$OUT"
  grep -qxF 'x`touch pwned`' "$OUT"
  [ ! -e pwned ]
}
