# SPDX-License-Identifier: GPL-2.0-or-later
"""Echo requests of a bench's own, with the kernel's times of arrival."""
import os
import random
import socket
import struct

SO_TIMESTAMPNS = 35


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


def urgent():
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(2))
    except OSError:
        pass


def arrival(control):
    """The kernel's time, of what recvmsg() gave."""
    seconds, nanoseconds = struct.unpack("qq", control[0][2])
    return seconds + nanoseconds / 1e9


class Prober:
    def __init__(self, address):
        self.to = (address, 0)
        self.s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
        self.s.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self.ident = random.randrange(1, 65536)
        self.sent, self.refused = [], 0
        self.came = {}  # when the reply to each number did
        self.answered = 0  # when the newest was sent that has been

    def send(self, now):
        body = struct.pack("!I", len(self.sent)) + bytes(52)
        head = struct.pack("!BBHHH", 8, 0, 0, self.ident, len(self.sent) & 0xFFFF)
        sum_ = checksum(head + body)
        self.sent.append(now)
        try:
            self.s.sendto(head[:2] + struct.pack("!H", sum_) + head[4:] + body,
                          socket.MSG_DONTWAIT, self.to)
        except OSError:
            self.refused += 1

    def receive(self):
        packet, control, _, _ = self.s.recvmsg(2048, 64)
        icmp = packet[(packet[0] & 15) * 4 :]
        if len(icmp) < 12 or icmp[0] != 0 or struct.unpack("!H", icmp[4:6])[0] != self.ident:
            return
        number = struct.unpack("!I", icmp[8:12])[0]
        if number not in self.came:
            self.came[number] = arrival(control)
            self.answered = max(self.answered, self.sent[number])
