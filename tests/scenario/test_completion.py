# SPDX-License-Identifier: Apache-2.0
"""Completion in bash and zsh, and manual pages: what they say is what the
programs know."""
import json
import os
import re
import shutil
import subprocess

import pytest

from daemon import BUILD, IMPEL, MODULES, SOURCE

PROGRAMS = {"impel": "8", "impeld": "8", "impel-sendmail": "1"}
ENV = {**os.environ, "PATH": f"{BUILD}/core/prog:{os.environ['PATH']}",
       "IMPEL_MODULES": MODULES}


def run(*words, **how):
    p = subprocess.run([str(w) for w in words], capture_output=True, text=True,
                       timeout=60, env=ENV, **how)
    assert p.returncode == 0, (words, p.stdout, p.stderr)
    return p.stdout


def complete(*words):
    return run(IMPEL, "complete", "--", *words).splitlines()


def test_what_may_follow():
    assert "flush" in complete("") and "inject" in complete("")
    assert complete("config", "rel") == ["reload"]
    assert complete("flush", "domain", "") == ["all"]
    assert complete("fail", "all", "--o") == ["--older"]
    assert complete("config", "describe", "max_outbound_c") == [
        "max_outbound_connections"]
    assert complete("config", "describe", "--") == ["--as="]
    assert complete("-s", "/x", "-j", "summ") == ["summary"]
    assert "--socket" in complete("--")
    assert complete("json", "pi") == ["pid"]
    assert "--journal" in complete("inject", "--j")
    assert complete("spool", "export", "/x", "--") == ["--keep"]
    assert complete("nonsense", "") == [] == complete("flush", "x", "")


def commands():
    """All of them, with arguments: those of the daemon, those of the program."""
    found = json.loads(run(IMPEL, "--json", "help"))
    return [c["words"] for c in found]


def test_each_command_is_completed():
    for command in commands():
        words = command.split()
        for i, word in enumerate(words):
            assert word in complete(*words[:i], word[:1]), command


def bash(line):
    """What bash has to offer for the line's last word."""
    script = f"""
        complete() {{ :; }}
        compopt() {{ :; }}
        . {SOURCE}/etc/completion/impel
        . {SOURCE}/etc/completion/impeld
        unset -f complete
        COMP_WORDS=({line})
        COMP_CWORD=$(( ${{#COMP_WORDS[@]}} - 1 ))
        case ${{COMP_WORDS[0]}} in
            impel) _impel ;;
            *) _impel_options ${{COMP_WORDS[0]}} ;;
        esac
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    return run("bash", "-c", script).split()


def zsh(line):
    script = f"""
        compadd() {{ shift; print -l -- ${{(P)1}} }}
        _files() {{ print FILES }}
        words=({line})
        CURRENT=$#words
        service=$words[1]
        . {SOURCE}/etc/completion/_impel
    """
    return run("zsh", "-fc", script).split()


def shells():
    return [s for s in (bash, zsh) if shutil.which(s.__name__)]


@pytest.mark.parametrize("shell", shells())
def test_shells(shell):
    assert "reload" in shell("impel config re")
    assert "mailq" in shell("impel ''")
    assert "--json" in shell("impel --")
    assert {"--check", "--strict", "-c"} <= set(shell("impeld -"))
    assert "-t" in shell("impel-sendmail -")
    assert "*" not in shell("impel trace smtp add ''")


def page(name):
    """A manual page as text without its markup."""
    text = (BUILD / f"docs/man/{name}.{PROGRAMS[name]}").read_text()
    text = re.sub(r"\\f[A-Z]|\\&", "", text).replace("\\-", "-")
    return re.sub(r'^\.[A-Z]+ |"', "", text, flags=re.M)


@pytest.mark.parametrize("name", PROGRAMS)
def test_options_of_pages(name):
    """Each long option of --help is in the page, and each of its list of
    options is one."""
    said = run(BUILD / "core/prog" / name, "--help")
    listed = set(re.findall(r"^ +(?:-\w, )?(--[a-z-]+)", said, re.M))
    assert listed or name == "impel-sendmail"
    text = page(name)
    assert not [o for o in listed if o not in text]
    options = re.search(r"\nOPTIONS\n(.*?)\n(?:\.SH )?[A-Z][A-Z ]+\n", text,
                        re.S)
    assert options
    if name != "impel-sendmail":
        there = set(re.findall(r"^(?:-\w ?, )?(--[a-z-]+)", options[1], re.M))
        assert there <= listed | {"--man"}, there - listed


def test_commands_of_the_page():
    """impel.8 has all commands, those without a daemon too, and so has help."""
    text, offline = page("impel"), run(IMPEL, "--help")
    offline = offline[offline.index("Without a daemon:"):]
    for command in commands():
        assert re.search(rf"^{re.escape(command)}\b", text, re.M), command
    for command in ("spool check", "spool dump", "spool compact",
                    "spool export", "inject", "password", "module new",
                    "config check", "config convert", "config describe"):
        assert f"\n  {command}" in offline, command
        assert re.search(rf"^{command}\b", text, re.M), command
        words = command.split()
        assert words[-1] in complete(*words[:-1], words[-1])
