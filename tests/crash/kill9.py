#!/usr/bin/env python3
"""SIGKILL at a system call of mlops: whatever it was about to do, the next command needs no repair.

strace lists the calls of one undisturbed command; then, per point, a fresh copy of the project is
given to the same command, which is killed at that one call. The pool runs inline, so that calls
come in the same order each time. By default every 20th point is tried, others on other days.

With `--error EIO` (or ENOSPC, EINTR ...) the call fails instead: never a crash, never a success that
is none, and the same soundness afterwards."""
import collections
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import fault  # noqa: E402

HAND = b"edited by hand, the only copy 7391\n"
POINTS_MOST = 14  # of one scenario in a sample


class Scenario:
    """`make` returns the project as it is before the command; `heal` changes it afterwards, so
    that the next run can succeed. `data`: pointers, not stages, say what is sound."""

    def __init__(self, name, words, make, heal=None, keeps=None, needs=None, window=None,
                 data=None):
        self.name, self.words, self.make, self.heal = name, words, make, heal
        self.keeps, self.needs, self.window, self.data = keeps, needs, window, data


def fresh():
    return fault.make_project("fresh")


def done():
    project = fault.make_project("done")
    expect_ok(fault.run_json(project))
    return project


def changed():
    """Everything has an earlier output that has to be set aside."""
    project = done()
    fault.write(project + "/data/raw.csv", "5,1\n3,2\n")
    return project


def edited():
    project = changed()
    for name in ("model.bin", "data/clean.csv"):
        os.chmod(f"{project}/{name}", 0o644)
        fault.write(f"{project}/{name}", HAND)
    return project


def failing():
    project = done()
    fault.set_params(project, fail="true")
    return project


def known():
    """Two sets of outputs in the store; the work tree holds the second, params say the first."""
    project = done()
    for rate in ("0.2", "0.1"):
        fault.set_params(project, rate=rate)
        if rate == "0.2":
            expect_ok(fault.run_json(project))
    return project


def rich():
    """For gc: several runs, a failed one, results that nothing needs once grace and keep are 0."""
    project = known()
    expect_ok(fault.run_json(project))
    fault.set_params(project, rate="0.3", fail="true")
    fault.run_json(project)
    fault.set_params(project)
    expect_ok(fault.run_json(project))
    return project


def crowded():
    """The same, in a cache that has no room for what can be made again."""
    project = rich()
    with open(project + "/.mlops/config.local.yaml", "a") as settings:
        settings.write("cache.size: 1\n")
    return project


def repository():
    project = fault.make_project("repository")
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-C", project]
    fault.write(project + "/.gitignore", "/log/\n/scratch\n")
    subprocess.run(git[:1] + ["init", "-q", project], check=True)
    subprocess.run(git + ["add", "-A"], check=True)
    subprocess.run(git + ["commit", "-qm", "first"], check=True)
    fault.write(project + "/data/raw.csv", "5,1\n3,2\n")
    return project


def applicable():
    """The run `chosen` was made with other parameters, other data and one more file; the work tree
    has what was committed, and a file that only it holds, which is in nobody's way."""
    project = repository()
    fault.write(project + "/data/raw.csv", "1,2\n2,3\n")
    expect_ok(fault.run_json(project))
    committed = {name: fault.read(f"{project}/{name}") for name in ("params.yaml", "data/raw.csv")}
    fault.set_params(project, rate="0.2")
    fault.write(project + "/data/raw.csv", "7,7\n8,8\n")
    fault.write(project + "/more", "one more\n")
    expect_ok(fault.run_json(project))
    expect_ok(fault.mlops(project, "tag", "@", "chosen"))
    for name, text in committed.items():
        fault.write(f"{project}/{name}", text)
    fault.remove(project + "/more")
    expect_ok(fault.run_json(project))
    fault.write(project + "/notes", HAND)
    fault.settle(project)
    return project


SLOW = """\
stages:
  slow:
    cmd: |
      exec 9> guard
      flock -n 9 || { echo again >> second-writer; exit 9; }
      echo early > slow.out
      sleep 0.7
      echo slow >> slow.out
    deps: [data/raw.csv]
    outs: [slow.out]
"""


def library(project, version):
    """A directory of data, and a file, as they were added in that version."""
    for number in range(6):
        name = f"{project}/library/{'sub/' if number % 2 else ''}{number}"
        fault.write(name, f"{number} of version {version if number < 4 else 0}\n")
    fault.write(project + "/single", f"single {version}\n")
    fault.settle(project)


def unadded():
    project = fault.make_project("unadded")
    library(project, 1)
    return project


def added():
    project = unadded()
    expect_ok(fault.mlops(project, "add", "library", "single"))
    return project


def readded():
    """A second version, not added yet."""
    project = added()
    library(project, 2)
    return project


def checked_out():
    """Pointers of the first version; of the second some is in the work tree, one file only there."""
    project = readded()
    pointers = [fault.read(f"{project}/{name}.mlops") for name in ("library", "single")]
    expect_ok(fault.mlops(project, "add", "library", "single"))
    fault.write(project + "/library/3", HAND)
    for name, text in zip(("library", "single"), pointers):
        fault.write(f"{project}/{name}.mlops", text)
    return project


def data_of(project):
    found = fault.tree(project)
    return {name: content for name, content in found.items()
            if name.split("/")[0] in ("library", "single", "moved")}


def after_add(scenario, project):
    """The files are untouched; added again, they can be brought back."""
    before = data_of(scenario.base)
    faults = fault.differences(before, data_of(project))
    again = fault.mlops(project, "add", "library", "single")
    if again.status != fault.OK:
        return faults + [f"added again: {again}"]
    faults += fault.differences(before, data_of(project)) + fault.verify(project)
    return faults + after_checkout(scenario, project, before)


def after_checkout(scenario, project, expected=None):
    """What pointers name is there once it is asked for, also from nothing."""
    faults = fault.verify(project)
    for _ in range(2):
        result = fault.mlops(project, "checkout")
        if result.status != fault.OK:
            faults.append(f"checkout: {result}")
        faults += fault.differences(expected or scenario.expected, data_of(project))
        if scenario.keeps and not fault.holds(project, scenario.keeps):
            faults.append("a file that a user had edited by hand is gone")
        for name in ("library", "single"):
            fault.remove(f"{project}/{name}")
    return faults


APPLIED = ("params.yaml", "data/raw.csv", "more")


def after_apply(scenario, project):
    """The files are those of before or those of the run, all of them, once the next command has
    run, which executes nothing; and applied again it is the run."""
    environment = fault.environment(**ENVIRONMENT)
    faults = [] if fault.holds(project, HAND) else ["a file that a user had edited is gone"]
    ran = fault.run_json(project, env=environment)
    if ran.status != fault.OK or ran.counts().get("executed") != 0:
        faults.append(f"the run afterwards: {ran}")
    now, before = fault.tree(project), fault.tree(scenario.base)
    sides = [{name: tree.get(name) for name in APPLIED} for tree in (now, before, scenario.applied)]
    if sides[0] not in sides[1:]:
        faults.append("some files are the run's and some are not")
    again = fault.mlops(project, "apply", "chosen", "--force", env=environment)
    if again.status != fault.OK:
        faults.append(f"applied again: {again}")
    outputs = fault.differences(scenario.applied, fault.tree(project))
    return faults + outputs + fault.verify(project)


def after_move(scenario, project):
    """All of it lies in one of the two places, and moved or checked out it is whole."""
    if os.path.exists(project + "/library.mlops"):
        fault.remove(project + "/library") if os.path.exists(project + "/moved") else None
        fault.remove(project + "/moved.mlops")
        expect = fault.mlops(project, "checkout", "library")
        if expect.status != fault.OK:
            return [f"checkout: {expect}"]
        fault.remove(project + "/moved")
        moved = fault.mlops(project, "move", "library", "moved")
        if moved.status != fault.OK:
            return [f"moved again: {moved}"]
    return fault.differences(scenario.expected, data_of(project)) + fault.verify(project)


def slow():
    """The stage outlives mlops, unless the next run ends it."""
    project = fault.make_project("slow", SLOW)
    fault.write(project + "/guard", "")
    return project


def removable():
    """A sweep that started from the run of the work tree, with a trial whose result others know."""
    project = done()
    expect_ok(fault.mlops(project, "sweep", "--name", "gone", "-S", "rate=0.1,0.3,0.4", "-j1"))
    fault.write(project + "/data/raw.csv", "5,1\n3,2\n")
    expect_ok(fault.run_json(project))
    return project


def ids_of(project):
    result = fault.mlops(project, "runs", "--all", "-n0", "--json")
    return sorted(run["run"] for run in result.json()["runs"] if not run["sweep"])


def after_removal(scenario, project):
    """The sweep is whole or gone with all its runs; removed again nothing of it is left, nor comes
    back with a history that is made anew, and all other runs are there."""
    environment = fault.environment(**ENVIRONMENT)
    faults = fault.verify(project)
    again = fault.mlops(project, *scenario.words, env=environment)
    if again.status not in (fault.OK, fault.USAGE):
        faults.append(f"removed again: {again}")
    for _ in range(2):
        trials = fault.mlops(project, "runs", "--all", "-n0", "--json").json()
        if any(run["sweep"] for run in trials["runs"]) or trials["sweeps"]:
            faults.append("something of the sweep is left")
        if ids_of(project) != ids_of(scenario.base):
            faults.append("a run is gone that was not to be removed")
        rebuilt = fault.mlops(project, "verify", "--rebuild-lineage", env=environment)
        if rebuilt.status != fault.OK:
            faults.append(f"the history made anew: {rebuilt}")
    ran = fault.run_json(project, env=environment)
    if ran.status != fault.OK or ran.counts().get("executed") != 0:
        faults.append(f"the run afterwards: {ran}")
    return faults + fault.verify(project)


def expect_ok(result):
    if result.status != fault.OK:
        print("not ok the undisturbed command:", result)
        sys.exit(1)


GC = ["gc", "--yes"]
SCENARIOS = [
    Scenario("init", ["init"], fresh),
    Scenario("first-run", ["run"], fresh),
    Scenario("no-op", ["run"], done),
    Scenario("changed", ["run", "-j4"], changed),
    Scenario("edited", ["run"], edited, keeps=HAND),
    Scenario("failing", ["run"], failing, heal=fault.set_params),
    Scenario("restore", ["run"], known),
    Scenario("repository", ["run"], repository),
    Scenario("slow-stage", ["run"], slow, window=(r"^(clone3?|vfork)\(", 40)),
    Scenario("add", ["add", "library", "single"], unadded, data=after_add, needs="add"),
    Scenario("add-again", ["add", "library", "single"], readded, data=after_add, needs="add"),
    Scenario("checkout", ["checkout"], checked_out, keeps=HAND, data=after_checkout,
             needs="checkout"),
    Scenario("move", ["move", "library", "moved"], added, data=after_move, needs="move"),
    Scenario("apply", ["apply", "chosen"], applicable, keeps=HAND, data=after_apply, needs="apply"),
    Scenario("runs-rm", ["runs", "rm", "--sweep", "gone"], removable, data=after_removal,
             needs="sweep"),
    Scenario("gc", GC, rich, needs="gc"),
    Scenario("gc-evicts", GC, crowded, needs="gc"),
    Scenario("verify", ["verify"], rich, needs="verify"),
]
ENVIRONMENT = dict(MLOPS_POOL="0", MLOPS_GC_GRACE="0s", MLOPS_KEEP_AGE="0s", MLOPS_KEEP_RUNS="1",
                   FAULT_TEST="kill9")


def traced(project, words, inject=None):
    trace = os.path.join(fault.scratch(), "trace")
    options = ["-e", f"inject={inject}"] if inject else []
    done = subprocess.run(["strace", "-qq", "-o", trace, *options, fault.MLOPS, *words],
                          cwd=project, env=fault.environment(**ENVIRONMENT),
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
    result = fault.Result(done.returncode, fault.text_of(done.stdout), fault.text_of(done.stderr), 0)
    return fault.text_of(fault.read(trace)), result


def list_points(trace):
    counts = collections.Counter(
        match.group(1) for match in (re.match(r"(\w+)\(", line) for line in trace.splitlines())
        if match)
    points, seen = [], collections.Counter()
    for line in trace.splitlines():
        match = re.match(r"(\w+)\(", line)
        if match and match.group(1) not in ("execve", "exit_group"):
            seen[match.group(1)] += 1
            points.append((match.group(1), seen[match.group(1)], line[:100]))
    assert sum(counts.values()) >= len(points)
    return points


def after_kill(scenario, project, expected):
    if scenario.data:
        return scenario.data(scenario, project)
    faults = []
    if scenario.keeps and not fault.holds(project, scenario.keeps):
        faults.append("a file that a user had edited by hand is gone")
    inputs = {"data/raw.csv", "pipeline.yaml", "params.yaml"}
    before = fault.tree(scenario.base)
    now = fault.tree(project)
    faults += [f"the user's {name} changed" for name in inputs if before[name] != now.get(name)]
    if scenario.heal:
        unhealed = fault.run_json(project, env=fault.environment(**ENVIRONMENT))
        if unhealed.status != fault.ANSWER:
            faults.append(f"the failing run, again: {unhealed}")
        if fault.tree(project).get("model.bin") != before["model.bin"]:
            faults.append("the model of the run before the failing one is not back")
        scenario.heal(project)
    faults += fault.is_sound(project, expected, env=fault.environment(**ENVIRONMENT))
    if scenario.keeps and not fault.holds(project, scenario.keeps):
        faults.append("a file that a user had edited by hand is gone after recovery")
    return faults


# Calls whose failure a disk can cause.
FAILING = ("read pread64 write pwrite64 fsync fdatasync syncfs rename renameat renameat2 link linkat "
           "unlink unlinkat openat newfstatat fstat close ftruncate getdents64 mkdirat flock "
           "fchmod utimensat fallocate").split()


def said_clearly(result):
    if result.status in (fault.OK, fault.ANSWER):
        return []
    if result.status < 0 or result.status == fault.BUG or not result.out + result.err:
        return [f"the command itself: {result}"]
    return []


def try_scenario(scenario, chosen):
    scenario.base = scenario.make()
    kept = os.path.join(fault.scratch(), "base")
    fault.copy(scenario.base, kept)
    scenario.base = kept
    project = os.path.join(fault.scratch(), "p")
    fault.copy(kept, project)
    points = list_points(traced(project, scenario.words)[0])
    if chosen.error:
        points = [point for point in points if point[0] in FAILING]
    first, last = 0, len(points)
    if scenario.window:
        pattern, last = scenario.window
        first = next(i for i, point in enumerate(points) if re.match(pattern, point[2]))
        last += first
    if scenario.heal:
        scenario.heal(project)
    scenario.expected = data_of(project)
    scenario.applied = fault.tree(project)
    if not scenario.data:
        expect_ok(fault.run_json(project, env=fault.environment(**ENVIRONMENT)))
    expected = fault.outputs(project)
    every = 1
    if not chosen.full:
        every = max(5 if scenario.window else chosen.every, -(-(last - first) // POINTS_MOST))
    tally = fault.Tally(f"kill9 {scenario.name}")
    for number in range(first + fault.day() % every, min(last, len(points)), every):
        if chosen.only is not None and number not in chosen.only:
            continue
        call, count, line = points[number]
        fault.copy(kept, project)
        how = f"error={chosen.error}" if chosen.error else "signal=SIGKILL"
        result = traced(project, scenario.words, f"{call}:{how}:when={count}")[1]
        faults = said_clearly(result) if chosen.error else []
        tally.point(faults + after_kill(scenario, project, expected),
                    f"at call {number}: {call} {count}, undisturbed {line}")
        if chosen.stop and tally.bad:
            break
    return tally.end(f" (of {len(points)} calls)")


def main():
    chosen = fault.arguments(
        (["--every"], dict(type=int, default=20, help="try each so-manieth point")),
        (["--only"], dict(type=int, nargs="*", help="numbers of the points to try")),
        (["--error"], dict(default=None, help="let the call fail with this, as EIO")),
        (["--stop"], dict(action="store_true", help="end a scenario at its first bad point")),
        (["scenarios"], dict(nargs="*", help="names; all if none is given")))
    if not shutil.which("strace"):
        fault.skip("strace is not installed")
    if chosen.only:
        chosen.every, chosen.full = 1, True
    names = [scenario.name for scenario in SCENARIOS]
    unknown = [name for name in chosen.scenarios if name not in names]
    if unknown:
        sys.exit(f"unknown {unknown}; there are {names}")
    bad = 0
    for scenario in SCENARIOS:
        if chosen.scenarios and scenario.name not in chosen.scenarios:
            continue
        if scenario.needs and not fault.has_command(scenario.needs):
            print(f"kill9 {scenario.name}: left out, this binary has no '{scenario.needs}'")
            continue
        bad += try_scenario(scenario, chosen)
    sys.exit(1 if bad else 0)


main()
