"""Where a bench works: a file system in a file, so that its kind is known and it starts out empty."""
import os
import shutil
import subprocess

GIB = 1 << 30
QUIET = dict(stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
MAKERS = {"ext4": ["mkfs.ext4", "-q", "-E", "lazy_itable_init=0,lazy_journal_init=0", "-N"],
          "xfs": ["mkfs.xfs", "-q"], "btrfs": ["mkfs.btrfs", "-q"]}


def settle(directory):
    """What was written before is not paid by what is measured next."""
    subprocess.run(["sync", "-f", directory], check=True)


class Volume:
    """A file system in a file, mounted; without root or with kind `none` a plain directory."""

    def __init__(self, work, kind, gib, inodes=4_000_000, name=""):
        self.where = os.path.join(work, f"volume-{name or kind}")
        self.image = None
        os.makedirs(self.where)
        if kind == "none" or os.geteuid() != 0:
            return
        image = self.where + ".image"
        with open(image, "wb") as file:
            file.truncate(int(gib * GIB))
        maker = MAKERS[kind] + ([str(inodes)] if kind == "ext4" else [])
        path = os.environ["PATH"] + ":/usr/sbin:/sbin"
        for command in ([*maker, image], ["mount", "-o", "loop", image, self.where]):
            subprocess.run(command, check=True, env=dict(os.environ, PATH=path), **QUIET)
        self.image = image

    def warm_up(self, gib):
        """Writes a file and removes it. A virtual machine gets memory from its host when it touches
        it first, at a third of the speed of memory it has: whoever is measured first would pay."""
        path = os.path.join(self.where, "warm-up")
        block = os.urandom(8 << 20)
        left = min(gib * GIB, shutil.disk_usage(self.where).free / 4)
        with open(path, "wb", buffering=0) as file:
            while left > 0:
                left -= file.write(block)
        os.unlink(path)
        settle(self.where)

    def discard(self, path):
        """Removes what was measured; not from `/`, which may have no journal: there creating files
        is slow for minutes after many were removed."""
        if self.image:
            shutil.rmtree(path)

    def close(self):
        if self.image:
            subprocess.run(["umount", self.where], **QUIET)
            os.unlink(self.image)
