#!/usr/bin/env python3
"""Somebody works in the same directory, at any system call of mlops. A directory, or a file, becomes
a symbolic link that leads out of the project: nothing from there is stored, nothing there is written, moved or
removed, and what had been in the directory is not lost. An editor saves a file that is about to be
replaced or removed: what was saved is not lost, also where the command is killed before it sees that."""
import os
import re
import shutil
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import calls  # noqa: E402
import fault  # noqa: E402

OUTSIDE = b"nobody's business 5518\n"
INSIDE = b"the user's own 2046 "
POINTS_MOST = 12  # of one scene in a sample
NAMES_MOST = 16   # calls that change names, beyond those
KILL_TRIES = 5    # a call may come once more, or once less, where the machine is busy


class Scene:
    """`make` gives the project before the command; `place`: what in it becomes a link,
    or the file that is saved (`saves`). `blinks`: what became a link is itself again two looks later.
    `next`: it is saved just before it is taken out of its place, and the command is killed just
    behind that; this one comes next."""

    def __init__(self, name, words, make, place, saves=False, blinks=False, next=None):
        self.name, self.words, self.make, self.place = name, words, make, place
        self.saves, self.blinks, self.next = saves, blinks, next


def outside():
    return os.path.join(fault.scratch(), "outside")


def source():
    return os.path.join(fault.scratch(), "source")


def fill(directory, content):
    for name in ("one", "two", "deep/three"):
        fault.write(f"{directory}/{name}", content + name.encode() + b"\n")


def done(project, *words):
    result = fault.mlops(project, *words)
    if result.status != fault.OK:
        sys.exit(f"{words}: {result}")


def empty():
    project = os.path.join(fault.scratch(), "p")
    fault.remove(project)
    os.makedirs(project + "/here")
    done(project, "init")
    fill(project + "/here/data", INSIDE)
    fault.settle(project)
    return project


def added(path="here/data"):
    project = empty()
    done(project, "add", path)
    fault.settle(project)
    return project


def changed():
    project = added()
    fault.write(project + "/here/data/one", INSIDE + b"changed\n")
    return project


def edited():
    """Of the files one is not in the store, one is gone, one is not to be there."""
    project = added()
    fault.write(project + "/here/data/one", INSIDE + b"edited\n")
    fault.write(project + "/here/data/extra", INSIDE + b"extra\n")
    fault.remove(project + "/here/data/deep")
    return project


def file_edited():
    project = empty()
    done(project, "add", "here/data/one")
    fault.write(project + "/here/data/one", INSIDE + b"edited\n")
    return project


def gone():
    project = added()
    fault.remove(project + "/here/data")
    return project


def outdated():
    """All that lies there is in the store, in another version than is wanted."""
    project = added()
    pointer = fault.read(project + "/here/data.mlops")
    for name in ("one", "two"):
        fault.write(f"{project}/here/data/{name}", INSIDE + b"second\n")
    done(project, "add", "here/data")
    fault.write(project + "/here/data.mlops", pointer)
    fault.settle(project)
    return project


def gone_in_part():
    project = added()
    fault.remove(project + "/here/data/one")
    return project


def file_added():
    return added("here/data/one")


def file_outdated():
    project = file_added()
    pointer = fault.read(project + "/here/data/one.mlops")
    fault.write(project + "/here/data/one", INSIDE + b"second\n")
    done(project, "add", "here/data/one")
    fault.write(project + "/here/data/one.mlops", pointer)
    fault.settle(project)
    return project


def imported():
    project = empty()
    done(project, "import-url", "file://" + source(), "here/data/far")
    fault.write(source() + "/one", INSIDE + b"newer\n")
    return project


GC = ["gc", "--yes"]
SCENES = [
    Scene("add", ["add", "here/data"], empty, "here/data"),
    Scene("add-above", ["add", "here/data"], empty, "here"),
    Scene("add-below", ["add", "here/data"], empty, "here/data/deep"),
    Scene("add-file", ["add", "here/data/one"], empty, "here/data"),
    Scene("add-file-itself", ["add", "here/data/one"], empty, "here/data/one"),
    Scene("add-blinking", ["add", "here/data/one"], empty, "here/data/one", blinks=True),
    Scene("add-blinking-part", ["add", "here/data/one"], changed, "here/data/one", blinks=True),
    Scene("add-blinking-above", ["add", "here/data/one"], empty, "here/data", blinks=True),
    Scene("add-blinking-below", ["add", "here/data"], empty, "here/data/deep", blinks=True),
    Scene("checkout", ["checkout"], edited, "here/data"),
    Scene("checkout-above", ["checkout"], edited, "here"),
    Scene("checkout-file", ["checkout"], file_edited, "here/data"),
    Scene("checkout-gone", ["checkout"], gone, "here"),
    Scene("move", ["move", "here/data", "there/data"], added, "here"),
    Scene("move-to", ["move", "here/data", "there/data"], added, "there"),
    Scene("remove", ["remove", "here/data"], added, "here"),
    Scene("remove-data", ["remove", "--data", "here/data"], edited, "here"),
    Scene("remove-data-in", ["remove", "--data", "here/data"], edited, "here/data"),
    Scene("import", ["import-url", "file://{source}", "here/data/far"], empty, "here/data"),
    Scene("update", ["update"], imported, "here/data"),
    Scene("save-in-checkout", ["checkout"], outdated, "here/data/one", saves=True),
    Scene("save-new-in-checkout", ["checkout"], gone_in_part, "here/data/one", saves=True),
    Scene("save-extra-in-checkout", ["checkout"], edited, "here/data/extra", saves=True),
    Scene("save-file-in-checkout", ["checkout"], file_outdated, "here/data/one", saves=True),
    Scene("save-in-remove", ["remove", "--data", "here/data"], added, "here/data/one", saves=True),
    Scene("save-new-in-remove", ["remove", "--data", "here/data"], added, "here/data/deep/new",
          saves=True),
    Scene("save-file-in-remove", ["remove", "--data", "here/data/one"], file_added,
          "here/data/one", saves=True),
    Scene("kill-save-in-checkout", ["checkout"], outdated, "here/data/one", next=GC),
    Scene("kill-save-file-in-checkout", ["checkout"], file_outdated, "here/data/one", next=GC),
    Scene("kill-save-in-remove", ["remove", "--data", "here/data"], added, "here/data/one",
          next=["checkout"]),
    Scene("kill-save-file-in-remove", ["remove", "--data", "here/data/one"], file_added,
          "here/data/one", next=GC),
]


def swap(project, directory):
    path = f"{project}/{directory}"
    is_file = os.path.isfile(path)
    try:
        os.rename(path, path + ".was")
        os.symlink(outside() + "/one" if is_file else outside(), path)
    except OSError:
        pass  # it is not there just now


def swap_back(project, directory):
    path = f"{project}/{directory}"
    if os.path.islink(path):
        os.unlink(path)
    if os.path.exists(path + ".was") and not os.path.lexists(path):
        os.rename(path + ".was", path)


SAVED = b"just saved 3370\n"


def save(project, path):
    """As editors do: a new file that takes the place of the old one."""
    os.makedirs(os.path.dirname(f"{project}/{path}"), exist_ok=True)
    fault.write(f"{project}/here/saving", SAVED)
    os.rename(f"{project}/here/saving", f"{project}/{path}")


def contents(project):
    """Of all files in the project and of all that the store brings back: what INSIDE begins."""
    found = set()
    for directory, _, names in os.walk(project):
        for name in names:
            path = os.path.join(directory, name)
            if not os.path.islink(path):
                found.update(re.findall(INSIDE + rb"[a-z/]+\n", fault.read(path)))
    return found


def blink_end(scene, points, point):
    """The next call about the same place that is of another kind; None: there is none."""
    return next((later for later in points[points.index(point) + 1:]
                 if f'"{scene.place}' in later[2] and later[0] != point[0]), None)


def taken(points, number):
    """The call that takes a file out of its place, if it comes next."""
    later = points[number + 1] if number + 1 < len(points) else ("", 0, "")
    is_taking = later[0].startswith("rename") and '"taken/' in later[2] and later[0] != points[number][0]
    return later if is_taking else None


def try_kill(scene, words, base, point, later):
    """What was saved lies where it was saved or out of the way, and the next command says so."""
    project = os.path.join(fault.scratch(), "q")
    killed = (-signal.SIGKILL, 128 + signal.SIGKILL)
    for _ in range(KILL_TRIES):
        fault.copy(base, project)
        result = calls.interrupted(project, words, point, lambda: save(project, scene.place),
                                   later=(later, lambda pid: os.kill(pid, signal.SIGKILL)))
        if result.status in killed:
            break
    faults = [] if result.status in killed else [f"not killed: {result}"]
    had_moved = fault.holds(project + "/.mlops/displaced", SAVED)  # by the command itself, in time
    after = fault.mlops(project, *scene.next, env=fault.environment(**calls.ENVIRONMENT))
    is_there = os.path.exists(f"{project}/{scene.place}") and \
        fault.read(f"{project}/{scene.place}") == SAVED
    if not is_there and not fault.holds(project + "/.mlops/displaced", SAVED):
        faults.append(f"what was saved is gone: {after}")
    if not is_there and not had_moved and "/displaced/" not in after.err:
        faults.append(f"nothing is said of it: {after}")
    left = [each for each in os.listdir(project + "/.mlops/tmp")
            if os.path.exists(f"{project}/.mlops/tmp/{each}/taken")]
    if left:
        faults.append(f"left in .mlops/tmp: {left}")
    return faults + fault.verify(project)


def try_point(scene, words, base, point, later=None):
    project = os.path.join(fault.scratch(), "q")
    for place in (outside(), project):
        fault.remove(place)
    fault.copy(base, project)
    for below in ("", "data/", "far/", "deep/"):
        fill(outside() + "/" + below, OUTSIDE)
    before, had = fault.tree(outside(), ()), contents(project)
    act = save if scene.saves else swap
    result = calls.interrupted(project, words, point, lambda: act(project, scene.place),
                               later=later and (later, lambda: swap_back(project, scene.place)))
    faults = [f"outside: {line}" for line in fault.differences(before, fault.tree(outside(), ()))]
    if result.status is None or result.status < 0 or result.status == fault.BUG:
        faults.append(f"the command itself: {result}")
    if not scene.saves:
        swap_back(project, scene.place)
    elif not fault.holds(project, SAVED):
        faults.append(f"what was saved is gone: {result}")
    if fault.holds(project, OUTSIDE):
        faults.append("something from outside lies in the project or its store")
    if had - contents(project) and not scene.saves:
        faults.append(f"lost: {had - contents(project)} {result}")
    return faults + fault.verify(project)


def choose(scene, points, chosen):
    """Numbers of calls: a sample, and always the last moment before a name changes."""
    if chosen.only:
        return chosen.only
    if scene.next:
        return [number for number in range(len(points)) if taken(points, number)]
    if scene.blinks:
        return [number for number, point in enumerate(points)
                if f'"{scene.place}' in point[2] and blink_end(scene, points, point)]
    every = 1 if chosen.full else -(-len(points) // POINTS_MOST)
    sample = set(range(fault.day() % every, len(points), every))
    last = [number for number in range(len(points) - 1)
            if points[number + 1][0].startswith(("rename", "unlinkat", "symlink"))
            and "cache" not in points[number + 1][2]]
    return sorted(sample | set(last[-NAMES_MOST:]))


def try_scene(scene, chosen):
    fill(source(), INSIDE)
    words = [word.format(source=source()) for word in scene.words]
    base = os.path.join(fault.scratch(), "base")
    made = scene.make()
    fault.copy(made, base)
    points = calls.list_points(calls.traced(made, words)[0])
    tally = fault.Tally(f"swaps {scene.name}")
    numbers = choose(scene, points, chosen)
    if not numbers:
        tally.point(["no such moment in the command"], scene.name)
    for number in numbers:
        later = blink_end(scene, points, points[number]) if scene.blinks else None
        faults = (try_kill(scene, words, base, points[number], taken(points, number)) if scene.next
                  else try_point(scene, words, base, points[number], later))
        tally.point(faults, f"behind call {number}: {points[number]}")
        sys.stdout.flush()
    return tally.end(f" (of {len(points)} calls)")


def main():
    chosen = fault.arguments(
        (["--only"], dict(type=int, nargs="*", help="numbers of the points to try")),
        (["scenes"], dict(nargs="*", help=" ".join(scene.name for scene in SCENES))))
    if not shutil.which("strace"):
        fault.skip("strace is not installed")
    bad = sum(try_scene(scene, chosen) for scene in SCENES
              if not chosen.scenes or scene.name in chosen.scenes)
    sys.exit(1 if bad else 0)


main()
