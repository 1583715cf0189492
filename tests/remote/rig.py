"""For the tests of transports against real servers: runs build/.../transport_tool and keeps count."""
import os
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "support"))
from servers import base, proxy, s3, ssh, web  # noqa: E402,F401

TOOL = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else "build/dev/tests/transport_tool")
scratch = tempfile.mkdtemp(prefix="mlops-remote-")
counts = {"passed": 0, "failed": 0}


def check(name, holds, told=""):
    counts["passed" if holds else "failed"] += 1
    print(("ok " if holds else "not ok ") + name + ("" if holds else f"\n  {told}"), flush=True)


class Done:
    """What an operation came to."""

    def __init__(self, process):
        self.status, self.out = process.returncode, process.stdout
        self.text = process.stdout.decode(errors="replace").strip()
        self.error = process.stderr.decode(errors="replace")

    def __repr__(self):
        return f"status {self.status}, out {self.out[:300]!r}, error {self.error}"

    def fails(self, *parts):
        """An error of the machine whose text holds all the parts, and no secret."""
        return self.status == 4 and all(part in self.error for part in parts)


class Remote:
    """Operations with these settings and, besides PATH, only this environment."""

    def __init__(self, environment=None, wrapper=(), **settings):
        self.environment = dict(environment or {}, PATH=os.environ["PATH"])
        self.wrapper = list(wrapper)
        self.settings = settings

    def run(self, *words, **more):
        settings = [f"{key}={value}" for key, value in {**self.settings, **more}.items()]
        return Done(subprocess.run([*self.wrapper, TOOL, *settings, *words], capture_output=True,
                                   env=self.environment, timeout=120))

    def start(self, *words):
        settings = [f"{key}={value}" for key, value in self.settings.items()]
        return subprocess.Popen([*self.wrapper, TOOL, *settings, *words], env=self.environment,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def names(self, prefix="-"):
        return sorted(line.split()[0] for line in self.run("list", prefix).text.splitlines())


def make_file(name, size, seed=0):
    """A file whose every part can be told from every other."""
    path = os.path.join(scratch, name)
    block = b"".join((seed + i).to_bytes(8, "big") for i in range(8192))
    with open(path, "wb") as file:
        for number in range(0, size, len(block)):
            file.write((number.to_bytes(8, "big") + block[8:])[:size - number])
    return path


def content(path):
    with open(path, "rb") as file:
        return file.read()


def stops(remote, *words, after):
    """SIGTERM at a moment that `after` waits for ends the operation, with 128 + 15."""
    process = remote.start(*words)
    after()
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=20)
    return process.returncode == 143


def main(*tests):
    try:
        for test in tests:
            test()
    except base.Missing as missing:
        print("skipped:", missing)
        sys.exit(77)
    finally:
        subprocess.run(["rm", "-rf", scratch], check=False)
    print(f"# {counts['passed']} passed, {counts['failed']} failed")
    sys.exit(1 if counts["failed"] else 0)
