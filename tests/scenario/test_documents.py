# SPDX-License-Identifier: Apache-2.0
"""The documents that a new operator reads, done as they stand there, in a root
of its own; and what the tables of the migration guide name is there."""
import json
import os
import pathlib
import re
import subprocess
import sys

import pytest

from daemon import BUILD, MODULES, SOURCE

HERE = SOURCE / "tests/scenario"


@pytest.fixture
def root(tmp_path):
    """A folder for scratchroot: programs of the build by their names."""
    for name in ("bin", "put/opt/impel/bin", "put/opt/impel/sbin"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "resolv.conf").write_text(
        "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
    for name, where in (("impeld", "sbin"), ("impel", "bin"),
                        ("impel-sendmail", "bin")):
        text = ("#!/bin/sh\n"
                f"export IMPEL_MODULES='{MODULES}'\n"
                "export IMPEL_SOCKET=${IMPEL_SOCKET:-/run/impel/control}\n"
                "export IMPEL_SUBMIT=/run/impel/submit\n"
                f"export IMPEL_COMMAND='{tmp_path}/bin/impel'\n")
        more = " -c /etc/impel/impel.yaml" if name == "impeld" else ""
        for path, with_ in ((tmp_path / "bin" / name, more),
                            (tmp_path / "put/opt/impel" / where / name, "")):
            path.write_text(f"{text}exec {BUILD}/core/prog/{name}{with_} "
                            '"$@"\n')
            path.chmod(0o755)
    # the folder that the build was made for
    said = subprocess.run([BUILD / "core/prog/impel", "--help"], text=True,
                          capture_output=True).stdout
    usual = pathlib.Path(re.search(r"\S+/impel\.yaml", said)[0]).parent
    if str(usual) != "/etc/impel":
        link = tmp_path / f"put{usual}"
        link.parent.mkdir(parents=True)
        link.symlink_to("/etc/impel")
    return tmp_path


def follow(root, document, *skips, cwd="/root", timeout=120):
    """Do a document in that root; how many commands were run."""
    can = subprocess.run([HERE / "scratchroot", root, "true"],
                         capture_output=True, text=True)
    if can.returncode:
        pytest.skip("no root of its own: " + can.stderr.strip())
    p = subprocess.run(
        [HERE / "scratchroot", root, sys.executable, HERE / "guide.py",
         SOURCE / document, *skips], capture_output=True, text=True,
        timeout=timeout, env={**os.environ, "GUIDE_CWD": str(cwd)})
    assert p.returncode == 0, p.stdout + p.stderr
    return int(p.stdout.split()[0])


def test_configuration_guide(root):
    assert follow(root, "docs/configuration.md") > 30


def test_readme(root):
    """All but what builds, which is how this came about."""
    assert follow(root, "README.md", "./bootstrap", "make -C build",
                  "(cd build", cwd=SOURCE) >= 7


def test_bootstrap_takes_what_readme_says():
    """The targets that README names, without doing them."""
    text = (SOURCE / "README.md").read_text()
    named = set(re.findall(r"\./bootstrap (?:--prefix=\S+ )?(\w+)", text))
    assert named == {"demo", "check", "install", "all"}
    rules = (BUILD / "Makefile").read_text()
    for target in named:
        assert re.search(rf"^{target}:", rules, re.M), target
    for path in re.findall(r"make -C build (tests/\S+)", text):
        assert f"{path}$(EXEEXT):" in rules, path
    assert "check-tree:" in rules


@pytest.mark.parametrize("page", sorted(
    p.name for p in (SOURCE / "docs").glob("*.md")))
def test_commands_of_pages(page):
    """A line that shows `impel WORDS` shows a command that there is."""
    _, words, offline = known()
    text = (SOURCE / "docs" / page).read_text()
    for line in re.findall(r"^(?:    |\$ )impel (.*)$", text, re.M):
        line = re.sub(r"^((-[a-zA-Z]|--[a-z]+)( \S+(?=/)\S*)? )+", "", line)
        if line.lstrip().startswith(("#", "<")):
            continue  # the console itself
        found = [w for w in words if (line + " ").startswith(w + " ")]
        two = " ".join(line.split()[:2])
        assert found or re.search(rf"\n  ({line.split()[0]}|{two})[ \n]",
                                  offline), line


# --- what goes by another name elsewhere ---

STANZAS = {"include", "binding", "binding_group", "domain", "host", "listen",
           "peer", "esmtp_listener", "ecstream_listener", "control_listener",
           "ec_logger", "bounce_logger", "opendkim", "dkim_domain", "security",
           "eventloop", "debug_flags"}


def migration_rows():
    """(line, cells) of each row of a table of three columns."""
    text = (SOURCE / "docs/migration.md").read_text()
    for n, line in enumerate(text.splitlines(), 1):
        if line.startswith("| ") and not line.startswith("| ---"):
            cells = [c.strip() for c in line.strip()[1:-1].split("|")]
            if cells[-1] != "Impel":
                yield n, cells


def known():
    """Names of options, words of commands."""
    env = {**os.environ, "IMPEL_MODULES": ":".join(
        str(p) for p in BUILD.glob("modules/*/.libs"))}
    ask = [str(BUILD / "core/prog/impel")]
    options = json.loads(subprocess.run(
        [*ask, "config", "describe", "--as=json"], env=env, check=True,
        capture_output=True).stdout)
    words = json.loads(subprocess.run(
        [*ask, "--json", "help"], env=env, check=True,
        capture_output=True).stdout)
    offline = subprocess.run([*ask, "--help"], check=True, text=True,
                             capture_output=True).stdout
    return ({o["name"] for o in options}, [w["words"] for w in words], offline)


def is_command(name, words, offline):
    if name in ("impel-sendmail", "impeld --check", "impeld"):
        return True
    rest = name.removeprefix("impel ")
    return rest != name and (rest in words or
                             f"\n  {rest} " in offline or
                             any(w.startswith(rest + " ") for w in words))


def test_migration_tables():
    """Each option, stanza and command of the last columns is there, and each
    row has one, or says that there is none."""
    options, words, offline = known()
    rows = list(migration_rows())
    assert len(rows) > 100
    wrong = []
    for n, cells in rows:
        if len(cells) != 3:
            wrong.append(f"{n}: {len(cells)} columns")
            continue
        if not cells[2] and "\u2014" not in cells[1]:
            wrong.append(f"{n}: nothing of Impel's")
        for name in re.findall(r"`([^`]+)`", cells[2]):
            if name not in options and name not in STANZAS and \
                    not is_command(name, words, offline):
                wrong.append(f"{n}: {name}")
    assert not wrong, "\n".join(wrong)


def test_momentum_words():
    """What is said of ecelerity.conf: its options are known, or told."""
    options, _, _ = known()
    absent = subprocess.run(
        [str(BUILD / "core/prog/impel"), "config", "describe", "absent"],
        check=True, text=True, capture_output=True).stdout
    told = set(re.findall(r"^(\S+) \(", absent, re.M))
    for name in ("static_routes", "force_fsync", "_unsafe_spool", "cluster",
                 "enable_duravip"):
        assert name in told, name
    for name in ("delivery_method", "spoolbase", "mainlog"):
        assert name in options and name not in told
