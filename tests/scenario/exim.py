# SPDX-License-Identifier: Apache-2.0
"""Debian's Exim, as a host and as a client, each in a folder of its own."""
import subprocess
from pathlib import Path

from daemon import free_port, wait_for
from peers import APART, PEERS, let_pass, listening

EXIM = PEERS / "usr/sbin/exim4"

CONF = """
primary_hostname = exim.test
exim_path = {exim}
exim_user = nobody
exim_group = nogroup
spool_directory = {dir}/spool
log_file_path = {dir}/%slog
pid_file_path = {dir}/pid
keep_environment =
never_users =
local_interfaces = 127.0.0.1
daemon_smtp_ports = {port}
queue_only_load = 1000
log_selector = +smtp_protocol_error +pipelining +tls_cipher
chunking_advertise_hosts = *
pipelining_advertise_hosts = *
dsn_advertise_hosts = *
smtputf8_advertise_hosts = *
prdr_enable = true
acl_smtp_mail = take
acl_smtp_rcpt = judge
acl_smtp_data = take
{more}
begin acl
take:
  accept
judge:
  deny local_parts = no
       message = nobody here
  defer local_parts = later
       message = not now
  accept
begin routers
{router}
begin transports
file:
  driver = appendfile
  file = {dir}/mail
  user = nobody
  group = nogroup
  create_directory = false
  use_lockfile = false
  lock_fcntl_timeout = 20s
  message_prefix = "=====${{lc:$return_path}}>$local_part@$domain\\n"
  message_suffix =
  no_return_path_add
smtp:
  driver = smtp
  port = {to}
  hosts_override
  allow_localhost
  {how}
begin retry
* * F,1h,1s
"""
HERE = """
here:
  driver = accept
  transport = file
"""
THERE = """
there:
  driver = manualroute
  route_list = * 127.0.0.1
  self = send
  transport = smtp
"""


class Exim:
    def __init__(self, folder, more="", to=None, how=""):
        self.dir = folder
        folder.mkdir()
        (folder / "spool").mkdir()
        for d in (folder, folder / "spool"):
            d.chmod(0o777)
        let_pass(folder)
        self.port = free_port()
        self.conf = folder / "exim.conf"
        self.conf.write_text(CONF.format(
            exim=EXIM, dir=folder, port=self.port, more=more, to=to or 25,
            how=how, router=THERE if to else HERE))
        self.conf.chmod(0o644)
        # Debian's asks for an account of its name, whatever the file says
        for name, line in (("passwd", "Debian-exim:x:65534:65534::/:/bin/false"),
                           ("group", "Debian-exim:x:65534:")):
            (folder / name).write_text(
                (Path("/etc") / name).read_text() + line + "\n")
        self.process = None

    def command(self, *more):
        """In a name space of mounts with that account."""
        return [APART, "sh", "-c",
                'for f in passwd group; do mount --bind "$0/$f" /etc/$f; done; '
                'exec "$@"', str(self.dir), str(EXIM), "-C", str(self.conf),
                *more]

    def start(self):
        self.process = subprocess.Popen(
            self.command("-bdf", "-q1s"),
            stdout=subprocess.DEVNULL,
            stderr=(self.dir / "stderr").open("w"))
        wait_for(lambda: listening(self.port), what="Exim")
        return self

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait()

    def send(self, message, *rcpts, sender="s@origin.test"):
        """Hand in a message, to be delivered at once."""
        subprocess.run(
            self.command("-odf", "-i", "-f", sender, *rcpts),
            input=message, check=True, timeout=30)

    def log(self):
        path = self.dir / "mainlog"
        return path.read_text() if path.exists() else ""

    def mails(self):
        """(sender, recipient, octets with lines that end in LF)"""
        path = self.dir / "mail"
        rows = []
        for part in (path.read_bytes() if path.exists() else b"") \
                .split(b"=====")[1:]:
            head, _, data = part.partition(b"\n")
            sender, _, rcpt = head.decode().partition(">")
            rows.append((sender, rcpt, data))
        return rows
