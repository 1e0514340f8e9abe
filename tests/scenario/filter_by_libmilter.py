# SPDX-License-Identifier: Apache-2.0
"""A milter on libmilter (Debian's python3-milter), told by the message itself
what to do: filter_by_libmilter.py SOCKET."""
import sys

import Milter


class Filter(Milter.Base):
    def connect(self, name, family, address):
        self.client = address
        return Milter.CONTINUE

    def hello(self, name):
        self.name = name
        return Milter.CONTINUE

    def envfrom(self, sender, *args):
        self.orders, self.size = [], 0
        return Milter.CONTINUE

    def header(self, name, value):
        if name == "X-Order":
            self.orders.append(value.split(" "))
        return Milter.CONTINUE

    def body(self, chunk):
        self.size += len(chunk)
        return Milter.CONTINUE

    def eom(self):
        self.addheader("X-Seen", f"{self.client[0]} {self.name} {self.size} "
                                 f"{self.getsymval('i')}")
        for order, *words in self.orders:
            if order == "add":
                self.addheader(words[0], words[1])
            elif order == "insert":
                self.addheader(words[0], words[1], 1)
            elif order == "change":
                self.chgheader(words[0], 1, words[1])
            elif order == "remove":
                self.chgheader(words[0], 1, "")
            elif order == "body":
                self.replacebody(b"from the filter\r\n")
            elif order == "sender":
                self.chgfrom(words[0])
            elif order == "addrcpt":
                self.addrcpt(words[0])
            elif order == "delrcpt":
                self.delrcpt(words[0])
            elif order == "reply":
                self.setreply("554", "5.7.1", *" ".join(words).split("|"))
                return Milter.REJECT
            elif order == "tempfail":
                return Milter.TEMPFAIL
            elif order == "reject":
                return Milter.REJECT
            elif order == "discard":
                return Milter.DISCARD
            elif order == "progress":
                self.progress()
            elif order == "die":
                import os
                os._exit(1)
            elif order == "continue":
                return Milter.CONTINUE
        return Milter.ACCEPT


Milter.factory = Filter
Milter.set_flags(Milter.ADDHDRS | Milter.CHGHDRS | Milter.CHGBODY |
                 Milter.CHGFROM | Milter.ADDRCPT | Milter.DELRCPT)
Milter.runmilter("impel", sys.argv[1], 30)
