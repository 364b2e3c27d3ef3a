#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-2.0-or-later
"""Speaks to a vpnc as NetworkManager's plugin does.

usage: nm_vpnc.py [OPTION...] VPNC PIDFILE [KEY=ANSWER...]

Reads the configuration's lines from standard input and hands them to VPNC on its own. Interactive, it
ends them with byte 0x04 and answers the questions that begin as it knows them; a question has no end of
line. With --non-inter it closes the pipe. Then it waits until the file --helper is there, runs --up, and
sends SIGTERM; SIGKILL follows after 2 s. The last line of its output is a JSON object.

KEY: username, password, secret, answer, passcode, again (the password, once the gateway asks for it)
"""
import argparse
import json
import os
import select
import signal
import subprocess
import sys
import time

PROMPTS = {
    "Enter username for ": "username",
    "Enter password for ": "password",
    "Enter IPSec secret for ": "secret",
    "Answer for VPN ": "answer",
    "Passcode for VPN ": "passcode",
    "Password for VPN ": "again",
}

args = argparse.ArgumentParser()
args.add_argument("--non-inter", action="store_true")
args.add_argument("--helper", help="the file that the helper writes when it is run for connect")
args.add_argument("--up", help="a shell command for when the tunnel is up")
args.add_argument("--timeout", type=float, default=30)
args.add_argument("vpnc")
args.add_argument("pid_file")
args.add_argument("answers", nargs="*")
args = args.parse_args()
answers = dict(a.split("=", 1) for a in args.answers)

command = [args.vpnc, "--no-detach", "--pid-file", args.pid_file]
if args.non_inter:
    command.append("--non-inter")
vpnc = subprocess.Popen(command + ["-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                        stderr=subprocess.PIPE)
try:
    vpnc.stdin.write(sys.stdin.buffer.read() + (b"" if args.non_inter else b"\x04"))
    vpnc.stdin.flush()
    if args.non_inter:
        vpnc.stdin.close()
except BrokenPipeError:
    pass

result = {"asked": [], "lines": [], "unanswered": 0, "killed": False, "up": None, "seconds": None}
buffers = {vpnc.stdout.fileno(): "", vpnc.stderr.fileno(): ""}


def take(fd, data):
    """Lines, and the question that is left at the end."""
    buffers[fd] += data.decode(errors="replace")
    while "\n" in buffers[fd]:
        line, buffers[fd] = buffers[fd].split("\n", 1)
        if line:
            result["lines"].append(line)
    for prefix, key in PROMPTS.items():
        if not (buffers[fd].startswith(prefix) and buffers[fd].endswith(": ")):
            continue
        result["asked"].append(buffers[fd])
        buffers[fd] = ""
        if key in answers:
            vpnc.stdin.write(answers[key].encode() + b"\n")
            vpnc.stdin.flush()
        else:
            result["unanswered"] += 1
            vpnc.send_signal(signal.SIGTERM)


def listen(until):
    """Until the time, the helper's file, or the end of both pipes."""
    while buffers and time.monotonic() < until:
        if args.helper and result["up"] is None and os.path.exists(args.helper):
            return True
        for fd in select.select(list(buffers), [], [], 0.05)[0]:
            data = os.read(fd, 4096)
            if data:
                take(fd, data)
            else:
                if buffers[fd]:
                    result["lines"].append(buffers[fd])
                del buffers[fd]
    return False


def end():
    begin = time.monotonic()
    vpnc.send_signal(signal.SIGTERM)
    try:
        vpnc.wait(timeout=2)
    except subprocess.TimeoutExpired:
        result["killed"] = True
        vpnc.kill()
    result["seconds"] = round(time.monotonic() - begin, 3)


if listen(time.monotonic() + args.timeout):
    result["up"] = subprocess.run(args.up, shell=True, check=False).returncode if args.up else 0
    result["pid_file"] = open(args.pid_file).read().strip() == str(vpnc.pid)
    end()
elif buffers:
    result["timeout"] = True
    vpnc.kill()
listen(time.monotonic() + 2)
result["status"] = vpnc.wait()
print(json.dumps(result))
