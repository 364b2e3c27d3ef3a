#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-2.0-or-later
"""Sends what was recorded once more, from wherever it likes. It sits on the way, and has no keys.

usage: resend.py PCAP WHAT OF SOURCE PORT [FLIP...]
       resend.py PCAP count OF TO

PCAP is from tcpdump -i any. WHAT is `update`, the last informational message of IKE on port 4500, or
`esp`, the last packet of ESP in UDP, that came from the address OF; it goes to where it went then, from
SOURCE and PORT. Each FLIP is a byte, counted from the beginning of the datagram, from its end when it is
negative, of which one bit is turned over; there is a packet for each, and none that is as it was.

count prints bytes and messages of IKE from OF to the address TO, and the bytes of the last of these
messages: datagrams, without their headers."""
import socket
import struct
import sys

SLL2 = 276
SLL2_SIZE = 20
INFORMATIONAL = 5


def datagrams(path):
    """(source, destination, payload) of each UDP datagram with port 4500 in it, as it entered."""
    with open(path, "rb") as file:
        data = file.read()
    if struct.unpack_from("<I", data, 20)[0] != SLL2:
        sys.exit("not from tcpdump -i any")
    at = 24
    while at + 16 <= len(data):
        size, = struct.unpack_from("<I", data, at + 8)
        frame, at = data[at + 16:at + 16 + size], at + 16 + size
        protocol, kind = struct.unpack_from("!H", frame, 0)[0], frame[10]
        if protocol != 0x800 or kind == 4:  # outgoing: it is seen coming in, too
            continue
        packet = frame[SLL2_SIZE:]
        head = (packet[0] & 15) * 4
        if packet[9] != socket.IPPROTO_UDP or 4500 not in struct.unpack_from("!HH", packet, head):
            continue
        size, = struct.unpack_from("!H", packet, head + 4)
        yield (socket.inet_ntoa(packet[12:16]), socket.inet_ntoa(packet[16:20]),
               packet[head + 8:head + size])


def is_ike(payload):
    return payload[:4] == bytes(4)


def fits(what, payload):
    if what == "update":
        return is_ike(payload) and len(payload) > 22 and payload[4 + 18] == INFORMATIONAL
    return not is_ike(payload) and len(payload) > 8


def send(source, port, to, payload):
    total = 28 + len(payload)
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, total, 0, 0, 64, socket.IPPROTO_UDP, 0,
                     socket.inet_aton(source), socket.inet_aton(to))
    udp = struct.pack("!HHHH", port, 4500, 8 + len(payload), 0)
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as s:
        s.sendto(ip + udp + payload, (to, 0))


def flipped(payload, byte):
    copy = bytearray(payload)
    copy[byte] ^= 1
    return bytes(copy)


def main():
    pcap, what, of = sys.argv[1:4]
    if what == "count":
        sent = [p for source, to, p in datagrams(pcap) if source == of and to == sys.argv[4]]
        ike = [0] + [len(p) for p in sent if is_ike(p)]
        print(sum(map(len, sent)), len(ike) - 1, ike[-1])
        return
    found = [(to, p) for source, to, p in datagrams(pcap) if source == of and fits(what, p)]
    if not found:
        sys.exit(f"no {what} from {of} was recorded")
    to, payload = found[-1]
    source, port, flips = sys.argv[4], int(sys.argv[5]), sys.argv[6:]
    for one in [flipped(payload, int(byte)) for byte in flips] or [payload]:
        send(source, port, to, one)
    print(len(payload))


main()
