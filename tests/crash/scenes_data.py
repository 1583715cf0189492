#!/usr/bin/env python3
"""Odd files as data: names that are no text, FIFOs, devices, links, files that may not be read, terabytes
of nothing, files that change while they are read; through add, status, push, pull and checkout, as
root and as an ordinary user. Refused by name and at once, or back as they were."""
import os
import pty
import select
import signal
import socket
import stat
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import fault  # noqa: E402

SECONDS_MOST = 5
ORDINARY = 65534  # who owns nothing else
REFUSED = {fault.PROJECT, fault.MACHINE}


def bytes_(*names):
    return [os.fsdecode(name) for name in names]


# Names of files by themselves: which are refused, as no pointer could say them.
FINE = bytes_(b" lead", b"trail ", b"-rf", b"quote\"'`$(touch PWNED)", b"caf\xc3\xa9", b"cafe\xcc\x81",
              b"Readme", b"README", b"notutf8-\xff\xfe", b"#hash", b"a: b", b"...", b"n" * 249)
BAD = bytes_(b"new\nline", b"tab\there", b"esc\x1b[31m", b"n" * 250)


class As:
    """Commands of one user in one project."""

    def __init__(self, user, name):
        self.user, self.name = user, name
        self.project = os.path.join(fault.scratch(), f"{user}-{name}")
        os.makedirs(self.project)
        self.own(self.project)

    def own(self, path):
        if self.user:
            subprocess.run(["chown", "-hR", f"{self.user}:{self.user}", path], check=True)

    def mlops(self, *words):
        options = dict(user=self.user, group=self.user, extra_groups=[]) if self.user else {}
        return fault.mlops(self.project, *words, timeout=SECONDS_MOST + 10,
                           env=fault.environment(HOME=self.project, GIT_CONFIG_GLOBAL="/dev/null"),
                           **options)


def judge(result, status, name=None):
    faults = [] if result.status in status else [f"status is not one of {sorted(status)}: {result}"]
    if result.seconds > SECONDS_MOST:
        faults.append(f"took {result.seconds:.1f} s")
    if name and result.status in REFUSED and name not in result.err:
        faults.append(f"'{name}' is not named: {result}")
    if "\033" in result.out + result.err:
        faults.append("an escape code came out raw")
    return faults


def odd_entries(project):
    """What can't be data, with what a message must show of it."""
    os.mkfifo(project + "/fifo")
    os.symlink("nowhere", project + "/dangling")
    os.symlink("loop-b", project + "/loop-a")
    os.symlink("loop-a", project + "/loop-b")
    os.symlink(".", project + "/selfdir")
    os.symlink("/etc/passwd", project + "/secret-link")
    os.symlink("/etc", project + "/outside-dir")
    os.makedirs(project + "/holds-out")
    os.symlink("/etc/passwd", project + "/holds-out/link")
    os.makedirs(project + "/holds-fifo")
    os.mkfifo(project + "/holds-fifo/f")
    names = ["fifo", "dangling", "loop-a", "selfdir", "secret-link", "outside-dir", "holds-out",
             "holds-fifo", "../beside", "..", "/etc/passwd", ".", ".mlops", ".git"]
    with socket.socket(socket.AF_UNIX) as made:
        here = os.getcwd()
        os.chdir(project)
        made.bind("sock")
        os.chdir(here)
    names.append("sock")
    if os.geteuid() == 0:
        os.mknod(project + "/zero", stat.S_IFCHR | 0o666, os.makedev(1, 5))
        names.append("zero")
    return names


def one_by_one(tally, user):
    who = As(user, "single")
    for name in FINE + BAD[:-1] + BAD[-1:]:
        fault.write(f"{who.project}/{name}", f"content of {name!r}\n")
    fault.write(os.path.dirname(who.project) + "/beside", "not of the project\n")
    refused = odd_entries(who.project)
    who.own(who.project)
    tally.point(judge(who.mlops("init"), {fault.OK}), f"init as {user}")
    for name in FINE:
        tally.point(judge(who.mlops("add", "--", name), {fault.OK}), f"add {name[:30]!r} as {user}")
    for name in BAD:
        tally.point(judge(who.mlops("add", "--", name), REFUSED), f"add {name[:30]!r} as {user}")
    for name in refused:
        shown = os.path.basename(name) if name.strip("./") else None
        tally.point(judge(who.mlops("add", "--", name), REFUSED | {fault.USAGE}, shown),
                    f"add {name} as {user}")
    kept = {name: fault.read(f"{who.project}/{name}") for name in FINE}
    for name in FINE:
        os.unlink(f"{who.project}/{name}")
    faults = judge(who.mlops("checkout"), {fault.OK}) + judge(who.mlops("status"), {fault.OK})
    faults += [f"{name!r} is not back" for name in FINE
               if fault.read(f"{who.project}/{name}") != kept[name]]
    if os.path.exists(who.project + "/PWNED"):
        faults.append("PWNED")
    tally.point(faults + judge(who.mlops("verify"), {fault.OK}), f"all of them back, as {user}")


def in_a_directory(tally, user):
    """In a directory every name is data; to a remote and back from it alone."""
    who, other = As(user, "holder"), As(user, "taker")
    for name in FINE + BAD + bytes_(b"n" * 255, b"\x01\x7f\xfe", b"deep/" * 60 + b"end"):
        fault.write(f"{who.project}/d/{name}", f"content of {name!r}\n")
    fault.write(who.project + "/d/tool", "#!/bin/sh\n", 0o755)
    os.symlink("Readme", who.project + "/d/within")
    os.makedirs(who.project + "/d/empty/deep")
    who.own(who.project)
    before = fault.tree(who.project + "/d")
    remote = who.project + "-remote"
    os.makedirs(remote)
    who.own(remote)
    faults = []
    for words in (["init"], ["remote", "add", "r", remote, "--default"], ["add", "d"], ["status"],
                  ["push"], ["status", "--remote"], ["ls", "d"], ["du"]):
        faults += judge(who.mlops(*words), {fault.OK})
    tally.point(faults + fault.differences(before, fault.tree(who.project + "/d")),
                f"a directory of odd names, as {user}")
    fault.copy(who.project + "/d.mlops", other.project + "/d.mlops")
    faults = []
    for words in (["init"], ["remote", "add", "r", remote, "--default"], ["pull"], ["status"],
                  ["verify"]):
        faults += judge(other.mlops(*words), {fault.OK})
    tally.point(faults + fault.differences(before, fault.tree(other.project + "/d")),
                f"the same by a remote, as {user}")


def not_readable(tally, user):
    """Nothing is half added; what the others are stays as it was."""
    who = As(user, "locked")
    fault.write(who.project + "/d/open", "open\n")
    fault.write(who.project + "/d/locked", "locked\n", 0o000)
    fault.write(who.project + "/e/f", "f\n")
    who.own(who.project)
    os.chmod(who.project + "/e", 0o600)
    who.mlops("init")
    for name, shown in (("d", "d/locked"), ("e", "e")):
        result = who.mlops("add", name)
        faults = judge(result, REFUSED if user else {fault.OK}, shown)
        if user and os.path.exists(f"{who.project}/{name}.mlops"):
            faults.append("a pointer was written")
        tally.point(faults + judge(who.mlops("verify"), {fault.OK}), f"no access to {shown}, {user}")
    os.chmod(who.project + "/e", 0o700)
    fault.remove(who.project + "/d")
    os.makedirs(who.project + "/e/x")
    fault.write(who.project + "/e/x/f", "f\n")
    who.own(who.project)
    who.mlops("add", "e")
    fault.remove(who.project + "/e/x/f")
    os.chmod(who.project + "/e/x", 0o555)  # nothing can be put there
    result = who.mlops("checkout", "e")
    os.chmod(who.project + "/e/x", 0o755)
    faults = judge(result, REFUSED if user else {fault.OK}, "x")
    tally.point(faults + judge(who.mlops("checkout", "e"), {fault.OK}), f"no room in e/x, {user}")


def sparse(tally):
    """Reading it takes hours: progress within two seconds, and Ctrl-C is answered at once."""
    who = As(0, "sparse")
    who.mlops("init")
    for size in (8 << 40, 1 << 40, 100 << 30):
        try:
            os.truncate(os.open(who.project + "/sparse", os.O_CREAT | os.O_WRONLY), size)
            break
        except OSError:
            continue
    ours, theirs = pty.openpty()
    process = subprocess.Popen([fault.MLOPS, "add", "sparse"], cwd=who.project, stdin=theirs,
                               env=fault.environment(TERM="xterm"), stdout=theirs, stderr=theirs,
                               start_new_session=True)
    os.close(theirs)
    time.sleep(2)
    faults = []
    shown = os.read(ours, 65536) if select.select([ours], [], [], SECONDS_MOST)[0] else b""
    if b"B" not in shown or not any(letter in b"0123456789" for letter in shown):
        faults.append(f"no progress: {shown!r}")
    faults += fault.answers_ctrl_c(process)
    if os.path.exists(who.project + "/sparse.mlops"):
        faults.append("a pointer was written")
    os.close(ours)
    tally.point(faults + judge(who.mlops("verify"), {fault.OK}), "Ctrl-C while 8 TB are added")


LIVE = {
    "grows": "while :; do printf x >> live; done",
    "shrinks": "while :; do printf %5000s x > live; truncate -s 9 live; truncate -s 0 live; done",
    "is rewritten": "while :; do printf a > live; printf bb > live; done",
    "becomes a link and back":
        "while :; do ln -sfn /etc/passwd n; mv -fT n live; echo t > n; mv -fT n live; done",
    "becomes a FIFO and back":
        "while :; do rm -f live; mkfifo live; rm -f live; echo t > live; done",
    "becomes a directory and back":
        "while :; do rm -f live; mkdir live; rmdir live; echo t > live; done",
    "comes and goes": "while :; do rm -f live; echo t > live; done",
}


def live(tally, rounds):
    passwd = fault.read("/etc/passwd")
    for name, script in LIVE.items():
        who = As(0, "live " + name)
        fault.write(who.project + "/d/live", "start\n")
        who.mlops("init")
        writer = subprocess.Popen(["sh", "-c", script], cwd=who.project + "/d",
                                  stderr=subprocess.DEVNULL, start_new_session=True)
        faults = []
        for number in range(rounds):
            for words in (["add", "d" if number % 2 else "d/live"], ["status"], ["checkout"],
                          ["remove", "d" if number % 2 else "d/live"]):
                result = who.mlops(*words)
                faults += judge(result, REFUSED | {fault.OK, fault.ANSWER})
        os.killpg(writer.pid, signal.SIGKILL)
        writer.wait()
        if fault.holds(who.project + "/.mlops/cache", passwd):  # elsewhere links may name it
            faults.append("/etc/passwd was stored")
        faults += judge(who.mlops("verify"), {fault.OK})
        fault.remove(who.project + "/d")
        fault.write(who.project + "/d/live", "end\n")
        fault.remove(who.project + "/d.mlops")
        faults += judge(who.mlops("add", "d"), {fault.OK})
        tally.point(faults, f"a file that {name}")


def main():
    chosen = fault.arguments()
    fault.open_to_all()
    tally = fault.Tally("scenes of data")
    for user in [0, ORDINARY] if os.geteuid() == 0 else [0]:
        one_by_one(tally, user)
        in_a_directory(tally, user)
        if user or os.geteuid() == 0:
            not_readable(tally, user)
    sparse(tally)
    live(tally, 10 if chosen.full else 2)
    sys.exit(1 if tally.end() else 0)


main()
