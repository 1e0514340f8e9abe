# SPDX-License-Identifier: Apache-2.0
"""Dovecot's LMTP server with a few mailboxes, and its submission service.

It is only unpacked (fetch-peers) and knows its own files by absolute names, so
it runs in a mount namespace that has them there.  Where that is refused, the
tests that want it are skipped.
"""
import os
import pwd
import socket
import subprocess

import pytest

from daemon import free_port, wait_for
from peers import APART, PEER_ENV, PEERS, let_pass

CONF = """
base_dir = {dir}/base
state_dir = {dir}/state
log_path = {dir}/log
protocols = lmtp
ssl = no
default_internal_user = nobody
default_internal_group = nogroup
default_login_user = nobody
first_valid_uid = 1
mail_location = maildir:{dir}/mail/%u
mail_plugins = quota
plugin {{
  quota = count:User quota
  quota_vsizes = yes
}}
passdb {{
  driver = passwd-file
  args = {dir}/users
}}
userdb {{
  driver = passwd-file
  args = {dir}/users
}}
service lmtp {{
  chroot =
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {port}
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
"""
START = """
mount -t overlay o -o lowerdir={root}/usr/bin:/usr/bin /usr/bin &&
mount -t overlay o -o lowerdir={root}/usr/lib:/usr/lib /usr/lib &&
exec {root}/usr/sbin/dovecot -F -c {dir}/dovecot.conf
"""


SUBMISSION = """
base_dir = {dir}/base
state_dir = {dir}/state
log_path = {dir}/log
protocols = submission
ssl = no
disable_plaintext_auth = no
auth_mechanisms = {mechanisms}
hostname = box.test
default_internal_user = nobody
default_internal_group = nogroup
default_login_user = nobody
first_valid_uid = 1
mail_location = maildir:{dir}/mail/%u
submission_relay_host = 127.0.0.1
submission_relay_port = {relay}
passdb {{
  driver = passwd-file
  args = {dir}/users
}}
userdb {{
  driver = passwd-file
  args = {dir}/users
}}
service submission-login {{
  chroot =
  inet_listener submission {{
    address = 127.0.0.1
    port = {port}
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
"""


class Dovecot:
    """users: of box.test, each with its quota ("10M")."""
    conf, more, secret = CONF, {}, "x"

    def __init__(self, folder, users):
        self.dir, self.port = folder, free_port()
        self.process = None
        (folder / "mail").mkdir(parents=True)
        (folder / "mail").chmod(0o777)
        nobody = pwd.getpwnam("nobody")
        (folder / "users").write_text("".join(
            f"{u}@box.test:{{PLAIN}}{self.secret}:{nobody.pw_uid}:{nobody.pw_gid}::"
            f"{folder}/mail::userdb_quota_rule=*:storage={quota}\n"
            for u, quota in users.items()))
        (folder / "dovecot.conf").write_text(
            self.conf.format(dir=folder, port=self.port, **self.more))
        let_pass(folder)
        self.start()

    def start(self):
        if os.geteuid() != 0:
            pytest.skip("Dovecot is started by root only")
        root = PEERS
        env = {**PEER_ENV, "LD_LIBRARY_PATH": f"{root}/usr/lib/dovecot:" +
               PEER_ENV.get("LD_LIBRARY_PATH", "")}
        with open(self.dir / "out", "ab") as out:
            self.process = subprocess.Popen(
                [APART, "sh", "-c",
                 START.format(root=root, dir=self.dir)],
                stdout=out, stderr=out, env=env)
        wait_for(lambda: self.answers() or self.process.poll() is not None, 20,
                 "Dovecot to answer")
        if self.process.poll() is not None:
            pytest.skip("no mount namespaces here: " +
                        (self.dir / "out").read_text()[-300:])

    def answers(self):
        try:
            with socket.create_connection(("127.0.0.1", self.port), 5) as s:
                return s.recv(100).startswith(b"220")
        except OSError:
            return False

    def mails(self, user):
        """The messages in the inbox."""
        new = self.dir / "mail" / f"{user}@box.test" / "new"
        return [f.read_bytes() for f in new.glob("*")] if new.exists() else []

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(20)


class Submission(Dovecot):
    """Takes mail of whoever logs in, and hands it on to that port."""
    conf = SUBMISSION

    def __init__(self, folder, users, secret, relay, mechanisms):
        self.secret = secret
        self.more = {"relay": relay, "mechanisms": mechanisms}
        super().__init__(folder, users)
