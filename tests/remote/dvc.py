#!/usr/bin/env python3
"""A project of DVC's and its remote on real servers: pulled, run, looked at and pushed without DVC.

    dvc.py [KIND...]     default: directory sftp webdav-auth s3; --full: all of places.KINDS

Where DVC itself is found ($DVC or on the PATH), what the tests write is compared with what it
writes, and it pulls what was pushed here."""
import json
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import places  # noqa: E402
import project  # noqa: E402
from dvcproject import DvcProject, manifest, md5, name_of, out_lines  # noqa: E402
from places import fault  # noqa: E402

EVERYDAY = ["directory", "sftp", "webdav-auth", "s3"]
DVC = os.environ.get("DVC") or shutil.which("dvc")
IS_GIVEN_BY_DVC = (".dvc", ".git", ".mlops")


def said(result, status, *words):
    faults = [] if result.status == status else [f"status is not {status}: {result}"]
    return faults + [f"'{word}' is not said: {result}" for word in words
                     if word not in result.out + result.err]


def held(target, wanted):
    """What differs from {path: bytes} of what is tracked; git's own files aside."""
    own = {".gitignore", "dvc.yaml", "dvc.lock", ".dvcignore", "dvc.mlops.lock", "executed.log"}
    there = {os.path.relpath(os.path.join(folder, name), target)
             for folder, _, names in os.walk(target) for name in names}
    there = {path for path in there if path.split("/")[0] not in IS_GIVEN_BY_DVC
             and path not in own and not path.endswith((".dvc", "/.gitignore"))}
    faults = [f"not there: {path}" for path in sorted(set(wanted) - there)]
    faults += [f"too much: {path}" for path in sorted(there - set(wanted))]
    return faults + [f"other bytes: {path}" for path in sorted(there & set(wanted))
                     if fault.read(os.path.join(target, path)) != wanted[path]]


def by_prefix(origin, prefix):
    return {path: content for path, content in origin.files().items() if path.startswith(prefix)}


def try_pull(origin, place):
    """Everything is in place, and nothing is left to be executed."""
    target = origin.clone("fresh")
    faults = said(fault.mlops(target, "pull", env=place.dvc_env()), fault.OK)
    faults += held(target, origin.files())
    result = fault.run_json(target, env=place.dvc_env())
    if result.counts().get("executed") != 0 or os.path.exists(f"{target}/executed.log"):
        faults.append(f"the run: {result}")
    faults += said(fault.mlops(target, "status", "--quiet", env=place.dvc_env()), fault.OK)
    return faults + said(fault.mlops(target, "pull", env=place.dvc_env()), fault.OK, "nothing to do")


def try_run_pull(origin, place):
    """What a run needs, and no more."""
    target = origin.clone("ci")
    result = fault.run_json(target, "--pull", env=place.dvc_env())
    faults = said(result, fault.OK)
    if result.counts().get("executed") != 0:
        faults.append(f"executed: {result.counts()}")
    wanted = {**by_prefix(origin, "out/"), **by_prefix(origin, "count")}
    there = {path for path in wanted if os.path.exists(f"{target}/{path}")}
    faults += [f"not restored: {path}" for path in set(wanted) - there]
    if os.path.exists(f"{target}/data/big.bin"):
        faults.append("what no stage reads was fetched")
    changed = origin.clone("changed")
    text = fault.read(f"{changed}/dvc.yaml").decode().replace("wc -l", "wc -c")
    fault.write(f"{changed}/dvc.yaml", text)
    result = fault.run_json(changed, "--pull", env=place.dvc_env())
    if result.status != fault.OK or result.counts().get("executed") != 1:
        faults.append(f"one stage is to be executed: {result}")
    return faults


def try_parts(origin, place):
    target = origin.clone("parts")

    def pull(*words):
        return said(fault.mlops(target, "pull", *words, env=place.dvc_env()), fault.OK)
    faults = pull("data/raw/sub") + held(target, by_prefix(origin, "data/raw/sub/"))
    faults += said(fault.mlops(target, "gc", "--grace", "0"), fault.OK, "would remove 0 B")
    faults += pull("data/raw/1*.csv")
    some = {path for path in by_prefix(origin, "data/raw/1") if path.endswith(".csv")}
    wanted = {**by_prefix(origin, "data/raw/sub/"), **{path: origin.files()[path] for path in some}}
    faults += held(target, wanted)
    faults += pull("data/big.bin.dvc")
    faults += held(target, {**wanted, "data/big.bin": origin.big})
    faults += pull("count") + pull("data")
    faults += held(target, {**by_prefix(origin, "data/"), "count.txt": origin.count})
    faults += said(fault.mlops(target, "pull", "data/raw/none", env=place.dvc_env()), fault.USAGE,
                   "data/raw")
    return faults + said(fault.mlops(target, "pull", "-r", "none", env=place.dvc_env()),
                         fault.PROJECT, "none")


def try_status(origin, place):
    target = origin.clone("status")
    env = place.dvc_env()
    faults = said(fault.mlops(target, "status", "data/raw", env=env), fault.OK, "not fetched")
    faults += said(fault.mlops(target, "status", "--remote", env=env), fault.OK, "there")
    faults += said(fault.mlops(target, "pull", "data", env=env), fault.OK)
    with open(f"{target}/data/raw/1.csv", "a") as file:
        file.write("more\n")
    os.unlink(f"{target}/data/big.bin")
    faults += said(fault.mlops(target, "status", "data/raw.dvc", "data/big.bin", env=env), fault.OK,
                   "data/raw: modified", "~ 1.csv", "data/big.bin: deleted")
    faults += said(fault.mlops(target, "checkout", "data", env=env), fault.OK, "displaced")
    faults += held(target, by_prefix(origin, "data/"))
    listed = fault.mlops(target, "ls", "--json", "data", env=env)
    states = {row["path"]: row["state"] for row in json.loads(listed.out)["data"]}
    if states != {"data/big.bin": "unchanged", "data/raw": "unchanged"}:
        faults.append(f"ls: {listed}")
    return faults


def try_legacy(_, place):
    """What DVC 2.x pushed, text with its line ends made equal."""
    place.clear()
    old = DvcProject(place, "dvc-old", layout=2)
    text = old.raw["sub/crlf.txt"]
    hexes = md5(text.replace(b"\r\n", b"\n"))
    stored = old.objects()
    del stored[name_of(md5(text), 2)]
    stored[name_of(hexes, 2)] = text
    listed = manifest(old.raw).replace(md5(text).encode(), hexes.encode())
    del stored[name_of(md5(manifest(old.raw)) + ".dir", 2)]
    stored[name_of(md5(listed) + ".dir", 2)] = listed
    for path in ("data/raw.dvc", "dvc.lock"):
        content = fault.read(f"{old.root}/{path}").decode()
        fault.write(f"{old.root}/{path}", content.replace(md5(manifest(old.raw)), md5(listed)))
    project.commit(old.root, "2.x")
    for name, content in stored.items():
        place.put(name, content)
    target = old.clone("old")
    faults = said(fault.mlops(target, "pull", env=place.dvc_env()), fault.OK)
    faults += held(target, old.files())
    result = fault.run_json(target, env=place.dvc_env())
    if result.counts().get("executed") != 0:
        faults.append(f"the run: {result}")
    return faults


def try_push(origin, place):
    """Another remote gets just what DVC would have sent, and the lists last."""
    target = origin.clone("sender")
    faults = said(fault.mlops(target, "pull", env=place.dvc_env()), fault.OK)
    place.clear()
    faults += said(fault.mlops(target, "push", env=place.dvc_env()), fault.OK, "pushed")
    there, wanted = place.names(), origin.objects()
    faults += [f"not sent: {name}" for name in sorted(set(wanted) - set(there))]
    faults += [f"sent: {name}" for name in sorted(set(there) - set(wanted))]
    faults += [f"other bytes: {name}" for name in sorted(set(there) & set(wanted))
               if place.read(name) != wanted[name]]
    faults += said(fault.mlops(target, "push", env=place.dvc_env()), fault.OK, "nothing to do")
    if not faults and DVC and place.kind == "directory":
        faults += pull_by_dvc(origin, place)
    return faults


def pull_by_dvc(origin, place, files=None):
    target = origin.clone("by-dvc")
    done = subprocess.run([DVC, "pull"], cwd=target, env=place.dvc_env(DVC_NO_ANALYTICS="1"),
                          capture_output=True, text=True)
    return ([] if done.returncode == 0 else [f"dvc pull: {done.stderr}"]) + held(target, files or origin.files())


def try_add(origin, place):
    """A change of what a `.dvc` file tracks is recorded there, and travels to who has DVC."""
    target = origin.clone("adder")
    env = place.dvc_env()
    faults = said(fault.mlops(target, "pull", env=env), fault.OK)
    pointer = f"{target}/data/raw.dvc"
    fault.write(pointer, "# kept\n" + fault.read(pointer).decode() + "desc: rows\n")
    fault.write(f"{target}/data/raw/new/13.csv", "13;169\n")
    os.unlink(f"{target}/data/raw/0.csv")
    raw = {**origin.raw, "new/13.csv": b"13;169\n"}
    del raw["0.csv"]
    faults += said(fault.mlops(target, "status", "data/raw", env=env), fault.OK, "+1 -1")
    faults += said(fault.mlops(target, "add", "data/raw/new/13.csv", env=env), fault.OK, "updated")
    wanted = "# kept\nouts:\n" + out_lines("raw", raw) + "desc: rows\n"
    text = fault.read(pointer).decode().replace('"', "").replace("'", "")
    if text != wanted:
        faults.append(f"now it says {text!r}, not {wanted!r}")
    if os.path.exists(f"{target}/data/raw.mlops"):
        faults.append("there are two pointers")
    faults += said(fault.mlops(target, "add", "data/raw", "data/big.bin", env=env), fault.OK,
                   "unchanged data/raw", "unchanged data/big.bin")
    faults += said(fault.mlops(target, "add", "data", env=env), fault.PROJECT, "data/big.bin.dvc")
    faults += said(fault.mlops(target, "push", env=env), fault.OK, "pushed 2 objects")
    project.commit(target, "changed")
    project.git(origin.root, "fetch", "-q", target, "HEAD")
    project.git(origin.root, "reset", "-q", "--hard", "FETCH_HEAD")
    files = {path: content for path, content in origin.files().items()
             if not path.startswith("data/raw/")}
    files.update({f"data/raw/{name}": content for name, content in raw.items()})
    reader = origin.clone("reader")
    faults += said(fault.mlops(reader, "pull", env=env), fault.OK) + held(reader, files)
    if not faults and DVC and place.kind == "directory":
        faults += pull_by_dvc(origin, place, files)
    return faults


def try_new_result(origin, place):
    """What only our lock file records stays here, with a word on how it gets to DVC's remote."""
    target = origin.clone("maker")
    env = place.dvc_env()
    faults = said(fault.mlops(target, "pull", env=env), fault.OK)
    text = fault.read(f"{target}/dvc.yaml").decode().replace("wc -l", "wc -c")
    fault.write(f"{target}/dvc.yaml", text)
    faults += said(fault.mlops(target, "run", env=env), fault.OK)
    faults += said(fault.mlops(target, "push", env=env), fault.OK,
                   "1 output made anew by mlops is left out", "'mlops import --export-lock'")
    faults += said(fault.mlops(target, "import", "--export-lock", env=env), fault.OK)
    result = fault.mlops(target, "push", env=env)
    faults += said(result, fault.OK, "pushed 1 object")
    return faults + (["still left out"] if "left out" in result.err else [])


# --- what a remote may hold instead ---

def try_damage(_, place):
    """No byte gets a name that it has not; what is good is in place."""
    faults = []
    damages = {"wrong": lambda content: b"!" + content[1:], "cut": lambda content: content[:-1],
               "long": lambda content: content + b"!" * 5000000, "gone": None}
    for what, damage in damages.items():
        place.clear()
        origin = DvcProject(place, f"dvc-{what}")
        origin.push()
        for content in (origin.big, origin.raw["3.csv"]):
            name = name_of(md5(content))
            place.delete(name) if damage is None else place.put(name, damage(content))
        target = origin.clone(f"got-{what}")
        result = fault.mlops(target, "pull", env=place.dvc_env())
        faults += [f"{what}: {each}" for each in said(result, fault.ANSWER, "data/raw", "data/big.bin")]
        kept = {path: content for path, content in origin.files().items()
                if not path.startswith("data/")}
        faults += [f"{what}: {each}" for each in held(target, kept)]
        part = fault.mlops(target, "pull", "data/raw/sub", env=place.dvc_env())
        faults += [f"{what}: {each}" for each in said(part, fault.OK)]
        faults += [f"{what}: {each}" for each in fault.verify(target)]
        for content in (origin.big, origin.raw["3.csv"]):
            place.delete(name_of(md5(content))) if damage else None
            place.put(name_of(md5(content)), content)
        mended = fault.mlops(target, "pull", env=place.dvc_env())
        faults += [f"{what}, mended: {each}" for each in
                   said(mended, fault.OK) + held(target, origin.files())]
    return faults


def lists():
    """Lists of files that no directory may become."""
    good = md5(b"x")

    def rows(*names, **more):
        return json.dumps([{"md5": good, "relpath": name, **more} for name in names]).encode()
    return {"up": rows("../../up.txt"), "inner-up": rows("a/../../b"), "absolute": rows("/tmp/abs"),
            "twice": rows("a", "a"), "below-a-file": rows("a", "a/b"), "empty": rows(""),
            "dot": rows("./."), "git": rows(".git/hooks/post-checkout"), "nul": rows("a\0b"),
            "number": b'[{"md5": 1, "relpath": "a"}]', "map": b'{"a": 1}', "cut": rows("a")[:-1],
            "no-json": b"\x00\xff" * 100, "no-md5": b'[{"relpath": "a"}]',
            "deep": b"[" * 100000, "big": rows("a" * (100 << 20)),
            "many": b"[" + b"{}," * (1 << 20) + b"{}]"}


def try_lists(_, place):
    """Nothing is written outside of the directory, nor anything of a list that is wrong."""
    faults = []
    if place.kind not in ("directory", "webdav-auth"):
        return None
    for what, listed in lists().items():
        place.clear()
        origin = DvcProject(place, f"dvc-list-{what}")
        origin.push()
        place.put(name_of(md5(b"x")), b"x")
        place.put(name_of(md5(listed) + ".dir"), listed)
        entry = out_lines("raw", {}).replace(md5(manifest({})), md5(listed))
        fault.write(f"{origin.root}/data/raw.dvc", "outs:\n" + entry.replace("size: 0", "size: 1"))
        project.commit(origin.root, "hostile")
        target = origin.clone(f"list-{what}")
        result = fault.mlops(target, "pull", env=place.dvc_env())
        wanted = (fault.MACHINE, fault.STORED, fault.PROJECT, fault.ANSWER)
        if result.status not in wanted or "data/raw" not in result.err + result.out:
            faults.append(f"{what}: {result}")
        if os.path.exists(f"{target}/data/raw") or os.path.exists(f"{fault.scratch()}/up.txt") \
                or os.path.exists("/tmp/abs"):
            faults.append(f"{what}: something was written")
    return faults


def try_settings(_, place):
    """What can't be followed is told, with what to do."""
    if place.kind != "directory":
        return None
    place.clear()
    origin = DvcProject(place, "dvc-settings")
    origin.push()
    faults = []
    wrong = {"url = gs://bucket/x": "gs://", "url = azure://x/y": "azure://",
             "url = gdrive://abc": "gdrive://", "url = hdfs://h/x": "hdfs://",
             "url = remote://nobody/x": "nobody", "url = remote://store/x": "without end",
             "url = s3://bucket/x\n    version_aware = true": "version_aware",
             "url = webdav://h/x\n    user = a\n    ask_password = true": "ask_password",
             "url = https://h/x\n    auth = digest": "auth",
             "url = ssh://h/x\n    password = secret-word": "password"}
    for text, word in wrong.items():
        target = origin.clone("wrong", configured=False)
        fault.write(f"{target}/.dvc/config",
                    f"[core]\n    remote = store\n['remote \"store\"']\n    {text}\n")
        result = fault.mlops(target, "pull", env=place.dvc_env())
        faults += [f"{text}: {each}" for each in said(result, fault.PROJECT, word)]
        if "secret-word" in result.out + result.err:
            faults.append(f"{text}: tells the secret")
    target = origin.clone("referring", configured=False)
    fault.write(f"{target}/.dvc/config",
                "[core]\n    remote = store\n['remote \"store\"']\n    url = remote://base/"
                f"{os.path.basename(place.root)}\n['remote \"base\"']\n"
                f"    url = {os.path.dirname(place.root)}\n")
    faults += said(fault.mlops(target, "pull", env=place.dvc_env()), fault.OK)
    faults += held(target, origin.files())
    return faults


def try_honest(_, place):
    """DVC writes what the tests' writer writes."""
    if place.kind != "directory" or not DVC:
        return None
    place.clear()
    origin = DvcProject(place, "dvc-honest")
    for path, content in by_prefix(origin, "data/").items():
        fault.write(f"{origin.root}/{path}", content)
    env = place.dvc_env(DVC_NO_ANALYTICS="1")
    before = {path: fault.read(f"{origin.root}/{path}") for path in
              ("data/raw.dvc", "data/big.bin.dvc", "dvc.lock")}
    for words in (["add", "-q", "data/raw", "data/big.bin"], ["repro", "-q", "--force"],
                  ["push", "-q"]):
        done = subprocess.run([DVC, *words], cwd=origin.root, env=env, capture_output=True, text=True)
        if done.returncode:
            return [f"dvc {words}: {done.stderr}"]
    faults = [f"DVC writes another {path}: {fault.read(f'{origin.root}/{path}')}"
              for path, text in before.items() if fault.read(f"{origin.root}/{path}") != text]
    wanted = origin.objects()
    faults += [f"DVC has no {name}" for name in set(wanted) - set(place.names())]
    return faults + [f"only DVC has {name}" for name in set(place.names()) - set(wanted)]


OWN_PROJECT = [try_legacy, try_damage, try_lists, try_settings, try_honest]
TESTS = [try_pull, try_run_pull, try_parts, try_status, try_push, try_add, try_new_result,
         *OWN_PROJECT]


def try_one(test, place):
    origin = None
    if test not in OWN_PROJECT:
        place.clear()
        origin = DvcProject(place)
        origin.push()
    return test(origin, place)


def try_kind(kind):
    tally = fault.Tally(f"dvc remote {kind}")
    with places.KINDS[kind]() as place:
        for test in TESTS:
            places.attempt(tally, kind, test, lambda test=test: try_one(test, place))
    return tally.bad


def main():
    chosen = fault.arguments((["kinds"], dict(nargs="*", help="kinds of remotes")))
    bad = places.bad_of_kinds(chosen, EVERYDAY, try_kind)
    if not DVC:
        print("ok compared with DVC itself # skip DVC is not installed")
    sys.exit(1 if bad else 0)


main()
