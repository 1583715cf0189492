#!/usr/bin/env python3
"""Push, fresh clone, pull and run over each kind of remote, by real servers on loopback.

    basics.py [KIND...]     default: directory sftp webdav s3; --full: all of places.KINDS"""
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import places  # noqa: E402
import project  # noqa: E402
from places import fault  # noqa: E402
from project import done  # noqa: E402

EVERYDAY = ["directory", "sftp", "webdav", "s3"]


def status_is(result, status, *words):
    faults = [] if result.status == status else [f"status is not {status}: {result}"]
    return faults + [f"'{word}' is not said: {result}" for word in words
                     if word not in result.out + result.err]


def try_check(origin, place):
    return status_is(fault.mlops(origin, "remote", "check", env=place.env()), fault.OK)


def try_push(origin, place):
    faults = status_is(fault.mlops(origin, "push", env=place.env()), fault.OK)
    faults += places.layout_faults(place)
    names = place.names()
    for prefix in ("format", "pack/", "roots/", "res/", "list/packs"):
        if not any(name.startswith(prefix) for name in names):
            faults.append(f"nothing named {prefix}: {sorted(names)[:20]}")
    return faults


def try_push_again(origin, place):
    before = place.names()
    faults = status_is(fault.mlops(origin, "push", env=place.env()), fault.OK)
    sent = {name for name in set(place.names()) - set(before) if name.startswith(("pack", "res"))}
    return faults + [f"sent again: {name}" for name in sorted(sent)]


def try_clone(origin, place):
    target = project.clone(origin, "fresh", place)
    faults = status_is(fault.mlops(target, "pull", env=place.env()), fault.OK)
    return faults + project.faults_of_clone(origin, target, place.env())


def try_fetch(origin, place):
    """fetch leaves the work tree; checkout needs no remote then."""
    target = project.clone(origin, "fetched", place)
    before = project.content(target)
    faults = status_is(fault.mlops(target, "fetch", env=place.env()), fault.OK)
    faults += fault.differences(before, project.content(target))
    done(target, "remote", "remove", "origin")
    faults += status_is(fault.mlops(target, "checkout"), fault.OK)
    return faults + project.faults_of_clone(origin, target)


def try_partly(origin, place):
    target = project.clone(origin, "partly", place)
    faults = status_is(fault.mlops(target, "pull", "data/sub", env=place.env()), fault.OK)
    there = sorted(path for path in project.content(target) if path.startswith("data/"))
    if there != ["data/sub", "data/sub/tool.sh"]:
        faults.append(f"a pull of data/sub brought {there[:10]}")
    faults += status_is(fault.mlops(target, "pull", "data/many/00*", env=place.env()), fault.OK)
    there = sorted(path for path in project.content(target) if path.startswith("data/many/"))
    if there != [f"data/many/{i:03}" for i in range(10)]:
        faults.append(f"a pull of data/many/00* brought {there[:20]}")
    return faults


def try_status(origin, place):
    return status_is(fault.mlops(origin, "status", "--remote", env=place.env()), fault.OK)


def try_second_version(origin, place):
    """What travels is what changed; the clone of the first version gets the second."""
    target = os.path.join(fault.scratch(), "fresh")
    before = places.pack_bytes(place)
    project.change(origin)
    there = fault.mlops(origin, "status", "--remote", env=place.env())
    faults = [] if there.status != fault.OK or "big.bin" in there.out or "data" in there.out else [
        f"status --remote does not say what is only here: {there}"]
    faults += status_is(fault.mlops(origin, "push", env=place.env()), fault.OK)
    added = places.pack_bytes(place) - before
    if added > 5 << 20:  # of 6 MiB of data and 3 MiB of model: a few chunks of each
        faults.append(f"{added} bytes travelled for a change of {project.BIG // 100}")
    faults += places.layout_faults(place)
    project.git(target, "pull", "-q")
    pulled = fault.mlops(target, "pull", "--json", env=place.env())
    faults += status_is(pulled, fault.OK)
    received = json.loads(pulled.out)["counts"]["received_bytes"] if pulled.status == fault.OK else 0
    if received > 5 << 20:
        faults.append(f"{received} bytes were fetched for a change of {project.BIG // 100}")
    faults += project.faults_of_clone(origin, target, place.env())
    project.git(target, "checkout", "-q", "HEAD~1")
    faults += status_is(fault.mlops(target, "checkout", env=place.env()), fault.OK)
    faults += [f"the old version: {each}" for each in fault.verify(target)]
    project.git(target, "checkout", "-q", "main")
    return faults


def try_run_pull(origin, place):
    """`run --pull` on a clone without data executes nothing."""
    target = project.clone(origin, "ci", place)
    result = fault.run_json(target, "--pull", env=place.env())
    faults = status_is(result, fault.OK)
    if result.counts().get("executed") != 0:
        faults.append(f"executed: {result.counts()}")
    return faults


def try_plain_http(origin, place):
    if place.kind != "webdav":
        return None
    reader = places.Http(place)
    target = project.clone(origin, "reader")
    done(target, "remote", "add", "origin", reader.url(), "--default", "--local")
    faults = status_is(fault.mlops(target, "pull"), fault.OK)
    faults += project.faults_of_clone(origin, target)
    push = fault.mlops(target, "push")
    if push.status == fault.OK or push.status == fault.BUG:
        faults.append(f"a push by plain HTTP: {push}")
    return faults


def try_not_ours(origin, place):
    """A place that holds something else is refused and stays as it is."""
    for name in place.names():
        place.delete(name)
    place.put("holiday.jpg", "not yours\n")
    target = project.clone(origin, "stranger", place)
    faults = []
    for command in ("push", "pull"):
        result = fault.mlops(target, command, env=place.env())
        if result.status not in (fault.MACHINE, fault.PROJECT):
            faults.append(f"{command}: {result}")
    return faults + ([] if list(place.names()) == ["holiday.jpg"] else [f"now: {place.names()}"])


TESTS = [try_check, try_push, try_push_again, try_status, try_clone, try_fetch, try_partly,
         try_second_version, try_run_pull, try_plain_http, try_not_ours]


def try_kind(kind, template):
    tally = fault.Tally(f"remote {kind}")
    origin = os.path.join(fault.scratch(), f"origin-{kind}")
    fault.copy(template, origin)
    with places.KINDS[kind]() as place:
        place.add(origin)
        for test in TESTS:
            places.attempt(tally, kind, test, lambda test=test: test(origin, place))
    return tally.bad


def main():
    chosen = fault.arguments((["kinds"], dict(nargs="*", help="kinds of remotes")))
    template = project.make()
    bad = places.bad_of_kinds(chosen, EVERYDAY, lambda kind: try_kind(kind, template))
    sys.exit(1 if bad else 0)


main()
