#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""usage: logind.py ADDRESS logind|stranger

Somebody on the bus at ADDRESS, who does as its standard input says: "sleep" and "wake" send logind's
signal, and "users" prints who all the others are, as numbers. "logind" owns logind's name. "stranger"
does not, and sends the signal to each of the others by name, too, which no rule of theirs keeps away."""
import sys

import dbus
import dbus.bus
import dbus.lowlevel

BUS = "org.freedesktop.DBus"
LOGIND = "org.freedesktop.login1"


class Somebody:
    def __init__(self, address, owns):
        self.bus = dbus.bus.BusConnection(address)
        self.owns = owns
        if owns:
            self.bus.request_name(LOGIND, dbus.bus.NAME_FLAG_DO_NOT_QUEUE)

    def ask(self, method, *args):
        signature = "s" * len(args)
        return self.bus.call_blocking(BUS, "/org/freedesktop/DBus", BUS, method, signature, args)

    def others(self):
        me = self.bus.get_unique_name()
        return [n for n in self.ask("ListNames") if n.startswith(":") and n != me]

    def emit(self, begins):
        for to in [None] if self.owns else [None] + self.others():
            m = dbus.lowlevel.SignalMessage("/org/freedesktop/login1", LOGIND + ".Manager",
                                            "PrepareForSleep")
            m.append(begins, signature="b")
            if to:
                m.set_destination(to)
            self.bus.send_message(m)
        self.bus.flush()

    def users(self):
        for name in self.others():
            print(int(self.ask("GetConnectionUnixUser", name)))

    def obey(self, word):
        if word == "users":
            self.users()
        else:
            self.emit(word == "sleep")
        print("done", flush=True)


somebody = Somebody(sys.argv[1], sys.argv[2] == "logind")
print("ready", flush=True)
for line in sys.stdin:
    somebody.obey(line.strip())
