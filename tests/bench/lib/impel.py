# SPDX-License-Identifier: Apache-2.0
"""The daemon under measurement."""
import os
import pathlib
import re
import signal
import subprocess

BUILD = pathlib.Path(os.environ["builddir"])
SOURCE = pathlib.Path(os.environ["srcdir"])

MODULES = ":".join(str(BUILD / m / ".libs")
                   for m in ("modules/apn", "modules/ecstream",
                             "modules/esmtp", "modules/milter",
                             "modules/null"))


class Impel:
    """options: lines for the configuration, where @RELAY@ is the sink's port;
    routes: None for the sink there, "" for none (MX records); env: more for
    the environment."""
    name = "impel"

    def __init__(self, options="", connections=20, routes=None, env=None):
        self.options, self.connections = options, connections
        self.routes, self.env = routes, env or {}

    def start(self, folder, port, relay):
        """With a spool of an earlier start in the folder: goes on with it."""
        self.folder, self.port, self.relay = folder, port, relay
        conf = self.write()
        with open(folder / "stderr", "a") as log:
            self.process = subprocess.Popen(
                [str(BUILD / "core/prog/impeld"), "-c", str(conf), "-M",
                 MODULES, "-d"], stderr=log, env=dict(os.environ, **self.env))
        return self.process

    def write(self):
        """The configuration with the options of now; returns its path."""
        folder, port, relay = self.folder, self.port, self.relay
        routes = self.routes
        if routes is None:
            routes = f'Routes = ( "smtp://127.0.0.1?port={relay}" )'
        conf = folder / "impel.conf"
        conf.write_text(f"""
Spoolbase = "{folder}/spool"
Control_Listener {{ Listen "{folder}/control" {{ }} }}
ec_logger "main" {{ mainlog = "{folder}/mainlog" }}
ESMTP_Listener {{
  Listen "127.0.0.1:{port}" {{ }}
  Relay_Hosts = ( "127.0.0.0/8" )
}}
{routes}
Max_Outbound_Connections = {self.connections}
{self.options.replace("@RELAY@", str(relay))}
""")
        return conf

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)

    def console(self, *words):
        """What a word of the console prints."""
        return subprocess.run(
            [str(BUILD / "core/prog/impel"), "-s",
             str(self.folder / "control"), *map(str, words)],
            stdout=subprocess.PIPE, text=True, check=True).stdout

    def metrics(self):
        """{name: value}; labels stay a part of the name."""
        return {m[1]: float(m[2]) for m in re.finditer(
            r"^impel_(\S+) (\S+)$", self.console("metrics"), re.M)}


class Command:
    """Another server: a shell command that reads $PORT, $RELAY, $DIR."""

    def __init__(self, command):
        self.name, self.command = command.split()[0], command

    def start(self, folder, port, relay):
        self.process = subprocess.Popen(
            self.command, shell=True, start_new_session=True,
            env=dict(os.environ, PORT=str(port), RELAY=str(relay),
                     DIR=str(folder)))
        return self.process

    def stop(self):
        os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait(60)
