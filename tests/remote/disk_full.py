#!/usr/bin/env python3
"""The disk is full, where the remote lies or here: a clear error, nothing wrong is named, and once
there is room the same command completes."""
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import places  # noqa: E402
import project  # noqa: E402
from places import fault  # noqa: E402

SMALL, LARGE = "4m", "200m"


def mount(where, size=SMALL):
    os.makedirs(where, exist_ok=True)
    return subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", where],
                          capture_output=True).returncode == 0


def resize(where, size):
    subprocess.run(["mount", "-o", f"remount,size={size}", where], check=True)


def unmount(where):
    subprocess.run(["umount", "-l", where], capture_output=True)


class FullS3(places.S3):
    """Swift wants extended attributes, which a tmpfs may lack: an ext4 in a file."""

    def _open(self):
        self.image = os.path.join(fault.scratch(), "disk")
        self.devices = os.path.join(fault.scratch(), "devices")
        os.makedirs(self.devices)
        # Blocks kept for root would let root fill it further.
        for command in (["truncate", "-s", "200M", self.image], ["mkfs.ext4", "-q", "-m0", self.image],
                        ["mount", "-o", "loop", self.image, self.devices]):
            if subprocess.run(command, capture_output=True).returncode != 0:
                raise places.base.Missing("a file system in a file cannot be mounted here")
        super()._open()
        self.ballast = self.devices + "/ballast"
        room = os.statvfs(self.devices)
        size = room.f_bavail * room.f_frsize - (4 << 20)
        subprocess.run(["fallocate", "-l", str(size), self.ballast], check=True)

    def give_room(self):
        os.unlink(self.ballast)

    def _close(self):
        super()._close()
        unmount(self.devices)


def says_full(result):
    words = ("No space", "no space", "full", "507", "500", "503")
    faults = [] if result.status == fault.MACHINE else [f"status is not {fault.MACHINE}: {result}"]
    return faults + ([] if any(word in result.err for word in words) else [
        f"the message does not say that the disk is full: {result}"])


def try_remote(origin, place, give_room):
    place.add(origin)
    result = fault.mlops(origin, "push", env=place.env(), timeout=200)
    faults = says_full(result) + places.layout_faults(place) + fault.verify(origin)
    give_room()
    again = fault.mlops(origin, "push", env=place.env())
    if again.status != fault.OK:
        return faults + [f"with room: {again}"]
    target = project.clone(origin, "after", place)
    fault.mlops(target, "pull", env=place.env())
    return faults + places.layout_faults(place) + project.faults_of_clone(origin, target, place.env())


def try_kind(template, kind):
    origin = os.path.join(fault.scratch(), "origin")
    fault.copy(template, origin)
    if kind == "s3":
        with FullS3() as place:
            return try_remote(origin, place, place.give_room)
    with places.KINDS[kind]() as place:
        if not mount(place.root):
            raise places.base.Missing("a tmpfs cannot be mounted here (needs root)")
        try:
            return try_remote(origin, place, lambda: resize(place.root, LARGE))
        finally:
            unmount(place.root)


def try_here(template, below):
    """The store of a clone that pulls, or its whole work tree."""
    origin = os.path.join(fault.scratch(), "origin")
    fault.copy(template, origin)
    target = os.path.join(fault.scratch(), "small")
    with places.Place() as place:
        place.add(origin)
        project.done(origin, "push")
        unmount(target)
        if below:
            project.clone(origin, "small", place)
            saved = target + "-state"
            fault.copy(f"{target}/.mlops", saved)
            where = f"{target}/.mlops"
            if not mount(where):
                raise places.base.Missing("a tmpfs cannot be mounted here (needs root)")
            subprocess.run(["cp", "-a", saved + "/.", where], check=True)
        else:
            where = target
            fault.remove(target)
            if not mount(where):
                raise places.base.Missing("a tmpfs cannot be mounted here (needs root)")
            project.git(target, "clone", "-q", origin, ".")
            os.makedirs(f"{target}/log")
            place.add(target)
        try:
            result = fault.mlops(target, "pull")
            faults = says_full(result) + fault.verify(target)
            wanted = project.content(origin)
            faults += [f"{path} is wrong" for path, what in project.content(target).items()
                       if what != wanted.get(path)]
            resize(where, LARGE)
            again = fault.mlops(target, "pull")
            if again.status != fault.OK:
                faults.append(f"with room: {again}")
            return faults + project.faults_of_clone(origin, target)
        finally:
            unmount(where)


def data_of(directory):
    return {path: what for path, what in fault.tree(directory).items() if path.startswith("data/")}


def try_add():
    """The store is full while data go into it: the user's files stay, no pointer is written."""
    target = os.path.join(fault.scratch(), "adds")
    os.makedirs(f"{target}/data/many")
    fault.write(f"{target}/data/large", os.urandom(3 << 20).hex())
    for i in range(400):
        fault.write(f"{target}/data/many/{i}", os.urandom(3000).hex())
    before = data_of(target)
    if not mount(f"{target}/.mlops"):
        raise places.base.Missing("a tmpfs cannot be mounted here (needs root)")
    try:
        project.done(target, "init")
        result = fault.mlops(target, "add", "data/large", "data/many")
        faults = says_full(result) + fault.differences(before, data_of(target))
        resize(f"{target}/.mlops", LARGE)
        again = fault.mlops(target, "add", "data/large", "data/many")
        if again.status != fault.OK:
            faults.append(f"with room: {again}")
        fault.remove(f"{target}/data/large")
        fault.remove(f"{target}/data/many")
        project.done(target, "checkout")
        now = data_of(target)
        return faults + fault.verify(target) + fault.differences(
            before, {path: now.get(path) for path in before})
    finally:
        unmount(f"{target}/.mlops")


def try_checkout():
    """The work tree is full while data come back: each path is whole or as it was."""
    target = os.path.join(fault.scratch(), "returns")
    unmount(target)
    if not mount(target, "12m"):
        raise places.base.Missing("a tmpfs cannot be mounted here (needs root)")
    try:
        os.makedirs(f"{target}/data/many")
        fault.write(f"{target}/data/large", os.urandom(1 << 20).hex())
        for i in range(400):
            fault.write(f"{target}/data/many/{i}", os.urandom(3000).hex())
        project.done(target, "init")
        project.done(target, "config", "set", "cache.link", "copy")
        project.done(target, "add", "data/large", "data/many")
        wanted = data_of(target)
        fault.remove(f"{target}/data/large")
        fault.remove(f"{target}/data/many")
        room = os.statvfs(target)
        fault.write(f"{target}/ballast", "x" * (room.f_bavail * room.f_frsize - (3 << 20)))
        result = fault.mlops(target, "checkout")
        faults = says_full(result) + fault.verify(target)
        faults += [f"{path} is not whole" for path, what in data_of(target).items()
                   if wanted.get(path) != what]
        fault.remove(f"{target}/ballast")
        again = fault.mlops(target, "checkout")
        if again.status != fault.OK:
            faults.append(f"with room: {again}")
        if os.listdir(f"{target}/.mlops/tmp"):
            faults.append(f"left over: {os.listdir(target + '/.mlops/tmp')}")
        return faults + fault.differences(wanted, data_of(target))
    finally:
        unmount(target)


def main():
    chosen = fault.arguments()
    if os.geteuid() != 0:
        fault.skip("mounting a small file system needs root")
    tally = fault.Tally("disk full, remotes")
    template = project.make()
    kinds = ["directory", "sftp", "webdav", "s3"] if chosen.full else ["directory", "webdav"]
    cases = [(f"where the {kind} remote lies", lambda kind=kind: try_kind(template, kind))
             for kind in kinds]
    cases += [("in .mlops of who adds", try_add),
              ("where a checkout goes", try_checkout),
              ("in .mlops of who pulls", lambda: try_here(template, True)),
              ("in all of the clone that pulls", lambda: try_here(template, False))]
    for name, test in cases:
        try:
            faults = test()
        except places.base.Missing as missing:
            print(f"ok disk full {name} # skip {missing}")
            continue
        except (RuntimeError, OSError) as error:
            faults = [f"{type(error).__name__}: {error}"]
        tally.check(f"disk full {name}", faults)
    sys.exit(1 if tally.bad else 0)


main()
