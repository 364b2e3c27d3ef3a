#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-2.0-or-later
"""A TCP stream at an even pace, so that it fills no queue.

usage: stream.py serve ADDRESS PORT
       stream.py read ADDRESS PORT SECONDS

The reader checks every byte and prints "BYTES LONGEST-GAP-IN-SECONDS", after these seconds or when it is
told to end."""
import signal
import socket
import struct
import sys
import time

PACE = 0.01
BLOCK = 2048


def block(number):
    return struct.pack("!I", number) * (BLOCK // 4)


def serve(address, port):
    s = socket.create_server((address, port))
    while True:
        c, _ = s.accept()
        begin, n = time.monotonic(), 0
        try:
            while True:
                c.sendall(block(n))
                n += 1
                time.sleep(max(0, begin + n * PACE - time.monotonic()))
        except OSError:
            c.close()


def read(address, port, seconds):
    c = socket.create_connection((address, port), timeout=10)
    begin = last = time.monotonic()
    n, gap, rest, over = 0, 0.0, b"", []
    signal.signal(signal.SIGTERM, lambda *_: over.append(True))
    while not over and time.monotonic() - begin < seconds:
        data = c.recv(65536)
        if not data:
            sys.exit("the stream ended")
        gap, last = max(gap, time.monotonic() - last), time.monotonic()
        rest += data
        while len(rest) >= BLOCK:
            if rest[:BLOCK] != block(n):
                sys.exit(f"block {n} is damaged")
            rest, n = rest[BLOCK:], n + 1
    print(n * BLOCK, f"{gap:.2f}")


if sys.argv[1] == "serve":
    serve(sys.argv[2], int(sys.argv[3]))
else:
    read(sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))
