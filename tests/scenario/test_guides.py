# SPDX-License-Identifier: Apache-2.0
"""The configurations in the modules' pages, "from an empty machine to the first
message", are good ones."""
import os
import pwd
import re

import pytest

from apple import new_key
from daemon import BUILD, MODULES, SOURCE
from google import new_account


@pytest.mark.parametrize("name", ["apn", "gcm", "mm7"])
def test_a_guide(impeld, tmp_path, name):
    page = (SOURCE / f"docs/modules/{name}.md").read_text()
    conf = re.search(r"<<END\n(.*?)\n    END\n", page, re.S).group(1)
    new_key(tmp_path / "AuthKey_ABC1234567.p8")
    new_account(tmp_path / "account.json", "https://oauth2.example/token")
    for here, there in [("/etc/impel", tmp_path), ("/run/impel", tmp_path),
                        ("/var/spool/impel", tmp_path / "spool"),
                        ('User = "impel"',
                         f'User = "{pwd.getpwuid(os.getuid()).pw_name}"')]:
        conf = conf.replace(here, str(there))
    d = impeld("", start=False,
               modules=f"{MODULES}:{BUILD}/modules/{name}/.libs")
    d.conf.write_text(conf)
    p = d.check()
    assert p.returncode == 0, p.stdout + p.stderr
    assert "warning" not in p.stdout + p.stderr
