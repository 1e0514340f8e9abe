# SPDX-License-Identifier: Apache-2.0
"""Messages that hold one in two forms (multipart/vnd.msys.mcmt)."""


def container(kind, fields, payload,
              ordinary="Subject: hi\r\n\r\nThe ordinary one\r\n"):
    """(header, body), as send() takes them: the ordinary message, and that for
    the module of this kind.  fields: by name, or lines."""
    if not isinstance(fields, str):
        fields = "".join(f"{k}: {v}\r\n" for k, v in fields.items())
    return ("MIME-Version: 1.0\r\n"
            "Content-Type: multipart/vnd.msys.mcmt; boundary=\"=b\"\r\n",
            f"--=b\r\nContent-Type: message/rfc822\r\n\r\n{ordinary}\r\n"
            f"--=b\r\nContent-Type: message/vnd.msys.{kind}\r\n\r\n"
            f"{fields}\r\n{payload}\r\n--=b--\r\n")
