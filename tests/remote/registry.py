#!/usr/bin/env python3
"""Data of another project whose git repository is reached by SSH, smart HTTP with a password, and a
server of plain files: get, import and update as a user without a terminal calls them."""
import base64
import functools
import http.server
import os
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import places  # noqa: E402
import project  # noqa: E402
from places import fault  # noqa: E402
from project import done, git  # noqa: E402

USER, PASSWORD = "reader", "only-for-this-test"


class Backend(http.server.BaseHTTPRequestHandler):
    """git http-backend, as a web server with CGI runs it, behind basic authentication."""
    root = wanted = None
    asked = 0

    def do_GET(self):
        self.answer(b"")

    def do_POST(self):
        self.answer(self.rfile.read(int(self.headers.get("Content-Length", 0))))

    def answer(self, body):
        type(self).asked += 1
        given = self.headers.get("Authorization", "")
        if self.wanted and given != "Basic " + base64.b64encode(self.wanted.encode()).decode():
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="git"')
            self.end_headers()
            return
        path, _, query = self.path.partition("?")
        environment = {"PATH": os.environ["PATH"], "GIT_PROJECT_ROOT": self.root, "GIT_HTTP_EXPORT_ALL": "1",
                       "PATH_INFO": path, "QUERY_STRING": query, "REQUEST_METHOD": self.command,
                       "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                       "CONTENT_LENGTH": str(len(body)), "REMOTE_ADDR": "127.0.0.1",
                       "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
                       "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", "")}
        ran = subprocess.run(["git", "http-backend"], input=body, capture_output=True, env=environment)
        head, _, content = ran.stdout.partition(b"\r\n\r\n")
        fields = [line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line]
        status = [value for name, value in fields if name == "Status"]
        self.send_response(int(status[0].split()[0]) if status else 200)
        for name, value in fields:
            if name != "Status":
                self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *words):
        pass


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *words):
        pass


def serve(handler):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server, f"http://127.0.0.1:{server.server_port}"


def environment(name, **more):
    """A user of its own, with no settings and no mirrors yet, and no terminal."""
    home = os.path.join(fault.scratch(), "home-" + name)
    os.makedirs(home, exist_ok=True)
    return fault.environment(HOME=home, XDG_CACHE_HOME=home + "/cache", XDG_CONFIG_HOME=None,
                             GIT_CONFIG_NOSYSTEM="1", GIT_CONFIG_GLOBAL=None, **more)


def make_registry(name, store, *local):
    """A project whose data are in `store`, and its bare clone in served/. `local`: settings of the
    remote that are not committed."""
    registry = project.make(name, big=100000, many=10)
    done(registry, "remote", "add", "lab", store, "--default")
    for key, value in local:
        done(registry, "config", "set", "--local", f"remote.lab.{key}", value)
    done(registry, "push")
    project.commit(registry, "remote")
    git(registry, "tag", "v1")
    os.makedirs(fault.scratch() + "/served", exist_ok=True)
    git(fault.scratch(), "clone", "-q", "--bare", registry, f"served/{name}.git")
    return registry


def fresh(name):
    target = os.path.join(fault.scratch(), name)
    fault.remove(target)
    os.makedirs(target)
    git(target, "init", "-q", "-b", "main")
    done(target, "init")
    return target


def status_is(result, status, *words):
    faults = [] if result.status == status else [f"status is not {status}: {result}"]
    return faults + [f"'{word}' is not said: {result}" for word in words if word not in result.out + result.err]


def use(name, url, registry, env, remote=None):
    """import at v1, the repository goes on, update; the data are the registry's each time."""
    target = fresh("user-" + name)
    if remote:
        done(target, "remote", "add", "ours", *remote, "--local")
    faults = status_is(fault.mlops(target, "import", url, "data", "--rev", "v1", env=env), fault.OK, "v1 = ")
    told = subprocess.run(["diff", "-r", registry + "/data", target + "/data"], capture_output=True, text=True)
    faults += [told.stdout] if told.returncode else []
    faults += status_is(fault.mlops(target, "update", "--check", env=env), fault.OK)
    faults += status_is(fault.mlops(target, "update", "--rev", "main", "data", env=env), fault.OK)
    faults += status_is(fault.mlops(target, "ls", url, "data/many", env=env), fault.OK, "data/many/003")
    faults += status_is(fault.mlops(target, "get", url, "pipeline.yaml", env=env), fault.OK)
    return faults + status_is(fault.mlops(target, "get", url, "data/big.bin", "--rev", "v7", env=env),
                              fault.USAGE, "'v7' is no revision", "did you mean 'v1'")


def try_http(tally, registry):
    Backend.root, Backend.wanted = fault.scratch() + "/served", None
    server, base = serve(Backend)
    url = base + "/registry.git"
    tally.check("smart HTTP", use("smart", url, registry, environment("smart")))
    Backend.wanted = f"{USER}:{PASSWORD}"
    env = environment("stranger")
    tally.check("a password that nobody is asked for", status_is(
        fault.mlops(fresh("stranger"), "get", url, "data", env=env), fault.MACHINE, "who you are", "credential"))
    with open(env["HOME"] + "/credentials", "w") as file:
        file.write(f"http://{USER}:{PASSWORD}@127.0.0.1:{server.server_port}\n")
    with open(env["HOME"] + "/.gitconfig", "w") as file:
        file.write(f"[credential]\n\thelper = store --file {env['HOME']}/credentials\n")
    result = fault.mlops(fresh("known"), "import", url, "data", env=env)
    faults = status_is(result, fault.OK)
    pointer = open(fault.scratch() + "/known/data.mlops").read()
    faults += ["the password was recorded"] if PASSWORD in pointer + result.out + result.err else []
    tally.check("a password from git's credential helper", faults)
    server.shutdown()
    server.server_close()
    tally.check("a server that is gone", status_is(
        fault.mlops(fresh("gone"), "get", url, "data", env=env), fault.MACHINE, "can't be read", "Failed to connect"))
    asked = Backend.asked
    faults = status_is(fault.mlops(fault.scratch() + "/known", "pull", env=env), fault.OK)
    tally.check("what is here needs no server", faults + (["it was asked"] if Backend.asked != asked else []))


def try_plain_files(tally, registry):
    git(fault.scratch() + "/served/registry.git", "update-server-info")
    server, base = serve(functools.partial(Quiet, directory=fault.scratch() + "/served"))
    tally.check("a server of plain files", use("plain", base + "/registry.git", registry, environment("plain")))
    server.shutdown()


class Listener(http.server.BaseHTTPRequestHandler):
    """A service that somebody else names: who asks, and as whom."""
    heard = []

    def do_GET(self):
        self.heard.append(str(self.headers))
        self.send_response(403)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *words):
        pass


def make_by_dvc(name, *settings):
    """A project that only DVC is used in, with these settings of its remote; its bare clone."""
    root = os.path.join(fault.scratch(), name)
    fault.remove(root)
    lines = "".join(f"    {line}\n" for line in settings)
    fault.write(f"{root}/.dvc/config", f"[core]\n    remote = r\n['remote \"r\"']\n{lines}")
    fault.write(f"{root}/a.dvc", "outs:\n- md5: 59b0d7772f0561efb95518f3cb8abc60\n  size: 6\n"
                                 "  hash: md5\n  path: a\n")
    git(root, "init", "-q", "-b", "main")
    project.commit(root, "made")
    git(fault.scratch(), "clone", "-q", "--bare", root, f"served/{name}.git")


def try_settings_of_dvc(tally):
    """A project of others names a service, or a directory that is not here."""
    Backend.wanted = None
    server, base = serve(Backend)
    listener, endpoint = serve(Listener)
    env = environment("wary", AWS_ACCESS_KEY_ID="OURS", AWS_SECRET_ACCESS_KEY="x", AWS_SESSION_TOKEN="y")
    wary = fresh("wary")
    for what, more in (("no key", ()), ("half a key", ("access_key_id = THEIRS",))):
        name = "s3-" + what.replace(" ", "-")
        make_by_dvc(name, "url = s3://bucket/data", f"endpointurl = {endpoint}", *more)
        faults = status_is(fault.mlops(wary, "import", f"{base}/{name}.git", "a", env=env),
                           fault.MACHINE, "credentials of yours", "remote add")
        tally.check(f"a service that another project names, {what}", faults + list(Listener.heard))
    done(wary, "remote", "add", "ours", "s3://bucket/ours", f"endpoint={endpoint}")
    result = fault.mlops(wary, "import", f"{base}/s3-no-key.git", "a", env=env)
    faults = status_is(result, fault.MACHINE, "403")
    faults += [] if any("OURS" in heard for heard in Listener.heard) else ["it was not asked"]
    tally.check("a service where a remote of ours is", faults)
    make_by_dvc("beside", "url = ../../store-of-theirs")
    tally.check("a directory beside the clones of others", status_is(
        fault.mlops(wary, "import", f"{base}/beside.git", "a", env=env),
        fault.PROJECT, "beside its clones", "reached from everywhere"))
    listener.shutdown()
    server.shutdown()


def try_ssh(tally):
    with places.Sftp() as place:
        command, url = place.server.command, place.url()
        registry = make_registry("by-ssh", url, ("ssh_command", command))
        bare = fault.scratch() + "/served/by-ssh.git"
        env = environment("ssh", GIT_SSH_COMMAND=command)
        ours = (url, "ssh_command=" + command)
        tally.check("SSH", use("ssh", f"ssh://{places.ssh.ALIAS}{bare}", registry, env, ours))
        tally.check("SSH as scp writes it", use("scp", f"{places.ssh.ALIAS}:{bare}", registry, env, ours))
        tally.check("the remote is reached by settings of ours only", status_is(
            fault.mlops(fresh("lost"), "get", f"{places.ssh.ALIAS}:{bare}", "data", env=env),
            fault.MACHINE, "lab"))
        with open(place.server.path("known_hosts"), "w") as file:
            file.write("")
        tally.check("a host that nobody knows", status_is(
            fault.mlops(fresh("unknown"), "get", f"{places.ssh.ALIAS}:{bare}", "pipeline.yaml",
                        env=environment("unknown", GIT_SSH_COMMAND=command)),
            fault.MACHINE, "host key", "its key is not known here"))


def main():
    fault.arguments()
    tally = fault.Tally("data of other projects")
    registry = make_registry("registry", fault.scratch() + "/store")
    try_http(tally, registry)
    try_plain_files(tally, registry)
    try_settings_of_dvc(tally)
    try:
        try_ssh(tally)
    except places.base.Missing as missing:
        print(f"SSH is left out: {missing}")
    sys.exit(1 if tally.bad else 0)


main()
