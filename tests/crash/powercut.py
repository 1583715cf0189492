#!/usr/bin/env python3
"""The power is cut right after exit 0 of `add`, `run`, `push`, `pull` and `import-url`, and at random
moments: nothing that was acknowledged is lost, and `verify` has no complaint.

The disk is real ext4 that loses all that was not flushed (lib/powerdisk.py). It holds the project,
for `push` a remote that is a directory."""
import os
import random
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "lib"), os.path.join(HERE, "../remote/lib")]
import fault  # noqa: E402
import places  # noqa: E402
import powerdisk  # noqa: E402
import project  # noqa: E402

PIPELINE = """\
stages:
  make:
    cmd: |
      cat n > one
      mkdir -p many
      for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do cat n > many/$i; echo $i >> many/$i; done
    deps: [n]
    outs: [one, many]
  join:
    cmd: cat one many/* > joined
    deps: [one, many]
    outs: [joined]
"""


def try_rig():
    """The cut itself: what was not synced is lost, what was synced is there."""
    with powerdisk.PowerDisk("64M") as disk:
        fault.write(disk.mount + "/synced", "1")
        subprocess.run(["sync", "-f", disk.mount + "/synced"], check=True)
        fault.write(disk.mount + "/lost", "1")
        disk.cut()
        there = set(os.listdir(disk.mount)) - {"lost+found"}
        return [] if there == {"synced"} else [f"after a cut there are {sorted(there)}"]


def run_until(directory, words, seconds):
    """The command, killed with the power after so many seconds (None: to its end)."""
    process = subprocess.Popen([fault.MLOPS, *words], cwd=directory, env=fault.environment(),
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE, start_new_session=True)
    try:
        error = process.communicate(timeout=seconds)[1]
        if process.returncode != 0:
            raise RuntimeError(f"{words} ended with {process.returncode}: {error.decode()}")
        return True
    except subprocess.TimeoutExpired:
        return False


def stop(directory):
    """Whatever still works on the disk that has gone."""
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.readlink(f"/proc/{name}/cwd").startswith(directory):
                os.kill(int(name), signal.SIGKILL)
        except OSError:
            continue


def sync(path):
    subprocess.run(["sync", "-f", path], check=True)


def noise(random_, size):
    return random_.randbytes(size)


class AddScene:
    """Version after version of a directory and a file is added."""

    def __init__(self, disk, random_):
        self.root, self.random = disk.mount + "/p", random_
        self.acknowledged = None
        os.makedirs(self.root)
        project.done(self.root, "init")
        self.version = 0

    def prepare(self):
        self.version += 1
        for i in range(40):
            if self.version == 1 or i % 4 == self.version % 4:
                fault.write(f"{self.root}/data/{i}", noise(self.random, 3000 + i))
        fault.write(f"{self.root}/data/big", noise(self.random, 3 << 20))
        fault.write(f"{self.root}/single", noise(self.random, 5000))
        for i in range(12):  # so many pointers are synced together
            fault.write(f"{self.root}/many/{i}", noise(self.random, 100))
        sync(self.root)  # the user's own files are his own business
        return ["add", "data", "single", *(f"many/{i}" for i in range(12))]

    def acknowledge(self):
        self.acknowledged = {path: what for path, what in fault.tree(self.root).items()
                             if path.startswith(("data/", "single", "many/"))}
        self.pointers = {name: fault.read(f"{self.root}/{name}")
                         for name in ("data.mlops", "single.mlops",
                                      *(f"many/{i}.mlops" for i in range(12)))}

    def check(self):
        faults = fault.verify(self.root)
        if not self.acknowledged:
            return faults
        for name, text in self.pointers.items():
            if not os.path.exists(f"{self.root}/{name}"):
                return faults + [f"{name} is lost"]
            if fault.read(f"{self.root}/{name}") != text and self.is_cut_after:
                faults.append(f"{name} is not the acknowledged one")
            fault.write(f"{self.root}/{name}", text)  # as git would give it back
        fault.remove(self.root + "/data")
        fault.remove(self.root + "/single")
        for i in range(12):
            fault.remove(f"{self.root}/many/{i}")
        result = fault.mlops(self.root, "checkout")
        if result.status != fault.OK:
            faults.append(f"checkout: {result}")
        now = fault.tree(self.root)
        return faults + fault.differences(self.acknowledged,
                                          {path: now.get(path) for path in self.acknowledged})


class RunScene:
    def __init__(self, disk, random_):
        self.root, self.random = disk.mount + "/p", random_
        self.acknowledged = None
        fault.write(self.root + "/pipeline.yaml", PIPELINE)
        project.done(self.root, "init")
        self.version = 0

    def prepare(self):
        self.version += 1
        fault.write(self.root + "/n", f"{self.version} {noise(self.random, 2000).hex()}\n")
        sync(self.root)
        return ["run"]

    def acknowledge(self):
        self.acknowledged = fault.tree(self.root)

    def check(self):
        faults = fault.verify(self.root)
        if not self.acknowledged or not self.is_cut_after:
            result = fault.run_json(self.root)
            return faults + ([] if result.status == fault.OK else [f"the next run: {result}"])
        for name in ("one", "many", "joined"):
            fault.remove(f"{self.root}/{name}")
        result = fault.run_json(self.root)
        if result.status != fault.OK or result.counts().get("executed") != 0:
            faults.append(f"what was acknowledged runs again: {result}")
        return faults + fault.differences(self.acknowledged, fault.tree(self.root))


class PushScene:
    """The project is elsewhere; the remote is on the disk."""

    def __init__(self, disk, random_):
        self.random = random_
        self.root = project.make("pusher", big=3 << 20, many=30, seed=random_.randrange(1 << 30))
        self.place = places.Place()
        self.place.root = disk.mount + "/remote"
        self.place.add(self.root)
        self.acknowledged = None
        self.version = 0

    def prepare(self):
        self.version += 1
        if self.version > 1:
            project.change(self.root, seed=self.random.randrange(1 << 30))
        return ["push"]

    def acknowledge(self):
        self.acknowledged = project.git(self.root, "rev-parse", "HEAD").strip()

    def check(self):
        faults = places.layout_faults(self.place)
        if self.acknowledged:
            target = project.clone(self.root, "puller", self.place)
            project.git(target, "checkout", "-q", self.acknowledged)
            result = fault.mlops(target, "pull")
            if result.status != fault.OK:
                faults.append(f"a pull of what was acknowledged: {result}")
            counts = fault.run_json(target).counts()
            if counts.get("executed") != 0:
                faults.append(f"the run after the pull: {counts}")
            faults += fault.verify(target)
        again = fault.mlops(self.root, "push")
        if again.status != fault.OK:
            faults.append(f"the next push: {again}")
        return faults + places.layout_faults(self.place)


def checked_out(root, differences):
    """Files of the work tree are not synced, as those of `cp` or git are not: what a cut left of
    them is seen for what it is, and comes again from the store, without any remote."""
    result = fault.mlops(root, "checkout")
    return ([] if result.status == fault.OK else [f"checkout: {result}"]) + differences()


class PullScene:
    """The clone is on the disk; what it pulls and checks out comes from a remote that is not."""

    def __init__(self, disk, random_):
        self.random = random_
        self.origin = project.make("pull-from", big=3 << 20, many=30,
                                   seed=random_.randrange(1 << 30))
        self.place = places.Place()
        self.place.add(self.origin)
        self.root = disk.mount + "/p"
        project.done(self.origin, "push")
        project.git(self.origin, "clone", "-q", self.origin, self.root)
        self.place.add(self.root)
        self.acknowledged, self.version = None, 0

    def prepare(self):
        self.version += 1
        if self.version > 1:
            project.change(self.origin, seed=self.random.randrange(1 << 30))
            project.done(self.origin, "push")
            project.git(self.root, "pull", "-q")
        sync(self.root)  # what git wrote is git's own business
        return ["pull"]

    def acknowledge(self):
        self.acknowledged = project.content(self.origin)

    def check(self):
        faults = fault.verify(self.root)
        if not self.is_cut_after:
            result = fault.mlops(self.root, "pull")
            if result.status != fault.OK:
                return faults + [f"the next pull: {result}"]
            self.acknowledge()
        faults += checked_out(self.root, lambda: fault.differences(
            self.acknowledged, project.content(self.root)))
        for name in ("data", "count.txt", "model"):
            fault.remove(f"{self.root}/{name}")
        return faults + checked_out(self.root, lambda: fault.differences(
            self.acknowledged, project.content(self.root)))


class ImportScene:
    """A directory by its URL, then its next version by `update`."""

    def __init__(self, disk, random_):
        self.root, self.random = disk.mount + "/p", random_
        self.source = os.path.join(fault.scratch(), f"source-{random_.randrange(1 << 30)}")
        os.makedirs(self.root)
        project.done(self.root, "init")
        self.acknowledged, self.version = None, 0

    def prepare(self):
        self.version += 1
        for i in range(40):
            if self.version == 1 or i % 4 == 0:
                fault.write(f"{self.source}/{i % 3}/{i}", noise(self.random, 3000 + i))
        fault.write(self.source + "/big", noise(self.random, 3 << 20))
        sync(self.root)
        return ["update"] if self.version > 1 else ["import-url", "file://" + self.source, "data"]

    def acknowledge(self):
        self.acknowledged = fault.tree(self.source)
        self.pointer = fault.read(self.root + "/data.mlops")

    def check(self):
        faults = fault.verify(self.root)
        if not os.path.exists(self.root + "/data.mlops"):
            return faults + ["the pointer is lost"]
        if self.is_cut_after and fault.read(self.root + "/data.mlops") != self.pointer:
            faults.append("the pointer is not the acknowledged one")
        fault.write(self.root + "/data.mlops", self.pointer)  # as git would give it back
        faults += checked_out(self.root, lambda: fault.differences(
            self.acknowledged, fault.tree(self.root + "/data")))
        fault.remove(self.root + "/data")
        return faults + checked_out(self.root, lambda: fault.differences(
            self.acknowledged, fault.tree(self.root + "/data")))


SCENES = {"add": AddScene, "run": RunScene, "push": PushScene, "pull": PullScene,
          "import": ImportScene}


def duration(scene):
    began = time.monotonic()
    run_until(scene.root, scene.prepare(), 60)
    scene.acknowledge()
    return time.monotonic() - began


def try_cut(kind, share, random_):
    """Two versions; the power goes right after the second (share None) or within it."""
    with powerdisk.PowerDisk() as disk:
        scene = SCENES[kind](disk, random_)
        sync(disk.mount)
        seconds = duration(scene)
        words = scene.prepare()
        ended = run_until(scene.root, words, None if share is None else seconds * share)
        scene.is_cut_after = ended
        if ended:
            scene.acknowledge()
        if share is None or not ended:
            disk_pid = int(fault.read(disk.base + "/pid"))
            os.kill(disk_pid, signal.SIGSTOP)  # no flush passes between the moment and the cut
            stop(disk.mount)
        if kind == "push":
            stop(scene.root)
        disk.cut()
        return scene.check()


def cuts(full, random_):
    kinds = list(SCENES)
    if not full:
        return [(kind, None) for kind in kinds] + [(random_.choice(kinds), random_.random())]
    return [(kind, share) for kind in kinds for share in
            [None] * 20 + [random_.random() for _ in range(6)]]


def main():
    chosen = fault.arguments((["kinds"], dict(nargs="*", help=" ".join(SCENES))))
    reason = powerdisk.missing()
    if reason:
        fault.skip(reason)
    random_ = random.Random(chosen.seed)
    try:
        faults = try_rig()
    except (RuntimeError, OSError) as error:
        fault.skip(f"no disk to cut: {error}")
    tally = fault.Tally("power cuts")
    tally.check("a cut loses what was not synced and nothing else", faults)
    for kind, share in cuts(chosen.full, random_):
        if chosen.kinds and kind not in chosen.kinds:
            continue
        when = "after exit 0" if share is None else f"at {share:.2f}"
        try:
            faults = try_cut(kind, share, random_)
        except (RuntimeError, OSError) as error:
            faults = [f"{type(error).__name__}: {error}"]
        tally.check(f"{kind}, {when} (seed {chosen.seed})", faults)
    sys.exit(1 if tally.bad else 0)


main()
