"""Places where a remote can be, each a real server or a directory, and an independent look at what
lies there: the layout of docs/formats.md ("Packs", "Remotes") read without the product's code."""
import ctypes
import hashlib
import os
import re
import struct
import sys
import xml.etree.ElementTree

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../../crash/lib"), os.path.join(HERE, "../../support")]
import fault  # noqa: E402
from servers import base, proxy, s3, ssh, web  # noqa: E402

BUCKET = "mlops-test"
AWS = re.compile("AWS_")
TOKEN_VARIABLE, PASSWORD_VARIABLE = "PLACE_TOKEN", "PLACE_PASSWORD"


class Place:
    """`settings`: words of `mlops remote add`; `environment`: what commands need in theirs.
    `proxy` stands before the server if the place was made with rules (also none: [])."""
    kind = "directory"
    can_write = True

    def __init__(self, rules=None):
        self.proxy = None
        self.settings, self.environment = [], {}
        self._open()
        if rules is not None:
            self.proxy = proxy.Proxy(self.port(), rules, raw=self.kind.startswith("sftp"))
            self._go_through(self.proxy.port)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.proxy:
            self.proxy.stop()
        self._close()

    def _open(self):
        self.root = os.path.join(fault.scratch(), f"remote-{os.urandom(4).hex()}")

    def _close(self):
        fault.remove(self.root)

    def port(self):
        raise NotImplementedError(f"a {self.kind} has no port")

    def _go_through(self, port):
        raise NotImplementedError

    def url(self):
        return self.root

    def add(self, project, *more):
        """`mlops remote add origin ... --default --local`: in no file that git tracks."""
        result = fault.mlops(project, "remote", "add", "origin", self.url(), *self.settings, *more,
                             "--default", "--local", env=self.env())
        if result.status != fault.OK:
            raise RuntimeError(f"remote add: {result}")

    def env(self, **more):
        return fault.environment(**dict(self.environment, **more))

    def dvc(self, project):
        """Settings of DVC for this place, those that are shared and those that are not."""
        return {"url": os.path.relpath(self.root, f"{project}/.dvc")}, {}

    def dvc_env(self, **more):
        """What commands need beside those settings."""
        return fault.environment(**more)

    # What lies there, past the product and the proxy.

    def names(self):
        """{name: size}"""
        return {os.path.relpath(os.path.join(folder, name), self.root):
                os.stat(os.path.join(folder, name)).st_size
                for folder, _, names in os.walk(self.root) for name in names}

    def read(self, name):
        return fault.read(os.path.join(self.root, name))

    def put(self, name, content):
        fault.write(os.path.join(self.root, name), content)

    def delete(self, name):
        os.unlink(os.path.join(self.root, name))

    def clear(self):
        """Empty, and without rules."""
        if self.proxy:
            self.proxy.set_rules([])
            self.proxy.take_log()
        for name in self.names():
            self.delete(name)


class Served(Place):
    """What is on the disk of the machine that serves it."""

    def _close(self):
        self.server.stop()

    def kill(self):
        self.server.kill()

    def start(self):
        self.server.start()

    def port(self):
        return self.server.port


class Sftp(Served):
    kind = "sftp"

    def _open(self):
        self.server = ssh.Ssh(with_binary=self.kind == "sftp-binary")
        self.root = self.server.root + "/remote"
        self.settings = ["ssh_command=" + self.server.command]

    def _go_through(self, port):
        for name in ("config", "known_hosts"):
            text = fault.read(self.server.path(name)).decode()
            base.write(self.server.path(name), text.replace(str(self.server.port), str(port)), 0o600)

    def url(self):
        return self.server.url("remote")

    def dvc(self, project):
        return ({"url": f"ssh://127.0.0.1{self.root}", "user": self.server.user,
                 "port": self.server.port}, {"keyfile": self.server.identity})

    def dvc_env(self, **more):
        """An ssh that knows the host and nothing else of how to log in."""
        folder = self.server.path("program")
        fault.write(f"{folder}/ssh", f"""\
#!/bin/sh
exec {self.server.ssh} -F none -o UserKnownHostsFile={self.server.path("known_hosts")} \\
  -o IdentitiesOnly=yes -o IdentityAgent=none "$@"
""", 0o755)
        return fault.environment(PATH=f"{folder}:{os.environ['PATH']}", **more)


class SftpBinary(Sftp):
    kind = "sftp-binary"


class Webdav(Served):
    kind, way = "webdav", "dav"

    def _open(self):
        self.server = web.Web()
        self.root = self.server.root + "/remote"

    def port(self):
        return self.server.ports[self.way]

    def _go_through(self, port):
        self.server.ports[self.way] = port

    def url(self):
        return self.server.url(self.way, "remote")

    def dvc(self, project):
        return {"url": self.url()}, {}


class WebdavAuth(Webdav):
    kind, way = "webdav-auth", "auth"

    def _open(self):
        super()._open()
        self.settings = ["user=" + web.USER, "password_env=" + PASSWORD_VARIABLE]
        self.environment = {PASSWORD_VARIABLE: web.PASSWORD}

    def dvc(self, project):
        return {"url": self.url(), "user": web.USER}, {"password": web.PASSWORD}


class WebdavToken(Webdav):
    kind, way = "webdav-token", "token"

    def _open(self):
        super()._open()
        self.settings = ["token_env=" + TOKEN_VARIABLE]
        self.environment = {TOKEN_VARIABLE: web.TOKEN}

    def dvc(self, project):
        return {"url": self.url()}, {"token": web.TOKEN}


class WebdavTls(WebdavAuth):
    kind, way = "webdav-tls", "tls_auth"

    def _open(self):
        super()._open()
        self.settings.append("ca=" + self.server.ca)

    def dvc(self, project):
        shared, secret = super().dvc(project)
        return {**shared, "ssl_verify": self.server.ca}, secret


class S3(Served):
    """Names are listed and read by a client of our own."""
    kind = "s3"
    devices = None

    def _open(self):
        self.server = s3.S3(devices=self.devices)
        self.server.make_bucket(BUCKET)
        self.through = self.server.port
        self.settings = ["endpoint=" + self.endpoint(), "region=" + s3.REGION]
        self.environment = dict(dict.fromkeys(filter(AWS.match, os.environ)),
                                **self.server.environment())

    def endpoint(self):
        return f"http://localhost:{self.through}"

    def _go_through(self, port):
        self.through = port
        self.settings[0] = "endpoint=" + self.endpoint()

    def url(self):
        return f"s3://{BUCKET}/some/prefix"

    def dvc(self, project):
        return ({"url": self.url(), "endpointurl": self.endpoint(), "region": s3.REGION},
                {"access_key_id": s3.KEY_ID, "secret_access_key": s3.SECRET})

    def dvc_env(self, **more):
        return fault.environment(**dict.fromkeys(filter(AWS.match, os.environ)), **more)

    def _ask(self, method, name="", query=None, body=b""):
        path = f"/{BUCKET}" + (f"/some/prefix/{name}" if name else "")
        status, content, _ = self.server.request(method, path, query, body)
        if status not in (200, 204):
            raise RuntimeError(f"{method} {name}: {status} {content[:300]}")
        return content

    def names(self):
        found, query = {}, {"list-type": "2", "prefix": "some/prefix/"}
        while True:
            tree = xml.etree.ElementTree.fromstring(self._ask("GET", query=query))
            space = tree.tag[:tree.tag.index("}") + 1]
            for item in tree.iter(space + "Contents"):
                name = item.findtext(space + "Key")[len("some/prefix/"):]
                found[name] = int(item.findtext(space + "Size"))
            token = tree.findtext(space + "NextContinuationToken")
            if not token:
                return found
            query["continuation-token"] = token

    def read(self, name):
        return self._ask("GET", name)

    def put(self, name, content):
        self._ask("PUT", name, body=content.encode() if isinstance(content, str) else content)

    def delete(self, name):
        self._ask("DELETE", name)


class S3Tls(S3):
    """Behind nginx, as there is mostly something before an S3 server."""
    kind = "s3-tls"

    def _open(self):
        super()._open()
        self.front = web.Web(upstream={"s3": self.server.port})
        self.settings = [f"endpoint=https://localhost:{self.front.ports['s3']}",
                         "region=" + s3.REGION, "ca=" + self.front.ca]

    def _close(self):
        self.front.stop()
        super()._close()


class Http:
    """For reading: plain nginx over what a WebDAV place holds."""
    kind, can_write = "http", False

    def __init__(self, place):
        self.place = place
        self.proxy = None
        self.port = place.server.ports["plain"]

    def put_proxy(self, rules):
        self.proxy = proxy.Proxy(self.port, rules)
        self.port = self.proxy.port

    def url(self):
        return f"http://localhost:{self.port}/remote"


KINDS = {each.kind: each for each in (Place, Sftp, SftpBinary, Webdav, WebdavAuth, WebdavToken,
                                      WebdavTls, S3, S3Tls)}

# --- the layout, read independently ---


def inflate(data, size):
    library = inflate.library = getattr(inflate, "library", None) or ctypes.CDLL("libzstd.so.1")
    library.ZSTD_decompress.restype = ctypes.c_size_t
    room = ctypes.create_string_buffer(max(1, size))
    got = library.ZSTD_decompress(room, ctypes.c_size_t(size), data, ctypes.c_size_t(len(data)))
    return room.raw[:size] if got == size else None


def pack_faults(name, content):
    """What is wrong with a pack, by docs/formats.md."""
    if len(content) < 72 or content[:8] != b"mlpack1\n" or content[-8:] != b"mlpkend1":
        return [f"{name}: no pack ({len(content)} bytes)"]
    count, offset = struct.unpack("<QQ", content[-64:-48])
    index = content[offset:-64]
    if len(index) != 56 * count or hashlib.sha256(index).digest() != content[-48:-16]:
        return [f"{name}: the index is damaged"]
    faults = []
    if name != "pack/" + hashlib.sha256(index).hexdigest():
        faults.append(f"{name}: the name is not its index's sum")
    for at in range(0, len(index), 56):
        digest, where, length, size, kind = struct.unpack("<32sQIII", index[at:at + 52])
        blob = content[where:where + length]
        if kind == 1:
            blob = inflate(blob, size)
        if kind in (0, 1) and (blob is None or hashlib.sha256(blob).digest() != digest):
            faults.append(f"{name}: {digest.hex()[:16]} is not what it is named")
    return faults


def layout_faults(place):
    """What is named there must be right at any time, also while a push is cut short."""
    faults = []
    names = place.names()
    for name in sorted(names):
        if name.startswith("pack/") and re.fullmatch("pack/[0-9a-f]{64}", name):
            faults += pack_faults(name, place.read(name))
        elif not re.match(r"(format$|list/packs$|res/|roots/|gc/|probe/|tmp/|pack/\.|\.)", name):
            faults.append(f"an unknown name: {name}")
    if "list/packs" in names:
        listed = place.read("list/packs").decode().split()
        faults += [f"list/packs names {each}, which is not there" for each in listed
                   if "pack/" + each not in names and not any(n.startswith("gc/") for n in names)]
    return faults


def pack_bytes(place):
    return sum(size for name, size in place.names().items() if name.startswith("pack/"))


def attempt(tally, kind, test, call):
    """Checks what `call` gives for `test`: a list of faults, or None where it says nothing."""
    try:
        faults = call()
    except (RuntimeError, OSError) as error:
        faults = [f"{type(error).__name__}: {error}"]
    if faults is not None:
        tally.check(f"{kind}: {test.__name__[4:].replace('_', ' ')}", faults)


def bad_of_kinds(chosen, everyday, try_kind):
    """How many are bad of the kinds that were named, or of all (--full), or of the everyday ones."""
    bad = 0
    for kind in chosen.kinds or (list(KINDS) if chosen.full else everyday):
        try:
            bad += try_kind(kind)
        except base.Missing as missing:
            print(f"ok {kind} # skip {missing}")
    return bad
