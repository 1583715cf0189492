#!/usr/bin/env python3
"""SIGKILL at a system call of mlops: whatever it was about to do, the next command needs no repair.

strace lists the calls of one undisturbed command; then, per point, a fresh copy of the project is
given to the same command, which is killed at that one call. The pool runs inline, so that calls
come in the same order each time. By default every 20th point is tried, others on other days.

With `--error EIO` (or ENOSPC, EINTR ...) the call fails instead: never a crash, never a success that
is none, and the same soundness afterwards."""
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import calls  # noqa: E402
import fault  # noqa: E402

HAND = b"edited by hand, the only copy 7391\n"
POINTS_MOST = 14  # of one scenario in a sample


class Scenario:
    """`make` returns the project as it is before the command; `heal` changes it afterwards, so
    that the next run can succeed. `data`: pointers, not stages, say what is sound."""

    def __init__(self, name, words, make, heal=None, keeps=None, needs=None, window=None,
                 data=None, again=(fault.OK,), beside=()):
        self.name, self.words, self.make, self.heal = name, words, make, heal
        self.keeps, self.needs, self.window, self.data = keeps, needs, window, data
        self.again = again    # of the command done again
        self.beside = beside  # directories beside the project that are its state, too


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


def lost_part():
    """The same, and a subdirectory is gone as a whole."""
    project = checked_out()
    fault.remove(project + "/library/sub")
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


# --- data: remotes, URLs, revisions ---

REMOTE = "remote-of-all"  # beside the project, so that a copy of both is one directory


def git(project, *words):
    done = subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b", "-C", project, *words],
                          capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"not ok git {words}: {done.stderr}")


def place(name):
    return os.path.join(fault.scratch(), name)


def committed(name="committed"):
    """Two versions of data, both in git, the first with the tag v1; the remote is empty."""
    project = place(name)
    fault.remove(project)
    fault.remove(place(REMOTE))
    os.makedirs(project)
    git(project, "init", "-q")
    expect_ok(fault.mlops(project, "init"))
    expect_ok(fault.mlops(project, "remote", "add", "r", place(REMOTE), "--default"))
    for version in (1, 2):
        library(project, version)
        expect_ok(fault.mlops(project, "add", "library", "single"))
        git(project, "add", "-A")
        git(project, "commit", "-qm", f"version {version}")
        git(project, "tag", f"v{version}")
    return project


def pushed():
    project = committed()
    expect_ok(fault.mlops(project, "push"))
    return project


def cloned():
    """The store is empty; of the data one file lies there, edited."""
    project = pushed()
    fault.remove(project + "/.mlops/cache")
    fault.remove(project + "/.mlops/index.db")
    for name in ("library", "single"):
        fault.remove(f"{project}/{name}")
    fault.write(project + "/library/3", HAND)
    return project


def uncommitted():
    """A version that git does not know, in the store; and a file edited since."""
    project = committed()
    library(project, 3)
    expect_ok(fault.mlops(project, "add", "library", "single"))
    fault.write(project + "/library/3", HAND)
    return project


def conflicting():
    project = committed()
    git(project, "checkout", "-qb", "other", "v1")
    fault.write(project + "/library/new", "new on the other branch\n")
    expect_ok(fault.mlops(project, "checkout"))
    fault.write(project + "/library/new", "new on the other branch\n")
    expect_ok(fault.mlops(project, "add", "library"))
    git(project, "commit", "-qam", "other")
    subprocess.run(["git", "-C", project, "-c", "user.name=a", "-c", "user.email=a@b", "merge", "-q",
                    "v2"], capture_output=True)
    return project


def source(version):
    for number in range(5):
        fault.write(f"{place('upstream')}/{'sub/' if number % 2 else ''}{number}",
                    f"{number} of {version if number < 3 else 0}\n")


def unimported():
    project = place("unimported")
    fault.remove(project)
    fault.remove(place("upstream"))
    os.makedirs(project)
    source(1)
    expect_ok(fault.mlops(project, "init"))
    return project


def imported():
    project = unimported()
    expect_ok(fault.mlops(project, "import-url", "file://" + place("upstream"), "library"))
    fault.write(project + "/library/4", HAND)
    source(2)
    return project


def many_versions():
    """For gc of the remote and of the store: versions that no branch names any more."""
    project = pushed()
    git(project, "tag", "-d", "v1")
    git(project, "checkout", "-q", "--orphan", "alone")
    git(project, "commit", "-qm", "alone")
    git(project, "branch", "-qD", "master") if has_branch(project, "master") else git(
        project, "branch", "-qD", "main")
    git(project, "tag", "-d", "v2")
    return project


def has_branch(project, name):
    return subprocess.run(["git", "-C", project, "rev-parse", "-q", "--verify", name],
                          capture_output=True).returncode == 0


def again_and_whole(scenario, project):
    """The command run again succeeds; all that is tracked can be brought back, from nothing, and what
    only the work tree had is somewhere."""
    faults = fault.verify(project)
    again = fault.mlops(project, *scenario.words, env=fault.environment(**ENVIRONMENT))
    if again.status not in scenario.again:
        faults.append(f"again: {again}")
    return faults + after_checkout(scenario, project)


def after_pull(scenario, project):
    """Also from the remote alone."""
    faults = again_and_whole(scenario, project)
    fault.remove(project + "/.mlops/cache")
    fault.remove(project + "/.mlops/index.db")
    pulled = fault.mlops(project, "pull")
    if pulled.status != fault.OK:
        faults.append(f"pulled: {pulled}")
    return faults + fault.differences(scenario.expected, data_of(project)) + fault.verify(project)


def after_remove(scenario, project):
    """Tracked with all its files, or forgotten."""
    faults = fault.verify(project)
    names = {path for path in data_of(project) if path.startswith("library/")}
    is_tracked = os.path.exists(project + "/library.mlops")
    if is_tracked:
        back = fault.mlops(project, "checkout", "library")
        names = {path for path in data_of(project) if path.startswith("library/")}
        if back.status != fault.OK or len(names) < 6:
            faults.append(f"not whole: {names} {back}")
    if not fault.holds(project, HAND):
        faults.append("a file that a user had edited by hand is gone")
    again = fault.mlops(project, *scenario.words)
    if again.status != (fault.OK if is_tracked else fault.PROJECT):
        faults.append(f"removed again: {again}")
    return faults


def handmade():
    project = committed()
    fault.write(project + "/library/3", HAND)
    return project


def parted():
    project = added()
    fault.write(project + "/library/new", "one more\n")
    return project


def after_revision(scenario, project):
    """The pointers are old or new, each; the version that git does not know can be got back."""
    faults = [] if fault.holds(project, HAND) else ["a file that a user had edited is gone"]
    third = [f"{project}/{name}" for name in ("library.mlops", "single.mlops")]
    wanted = {fault.read(f"{scenario.base}/{os.path.basename(path)}") for path in third}
    kept = set()
    for directory, _, names in os.walk(project):
        kept.update(fault.read(os.path.join(directory, name)) for name in names
                    if name.endswith(".mlops"))
    if not wanted <= kept:
        faults.append("a pointer that git does not know is gone")
    swept = fault.mlops(project, "gc", "--yes", env=fault.environment(**ENVIRONMENT))
    again = fault.mlops(project, *scenario.words)
    faults += [str(each) for each in (swept, again) if each.status != fault.OK]
    faults += after_checkout(scenario, project)
    for path in third:
        fault.write(path, fault.read(f"{scenario.base}/{os.path.basename(path)}"))
    back = fault.mlops(project, "checkout")
    return faults + ([] if back.status == fault.OK else [f"the version before: {back}"])


def after_resolve(scenario, project):
    again = fault.mlops(project, "resolve")
    faults = fault.verify(project)
    text = fault.read(project + "/library.mlops")
    if b"<<<<" in text or again.status not in (fault.OK, fault.PROJECT):
        faults.append(f"not resolved: {again}")
    back = fault.mlops(project, "checkout")
    if back.status != fault.OK or not os.path.exists(project + "/library/new"):
        faults.append(f"checkout: {back}")
    return faults


def after_remote(scenario, project):
    listed = fault.mlops(project, "remote", "list", "--json")
    again = fault.mlops(project, *scenario.words)
    if listed.status != fault.OK or again.status not in (fault.OK, fault.PROJECT, fault.USAGE):
        return [f"{listed} {again}"]
    return fault.verify(project)


def after_get(scenario, project):
    """All of it or nothing; the next one needs no repair."""
    if os.path.lexists(project + "/copy"):
        had, got = fault.tree(project + "/library"), fault.tree(project + "/copy")
        if fault.differences(had, got):
            return fault.differences(had, got)
        fault.remove(project + "/copy")
    again = fault.mlops(project, *scenario.words)
    if again.status != fault.OK:
        return [f"got again: {again}"]
    had, got = fault.tree(project + "/library"), fault.tree(project + "/copy")
    return fault.differences(had, got)


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
    Scenario("checkout-lost", ["checkout"], lost_part, keeps=HAND, data=after_checkout,
             needs="checkout"),
    Scenario("move", ["move", "library", "moved"], added, data=after_move, needs="move"),
    Scenario("add-part", ["add", "library/new"], parted, data=again_and_whole, needs="add"),
    Scenario("checkout-part", ["checkout", "library/sub"], checked_out, keeps=HAND,
             data=after_checkout, needs="checkout"),
    Scenario("checkout-revision", ["checkout", "v1", "library", "single"], uncommitted, keeps=HAND,
             data=after_revision, needs="checkout"),
    Scenario("remove", ["remove", "library"], handmade, data=after_remove, needs="remove"),
    Scenario("remove-data", ["remove", "--data", "library"], handmade, data=after_remove,
             needs="remove"),
    Scenario("import-url", ["import-url", "file://{upstream}", "library"], unimported,
             data=again_and_whole, needs="import-url"),
    Scenario("update", ["update"], imported, keeps=HAND, data=again_and_whole, needs="update"),
    Scenario("get", ["get", ".", "library", "-o", "copy"], committed, data=after_get, needs="get"),
    Scenario("push", ["push"], committed, data=after_pull, needs="push", beside=(REMOTE,)),
    Scenario("pull", ["pull"], cloned, keeps=HAND, data=again_and_whole, needs="pull"),
    Scenario("fetch", ["fetch"], cloned, keeps=HAND, data=again_and_whole, needs="fetch"),
    Scenario("resolve", ["resolve"], conflicting, data=after_resolve, needs="resolve"),
    Scenario("gc-data", GC, many_versions, data=again_and_whole, needs="gc"),
    Scenario("gc-remote", ["gc", "--remote", "--yes", "--grace", "0"], many_versions,
             data=after_pull, needs="gc", beside=(REMOTE,)),
    Scenario("remote-add", ["remote", "add", "other", "/nowhere"], committed, data=after_remote,
             needs="remote"),
    Scenario("remote-remove", ["remote", "remove", "r"], committed, data=after_remote,
             needs="remote"),
    Scenario("apply", ["apply", "chosen"], applicable, keeps=HAND, data=after_apply, needs="apply"),
    Scenario("runs-rm", ["runs", "rm", "--sweep", "gone"], removable, data=after_removal,
             needs="sweep"),
    Scenario("gc", GC, rich, needs="gc"),
    Scenario("gc-evicts", GC, crowded, needs="gc"),
    Scenario("verify", ["verify"], rich, needs="verify"),
]
ENVIRONMENT = dict(calls.ENVIRONMENT, FAULT_TEST="kill9")


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


def pointers_of(tree):
    return {path: content for path, content in tree.items() if path.endswith(".mlops")}


def said_clearly(scenario, project, result):
    """No crash, no failure without a word, no success that is none."""
    if result.status == fault.OK and scenario.data:
        return fault.differences(pointers_of(scenario.applied), pointers_of(fault.tree(project)))
    if result.status in (fault.OK, fault.ANSWER):
        return []
    if result.status < 0 or result.status == fault.BUG or not result.out + result.err:
        return [f"the command itself: {result}"]
    return []


def keep_beside(scenario):
    for name in scenario.beside:
        os.makedirs(place(name), exist_ok=True)
        fault.copy(place(name), place(name) + ".kept")


def put_beside(scenario):
    for name in scenario.beside:
        fault.copy(place(name) + ".kept", place(name))


def try_scenario(scenario, chosen):
    scenario.base = scenario.make()
    scenario.words = [word.format(upstream=place("upstream")) for word in scenario.words]
    kept = os.path.join(fault.scratch(), "base")
    fault.copy(scenario.base, kept)
    keep_beside(scenario)
    scenario.base = kept
    project = os.path.join(fault.scratch(), "p")
    fault.copy(kept, project)
    points = calls.list_points(calls.traced(project, scenario.words)[0])
    if chosen.error:
        points = [point for point in points if point[0] in FAILING]
    first, last = 0, len(points)
    if scenario.window:
        pattern, last = scenario.window
        first = next(i for i, point in enumerate(points) if re.match(pattern, point[2]))
        last += first
    if scenario.heal:
        scenario.heal(project)
    if scenario.data:
        fault.mlops(project, "checkout")  # of parts, or of nothing, the rest
    scenario.expected = data_of(project)
    scenario.applied = fault.tree(project)
    if not scenario.data:
        expect_ok(fault.run_json(project, env=fault.environment(**ENVIRONMENT)))
    expected = fault.outputs(project)
    every = 1 if chosen.full else chosen.every
    if not every:
        every = max(5 if scenario.window else 20, -(-(last - first) // POINTS_MOST))
    tally = fault.Tally(f"kill9 {scenario.name}")
    for number in range(first + fault.day() % every, min(last, len(points)), every):
        if chosen.only is not None and number not in chosen.only:
            continue
        call, count, line = points[number]
        fault.copy(kept, project)
        put_beside(scenario)
        how = f"error={chosen.error}" if chosen.error else "signal=SIGKILL"
        result = calls.traced(project, scenario.words, f"{call}:{how}:when={count}",
                              dict(FAULT_TEST="kill9"))[1]
        faults = said_clearly(scenario, project, result) if chosen.error else []
        tally.point(faults + after_kill(scenario, project, expected),
                    f"at call {number}: {call} {count}, undisturbed {line}")
        if chosen.stop and tally.bad:
            break
    return tally.end(f" (of {len(points)} calls)")


def main():
    chosen = fault.arguments(
        (["--every"], dict(type=int, help="try each so-manieth point, as many as that makes")),
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
