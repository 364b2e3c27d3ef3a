#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Packets in the clear, sent and awaited.

clear.py listen PORT                  prints a line for each datagram and each SYN to this port that the
                                      kernel delivers: "udp 192.0.2.1"
clear.py send DEVICE MAC PORT         sends what it reads, whatever the host routes: lines of
                                      SOURCE,DESTINATION,udp|tcp for one packet each; says of each line
                                      how many went out
"""
import logging
import selectors
import socket
import struct
import sys


def listen(port):
    ready = selectors.DefaultSelector()
    for family in socket.AF_INET, socket.AF_INET6:
        udp = socket.socket(family, socket.SOCK_DGRAM)
        if family == socket.AF_INET6:
            udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        udp.bind(("", int(port)))
        ready.register(udp, selectors.EVENT_READ, "udp")
        tcp = socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_TCP)
        ready.register(tcp, selectors.EVENT_READ, "tcp")
    print("ready", flush=True)
    while True:
        for key, _ in ready.select():
            data, source = key.fileobj.recvfrom(2048)
            if key.data == "tcp":
                header = data[4 * (data[0] & 15):] if key.fileobj.family == socket.AF_INET else data
                to, flags = struct.unpack("!2xH9xB", header[:14])
                if to != int(port) or not flags & 2:
                    continue
            print(key.data, source[0].split("%")[0], flush=True)


def send(device, mac, port):
    logging.getLogger("scapy.runtime").setLevel(logging.ERROR)
    from scapy.all import IP, IPv6, TCP, UDP, Ether, conf

    out = conf.L2socket(iface=device)
    print("ready", flush=True)
    for line in sys.stdin:
        for packet in line.split():
            source, destination, proto = packet.split(",")
            ip = IPv6 if ":" in source else IP
            upper = UDP if proto == "udp" else TCP
            out.send(Ether(dst=mac) / ip(src=source, dst=destination) /
                     upper(sport=7, dport=int(port)))
        print(len(line.split()), flush=True)


{"listen": listen, "send": send}[sys.argv[1]](*sys.argv[2:])
