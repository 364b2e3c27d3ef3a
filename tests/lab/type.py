# SPDX-License-Identifier: GPL-2.0-or-later
"""usage: type.py TRANSCRIPT [WAIT_FOR TYPE]... -- COMMAND...

Runs a command at a terminal of its own and plays a person: waits until each text is shown, then
types the other one and Enter. The transcript says what was on the screen, and in its last line
whether the terminal echoes afterwards. Exit code: the command's.
"""
import os
import pty
import select
import sys
import termios
import time

PATIENCE_S = 40


def read_some(fd, end):
    while True:
        left = end - time.monotonic()
        if left <= 0 or not select.select([fd], [], [], left)[0]:
            return None
        try:
            return os.read(fd, 4096)
        except OSError:  # the other side is closed
            return b""


def play(fd, steps, screen):
    end = time.monotonic() + PATIENCE_S
    seen = 0
    for wanted, typed in steps:
        while wanted.encode() not in screen[seen:]:
            some = read_some(fd, end)
            if not some:
                return
            screen += some
        seen = len(screen)
        os.write(fd, typed.encode() + b"\n")
    while some := read_some(fd, end):
        screen += some


def main():
    transcript, *words = sys.argv[1:]
    at = words.index("--")
    steps = list(zip(words[:at:2], words[1:at:2]))
    # Held open here, so that the terminal can be looked at when nobody else has it open.
    near = None
    pid, fd = pty.fork()
    if pid == 0:
        os.execvp(words[at + 1], words[at + 1:])
    near = os.open(os.ptsname(fd), os.O_RDWR | os.O_NOCTTY)
    screen = bytearray()
    status = None
    reader = os.fork()
    if reader == 0:
        os.close(near)
        play(fd, steps, screen)
        with open(transcript, "wb") as f:
            f.write(screen)
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    echo = termios.tcgetattr(near)[3] & termios.ECHO
    os.close(near)
    os.waitpid(reader, 0)
    with open(transcript, "a", encoding="utf-8") as f:
        f.write("\necho on\n" if echo else "\necho off\n")
    sys.exit(status if status >= 0 else 128 - status)


main()
