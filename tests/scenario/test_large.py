# SPDX-License-Identifier: Apache-2.0
"""Bodies in files of their own, many of them at once."""
import os
import pathlib

from daemon import SANITIZED, free_port, wait_for
from peers import source


def test_a_queue_of_large_messages_costs_no_files_nor_memory(impeld, sink):
    """While they wait they are on disk and nowhere else; then each comes."""
    port = free_port()
    d = impeld(f'Routes = ( "smtp://127.0.0.1?port={port}" )\n'
               "Large_Message_Threshold = 64K\nHost_Failure_Retry = 1\n")
    proc = pathlib.Path(f"/proc/{d.process.pid}")

    def resident():
        status = (proc / "status").read_text()
        return int(status.split("VmRSS:")[1].split()[0])

    assert source(d.port, "-n", 4, "-s", 400000, "-c", 4)["acknowledged"] == 4
    files, kb = len(os.listdir(proc / "fd")), resident()
    assert source(d.port, "-n", 200, "-s", 400000, "-c", 4, "-i", 4)[
        "acknowledged"] == 200
    assert len(os.listdir(proc / "fd")) <= files + 10
    assert SANITIZED or resident() - kb < 200 * 400000 / 1024 / 4, \
        "bodies are kept"
    s = sink(port=port)
    d.ask("flush", "domain", "all")
    wait_for(lambda: len(s.served()) == 204, 60, "all served")
    report = s.report()
    assert report["twice"] == 0 and report["changed"] == 0
