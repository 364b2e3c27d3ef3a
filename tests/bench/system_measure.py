#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-2.0-or-later
"""One figure of one tunnel.

usage: system_measure.py CLIENT GATEWAY SERVER FLOOD WHAT SECONDS
       system_measure.py offloads-off NAMESPACE DEVICE

The first three are namespaces, FLOOD is lab_flood. What runs in those of client and gateway at the
start is the tunnel; its CPU time is the processes' own, with what the kernel does in their name.

tcp-up, tcp-down      one TCP stream (iperf3), client to server and back; CPU; echoes meanwhile
tcp-up-4, tcp-down-4  four
udp-64, udp-1400      as many datagrams as can be sent, client to server, and how many arrive: 64 bytes
                      of payload; 1400 of the whole inner packet
udp-64-20k            20000 a second
latency               echoes alone
idle                  wakeups: how often the client's threads have gone to sleep
memory, memory-after  resident, now and at most

Prints one JSON object."""
import ctypes
import fcntl
import json
import os
import re
import signal
import socket
import statistics
import struct
import subprocess
import sys
import time

ADDRESS = "10.80.0.2"
BEFORE = "10.80.0.1"  # lab_flood counts from the next one on
TICK = os.sysconf("SC_CLK_TCK")
UNLIMITED = "100000000"
SIOCETHTOOL = 0x8946
CLONE_NEWNET = 0x40000000
# Checksums of both directions, TSO, GSO, GRO; segmentation of UDP goes with the checksums.
ETHTOOL_SET = (0x15, 0x17, 0x1F, 0x24, 0x2C)


def inside(namespace, *command):
    return ["ip", "netns", "exec", namespace, *command]


def pids(namespace):
    said = subprocess.run(["ip", "netns", "pids", namespace], capture_output=True, text=True)
    return [int(p) for p in said.stdout.split()]


def cpu_seconds(processes):
    total = 0
    for pid in processes:
        with open(f"/proc/{pid}/stat") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICK


def memory_mb(processes, key):
    total = 0
    for pid in processes:
        with open(f"/proc/{pid}/status") as f:
            total += sum(int(line.split()[1]) for line in f if line.startswith(key + ":"))
    return round(total / 1000, 2)


def sleeps(processes):
    total = 0
    for pid in processes:
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/status") as f:
                total += sum(int(line.split()[1]) for line in f
                             if line.startswith("voluntary_ctxt_switches:"))
    return total


class Tunnel:
    def __init__(self, client, gateway, server, flood):
        self.client, self.gateway, self.server, self.flood = client, gateway, server, flood
        self.ends = pids(client), pids(gateway)

    def cpu(self):
        return [cpu_seconds(end) for end in self.ends]

    def spent(self, before):
        return [now - then for now, then in zip(self.cpu(), before)]


class Echoes:
    def __init__(self, tunnel, seconds, interval):
        self.p = subprocess.Popen(
            inside(tunnel.client, "ping", "-i", str(interval), "-w", str(max(1, round(seconds))),
                   ADDRESS), stdout=subprocess.PIPE, text=True)

    def figures(self):
        times = sorted(float(t) for t in re.findall(r"time=([0-9.]+) ms", self.p.communicate()[0]))
        if not times:
            return {"echo_ms": None, "echo_p99_ms": None}
        return {"echo_ms": round(statistics.median(times), 3),
                "echo_p99_ms": round(times[min(len(times) - 1, len(times) * 99 // 100)], 3)}


def tcp(tunnel, seconds, down, streams):
    before = tunnel.cpu()
    echoes = Echoes(tunnel, seconds, 0.01) if streams == 1 else None
    run = subprocess.run(
        inside(tunnel.client, "iperf3", "-J", "-c", ADDRESS, "-t", str(seconds), "-C", "cubic",
               "-P", str(streams), *(["-R"] if down else [])),
        capture_output=True, text=True, timeout=seconds + 20)
    spent = tunnel.spent(before)
    said = json.loads(run.stdout)
    if "error" in said:
        sys.exit(f"iperf3: {said['error']}")
    got = said["end"]["sum_received"]
    if not got["bytes"]:
        sys.exit("iperf3: nothing came")
    gb = got["bytes"] / 1e9
    return {"mbit_s": round(got["bits_per_second"] / 1e6, 1),
            "client_s_gb": round(spent[0] / gb, 3), "gateway_s_gb": round(spent[1] / gb, 3),
            "resent": said["end"]["sum_sent"].get("retransmits"),
            **(echoes.figures() if echoes else {})}


def udp(tunnel, seconds, payload, rate):
    sink = subprocess.Popen(inside(tunnel.server, tunnel.flood, "discard"),
                            stdout=subprocess.PIPE, text=True)
    try:
        if sink.stdout.readline().strip() != "ready":
            sys.exit("the sink does not start")
        before = tunnel.cpu()
        sent = subprocess.run(
            inside(tunnel.client, tunnel.flood, "send", BEFORE, "1", rate, str(seconds),
                   str(payload)), capture_output=True, text=True, timeout=seconds + 20)
        spent = tunnel.spent(before)
        time.sleep(0.05)
    finally:
        sink.send_signal(signal.SIGTERM)
    came = int(sink.communicate(timeout=10)[0])
    count = int(sent.stdout.split()[0])
    if not came:
        sys.exit("nothing came")
    return {"sent_s": round(count / seconds), "packets_s": round(came / seconds),
            "lost_percent": round(100 * (1 - min(1, came / count)), 2),
            "mbit_s": round(came * payload * 8 / seconds / 1e6, 1),
            "client_us": round(spent[0] * 1e6 / came, 2),
            "gateway_us": round(spent[1] * 1e6 / came, 2),
            "both_us": round(sum(spent) * 1e6 / came, 2)}


def idle(tunnel, seconds):
    before = sleeps(tunnel.ends[0])
    time.sleep(seconds)
    return {"wakeups_min": round((sleeps(tunnel.ends[0]) - before) * 60 / seconds, 1)}


def memory(tunnel, _seconds):
    ends = dict(zip(("client", "gateway"), tunnel.ends))
    return {f"{name}_{what}_mb": memory_mb(end, key) for name, end in ends.items()
            for what, key in (("now", "VmRSS"), ("most", "VmHWM"))}


WHAT = {
    "tcp-up": lambda t, s: tcp(t, s, False, 1), "tcp-down": lambda t, s: tcp(t, s, True, 1),
    "tcp-up-4": lambda t, s: tcp(t, s, False, 4), "tcp-down-4": lambda t, s: tcp(t, s, True, 4),
    "udp-64": lambda t, s: udp(t, s, 64, UNLIMITED),
    "udp-1400": lambda t, s: udp(t, s, 1400 - 28, UNLIMITED),
    "udp-64-20k": lambda t, s: udp(t, s, 64, "20000"),
    "latency": lambda t, s: Echoes(t, 1, 0.005).figures(),
    "idle": idle, "memory": memory, "memory-after": memory,
}


def offloads_off(namespace, device):
    with open(f"/run/netns/{namespace}") as ns:
        if ctypes.CDLL(None, use_errno=True).setns(ns.fileno(), CLONE_NEWNET):
            sys.exit(f"setns {namespace}: {os.strerror(ctypes.get_errno())}")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        for command in ETHTOOL_SET:
            value = ctypes.create_string_buffer(struct.pack("II", command, 0))
            fcntl.ioctl(s, SIOCETHTOOL, struct.pack("16sP24x", device.encode(),
                                                    ctypes.addressof(value)))


def main():
    if sys.argv[1] == "offloads-off":
        offloads_off(*sys.argv[2:])
        return
    what, seconds = sys.argv[5:]
    print(json.dumps(WHAT[what](Tunnel(*sys.argv[1:5]), int(seconds))))


main()
