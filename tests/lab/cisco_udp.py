#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-2.0-or-later
"""usage: cisco_udp.py CLIENT-DEVICE GATEWAY-DEVICE GATEWAY PORT

Cisco's UDP encapsulation for a gateway that has plain ESP only, on the router in between: what the
client sends to UDP PORT of GATEWAY goes on as protocol 50, what the gateway sends as protocol 50
goes on as UDP from PORT. The kernel must not forward either (nft). Runs until it is ended.
"""
import select
import socket
import struct
import sys

ESP, UDP = 50, 17
IP_HEADER, UDP_HEADER = 20, 8


def sniffer(device):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800))
    s.bind((device, 0x0800))
    return s


def receive(s):
    """Protocol, source, destination and payload of what has come in; None for what goes out."""
    packet, where = s.recvfrom(65536)
    if where[2] == socket.PACKET_OUTGOING:
        return None
    length = (packet[0] & 15) * 4
    total = struct.unpack_from("!H", packet, 2)[0]
    return packet[9], packet[12:16], packet[16:20], packet[length:total]


def send(out, protocol, source, destination, payload):
    # Length, identification and checksum are the kernel's.
    header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 0, 0, 0, 64, protocol, 0, source, destination)
    out.sendto(header + payload, (socket.inet_ntoa(destination), 0))


client, gateway = sniffer(sys.argv[1]), sniffer(sys.argv[2])
address, port = socket.inet_aton(sys.argv[3]), int(sys.argv[4])
out = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
ports = {}  # the client's, by its address
print("ready", flush=True)
while True:
    for s in select.select([client, gateway], [], [])[0]:
        protocol, source, destination, payload = receive(s) or (0, b"", b"", b"")
        if s is client and protocol == UDP and destination == address:
            sport, dport = struct.unpack_from("!HH", payload)
            if dport == port:
                ports[source] = sport
                send(out, ESP, source, destination, payload[UDP_HEADER:])
        elif s is gateway and protocol == ESP and source == address and destination in ports:
            header = struct.pack("!HHHH", port, ports[destination], UDP_HEADER + len(payload), 0)
            send(out, UDP, source, destination, header + payload)
