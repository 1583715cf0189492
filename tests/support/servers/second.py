"""S3 servers besides Swift, written by others again. None is a Debian package: each is used where its
program is in PATH, so that what a single server does is not taken for what S3 is.

moto and gofakes3 take any signature; versitygw checks it, and the sums. All of them heed
If-None-Match or pass it over, and give parts, pages and ranges in their own ways."""
import os
import shutil

from . import s3
from .base import Missing, Server, find_program, free_port, run

KINDS = ("moto_server", "gofakes3", "versitygw")


class Second(Server):
    """`kind`: one of KINDS. Otherwise as s3.S3."""
    request, make_bucket = s3.S3.request, s3.S3.make_bucket
    environment, endpoint = s3.S3.environment, s3.S3.endpoint

    def __init__(self, kind):
        self.program = shutil.which(kind)
        if not self.program:
            raise Missing(f"{kind} is not in PATH")
        super().__init__()
        self.kind = kind
        self.port = free_port()
        self.start()

    def start(self):
        address = f"127.0.0.1:{self.port}"
        folder = self.path("buckets")
        os.makedirs(folder, exist_ok=True)
        words = {"moto_server": ["-H", "127.0.0.1", "-p", str(self.port)],
                 "gofakes3": ["-host", address, "-backend", "bolt", "-bolt.db", self.path("db")],
                 "versitygw": ["--access", s3.KEY_ID, "--secret", s3.SECRET, "--port", address,
                               "posix", folder]}[self.kind]
        self.launch(self.program, *words)
        self.wait_ready(self.port)


class Rclone(Server):
    """`kind`: sftp or webdav, both over one directory `root`. As a front for stores of objects is, it
    is no file system: an open file can't be renamed, and links are not made."""

    def __init__(self, kind):
        program = find_program("rclone", "rclone")
        super().__init__()
        self.kind, self.port, self.root = kind, free_port(), self.path("root")
        os.makedirs(self.root)
        words = ["--addr", f"127.0.0.1:{self.port}"]
        if kind == "sftp":
            run(find_program("ssh-keygen", "openssh-client"), "-q", "-t", "ed25519", "-N", "", "-f",
                self.path("key"))
            words += ["--authorized-keys", self.path("key.pub")]
        self.launch(program, "serve", kind, self.root, *words,
                    env=dict(os.environ, XDG_CACHE_HOME=self.path("cache"), HOME=self.directory))
        self.wait_ready(self.port)

    def settings(self):
        """Of a remote `store` below the root."""
        if self.kind == "webdav":
            return dict(url=f"webdav://localhost:{self.port}/store")
        options = ("-oStrictHostKeyChecking=no", "-oIdentitiesOnly=yes",
                   f"-oUserKnownHostsFile={self.path('known_hosts')}")
        return dict(url=f"ssh://somebody@127.0.0.1:{self.port}/store",
                    ssh_command=f"ssh -F /dev/null -i {self.path('key')} {' '.join(options)}")
