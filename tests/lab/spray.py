#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""spray.py forged|altered GATEWAY CLIENT DEVICE SECONDS: annoys a client that is connecting.

forged: what somebody off the path can send: datagrams with the gateway's address and ports, well
formed or broken, with cookies that he can only guess.
altered: what passes DEVICE from the gateway to the client is sent to it again with some bytes
changed, cut off or added; the copy arrives after the original.

Prints "sending" when it begins and a count when it is ended by SIGTERM or time."""
import os
import random
import signal
import socket
import struct
import sys
import time

RNG = random.Random(int(os.environ.get("SPRAY_SEED", "1")))
ETH_P_IP = 0x0800


def udp(source, target, port, payload):
    segment = struct.pack(">HHHH", port, port, 8 + len(payload), 0) + payload
    return struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(segment), RNG.getrandbits(16), 0, 64, 17,
                       0, socket.inet_aton(source), socket.inet_aton(target)) + segment


def header(first, exchange, flags, message, length):
    responder = RNG.choice((bytes(8), RNG.randbytes(8)))
    version = RNG.choice((0x10, 0x10, 0x10, 0x20, 0xff))
    return struct.pack(">8s8sBBBBII", RNG.randbytes(8), responder, first, version, exchange, flags,
                       message, length)


def payload(following, body, length=None):
    return struct.pack(">BBH", following, 0, 4 + len(body) if length is None else length) + body


def sa_answer():
    attributes = struct.pack(">HHHHHHHHHHHH", 0x8001, 7, 0x8002, 4, 0x8003, 1, 0x8004, 14, 0x800e,
                             128, 0x800b, 1)
    transform = payload(0, struct.pack(">BBH", 1, 1, 0) + attributes)
    proposal = payload(0, struct.pack(">BBBB", 1, 1, 0, 1) + transform)
    return payload(0, struct.pack(">II", 1, 1) + proposal)


def forged_body():
    """First payload, exchange, flags and body of a message that could be true."""
    notify = struct.pack(">IBBH", 1, 1, 0, RNG.choice((14, 16, 24, 40704)))
    return RNG.choice((
        (1, 2, 0, sa_answer()),
        (4, 2, 0, payload(10, RNG.randbytes(256)) + payload(0, RNG.randbytes(32))),
        (5, 2, 1, RNG.randbytes(64)),
        (8, 32, 1, RNG.randbytes(160)),
        (11, 5, 0, payload(0, notify)),
        (12, 5, 0, payload(0, struct.pack(">IBBH", 1, 1, 16, 1) + RNG.randbytes(16))),
        (1, 2, 0, payload(1, b"", 0) * 3),
        (13, 2, 0, payload(13, b"", 4) * 200 + payload(0, b"", 65535)),
        (1, 2, 0, payload(0, RNG.randbytes(8), 3)),
        (*RNG.randbytes(3), RNG.randbytes(RNG.randrange(200)))))


def alter(data):
    data = bytearray(data)
    for _ in range(RNG.randrange(1, 4)):
        if data:
            data[RNG.randrange(len(data))] = RNG.getrandbits(8)
    cut = RNG.random()
    if cut < 0.2:
        return bytes(data[:RNG.randrange(len(data) + 1)])
    return bytes(data) + (RNG.randbytes(RNG.randrange(1, 40)) if cut > 0.9 else b"")


def forged_datagram():
    first, exchange, flags, body = forged_body()
    length = RNG.choice((28 + len(body),) * 4 + (0, 27, 28, 65536, 0xffffffff))
    message = header(first, exchange, flags, RNG.choice((0, RNG.getrandbits(32))), length) + body
    if RNG.random() < 0.5:
        message = alter(message)
    if RNG.random() < 0.5:
        return 500, message
    return 4500, RNG.choice((bytes(4) + message, b"\xff", b"", bytes(3), RNG.randbytes(4),
                             RNG.randbytes(RNG.randrange(8, 120))))


def forge(out, source, target, end):
    count = 0
    while time.monotonic() < end:
        for _ in range(10):
            port, data = forged_datagram()
            out.sendto(udp(source, target, port, data), (target, 0))
            count += 1
        time.sleep(0.01)
        yield count


def echo(out, source, target, device, end):
    tap = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_IP))
    tap.bind((device, ETH_P_IP))
    tap.settimeout(0.2)
    count = 0
    while time.monotonic() < end:
        try:
            packet = tap.recv(65536)
        except socket.timeout:
            continue
        if packet[9] != 17 or packet[12:16] != socket.inet_aton(source):
            continue
        port, data = struct.unpack_from(">H", packet, 20)[0], packet[28:]
        for _ in range(3):
            out.sendto(udp(source, target, port, alter(data)), (target, 0))
            count += 1
        yield count


def main():
    kind, source, target, device, seconds = sys.argv[1:]
    out = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    end = time.monotonic() + float(seconds)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    sent = 0
    print("sending", flush=True)
    try:
        for sent in forge(out, source, target, end) if kind == "forged" else \
                echo(out, source, target, device, end):
            pass
    finally:
        print(f"{sent} {kind} datagrams", flush=True)


main()
