#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""fetch.py URL: downloads and prints bytes, seconds and SHA-256.
fetch.py --connect-only HOST PORT: only tries a TCP connection."""
import hashlib
import signal
import socket
import sys
import time
import urllib.request


def fetch(url):
    digest, size, start = hashlib.sha256(), 0, time.monotonic()
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=10) as reply:
        while chunk := reply.read(1 << 18):
            digest.update(chunk)
            size += len(chunk)
    print(size, f"{time.monotonic() - start:.2f}", digest.hexdigest())


signal.signal(signal.SIGINT, signal.SIG_DFL)
if sys.argv[1] == "--connect-only":
    socket.create_connection((sys.argv[2], int(sys.argv[3])), timeout=1).close()
else:
    fetch(sys.argv[1])
