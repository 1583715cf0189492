#!/usr/bin/env python3
"""Stages that will not end, daemonise, fork without end or flood their output; Ctrl-C in a
terminal. Nothing is left running a second after mlops has ended, and its memory stays small."""
import os
import pty
import resource
import select
import signal
import subprocess
import sys
import termios
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import fault  # noqa: E402

MEMORY_MOST_KIB = 60 * 1024
IGNORES = "trap '' TERM INT HUP; echo up > up; while :; do sleep 0.05; done"
_number = 0


def project_of(command, extra=""):
    text = "stages:\n  a:\n    cmd: |\n"
    text += "".join(f"      {line}\n" for line in command.splitlines())
    return fault.make_project("stage", text + extra)


def new_marker():
    global _number
    _number += 1
    return f"{os.getpid()}-{_number}"


def left_over(marker):
    """Processes that are there a second after the run, which are then ended."""
    until = time.monotonic() + 1
    while time.monotonic() < until and fault.marked_processes(f"FAULT_TEST={marker}"):
        time.sleep(0.05)
    found = fault.marked_processes(f"FAULT_TEST={marker}")
    fault.end_marked(f"FAULT_TEST={marker}")
    return [f"still running a second later: {found[:5]} ({len(found)})"] if found else []


def run_stage(command, extra="", words=(), timeout=60, project=None, **env):
    marker = new_marker()
    project = project or project_of(command, extra)
    result = fault.mlops(project, "run", *words, timeout=timeout,
                         env=fault.environment(FAULT_TEST=marker, **env))
    return project, result, left_over(marker)


def expect(result, status, *words):
    faults = []
    if result.status != status:
        faults.append(f"status is not {status}: {result}")
    for word in words:
        if word not in result.out + result.err:
            faults.append(f"'{word}' is not said: {result}")
    return faults


def works_afterwards(project):
    fault.write(project + "/pipeline.yaml", "stages:\n  a:\n    cmd: echo x > x\n    outs: [x]\n")
    result = fault.run_json(project)
    faults = [] if result.status == fault.OK else [f"a good run afterwards: {result}"]
    return faults + fault.verify(project) + fault.litter(project)


def daemons(tally):
    cases = {
        "a background child": "sleep 1000 & echo x > x",
        "setsid": "setsid sleep 1000 & sleep 0.1; echo x > x",
        "a double fork": "(setsid sh -c '(sleep 1000 &) ; sleep 1000' &) ; sleep 0.1; echo x > x",
        "a daemon that holds stdout": "(setsid sh -c 'sleep 1000; echo late' &) ; echo x > x",
        "a daemon that ignores TERM":
            "(setsid sh -c \"trap '' TERM HUP INT; sleep 1000; sleep 1000\" &) ; sleep 0.1; "
            "echo x > x",
        "a daemon without our environment":
            "(env -i setsid sleep 1000.5 &) ; sleep 0.1; echo x > x",
        "500 processes": "i=0; while [ $i -lt 500 ]; do sleep 1000 & i=$((i+1)); done; echo x > x",
        "a chain that forks on":
            "echo 'sleep 0.02; setsid sh ./f &' > f; (setsid sh ./f &) ; sleep 0.1; echo x > x",
    }
    for name, command in cases.items():
        began = time.monotonic()
        project, result, faults = run_stage(command, "    outs: [x]\n")
        faults += expect(result, fault.OK)
        if time.monotonic() - began > 20:
            faults.append("took more than 20 s")
        faults += bare_sleepers()
        tally.check(name, faults + works_afterwards(project))


def bare_sleepers():
    """The one process that carries no marker is known by its odd argument."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            if fault.read(f"/proc/{name}/cmdline") == b"sleep\x001000.5\0":
                found.append(int(name))
        except OSError:
            continue
    for pid in found:
        os.kill(pid, signal.SIGKILL)
    return [f"still running: {found}"] if found else []


def timeouts(tally):
    for name, command in (("that obeys", "sleep 1000"), ("that ignores TERM", IGNORES)):
        began = time.monotonic()
        project, result, faults = run_stage(command, "    timeout: 500ms\n    outs: [x]\n",
                                            MLOPS_GRACE="1s")
        faults += expect(result, fault.ANSWER, "timeout")
        if time.monotonic() - began > 6:
            faults.append(f"took {time.monotonic() - began:.1f} s")
        tally.check(f"the timeout of a stage {name}", faults + works_afterwards(project))


def peak_kib(project, words, env):
    """Status and peak memory of mlops itself, read by an own small parent."""
    script = ("import os, resource, subprocess, sys\n"
              "process = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL,\n"
              "                           stdout=open('out.txt', 'wb'), stderr=subprocess.STDOUT)\n"
              "peak = 0\n"
              "while process.poll() is None:\n"
              "    try:\n"
              "        for line in open(f'/proc/{process.pid}/status'):\n"
              "            if line.startswith('VmHWM'): peak = max(peak, int(line.split()[1]))\n"
              "    except OSError: pass\n"
              "    try: process.wait(0.02)\n"
              "    except subprocess.TimeoutExpired: pass\n"
              "print(process.returncode, peak)\n")
    done = subprocess.run([sys.executable, "-c", script, fault.MLOPS, *words], cwd=project,
                          env=env, capture_output=True, text=True, timeout=120)
    status, peak = done.stdout.split()
    return int(status), int(peak)


def floods(tally, full=True):
    cases = {
        "200 MB of lines": "head -c 150000000 /dev/zero | tr '\\0' 'x' | fold -w 100 | head -c 200000000",
        "200 MB in one line": "head -c 200000000 /dev/zero | tr '\\0' 'x'",
        "200 MB of zeros": "head -c 200000000 /dev/zero",
    }
    is_sanitized = b"__asan_init" in fault.read(fault.MLOPS)
    for name, command in cases.items():
        for words in (["run"], ["run", "-v"]) if full else (["run", "-v"],):
            project, marker = project_of(command + "\necho x > x", "    outs: [x]\n"), new_marker()
            status, peak = peak_kib(project, words, fault.environment(FAULT_TEST=marker))
            faults = left_over(marker)
            if status != fault.OK:
                faults.append(f"status {status}: {fault.read(project + '/out.txt')[-500:]}")
            if peak > MEMORY_MOST_KIB and not is_sanitized:
                faults.append(f"peak memory {peak // 1024} MiB")
            fault.remove(project + "/out.txt")
            tally.check(f"{name}, {' '.join(words)}: {peak // 1024} MiB", faults)


def odd_output(tally):
    command = "head -c 100000 /dev/urandom; printf '\\033[31mred\\033]0;title\\007\\n'; exit 1"
    project, result, faults = run_stage(command)
    faults += expect(result, fault.ANSWER)
    for text in (result.out, result.err):
        if "\033" in text or "\007" in text:
            faults.append(f"raw control characters reach the terminal: {text[-300:]!r}")
    shown = fault.mlops(project, "run", "--json")
    if not shown.json():
        faults.append(f"no JSON of a binary log: {shown}")
    if fault.has_command("logs"):
        logged = fault.mlops(project, "logs", "@")
        if logged.status not in (fault.OK, fault.USAGE, fault.PROJECT):
            faults.append(f"mlops logs: {logged}")
    tally.check("binary output", faults)


class Terminal:
    """mlops on a pty of its own session, so that Ctrl-C comes as a terminal sends it."""

    def __init__(self, project, words, marker):
        self.main, self.side = pty.openpty()
        self.before = termios.tcgetattr(self.side)
        env = fault.environment(FAULT_TEST=marker, TERM="xterm-256color", MLOPS_GRACE="3s")
        pid = os.fork()
        if pid == 0:
            try:
                os.setsid()
                import fcntl
                fcntl.ioctl(self.side, termios.TIOCSCTTY, 0)
                for number in range(3):
                    os.dup2(self.side, number)
                os.closerange(3, 256)
                os.chdir(project)
                os.execve(fault.MLOPS, [fault.MLOPS, *words], env)
            finally:
                os._exit(127)
        self.pid, self.seen = pid, b""

    def read_for(self, seconds):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if select.select([self.main], [], [], 0.02)[0]:
                try:
                    self.seen += os.read(self.main, 65536)
                except OSError:
                    return

    def wait_for_file(self, path, seconds=10):
        until = time.monotonic() + seconds
        while not os.path.exists(path) and time.monotonic() < until:
            self.read_for(0.05)

    def press(self, key):
        os.write(self.main, key)

    def wait(self, seconds):
        """Exit status as the shell would give it; None: it did not end in time."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.read_for(0.05)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                code = os.waitstatus_to_exitcode(status)
                return code if code >= 0 else 128 - code
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        return None

    def faults(self):
        after = termios.tcgetattr(self.side)
        found = [] if after == self.before else [f"stty differs: {self.before} {after}"]
        shows = self.seen.rfind(b"\033[?25h")
        if self.seen.rfind(b"\033[?25l") > shows:
            found.append("the cursor stays hidden")
        os.close(self.main)
        os.close(self.side)
        return found


def recorded_as(project, status):
    if not fault.has_command("runs"):
        return []
    runs = fault.mlops(project, "runs", "--json").json().get("runs", [])
    if not runs or runs[0]["status"] != status:
        return [f"not recorded as {status}: {[run['status'] for run in runs][:3]}"]
    return []


def terminals(tally):
    polite = "trap 'echo bye > bye; exit 1' TERM\necho up > up\nwhile :; do sleep 0.05; done"
    cases = [("Ctrl-C once", polite, b"\x03", 130, 2.5, True),
             ("Ctrl-C once, TERM ignored", IGNORES, b"\x03", 130, 6, False),
             ("Ctrl-C twice, TERM ignored", IGNORES, b"\x03\x03", 130, 2, False)]
    for name, command, keys, status, seconds, is_polite in cases:
        project, marker = project_of(command, "    outs: [x]\n"), new_marker()
        terminal = Terminal(project, ["run"], marker)
        terminal.wait_for_file(project + "/up")
        for key in keys:
            terminal.press(bytes([key]))
            terminal.read_for(0.3)
        began = time.monotonic()
        got = terminal.wait(seconds + 10)
        faults = terminal.faults() + left_over(marker)
        if got != status:
            faults.append(f"status {got} instead of {status}: {terminal.seen[-500:]}")
        if time.monotonic() - began > seconds:
            faults.append(f"took {time.monotonic() - began:.1f} s")
        if is_polite and not os.path.exists(project + "/bye"):
            faults.append("the stage was not asked to end (TERM)")
        faults += recorded_as(project, "interrupted")
        tally.check(name, faults + works_afterwards(project))


def signals(tally):
    for number, status in ((signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 130)):
        project, marker = project_of("echo up > up\nsleep 1000", "    outs: [x]\n"), new_marker()
        process = subprocess.Popen([fault.MLOPS, "run"], cwd=project, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                   env=fault.environment(FAULT_TEST=marker),
                                   start_new_session=True)
        until = time.monotonic() + 10
        while not os.path.exists(project + "/up") and time.monotonic() < until:
            time.sleep(0.02)
        process.send_signal(number)
        try:
            out = process.communicate(timeout=10)[0]
        except subprocess.TimeoutExpired:
            process.kill()
            out = process.communicate()[0] + b" (hung)"
        got = process.returncode if process.returncode >= 0 else 128 - process.returncode
        faults = left_over(marker) + recorded_as(project, "interrupted")
        if got != status:
            faults.append(f"status {got} instead of {status}: {out[-500:]}")
        tally.check(number.name, faults + works_afterwards(project))


def murder(tally):
    """The stage kills mlops: no manual unlock afterwards."""
    project, result, faults = run_stage("kill -9 $PPID; sleep 0.2; echo x > x", "    outs: [x]\n")
    if result.status != -signal.SIGKILL:
        faults = [f"status {result.status}"]
    else:
        faults = []
    tally.check("a stage that kills mlops", faults + works_afterwards(project))


def main():
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # under nohup it is ignored, by mlops too
    chosen = fault.arguments((["kinds"], dict(nargs="*")))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    kinds = {"daemons": daemons, "timeouts": timeouts, "odd": odd_output, "signals": signals,
             "terminals": terminals, "murder": murder, "floods": floods}
    tally = fault.Tally("processes")
    for _ in range(10 if chosen.full else 1):
        for kind in chosen.kinds or kinds:
            floods(tally, chosen.full) if kind == "floods" else kinds[kind](tally)
    sys.exit(1 if tally.end() else 0)


main()
