# SPDX-License-Identifier: Apache-2.0
"""Certificates of tests, made by openssl when they run."""
import hashlib
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

    def make(self, name, *hosts, days=30, chain=False):
        """(certificate, key) for these DNS names; the file of the certificate
        holds the key, too, and the authority's certificate if asked for."""
        crt, key = self.folder / f"{name}.crt", self.folder / f"{name}.key"
        csr = self.folder / f"{name}.csr"
        ext = self.folder / f"{name}.ext"
        ext.write_text("subjectAltName=" +
                       ",".join(f"DNS:{h}" for h in hosts or [name]) + "\n")
        self.openssl("req", "-nodes", *self.new, "-keyout", key, "-out", csr,
                     "-subj", f"/CN={name}")
        self.openssl("x509", "-req", "-in", csr, "-CA", self.crt, "-CAkey",
                     self.key, "-CAcreateserial", "-days", days, "-extfile",
                     ext, "-out", crt)
        with open(crt, "a") as f:
            if chain:
                f.write(self.crt.read_text())
            f.write(key.read_text())
        return crt, key

    def tlsa(self, name, usage=3, selector=1):
        """RDATA of a TLSA record (SHA-256) of a certificate made before, or of
        the authority's own."""
        crt = self.folder / f"{name}.crt"
        what = ["x509", "-in", crt]
        if selector:
            pem = self.folder / f"{name}.pub"
            self.openssl(*what, "-noout", "-pubkey", "-out", pem)
            what = ["pkey", "-pubin", "-in", pem, "-pubout"]
        der = self.folder / f"{name}.der"
        self.openssl(*what, "-outform", "DER", "-out", der)
        digest = hashlib.sha256(der.read_bytes()).hexdigest()
        return f"{usage} {selector} 1 {digest}"

    def context(self, name, *hosts, **how):
        """Of a server that shows such a certificate."""
        crt, key = self.make(name, *hosts, **how)
        c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        c.load_cert_chain(crt, key)
        return c
