#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""echo.py ADDRESS COUNT BYTES: sends echo requests with so many bytes of data, the next one as soon
as the answer is there, and prints how many came back whole. ping -f would do, but it gives the last
answer no longer than twice the longest time so far, which on a busy machine is not enough."""
import os
import socket
import struct
import sys
import time

WAIT_S = 2
REQUEST, REPLY = {4: 8, 6: 128}, {4: 0, 6: 129}


def checksum(data):
    words = sum(struct.unpack(f"!{len(data) // 2}H", data[:len(data) & ~1]))
    words += data[-1] << 8 if len(data) & 1 else 0
    while words >> 16:
        words = (words & 0xffff) + (words >> 16)
    return ~words & 0xffff


def message(version, kind, number, data):
    """Of IPv6 the kernel makes the checksum."""
    head = struct.pack("!BBHHH", kind, 0, 0, os.getpid() & 0xffff, number & 0xffff)
    if version == 4:
        head = head[:2] + struct.pack("!H", checksum(head + data)) + head[4:]
    return head + data


def comes_back(sock, version, number, data):
    """Whether our answer comes in time; what else comes is for others."""
    wanted = message(version, REPLY[version], number, data)
    end = time.monotonic() + WAIT_S
    while (left := end - time.monotonic()) > 0:
        sock.settimeout(left)
        try:
            got = sock.recv(65536)
        except TimeoutError:
            return False
        if version == 4:
            got = got[(got[0] & 15) * 4:]
        if got[:2] == wanted[:2] and got[4:] == wanted[4:]:
            return True
    return False


def main():
    address, count, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    version = 6 if ":" in address else 4
    sock = socket.socket(socket.AF_INET6 if version == 6 else socket.AF_INET, socket.SOCK_RAW,
                         58 if version == 6 else 1)
    sock.connect((address, 0))
    received = 0
    for number in range(count):
        data = bytes((number + i) & 255 for i in range(256)) * (size // 256 + 1)
        data = data[:size]
        sock.send(message(version, REQUEST[version], number, data))
        received += comes_back(sock, version, number, data)
    print(received)


main()
