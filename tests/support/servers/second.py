"""S3 servers besides Swift, written by others again. None is a Debian package: each is used where its
program is in PATH, so that what a single server does is not taken for what S3 is.

moto and gofakes3 take any signature; versitygw checks it, and the sums. All of them heed
If-None-Match or pass it over, and give parts, pages and ranges in their own ways."""
import os
import shutil

from . import s3
from .base import Missing, Server, free_port

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
