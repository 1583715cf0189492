#!/usr/bin/env python3
"""Data of DVC's beyond the work tree: of revisions, of other projects, and what a kill cut off.

    dvc_history.py

Where DVC itself is found ($DVC or on the PATH), it has to agree with what is written."""
import json
import os
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import places  # noqa: E402
import project  # noqa: E402
from dvcproject import DvcProject, md5, name_of, objects, out_lines  # noqa: E402
from places import fault  # noqa: E402

DVC = os.environ.get("DVC") or shutil.which("dvc")
LARGE = 48 << 20


def said(result, status, *words):
    faults = [] if result.status == status else [f"status is not {status}: {result}"]
    return faults + [f"'{word}' is not said: {result}" for word in words
                     if word not in result.out + result.err]


def holds(target, wanted):
    return [f"other bytes, or none: {path}" for path, content in wanted.items()
            if not os.path.exists(f"{target}/{path}") or fault.read(f"{target}/{path}") != content]


def by_dvc(target, place, *words):
    """None: DVC is not here."""
    return DVC and subprocess.run([DVC, *words], cwd=target, capture_output=True, text=True,
                                  env=place.dvc_env(DVC_NO_ANALYTICS="1"))


# --- revisions ---

def two_versions(place):
    """main has the first version (tag v1), the branch `side` a second; the remote has both."""
    place.clear()
    origin = DvcProject(place)
    origin.push()
    project.git(origin.root, "tag", "v1")
    project.git(origin.root, "checkout", "-q", "-b", "side")
    raw = {**origin.raw, "0.csv": b"other\n", "new.csv": b"new\n"}
    del raw["1.csv"]
    big = origin.big[::-1]
    fault.write(f"{origin.root}/data/raw.dvc", "outs:\n" + out_lines("raw", raw))
    fault.write(f"{origin.root}/data/big.bin.dvc", "outs:\n" + out_lines("big.bin", big))
    project.commit(origin.root, "second")
    project.git(origin.root, "checkout", "-q", "main")
    for name, content in objects([raw, big]).items():
        place.put(name, content)
    side = {f"data/raw/{name}": content for name, content in raw.items()}
    return origin, {**side, "data/big.bin": big}


def first(origin):
    return {path: content for path, content in origin.files().items() if path.startswith("data/")}


def clone(origin, name):
    target = origin.clone(name)
    project.git(target, "branch", "-q", "side", "origin/side")
    return target


def without_remote(place, target):
    fault.write(f"{target}/.dvc/config", fault.read(f"{target}/.dvc/config").decode()
                .replace(os.path.basename(place.root), "nowhere"))


def try_fetch_branches(place):
    """What any branch tracks is here then, and no more is put in place than the work tree names."""
    origin, side = two_versions(place)
    target = clone(origin, "branches")
    faults = said(fault.mlops(target, "pull", "--all-branches", env=place.dvc_env()), fault.OK)
    faults += holds(target, first(origin))
    faults += ["a branch's file is in place"] if os.path.exists(f"{target}/data/raw/new.csv") else []
    without_remote(place, target)
    faults += said(fault.mlops(target, "checkout", "side"), fault.OK) + holds(target, side)
    faults += ["what that version lacks is there"] if os.path.exists(f"{target}/data/raw/1.csv") else []
    if project.git(target, "diff", "--name-only", "side", "--", "data"):
        faults.append("the .dvc files are not those of the branch")
    faults += said(fault.mlops(target, "checkout", "v1"), fault.OK) + holds(target, first(origin))
    alone = clone(origin, "alone")
    faults += said(fault.mlops(alone, "fetch", env=place.dvc_env()), fault.OK)
    without_remote(place, alone)
    return faults + said(fault.mlops(alone, "checkout", "side"), fault.ANSWER, "data/big.bin")


def try_checkout_keeps(place):
    """A .dvc file that no commit has is kept, as its data are."""
    origin, side = two_versions(place)
    target = clone(origin, "keeper")
    faults = said(fault.mlops(target, "pull", "--all-branches", env=place.dvc_env()), fault.OK)
    fault.write(f"{target}/data/big.bin", b"mine\n")
    faults += said(fault.mlops(target, "add", "data/big.bin"), fault.OK)
    mine = fault.read(f"{target}/data/big.bin.dvc")
    faults += said(fault.mlops(target, "checkout", "side", "data/big.bin"), fault.OK, "in no commit")
    faults += holds(target, {"data/big.bin": side["data/big.bin"]})
    kept = [os.path.join(folder, name) for folder, _, names in os.walk(f"{target}/.mlops/displaced")
            for name in names if name == "big.bin.dvc"]
    if [fault.read(path) for path in kept] != [mine]:
        return faults + [f"not kept: {kept}"]
    shutil.copy(kept[0], f"{target}/data/big.bin.dvc")
    faults += said(fault.mlops(target, "checkout", "data/big.bin"), fault.OK)
    return faults + holds(target, {"data/big.bin": b"mine\n"})


def try_gc(place):
    """What .dvc files of a branch name stays as long as the branch does."""
    origin, side = two_versions(place)
    target = clone(origin, "sweeper")
    faults = said(fault.mlops(target, "pull", "--all-branches", "--all-tags", env=place.dvc_env()),
                  fault.OK)
    project.git(target, "remote", "remove", "origin")
    faults += said(fault.mlops(target, "gc", "--grace", "0", "--yes"), fault.OK, "removed 0 B")
    without_remote(place, target)
    faults += said(fault.mlops(target, "checkout", "side"), fault.OK) + holds(target, side)
    faults += said(fault.mlops(target, "checkout", "main"), fault.OK)
    project.git(target, "branch", "-q", "-D", "side")
    result = fault.mlops(target, "gc", "--grace", "0", "--yes")
    faults += said(result, fault.OK)
    if "removed 0 B" in result.out:
        faults.append(f"the branch is gone, and its data are not: {result}")
    shutil.rmtree(f"{target}/data/raw")
    os.unlink(f"{target}/data/big.bin")
    faults += said(fault.mlops(target, "checkout"), fault.OK) + holds(target, first(origin))
    fault.write(f"{target}/data/raw.dvc", "<<<<<<< ours\nouts:\n- md5: 0\n=======\n")
    return faults + said(fault.mlops(target, "gc", "--grace", "0", "--yes"), fault.PROJECT,
                         "still needed", "raw.dvc")


def try_diff(place):
    """`.dvc` files of two revisions, and of the work tree, compared as pointers are."""
    origin, _ = two_versions(place)
    target = clone(origin, "differ")
    result = fault.mlops(target, "diff", "main", "side", "--json", env=place.dvc_env())
    changed = {row["path"]: row["change"] for row in result.json().get("data", [])}
    faults = [] if changed == {"data/big.bin": "changed", "data/raw": "changed"} \
        else [f"without data: {changed} {result}"]
    faults += said(fault.mlops(target, "diff", "main", "v1", env=place.dvc_env()), fault.OK)
    same = fault.mlops(target, "diff", "main", "workspace", "--json", env=place.dvc_env())
    faults += [f"nothing was changed: {same}"] if same.json().get("data") else []
    faults += said(fault.mlops(target, "pull", "data", env=place.dvc_env()), fault.OK)
    same = fault.mlops(target, "diff", "main", "workspace", "--json", env=place.dvc_env())
    faults += [f"nothing was changed yet: {same}"] if same.json().get("data") else []
    fault.write(f"{target}/data/big.bin", b"mine\n")
    now = fault.mlops(target, "diff", "main", "workspace", "--json", env=place.dvc_env())
    changed = {row["path"]: row["change"] for row in now.json().get("data", [])}
    return faults + ([] if changed == {"data/big.bin": "changed"} else [f"one changed: {now}"])


def try_push_branches(place):
    origin, side = two_versions(place)
    target = clone(origin, "sender")
    faults = said(fault.mlops(target, "pull", "--all-branches", env=place.dvc_env()), fault.OK)
    place.clear()
    faults += said(fault.mlops(target, "push", "--all-branches", env=place.dvc_env()), fault.OK)
    done = by_dvc(target, place, "fetch", "--all-branches", "-q")
    faults += [f"dvc fetch: {done.stderr}"] if done and done.returncode else []
    there = set(place.names())
    wanted = {name_of(md5(content)) for content in side.values()}
    wanted |= {name_of(md5(content)) for content in first(origin).values()}
    return faults + [f"not sent: {name}" for name in sorted(wanted - there)]


# --- other projects ---

def import_text(origin, path, content, commit, out, rev=None):
    """As DVC writes it, but without the md5 of the file itself, which it does not ask for."""
    follows = f"    rev: {rev}\n" if rev else ""
    return (f"frozen: true\ndeps:\n- path: {path}\n  repo:\n    url: {origin.root}\n{follows}"
            f"    rev_lock: {commit}\nouts:\n" + out_lines(out, content))


def importer(place, origin):
    """A project that has imports and a remote of its own, which has none of their data."""
    root = os.path.join(fault.scratch(), "importer")
    fault.remove(root)
    commit = project.git(origin.root, "rev-parse", "main").strip()
    inner = {"deep/ümlaut.txt": origin.raw["sub/deep/ümlaut.txt"],
             "crlf.txt": origin.raw["sub/crlf.txt"], "empty": origin.raw["sub/empty"]}
    files = {"raw.dvc": import_text(origin, "data/raw", origin.raw, commit, "raw", "main"),
             "sub/big.dvc": import_text(origin, "data/big.bin", origin.big, commit, "big"),
             "part.dvc": import_text(origin, "data/raw/3.csv", origin.raw["3.csv"], commit, "part"),
             "inner.dvc": import_text(origin, "data/raw/sub", inner, commit, "inner"),
             "made.dvc": import_text(origin, "count.txt", origin.count, commit, "made"),
             "of-git.dvc": import_text(origin, "dvc.lock", fault.read(f"{origin.root}/dvc.lock"),
                                       commit, "of-git"),
             ".dvc/config": f"[core]\n    remote = own\n['remote \"own\"']\n    url = {root}-store\n"}
    os.makedirs(f"{root}-store", exist_ok=True)
    for path, text in files.items():
        fault.write(f"{root}/{path}", text)
    fault.write(f"{root}/.gitignore", "/raw\n/part\n/inner\n/made\n/of-git\n/sub/big\n/.dvc/cache\n/.dvc/tmp\n")
    project.git(root, "init", "-q", "-b", "main")
    project.commit(root, "imports")
    wanted = {f"raw/{name}": content for name, content in origin.raw.items()}
    wanted.update({f"inner/{name}": content for name, content in inner.items()})
    wanted.update({"sub/big": origin.big, "part": origin.raw["3.csv"], "made": origin.count,
                   "of-git": fault.read(f"{origin.root}/dvc.lock")})
    return root, wanted


def environment(place):
    """Mirrors of repositories are made afresh."""
    cache = os.path.join(fault.scratch(), f"mirrors-{os.urandom(4).hex()}")
    return place.dvc_env(XDG_CACHE_HOME=cache)


def try_import_pull(place):
    """What `dvc import` brought comes from the project that has it; a push leaves it there."""
    origin, _ = two_versions(place)
    root, wanted = importer(place, origin)
    env = environment(place)
    faults = said(fault.mlops(root, "pull", env=env), fault.OK) + holds(root, wanted)
    faults += said(fault.mlops(root, "push", env=env), fault.OK)
    faults += [f"pushed: {path}" for path in os.listdir(f"{root}-store")]
    faults += said(fault.mlops(root, "gc", "--grace", "0"), fault.OK, "would remove 0 B")
    faults += said(fault.mlops(root, "pull", env=env), fault.OK, "nothing to do")
    if DVC:
        os.makedirs(f"{root}/.dvc/cache", exist_ok=True)
        done = by_dvc(root, place, "pull", "-q")
        faults += [f"dvc pull: {done.stderr}"] if done.returncode else []
        done = by_dvc(root, place, "data", "status", "--json")
        changed = {key: value for key, value in json.loads(done.stdout or "{}").items()
                   if key in ("uncommitted", "not_in_cache")}
        faults += [f"dvc data status: {changed}"] if changed else []
    return faults


def try_import_other(place):
    """A history that was written anew may hold something else: no byte of it is taken for it."""
    origin, _ = two_versions(place)
    root, _ = importer(place, origin)
    text = fault.read(f"{root}/part.dvc").decode()
    fault.write(f"{root}/part.dvc", text.replace(md5(origin.raw["3.csv"]), md5(b"something else")))
    result = fault.mlops(root, "pull", "part", env=environment(place))
    faults = said(result, fault.ANSWER, "part.dvc", "mlops update")
    return faults + (["it is in place"] if os.path.exists(f"{root}/part") else [])


def try_import_gone(place):
    """A project that can't be reached holds up nothing of the others."""
    origin, _ = two_versions(place)
    root, wanted = importer(place, origin)
    for name in ("part.dvc", "inner.dvc"):
        text = fault.read(f"{root}/{name}").decode()
        fault.write(f"{root}/{name}", text.replace(origin.root, "ssh://127.0.0.1:1/gone"))
    env = environment(place)
    result = fault.mlops(root, "pull", env=env)
    faults = said(result, fault.ANSWER, "inner.dvc imports is left out", "'inner' can't be fetched")
    faults += ["it was asked twice"] if result.err.count("is left out") != 1 else []
    faults += holds(root, {path: content for path, content in wanted.items()
                           if path != "part" and not path.startswith("inner/")})
    return faults + said(fault.mlops(root, "pull", "inner", env=env), fault.MACHINE, "inner.dvc")


def try_import_legacy(place):
    """DVC 2.x took the MD5 of texts with CRLF as if they had LF."""
    origin, _ = two_versions(place)
    root, _ = importer(place, origin)
    commit = project.git(origin.root, "rev-parse", "main").strip()
    inner = {"deep/ümlaut.txt": origin.raw["sub/deep/ümlaut.txt"],
             "crlf.txt": origin.raw["sub/crlf.txt"], "empty": origin.raw["sub/empty"]}
    texts = {name: content.replace(b"\r\n", b"\n") for name, content in inner.items()}
    for out, path, content in (("inner", "data/raw/sub", texts),
                               ("part", "data/raw/sub/crlf.txt", texts["crlf.txt"])):
        text = import_text(origin, path, content, commit, out)
        text = "".join(line for line in text.splitlines(True)
                       if line.split()[0] not in ("hash:", "size:"))
        fault.write(f"{root}/{out}.dvc", text)
    os.makedirs(f"{root}/.dvc/cache", exist_ok=True)
    result = fault.mlops(root, "pull", "inner", "part", env=environment(place))
    return said(result, fault.OK) + holds(root, {
        "part": inner["crlf.txt"], **{f"inner/{name}": content for name, content in inner.items()}})


def try_import_update(place):
    """The newest commit of what is followed; DVC finds its file up to date."""
    origin, side = two_versions(place)
    root, wanted = importer(place, origin)
    env = environment(place)
    os.makedirs(f"{root}/.dvc/cache")
    faults = said(fault.mlops(root, "pull", env=env), fault.OK)
    faults += said(fault.mlops(root, "update", "--check", env=env), fault.OK, "up to date: 6")
    project.git(origin.root, "merge", "-q", "side")
    listed = fault.mlops(root, "update", "--check", "--json", env=env)
    states = {row["path"]: row["status"] for row in listed.json()["data"]}
    news = {path: states.get(path) for path in ("raw", "sub/big", "made")}
    if listed.status != 1 or news != {"raw": "outdated", "sub/big": "outdated", "made": "unchanged"}:
        faults.append(f"asked: {listed}")
    faults += said(fault.mlops(root, "update", env=env), fault.OK, "updated", "raw")
    raw = {f"raw/{path[9:]}": content for path, content in side.items() if path.startswith("data/raw/")}
    kept = {path: content for path, content in wanted.items() if path[:4] != "raw/"}
    faults += holds(root, {**kept, **raw, "sub/big": side["data/big.bin"]})
    commit = project.git(origin.root, "rev-parse", "main").strip()
    faults += [f"{name} does not name the commit" for name in ("raw.dvc", "part.dvc", "of-git.dvc")
               if commit not in fault.read(f"{root}/{name}").decode()]
    faults += said(fault.mlops(root, "update", "--check", env=env), fault.OK, "up to date: 6")
    faults += said(fault.mlops(root, "update", "--rev", "v1", "raw", env=env), fault.OK)
    faults += holds(root, {path: content for path, content in wanted.items() if path[:4] == "raw/"})
    faults += said(fault.mlops(root, "status", env=env), fault.OK, "up to date")
    done = by_dvc(root, place, "status", "--json")
    faults += [f"dvc status: {done.stdout}{done.stderr}"] if done and done.stdout.strip() != "{}" else []
    project.commit(root, "updated")
    fresh = os.path.join(fault.scratch(), "fresh-importer")
    fault.remove(fresh)
    project.git(fault.scratch(), "clone", "-q", root, fresh)
    done = by_dvc(fresh, place, "pull", "-q")
    return faults + ([f"dvc pull: {done.stderr}"] if done and done.returncode else [])


def try_registry(place):
    """`get`, `ls` and `import` of another project that only DVC is used in."""
    origin, _ = two_versions(place)
    env = environment(place)
    where = os.path.join(fault.scratch(), "reader")
    fault.remove(where)
    os.makedirs(where)
    url = "file://" + origin.root
    faults = said(fault.mlops(where, "get", url, "data/raw/sub", "-o", "got", env=env), fault.OK)
    faults += holds(where, {"got/crlf.txt": origin.raw["sub/crlf.txt"]})
    faults += said(fault.mlops(where, "ls", "-R", url, "data/raw", env=env), fault.OK,
                   "data/raw/sub/crlf.txt", "data/raw/11.csv")
    project.git(where, "init", "-q", "-b", "main")
    faults += said(fault.mlops(where, "import", url, "data/big.bin", env=env), fault.OK)
    faults += holds(where, {"big.bin": origin.big})
    faults += said(fault.mlops(where, "import", url, "data/none", env=env), fault.PROJECT, "data/none")
    place.delete(name_of(md5(origin.raw["5.csv"])))
    other = origin.clone("hollow")
    hollow = environment(place)
    return faults + said(fault.mlops(where, "get", "file://" + other, "data/raw", "-o", "hollow", env=hollow),
                         fault.ANSWER, "data/raw.dvc", "dvc push")


# --- what was cut off ---

def large_project(place):
    """Tracks one file of LARGE bytes."""
    place.clear()
    root = os.path.join(fault.scratch(), "large")
    fault.remove(root)
    content = os.urandom(1 << 20) * (LARGE >> 20) + b"end"
    fault.write(f"{root}/large.dvc", "outs:\n" + out_lines("large", content))
    shared, secret = place.dvc(root)
    lines = "".join(f"    {key} = {value}\n" for key, value in {**shared, **secret}.items())
    fault.write(f"{root}/.dvc/config", f"[core]\n    remote = store\n['remote \"store\"']\n{lines}")
    project.git(root, "init", "-q", "-b", "main")
    place.put(name_of(md5(content)), content)
    return root, content


def part_of(root):
    folder = f"{root}/.mlops/cache/tmp/part"
    names = os.listdir(folder) if os.path.isdir(folder) else []
    return os.path.join(folder, names[0]) if names else None


def kill_after(place, root, bytes_least):
    """True: it was killed when so many bytes were kept."""
    process = subprocess.Popen([fault.MLOPS, "pull"], cwd=root, env=place.dvc_env(),
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for _ in range(6000):
        path = part_of(root)
        if path and os.path.getsize(path) >= bytes_least:
            break
        if process.poll() is not None:
            return False
        time.sleep(0.005)
    process.kill()
    process.wait()
    return True


def try_resume(place):
    """What came before a kill does not come again, and is believed by its bytes alone."""
    faults = []
    for what in ("kept", "spoilt", "longer"):
        root, content = large_project(place)
        place.proxy.set_rules([dict(method="GET", path="files/md5", rate=32 << 20)])
        if not kill_after(place, root, LARGE // 2):
            return faults + [f"{what}: it ended before it could be killed"]
        place.proxy.set_rules([])
        if what == "spoilt":
            with open(part_of(root), "r+b") as file:
                file.seek(5 << 20)
                file.write(b"!")
        if what == "longer":
            os.truncate(part_of(root), LARGE + (4 << 20))
        result = fault.mlops(root, "pull", "--json", env=place.dvc_env())
        faults += said(result, fault.OK) + holds(root, {"large": content})
        came = result.counts().get("received_bytes", 0)
        if what == "kept" and came > LARGE - LARGE // 2 + (2 << 20):
            faults.append(f"it began anew: {came} bytes")
        if part_of(root):
            faults.append(f"{what}: there is litter: {part_of(root)}")
        faults += fault.verify(root)
    return faults


def try_resume_other(place):
    """The remote has damaged bytes: nothing is kept of them."""
    root, content = large_project(place)
    place.put(name_of(md5(content)), content[:-1] + b"!")
    faults = said(fault.mlops(root, "pull", env=place.dvc_env()), fault.ANSWER, "another MD5")
    faults += ["it is kept"] if part_of(root) else []
    place.put(name_of(md5(content)), content)
    return faults + said(fault.mlops(root, "pull", env=place.dvc_env()), fault.OK) \
        + holds(root, {"large": content})


# --- settings ---

def try_shared(place):
    """`shared = group`: who is in the group can write where we have written."""
    root = os.path.join(fault.scratch(), "sharing")
    fault.remove(root)
    store = f"{root}-store"
    fault.remove(store)
    os.makedirs(store)
    fault.write(f"{root}/.dvc/config",
                f"[core]\n    remote = s\n['remote \"s\"']\n    url = {store}\n    shared = group\n")
    content = b"shared\n"
    fault.write(f"{root}/a", content)
    fault.write(f"{root}/a.dvc", "outs:\n" + out_lines("a", content))
    project.git(root, "init", "-q", "-b", "main")
    faults = said(fault.mlops(root, "push", env=place.dvc_env()), fault.OK)
    name = name_of(md5(content))
    if os.stat(f"{store}/{name}").st_mode & 0o777 != 0o664:
        faults.append("the object's mode")
    folder = os.path.dirname(name)
    while folder:
        if os.stat(f"{store}/{folder}").st_mode & 0o7777 != 0o2775:
            faults.append(f"the mode of {folder}")
        folder = os.path.dirname(folder)
    return faults


DIRECTORY = [try_fetch_branches, try_checkout_keeps, try_gc, try_diff, try_push_branches,
             try_import_pull, try_import_other, try_import_gone, try_import_legacy, try_import_update, try_registry, try_shared]
SERVED = [try_resume, try_resume_other]


def try_all(tally, place, tests):
    for test in tests:
        try:
            faults = test(place)
        except (RuntimeError, OSError, ValueError, KeyError) as error:
            faults = [f"{type(error).__name__}: {error}"]
        tally.check(f"{place.kind}: {test.__name__[4:].replace('_', ' ')}", faults)


def main():
    fault.arguments()
    tally = fault.Tally("dvc history")
    with places.Place() as place:
        try_all(tally, place, DIRECTORY)
    for kind in ("webdav", "s3"):
        try:
            with places.KINDS[kind]([]) as place:
                try_all(tally, place, SERVED)
        except places.base.Missing as missing:
            print(f"ok {kind} # skip {missing}")
    if not DVC:
        print("ok compared with DVC itself # skip DVC is not installed")
    sys.exit(1 if tally.bad else 0)


main()
