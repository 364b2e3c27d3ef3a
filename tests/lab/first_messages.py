#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""usage: first_messages.py TARGET COUNT PER_SECOND SOURCE...

First messages of main mode with random cookies to port 500 of TARGET, from port 500 of each SOURCE in
turn. Prints how many were sent."""
import os
import socket
import struct
import sys
import time

# AES-256, SHA-256, the group ecp256, a pre-shared key, 8 hours.
ATTRIBUTES = [(1, 7), (14, 256), (2, 4), (4, 19), (3, 1), (11, 1), (12, 28800)]


def sa_payload():
    attributes = b"".join(struct.pack("!HH", 0x8000 | t, v) for t, v in ATTRIBUTES)
    transform = struct.pack("!BBHBBH", 0, 0, 8 + len(attributes), 1, 1, 0) + attributes
    proposal = struct.pack("!BBHBBBB", 0, 0, 8 + len(transform), 1, 1, 0, 1) + transform
    body = struct.pack("!II", 1, 1) + proposal
    return struct.pack("!BBH", 0, 0, 4 + len(body)) + body


def main():
    target, count, rate = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    rest = bytes(8) + struct.pack("!BBBBII", 1, 0x10, 2, 0, 0, 28 + len(sa_payload())) + sa_payload()
    sockets = []
    for source in sys.argv[4:]:
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.bind((source, 500))
        s.connect((target, 500))
        s.setblocking(False)
        sockets.append(s)
    sent, begin = 0, time.monotonic()
    while sent < count:
        for _ in range(min(rate // 100, count - sent)):
            try:
                sockets[sent % len(sockets)].send(os.urandom(8) + rest)
            except OSError:
                pass
            sent += 1
        time.sleep(max(0, begin + sent / rate - time.monotonic()))
    print(sent)


main()
