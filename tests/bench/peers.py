"""The peers: how each is installed, started in a directory, and does what mlops does."""
import os
import shutil
import subprocess
import sys

DEBIAN = ["git", "git-annex", "borgbackup", "ostree", "restic", "rclone", "rsync", "xfsprogs",
          "btrfs-progs"]
GIT = dict(GIT_CONFIG_NOSYSTEM="1", GIT_AUTHOR_NAME="b", GIT_AUTHOR_EMAIL="b@example.org",
           GIT_COMMITTER_NAME="b", GIT_COMMITTER_EMAIL="b@example.org")


class Peer:
    """`add` gives commands; `store` is where the bytes go, below the project."""
    name = program = store = ""
    status = None

    def __init__(self, program):
        self.program = program
        self.env = dict(os.environ, **GIT, RESTIC_PASSWORD="x", BORG_PASSPHRASE="x",
                        BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK="yes", DVC_NO_ANALYTICS="1")

    def run(self, where, *words):
        subprocess.run(words, cwd=where, env=self.env, check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)

    def init(self, where):
        self.run(where, "git", "init", "-q")

    def add(self, where, what="data", second=False):
        raise NotImplementedError

    def checkout(self, where):
        raise NotImplementedError


class Git(Peer):
    name, store, status = "git", ".git", ["git", "status", "--porcelain"]

    def add(self, where, what="data", second=False):
        # As durable as ours.
        sure = ["-c", "core.fsync=all", "-c", "core.fsyncMethod=batch"]
        return [["git", *sure, "add", what], ["git", *sure, "commit", "-q", "-m", "x"]]

    def checkout(self, where):
        return ["git", "checkout", "-q", "--", "."]


class Dvc(Peer):
    name, store = "dvc", ".dvc/cache"

    def __init__(self, program):
        super().__init__(program)
        self.status = [program, "status", "-q"]

    def init(self, where):
        super().init(where)
        self.run(where, self.program, "init", "-q")

    def add(self, where, what="data", second=False):
        return [[self.program, "add", "-q", what]]

    def checkout(self, where):
        return [self.program, "checkout", "-q"]


class Restic(Peer):
    name, store = "restic", "store"

    def init(self, where):
        self.run(where, "restic", "-q", "-r", "store", "init")

    def add(self, where, what="data", second=False):
        return [["restic", "-q", "-r", "store", "backup", what]]

    def checkout(self, where):
        return ["restic", "-q", "-r", "store", "restore", "latest", "--target", "."]


class Annex(Peer):
    name, store = "git-annex", ".git/annex"

    def init(self, where):
        super().init(where)
        self.run(where, "git", "annex", "init", "-q")

    def add(self, where, what="data", second=False):
        return [["git", "annex", "add", "-q", "-J2", what], ["git", "commit", "-q", "-m", "x"]]


class Borg(Peer):
    name, store = "borg", "store"

    def init(self, where):
        self.run(where, "borg", "init", "-e", "none", "store")

    def add(self, where, what="data", second=False):
        return [["borg", "create", "-C", "none", "store::b" if second else "store::a", what]]

    def checkout(self, where):
        return ["borg", "extract", "store::a"]


class Ostree(Peer):
    name, store = "ostree", "store"

    def init(self, where):
        self.run(where, "ostree", "init", "--repo=store", "--mode=bare-user-only")

    def add(self, where, what="data", second=False):
        return [["ostree", "commit", "--repo=store", "-b", "x", what]]

    def checkout(self, where):
        return ["ostree", "checkout", "-U", "--repo=store", "x", "data"]


class Xvc(Peer):
    name, store = "xvc", ".xvc"

    def init(self, where):
        super().init(where)
        self.run(where, self.program, "init")

    def add(self, where, what="data", second=False):
        return [[self.program, "file", "track", what]]


PEERS = {"git": Git, "dvc": Dvc, "restic": Restic, "git-annex": Annex, "borg": Borg,
         "ostree": Ostree, "xvc": Xvc}


def found(tools):
    """{name: Peer} of those in PATH or installed below `tools`."""
    path = os.pathsep.join([os.path.join(tools, "venv/bin"), os.path.join(tools, "bin"),
                            os.environ["PATH"]])
    programs = {name: shutil.which(name, path=path) for name in PEERS}
    return {name: PEERS[name](program) for name, program in programs.items() if program}


def install(tools):
    """What can be had; what can't is told and left out. Only ever called by --install-peers."""
    os.makedirs(tools, exist_ok=True)
    root = [] if os.geteuid() == 0 else ["sudo"]
    steps = [[*root, "apt-get", "-qq", "install", "-y", "--no-install-recommends", *DEBIAN],
             ["python3", "-m", "venv", tools + "/venv"],
             [tools + "/venv/bin/pip", "install", "-q", "dvc[s3]"],
             ["cargo", "install", "--quiet", "--locked", "--root", tools, "xvc"]]
    for step in steps:
        try:
            done = subprocess.run(step, stdout=subprocess.DEVNULL, timeout=900)
            fine = done.returncode == 0
        except (OSError, subprocess.TimeoutExpired):
            fine = False
        if not fine:
            print(f"  not installed: {' '.join(step)}", file=sys.stderr)
