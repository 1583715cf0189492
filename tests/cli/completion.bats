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
