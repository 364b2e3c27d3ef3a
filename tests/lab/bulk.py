#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-2.0-or-later
"""TCP as fast as it goes.

usage: bulk.py serve ADDRESS PORT
       bulk.py read ADDRESS PORT SECONDS

The reader prints how many bytes came within that time, the first half second left out."""
import socket
import sys
import time

WARM = 0.5
PIECE = 1 << 18


def serve(address, port):
    s = socket.create_server((address, port))
    data = bytes(PIECE)
    while True:
        c, _ = s.accept()
        try:
            while True:
                c.sendall(data)
        except OSError:
            c.close()


def read(address, port, seconds):
    c = socket.create_connection((address, port), timeout=10)
    room, n, begin = bytearray(PIECE), 0, time.monotonic()
    while (at := time.monotonic() - begin) < WARM + seconds:
        got = c.recv_into(room)
        if not got:
            sys.exit("the stream ended")
        if at >= WARM:
            n += got
    print(n)


if sys.argv[1] == "serve":
    serve(sys.argv[2], int(sys.argv[3]))
else:
    read(sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))
