"""nginx: plain files, WebDAV, credentials, TLS with an authority of our own."""
import os

from .base import Missing, Server, find_program, free_ports, run, write

MODULE = "/usr/lib/nginx/modules/ngx_http_dav_ext_module.so"
USER, PASSWORD, TOKEN = "anna", "p:ss w\u00f6rd", "t0ken.of-anna"
DAV = """\
      dav_methods PUT DELETE MKCOL COPY MOVE;
      dav_ext_methods PROPFIND OPTIONS;
      create_full_put_path on;
      dav_access user:rw group:r all:r;
"""
OPENSSL = """\
[ca]
default_ca = own
[own]
new_certs_dir = {0}
database = {0}/index.txt
serial = {0}/serial
default_md = sha256
policy = any
copy_extensions = copy
unique_subject = no
[any]
commonName = supplied
[req]
distinguished_name = name
[name]
[authority]
basicConstraints = critical, CA:true
subjectKeyIdentifier = hash
"""


class Web(Server):
    """One nginx, a port for each way to be reached; all serve the same directory `root`.

    plain: GET and HEAD only, no listings. dav: WebDAV. auth: WebDAV with USER and PASSWORD.
    token: WebDAV with `Authorization: Bearer TOKEN`. tls: WebDAV with a certificate of `ca`,
    tls_auth the same with USER and PASSWORD, tls_other one for another host, tls_expired one of
    the last century. `upstream`: {name: port}: each is also served as TLS, for servers
    that have none."""

    def __init__(self, directory=None, upstream=None):
        super().__init__(directory)
        self.nginx = find_program("nginx", "nginx-light")
        if not os.path.exists(MODULE):
            raise Missing(f"{MODULE} is not installed (Debian: libnginx-mod-http-dav-ext)")
        self.upstream = upstream or {}
        names = ["plain", "dav", "auth", "token", "tls", "tls_auth", "tls_other", "tls_expired"]
        names += self.upstream
        self.ports = dict(zip(names, free_ports(len(names))))
        self.root = self.path("root")
        for name in ("root", "temp"):
            os.makedirs(self.path(name), exist_ok=True)
        self._make_certificates()
        hashed = run("openssl", "passwd", "-6", PASSWORD).strip()
        write(self.path("users"), f"{USER}:{hashed}\n")
        write(self.path("nginx.conf"), self._configuration())
        self.start()

    def start(self):
        # One process: a master that is killed would leave its workers.
        self.launch(self.nginx, "-p", self.directory, "-c", self.path("nginx.conf"), "-e", "stderr")
        for port in self.ports.values():
            self.wait_ready(port)

    def url(self, name, below=""):
        """`http...` for reading or `webdav...` for writing too, by name."""
        scheme = "http" if name == "plain" else "webdav"
        secure = "s" if name.startswith("tls") or name in self.upstream else ""
        return f"{scheme}{secure}://localhost:{self.ports[name]}/{below}"

    def _make_certificates(self):
        if os.path.exists(self.path("ca.pem")):
            self.ca = self.path("ca.pem")
            return
        config = write(self.path("tls/openssl.cnf"), OPENSSL.format(self.path("tls")))
        write(self.path("tls/index.txt"), "")
        write(self.path("tls/serial"), "01\n")
        self.ca, key = self.path("ca.pem"), self.path("tls/ca.key")
        run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3650", "-config",
            config, "-extensions", "authority", "-subj", "/CN=mlops test authority", "-keyout", key,
            "-out", self.ca)
        for name, alternatives, begin, end in [
                ("good", "DNS:localhost,IP:127.0.0.1", "20000101000000Z", "20991231000000Z"),
                ("other", "DNS:other.example", "20000101000000Z", "20991231000000Z"),
                ("expired", "DNS:localhost,IP:127.0.0.1", "19900101000000Z", "19991231000000Z")]:
            request = self.path(f"tls/{name}.csr")
            run("openssl", "req", "-new", "-newkey", "rsa:2048", "-nodes", "-config", config,
                "-subj", f"/CN={name}", "-addext", f"subjectAltName={alternatives}", "-keyout",
                self.path(f"tls/{name}.key"), "-out", request)
            run("openssl", "ca", "-batch", "-notext", "-config", config, "-cert", self.ca,
                "-keyfile", key, "-startdate", begin, "-enddate", end, "-in", request, "-out",
                self.path(f"tls/{name}.pem"))

    def _server(self, name, inside, certificate=None):
        tls = ""
        if certificate:
            tls = (f"    ssl_certificate {self.path('tls', certificate + '.pem')};\n"
                   f"    ssl_certificate_key {self.path('tls', certificate + '.key')};\n")
        listen = f"127.0.0.1:{self.ports[name]}{' ssl' if certificate else ''}"
        return (f"  server {{\n    listen {listen};\n    server_name localhost;\n{tls}"
                f"    location / {{\n{inside}    }}\n  }}\n")

    def _configuration(self):
        auth = f"      auth_basic mlops;\n      auth_basic_user_file {self.path('users')};\n"
        token = f'      if ($http_authorization != "Bearer {TOKEN}") {{ return 401; }}\n'
        servers = [self._server("plain", "      limit_except GET { deny all; }\n"),
                   self._server("dav", DAV), self._server("auth", auth + DAV),
                   self._server("token", token + DAV), self._server("tls", DAV, "good"),
                   self._server("tls_auth", auth + DAV, "good"),
                   self._server("tls_other", DAV, "other"),
                   self._server("tls_expired", DAV, "expired")]
        for name, port in self.upstream.items():
            servers.append(self._server(name, f"""\
      proxy_pass http://127.0.0.1:{port};
      proxy_set_header Host $http_host;
      proxy_http_version 1.1;
      proxy_request_buffering off;
      proxy_buffering off;
""", "good"))
        temp = "".join(f"  {kind}_temp_path {self.path('temp', kind)};\n" for kind in
                       ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        return f"""\
load_module {MODULE};
daemon off;
master_process off;
error_log stderr warn;
pid {self.path("pid")};
events {{ worker_connections 512; }}
http {{
  access_log {self.path("access")};
  root {self.root};
  client_max_body_size 0;
  default_type application/octet-stream;
{temp}{"".join(servers)}}}
"""
