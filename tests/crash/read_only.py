#!/usr/bin/env python3
"""A project or cache that cannot be written, and poor surroundings: looking still works, a run says
clearly why it does not, and nothing is changed. No HOME, no TMPDIR, a current directory that is
gone, any umask, LANG=C, closed or full descriptors."""
import os
import stat
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import fault  # noqa: E402

LOOKS = [["plan"], ["status"], ["runs"], ["show", "@"], ["diff"], ["why", "train"], ["logs", "@"],
         ["dag"], ["lint"], ["metrics"], ["params"], ["config"]]
NOBODY = 65534


def base():
    project = fault.make_project("base")
    for rate in ("0.1", "0.2"):
        fault.set_params(project, rate=rate)
        result = fault.run_json(project)
        if result.status != fault.OK:
            print("not ok the undisturbed run:", result)
            sys.exit(1)
    fault.write(project + "/data/raw.csv", "1,2\n")
    return project


def bind_read_only(path):
    return (subprocess.run(["mount", "--bind", path, path], capture_output=True).returncode == 0
            and subprocess.run(["mount", "-o", "remount,ro,bind", path],
                               capture_output=True).returncode == 0)


def unmount(path):
    subprocess.run(["umount", "-l", path], capture_output=True)


def looks(project, env=None, has_two_runs=True, **options):
    faults = []
    for words in LOOKS:
        if not fault.has_command(words[0]) or (words == ["diff"] and not has_two_runs):
            continue
        result = fault.mlops(project, *words, env=env, **options)
        if result.status != fault.OK:
            faults.append(f"{words}: {result}")
        elif words[0] in ("plan", "runs", "show", "why", "lint") and not result.out + result.err:
            faults.append(f"{words} says nothing")
    return faults


def refuses(project, env=None, **options):
    result = fault.mlops(project, "run", env=env, **options)
    faults = []
    if result.status != fault.MACHINE:
        faults.append(f"run is not refused with {fault.MACHINE}: {result}")
    if not any(word in result.err for word in ("read-only", "Read-only", "Permission denied",
                                               "not permitted", "may not be written")):
        faults.append(f"run does not say why not: {result.err}")
    return faults


def unchanged(before, project):
    now = fault.tree(project, skipped=())
    passing = (".mlops/lineage.db-shm", ".mlops/lineage.db-wal", ".mlops/index.db-shm",
               ".mlops/index.db-wal")
    return fault.differences({path: kind for path, kind in before.items() if path not in passing},
                             {path: kind for path, kind in now.items() if path not in passing})


def mounted(tally, kept):
    """On a file system that is mounted read-only, all of it or only the store."""
    for part in ("", "/.mlops", "/.mlops/cache"):
        project = os.path.join(fault.scratch(), "p")
        fault.copy(kept, project)
        before = fault.tree(project, skipped=())
        if not bind_read_only(project + part):
            print(f"left out: {part or 'project'} cannot be mounted read-only here")
            unmount(project + part)
            continue
        try:
            faults = looks(project) + refuses(project) + unchanged(before, project)
        finally:
            unmount(project + part)
            unmount(project + part)
        tally.check(f"read-only mount of {'the project' + part}", faults)


def as_nobody():
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)


def by_mode(tally, kept):
    """Directories and files without the right to write, seen by an ordinary user."""
    project = os.path.join(fault.scratch(), "mode")
    fault.copy(kept, project)
    fault.open_to_all()
    subprocess.run(["chown", "-R", f"{NOBODY}:{NOBODY}", project], check=True)
    subprocess.run(["chmod", "-R", "a-w,a+rX", project], check=True)
    before = fault.tree(project, skipped=())
    env = fault.environment(HOME="/nonexistent")
    faults = looks(project, env=env, preexec_fn=as_nobody)
    faults += refuses(project, env=env, preexec_fn=as_nobody) + unchanged(before, project)
    tally.check("a project without the right to write, as an ordinary user", faults)


def of_another_user(tally, kept):
    """What another user owns decides what would be run: not without being asked to."""
    project = os.path.join(fault.scratch(), "foreign")
    fault.copy(kept, project)
    subprocess.run(["chown", "-R", "12345:12345", project], check=True)
    result = fault.mlops(project, "run")
    faults = []
    if result.status != fault.MACHINE or "another user" not in result.err:
        faults.append(f"run is not refused: {result}")
    safe = fault.mlops(project, "run", env=fault.environment(MLOPS_SAFE="1"))
    if safe.status != fault.OK:
        faults.append(f"run with MLOPS_SAFE=1: {safe}")
    tally.check("a project of another user", faults)


def without_state(tally):
    """A project that never ran, read-only: plan and status work."""
    project = fault.make_project("virgin")
    if not bind_read_only(project):
        unmount(project)
        return
    try:
        faults = []
        for words in (["plan"], ["status"], ["why", "train"], ["dag"], ["lint"]):
            result = fault.mlops(project, *words)
            if result.status != fault.OK:
                faults.append(f"{words}: {result}")
        faults += refuses(project)
    finally:
        unmount(project)
        unmount(project)
    tally.check("a project that never ran, read-only", faults)


def surroundings(tally, kept):
    cases = {
        "no HOME": dict(HOME=None), "an empty HOME": dict(HOME=""),
        "a HOME that is not there": dict(HOME="/nonexistent/h"),
        "no TMPDIR": dict(TMPDIR="/nonexistent"), "LANG=C": dict(LANG="C", LC_ALL="C"),
        "a locale that is not there": dict(LC_ALL="xx_XX.UTF-8"), "no PATH": dict(PATH=None),
        "TERM=dumb": dict(TERM="dumb"), "COLUMNS=20": dict(COLUMNS="20"),
    }
    for name, change in cases.items():
        project = os.path.join(fault.scratch(), "p")
        fault.copy(kept, project)
        env = fault.environment(**change)
        result = fault.mlops(project, "run", env=env)
        faults = [] if result.status == fault.OK else [f"run: {result}"]
        tally.check(name, faults + looks(project, env=env))


def nothing_at_all(tally, kept):
    project = os.path.join(fault.scratch(), "p")
    fault.copy(kept, project)
    result = fault.mlops(project, "run", env={})
    tally.check("an empty environment",
                [] if result.status == fault.OK else [f"run: {result}"])


def umasks(tally, kept):
    for umask in (0o077, 0o000, 0o777):
        project = fault.make_project("mask")
        result = fault.mlops(project, "run", umask=umask)
        faults = []
        if umask != 0o777:
            faults = [] if result.status == fault.OK else [f"run: {result}"]
            faults += fault.verify(project) + looks(project, has_two_runs=False)
            for root, _, files in os.walk(project + "/.mlops/cache/obj"):
                for name in files:
                    mode = stat.S_IMODE(os.stat(os.path.join(root, name)).st_mode)
                    if mode & 0o222:
                        faults.append(f"an object can be written: {mode:o}")
        elif result.status not in (fault.OK, fault.ANSWER, fault.MACHINE):
            faults.append(f"run: {result}")
        subprocess.run(["chmod", "-R", "u+rwX", project], check=True)
        tally.check(f"umask {umask:03o}", faults)


def gone(tally):
    """The current directory is removed before mlops starts."""
    script = 'mkdir gone; cd gone; rmdir ../gone; exec "$0" "$@"'
    faults = []
    for words in (["run"], ["status"], ["init"], ["version"]):
        done = subprocess.run(["sh", "-c", script, fault.MLOPS, *words], cwd=fault.scratch(),
                              capture_output=True, text=True, env=fault.environment(),
                              stdin=subprocess.DEVNULL, timeout=20)
        wanted = (fault.OK,) if words == ["version"] else (fault.MACHINE, fault.PROJECT)
        if done.returncode not in wanted or (words != ["version"] and "mlops:" not in done.stderr):
            faults.append(f"{words}: {done.returncode} {done.stderr}")
    tally.check("a current directory that is gone", faults)


def descriptors(tally, kept):
    project = os.path.join(fault.scratch(), "p")
    faults = []
    for words in (["run"], ["status"], ["runs"], ["plan"], ["run", "--json"], ["help"],
                  ["version"], ["config"], ["dag"]):
        if not fault.has_command(words[0]):
            continue
        fault.copy(kept, project)
        with open("/dev/full", "wb") as full:
            result = fault.mlops(project, *words, stdout=full)
        if result.status != fault.MACHINE or "standard output" not in result.err:
            faults.append(f"{words} with a full stdout: {result}")
        fault.copy(kept, project)
        shell = subprocess.run(["sh", "-c", 'exec "$0" "$@" >&-', fault.MLOPS, *words],
                               cwd=project, capture_output=True, text=True, timeout=20,
                               env=fault.environment(), stdin=subprocess.DEVNULL)
        if shell.returncode != fault.MACHINE:
            faults.append(f"{words} with a closed stdout: {shell.returncode} {shell.stderr}")
    tally.check("stdout is /dev/full, or closed", faults)
    for script, name in (("<&-", "stdin is closed"), ("2>&-", "stderr is closed"),
                         ("<&- 2>&-", "stdin and stderr are closed")):
        fault.copy(kept, project)
        shell = subprocess.run(["sh", "-c", f'exec "$0" "$@" {script}', fault.MLOPS, "run"],
                               cwd=project, capture_output=True, text=True, timeout=20,
                               env=fault.environment())
        faults = [] if shell.returncode == fault.OK else [f"{shell.returncode} {shell.stderr}"]
        tally.check(name, faults + fault.verify(project))
    fault.copy(kept, project)
    shell = subprocess.run(["sh", "-c", 'yes "$0 runs" | head -50 | sh | head -1 >/dev/null; '
                            '"$0" runs | :'], cwd=project, capture_output=True, timeout=60,
                           env=fault.environment())
    tally.check("a reader that goes away", [] if b"mlops" not in shell.stderr else [shell.stderr])


def few_descriptors(tally, kept, full):
    """ulimit -n: a clear error or success, never a hang, never a half state."""
    project = os.path.join(fault.scratch(), "p")
    for count in range(4, 64, 1 if full else 6):
        fault.copy(kept, project)
        shell = subprocess.run(["sh", "-c", f'ulimit -n {count}; exec "$0" run', fault.MLOPS],
                               cwd=project, capture_output=True, text=True, timeout=60,
                               env=fault.environment(), stdin=subprocess.DEVNULL)
        faults = []
        if shell.returncode not in (fault.OK, fault.ANSWER, fault.MACHINE):
            faults.append(f"{shell.returncode} {shell.stderr}")
        if shell.returncode != fault.OK and "Too many open files" not in shell.stderr:
            faults.append(f"does not say why: {shell.stderr}")
        again = fault.mlops(project, "run")
        if again.status != fault.OK:
            faults.append(f"the next run: {again}")
        tally.point(faults + fault.verify(project), f"ulimit -n {count}")


def main():
    chosen = fault.arguments()
    kept = base()
    tally = fault.Tally("read-only")
    if os.geteuid() == 0:
        mounted(tally, kept)
        by_mode(tally, kept)
        of_another_user(tally, kept)
        without_state(tally)
    else:
        print("left out: mounts and other users (need root)")
    surroundings(tally, kept)
    nothing_at_all(tally, kept)
    umasks(tally, kept)
    gone(tally)
    descriptors(tally, kept)
    few_descriptors(tally, kept, chosen.full)
    sys.exit(1 if tally.end() else 0)


main()
