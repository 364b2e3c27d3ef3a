#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-2.0-or-later
"""Echo requests at an even pace, whatever becomes of the ones before.

usage: ping_count.py ADDRESS SECONDS INTERVAL [PATIENCE]

PATIENCE is how many seconds the last answers are waited for; the last request is sent after these SECONDS
or when it is told to end.

Prints "SENT RECEIVED DUPLICATES LONGEST-GAP-IN-SECONDS"; on stderr when those were sent that were lost."""
import select
import signal
import socket
import struct
import sys
import time

SO_RCVBUFFORCE = 33


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


def request(ident, number):
    body = struct.pack("!I", number) + bytes(60)
    head = struct.pack("!BBHHH", 8, 0, 0, ident, number & 0xFFFF)
    return struct.pack("!BBHHH", 8, 0, checksum(head + body), ident, number & 0xFFFF) + body


def main():
    address, seconds, interval = sys.argv[1], float(sys.argv[2]), float(sys.argv[3])
    patience = float(sys.argv[4]) if len(sys.argv) > 4 else 3.0
    s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    s.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 24)  # we may be late, the kernel not
    s.connect((address, 0))
    ident, sent, seen = 0x6C61, 0, {}
    begin = last = time.monotonic()
    gap, wall, refused = 0.0, time.time(), []
    end = begin + seconds

    def finish(*_):
        nonlocal end
        end = min(end, time.monotonic())

    signal.signal(signal.SIGTERM, finish)
    while True:
        now = time.monotonic()
        if now > end + patience:
            break
        if now < end and now >= begin + sent * interval:
            try:
                s.send(request(ident, sent))
            except OSError as e:
                refused.append(f"{wall + sent * interval:.2f} {e.strerror}")
            sent += 1
            continue
        wait = interval if now >= end else max(0, begin + sent * interval - now)
        if not select.select([s], [], [], wait)[0]:
            continue
        packet = s.recv(2048)
        icmp = packet[(packet[0] & 15) * 4 :]
        if icmp[0] == 0 and struct.unpack("!H", icmp[4:6])[0] == ident:
            number = struct.unpack("!I", icmp[8:12])[0]
            seen[number] = seen.get(number, 0) + 1
            now = time.monotonic()
            gap, last = max(gap, now - last), now
    lost = [n for n in range(sent) if n not in seen]
    print("lost:", *(f"{wall + n * interval:.2f}" for n in lost[:50]), file=sys.stderr)
    print("refused:", *refused[:50], sep="\n", file=sys.stderr)
    print(sent, len(seen), sum(n - 1 for n in seen.values()), f"{gap:.1f}")


main()
