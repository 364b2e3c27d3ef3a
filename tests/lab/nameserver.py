#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""usage: nameserver.py ADDRESS [ANSWER [SUFFIX...]]

A name server on ADDRESS, for UDP and IPv4 addresses alone. Names that end with one of the suffixes, or all
where there are none, have the address ANSWER; of others, and of all without an ANSWER, it says that they
do not exist. Each question is a line on standard output: its name."""
import socket
import struct
import sys

A, CLASS_IN, NXDOMAIN = 1, 1, 3


def read_name(data, at):
    labels = []
    while data[at]:
        labels.append(data[at + 1:at + 1 + data[at]].decode("ascii", "replace"))
        at += 1 + data[at]
    return ".".join(labels).lower(), at + 1


def answer(data, address, suffixes):
    number, flags = struct.unpack("!HH", data[:4])
    name, at = read_name(data, 12)
    kind, _ = struct.unpack("!HH", data[at:at + 4])
    print(name, flush=True)
    known = address and not suffixes or any(name == s or name.endswith("." + s) for s in suffixes)
    record = b""
    if known and kind == A:
        record = struct.pack("!HHHIH", 0xc00c, A, CLASS_IN, 0, 4) + socket.inet_aton(address)
    head = struct.pack("!HHHHHH", number, 0x8180 | flags & 0x0100 | (0 if known else NXDOMAIN), 1,
                       1 if record else 0, 0, 0)
    return head + data[12:at + 4] + record


server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind((sys.argv[1], 53))
print("ready", flush=True)
while True:
    question, client = server.recvfrom(4096)
    try:
        server.sendto(answer(question, "".join(sys.argv[2:3]), sys.argv[3:]), client)
    except (IndexError, struct.error):
        print("malformed", flush=True)
