# SPDX-License-Identifier: Apache-2.0
"""Debian's Postfix, unpacked and tuned for a relay, as the peer of a bench."""
import os
import shutil
import signal
import subprocess

QUEUES = ("active bounce corrupt defer deferred flush hold incoming maildrop "
          "pid private public saved trace").split()
OWNER = "daemon"  # an account that every Debian has and nobody logs in to

MAIN = """
compatibility_level = 3.6
queue_directory = {dir}/queue
data_directory = {dir}/data
command_directory = {root}/usr/sbin
daemon_directory = {root}/usr/lib/postfix/sbin
shlib_directory = {root}/usr/lib/postfix
meta_directory = {dir}/etc
mail_owner = {owner}
setgid_group = mail
default_privs = nobody
import_environment = MAIL_CONFIG LD_LIBRARY_PATH
maillog_file = {dir}/maillog
maillog_file_prefixes = {dir}
myhostname = relay.bench.test
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
relayhost = [127.0.0.1]:{relay}
alias_maps =
alias_database =
smtp_tls_security_level = none
smtpd_tls_security_level = none
message_size_limit = 20480000
default_process_limit = 200
in_flow_delay = 0
qmgr_message_active_limit = 100000
qmgr_message_recipient_limit = 100000
initial_destination_concurrency = {connections}
default_destination_concurrency_limit = {connections}
default_destination_recipient_limit = 100
smtp_connection_cache_destinations = [127.0.0.1]:{relay}
smtp_connection_reuse_count_limit = 0
smtp_host_lookup = native
smtpd_peername_lookup = no
smtpd_client_event_limit_exceptions = 127.0.0.0/8
smtpd_delay_reject = no
smtpd_error_sleep_time = 0
max_use = 10000
disable_dns_lookups = yes
smtputf8_enable = no
"""

MASTER = """
127.0.0.1:{port} inet n - n - - smtpd
pickup    unix  n - n 60 1 pickup
cleanup   unix  n - n - 0 cleanup
qmgr      unix  n - n 300 1 qmgr
tlsmgr    unix  - - n 1000? 1 tlsmgr
rewrite   unix  - - n - - trivial-rewrite
bounce    unix  - - n - 0 bounce
defer     unix  - - n - 0 bounce
trace     unix  - - n - 0 bounce
verify    unix  - - n - 1 verify
flush     unix  n - n 1000? 0 flush
proxymap  unix  - - n - - proxymap
smtp      unix  - - n - - smtp
relay     unix  - - n - - smtp
error     unix  - - n - - error
retry     unix  - - n - - error
discard   unix  - - n - - discard
anvil     unix  - - n - 1 anvil
scache    unix  - - n - 1 scache
postlog   unix-dgram n - n - 1 postlogd
"""


class Postfix:
    name = "postfix"

    def __init__(self, root, source):
        subprocess.run([str(source / "tests/scenario/fetch-peers"),
                        str(root.parent)], check=True)
        self.root = root
        self.connections = 20

    def start(self, folder, port, relay, more=""):
        """more: lines for main.cf."""
        etc = folder / "etc"
        for d in (etc, folder / "data", folder / "queue"):
            d.mkdir()
        for q in QUEUES:
            (folder / "queue" / q).mkdir()
            shutil.chown(folder / "queue" / q,
                         "root" if q == "pid" else OWNER, "mail"
                         if q in ("maildrop", "public") else None)
        shutil.chown(folder / "data", OWNER)
        fill = dict(dir=folder, root=self.root, owner=OWNER, relay=relay,
                    port=port, connections=self.connections)
        (etc / "main.cf").write_text(MAIN.format(**fill) + more)
        (etc / "master.cf").write_text(MASTER.format(**fill))
        libs = ":".join(str(self.root / d) for d in (
            "usr/lib/postfix", f"usr/lib/{os.uname().machine}-linux-gnu",
            f"lib/{os.uname().machine}-linux-gnu"))
        self.process = subprocess.Popen(
            [str(self.root / "usr/lib/postfix/sbin/master"), "-d"],
            env=dict(os.environ, MAIL_CONFIG=str(etc), LD_LIBRARY_PATH=libs,
                     daemon_directory=str(self.root / "usr/lib/postfix/sbin")),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return self.process

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)
