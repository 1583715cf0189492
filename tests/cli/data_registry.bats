# mlops get, ls, import and update with the git repository of another project.
load helper

# ../reg: a project with data at two commits, v1 and main, pushed to ../store; ../reg.git: its bare
# clone, which has nothing but git.
registry() {
  git_init
  export XDG_CACHE_HOME=$BATS_TEST_TMPDIR/cache
  mkdir -p ../reg/data/images/sub ../reg/models
  pushd ../reg >/dev/null || return
  git init -q
  for i in 1 2 3; do echo "image $i" >data/images/$i.jpg; done
  echo deep >data/images/sub/x.jpg
  echo weights >models/m.pt
  echo read >data/README.md
  printf '#!/bin/sh\n' >data/tool.sh && chmod +x data/tool.sh
  "$MLOPS" add -q data/images models/m.pt 2>/dev/null
  "$MLOPS" remote add origin ../store --default >/dev/null
  "$MLOPS" push -q
  commit_all one && git tag -a v1 -m v1
  echo "image 4" >data/images/4.jpg
  "$MLOPS" add -q data/images 2>/dev/null && "$MLOPS" push -q
  commit_all two
  popd >/dev/null || return
  git clone -q --bare ../reg ../reg.git
  URL=file://$BATS_TEST_TMPDIR/reg.git
}

# The other project gets another version of its images, of which only git and its store know.
next_version() {
  pushd ../reg >/dev/null || return
  echo "image $1" >"data/images/$1.jpg"
  "$MLOPS" add -q data/images 2>/dev/null && "$MLOPS" push -q
  commit_all "$1" && git push -q ../reg.git HEAD:main
  popd >/dev/null || return
}

@test "get fetches a tracked directory, a part, a file of git, and a directory of both" {
  registry
  succeeds get "$URL" data/images
  diff -r images ../reg/data/images
  succeeds get "$URL" data/images/sub/x.jpg -o one.jpg
  [ "$(cat one.jpg)" = deep ]
  succeeds get "$URL" data/README.md
  [ "$(cat README.md)" = read ]
  succeeds get "$URL" data -o all
  diff -r all/images ../reg/data/images
  [ -x all/tool.sh ] && [ -f all/README.md ]
  [ ! -e all/images.mlops ] && [ ! -e all/.gitignore ]
  [ ! -e images.mlops ]
}

@test "get takes a revision: a tag, a branch, a commit, a short one, an expression" {
  registry
  commit=$(git -C ../reg rev-parse 'v1^{commit}')
  n=0
  for rev in v1 "$commit" "${commit:0:8}" main~1 HEAD~1; do
    n=$((n + 1))
    succeeds get "$URL" data/images --rev "$rev" -o "at$n"
    [ "$(ls "at$n")" = $'1.jpg\n2.jpg\n3.jpg\nsub' ]
  done
  succeeds get "$URL" data/images --rev main -o now
  [ -e now/4.jpg ]
}

@test "get needs no project and leaves no store behind" {
  registry
  mkdir ../bare && cd ../bare
  succeeds get "$URL" data/images
  [ "$(ls -A)" = images ]
  [ "$(cat images/1.jpg)" = "image 1" ]
}

@test "only the commit that is asked for is cloned" {
  registry
  succeeds get "$URL" models/m.pt
  mirror=$(ls -d "$XDG_CACHE_HOME"/mlops/git/*/)
  [ "$(git -C "$mirror" log --oneline --all | wc -l)" = 1 ]
  [ "$(ls -A "$mirror")" = .git ]
  [ "$(stat -c %a "$XDG_CACHE_HOME/mlops/git")" = 700 ]
}

@test "ls lists what another project has, and looks into what it tracks" {
  registry
  succeeds ls "$URL" --json
  holds '[d["path"] for d in r["data"]] == ["data", "models"]'
  succeeds ls "$URL" data --json
  holds '[d["path"] for d in r["data"]] == ["data/README.md", "data/images", "data/tool.sh"]'
  holds 'r["data"][1]["files"] == 5 and r["data"][0]["named_by"] == "git"'
  succeeds ls "$URL" data/images/ --rev v1 --json
  holds '[d["path"][12:] for d in r["data"]] == ["1.jpg", "2.jpg", "3.jpg", "sub"]'
  succeeds ls -R "$URL" --json
  holds 'len(r["data"]) == 8'
  [ ! -e .mlops ]
}

@test "import records repository, path, revision and commit; update moves it on" {
  registry
  succeeds import "$URL" data/images --rev main
  says "added     images  5 files"
  grep -qx 'schema: 2' images.mlops
  grep -qx "  url: \"$URL\"" images.mlops
  grep -qx '  path: data/images' images.mlops
  grep -qx '  rev: main' images.mlops
  grep -Eq "  commit: \"?$(git -C ../reg rev-parse HEAD)\"?" images.mlops
  grep -qx /images .gitignore
  succeeds update --check
  next_version 5
  fails 1 update --check
  says outdated
  [ ! -e images/5.jpg ]
  succeeds update --json
  holds 'r["data"][0]["status"] == "updated" and r["data"][0]["rev"] == "main"'
  holds 'r["data"][0]["fetched_files"] == 2'
  [ "$(cat images/5.jpg)" = "image 5" ]
  succeeds update --rev v1 images
  [ ! -e images/4.jpg ]
  grep -qx '  rev: v1' images.mlops
  next_version 6
  succeeds update --check
}

@test "a commit that holds the same is nothing new" {
  registry
  succeeds import "$URL" data/images/sub
  (cd ../reg && echo more >more.txt && commit_all more && git push -q ../reg.git HEAD:main)
  succeeds update --check
  succeeds update --json
  holds 'r["data"][0]["status"] == "unchanged" and r["data"][0]["fetched_files"] == 0'
  grep -q "$(git -C ../reg rev-parse HEAD)" sub.mlops
}

@test "an edited file is never lost when the import moves on" {
  registry
  succeeds import "$URL" data/images
  echo mine >images/1.jpg
  next_version 5
  succeeds update
  [ "$(cat images/1.jpg)" = "image 1" ]
  grep -rqx mine .mlops/displaced
}

@test "what the store has already does not travel, and no remote is asked" {
  registry
  succeeds init
  succeeds get "$URL" data/images -o first
  mv ../store ../away
  succeeds import "$URL" data/images --json
  holds 'r["data"][0]["fetched_files"] == 0'
}

@test "pull brings an import of a fresh clone from where it came, without a remote of its own" {
  registry
  succeeds import "$URL" data/images --rev v1
  succeeds import "$URL" data -o everything
  commit_all
  git clone -q . ../clone && cd ../clone
  next_version 5
  succeeds pull images/sub
  [ "$(find images -type f)" = images/sub/x.jpg ]
  succeeds pull
  [ "$(ls images)" = $'1.jpg\n2.jpg\n3.jpg\nsub' ]
  [ "$(cat everything/README.md)" = read ]
  succeeds status
}

@test "a project on this machine needs no remote: its store has it" {
  registry
  (cd ../reg && "$MLOPS" remote remove origin >/dev/null && commit_all alone)
  succeeds import ../reg data/images
  diff -r images ../reg/data/images
  grep -qx '  url: "../reg"' images.mlops
  mkdir sub && cd sub
  succeeds update ../images
}

@test "a project in a directory of a repository has its own remote" {
  registry
  mkdir ../mono && cd ../mono && git init -q && mkdir -p team/data && cd team
  echo t >data/t.csv
  mkdir .mlops && "$MLOPS" add -q data/t.csv 2>/dev/null
  "$MLOPS" remote add origin "$BATS_TEST_TMPDIR/store2" --default >/dev/null && "$MLOPS" push -q
  commit_all && cd ../../project
  git clone -q --bare ../mono ../mono.git
  succeeds get ../mono.git team/data/t.csv
  [ "$(cat t.csv)" = t ]
}

@test "outputs of stages come as the lock file names them" {
  registry
  (cd ../reg && printf 'stages:\n  s:\n    cmd: echo out >out.txt\n    outs: [out.txt]\n' >pipeline.yaml &&
    "$MLOPS" run -q >/dev/null 2>&1 && "$MLOPS" push -q && commit_all out)
  git -C ../reg push -q ../reg.git HEAD:main
  succeeds get "$URL" out.txt
  [ "$(cat out.txt)" = out ]
}

@test "what is wrong is told with the nearest right thing" {
  registry
  fails 3 get "$URL" data/image
  says "did you mean 'data/images'?"
  fails 3 get "$URL" data/images/9.jpg
  fails 2 get "$URL" data/images --rev v2
  says "did you mean 'v1'?"
  fails 2 get "$URL" data/images --rev 0123456789abcdef0123456789abcdef01234567
  fails 2 import "$URL"
  says "mlops import REPOSITORY PATH"
  fails 2 import-url https://example.org/x.git
  says "mlops import https://example.org/x.git PATH"
  fails 4 get file:///nowhere/x.git x
  says "does not appear to be a git repository"
  fails 2 update --rev v1
  succeeds import "$URL" data/images
  fails 3 import "$URL" models/m.pt -o images
  mkdir taken
  fails 3 get "$URL" models/m.pt -o images/1.jpg
  succeeds import "$URL" models/m.pt -o taken/
  [ -f taken/m.pt.mlops ]
  fails 2 update --rev nonsense images
}

@test "get of a clone on this machine takes what its store lacks of a revision from its remotes" {
  registry
  git clone -q ../reg ../clone
  sed -i "s|url: .*|url: $BATS_TEST_TMPDIR/store|" ../clone/.mlops/config.yaml
  git -C ../clone commit -q -a -m absolute
  fails 1 get ../clone data/images -o now
  says "'--rev HEAD' takes what is committed from its remotes"
  succeeds get ../clone data/images --rev HEAD -o now
  diff -r now ../reg/data/images
  succeeds get ../clone data/images/sub/x.jpg --rev v1 -o x
  cd ../clone
  succeeds get . models/m.pt --rev v1 -o here
  cmp here ../reg/models/m.pt
  [ ! -e models/m.pt ]
}

@test "a remote that lacks it, and a project that names none, are told" {
  registry
  rm -rf ../store/pack
  fails 1 get "$URL" data/images
  says "no remote of"
  (cd ../reg && "$MLOPS" remote remove origin >/dev/null && commit_all alone && git push -q ../reg.git HEAD:main)
  fails 1 get "$URL" models/m.pt
  says "names no remote"
  succeeds get "$URL" data/README.md
}

@test "no word becomes an option or a program of git, and a password is refused" {
  registry
  fails 2 get "ext::sh -c touch% $BATS_TEST_TMPDIR/pwned" x
  fails 2 ls -- "--upload-pack=touch $BATS_TEST_TMPDIR/pwned;" x
  fails 2 get "ssh://-oProxyCommand=touch%20$BATS_TEST_TMPDIR/pwned/x" x
  fails 2 get -- "-oProxyCommand=x:y" x
  fails 2 get https://user:secret@example.org/x x
  says_not secret
  fails 2 get "$URL" x --rev=--upload-pack=touch
  fails 2 get "$URL" ../../etc/passwd
  fails 2 get "$URL" /etc/passwd
  [ ! -e "$BATS_TEST_TMPDIR/pwned" ]
}

@test "hooks and submodules of the repository are left alone, and so is who calls us" {
  registry
  mkdir -p "$HOME/hooks"
  printf '#!/bin/sh\ntouch %s/pwned\n' "$BATS_TEST_TMPDIR" | tee "$HOME/hooks/reference-transaction" \
    "$HOME/hooks/post-checkout" "$HOME/hooks/post-index-change" >/dev/null
  chmod +x "$HOME"/hooks/*
  git config --file "$GIT_CONFIG_GLOBAL" core.hooksPath "$HOME/hooks"
  (cd ../reg && git -c core.hooksPath=/dev/null -c protocol.file.allow=always submodule --quiet add ../reg.git module &&
    git -c core.hooksPath=/dev/null commit -qm module && git -c core.hooksPath=/dev/null push -q ../reg.git HEAD:main)
  rm -f "$BATS_TEST_TMPDIR/pwned"
  GIT_DIR=$PWD/.git GIT_INDEX_FILE=/nowhere succeeds get "$URL" . -o all
  [ ! -e "$BATS_TEST_TMPDIR/pwned" ]
  [ ! -e all/module ]
}

@test "settings of the other project that would run a program are refused, secrets left out" {
  registry
  (cd ../reg && printf 'remote.origin.credential_process: touch %s/pwned\n' "$BATS_TEST_TMPDIR" >>.mlops/config.yaml &&
    commit_all evil && git push -q ../reg.git HEAD:main)
  fails 3 get "$URL" data/images
  says "may not stand in a file that comes with the project"
  [ ! -e "$BATS_TEST_TMPDIR/pwned" ]
  (cd ../reg && sed -i /credential_process/d .mlops/config.yaml &&
    printf 'cache.dir: 7\nnews: [1]\n' >>.mlops/config.yaml && commit_all fine && git push -q ../reg.git HEAD:main)
  succeeds get "$URL" data/images
}

@test "a tag that is called like a commit is not the commit" {
  registry
  commit=$(git -C ../reg rev-parse 'v1^{commit}')
  git -C ../reg.git tag "$commit" main 2>/dev/null
  succeeds ls "$URL" --rev main~1 # now all tags are here
  succeeds get "$URL" data/images --rev "$commit" -o old
  [ -e old/1.jpg ]
  [ ! -e old/4.jpg ]
  gone=0123456789abcdef0123456789abcdef01234567
  git -C ../reg.git tag "$gone" main
  fails 2 get "$URL" data/images --rev "$gone"
  [ ! -e images ]
}

@test "a server of ssh that is away is given up, whoever asks" {
  git_init
  mkdir bin
  printf '#!/bin/sh\necho "$*" >>%s/asked\nexit 1\n' "$PWD" >bin/ssh
  chmod +x bin/ssh
  PATH=$PWD/bin:$PATH fails 4 get host:r x
  grep -q 'BatchMode=yes.*ConnectTimeout=60.*ServerAliveInterval=20' asked
  printf '#!/bin/sh\necho own >>%s/asked\nexit 1\n' "$PWD" >bin/mine
  chmod +x bin/mine
  git config --file "$GIT_CONFIG_GLOBAL" core.sshCommand "$PWD/bin/mine"
  fails 4 get host:r x
  [ "$(tail -1 asked)" = own ]
}

@test "names of git that lead out, and links, are not taken over" {
  registry
  (cd ../reg && ln -s /etc/passwd data/link && git add data/link && commit_all link && git push -q ../reg.git HEAD:main)
  succeeds get "$URL" data -o all
  [ ! -L all/link ] && [ ! -e all/link ]
  fails 3 get "$URL" data/link
  (cd ../reg && blob=$(echo x | git hash-object -w --stdin) &&
    inner=$(printf '100644 blob %s\tconfig\n' "$blob" | git mktree) &&
    tree=$(printf '040000 tree %s\t..\n' "$inner" | git mktree) &&
    commit=$(git commit-tree -m odd "$tree") && git update-ref refs/heads/odd "$commit" && git push -q ../reg.git odd)
  fails 3 get "$URL" . -o odd --rev odd
  [ ! -e odd ] && [ ! -e config ]
}

@test "a repository whose HEAD names nothing wants a branch" {
  registry
  git -C ../reg.git symbolic-ref HEAD refs/heads/nothing
  fails 3 get "$URL" data/images
  says "--rev BRANCH"
  succeeds get "$URL" data/images --rev main~1
  [ ! -e images/4.jpg ]
  fails 3 get "$URL" data/images --rev HEAD~1 -o other
}

@test "what git-lfs keeps is not mistaken for the file" {
  registry
  (cd ../reg && printf 'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n' >big.bin &&
    commit_all lfs && git push -q ../reg.git HEAD:main)
  fails 3 get "$URL" big.bin
  says git-lfs
}

@test "a mirror that a kill left locked is made anew" {
  registry
  succeeds get "$URL" models/m.pt
  for mirror in "$XDG_CACHE_HOME"/mlops/git/*/; do touch "$mirror/.git/shallow.lock"; done
  next_version 5
  succeeds get "$URL" data/images
  [ -e images/5.jpg ]
}

@test "older versions wrote no schema 2, and read what came from a URL as before" {
  registry
  succeeds import-url ../reg/data/README.md
  grep -qx 'schema: 1' README.md.mlops
}

@test "du names mirrors, and gc takes those that were not read for long" {
  registry
  succeeds get "$URL" data/README.md
  git clone -q --bare ../reg ../other.git
  succeeds get "file://$BATS_TEST_TMPDIR/other.git" data/README.md -o other.md
  set -- "$XDG_CACHE_HOME"/mlops/git/*/
  [ $# -eq 2 ]
  old=$(grep -l reg.git "$XDG_CACHE_HOME"/mlops/git/*/.git/mlops-url)
  succeeds init
  succeeds du
  grep -q "2 mirrors of git repositories" "$ERR"
  succeeds gc --json
  holds 'r["items"] == []'
  touch -d '100 days ago' "$old"
  succeeds gc --json
  holds '[(i["what"], i["label"].endswith("/reg.git"), i["size_bytes"] > 0) for i in r["items"]] == [("mirror", True, True)]'
  [ -e "$old" ]
  succeeds gc --yes
  [ ! -e "${old%/.git/*}" ]
  [ "$(ls -d "$XDG_CACHE_HOME"/mlops/git/*/ | wc -l)" = 1 ]
  succeeds get "$URL" data/README.md -o again.md
  [ "$(cat again.md)" = read ]
}

@test "a mirror that is read again is not an old one any more" {
  registry
  succeeds get "$URL" data/README.md
  touch -d '100 days ago' "$XDG_CACHE_HOME"/mlops/git/*/.git/mlops-url
  succeeds get "$URL" data/README.md -o again.md
  succeeds init
  succeeds gc --json
  holds 'r["items"] == []'
}
