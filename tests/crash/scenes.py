#!/usr/bin/env python3
"""Odd files as dependencies and as outputs: FIFOs, devices, sockets, loops of links, links that
leave the project, names that are no text, paths above PATH_MAX, a sparse file of terabytes, files
that change while they are read. Refused within a second or handled, and always named."""
import json
import os
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import fault  # noqa: E402

SECONDS_MOST = 5


def scenes_script():
    root = os.environ.get("MLOPS_CONFORMANCE")
    script = os.path.join(root or "", "hostile/scenes.sh")
    if not root or not os.path.isfile(script):
        fault.skip("MLOPS_CONFORMANCE does not name the conformance data (hostile/scenes.sh)")
    return script


def quoted(path):
    """A path as a YAML scalar; None if no YAML can hold it."""
    try:
        return json.dumps(path.encode("utf-8", "surrogateescape").decode("utf-8"),
                          ensure_ascii=True)
    except UnicodeDecodeError:
        return None


def run_with(project, kind, path, command="true", timeout=SECONDS_MOST + 5):
    other = "" if kind == "outs" else "    outs: [made]\n"
    text = f"stages:\n  a:\n    cmd: {command}\n    {kind}: [{quoted(path)}]\n{other}"
    fault.write(project + "/pipeline.yaml", text)
    return fault.mlops(project, "run", timeout=timeout)


def shown(path):
    """What of a name a message must show: its plain beginning."""
    plain = ""
    for letter in os.path.basename(path):
        if not (letter.isalnum() or letter in "-_ ."):
            break
        plain += letter
    return plain[:40].strip()


def judge(result, path, status):
    faults = []
    if result.status not in status:
        faults.append(f"status is not one of {sorted(status)}: {result}")
    if result.status is None or result.seconds > SECONDS_MOST:
        faults.append(f"took {result.seconds:.1f} s")
    if result.status not in (fault.OK, None) and shown(path) not in result.err:
        faults.append(f"'{shown(path)}' is not named: {result}")
    if "\033" in result.out + result.err:
        faults.append("an escape code came out raw")
    return faults


REFUSED = {fault.ANSWER, fault.PROJECT, fault.MACHINE}
FINE = {fault.OK}
DEPS = {
    "fifo": REFUSED, "null": REFUSED, "zero": REFUSED, "sock": REFUSED, "loop-a": REFUSED,
    "dangling": REFUSED, "selfdir": REFUSED | FINE, "tree": REFUSED | FINE,
    "secret-link": FINE, "plain": FINE, "hard": FINE, "noexec": FINE, "readonly": FINE,
    "empty": FINE, "empty-dir": FINE, "-rf": FINE, " lead": FINE, "trail ": FINE,
    "quote\"'`$(touch PWNED)": FINE, "n" * 255: FINE, "caf\u00e9": FINE, "cafe\u0301": FINE,
    "Readme": FINE, "README": FINE, "many": FINE, "old": FINE, "future": FINE, "y2038": FINE,
    "new\nline": FINE | REFUSED, "tab\there": FINE | REFUSED, "esc\033[31m": FINE | REFUSED,
    "repo": FINE, "inside": FINE,
}
OUTS = {
    "fifo": REFUSED, "null": REFUSED, "sock": REFUSED, "loop-a": REFUSED, "plain": FINE,
    "-rf": FINE, " lead": FINE, "trail ": FINE, "quote\"'`$(touch PWNED)": FINE, "n" * 255: FINE,
    "caf\u00e9": FINE, "many": FINE, "readonly": FINE, "empty": FINE, "empty-dir": FINE,
}
# What a stage makes that it may not make.
MAKES = {
    "mkfifo x": REFUSED, "ln -s x x": REFUSED, "mkdir x; mkfifo x/f": REFUSED,
    "mkdir x; ln -s /etc/passwd x/p": REFUSED, "ln -s nowhere x": REFUSED,
    "mkdir x; printf a > \"x/$(printf 'b\\377\\nc')\"": FINE, "mkdir -p x/.git/hooks": FINE,
    "mkdir x; ln -s . x/self": FINE | REFUSED, "mkdir x; chmod 0 x; echo": FINE | REFUSED,
    "mkdir x; touch x/a; ln x/a x/b": FINE, "touch -d @0 x": FINE,
}


def dependencies(tally, project):
    for path, status in DEPS.items():
        if not os.path.lexists(os.path.join(project, path)):
            continue
        result = run_with(project, "deps", path, command="echo x > made")
        tally.point(judge(result, path, status), f"dep {path[:40]!r}")


def makers(tally, project):
    for command, status in MAKES.items():
        subprocess.run(["rm", "-rf", project + "/x"], check=True)
        result = run_with(project, "outs", "x", command=json.dumps(command))
        faults = judge(result, "x", status)
        faults += after(project, "x")
        tally.point(faults, f"a stage that does: {command}")


def outputs(tally, project):
    """Odd things that stand where an output is to be: set aside, never followed or opened."""
    for path, status in OUTS.items():
        place = os.path.join(project, path)
        if not os.path.lexists(place):
            continue
        command = json.dumps("rm -rf -- \"$TARGET\"; echo new > \"$TARGET\"")
        fault.write(project + "/pipeline.yaml",
                    f"stages:\n  a:\n    cmd: {command}\n    env: {{TARGET: {quoted('./' + path)}}}\n"
                    f"    outs: [{quoted(path)}]\n")
        result = fault.mlops(project, "run", timeout=SECONDS_MOST + 5)
        faults = judge(result, path, status | FINE)
        if result.status == fault.OK and fault.read(place) != b"new\n":
            faults.append("the output is not what the stage made")
        tally.point(faults + after(project, path), f"out {path[:40]!r}")


def after(project, path):
    faults = [] if not os.path.exists(project + "/PWNED") else ["PWNED"]
    fault.write(project + "/good.yaml", "stages:\n  g:\n    cmd: echo g > g\n    outs: [g]\n")
    good = fault.mlops(project, "run", "good.yaml")
    return faults + ([] if good.status == fault.OK else [f"a good run afterwards: {good}"])


def sparse(tally, project):
    """Hashing it takes hours: Ctrl-C is answered within a second."""
    fault.write(project + "/pipeline.yaml",
                "stages:\n  a:\n    cmd: echo x > made\n    deps: [sparse-8T]\n    outs: [made]\n")
    process = subprocess.Popen([fault.MLOPS, "run"], cwd=project, env=fault.environment(),
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, start_new_session=True)
    time.sleep(1)
    faults = fault.answers_ctrl_c(process)
    tally.point(faults, "Ctrl-C while a sparse file of 8 TB is hashed")


LIVE = {
    "a file that grows": "while :; do printf x >> live; done",
    "a file that is rewritten": "while :; do printf a > live; printf bb > live; done",
    "a file that becomes a link and back":
        "echo t > live; while :; do ln -sfn /etc/passwd live.n; mv -fT live.n live; "
        "echo t > live.n; mv -f live.n live; done",
    "a file that becomes a FIFO and back":
        "while :; do rm -f live; mkfifo live; rm -f live; echo t > live; done",
    "a file that comes and goes": "while :; do rm -f live; echo t > live; done",
}


def live(tally, project, full):
    for name, script in LIVE.items():
        fault.write(project + "/live", "start\n")
        writer = subprocess.Popen(["sh", "-c", script], cwd=project, stderr=subprocess.DEVNULL,
                                  start_new_session=True)
        faults = []
        for number in range(20 if full else 3):
            time.sleep(0.02)
            result = run_with(project, "deps", "live", command=f"echo {number} > made")
            if result.status not in REFUSED | FINE or result.seconds > SECONDS_MOST:
                faults.append(str(result))
            if result.status != fault.OK and "live" not in result.err:
                faults.append(f"'live' is not named: {result}")
        os.killpg(writer.pid, signal.SIGKILL)
        writer.wait()
        time.sleep(0.05)
        fault.remove(project + "/live")
        tally.point(faults + after(project, "live"), name)


def itself(tally, project):
    """Stages that change what they read, or take their own ground away."""
    cases = {
        "a stage that edits its input": ("echo more >> plain; echo x > x", {fault.ANSWER}),
        "a stage that removes its input": ("rm plain; echo x > x", {fault.ANSWER}),
        "a stage that removes .mlops": ("rm -rf .mlops; echo x > x", REFUSED | {fault.STORED}),
    }
    for name, (command, status) in cases.items():
        fault.write(project + "/plain", "data\n")
        fault.write(project + "/pipeline.yaml",
                    f"stages:\n  a:\n    cmd: {json.dumps(command)}\n    deps: [plain]\n"
                    f"    outs: [x]\n")
        result = fault.mlops(project, "run", timeout=20)
        faults = [] if result.status in status else [f"{result}"]
        tally.point(faults + after(project, "x"), name)


def main():
    chosen = fault.arguments()
    script = scenes_script()
    project = os.path.join(fault.scratch(), "scenes")
    subprocess.run(["bash", script, project], check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)
    tally = fault.Tally("scenes")
    dependencies(tally, project)
    sparse(tally, project)
    makers(tally, project)
    live(tally, project, chosen.full)
    itself(tally, project)
    outputs(tally, project)
    subprocess.run(["chattr", "-i", project + "/plain"], capture_output=True)
    sys.exit(1 if tally.end() else 0)


main()
