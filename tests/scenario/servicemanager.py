# SPDX-License-Identifier: Apache-2.0
"""A service manager as systemd is one to impeld: it hears what it is told,
keeps descriptors under names, and gives them to the next process."""
import array
import os
import socket
import subprocess
import threading

from daemon import wait_for

FIRST = 3  # where given descriptors begin
WRAP = 'LISTEN_PID=$$ exec "$@"'


class ServiceManager:
    def __init__(self, daemon, room=64, watchdog_s=None):
        self.daemon = daemon
        self.room = room
        self.watchdog_s = watchdog_s
        self.heard = []
        self.store = []  # (name, descriptor), as systemd would keep them
        self.path = daemon.dir / "notify"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(self.path))
        self.thread = threading.Thread(target=self.listen, daemon=True)
        self.thread.start()

    def listen(self):
        while True:
            try:
                text, rest, _, _ = self.socket.recvmsg(
                    4096, socket.CMSG_LEN(16 * 4), socket.MSG_CMSG_CLOEXEC)
            except OSError:
                return
            if not text:
                return
            lines = dict(l.split("=", 1) for l in text.decode().split("\n"))
            fds = array.array("i")
            for _, _, data in rest:
                fds.frombytes(data[:len(data) - len(data) % fds.itemsize])
            if "FDSTORE" in lines:
                self.keep(lines["FDNAME"], list(fds))
            if "FDSTOREREMOVE" in lines:
                self.forget(lines["FDNAME"])
            self.heard.append(lines)

    def keep(self, name, fds):
        for fd in fds:
            if len(self.store) >= self.room or any(
                    os.path.sameopenfile(fd, f) for _, f in self.store):
                os.close(fd)  # full, or it is there
            else:
                self.store.append((name, fd))

    def forget(self, name):
        for n, fd in [x for x in self.store if x[0] == name]:
            self.store.remove((n, fd))
            os.close(fd)

    def names(self):
        return sorted({n for n, _ in self.store})

    def count(self, word):
        return sum(word in lines for lines in self.heard)

    def start(self):
        """impeld with what is kept, until it says that it is ready."""
        d = self.daemon
        ready = self.count("READY")
        fds = [fd for _, fd in self.store]
        env = {**os.environ, "NOTIFY_SOCKET": str(self.path),
               "FDSTORE": str(self.room), "LISTEN_FDS": str(len(fds)),
               "LISTEN_FDNAMES": ":".join(n for n, _ in self.store)}
        if self.watchdog_s:
            env["WATCHDOG_USEC"] = str(int(self.watchdog_s * 1e6))

        def give():
            top = [os.dup2(fd, 200 + i, inheritable=False)
                   for i, fd in enumerate(fds)]
            for i, fd in enumerate(top):
                os.dup2(fd, FIRST + i)

        with open(d.dir / "stderr", "ab") as out:
            d.process = subprocess.Popen(
                ["/bin/sh", "-c", WRAP, "sh", *d.command("-d")],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=env,
                close_fds=False, preexec_fn=give)
        wait_for(lambda: d.process.poll() is not None or
                 self.count("READY") > ready, 30, "READY=1")
        assert d.process.poll() is None, d.stderr()
        return d

    def restart(self):
        self.daemon.terminate()
        return self.start()

    def finish(self):
        self.daemon.finish()
        self.socket.shutdown(socket.SHUT_RDWR)
        self.thread.join(5)
        self.socket.close()
        for _, fd in self.store:
            os.close(fd)
