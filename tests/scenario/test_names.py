# SPDX-License-Identifier: Apache-2.0
"""Push services by the names and ports they have in the world: names.py, in a
network of its own."""
import pathlib
import subprocess
import sys
import tempfile

import pytest

from names import ADDRESS

HERE = pathlib.Path(__file__).parent


def test_in_a_network_of_its_own(tmp_path):
    (tmp_path / "hosts").write_text("127.0.0.1 localhost\n" + "".join(
        f"{a} {n}\n" for n, a in ADDRESS.items()))
    (tmp_path / "resolv.conf").write_text("nameserver 127.0.0.1\n")
    enter = [HERE / "namespace", tmp_path]
    can = subprocess.run([*enter, "true"], capture_output=True, text=True)
    if can.returncode:
        pytest.skip("no network namespace: " + can.stderr.strip())
    with tempfile.TemporaryDirectory(prefix="impel.") as short:
        p = subprocess.run(
            [*enter, sys.executable, "-m", "pytest", "-q", "-p",
             "no:cacheprovider", "-p", "no:xdist", f"--basetemp={short}/t",
             "names.py"], cwd=HERE, capture_output=True, text=True,
            timeout=120)
    assert p.returncode == 0, p.stdout + p.stderr
