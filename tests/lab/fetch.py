#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""fetch.py URL [LOG]: downloads and prints bytes, seconds and SHA-256; in LOG, line by line, when how
many bytes were there.
fetch.py --connect-only HOST PORT: only tries a TCP connection."""
import hashlib
import os
import signal
import socket
import sys
import time
import urllib.request


def fetch(url, log=None):
    digest, size, start = hashlib.sha256(), 0, time.monotonic()
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with open(log or os.devnull, "w", buffering=1) as times, opener.open(url, timeout=10) as reply:
        read = reply.read1 if log else reply.read  # as it comes, or in fewer steps
        while chunk := read(1 << 18):
            digest.update(chunk)
            size += len(chunk)
            times.write(f"{time.time():.6f} {size}\n")
    print(size, f"{time.monotonic() - start:.2f}", digest.hexdigest())


signal.signal(signal.SIGINT, signal.SIG_DFL)
if sys.argv[1] == "--connect-only":
    socket.create_connection((sys.argv[2], int(sys.argv[3])), timeout=1).close()
else:
    fetch(*sys.argv[1:])
