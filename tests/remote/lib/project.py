"""A git project with tracked data and a pipeline, its clones, and what has to hold of them."""
import os
import random
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import places  # noqa: E402
from places import fault  # noqa: E402

PIPELINE = """\
stages:
  count:
    cmd: |
      cat data/many/* | wc -c > count.txt
      echo count >> log/executed
    deps: [data/many]
    outs: [count.txt]
  model:
    cmd: |
      mkdir -p model
      head -c 3000000 data/big.bin | tr a-z A-Z > model/weights
      cp count.txt model/count
      echo model >> log/executed
    deps: [data/big.bin, count.txt]
    outs: [model]
"""
BIG = 6 << 20
MANY = 60


def git(project, *words):
    done = subprocess.run(["git", *words], cwd=project, capture_output=True, text=True,
                          env=fault.environment(
                              GIT_CONFIG_NOSYSTEM="1", GIT_CONFIG_GLOBAL="/dev/null",
                              GIT_AUTHOR_NAME="T", GIT_AUTHOR_EMAIL="t@example.org",
                              GIT_COMMITTER_NAME="T", GIT_COMMITTER_EMAIL="t@example.org"))
    if done.returncode != 0:
        raise RuntimeError(f"git {words}: {done.stderr}")
    return done.stdout


def done(project, *words, env=None, timeout=120):
    """The command has to succeed."""
    result = fault.mlops(project, *words, env=env, timeout=timeout)
    if result.status != fault.OK:
        raise RuntimeError(f"mlops {' '.join(words)}: {result}")
    return result


def commit(project, message):
    git(project, "add", "-A")
    git(project, "commit", "-q", "-m", message)


def make(name="origin-project", big=BIG, many=MANY, seed=1):
    """data/ is tracked, both stages have run, all is committed. No remote yet."""
    project = os.path.join(fault.scratch(), name)
    fault.remove(project)
    os.makedirs(project)
    noise = random.Random(seed)
    for i in range(many):
        fault.write(f"{project}/data/many/{i:03}", noise.randbytes(500 + 37 * i))
    fault.write(f"{project}/data/many/empty", "")
    fault.write(f"{project}/data/big.bin", noise.randbytes(big))
    fault.write(f"{project}/data/sub/tool.sh", "#!/bin/sh\n", 0o755)
    fault.write(f"{project}/pipeline.yaml", PIPELINE)
    fault.write(f"{project}/.gitignore", "log/\n")
    os.makedirs(f"{project}/log")
    git(project, "init", "-q", "-b", "main")
    done(project, "init")
    done(project, "add", "data")
    done(project, "run")
    commit(project, "first")
    return project


def change(project, seed=2, share=0.01):
    """One small file, and `share` of the large one in one place; tracked, run, committed."""
    noise = random.Random(seed)
    fault.write(f"{project}/data/many/000", noise.randbytes(700))
    size = os.path.getsize(f"{project}/data/big.bin")
    with open(f"{project}/data/big.bin", "r+b") as file:
        file.seek(noise.randrange(size // 2))
        file.write(noise.randbytes(int(size * share)))
    done(project, "add", "data")
    done(project, "run")
    commit(project, f"change {seed}")


def clone(project, name, place=None):
    """A fresh clone whose remote is `place`."""
    target = os.path.join(fault.scratch(), name)
    fault.remove(target)
    git(fault.scratch(), "clone", "-q", project, target)
    os.makedirs(f"{target}/log", exist_ok=True)
    if place:
        place.add(target)
    return target


def content(project):
    """The work tree without what is local to one clone."""
    return {path: what for path, what in fault.tree(project).items() if not path.startswith("log")}


def faults_of_clone(origin, target, env=None):
    """After a pull: the same files, nothing to run, a sound store."""
    faults = fault.differences(content(origin), content(target))
    result = fault.run_json(target, env=env)
    counts = result.counts()
    if result.status != fault.OK or counts.get("executed") != 0:
        faults.append(f"the run: {counts} {result}")
    return faults + fault.verify(target)
