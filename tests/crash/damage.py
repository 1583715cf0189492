#!/usr/bin/env python3
"""Damaged stored data: found by `verify` (exit 5) and by use, named, never used, and repaired by
running again. Objects, results, the lock file and both databases."""
import glob
import os
import random
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import fault  # noqa: E402


def overwrite(path, content, hides=False):
    """`hides` puts mode and times back, as bit rot would leave them."""
    seen = os.stat(path)
    os.chmod(path, 0o644)
    with open(path, "r+b") as file:
        file.write(content)
        file.truncate(len(content))
    if hides:
        os.utime(path, ns=(seen.st_atime_ns, seen.st_mtime_ns))
        os.chmod(path, seen.st_mode & 0o7777)


def flip(path, dice, hides=False):
    content = bytearray(fault.read(path))
    if not content:
        return False
    content[dice.randrange(len(content))] ^= 1 << dice.randrange(8)
    overwrite(path, bytes(content), hides)
    return True


def flip_hidden(path, dice):
    return flip(path, dice, hides=True)


def truncate(path, dice):
    content = fault.read(path)
    if not content:
        return False
    overwrite(path, content[:dice.randrange(len(content))])
    return True


def empty(path, dice):
    return fault.read(path) != b"" and overwrite(path, b"") is None


def grow(path, dice):
    overwrite(path, fault.read(path) + b"x")
    return True


def missing(path, dice):
    os.unlink(path)
    return True


DAMAGES = [flip, flip_hidden, truncate, empty, grow, missing]


def objects(project):
    return sorted(glob.glob(project + "/.mlops/cache/obj/??/*"))


def digest_of(path):
    return os.path.basename(os.path.dirname(path)) + os.path.basename(path)


def clear_outputs(project):
    for name in ("data/clean.csv", "features", "model.bin", "metrics.json"):
        fault.remove(f"{project}/{name}")


def verify_finds(project, digest, damage):
    if not fault.has_command("verify"):
        return []
    result = fault.mlops(project, "verify")
    if result.status != fault.STORED:
        return [f"verify does not find it: {result}"]
    if digest and digest[:12] not in result.out + result.err:
        return [f"verify does not name {digest}: {result}"]
    return []


def heals(project, expected, said=None):
    """A run with no outputs in place is right, says something if `said`, and leaves all whole."""
    faults = []
    result = fault.run_json(project)
    if result.status != fault.OK:
        return [f"the run: {result}"]
    faults += fault.differences(expected, fault.outputs(project))
    faults += fault.verify(project)
    clear_outputs(project)
    again = fault.run_json(project)
    if again.status != fault.OK or again.counts().get("executed") != 0:
        faults.append(f"the store is not whole afterwards: {again}")
    return faults + fault.differences(expected, fault.outputs(project))


def used_from_store(base, expected, path, damage, dice):
    """The outputs are gone, so the object has to be used."""
    project = os.path.join(fault.scratch(), "p")
    fault.copy(base, project)
    if not damage(project + path, dice):
        return None
    clear_outputs(project)
    if damage is flip_hidden: # what stat can't show only a full read finds
        return verify_finds(project, digest_of(path), damage) + heals(project, expected)
    return heals(project, expected)


def found_by_verify(base, expected, path, damage, dice):
    """The outputs are in place: verify tells, and a run puts the object again."""
    project = os.path.join(fault.scratch(), "p")
    fault.copy(base, project)
    if not damage(project + path, dice):
        return None
    faults = verify_finds(project, digest_of(path), damage)
    return faults + heals(project, expected)


def damaged_objects(base, expected, dice, full):
    tally = fault.Tally("damage objects")
    paths = [path[len(base):] for path in objects(base)]
    points = [(path, damage, action) for path in paths for damage in DAMAGES
              for action in (used_from_store, found_by_verify)]
    if not full:
        dice.shuffle(points)
        points = points[:24]
    for path, damage, action in points:
        faults = action(base, expected, path, damage, dice)
        if faults is not None:
            tally.point(faults, f"{damage.__name__} {path[-20:]} {action.__name__}")
    return tally.end()


def damaged_results(base, expected, dice, full):
    tally = fault.Tally("damage results")
    paths = sorted(glob.glob(base + "/.mlops/cache/res/*/*/*/*"))
    points = [(path[len(base):], damage) for path in paths for damage in DAMAGES]
    if not full:
        dice.shuffle(points)
        points = points[:10]
    for path, damage in points:
        project = os.path.join(fault.scratch(), "p")
        fault.copy(base, project)
        if not damage(project + path, dice):
            continue
        faults = verify_finds(project, None, damage) if damage is not missing else []
        clear_outputs(project)
        faults += heals(project, expected)
        tally.point(faults, f"{damage.__name__} {path[-30:]}")
    return tally.end()


def lock_cases(text):
    conflict = re.sub(rb"(?m)^(.*size: .*)$", rb"<<<<<<< HEAD\n\1\n=======\n\1\n>>>>>>> b", text,
                      count=1)
    short = re.sub(rb"sha256:([0-9a-f]{63})[0-9a-f]", rb"sha256:\1", text, count=1)
    path = re.sub(rb"sha256:[0-9a-f]{64}", b"sha256:../../../../etc/passwd", text, count=1)
    big = re.sub(rb"size: \d+", b"size: 18446744073709551616", text, count=1)
    negative = re.sub(rb"size: \d+", b"size: -1", text, count=1)
    cases = [("conflict", conflict, "conflict"), ("short digest", short, "sha256"),
             ("digest that is a path", path, None), ("size above 64 bits", big, "size"),
             ("negative size", negative, "size"), ("binary", b"SQLite format 3\0\1\2" + text, None),
             ("empty", b"", None), ("half", text[:len(text) // 2 + 7], None),
             ("twice", text + text, None)]
    return [case for case in cases if case[1] != text]


def damaged_lock(base, expected):
    tally = fault.Tally("damage lock")
    text = fault.read(base + "/pipeline.lock")
    for name, content, word in lock_cases(text):
        project = os.path.join(fault.scratch(), "p")
        fault.copy(base, project)
        fault.write(project + "/pipeline.lock", content)
        before = fault.tree(project)
        faults = []
        for command in (["run"], ["plan"], ["status"]):
            result = fault.mlops(project, *command)
            if result.status != fault.PROJECT:
                faults.append(f"{command} is not refused with 3: {result}")
            if "pipeline.lock" not in result.err or (word and word not in result.err):
                faults.append(f"{command} does not name pipeline.lock and '{word}': {result.err}")
        faults += fault.differences(before, fault.tree(project))
        os.unlink(project + "/pipeline.lock")
        faults += fault.is_sound(project, expected)
        tally.point(faults, name)
    return tally.end()


def damage_index(project, kind, dice):
    path = project + "/.mlops/index.db"
    for other in (path + "-wal", path + "-shm", path + "-journal"):
        fault.remove(other)
    content = fault.read(path)
    if kind == "garbage":
        fault.write(path, bytes(dice.randrange(256) for _ in range(9000)))
    elif kind == "empty":
        fault.write(path, b"")
    elif kind == "half":
        fault.write(path, content[:len(content) // 2])
    elif kind == "zeroed page":
        page = 4096 * dice.randrange(max(1, len(content) // 4096))
        fault.write(path, content[:page] + bytes(4096) + content[page + 4096:])
    elif kind == "flipped bits":
        changed = bytearray(content)
        for _ in range(20):
            changed[dice.randrange(100, len(changed))] ^= 1 << dice.randrange(8)
        fault.write(path, bytes(changed))
    elif kind == "another database":
        fault.write(path, fault.read(project + "/.mlops/lineage.db"))
    else:
        os.unlink(path)


def damaged_index(base, expected, dice, full):
    tally = fault.Tally("damage index")
    kinds = ["garbage", "empty", "half", "another database", "missing"]
    kinds += ["zeroed page", "flipped bits"] * (20 if full else 4)
    for kind in kinds:
        project = os.path.join(fault.scratch(), "p")
        fault.copy(base, project)
        damage_index(project, kind, dice)
        result = fault.run_json(project)
        faults = []
        if result.status != fault.OK or result.counts().get("executed") != 0:
            faults.append(f"the run: {result}")
        if fault.has_command("verify"):  # what no run came across is told once
            checked = fault.mlops(project, "verify")
            only_index = "index.db" in checked.out and "1 fault" in checked.out
            if checked.status != fault.OK and not (checked.status == fault.STORED and only_index):
                faults.append(f"verify: {checked}")
        faults += fault.is_sound(project, expected)
        tally.point(faults, kind)
    return tally.end()


def damage_lineage(path, kind, dice):
    content = fault.read(path)
    if kind == "garbage":
        fault.write(path, bytes(dice.randrange(256) for _ in range(9000)))
    elif kind == "half":
        fault.write(path, content[:len(content) // 2])
    elif kind == "zeroed":
        fault.write(path, content[:100] + bytes(len(content) - 100))
    elif kind == "newer":
        changed = bytearray(content)
        changed[60:64] = (9999).to_bytes(4, "big")
        fault.write(path, bytes(changed))


def damaged_lineage(base, dice):
    tally = fault.Tally("damage lineage")
    for kind in ("garbage", "half", "zeroed", "newer"):
        project = os.path.join(fault.scratch(), "p")
        fault.copy(base, project)
        path = project + "/.mlops/lineage.db"
        for other in (path + "-wal", path + "-shm"):
            fault.remove(other)
        damage_lineage(path, kind, dice)
        fault.set_params(project, rate="0.7")
        damaged = fault.read(path)
        before = fault.tree(project)
        result = fault.mlops(project, "run")
        faults = []
        if result.status != fault.STORED:
            faults.append(f"not refused with 5: {result}")
        if "lineage.db" not in result.err:
            faults.append(f"does not name lineage.db: {result.err}")
        if fault.read(path) != damaged:
            faults.append("the damaged file was overwritten")
        faults += fault.differences(before, fault.tree(project))
        tally.point(faults, kind)
    return tally.end()


def main():
    chosen = fault.arguments((["kinds"], dict(nargs="*")))
    dice = random.Random(chosen.seed)
    base = fault.make_project("base")
    result = fault.run_json(base)
    if result.status != fault.OK:
        print("not ok the undisturbed run:", result)
        sys.exit(1)
    fault.run_json(base)
    expected = fault.outputs(base)
    actions = {
        "objects": lambda: damaged_objects(base, expected, dice, chosen.full),
        "results": lambda: damaged_results(base, expected, dice, chosen.full),
        "lock": lambda: damaged_lock(base, expected),
        "index": lambda: damaged_index(base, expected, dice, chosen.full),
        "lineage": lambda: damaged_lineage(base, dice),
    }
    bad = sum(actions[kind]() for kind in chosen.kinds or actions)
    if bad:
        print("seed", chosen.seed)
    sys.exit(1 if bad else 0)


main()
