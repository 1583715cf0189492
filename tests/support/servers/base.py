"""What all servers share: a directory, free ports, processes that never outlive the test."""
import atexit
import ctypes
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time

READY_SECONDS = 30
OWN_PORTS = (20000, 32000)
PR_SET_PDEATHSIG = 1


class Missing(Exception):
    """A server can't run here: the text says what is missing. Tests skip with it."""


def free_ports(count):
    """`count` different ports, below those that the kernel gives to clients: one that was freed
    again could be given to the next probe, or to a connection, before its server binds it."""
    ports = set()
    while len(ports) < count:
        port = random.randrange(*OWN_PORTS)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        ports.add(port)
    return list(ports)


def free_port():
    return free_ports(1)[0]


def find_program(name, package):
    """Also where only root's PATH looks."""
    path = os.environ.get("PATH", "/usr/bin:/bin") + ":/usr/sbin:/sbin:/usr/lib/openssh"
    found = shutil.which(name, path=path)
    if not found:
        raise Missing(f"{name} is not installed (Debian: {package})")
    return found


def write(path, text, mode=0o644):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w") as file:
        file.write(text)
    return path


def run(*command, **options):
    done = subprocess.run(command, capture_output=True, text=True, **options)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr or done.stdout}")
    return done.stdout


_libc = ctypes.CDLL(None)


def _die_with_parent():
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def descendants(pid):
    """The process and all below it, parents first."""
    below = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat") as file:
                parent = int(file.read().rsplit(")", 1)[1].split()[1])
        except (OSError, ValueError, IndexError):
            continue
        below.setdefault(parent, []).append(int(name))
    found = [pid]
    for each in found:
        found.extend(below.get(each, []))
    return found


class Server:
    """A directory and processes. `with` or stop() ends it; so does the end of the test, however it
    comes: each process asks the kernel to be killed when the one that started it is gone."""

    def __init__(self, directory=None):
        self.is_own = directory is None
        self.directory = directory or tempfile.mkdtemp(prefix="mlops-server-")
        os.makedirs(self.directory, exist_ok=True)
        self.processes = []
        self.owner = os.getpid()
        atexit.register(self.stop)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def path(self, *names):
        return os.path.join(self.directory, *names)

    def launch(self, *command, env=None, preexec=None):
        def prepare():
            _die_with_parent()
            if preexec:
                preexec()
        log = open(self.path("log"), "ab")
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                   env=env, preexec_fn=prepare, start_new_session=True)
        log.close()
        self.processes.append(process)
        return process

    def log(self):
        try:
            with open(self.path("log"), errors="replace") as file:
                return file.read()
        except OSError:
            return ""

    def wait_ready(self, port):
        """Until something listens there; the log is in the error if it does not come to that."""
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            if any(process.poll() is not None for process in self.processes):
                break
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.02)
        log = self.log()
        self.stop()
        raise RuntimeError(f"the server does not listen at port {port}:\n{log[-3000:]}")

    def kill(self):
        """As a crash: everything at once, connections in the middle of what they do."""
        for process in self.processes:
            if process.poll() is None:
                for pid in reversed(descendants(process.pid)):
                    try:
                        os.kill(pid, signal.SIGKILL)
                    except ProcessLookupError:
                        pass
            process.wait()
        self.processes = []

    def stop(self):
        if os.getpid() != self.owner:
            return
        self.kill()
        if self.is_own and not os.environ.get("SERVERS_KEEP"):
            shutil.rmtree(self.directory, ignore_errors=True)
        atexit.unregister(self.stop)
