# SPDX-License-Identifier: Apache-2.0
"""Certificates of tests, made by openssl when they run."""
import ssl
import subprocess


class Authority:
    def __init__(self, folder, name="ca"):
        self.folder, self.name = folder, name
        self.crt, self.key = folder / f"{name}.crt", folder / f"{name}.key"
        self.openssl("req", "-x509", "-nodes", *self.new, "-keyout", self.key,
                     "-out", self.crt, "-days", "30", "-subj", f"/CN={name}")

    new = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1")

    @staticmethod
    def openssl(*arguments):
        subprocess.run(["openssl", *map(str, arguments)], check=True,
                       capture_output=True, timeout=30)

    def make(self, name, *hosts):
        """(certificate, key) for these DNS names; the file of the certificate
        holds the key, too."""
        crt, key = self.folder / f"{name}.crt", self.folder / f"{name}.key"
        csr = self.folder / f"{name}.csr"
        ext = self.folder / f"{name}.ext"
        ext.write_text("subjectAltName=" +
                       ",".join(f"DNS:{h}" for h in hosts or [name]) + "\n")
        self.openssl("req", "-nodes", *self.new, "-keyout", key, "-out", csr,
                     "-subj", f"/CN={name}")
        self.openssl("x509", "-req", "-in", csr, "-CA", self.crt, "-CAkey",
                     self.key, "-CAcreateserial", "-days", "30", "-extfile",
                     ext, "-out", crt)
        with open(crt, "a") as f:
            f.write(key.read_text())
        return crt, key

    def context(self, name, *hosts):
        """Of a server that shows such a certificate."""
        crt, key = self.make(name, *hosts)
        c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        c.load_cert_chain(crt, key)
        return c
