# SPDX-License-Identifier: Apache-2.0
"""The shim between a program and the file system, told what to do (rules.h).

    shim = Shim(folder)
    subprocess.Popen(..., env={**os.environ, **shim.environment()})
    shim.rules("slow sync 1 */spool/*", "fail write 3 1 ENOSPC */spool/*")
    shim.counts()       # [(matched, changed), ...], one for each rule
    shim.clear()        # from the next call on it is as if it were not there
"""
import os
import pathlib
import struct

LIBRARY = "tests/shim/.libs/shim.so"
MOST = 64  # rules (RULES_MOST)


class Shim:
    def __init__(self, folder, build=None):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.control = self.folder / "rules"
        self.library = pathlib.Path(build or os.environ["builddir"]) / LIBRARY
        if not self.library.exists():
            raise FileNotFoundError(f"{self.library}: make tests/shim/shim.la")
        self.count = self.edition = 0

    def environment(self):
        return {"LD_PRELOAD": str(self.library),
                "SHIM_CONTROL": str(self.control)}

    def rules(self, *lines):
        """From the next call on these are in force, and counted from 1."""
        self.count = len(lines)
        self.edition += 1
        new = self.folder / "rules.new"
        new.write_text("".join(f"{x}\n" for x in (f"#{self.edition}", *lines)))
        new.rename(self.control)

    def clear(self):
        self.rules()

    def counts(self):
        """(calls that matched, calls that were changed) of each rule."""
        path = self.folder / "rules.counts"
        data = path.read_bytes() if path.exists() else b""
        both = list(struct.iter_unpack("QQ", data))
        if len(both) <= MOST or both[MOST][0] != self.edition:
            return [(0, 0)] * self.count  # not read yet: no call was made
        return both[:self.count]

    def hits(self):
        """(monotonic us, call, rule, path) of each call that was changed."""
        path = self.folder / "rules.hits"
        lines = path.read_text().splitlines() if path.exists() else []
        rows = [line.split(" ", 3) for line in lines]
        return [(int(r[0]), r[1], int(r[2]), r[3]) for r in rows]
