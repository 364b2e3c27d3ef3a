#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""wire_check.py PCAP KEYDIR: has tshark read a capture with the key logs in KEYDIR (Wireshark's
own files ikev1_decryption_table and esp_sa). Every encrypted IKE message must decrypt, every ESP
packet must decrypt with a correct ICV to an IP packet, and tshark must find nothing malformed and
nothing that it calls an error. Prints a summary; exit 1 at the first fault."""
import collections
import os
import subprocess
import sys

FIELDS = ["frame.number", "frame.protocols", "isakmp.exchangetype", "isakmp.flag_e",
          "isakmp.typepayload", "esp.spi", "esp.icv_good", "_ws.malformed",
          "_ws.expert.severity", "_ws.expert.message"]
PI_ERROR = 0x800000
MAIN_MODE, INFORMATIONAL, QUICK_MODE = "2", "5", "32"
# What must have been seen decrypted: main mode 5 and 6 (identity, hash), quick mode with an SA and
# with a hash alone, and the Deletes.
WANTED = {"main mode 5/6": 2, "quick mode": 3, "delete": 1}


def fault(frame, what):
    sys.exit(f"frame {frame}: {what}")


def read(pcap, keys):
    command = ["tshark", "-r", pcap, "-T", "fields", "-E", "separator=|",
               "-o", "esp.enable_encryption_decode:TRUE",
               "-o", "esp.enable_authentication_check:TRUE"]
    for field in FIELDS:
        command += ["-e", field]
    run = subprocess.run(command, env=dict(os.environ, WIRESHARK_CONFIG_DIR=keys), text=True,
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    if run.returncode:
        sys.exit("tshark: " + run.stderr.strip().splitlines()[-1])
    for line in run.stdout.splitlines():
        yield dict(zip(FIELDS, line.split("|", len(FIELDS) - 1)))


def ike_kind(frame):
    payloads = frame["isakmp.typepayload"].split(",")
    exchange = frame["isakmp.exchangetype"]
    if exchange == MAIN_MODE and {"5", "8"} <= set(payloads):
        return "main mode 5/6"
    if exchange == QUICK_MODE and payloads[0] == "8":
        return "quick mode"
    if exchange == INFORMATIONAL and payloads[:2] == ["8", "12"]:
        return "delete"
    if exchange == INFORMATIONAL and payloads[0] == "8":
        return "informational"
    return None


def check(frame):
    number = frame["frame.number"]
    severities = [int(s, 0) for s in frame["_ws.expert.severity"].split(",") if s]
    if frame["_ws.malformed"] or "_ws.malformed" in frame["frame.protocols"]:
        fault(number, "malformed: " + frame["_ws.expert.message"])
    if any(s >= PI_ERROR for s in severities):
        fault(number, "error: " + frame["_ws.expert.message"])
    if frame["isakmp.flag_e"] == "1":
        kind = ike_kind(frame)
        return kind or fault(number, "IKE message does not decrypt")
    if frame["isakmp.exchangetype"]:
        return "ike in clear"
    if frame["esp.spi"]:
        if frame["esp.icv_good"] != "1":
            fault(number, "the ICV is wrong, or the SA is not in the key log")
        if ":esp:ip" not in frame["frame.protocols"]:
            fault(number, "ESP does not decrypt to an IP packet")
        return "esp"
    return "other"


def main():
    counts = collections.Counter(check(frame) for frame in read(sys.argv[1], sys.argv[2]))
    for kind, least in dict(WANTED, esp=1).items():
        if counts[kind] < least:
            sys.exit(f"{kind}: only {counts[kind]} seen")
    print(", ".join(f"{count} {kind}" for kind, count in sorted(counts.items())))


main()
