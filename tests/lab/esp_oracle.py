#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""esp_oracle.py PCAP ESP_SA SOURCE: an opinion on our ESP from somebody else's code. Every ESP
packet that SOURCE sent in the capture is opened, and built anew by scapy from the inner packet
with the same keys, SPI, sequence number and IV; both must be equal byte for byte. ESP_SA is the
key log in Wireshark's format. Also: sequence numbers start at 1 and never repeat, and no IV is
used twice under one key. Prints a summary; exit 1 at the first difference."""
import csv
import logging
import struct
import sys
import warnings

logging.getLogger("scapy").setLevel(logging.ERROR)
warnings.simplefilter("ignore")
from scapy.layers.inet import IP, UDP  # noqa: E402
from scapy.layers.ipsec import CRYPT_ALGOS, ESP, IPSecIntegrityError, SecurityAssociation  # noqa: E402
from scapy.utils import PcapReader  # noqa: E402

CRYPT = {"AES-GCM with 16 octet ICV [RFC4106]": "AES-GCM", "AES-CBC [RFC3602]": "AES-CBC"}
AUTH = {"NULL": "NULL", "HMAC-SHA-1-96 [RFC2404]": "HMAC-SHA1-96",
        "HMAC-SHA-256-128 [RFC4868]": "SHA2-256-128", "HMAC-SHA-384-192 [RFC4868]": "SHA2-384-192",
        "HMAC-SHA-512-256 [RFC4868]": "SHA2-512-256"}

# GCM needs no padding but ESP's own alignment to 4 bytes (RFC 4106 section 3.2, RFC 4303
# section 2.4); scapy would pad to AES's block.
CRYPT_ALGOS["AES-GCM"].block_size = 4


def key(text):
    return bytes.fromhex(text[2:] if text.startswith("0x") else text)


def associations(path):
    """SPI -> association, from lines "IPv4","src","dst","spi","cipher","key","auth","key"."""
    found = {}
    with open(path, encoding="ascii") as file:
        for row in csv.reader(file):
            spi = int(row[3], 16)
            found[spi] = SecurityAssociation(
                ESP, spi=spi, crypt_algo=CRYPT[row[4]], crypt_key=key(row[5]),
                auth_algo=AUTH[row[6]], auth_key=key(row[7]) or None,
                tunnel_header=IP(src=row[1], dst=row[2]))
    return found


def esp_sent(pcap, source):
    """(frame number, ESP bytes) of what source sent, raw or in UDP; IKE and keepalives left out."""
    with PcapReader(pcap) as reader:
        for number, frame in enumerate(reader, 1):
            if IP not in frame or frame[IP].src != source:
                continue
            outer = frame[IP]
            body = bytes(outer)[outer.ihl * 4:outer.len]
            if outer.proto == 50:
                yield number, body
            elif UDP in outer and 4500 in (outer[UDP].sport, outer[UDP].dport):
                body = body[8:]
                if len(body) > 8 and body[:4] != bytes(4):
                    yield number, body


def rebuild(sa, body):
    outer = IP(src=sa.tunnel_header.src, dst=sa.tunnel_header.dst, proto=50) / ESP(body)
    inner = bytes(sa.decrypt(IP(bytes(outer))))
    seq, = struct.unpack_from(">I", body, 4)
    vector = body[8:8 + sa.crypt_algo.iv_size]
    anew = sa.encrypt(IP(inner), seq_num=seq, iv=vector)
    return seq, vector, inner, bytes(anew[ESP])


def difference(ours, theirs):
    at = next((i for i, pair in enumerate(zip(ours, theirs)) if pair[0] != pair[1]), None)
    if at is None:
        return f"{len(ours)} bytes, scapy makes {len(theirs)}"
    return f"byte {at} of {len(ours)} differs: {ours[at:at + 16].hex()}, " \
           f"scapy makes {theirs[at:at + 16].hex()}"


def main():
    sas, seen, vectors, inner_bytes = associations(sys.argv[2]), {}, set(), 0
    for number, body in esp_sent(sys.argv[1], sys.argv[3]):
        spi, = struct.unpack_from(">I", body, 0)
        if spi not in sas:
            sys.exit(f"frame {number}: SPI {spi:#x} is not in the key log")
        try:
            seq, vector, inner, anew = rebuild(sas[spi], body)
        except IPSecIntegrityError:
            sys.exit(f"frame {number}: scapy finds the ICV wrong")
        if anew != body:
            sys.exit(f"frame {number}: {difference(body, anew)}")
        numbers = seen.setdefault(spi, set())
        if seq in numbers or (spi, vector) in vectors:
            sys.exit(f"frame {number}: sequence number {seq} or IV used twice")
        numbers.add(seq)
        vectors.add((spi, vector))
        inner_bytes += len(inner)
    if not seen:
        sys.exit("no ESP packet in the capture")
    for spi, numbers in seen.items():
        if numbers != set(range(1, len(numbers) + 1)):
            sys.exit(f"SPI {spi:#x}: {len(numbers)} packets, but not numbered from 1 without a gap")
    print(f"{sum(map(len, seen.values()))} packets of {inner_bytes} inner bytes equal, "
          f"{len(seen)} SPI")


main()
