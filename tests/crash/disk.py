# SPDX-License-Identifier: Apache-2.0
"""What a power loss may leave of a folder whose changes were recorded
(tests/shim/record.c).

Certain is what was synced: contents as of the last sync of the file, names as
of the last sync of their folder.  Of everything later, `leave` keeps what the
dice say: of contents any part, torn at 512 or 4096 octets, an older or a newer
version of what was written twice; of sizes likewise; of the changes of names
in one folder the first so many, independently of other folders."""
import os
import struct

ENTRY = struct.Struct("=IIQQQII")
CREATE, MKDIR, RENAME, UNLINK, WRITE, SIZE, GROW, BEGIN, SYNC = range(9)


def entries(path):
    """(kind, thread, inode, at, n, a, b) of a record; a torn end is left out."""
    data = path.read_bytes()
    i = 0
    while i + ENTRY.size <= len(data):
        kind, thread, ino, at, n, a, b = ENTRY.unpack_from(data, i)
        i += ENTRY.size
        if i + a + b > len(data):
            return
        text = data[i:i + a].decode()
        body = data[i + a:i + a + b]
        i += a + b
        yield kind, thread, ino, at, n, text, body


class File:
    """Contents: what is certain, and the changes that are not."""

    def __init__(self, certain=b""):
        self.certain = bytearray(certain)
        self.changes = []  # (kind, at, n, bytes or None for zeros)
        self.settled = 0   # changes that were ever taken from the front

    def settle(self, mark):
        """All changes before that mark are certain now."""
        n = max(0, mark - self.settled)
        for c in self.changes[:n]:
            apply(self.certain, c)
        del self.changes[:n]
        self.settled += n

    def mark(self):
        return self.settled + len(self.changes)


def resize(to, n):
    if n < len(to):
        del to[n:]
    else:
        to.extend(bytes(n - len(to)))


def apply(to, change):
    kind, at, n, data = change
    if kind == SIZE or (kind == GROW and n > len(to)):
        resize(to, n)
    elif kind == WRITE:
        if at + n > len(to):
            resize(to, at + n)
        to[at:at + n] = data if data is not None else bytes(n)


class Disk:
    """A folder's files and names, as recorded."""

    def __init__(self, root):
        """What is in root now is certain."""
        self.root = str(root)
        self.live, self.certain = {}, {}  # path -> File, or None for a folder
        self.pending = {}  # folder -> list of (old path, new path, File)
        self.dropped = {}  # folder -> how many were taken from the front
        self.of = {}  # inode -> File
        self.begun = {}  # (thread, inode) -> mark
        for folder, folders, files in os.walk(self.root):
            for name in folders:
                self.live[f"{folder}/{name}"] = None
            for name in files:
                path = f"{folder}/{name}"
                with open(path, "rb") as f:
                    self.live[path] = File(f.read())
                self.of[os.stat(path).st_ino] = self.live[path]
        self.certain.update(self.live)

    def replay(self, record):
        for e in entries(record):
            self.one(*e)

    def one(self, kind, thread, ino, at, n, a, b):
        if kind in (WRITE, SIZE, GROW):
            # a file below the root that was opened without CREATE was there
            self.of[ino].changes.append((kind, at, n, b or None))
        elif kind == CREATE:
            if self.live.get(a) is None or self.of.get(ino) is not self.live[a]:
                self.of[ino] = File()
                self.rename(None, a, self.of[ino])
        elif kind == MKDIR:
            self.rename(None, a, None)
        elif kind == RENAME:
            self.rename(a, b.decode(), self.live.get(a))
        elif kind == UNLINK:
            self.rename(a, None, None)
        elif kind == BEGIN:
            self.begun[thread, ino] = self.position(ino, a)
        elif kind == SYNC:
            self.settle(ino, a, self.begun.pop((thread, ino)))

    def rename(self, old, new, file):
        folder = os.path.dirname(new or old)
        self.pending.setdefault(folder, []).append((old, new, file))
        move(self.live, old, new, file)

    def position(self, ino, folder):
        if not folder:
            return self.of[ino].mark()
        return self.dropped.get(folder, 0) + len(self.pending.get(folder, ()))

    def settle(self, ino, folder, mark):
        if not folder:
            self.of[ino].settle(mark)
            return
        waiting = self.pending.get(folder, [])
        n = max(0, mark - self.dropped.get(folder, 0))
        for change in waiting[:n]:
            move(self.certain, *change)
        del waiting[:n]
        self.dropped[folder] = self.dropped.get(folder, 0) + n

    # --- after the power loss ---

    def leave(self, to, chance):
        """Make a folder as a machine may find it; what was uncertain, as
        (changes of contents, changes of names)."""
        names = dict(self.certain)
        for waiting in self.pending.values():
            for change in waiting[:chance.randint(0, len(waiting))]:
                move(names, *change)
        loose = 0
        os.makedirs(to)
        for path in sorted(names):  # folders before what is in them
            if not self.parent_is_there(path, names):
                continue
            new = to + path[len(self.root):]
            if names[path] is None:
                os.mkdir(new)
                continue
            loose += len(names[path].changes)
            write_sparse(new, contents(names[path], chance))
        return loose, sum(map(len, self.pending.values()))

    def parent_is_there(self, path, names):
        folder = os.path.dirname(path)
        return folder == self.root or (
            folder in names and names[folder] is None and
            self.parent_is_there(folder, names))


def move(names, old, new, file):
    if old:
        names.pop(old, None)
    if new:
        names[new] = file


def contents(f, chance):
    """Contents that the disk may have."""
    grain = chance.choice([512, 4096])
    keep = chance.choice([0, 0.1, 0.5, 0.9, 1])
    to = bytearray(f.certain)
    for kind, at, n, data in f.changes:
        if kind != WRITE:
            if chance.random() < keep:
                apply(to, (kind, at, n, data))
            continue
        end = at + n
        if data is None and n > 256 * grain:  # zeros of a new segment: coarse
            grain_here = 64 * grain
        else:
            grain_here = grain
        while at < end:
            part = min(grain_here - at % grain_here, end - at)
            if chance.random() < keep:
                i = at - (end - n)
                apply(to, (WRITE, at, part,
                           None if data is None else data[i:i + part]))
            at += part
    return to


def write_sparse(path, data):
    with open(path, "wb") as f:
        for at in range(0, len(data), 65536):
            part = data[at:at + 65536]
            if any(part):
                f.seek(at)
                f.write(part)
        f.truncate(len(data))
