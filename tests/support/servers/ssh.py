"""OpenSSH's sshd with keys of its own, and a configuration for ssh that touches no ~/.ssh."""
import os
import pwd

from .base import Server, find_program, free_port, run, write

ALIAS = "mlops-test"


class Ssh(Server):
    """`command` is an ssh that reaches it as host ALIAS; also plain `ssh -F config ALIAS`.

    with_binary: the sftp-server program rather than the one inside sshd.
    with_key: without it the client has no key that the server takes."""

    def __init__(self, directory=None, with_binary=False, with_key=True):
        super().__init__(directory)
        self.sshd = find_program("sshd", "openssh-server")
        self.subsystem = (find_program("sftp-server", "openssh-sftp-server") if with_binary
                          else "internal-sftp")
        self.ssh = find_program("ssh", "openssh-client")
        self.user = pwd.getpwuid(os.getuid()).pw_name
        self.port = free_port()
        self.root = self.path("root")
        os.makedirs(self.root, exist_ok=True)
        self._make_keys(with_key)
        self.config = write(self.path("config"), self._client(), 0o600)
        self.command = f"{self.ssh} -F {self.config}"
        write(self.path("sshd_config"), self._server(), 0o600)
        self.start()

    def url(self, below=""):
        return f"sftp://{ALIAS}{self.root}{'/' + below if below else ''}"

    def start(self):
        if os.geteuid() == 0:
            os.makedirs("/run/sshd", mode=0o755, exist_ok=True)
        self.launch(self.sshd, "-D", "-e", "-f", self.path("sshd_config"))
        self.wait_ready(self.port)

    def _make_keys(self, with_key):
        for name in ("host", "user", "stranger"):
            if not os.path.exists(self.path(name)):
                run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f",
                    self.path(name))
        with open(self.path("user.pub")) as file:
            write(self.path("authorized_keys"), file.read(), 0o600)
        with open(self.path("host.pub")) as file:
            kind, key = file.read().split()[:2]
        write(self.path("known_hosts"), f"[127.0.0.1]:{self.port} {kind} {key}\n")
        self.identity = self.path("user" if with_key else "stranger")

    def _client(self):
        return f"""\
Host {ALIAS}
  HostName 127.0.0.1
  Port {self.port}
  User {self.user}
  IdentityFile {self.identity}
  IdentitiesOnly yes
  IdentityAgent none
  PreferredAuthentications publickey
  UserKnownHostsFile {self.path("known_hosts")}
  GlobalKnownHostsFile /dev/null
  StrictHostKeyChecking yes
  LogLevel ERROR
"""

    def _server(self):
        return f"""\
ListenAddress 127.0.0.1
Port {self.port}
HostKey {self.path("host")}
AuthorizedKeysFile {self.path("authorized_keys")}
PidFile none
StrictModes no
UsePAM no
PermitRootLogin yes
PasswordAuthentication no
KbdInteractiveAuthentication no
MaxStartups 100
MaxSessions 100
Subsystem sftp {self.subsystem}
"""
