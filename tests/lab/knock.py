#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Knocks and counts, for the tests of held packets.

knock.py connect ADDRESS PORT         how connect() went and how long it took: "ok 203" (ms), or the
                                      name of the error
knock.py serve ADDRESS... -- PORT     accepts TCP connections to these addresses until it is ended
knock.py send ADDRESS PORT N RATE     N numbered datagrams, RATE a second
knock.py same ADDRESS PORT N          the same datagram N times, a tenth of a second apart
knock.py count ADDRESS PORT SECONDS   what arrives within SECONDS: how many, how many of them twice,
                                      how many out of turn
"""
import errno
import selectors
import socket
import sys
import time


def family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def connect(address, port):
    s = socket.socket(family(address), socket.SOCK_STREAM)
    s.settimeout(20)
    begun = time.monotonic()
    try:
        s.connect((address, int(port)))
        outcome = "ok"
    except OSError as e:
        outcome = errno.errorcode.get(e.errno, "timeout")
    print(outcome, round((time.monotonic() - begun) * 1000))


def serve(*words):
    addresses, port = words[:words.index("--")], int(words[-1])
    ready = selectors.DefaultSelector()
    for address in addresses:
        s = socket.socket(family(address), socket.SOCK_STREAM)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind((address, port))
        s.listen(64)
        ready.register(s, selectors.EVENT_READ)
    print("ready", flush=True)
    while True:
        for key, _ in ready.select():
            key.fileobj.accept()[0].close()


def send(address, port, n, rate):
    s = socket.socket(family(address), socket.SOCK_DGRAM)
    begun = time.monotonic()
    for i in range(int(n)):
        s.sendto(i.to_bytes(4, "big") + bytes(60), (address, int(port)))
        time.sleep(max(0, begun + (i + 1) / int(rate) - time.monotonic()))


def same(address, port, n):
    s = socket.socket(family(address), socket.SOCK_DGRAM)
    for _ in range(int(n)):
        s.sendto(b"\0\0\0\0a question that is repeated", (address, int(port)))
        time.sleep(0.1)


def count(address, port, seconds):
    s = socket.socket(family(address), socket.SOCK_DGRAM)
    s.bind((address, int(port)))
    print("ready", flush=True)
    until = time.monotonic() + float(seconds)
    numbers = []
    while (left := until - time.monotonic()) > 0:
        s.settimeout(left)
        try:
            numbers.append(int.from_bytes(s.recv(2048)[:4], "big"))
        except TimeoutError:
            break
    late = sum(1 for a, b in zip(numbers, numbers[1:]) if b < a)
    print(len(numbers), len(numbers) - len(set(numbers)), late)


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
