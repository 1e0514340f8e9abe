#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""guide.py DOCUMENT [SKIP...] - do what a document says, as it says it.

Runs in a root of its own (scratchroot), as root.  In order:

    ```yaml, ```conf     a block that begins with "# /path" is written to that
    ```python, ```kit    file
    ```diff              the change is made; hunks are found by their lines
    ```console           "$ command": run; it must succeed, and each line below
                         must be in what it prints, "..." excepted.  A line
                         "$ command  # fails" must fail
    ```sh and indented   each command is run, unless it begins with a SKIP

export and cd hold for the commands that follow, "&" behind one does not wait.
"""
import os
import pathlib
import re
import subprocess
import sys


def blocks(text):
    """(line, kind, lines): fenced blocks, and indented ones as "sh"."""
    rows, kind, found, at = text.split("\n"), None, [], 0
    for n, row in enumerate(rows + [""], 1):
        if row.startswith("```"):
            if kind is None:
                kind, found, at = row[3:].strip() or "text", [], n
            else:
                yield at, kind, found
                kind = None
        elif kind is not None and kind != "indented":
            found.append(row)
        elif row.startswith("    ") and not row.lstrip().startswith(("*", "|")):
            if kind is None:
                kind, found, at = "indented", [], n
            found.append(row[4:])
        elif kind == "indented" and row.strip():
            yield at, "sh", found
            kind = None


class Guide:
    def __init__(self, path, skips):
        self.path, self.skips, self.ran, self.wrong = path, skips, 0, []

    def say(self, line, text):
        self.wrong.append(f"{self.path}:{line}: {text}")

    def hold(self, line, command):
        """export, cd: true if it was one."""
        if not re.match(r"(export|cd) [^;&|]*$", command):
            return False
        p = subprocess.run(["bash", "-c", command + " && pwd && env -0"],
                           capture_output=True, text=True,
                           cwd=os.environ["GUIDE_CWD"])
        if p.returncode:
            self.say(line, f"$ {command}\n{p.stderr}")
            return True
        folder, values = p.stdout.split("\n", 1)
        os.environ.update(v.split("=", 1) for v in values.split("\0") if v)
        os.environ["GUIDE_CWD"] = folder
        return True

    def run(self, line, command, want=(), fails=False):
        if self.hold(line, command):
            return
        out = subprocess.DEVNULL if command.endswith("&") else subprocess.PIPE
        p = subprocess.run(["bash", "-c", command], stdin=subprocess.DEVNULL,
                           stdout=out, stderr=subprocess.STDOUT,
                           text=True, timeout=300, cwd=os.environ["GUIDE_CWD"])
        self.ran += 1
        if (p.returncode != 0) != fails:
            self.say(line, f"$ {command}\nstatus {p.returncode}\n{p.stdout}")
            return
        shown = re.sub(r"[ \t]+", " ", p.stdout or "")
        for row in want:
            row = re.sub(r"[ \t]+", " ", row.strip())
            if row and row != "..." and row not in shown:
                self.say(line, f"$ {command}\n{row!r} is not in\n{p.stdout}")

    def console(self, at, rows):
        command, want, line = None, [], at
        for n, row in enumerate(rows + ["$ "], at + 1):
            if not row.startswith("$ "):
                want.append(row)
                continue
            if command:
                bare = re.sub(r"\s+# fails$", "", command)
                self.run(line, bare, want, bare != command)
            command, want, line = row[2:].strip(), [], n

    def shell(self, at, rows):
        text = "\n".join(rows).replace("\\\n", " ")
        for row in text.split("\n"):
            bare = re.sub(r"\s+#\s.*$", "", row).strip()
            if bare and not bare.startswith(tuple(self.skips)) and \
                    not bare.startswith("#"):
                self.run(at, bare)

    def config(self, at, rows):
        m = re.match(r"# (/\S+)", rows[0])
        if m:
            path = pathlib.Path(m[1])
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("\n".join(rows) + "\n")
        else:
            self.say(at, "a configuration without the name of its file")

    def change(self, at, rows):
        """What stands between two @@ is looked for as it is: what was there,
        with a minus or a blank before it, must be there once."""
        path = pathlib.Path(rows[0].split()[1])
        text = path.read_text()
        for hunk in "\n".join(rows[2:]).split("@@\n")[1:]:
            lines = [r for r in hunk.split("\n") if r]
            old = "\n".join(r[1:] for r in lines if r[0] in " -")
            new = "\n".join(r[1:] for r in lines if r[0] in " +")
            if text.count(old) != 1:
                self.say(at, f"is there {text.count(old)} times:\n{old}")
            text = text.replace(old, new)
        path.write_text(text)

    def do(self):
        for at, kind, rows in blocks(self.path.read_text()):
            if len(self.wrong) > 3:
                return  # the others follow from these
            if kind in ("yaml", "conf", "python", "kit"):
                self.config(at, rows)
            elif kind == "diff":
                self.change(at, rows)
            elif kind == "console":
                self.console(at, rows)
            elif kind == "sh":
                self.shell(at, rows)
        if not self.ran:
            self.say(0, "nothing to run")


def main():
    guide = Guide(pathlib.Path(sys.argv[1]), sys.argv[2:])
    guide.do()
    print("\n".join(guide.wrong) or f"{guide.ran} commands")
    sys.exit(bool(guide.wrong))


if __name__ == "__main__":
    main()
