load helper

diamond() {
  pipeline <<'END'
stages:
  top: {cmd: 'true', outs: [top.txt]}
  left: {cmd: 'true', deps: [top.txt], outs: [left.txt]}
  right: {cmd: 'true', deps: [top.txt], outs: [right.txt]}
  end: {cmd: 'true', deps: [left.txt, right.txt], outs: [end.txt]}
  late: {cmd: 'true', after: [end], outs: [late.txt]}
END
}

@test "dag prints each stage once, as a tree" {
  diamond
  succeeds dag
  for name in top left right end late; do
    [ "$(grep -cE "(^|─ )$name( |\$)" "$OUT")" -eq 1 ]
  done
  says '(+ left)'
  says 'after end'
}

@test "dag --json holds every edge and its kind" {
  diamond
  succeeds dag --json
  holds '{n["stage"] for n in s["end"]["needs"]} == {"left", "right"}'
  holds 's["late"]["needs"] == [{"stage": "end", "edge": "after"}]'
}

@test "targets select what they need, --downstream what uses them" {
  diamond
  succeeds dag left --json
  holds 'set(s) == {"top", "left"}'
  succeeds dag --downstream left --json
  holds 'set(s) == {"left", "end"}'
  fails 2 dag lefd
  says "'left'"
}

@test "dag --dot and --mermaid quote names" {
  diamond
  succeeds dag --dot
  says '"top" -> "left";'
  says '"end" -> "late" [style=dotted];'
  if command -v dot >/dev/null; then dot -Tsvg "$OUT" >/dev/null; fi
  succeeds dag --mermaid
  grep -q '^flowchart TD' "$OUT"
}

@test "a chain of thousands of stages prints at once and narrow" {
  {
    echo 'stages:'
    for ((i = 1; i <= 3000; i++)); do
      echo "  s$i: {cmd: 'true', deps: [f$((i - 1))], outs: [f$i]}"
    done
  } >pipeline.yaml
  succeeds dag
  [ "$(wc -l <"$OUT")" -eq 3000 ]
  awk 'length > 200 { exit 1 }' "$OUT"
}
