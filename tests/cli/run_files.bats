# What a dependency and an output may be: directories, links, odd names, ignored files.
load helper

copies() {
  pipeline <<'END'
stages:
  copy:
    cmd: echo copy >> "$DID"; rm -rf out; cp -a in out
    deps: [in]
    outs: [out]
END
}

@test "one changed file in a directory runs what reads it and hashes that file only" {
  mkdir -p in/a in/b
  for i in 1 2 3; do echo $i >in/a/$i; done
  copies
  ran executed=1
  ran unchanged=1
  sleep 0.02
  echo changed >in/a/2
  ran executed=1
  holds 'why("copy") == ["dep:in"]'
  holds_text out/a/2 changed
  rm in/a/3
  ran executed=1
  mv in/a/1 in/a/one
  ran executed=1
  ran unchanged=1
}

@test "a directory comes back whole: empty directories, executable bits, links" {
  mkdir -p in/empty in/sub
  echo x >in/sub/plain
  echo '#!/bin/sh' >in/tool
  chmod +x in/tool
  ln -s sub/plain in/link
  copies
  sed -i 's/cp -a in out/mkdir -p out\/empty out\/sub; cp in\/sub\/plain out\/sub\/plain; cp in\/tool out\/tool; ln -s sub\/plain out\/link/' pipeline.yaml
  ran executed=1
  rm -r out
  ran restored=1
  [ -d out/empty ] && [ -x out/tool ] && [ ! -x out/sub/plain ]
  [ "$(readlink out/link)" = sub/plain ]
  ran unchanged=1
  did copy
}

@test "a directory in which one file was edited gets only that file back" {
  mkdir in
  echo 1 >in/1
  echo 2 >in/2
  copies
  ran executed=1
  inode=$(stat -c %i out/1)
  echo mine >out/2
  ran restored=1
  [ "$inode" = "$(stat -c %i out/1)" ]
  holds_text out/2 2
  [ "$(find .mlops/displaced -type f -exec cat {} +)" = mine ]
}

@test "a file added to an output directory is displaced on restore" {
  mkdir in
  echo 1 >in/1
  copies
  ran executed=1
  echo extra >out/extra
  ran restored=1
  [ ! -e out/extra ]
  [ "$(find .mlops/displaced -type f -exec cat {} +)" = extra ]
}

@test "a link in an output that leaves it is refused, and earlier outputs are back" {
  mkdir in
  echo 1 >in/1
  copies
  ran executed=1
  ln -s /etc/passwd in/link
  sed -i 's/deps: \[in\]/deps: [in\/1]/' pipeline.yaml
  fails 1 run --json
  counts failed=1
  holds '"out/link" in s["copy"]["cause"]'
  [ ! -e out/link ] && [ -e out/1 ]
}

@test "an output that was a directory and becomes a file comes back as each" {
  pipeline <<'END'
stages:
  a:
    cmd: if grep -q dir in; then mkdir out; echo x > out/x; else echo file > out; fi
    deps: [in]
    outs: [out]
END
  echo dir >in
  ran executed=1
  echo file >in
  ran executed=1
  echo dir >in
  ran restored=1
  holds_text out/x x
  echo file >in
  ran restored=1
  holds_text out file
}

@test "a pattern in deps: a new file that matches runs the stage, another does not" {
  mkdir -p src/lib
  echo 1 >src/lib/a.py
  pipeline <<'END'
stages:
  a:
    cmd: cat $(find src -name '*.py') > out.txt
    deps: ['src/**/*.py']
    outs: [out.txt]
END
  ran executed=1
  touch src/lib/notes.txt
  ran unchanged=1
  echo 2 >src/b.py
  ran executed=1
  holds 'why("a") == ["dep:src/b.py"]'
  rm src/b.py
  ran restored=1
}

@test "a pattern that matches nothing is told" {
  pipeline <<'END'
stages:
  a:
    cmd: true
    deps: ['nothing/*.py']
END
  fails 3 run
  says "matches no file"
}

@test "a pattern waits for the stages whose outputs it matches" {
  pipeline <<'END'
stages:
  sum:
    cmd: cat parts/*.txt > sum.txt
    deps: ['parts/*.txt']
    outs: [sum.txt]
  one:
    cmd: sleep 0.1; echo 1 > parts/1.txt
    outs: [parts/1.txt]
  two:
    cmd: echo 2 > parts/2.txt
    outs: [parts/2.txt]
END
  ran executed=3 -- -j 4
  holds_text sum.txt "1
2"
  ran unchanged=3
}

@test ".mlopsignore takes files out of dependencies" {
  mkdir in
  echo 1 >in/1
  printf '*.tmp\n/in/cache/\n' >.mlopsignore
  copies
  ran executed=1
  echo x >in/x.tmp
  mkdir in/cache
  echo x >in/cache/x
  ran unchanged=1
  echo 2 >in/2
  ran executed=1
}

@test "__pycache__ and the like in dependencies are no change, in outputs they are kept" {
  mkdir in
  echo 1 >in/1.py
  pipeline <<'END'
stages:
  copy:
    cmd: mkdir -p out/__pycache__; echo x > out/__pycache__/x; cat in/1.py > out/1
    deps: [in]
    outs: [out]
END
  ran executed=1
  mkdir -p in/__pycache__ in/.ipynb_checkpoints in/.git
  touch in/__pycache__/a.pyc in/.ipynb_checkpoints/b in/.git/c
  ran unchanged=1
  rm -r out
  ran restored=1
  holds_text out/__pycache__/x x
}

@test "an empty directory in a dependency is no change" {
  mkdir in
  echo 1 >in/1
  copies
  ran executed=1
  mkdir in/empty
  ran unchanged=1
}

@test "a data directory that is a link out of the project is followed, its content counts" {
  mkdir -p ../scratch
  echo 1 >../scratch/1
  ln -s ../scratch data
  pipeline <<'END'
stages:
  a:
    cmd: cat data/* > out.txt
    deps: [data]
    outs: [out.txt]
  b:
    cmd: cat data/1 > one.txt
    deps: [data/1]
    outs: [one.txt]
END
  ran executed=2
  ran unchanged=2
  echo 2 >../scratch/2
  ran executed=1 unchanged=1
  echo 3 >../scratch/1
  ran executed=2
}

@test "an output below a link out of the project is made and restored through the link" {
  mkdir -p ../scratch
  ln -s ../scratch models
  pipeline <<'END'
stages:
  a:
    cmd: echo a >> "$DID"; echo model > models/m.txt
    outs: [models/m.txt]
END
  export MLOPS_ALLOW_ROOTS=$BATS_TEST_TMPDIR/scratch
  ran executed=1
  holds_text ../scratch/m.txt model
  rm ../scratch/m.txt
  ran restored=1
  [ -L models ]
  holds_text ../scratch/m.txt model
  did a
}

@test "blanks, unicode, dashes and other marks in paths" {
  mkdir -p 'in put'
  echo 1 >'in put/näme 1.txt'
  pipeline <<'END'
stages:
  a:
    cmd: cat 'in put/näme 1.txt' > 'out put.txt'; cp 'out put.txt' ./-dash; cp ./-dash "quo'te"
    deps: ['in put/näme 1.txt']
    outs: ['out put.txt', '-dash', "quo'te"]
  b:
    cmd: cat ./-dash 'out put.txt' > 'größe'
    deps: ['out put.txt', '-dash']
    outs: ['größe']
END
  ran executed=2
  rm -- 'out put.txt' ./-dash "quo'te" 'größe'
  ran restored=2
  holds_text 'größe' "1
1"
  ran unchanged=2
}

@test "slashes, marks and blanks in stage names" {
  pipeline <<'END'
stages:
  train/large 1: {cmd: 'echo $MLOPS_STAGE > a', outs: [a]}
  train@resnet-2: {cmd: 'echo $MLOPS_STAGE; exit 1', outs: [b]}
END
  fails 1 run --json -k
  counts executed=1 failed=1
  holds_text a 'train/large 1'
  succeeds logs @ train@resnet-2
  holds_text "$OUT" train@resnet-2
  ran unchanged=1 -- 'train/large 1'
}

@test "parents of outputs are made" {
  pipeline <<'END'
stages:
  a:
    cmd: echo 1 > a/b/c.txt
    outs: [a/b/c.txt]
END
  ran executed=1
  rm -r a
  ran restored=1
}

@test "an output of two stages, one inside another or one that is its own input is refused" {
  pipeline <<'END'
stages:
  a: {cmd: 'true', outs: [x, d]}
  b: {cmd: 'true', outs: [x]}
  c: {cmd: 'true', outs: [d/e]}
  d: {cmd: 'true', deps: [s], outs: [s]}
END
  fails 3 run
  says "'x'"
  says "d/e"
  says "'s'"
}

@test "a FIFO as a dependency is an error that names it, not a hang" {
  mkfifo pipe
  pipeline <<'END'
stages:
  a: {cmd: 'true', deps: [pipe]}
END
  fails 3 run
  says "pipe"
}

@test "a big output comes back byte by byte" {
  pipeline <<'END'
stages:
  a:
    cmd: head -c 3000000 /dev/zero | tr '\0' x > big; echo end >> big
    outs: [big]
END
  ran executed=1
  sum=$(sha256sum <big)
  rm big
  ran restored=1
  [ "$sum" = "$(sha256sum <big)" ]
  grep -q "${sum%% *}" pipeline.lock
}

@test "a dependency below an output, and one above outputs, wait for their makers" {
  pipeline <<'END'
stages:
  below:
    cmd: cat tree/a > below.txt
    deps: [tree/a]
    outs: [below.txt]
  above:
    cmd: cat made/x made/y > above.txt
    deps: [made]
    outs: [above.txt]
  tree:
    cmd: mkdir tree; echo a > tree/a; echo b > tree/b
    outs: [tree]
  x: {cmd: echo x > made/x, outs: [made/x]}
  y: {cmd: echo y > made/y, outs: [made/y]}
END
  ran executed=5 -- -j 4
  ran unchanged=5
  rm -r tree below.txt
  ran restored=2 unchanged=3
}

@test "what ignore files hide in an output is not lost when its stage runs again" {
  echo '*.note' >.mlopsignore
  pipeline <<'END'
stages:
  a: {cmd: 'mkdir -p d/e; date +%N > d/x; [ ! -e ../bad ]', outs: [d]}
END
  ran executed=1
  mkdir -p d/e
  echo mine >d/e/my.note
  touch ../bad
  fails 1 run --force
  holds_text d/e/my.note mine
  rm ../bad
  ran executed=1 -- --force
  [ "$(find .mlops/displaced -name my.note -exec cat {} +)" = mine ]
  [ -z "$(ls .mlops/aside)" ]
}
