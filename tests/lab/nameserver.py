#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""usage: nameserver.py ADDRESS

A name server that knows no name: every question is answered NXDOMAIN (RFC 1035 section 4.1.1).
"""
import socket
import sys

s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind((sys.argv[1], 53))
print("ready", flush=True)
while True:
    query, who = s.recvfrom(512)
    if len(query) > 12:
        s.sendto(query[:2] + b"\x81\x83" + query[4:6] + bytes(6) + query[12:], who)
