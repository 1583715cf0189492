"""OpenStack Swift with its S3 interface, from Debian's packages; docs/decisions.md says why this one.

Four processes (proxy, account, container, object) with one replica on one directory. It checks
SigV4 signatures, the sum of the body and the clock, and knows both styles of addresses."""
import datetime
import hashlib
import hmac
import http.client
import os
import pwd
import tempfile
import time
import urllib.parse

from .base import Missing, Server, find_program, free_ports, write

PYTHON = "/usr/bin/python3"  # of the system: another may stand before it in PATH
KEY_ID, SECRET, REGION = "AKIDMLOPSTESTER00001", "tes/ting+Secret", "us-east-1"
OTHER_ID, OTHER_SECRET = "AKIDMLOPSREADER00002", "reading"  # known, and may do nothing
# Swift's own users have a colon in their names, which key ids never have.
KEYS = f"""\
def filter_factory(settings, **_):
    users = {{"{KEY_ID}": "test:tester", "{OTHER_ID}": "test:reader"}}
    def make(app):
        def call(environ, start):
            details = environ.get("s3api.auth_details")
            key = details and details["access_key"]
            if key in users:
                details["access_key"] = users[key]
                environ["PATH_INFO"] = environ["PATH_INFO"].replace(key, users[key], 1)
            return app(environ, start)
        return call
    return make
"""
LAUNCH = """\
import os, sys
kind, directory = sys.argv[1], sys.argv[2]
os.environ.setdefault("EVENTLET_NO_GREENDNS", "yes")
from swift.common import utils
from swift.common.wsgi import run_wsgi
sys.path.insert(0, directory)
utils.set_swift_dir(directory)
more = {}
if kind == "object":
    from swift.obj import server
    more["global_conf_callback"] = server.global_conf_callback
sys.exit(run_wsgi(f"{directory}/{kind}.conf", f"{kind}-server", **more))
"""
RINGS = """\
import sys
from swift.common.ring import RingBuilder
for name, port in zip(("account", "container", "object"), sys.argv[2:]):
    builder = RingBuilder(1, 1, 1)
    builder.add_dev(dict(region=1, zone=1, weight=1, ip="127.0.0.1", port=int(port), device="disk",
                         replication_ip="127.0.0.1", replication_port=int(port)))
    builder.rebalance()
    builder.get_ring().save(f"{sys.argv[1]}/{name}.ring.gz")
"""
SWIFT = """\
[swift-hash]
swift_hash_path_suffix = mlops
[swift-constraints]
max_header_size = 16384
"""
PROXY = """\
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = {port}
swift_dir = {directory}
user = {user}
workers = {workers}
log_level = WARNING
[pipeline:main]
pipeline = catch_errors cache s3api keys tempauth bulk slo proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
allow_account_management = true
node_timeout = 60
recoverable_node_timeout = 60
conn_timeout = 5
error_suppression_limit = 1000000
object_chunk_size = 1048576
client_chunk_size = 1048576
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:{memory}
[filter:s3api]
use = egg:swift#s3api
s3_acl = false
location = us-east-1
storage_domain = localhost
min_segment_size = 5242880
check_bucket_owner = false
[filter:keys]
paste.filter_factory = keys:filter_factory
[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = {secret} .admin
user_test_reader = {other_secret}
[filter:bulk]
use = egg:swift#bulk
[filter:slo]
use = egg:swift#slo
"""
BACKEND = """\
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = {port}
swift_dir = {directory}
user = {user}
devices = {devices}
mount_check = false
workers = 0
log_level = WARNING
fallocate_reserve = 0
disable_fallocate = true
[pipeline:main]
pipeline = {kind}-server
[app:{kind}-server]
use = egg:swift#{kind}
network_chunk_size = 1048576
disk_chunk_size = 1048576
"""


def has_xattr(directory):
    try:
        with tempfile.NamedTemporaryFile(dir=directory) as probe:
            os.setxattr(probe.name, "user.mlops", b"1")
        return True
    except OSError:
        return False


class S3(Server):
    """Buckets are made with `make_bucket`; `request` is a signed request of one's own.

    devices: another directory for what is stored (a small file system, to fill it)."""

    def __init__(self, directory=None, devices=None, workers=0):
        if not os.path.exists("/usr/lib/python3/dist-packages/swift/proxy"):
            raise Missing("Swift is not installed (Debian: swift-proxy swift-account "
                          "swift-container swift-object)")
        if directory is None:
            directory = tempfile.mkdtemp(prefix="mlops-server-", dir=self._find_place())
            super().__init__(directory)
            self.is_own = True
        else:
            super().__init__(directory)
        self.kinds = ("account", "container", "object", "proxy")
        self.memcached = find_program("memcached", "memcached")  # without it tempauth refuses all
        self.user = pwd.getpwuid(os.getuid()).pw_name
        self.ports = dict(zip((*self.kinds, "memory"), free_ports(len(self.kinds) + 1)))
        self.port = self.ports["proxy"]
        self.devices = devices or self.path("devices")
        if not has_xattr(os.path.dirname(self.devices) if not devices else devices):
            raise Missing(f"{self.devices}: its file system has no extended attributes, which Swift "
                          "needs")
        self._configure(workers)
        self.start()

    @staticmethod
    def _find_place():
        for place in (tempfile.gettempdir(), "/var/tmp"):
            if os.path.isdir(place) and has_xattr(place):
                return place
        raise Missing("no temporary directory has extended attributes, which Swift needs")

    def _configure(self, workers):
        os.makedirs(self.devices + "/disk", exist_ok=True)
        write(self.path("swift.conf"), SWIFT)
        write(self.path("keys.py"), KEYS)
        write(self.path("launch.py"), LAUNCH)
        write(self.path("rings.py"), RINGS)
        for kind in self.kinds:
            text = PROXY if kind == "proxy" else BACKEND
            write(self.path(kind + ".conf"), text.format(
                port=self.ports[kind], directory=self.directory, devices=self.devices, kind=kind,
                user=self.user, workers=workers, memory=self.ports["memory"], secret=SECRET,
                other_secret=OTHER_SECRET))
        maker = self.launch(PYTHON, self.path("rings.py"), self.directory,
                            *(str(self.ports[kind]) for kind in self.kinds[:3]))
        if maker.wait() != 0:
            raise RuntimeError(f"no rings for Swift:\n{self.log()}")
        self.processes.remove(maker)

    def start(self):
        for kind in self.kinds:
            self.launch(PYTHON, self.path("launch.py"), kind, self.directory)
        self.launch(self.memcached, "-l", "127.0.0.1", "-p", str(self.ports["memory"]), "-U", "0",
                    "-m", "16", "-u", self.user)
        for port in self.ports.values():
            self.wait_ready(port)

    def environment(self):
        """What gives a client its credentials, and nothing of the caller's own."""
        return dict(AWS_ACCESS_KEY_ID=KEY_ID, AWS_SECRET_ACCESS_KEY=SECRET,
                    AWS_EC2_METADATA_DISABLED="true", AWS_CONFIG_FILE="/dev/null",
                    AWS_SHARED_CREDENTIALS_FILE="/dev/null")

    def endpoint(self):
        return f"http://localhost:{self.port}"

    def make_bucket(self, name):
        status, body = self.request("PUT", f"/{name}")[:2]
        if status != 200:
            raise RuntimeError(f"no bucket {name}: {status} {body[:500]}\n{self.log()[-2000:]}")

    def request(self, method, path, query=None, body=b"", headers=None, secret=SECRET, when=None):
        """Signed by SigV4: (status, body, headers)."""
        host = f"localhost:{self.port}"
        moment = datetime.datetime.fromtimestamp(when or time.time(), datetime.timezone.utc)
        stamp = moment.strftime("%Y%m%dT%H%M%SZ")
        body_sum = hashlib.sha256(body).hexdigest()
        signed = {"host": host, "x-amz-content-sha256": body_sum, "x-amz-date": stamp}
        signed.update({name.lower(): value for name, value in (headers or {}).items()})
        names = ";".join(sorted(signed))
        def quote(text):
            return urllib.parse.quote(text, safe="-_.~")
        asked = "&".join(f"{quote(k)}={quote(v)}" for k, v in sorted((query or {}).items()))
        lines = "".join(f"{name}:{signed[name].strip()}\n" for name in sorted(signed))
        address = urllib.parse.quote(path, safe="/-_.~")
        canonical = "\n".join([method, address, asked, lines, names, body_sum])
        scope = f"{stamp[:8]}/{REGION}/s3/aws4_request"
        text = "\n".join(["AWS4-HMAC-SHA256", stamp, scope,
                          hashlib.sha256(canonical.encode()).hexdigest()])
        key = b"AWS4" + secret.encode()
        for part in scope.split("/"):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
        signed["authorization"] = (f"AWS4-HMAC-SHA256 Credential={KEY_ID}/{scope}, "
                                   f"SignedHeaders={names}, Signature={signature}")
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request(method, address + ("?" + asked if asked else ""), body=body,
                           headers=signed)
        answer = connection.getresponse()
        result = answer.status, answer.read(), answer.headers
        connection.close()
        return result
