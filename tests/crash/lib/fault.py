"""What the fault tests share: a project to break, a way to run mlops under limits, and a tally.

Every test takes the binary from $MLOPS, prints `ok`/`not ok` lines or `N points, M bad`, ends with
status 1 if anything was bad, and with 77 and a reason if it cannot run here. `--full` tries every
point instead of a sample; `--seed N` repeats the sample of an earlier run.
"""
import argparse
import atexit
import hashlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

OK, ANSWER, USAGE, PROJECT, MACHINE, STORED, BUG = 0, 1, 2, 3, 4, 5, 70
SKIPPED = 77


def skip(reason):
    print("skipped:", reason)
    sys.exit(SKIPPED)


def find_binary():
    path = os.environ.get("MLOPS")
    if not path:
        skip("MLOPS names no binary")
    path = os.path.abspath(path)
    if not os.access(path, os.X_OK):
        skip(f"MLOPS={path} cannot be executed")
    return path


MLOPS = find_binary()


def arguments(*extra, name=None):
    """--full, --seed and what the test adds: (names, dict for add_argument) pairs."""
    parser = argparse.ArgumentParser(prog=name)
    parser.add_argument("--full", action="store_true", help="every point, not a sample")
    parser.add_argument("--seed", type=int, default=None, help="repeat the sample of that seed")
    for names, options in extra:
        parser.add_argument(*names, **options)
    chosen = parser.parse_args()
    if chosen.seed is None:
        chosen.seed = random.SystemRandom().randrange(1 << 31)
    return chosen


def day():
    """Samples rotate: after enough days every point was tried."""
    return int(os.environ.get("FAULT_DAY", time.time() // 86400))


class Tally:
    def __init__(self, what):
        self.what, self.points, self.bad = what, 0, 0

    def point(self, faults, name=""):
        """`faults`: texts; none is good."""
        self.points += 1
        if faults:
            self.bad += 1
            print(f"BAD {self.what} {name}")
            for fault in faults:
                print("    " + str(fault).replace("\n", "\n    "))
            sys.stdout.flush()
        return not faults

    def check(self, name, faults):
        good = self.point(faults, name)
        print(("ok " if good else "not ok ") + name)
        sys.stdout.flush()
        return good

    def end(self, note=""):
        print(f"{self.what}: {self.points} points, {self.bad} bad{note}")
        sys.stdout.flush()
        return self.bad


def answers_ctrl_c(process):
    """What is wrong with how a process ends that runs now: at once, with the status for it."""
    faults = [] if process.poll() is None else ["ended by itself"]
    process.send_signal(signal.SIGINT)
    began = time.monotonic()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        faults.append("did not end within 10 s of Ctrl-C")
    seconds = time.monotonic() - began
    if seconds > 1.5:
        faults.append(f"took {seconds:.1f} s to answer Ctrl-C")
    if process.returncode not in (130, -2):
        faults.append(f"status {process.returncode} instead of 130")
    return faults


_scratch = None


def scratch():
    """A directory of this test, removed at exit even if it holds read-only parts."""
    global _scratch
    if _scratch is None:
        _scratch = tempfile.mkdtemp(prefix="mlops-fault-")
        owner = os.getpid()
        if not os.environ.get("FAULT_KEEP"):
            atexit.register(lambda: remove(_scratch) if os.getpid() == owner else None)
    return _scratch


def open_to_all():
    """An ordinary user, too, can reach the scratch directory and the program, which may lie below
    root's home."""
    global MLOPS
    os.chmod(scratch(), 0o755)
    program = os.path.join(scratch(), "program")
    os.makedirs(program, exist_ok=True)
    MLOPS = shutil.copy(MLOPS, program)


def remove(path):
    if not os.path.lexists(path):
        return
    if os.path.isdir(path) and not os.path.islink(path):
        subprocess.run(["chmod", "-R", "u+rwX", path], stderr=subprocess.DEVNULL)
        subprocess.run(["rm", "-rf", path], stderr=subprocess.DEVNULL)
    else:
        os.unlink(path)


def copy(source, target):
    remove(target)
    subprocess.run(["cp", "-a", source, target], check=True)


# What else changes what is printed: in CI there is no progress, even on a terminal.
OF_THE_CALLER = ("CI", "CLICOLOR_FORCE", "COLUMNS", "CUDA_VISIBLE_DEVICES", "GITHUB_STEP_SUMMARY",
                 "NO_COLOR")


def environment(**more):
    """Nothing of the caller's settings; `more` None removes."""
    kept = {name: value for name, value in os.environ.items()
            if not name.startswith("MLOPS") and name not in OF_THE_CALLER}
    for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS"):
        kept.setdefault(name, "detect_leaks=0" if name == "ASAN_OPTIONS" else "print_stacktrace=1")
    for name, value in more.items():
        if value is None:
            kept.pop(name, None)
        else:
            kept[name] = str(value)
    return kept


class Result:
    def __init__(self, status, out, err, seconds):
        self.status, self.out, self.err, self.seconds = status, out, err, seconds

    def json(self):
        try:
            return json.loads(self.out)
        except ValueError:
            return {}

    def counts(self):
        return self.json().get("counts", {})

    def __str__(self):
        return (f"status {self.status} after {self.seconds:.1f} s\n"
                f"out: {self.out[-600:]}\nerr: {self.err[-1200:]}")


def text_of(data):
    return (data or b"").decode("utf-8", "replace")


def rest_of(process):
    """What a killed process wrote, where none of its children keeps the pipe open."""
    try:
        return process.communicate(timeout=5)
    except subprocess.TimeoutExpired as late:
        return late.stdout, late.stderr


def mlops(project, *words, timeout=60, env=None, **options):
    """Runs the binary; status -N means ended by signal N, None: it hung and was killed."""
    began = time.monotonic()
    process = subprocess.Popen([MLOPS, *words], cwd=project, env=env or environment(),
                               stdin=subprocess.DEVNULL,
                               stdout=options.pop("stdout", subprocess.PIPE),
                               stderr=options.pop("stderr", subprocess.PIPE),
                               start_new_session=True, **options)
    try:
        out, err = process.communicate(timeout=timeout)
        status = process.returncode
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        out, err = rest_of(process)
        status = None
    return Result(status, text_of(out), text_of(err), time.monotonic() - began)


_commands = None


def has_command(name):
    global _commands
    if _commands is None:
        answer = subprocess.run([MLOPS, "help"], capture_output=True, text=True,
                                env=environment())
        _commands = set(re.findall(r"^\s+([a-z-]+)\s", answer.stdout, re.M))
    return name in _commands


def write(path, text, mode=None):
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "wb") as file:
        file.write(text if isinstance(text, bytes) else text.encode())
    if mode is not None:
        os.chmod(path, mode)


def read(path):
    with open(path, "rb") as file:
        return file.read()


def tree(root, skipped=(".mlops", ".git")):
    """Everything below root as {path: content, mode or link}, without the top's `skipped`."""
    found = {}
    for directory, names, files in os.walk(root):
        if directory == root:
            names[:] = [name for name in names if name not in skipped]
        for name in names + files:
            path = os.path.join(directory, name)
            key = os.path.relpath(path, root)
            if os.path.islink(path):
                found[key] = "-> " + os.readlink(path)
            elif os.path.isdir(path):
                found[key] = "directory"
            elif os.path.isfile(path):
                found[key] = hashlib.sha256(read(path)).hexdigest()
            else:
                found[key] = "special"
    return found


def differences(before, after, most=8):
    """Lines that say how two listings of `tree` differ."""
    lines = []
    for path in sorted(set(before) | set(after)):
        if before.get(path) != after.get(path):
            lines.append(f"{path}: {str(before.get(path))[:20]} became {str(after.get(path))[:20]}")
    return lines[:most] + (["..."] if len(lines) > most else [])


def holds(root, needle):
    """Whether some file below root holds the bytes."""
    for directory, _, files in os.walk(root):
        for name in files:
            try:
                if needle in read(os.path.join(directory, name)):
                    return True
            except OSError:
                continue
    return False


PIPELINE = """\
stages:
  clean:
    cmd: |
      sort data/raw.csv > data/clean.csv
      echo clean >> log/executed
    deps: [data/raw.csv]
    outs: [data/clean.csv]
  features:
    cmd: |
      mkdir -p features/deep
      cut -d, -f1 data/clean.csv > features/first
      cut -d, -f2 data/clean.csv > features/deep/second
      ln -s first features/link
      echo features >> log/executed
    deps: [data/clean.csv]
    outs: [features]
  train:
    cmd: |
      cat features/first features/deep/second params.yaml > model.bin
      echo train >> log/executed
      if grep -q 'fail. true' params.yaml; then echo half > model.bin; exit 3; fi
    deps: [features]
    params: [rate, fail]
    outs: [model.bin]
  judge:
    cmd: |
      printf '{"size": %s}\\n' "$(wc -c < model.bin)" > metrics.json
      echo judge >> log/executed
    deps: [model.bin]
    metrics: [{metrics.json: {cache: false}}]
"""

PARAMS = "rate: {rate}\nfail: {fail}\n"


def set_params(project, rate="0.1", fail="false"):
    write(os.path.join(project, "params.yaml"), PARAMS.format(rate=rate, fail=fail))


def make_project(name, pipeline=PIPELINE):
    """A project whose stages note each execution in log/executed."""
    project = os.path.join(scratch(), name)
    remove(project)
    write(os.path.join(project, "pipeline.yaml"), pipeline)
    write(os.path.join(project, "data/raw.csv"), "".join(f"{i * 7 % 90},{i}\n" for i in range(90)))
    write(os.path.join(project, "log/executed"), "")
    set_params(project)
    settle(project)
    return project


def settle(project):
    """Times well in the past, so that no file is young enough to be hashed again for that."""
    past = time.time() - 1000
    for directory, names, files in os.walk(project):
        if directory == project and ".mlops" in names:
            names.remove(".mlops")
        for file in files:
            os.utime(os.path.join(directory, file), (past, past), follow_symlinks=False)


def executed(project):
    return read(os.path.join(project, "log/executed")).decode().split()


def outputs(project):
    """The work tree without what only counts executions; ids of a fresh project are random."""
    found = tree(project)
    found.pop("log/executed", None)
    for name in [name for name in found if name.endswith(".lock")]:
        text = read(os.path.join(project, name))
        found[name] = hashlib.sha256(re.sub(rb"(?m)^project:.*$", b"", text)).hexdigest()
    return found


def verify(project):
    """Faults that `mlops verify` finds; a project that was never made has none."""
    if not has_command("verify") or not os.path.isdir(os.path.join(project, ".mlops")):
        return []
    result = mlops(project, "verify")
    if result.status == PROJECT and "there is no .mlops" in result.err:
        return []
    return [] if result.status == OK else [f"verify: {result}"]


def run_json(project, *words, env=None, timeout=60):
    return mlops(project, "run", "--json", *words, env=env, timeout=timeout)


def is_sound(project, expected, words=(), status=OK, env=None):
    """The promise after any fault: verify is clean, the next run gives `expected` (outputs of an
    undisturbed project), and the one after executes and restores nothing."""
    faults = verify(project)
    result = run_json(project, *words, env=env)
    if result.status != status:
        faults.append(f"the next run: {result}")
        return faults
    faults += differences(expected, outputs(project))
    again = run_json(project, *words, env=env)
    counts = again.counts()
    if again.status != status:
        faults.append(f"the third run: {again}")
    elif status == OK and (counts.get("executed") != 0 or counts.get("restored") != 0):
        faults.append(f"the third run did something: {counts}")
    faults += verify(project)
    faults += litter(project)
    return faults


def litter(project):
    """What recovery should have cleared away."""
    found = []
    aside = os.path.join(project, ".mlops/aside")
    if os.path.isdir(aside) and os.listdir(aside):
        found.append(f"left in .mlops/aside: {os.listdir(aside)}")
    return found


def marked_processes(marker):
    """Living processes whose environment holds `marker` (NAME=value), zombies left out."""
    found = []
    for name in os.listdir("/proc"):
        if not name.isdigit() or int(name) == os.getpid():
            continue
        try:
            if marker.encode() in read(f"/proc/{name}/environ").split(b"\0"):
                state = read(f"/proc/{name}/stat").rpartition(b")")[2].split()[0]
                if state not in (b"Z", b"X"):
                    found.append((int(name), read(f"/proc/{name}/cmdline").replace(b"\0", b" ")))
        except OSError:
            continue
    return found


def end_marked(marker):
    """Ends what a fault left, by number; only processes that carry our own marker."""
    for _ in range(50):
        found = marked_processes(marker)
        if not found:
            return
        for pid, _ in found:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        time.sleep(0.02)
