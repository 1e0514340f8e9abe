# SPDX-License-Identifier: Apache-2.0
"""bootstrap, with a configure and a Makefile that only say what was asked."""
import os
import re
import shutil
import subprocess

import pytest

from daemon import SOURCE

CONFIGURE = r"""#!/bin/sh
printf '%b\n' 'all: thing' 'thing:' "\techo '$*' >thing" \
    'clean:' '\trm -f thing' >Makefile
touch config.status
"""


@pytest.fixture
def tree(tmp_path):
    """A checkout of which bootstrap makes the file build/thing."""
    here = tmp_path / "tree"
    for folder in ("m4", "core", "docs", "modules", "tests"):
        (here / folder).mkdir(parents=True)
    shutil.copy(SOURCE / "bootstrap", here)
    for name in ("configure.ac", "Makefile.am", "m4/impel.m4", "configure"):
        (here / name).write_text(CONFIGURE if name == "configure" else "")
    (here / "configure").chmod(0o755)
    return here


def bootstrap(tree, *arguments):
    """What the thing was made with."""
    subprocess.run([tree / "bootstrap", *arguments], check=True,
                   capture_output=True,
                   env={**os.environ, "IMPEL_SKIP_PACKAGES": "1"})
    return (tree / "build/thing").read_text().strip()


def test_options_stay_until_others_are_given(tree):
    assert bootstrap(tree) == "-q --prefix=/usr/local"
    assert bootstrap(tree, "--prefix=/opt/impel") == "-q --prefix=/opt/impel"
    made = (tree / "build/thing").stat()
    assert bootstrap(tree, "all") == "-q --prefix=/opt/impel"
    assert (tree / "build/thing").stat().st_mtime_ns == made.st_mtime_ns
    assert bootstrap(tree, "--enable-asan") == \
        "-q --prefix=/usr/local --enable-asan"


def test_what_was_cut_short_is_made_anew(tree):
    """configure was stopped, or the packages that it looked for have come."""
    bootstrap(tree)
    (tree / "build/config.status").unlink()
    (tree / "build/configured-as").unlink()
    assert bootstrap(tree, "--prefix=/opt/impel") == "-q --prefix=/opt/impel"


def test_a_moved_tree_is_made_anew(tree):
    bootstrap(tree)
    moved = tree.rename(tree.with_name("moved"))
    (moved / "build/thing").write_text("from where it was\n")
    assert bootstrap(moved) == "-q --prefix=/usr/local"


def test_packages_are_built_with_what_is_installed():
    """What debian/control asks for where no tests are run, as `make deb` does,
    and what each build of a package wants."""
    lists = dict(re.findall(r'^([A-Z_]+)="([^"]*)"$',
                            (SOURCE / "bootstrap").read_text(), re.M))
    installed = set((lists["BUILD_PACKAGES"] + " " +
                     lists["DEB_PACKAGES"]).split())
    control = (SOURCE / "debian/control").read_text()
    asked = re.search(r"^Build-Depends: (.*(?:\n .*)*)", control, re.M)[1]
    wanted = {"build-essential"}
    for word in asked.split(","):
        name = re.match(r"\s*([a-z0-9.+-]+)", word)
        if name and "<!nocheck>" not in word:
            wanted.add({"debhelper-compat": "debhelper"}.get(name[1], name[1]))
    assert len(wanted) > 10
    missing = wanted - installed
    assert not missing
