"""What the conformance tests share: finding the data, a place for a project, calling mlops, and TAP.

The data of others are no part of this project: $MLOPS_CONFORMANCE names their folder, and without it
these tests say so and end with status 77. $MLOPS names the program."""
import json
import math
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

SKIPPED = 77


def skip(reason):
    print("skipped:", reason)
    sys.exit(SKIPPED)


def data(*parts):
    """A path in the conformance data."""
    top = os.environ.get("MLOPS_CONFORMANCE")
    if not top:
        skip("MLOPS_CONFORMANCE is not set")
    path = Path(top, *parts)
    if not path.exists():
        skip(f"{'/'.join(parts)} is not in the conformance data")
    return path


def program():
    path = os.environ.get("MLOPS")
    if not path:
        skip("MLOPS names no program")
    return os.path.abspath(path)


def environment(home):
    """Nothing of the caller's settings reaches the program."""
    keep = {k: v for k, v in os.environ.items() if not k.startswith(("MLOPS", "DVC", "GIT"))}
    return dict(keep, HOME=str(home), XDG_CONFIG_HOME=f"{home}/.config", XDG_STATE_HOME=f"{home}/.local/state",
                LC_ALL="C.UTF-8", TZ="UTC", TERM="dumb", NO_COLOR="1", MLOPS_DURABILITY="none",
                GIT_CONFIG_NOSYSTEM="1", DVC_NO_ANALYTICS="1")


class Project:
    """A DVC project of given files in a folder that goes with it."""

    def __init__(self, files, config=None):
        self.folder = tempfile.TemporaryDirectory(prefix="mlops-conformance-")
        self.root = Path(self.folder.name) / "project"
        self.env = environment(Path(self.folder.name) / "home")
        self.write({".dvc/config": config_text(config or {})})
        self.write(files)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.folder.cleanup()

    def write(self, files):
        for name, text in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text if isinstance(text, bytes) else text.encode())

    def mlops(self, *words, timeout=300):
        return subprocess.run([program(), *words], cwd=self.root, env=self.env, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=timeout, check=False)

    def resolved(self, name):
        """`mlops lint --resolved --json NAME`: its answer, or one with the crash as `error`."""
        done = self.mlops("lint", "--resolved", "--json", name)
        try:
            answer = json.loads(done.stdout)
        except ValueError:
            return {"error": {"phase": f"exit {done.returncode}", "message": (done.stdout + done.stderr)[:2000]}}
        if done.returncode not in (0, 3) or (done.returncode == 3) != ("error" in answer):
            return {"error": {"phase": f"exit {done.returncode}", "message": done.stderr[:2000]}}
        return answer


def config_text(options):
    """DVC's config file of {"section.key": value}."""
    text = ""
    for name, value in options.items():
        section, key = name.split(".")
        text += f"[{section}]\n    {key} = {value}\n"
    return text


def same(wanted, got):
    """Equal with types: 1 is not 1.0 and not true. NaN is itself. Order of maps does not count."""
    if type(wanted) is not type(got):
        return False
    if isinstance(wanted, dict):
        return wanted.keys() == got.keys() and all(same(v, got[k]) for k, v in wanted.items())
    if isinstance(wanted, list):
        return len(wanted) == len(got) and all(map(same, wanted, got))
    if isinstance(wanted, float) and math.isnan(wanted):
        return math.isnan(got)
    return wanted == got


def differences(wanted, got, at=""):
    """Lines that tell where two values differ."""
    if same(wanted, got):
        return
    if isinstance(wanted, dict) and isinstance(got, dict):
        for key in list(wanted) + [k for k in got if k not in wanted]:
            if key not in got:
                yield f"{at}/{key}: wanted {short(wanted[key])}, got nothing"
            elif key not in wanted:
                yield f"{at}/{key}: wanted nothing, got {short(got[key])}"
            else:
                yield from differences(wanted[key], got[key], f"{at}/{key}")
    elif isinstance(wanted, list) and isinstance(got, list) and len(wanted) == len(got):
        for i, (left, right) in enumerate(zip(wanted, got)):
            yield from differences(left, right, f"{at}[{i}]")
    else:
        yield f"{at}: wanted {short(wanted)}, got {short(got)}"


def short(value):
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 300 else text[:300] + "..."


def tap(names, check, jobs=None):
    """check(name) gives lines of what is wrong, for every name; ends the program."""

    def look(name):
        lines = []
        try:
            lines.extend(check(name))
        except (OSError, ValueError, KeyError, subprocess.SubprocessError) as error:
            lines.append(f"{type(error).__name__}: {error}")
        return lines

    failed = 0
    print(f"1..{len(names)}")
    with ThreadPoolExecutor(jobs or os.cpu_count() or 1) as pool:
        for number, (name, lines) in enumerate(zip(names, pool.map(look, names)), 1):
            failed += bool(lines)
            print(f"{'not ok' if lines else 'ok'} {number} - {name}")
            for line in lines[:20]:
                print("  # " + line.replace("\n", "\n  #   "))
            if len(lines) > 20:
                print(f"  # and {len(lines) - 20} more")
    return failed
