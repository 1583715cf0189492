"""A file system whose power can be cut: whatever was not flushed is lost, as the disk's own cache is.

nbdkit's cache filter passes on what is written only at a flush; killing it drops the rest. nbdfuse
shows it as a file, a loop device makes that a disk. What survives is in `image`."""
import os
import shutil
import signal
import subprocess
import time

import fault

PROGRAMS = ["nbdkit", "nbdfuse", "losetup", "mkfs.ext4", "e2fsck", "fusermount3", "mount", "umount"]


def missing():
    """Why no power can be cut here; None if it can."""
    if os.geteuid() != 0:
        return "cutting power needs root (loop devices, mounts)"
    path = os.environ["PATH"] + ":/usr/sbin:/sbin"
    for program in PROGRAMS:
        if not shutil.which(program, path=path):
            return f"{program} is not installed (tests/packages.txt, servers)"
    if not os.path.exists("/dev/fuse"):
        return "there is no /dev/fuse"
    if not os.path.exists("/dev/loop-control"):
        return "there are no loop devices"
    return None


def do(*command):
    done = subprocess.run(command, capture_output=True, text=True,
                          env=dict(os.environ, PATH=os.environ["PATH"] + ":/usr/sbin:/sbin"))
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr}")
    return done.stdout.strip()


def quietly(*command):
    try:
        do(*command)
    except RuntimeError:
        pass


class PowerDisk:
    def __init__(self, size="256M"):
        self.base = os.path.join(fault.scratch(), f"power-{os.urandom(3).hex()}")
        self.image, self.mount = self.base + "/image", self.base + "/mnt"
        self.fuse, self.loop, self.shown = self.base + "/fuse", None, None
        for directory in (self.fuse, self.mount):
            os.makedirs(directory)
        do("truncate", "-s", size, self.image)
        do("mkfs.ext4", "-q", self.image)

    def __enter__(self):
        try:
            self._switch_on()
        except BaseException:
            self._take_away()
            raise
        return self

    def __exit__(self, *_):
        self._take_away()

    def _switch_on(self):
        script = self.base + "/serve"
        fault.write(script, f"#!/bin/sh\necho $$ > {self.base}/pid\n"
                            f"exec nbdkit --filter=cache file {self.image} cache=writeback\n", 0o755)
        self.shown = subprocess.Popen(["nbdfuse", self.fuse + "/disk", "[", script, "]"],
                                      stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        for _ in range(100):
            if os.path.exists(self.fuse + "/disk"):
                break
            if self.shown.poll() is not None:
                raise RuntimeError(f"nbdfuse: {self.shown.stderr.read().decode()}")
            time.sleep(0.05)
        self.loop = do("losetup", "-f", "--show", self.fuse + "/disk")
        # Nothing is committed because time has passed: what survives was synced.
        do("mount", "-o", "commit=300", self.loop, self.mount)

    def cut(self):
        """The power goes, comes back, and the journal is replayed."""
        os.kill(int(fault.read(self.base + "/pid")), signal.SIGKILL)
        time.sleep(0.1)
        self._take_away()
        self.loop = do("losetup", "-f", "--show", self.image)
        subprocess.run(["e2fsck", "-fp", self.loop], capture_output=True)
        do("mount", self.loop, self.mount)

    def _take_away(self):
        quietly("umount", "-l", self.mount)
        if self.loop:
            quietly("losetup", "-d", self.loop)
            self.loop = None
        if self.shown:
            quietly("fusermount3", "-uz", self.fuse)
            self.shown.kill()
            self.shown.wait()
            self.shown.stderr.close()
            self.shown = None
