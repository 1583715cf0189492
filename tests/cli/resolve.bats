# mlops resolve: pointers that git could not merge.
load helper

# A directory of three files and an empty one, at the commit where two branches part.
parted() {
  git_init
  mkdir -p d/sub d/empty
  for i in 1 2 3; do echo "$i" >d/f$i; done
  echo s >d/sub/s
  echo gone >d/gone
  succeeds add d
  commit_all base
  git branch other
}

# on BRANCH COMMANDS: changes d there and commits its pointer.
on() {
  git checkout -q "$1"
  succeeds checkout
  eval "$2"
  succeeds add d
  commit_all "$1"
}

merge() {
  not git merge -q other
  [ "$(git diff --name-only --diff-filter=U)" = d.mlops ]
}

@test "what either side changed is merged file by file" {
  parted
  main=$(git branch --show-current)
  on "$main" 'echo new >d/ours; echo changed >d/f1; rm d/f3 d/gone; mkdir d/empty2'
  on other 'echo new >d/sub/theirs; echo changed >d/sub/s; rm d/f2 d/gone; rmdir d/empty'
  git checkout -q "$main"
  merge
  fails 3 status
  says "mlops resolve d"
  succeeds resolve
  says "resolved  d.mlops  (3 from our side, 3 from theirs)"
  succeeds checkout
  [ "$(cd d && find . | sort | tr '\n' ' ')" = ". ./empty2 ./f1 ./ours ./sub ./sub/s ./sub/theirs " ]
  [ "$(cat d/f1 d/sub/s)" = $'changed\nchanged' ]
  git add d.mlops
  git commit -qm merged
  succeeds status
  succeeds verify
}

@test "where both changed the same file nothing is written until a side is chosen" {
  parted
  main=$(git branch --show-current)
  on "$main" 'echo ours >d/f1; echo same >d/f2; rm d/f3'
  on other 'echo theirs >d/f1; echo same >d/f2; echo edited >d/f3; echo t >d/t'
  git checkout -q "$main"
  merge
  cp d.mlops before
  fails 1 resolve
  says "    d/f1"
  says "    d/f3"
  says_not "d/f2"
  cmp d.mlops before
  fails 1 resolve d --json
  holds 'sorted(r["pointers"][0]["undecided"]) == ["d/f1", "d/f3"]'
  succeeds resolve d --theirs
  succeeds checkout
  [ "$(cat d/f1 d/f2 d/f3 d/t)" = $'theirs\nsame\nedited\nt' ]
  git checkout -q --merge d.mlops
  succeeds resolve d.mlops --ours
  succeeds checkout
  [ "$(cat d/f1 d/f2 d/t)" = $'ours\nsame\nt' ]
  [ ! -e d/f3 ]
}

@test "a file on one side and a directory on the other is said" {
  parted
  main=$(git branch --show-current)
  on "$main" 'echo x >d/x; echo y >d/x-y'
  on other 'mkdir d/x; echo x >d/x/x'
  git checkout -q "$main"
  merge
  fails 1 resolve --ours
  says "    d/x"
}

@test "two branches that add the same path are merged without an ancestor" {
  git_init
  echo start >start
  commit_all start
  git branch other
  main=$(git branch --show-current)
  mkdir d
  echo a >d/a
  succeeds add d
  commit_all ours
  git checkout -q other
  rm -rf d
  mkdir d
  echo b >d/b
  succeeds add d
  commit_all theirs
  git checkout -q "$main"
  not git merge -q other
  succeeds resolve
  succeeds checkout
  [ "$(cat d/a d/b)" = $'a\nb' ]
}

@test "single files need a choice, a side that removed the pointer is told" {
  git_init
  echo 0 >one
  succeeds add one
  commit_all base
  git branch other
  git branch gone
  main=$(git branch --show-current)
  echo 1 >one
  succeeds add one
  commit_all ours
  git checkout -q other
  echo 2 >one
  succeeds add one
  commit_all theirs
  git checkout -q "$main"
  not git merge -q other
  fails 1 resolve
  succeeds resolve --theirs
  succeeds checkout
  [ "$(cat one)" = 2 ]
  git reset -q --hard
  git checkout -q gone
  git rm -q one.mlops
  commit_all gone
  git checkout -q "$main"
  not git merge -q gone
  fails 3 resolve
  says "git rm 'one.mlops'"
}

@test "what the store lacks of the other side comes from the remote" {
  parted
  main=$(git branch --show-current)
  mkdir ../remote
  succeeds remote add origin ../remote --default
  commit_all remote
  succeeds push
  git branch -f other
  git clone -q . ../clone
  on other 'echo t >d/sub/t'
  succeeds push
  cd ../clone
  succeeds pull
  echo o >d/o
  succeeds add d
  commit_all ours
  git fetch -q origin other
  not git merge -q FETCH_HEAD
  succeeds resolve
  git add d.mlops
  git commit -qm merged
  succeeds pull
  [ "$(cat d/o d/sub/t d/f1)" = $'o\nt\n1' ]
}

@test "without a conflict there is nothing to do" {
  git_init
  echo 1 >one
  succeeds add one
  commit_all one
  succeeds resolve
  says "no conflict"
  fails 2 resolve one
  fails 2 resolve --ours --theirs
}

@test "where git's index cannot be read there may be conflicts" {
  git_init
  succeeds init
  mkdir lib
  soname=$(grep -ao 'libgit2\.so\.[0-9.]*[0-9]' "$MLOPS" | head -n 1)
  : >"lib/$soname" # no library at all
  LD_LIBRARY_PATH=$PWD/lib fails 4 resolve
  says "can't be read: libgit2 is not here"
  rm -r .git
  LD_LIBRARY_PATH=$PWD/lib succeeds resolve
}
