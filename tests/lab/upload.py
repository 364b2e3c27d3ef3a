#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-2.0-or-later
"""usage: upload.py send ADDRESS PORT < FILE
       upload.py take ADDRESS PORT

The taker prints the SHA-256 of what one sender has sent."""
import hashlib
import socket
import sys

PIECE = 1 << 18
address = (sys.argv[2], int(sys.argv[3]))

if sys.argv[1] == "send":
    with socket.create_connection(address, timeout=10) as s:
        s.settimeout(60)
        s.sendfile(sys.stdin.buffer)
        s.shutdown(socket.SHUT_WR)
        s.recv(1)
else:
    digest = hashlib.sha256()
    with socket.create_server(address) as server:
        c, _ = server.accept()
        while data := c.recv(PIECE):
            digest.update(data)
        c.close()
    print(digest.hexdigest())
