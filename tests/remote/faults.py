#!/usr/bin/env python3
"""Faults of the network and of servers, injected before real ones: a clear error or success by trying
again, nothing wrong is ever named, and a second try completes and sends only the rest.

    faults.py [--full] [KIND...]      default: webdav s3 sftp directory"""
import os
import re
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import places  # noqa: E402
import project  # noqa: E402
from places import fault  # noqa: E402

GIVES_UP = fault.MACHINE
ONLY = os.environ.get("FAULTS_ONLY")  # cases whose names hold this
HTTP = ["webdav", "s3"]

# NAME, COMMAND, RULES, STATUS, WORDS (a regular expression of what has to be said, if it failed),
# EVERYDAY. A rule that strikes a few times is overcome by trying again: status 0.
PUSH, PULL = "push", "pull"
HTTP_CASES = [
    ("503 twice", PUSH, [dict(method="PUT", status=503, times=2)], 0, "", True),
    ("500 once", PUSH, [dict(method="PUT", status=500, times=1)], 0, "", False),
    ("429 with Retry-After", PUSH, [dict(method="PUT", status=429, retry_after=1, times=1)], 0, "",
     True),
    ("429 on reading", PULL, [dict(method="GET", status=429, retry_after=1, times=1)], 0, "", False),
    ("503 on each first read", PULL, [dict(method="GET", status=503, times=3)], 0, "", False),
    ("a cut upload", PUSH, [dict(method="PUT", path="pack/", cut_request=100000, times=1)], 0, "",
     True),
    ("an upload without answer", PUSH, [dict(method="PUT", path="pack/", drop=True, times=1)], 0, "",
     True),
    ("a cut download", PULL, [dict(method="GET", path="pack/", cut=200000, times=1)], 0, "", True),
    ("a truncated download", PULL, [dict(method="GET", path="pack/", truncate=300000, times=1)], 0,
     "", True),
    ("slow", PULL, [dict(method="GET", path="pack/", rate=4 << 20)], 0, "", False),
    ("503 for ever", PUSH, [dict(method="PUT", path="pack/", status=503)], GIVES_UP,
     r"503|unavailable", False),
    ("500 for ever on reading", PULL, [dict(method="GET", path="pack/", status=500)], GIVES_UP,
     r"500|server", False),
    ("every upload cut", PUSH, [dict(method="PUT", path="pack/", cut_request=50000)], GIVES_UP,
     r"(?i)connection|broke|reset|closed", False),
    ("every download shortened", PULL, [dict(method="GET", path="pack/", shorten=100000)], None,
     r"(?i)short|fewer|truncat|ended|damaged|size|bytes|range", True),
    ("no more bytes", PULL, [dict(method="GET", path="pack/", stall=1000000)], None,
     r"(?i)time|no byte|stall|silent", False),
    ("another byte in each download", PULL, [dict(method="GET", path="pack/", flip=100)], None,
     r"(?i)damaged|wrong|sum|digest|not what|bytes", True),
    ("another byte in one download", PULL, [dict(method="GET", path="pack/", flip=50, times=1)],
     None, "", False),
    ("another byte in an upload", PUSH, [dict(method="PUT", path="pack/", flip_request=5000,
                                              times=1)], None, "", False),
    ("a page instead of the file", PULL, [dict(method="GET", path="pack/", replace="<html>sign in")],
     None, r"(?i)damaged|wrong|short|fewer|sum|not|bytes|range", True),
    ("refused", PUSH, [dict(status=403)], GIVES_UP, r"(?i)403|denied|refus|forbidden|allow", True),
]
SFTP_CASES = [
    ("cut on the way up", PUSH, [dict(cut_request=500000, times=1)], 0, "", True),
    ("cut on the way down", PULL, [dict(cut=500000, times=1)], 0, "", True),
    ("slow", PULL, [dict(rate=4 << 20)], 0, "", False),
    ("cut every time", PUSH, [dict(cut_request=100000)], GIVES_UP,
     r"(?i)connection|broke|closed|lost|ended", False),
    ("cut at once", PULL, [dict(cut=10)], GIVES_UP, r"(?i)connection|ssh|closed", True),
    ("no more bytes", PULL, [dict(stall=300000)], None, r"(?i)time|no byte|stall|silent", False),
    ("another byte", PULL, [dict(flip=400000, times=1)], 0, "", False),
]


class Scene:
    """A place with a pristine project; each case gets copies."""

    def __init__(self, kind, template):
        self.template = template
        self.place = places.KINDS[kind](None if kind == "directory" else [])
        self.origin = os.path.join(fault.scratch(), f"origin-{kind}")

    def begin(self, *settings):
        self.place.clear()
        fault.copy(self.template, self.origin)
        self.place.add(self.origin, *settings)

    def mlops(self, where, *words, timeout=200, **more):
        return fault.mlops(where, *words, env=self.place.env(**more), timeout=timeout)

    def pushed(self):
        result = self.mlops(self.origin, "push")
        return [] if result.status == fault.OK else [f"the push: {result}"]

    def sent(self):
        return sum(request.sent for request in self.place.proxy.take_log())

    def completes(self, name="after"):
        """Without the fault: the push ends well, and a clone has all."""
        faults = self.pushed() + places.layout_faults(self.place)
        target = project.clone(self.origin, name, self.place)
        result = self.mlops(target, "pull")
        if result.status != fault.OK:
            faults.append(f"the pull afterwards: {result}")
        return faults + project.faults_of_clone(self.origin, target, self.place.env())


def judge(result, status, words):
    """status None: success or giving up, the promise is only that nothing is wrong."""
    allowed = (fault.OK, fault.ANSWER, fault.MACHINE, fault.STORED) if status is None else (status,)
    faults = [] if result.status in allowed else [f"status not in {allowed}: {result}"]
    if result.status not in (fault.OK, None) and words:
        if not re.search(words, result.err):
            faults.append(f"the message does not match {words}: {result}")
        if "origin" not in result.err:
            faults.append(f"the message does not name the remote: {result}")
    for secret in (places.s3.SECRET, places.web.PASSWORD, places.web.TOKEN):
        if secret in result.out + result.err:
            faults.append(f"a secret is shown: {result}")
    return faults


def as_written(scene, rules):
    """A pack goes to WebDAV by another name that is moved then."""
    return [dict(rule, path=r"\.tmp/") if rule.get("path") == "pack/"
            and scene.place.kind.startswith("webdav") else rule for rule in rules]


def try_push_case(scene, rules, status, words):
    scene.begin("timeout=2s")
    scene.place.proxy.set_rules(as_written(scene, rules))
    result = scene.mlops(scene.origin, "push")
    faults = judge(result, status, words)
    spoilt = any("flip_request" in rule for rule in rules)
    if not (spoilt and result.status == fault.OK and scene.place.kind == "webdav"):
        faults += places.layout_faults(scene.place)
    scene.place.proxy.set_rules([])
    if spoilt and result.status == fault.OK and places.layout_faults(scene.place):
        # A server without sums keeps what arrived: whoever reads it is told.
        target = project.clone(scene.origin, "after", scene.place)
        scene.mlops(target, "pull")
        return faults + fault.verify(target)
    return faults + fault.verify(scene.origin) + scene.completes()


def try_pull_case(scene, rules, status, words):
    scene.begin()
    faults = scene.pushed()
    target = project.clone(scene.origin, "puller")
    scene.place.add(target, "timeout=2s")
    scene.place.proxy.set_rules(rules)
    result = scene.mlops(target, "pull")
    faults += judge(result, status, words)
    faults += fault.verify(target)
    wanted = project.content(scene.origin)
    faults += [f"{path} is not what was pushed" for path, what in project.content(target).items()
               if what != wanted.get(path)]
    scene.place.proxy.set_rules([])
    again = scene.mlops(target, "pull")
    if again.status != fault.OK:
        faults.append(f"the second pull: {again}")
    return faults + project.faults_of_clone(scene.origin, target, scene.place.env())


def try_killed_server(scene, command):
    """The server dies in the middle and comes back."""
    scene.begin("timeout=2s")
    if command == PULL:
        scene.pushed()
    where = project.clone(scene.origin, "killed", scene.place) if command == PULL else scene.origin
    many = 400000
    rule = dict(cut=many) if command == PULL else dict(cut_request=many)
    if not scene.place.kind.startswith("sftp"):
        rule.update(path="pack/", method="GET" if command == PULL else "PUT")
    rule["call"] = scene.place.kill
    scene.place.proxy.set_rules(as_written(scene, [rule]) if command == PUSH else [rule])
    result = scene.mlops(where, command)
    # A server whose last worker still answers lets the next try succeed.
    faults = judge(result, None, r"(?i)connect|refused|broke|closed|lost|502|503|reset")
    scene.place.proxy.set_rules([])
    scene.place.start()
    faults += fault.verify(where)
    again = scene.mlops(where, command)
    if again.status != fault.OK:
        faults.append(f"once it is back: {again}")
    return faults + scene.completes()


def try_killed_client(scene, command):
    """SIGKILL at three moments: no wrong name anywhere, the next try completes."""
    faults = []
    for part in (0.2, 0.5, 0.8):
        scene.begin()
        if command == PULL:
            faults += scene.pushed()
        where = scene.origin if command == PUSH else project.clone(scene.origin, "k", scene.place)
        spare = where + "-spare"
        fault.copy(where, spare)
        began = time.monotonic()
        scene.mlops(spare, command)
        seconds = time.monotonic() - began
        if command == PUSH:
            for name in scene.place.names():
                scene.place.delete(name)
        process = subprocess.Popen([fault.MLOPS, command], cwd=where, env=scene.place.env(),
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(seconds * part)
        process.send_signal(signal.SIGKILL)
        process.wait()
        time.sleep(0.1)
        faults += places.layout_faults(scene.place) + fault.verify(where)
        again = scene.mlops(where, command)
        if again.status != fault.OK:
            faults.append(f"killed at {part}: the next {command}: {again}")
    return faults + scene.completes()


def try_rest_only(scene):
    """Of several packs those that arrived are not sent again."""
    scene.begin("timeout=2s", "connections=1")
    big = project.make("large", big=150 << 20, many=5)
    scene.place.add(big, "timeout=2s", "connections=1")
    raw = scene.place.kind.startswith("sftp")
    scene.place.proxy.set_rules([dict(cut_request=90 << 20, times=1), dict(cut=10)] if raw else
                                as_written(scene, [dict(method="PUT|POST", path="pack/", skip=3,
                                                         status=500)]))
    first = scene.mlops(big, "push")
    faults = [] if first.status == GIVES_UP else [f"the broken push: {first}"]
    there = places.pack_bytes(scene.place)
    faults += places.layout_faults(scene.place)
    scene.place.proxy.set_rules([])
    scene.sent()
    second = scene.mlops(big, "push")
    if second.status != fault.OK:
        faults.append(f"the second push: {second}")
    sent, needed = scene.sent(), places.pack_bytes(scene.place) - there
    if not there and scene.place.kind != "s3":
        faults.append(f"no pack had arrived, so nothing is tested: {first}")
    if sent > needed * 1.1 + (1 << 20):
        faults.append(f"{sent} bytes were sent again, {needed} were missing")
    fault.remove(big)
    return faults + places.layout_faults(scene.place)


def try_two_at_once(scene):
    """Two clones push different versions at the same time into an empty remote."""
    scene.begin()
    other = os.path.join(fault.scratch(), "other")
    fault.copy(scene.origin, other)
    project.change(other)
    faults = at_once(scene, (scene.origin, "push"), (other, "push"))
    faults += places.layout_faults(scene.place)
    packs = {name[5:] for name in scene.place.names() if re.match("pack/[0-9a-f]{64}$", name)}
    listed = set(scene.place.read("list/packs").decode().split())
    if packs != listed:
        faults.append(f"list/packs has {len(listed)} of {len(packs)}")
    for where in (scene.origin, other):
        target = project.clone(where, "of-two", scene.place)
        result = scene.mlops(target, "pull")
        faults += [] if result.status == fault.OK else [f"a pull: {result}"]
        faults += project.faults_of_clone(where, target, scene.place.env())
    return faults


def grow_old(place, below=""):
    """As if all that lies there were a month old; only where it is a disk of ours."""
    for name in place.names() if place.kind != "s3" else []:
        if name.startswith(below):
            os.utime(os.path.join(place.root, name), (time.time() - 30 * 86400,) * 2)


def forget_history(clone):
    """Only the newest commit is known: what older ones name is not needed."""
    project.git(clone, "checkout", "-q", "--orphan", "alone")
    project.commit(clone, "alone")
    project.git(clone, "branch", "-D", "main")
    project.git(clone, "remote", "remove", "origin")


def at_once(scene, *commands):
    """(where, words...) each; what went wrong."""
    running = [(words, subprocess.Popen([fault.MLOPS, *words], cwd=where, env=scene.place.env(),
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True))
               for where, *words in commands]
    told = [(words, process.communicate(timeout=200)[0], process.returncode)
            for words, process in running]
    return [f"{words} ended with {status}: {text}" for words, text, status in told if status != 0]


def try_push_during_gc(scene, is_condemned):
    """A gc that knows nothing of a version condemns its packs, then removes them, while that version
    is pushed again: whoever was told that it is there gets it."""
    scene.begin()
    faults = scene.pushed()
    first = project.git(scene.origin, "rev-parse", "HEAD").strip()
    project.change(scene.origin)
    faults += scene.pushed()
    collector = project.clone(scene.origin, "collector", scene.place)
    forget_history(collector)
    project.git(scene.origin, "checkout", "-q", first)
    project.done(scene.origin, "checkout")
    gc = (collector, "gc", "--remote", "--yes")
    before = {name for name in scene.place.names() if name.startswith("pack/")}
    grow_old(scene.place)
    faults += at_once(scene, *([gc] if is_condemned else [gc, (scene.origin, "push")]))
    grow_old(scene.place, "gc/")
    faults += at_once(scene, gc, (scene.origin, "push"))
    if is_condemned and scene.place.kind != "s3" and before <= set(scene.place.names()):
        faults.append("gc took nothing, so nothing is tested")
    target = project.clone(scene.origin, "after-gc", scene.place)
    project.git(target, "checkout", "-q", first)
    result = scene.mlops(target, "pull")
    faults += [] if result.status == fault.OK else [f"the pull: {result}"]
    return faults + project.faults_of_clone(scene.origin, target, scene.place.env()) \
        + places.layout_faults(scene.place)


def try_no_credentials(scene):
    scene.begin()
    hidden = dict.fromkeys(scene.place.environment)
    if scene.place.kind == "s3":
        hidden.update(AWS_CONFIG_FILE="/dev/null", AWS_SHARED_CREDENTIALS_FILE="/dev/null",
                      AWS_EC2_METADATA_DISABLED="true")
    result = scene.mlops(scene.origin, "push", **hidden)
    return judge(result, result.status if result.status in (fault.PROJECT, fault.MACHINE) else
                 GIVES_UP, r"(?i)credential|password|token|AWS_ACCESS_KEY_ID|PLACE_") \
        + ([f"something was written: {scene.place.names()}"] if scene.place.names() else [])


def try_wrong_credentials(scene):
    scene.begin()
    wrong = {"s3": dict(AWS_SECRET_ACCESS_KEY="wrong")}.get(
        scene.place.kind, {name: "wrong" for name in scene.place.environment})
    return judge(scene.mlops(scene.origin, "push", **wrong), GIVES_UP,
                 r"(?i)credential|password|token|signature|401|403|secret")


def try_clock_skew(scene):
    scene.begin()
    done = subprocess.run(["faketime", "-f", "-3h", fault.MLOPS, "push"], cwd=scene.origin,
                          env=scene.place.env(), capture_output=True, text=True, timeout=200)
    result = fault.Result(done.returncode, done.stdout, done.stderr, 0)
    return judge(result, fault.OK, "")  # put right by the server's own date


def try_cases(tally, scene, cases, full):
    for name, command, rules, status, words, is_everyday in cases:
        if full or is_everyday:
            attempt(tally, scene, f"{command}, {name}",
                    lambda s: (try_push_case if command == PUSH else try_pull_case)(
                        s, rules, status, words))


def attempt(tally, scene, name, test):
    if ONLY and ONLY not in name:
        return
    try:
        faults = test(scene)
    except (RuntimeError, OSError, subprocess.TimeoutExpired) as error:
        faults = [f"{type(error).__name__}: {error}"]
    tally.check(f"{scene.place.kind}: {name}", faults)


def try_kind(kind, template, full):
    tally = fault.Tally(f"faults {kind}")
    scene = Scene(kind, template)
    with scene.place:
        if kind != "directory":
            try_cases(tally, scene, SFTP_CASES if kind.startswith("sftp") else HTTP_CASES, full)
            for command in (PUSH, PULL):
                attempt(tally, scene, f"{command}, the server is killed",
                        lambda s: try_killed_server(s, command))
            if full:
                attempt(tally, scene, "only the rest is sent", try_rest_only)
        attempt(tally, scene, "two pushes at once", try_two_at_once)
        for is_condemned in (True, False):
            attempt(tally, scene, f"push during gc {'that removes' if is_condemned else ''}".strip(),
                    lambda s: try_push_during_gc(s, is_condemned))
        if full or kind == "directory":
            for command in (PUSH, PULL):
                attempt(tally, scene, f"{command}, killed", lambda s: try_killed_client(s, command))
        if scene.place.environment:
            attempt(tally, scene, "no credentials", try_no_credentials)
            attempt(tally, scene, "wrong credentials", try_wrong_credentials)
        if kind == "s3":
            attempt(tally, scene, "the clock is wrong", try_clock_skew)
    return tally.bad


def main():
    chosen = fault.arguments((["kinds"], dict(nargs="*", help="kinds of remotes")))
    template = project.make()
    bad = 0
    kinds = ["directory", "sftp", "webdav", "s3"] + (["webdav-auth", "webdav-token"]
                                                      if chosen.full else [])
    for kind in chosen.kinds or kinds:
        try:
            bad += try_kind(kind, template, chosen.full)
        except places.base.Missing as missing:
            print(f"ok {kind} # skip {missing}")
    sys.exit(1 if bad else 0)


main()
