"""The system calls of one command, and doing something to it at one of them (strace)."""
import collections
import os
import re
import signal
import subprocess
import time

import fault

# The pool runs inline, so that calls come in the same order each time.
ENVIRONMENT = dict(MLOPS_POOL="0", MLOPS_GC_GRACE="0s", MLOPS_KEEP_AGE="0s", MLOPS_KEEP_RUNS="1")


def traced(project, words, inject=None, more=None):
    """The trace and the result of the command; `inject` as strace has it."""
    trace = os.path.join(fault.scratch(), "trace")
    options = ["-e", f"inject={inject}"] if inject else []
    done = subprocess.run(["strace", "-qq", "-o", trace, *options, fault.MLOPS, *words],
                          cwd=project, env=fault.environment(**ENVIRONMENT, **(more or {})),
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
    result = fault.Result(done.returncode, fault.text_of(done.stdout), fault.text_of(done.stderr), 0)
    return fault.text_of(fault.read(trace)), result


def list_points(trace):
    """(name, the how-manieth of that name, what it says) of each call. How often the heap grows depends
    on where it begins, which is random; no point of that kind could be found again."""
    points, seen = [], collections.Counter()
    for line in trace.splitlines():
        match = re.match(r"(\w+)\(", line)
        if match and match.group(1) not in ("execve", "exit_group", "brk"):
            seen[match.group(1)] += 1
            points.append((match.group(1), seen[match.group(1)], line[:100]))
    return points


def child_of(pid):
    try:
        children = fault.read(f"/proc/{pid}/task/{pid}/children").split()
    except OSError:
        children = []
    return int(children[0]) if children else None


def send(pid, number):
    try:
        os.kill(pid, number)
    except (OSError, TypeError):
        pass  # it has ended, or there was none


def act(action, strace_pid):
    """One that wants it gets the id of the command's process."""
    if action.__code__.co_argcount:
        action(child_of(strace_pid))
    else:
        action()


def interrupted(project, words, point, action, more=None, later=None):
    """The command stops behind that call, `action` happens, it goes on; its result. `later`: a point
    of another call, and what happens behind that."""
    stops = [(point, action)] + ([later] if later else [])
    trace = os.path.join(fault.scratch(), "trace")
    fault.write(trace, "")
    injected = [word for (call, count, _), _ in stops
                for word in ("-e", f"inject={call}:signal=SIGSTOP:when={count}")]
    process = subprocess.Popen(["strace", "-qq", "-o", trace, *injected, fault.MLOPS, *words],
                               cwd=project, env=fault.environment(**ENVIRONMENT, **(more or {})),
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
    until, acted = time.monotonic() + 20, 0
    while process.poll() is None and time.monotonic() < until:
        count = fault.read(trace).count(b"--- stopped by SIGSTOP ---")
        if count:
            if acted < min(count, len(stops)):
                act(stops[acted][1], process.pid)
                acted += 1
            send(child_of(process.pid), signal.SIGCONT)  # again, should it have come too early
        time.sleep(0.002)
    if process.poll() is None:
        send(child_of(process.pid), signal.SIGKILL)
    out, err = process.communicate()
    return fault.Result(process.returncode, fault.text_of(out), fault.text_of(err), 0)
