#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""ordered.py serve ADDRESS PORT... | ordered.py ask ADDRESS COUNT PORT...: numbered datagrams.

serve sends back what comes, and at SIGTERM prints how many came and how many of them behind a later one of
their port. ask sends COUNT to each port, no more of each than WINDOW at a time, and prints for what came
back: how many, how many behind a later one, how many missing."""
import os
import select
import signal
import socket
import struct
import sys

WINDOW = 24
PATIENCE = 5


def serve(address, ports):
    sockets = {}
    for port in ports:
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.bind((address, port))
        sockets[s] = -1
    came = late = 0

    def stop(*_):
        print(came, late, flush=True)
        os._exit(0)

    signal.signal(signal.SIGTERM, stop)
    print("ready", flush=True)
    while True:
        for s in select.select(list(sockets), [], [])[0]:
            data, source = s.recvfrom(2048)
            number = struct.unpack(">I", data[:4])[0]
            came += 1
            late += number < sockets[s]
            sockets[s] = max(sockets[s], number)
            s.sendto(data, source)


class Flow:
    def __init__(self, address, port, size):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.connect((address, port))
        self.size = size
        self.sent = self.came = self.late = 0
        self.highest = -1

    def send(self, count):
        while self.sent < count and self.sent - self.came < WINDOW:
            self.socket.send(struct.pack(">I", self.sent).ljust(self.size, b"."))
            self.sent += 1

    def take(self):
        number = struct.unpack(">I", self.socket.recv(2048)[:4])[0]
        self.came += 1
        self.late += number < self.highest
        self.highest = max(self.highest, number)


def ask(address, count, ports):
    flows = [Flow(address, port, 100 + 300 * i) for i, port in enumerate(ports)]
    by_socket = {flow.socket: flow for flow in flows}
    while any(flow.came < count for flow in flows):
        for flow in flows:
            flow.send(count)
        ready = select.select(list(by_socket), [], [], PATIENCE)[0]
        if not ready:
            break
        for s in ready:
            by_socket[s].take()
    print(sum(flow.came for flow in flows), sum(flow.late for flow in flows),
          sum(count - flow.came for flow in flows))


if sys.argv[1] == "serve":
    serve(sys.argv[2], [int(p) for p in sys.argv[3:]])
else:
    ask(sys.argv[2], int(sys.argv[3]), [int(p) for p in sys.argv[4:]])
