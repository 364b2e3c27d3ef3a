#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-2.0-or-later
"""One move from network to network while a probe goes through the tunnel every millisecond.

usage: roam_move.py ADDRESS hard|gap|soft FROM TO METRIC WATCH

Run in the client's namespace, with the device cN-1 up and 198.18.N.2 on it (N = FROM), and the other
one (TO) up without an address.
hard: the old address and link go, then the new address and a default route come, in one batch.
gap: the same, with a time in between in which there is no network.
soft: the new ones come, with a route that is preferred, and the old ones go half a second later.

Prints one JSON object. WATCH: seconds until a tunnel that does not come back is given up. Times of
arrival are the kernel's. This program and what moves have precedence over all others: a busy machine
delays only those that are measured."""
import gc
import json
import select
import socket
import struct
import subprocess
import sys
import time

from probe import Prober, urgent

INTERVAL = 0.001
BEFORE = 0.2  # all is well for so long, before the first move
STEADY = 0.4  # and again, after the last
OVERLAP = 0.5
PAUSE = 0.05  # without any network
IN_FLIGHT = 0.1  # so long before the move probes may still be lost to it
DRAIN = 0.3  # for the last replies
RTMGRP = 0x4 | 0x10 | 0x40 | 0x1  # neighbours excepted: links, addresses, routes of IPv4
RTM_NEWROUTE, RTM_DELADDR = 24, 21
MAIN = 254


class Mover:
    """`ip -batch`, started before it is needed."""

    def __init__(self, kind, old, new, metric):
        gone = [f"addr del 198.18.{old}.2/24 dev c{old - 1}", f"link set c{old - 1} down"]
        come = [f"addr add 198.18.{new}.2/24 dev c{new - 1}",
                f"route add default via 198.18.{new}.1 dev c{new - 1} metric {metric}"]
        self.steps = {"hard": [gone + come], "gap": [gone, come], "soft": [come, gone]}[kind]
        self.after = [f"link set c{old - 1} up"]
        self.ip = subprocess.Popen(["ip", "-force", "-batch", "-"], stdin=subprocess.PIPE,
                                   text=True, preexec_fn=urgent)

    def give(self, lines):
        self.ip.stdin.write("\n".join(lines) + "\n")
        self.ip.stdin.flush()

    def end(self):
        self.give(self.after)
        self.ip.stdin.close()
        if self.ip.wait():
            sys.exit("roam_move: ip has failed")


class Kernel:
    """When things came about, by what the kernel tells everybody."""

    def __init__(self):
        self.s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
        self.s.bind((0, RTMGRP))
        self.exists = None  # new address and default route
        self.gone = None  # old address

    def receive(self, now):
        data = self.s.recv(65536)
        while len(data) >= 28:
            size, type_ = struct.unpack("IH", data[:6])
            body = data[16:size]
            if type_ == RTM_NEWROUTE and body[1] == 0 and body[4] == MAIN:
                self.exists = self.exists or now
            if type_ == RTM_DELADDR:
                self.gone = self.gone or now
            data = data[(size + 3) & ~3 :]


class Run:
    def __init__(self, prober, kernel):
        self.prober, self.kernel = prober, kernel
        self.next = time.time()

    def turn(self, probing):
        now = time.time()
        if probing and now >= self.next:
            self.prober.send(now)
            # What it has missed itself it does not make up for.
            self.next = max(self.next + INTERVAL, now)
            return
        wait = max(0, self.next - now) if probing else 0.01
        ready, _, _ = select.select([self.prober.s, self.kernel.s], [], [], wait)
        if self.kernel.s in ready:
            self.kernel.receive(time.time())
        if self.prober.s in ready:
            self.prober.receive()

    def until(self, end, probing=True):
        while time.time() < end:
            self.turn(probing)

    def until_back(self, watch, after=None):
        """True when a probe has been answered that was sent after that time, or the new address."""
        end = time.time() + watch
        while time.time() < end:
            self.turn(True)
            since = after or self.kernel.exists
            if since and self.prober.answered > since:
                return True
        return False


def gaps(times):
    return [(b - a, a, b) for a, b in zip(times, times[1:])]


def of_the_move(prober, breaks):
    """The gaps that a break fell into, or a probe that was lost: others are the machine's. breaks:
    when something went, and from when on probes should have another way."""
    lost = [t for n, t in enumerate(prober.sent) if n not in prober.came]
    spans = [(t, t) for t in lost if t > breaks[0][0]]
    for went, new in breaks:
        replies = [prober.came[n] for n in prober.came if prober.sent[n] > new]
        spans.append((went, min(replies, default=went)))
    return [g for g in gaps(sorted(prober.came.values()))
            if any(g[1] < end and g[2] > begin for begin, end in spans)]


def verdict(prober, kernel, back, breaks):
    """The outage is the longest gap; `since` its part from the time on when there was a new address."""
    outage, _, ended = max(of_the_move(prober, breaks), default=(0, 0, 0))
    lost = [t for n, t in enumerate(prober.sent) if n not in prober.came]
    ms = lambda x: round(x * 1000, 2)
    return {"back": back, "outage_ms": ms(outage) if back else None,
            "since_ms": ms(max(0, ended - kernel.exists)) if back else None,
            "without_ms": ms(max(0, kernel.exists - (kernel.gone or kernel.exists))),
            "sent": len(prober.sent), "lost": sum(t > breaks[0][0] - IN_FLIGHT for t in lost),
            "lost_before": sum(t <= breaks[0][0] - IN_FLIGHT for t in lost),
            "prober_ms": ms(max(gaps(prober.sent))[0])}


def main():
    address, kind, old, new, metric, watch = sys.argv[1:]
    gc.disable()
    mover = Mover(kind, int(old), int(new), int(metric))
    urgent()
    prober, kernel = Prober(address), Kernel()
    run = Run(prober, kernel)
    run.until(time.time() + BEFORE)
    if len(prober.came) < 0.5 * BEFORE / INTERVAL:
        sys.exit(f"roam_move: {len(prober.came)} of {len(prober.sent)} replies before the move")
    breaks = [(time.time(), 0)]
    mover.give(mover.steps[0])
    if kind == "gap":
        run.until(breaks[0][0] + PAUSE)
        mover.give(mover.steps[1])
    back = run.until_back(float(watch))
    breaks[0] = (breaks[0][0], kernel.exists)
    if kind == "soft":
        run.until(breaks[0][0] + OVERLAP)
        breaks.append((time.time(), time.time()))
        mover.give(mover.steps[1])
        back = run.until_back(float(watch), breaks[1][0])
    if back:
        run.until(time.time() + STEADY)
    run.until(time.time() + DRAIN, probing=False)
    mover.end()
    print(json.dumps(verdict(prober, kernel, back, breaks)))


main()
