#!/usr/bin/env python3
"""Bytes that change where a remote lies, anywhere in a pack: never used, told by `verify --remote`, and
put right by the next push. And what a gc took is sent again by whoever goes back to it.

    damage.py [--full] [--seed N]"""
import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import places  # noqa: E402
import project  # noqa: E402
from places import fault  # noqa: E402


def spoil(place, name, at, how):
    content = bytearray(place.read(name))
    if how == "cut":
        del content[at:]
    else:
        content[at] ^= 1 << how
    place.delete(name)
    place.put(name, bytes(content))


def points(place, random_, count):
    """(pack, offset): the head, the foot, both ends of the index, and anywhere."""
    for name, size in sorted(place.names().items()):
        if name.startswith("pack/"):
            for at in (3, size - 10, size - 30, size - 60, size - 65, size - 100):
                yield name, at
            for _ in range(count):
                yield name, random_.randrange(size)


def pulls_nothing_wrong(origin, place, target):
    """What can be had is right; the rest is told."""
    result = fault.mlops(target, "pull", env=place.env())
    wanted = project.content(origin)
    faults = [f"{path} is wrong" for path, what in project.content(target).items()
              if what != wanted.get(path)]
    if result.status not in (fault.OK, fault.ANSWER):
        faults.append(f"the pull: {result}")
    elif (result.status == fault.OK) != (project.content(target) == wanted):
        faults.append(f"the pull's status is not what came of it: {result}")
    return faults + fault.verify(target)


def try_point(origin, place, pristine, name, at, how):
    fault.copy(pristine, place.root)
    fault.remove(origin + "/.mlops/remotes")
    project.done(origin, "push", env=place.env())  # it knows the indexes from before
    spoil(place, name, at, how)
    target = project.clone(origin, "puller", place)
    faults = pulls_nothing_wrong(origin, place, target)
    told = fault.mlops(origin, "verify", "--remote", env=place.env())
    if told.status != fault.STORED or name[5:17] not in told.out:
        faults.append(f"verify does not tell: {told}")
    again = fault.mlops(origin, "push", env=place.env())
    if again.status != fault.OK:
        faults.append(f"the push: {again}")
    repaired = fault.mlops(origin, "verify", "--remote", env=place.env())
    if repaired.status != fault.OK:
        faults.append(f"verify after the push that put it right: {repaired}")
    target = project.clone(origin, "after", place)
    result = fault.mlops(target, "pull", env=place.env())
    if result.status != fault.OK:
        faults.append(f"the pull after it: {result}")
    return faults + project.faults_of_clone(origin, target, place.env())


def forget_history(clone):
    """Only the newest commit is known: what older ones name is not needed."""
    project.git(clone, "checkout", "-q", "--orphan", "alone")
    project.commit(clone, "alone")
    project.git(clone, "branch", "-D", "main")
    project.git(clone, "remote", "remove", "origin")


def try_gone_chunks(tally, place):
    """A gc that knows nothing of a version takes its chunks; its manifest must not be believed."""
    origin = project.make("reverted")
    place.clear()
    place.add(origin)
    project.done(origin, "push")
    first = project.git(origin, "rev-parse", "HEAD").strip()
    faults = []
    for seed in range(2, 6):
        project.change(origin, seed=seed, share=0.2)
        project.done(origin, "push")
        for _ in range(3):
            collector = project.clone(origin, "collector", place)
            forget_history(collector)
            project.done(collector, "gc", "--remote", "--yes", "--grace", "0")
            told = fault.mlops(collector, "verify", "--remote", "--full")
            if told.status != fault.OK:
                faults.append(f"after gc: {told}")
    project.git(origin, "checkout", "-q", first)
    project.done(origin, "checkout")
    faults += [str(each) for each in [fault.mlops(origin, "push")] if each.status != fault.OK]
    target = project.clone(origin, "after", place)
    project.git(target, "checkout", "-q", first)
    result = fault.mlops(target, "pull")
    if result.status != fault.OK:
        faults.append(f"the pull of what was pushed again: {result}")
    tally.check("what gc took is sent again", faults + project.faults_of_clone(origin, target))


def main():
    chosen = fault.arguments()
    random_ = random.Random(chosen.seed)
    tally = fault.Tally("damaged remotes")
    origin = project.make(many=10, big=3 << 20)
    with places.Place() as place:
        place.add(origin)
        project.done(origin, "push")
        pristine = os.path.join(fault.scratch(), "pristine")
        fault.copy(place.root, pristine)
        for name, at in list(points(place, random_, 12 if chosen.full else 2)):
            how = "cut" if random_.randrange(5) == 0 else random_.randrange(8)
            tally.point(try_point(origin, place, pristine, name, at, how),
                        f"{name} at {at}, {how} (seed {chosen.seed})")
        try_gone_chunks(tally, place)
    sys.exit(1 if tally.end() else 0)


main()
