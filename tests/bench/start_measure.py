#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-2.0-or-later
"""How soon a tunnel carries something: one start.

usage: start_measure.py first ADDRESS GATEWAY LOG [NAME=VALUE...] COMMAND...
       start_measure.py demand ADDRESS GATEWAY SERVER PORT

Run in the client's namespace, with c0 on the way to the gateway.
first: echo requests go to ADDRESS every 2 ms; then the command is started. From there to the first
reply: ms. What it says goes to LOG.
demand: the time of one connect(); that of the negotiation, from its first message to its last before
the first packet of data; the SYNs that reached the server (a namespace, at s0).

Both tell of what passed c0 to and from the gateway until then: of which kind and when, and round trips:
how often something came in answer to what had left. Prints one JSON object. This program has
precedence over what it measures, so that a busy machine does not delay it."""
import ctypes
import gc
import json
import os
import random
import select
import socket
import struct
import sys
import time

from probe import SO_TIMESTAMPNS, Prober, arrival, urgent

INTERVAL = 0.002
BEFORE = 0.02
WATCH = 15
IKE = {2: "main", 4: "aggressive", 5: "informational", 6: "transaction", 32: "quick"}
ETH_P_ALL, PACKET_OUTGOING = 3, 4
CLONE_NEWNET = 0x40000000
DATA = ("ESP", "wireguard 4", "openvpn 6", "openvpn 9")


def udp_kind(ports, payload):
    """Of which kind a datagram is, by the protocol of its port."""
    if 500 in ports and len(payload) > 18:
        return IKE.get(payload[18], "IKE")
    if 4500 in ports:
        if len(payload) < 8:
            return None  # a keepalive
        return IKE.get(payload[22], "IKE") if payload[:4] == bytes(4) else "ESP"
    if 51820 in ports:
        return f"wireguard {payload[0]}"
    return f"openvpn {payload[0] >> 3}"


class Capture:
    """What passes a device, with the kernel's times."""

    def __init__(self, device):
        self.s = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
        self.s.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self.s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.s.bind((device, ETH_P_ALL))
        self.s.setblocking(False)

    def packets(self):
        """(time, does it leave, packet), of those that have passed since."""
        while True:
            try:
                packet, control, _, where = self.s.recvmsg(2048, 64)
            except BlockingIOError:
                return
            if len(packet) >= 20 and packet[0] >> 4 == 4:
                yield arrival(control), where[2] == PACKET_OUTGOING, packet


def messages(capture, gateway, begun):
    """Those to and from the gateway."""
    other = socket.inet_aton(gateway)
    for at, leaves, packet in capture.packets():
        if at < begun or other not in (packet[12:16], packet[16:20]):
            continue
        body = packet[(packet[0] & 15) * 4 :]
        kind = "ESP" if packet[9] == 50 else None
        if packet[9] == 17 and len(body) > 8:
            kind = udp_kind(struct.unpack("!HH", body[:4]), body[8:])
        if kind:
            yield at, leaves, kind


def told(passed, begun):
    """The round trips, and the story of what passed, until data comes."""
    trips, story, left = 0, [], False
    for at, leaves, kind in passed:
        if not leaves and left:
            trips += 1
        left = leaves
        story.append(f"{(at - begun) * 1000:.2f} {'>' if leaves else '<'} {kind}")
        if kind in DATA and not leaves:
            break
    return {"trips": trips, "story": story}


def spawn(log, words):
    """Its scheduling is that of whoever started this program."""
    env = dict(os.environ)
    while "=" in words[0]:
        name, value = words.pop(0).split("=", 1)
        env[name] = value
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    null = os.open("/dev/null", os.O_RDONLY)
    files = [(os.POSIX_SPAWN_DUP2, null, 0), (os.POSIX_SPAWN_DUP2, out, 1),
             (os.POSIX_SPAWN_DUP2, out, 2)]
    more = {}
    if os.sched_getscheduler(0) != os.SCHED_OTHER:
        more["scheduler"] = (os.SCHED_RR, os.sched_param(1))
    return os.posix_spawn(words[0], words, env, file_actions=files, setsigdef=[13], **more)


def first(address, gateway, log, *command):
    prober, capture = Prober(address), Capture("c0")
    now = time.time()
    begun, due, end = None, now, now + WATCH
    child = now + BEFORE + random.random() * INTERVAL
    while not prober.came and time.time() < end:
        now = time.time()
        if begun is None and now >= child:
            begun = time.time()
            spawn(log, list(command))
        elif now >= due:
            prober.send(now)
            due = max(due + INTERVAL, now)
        elif select.select([prober.s], [], [], (due if begun else min(due, child)) - now)[0]:
            prober.receive()
    if not prober.came:
        sys.exit(f"no reply within {WATCH} s")
    reply = min(prober.came.values())
    late = max(b - a for a, b in zip(prober.sent, prober.sent[1:]))
    passed = [m for m in messages(capture, gateway, begun) if m[0] <= reply]
    return {"ms": round((reply - begun) * 1000, 2), "prober_ms": round(late * 1000, 2),
            **told(passed, begun)}


def capture_in(namespace, device):
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/proc/self/ns/net") as own, open(f"/run/netns/{namespace}") as other:
        if libc.setns(other.fileno(), CLONE_NEWNET):
            sys.exit(f"setns {namespace}: {os.strerror(ctypes.get_errno())}")
        capture = Capture(device)
        libc.setns(own.fileno(), CLONE_NEWNET)
    return capture


def is_syn(packet, port):
    tcp = packet[(packet[0] & 15) * 4 :]
    return (packet[9] == 6 and struct.unpack("!H", tcp[2:4])[0] == port and
            tcp[13] & 0x12 == 0x02)


def demand(address, gateway, server, port):
    capture, far = Capture("c0"), capture_in(server, "s0")
    s = socket.socket()
    s.settimeout(WATCH)
    time.sleep(BEFORE)  # the kernel begins to stamp what passes a little later
    begun = time.time()
    s.connect((address, int(port)))
    done = time.time()
    time.sleep(0.2)
    syns = sum(is_syn(p, int(port)) for _, leaves, p in far.packets() if not leaves)
    passed = [m for m in messages(capture, gateway, begun) if m[0] <= done]
    data = next((at for at, _, kind in passed if kind in DATA), None)
    setup = [at for at, _, kind in passed if kind not in DATA and data and at <= data]
    return {"ms": round((done - begun) * 1000, 2), "syns": syns,
            "setup_ms": round((setup[-1] - setup[0]) * 1000, 2) if setup else None,
            **told(passed, begun)}


def main():
    gc.disable()
    urgent()
    what = {"first": first, "demand": demand}[sys.argv[1]]
    print(json.dumps(what(*sys.argv[2:])))


main()
