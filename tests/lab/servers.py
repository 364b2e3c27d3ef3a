#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Servers that say who they are, and who asks them: of one TCP connection, or of the datagrams of one
socket, all answers must bear one name.

servers.py serve NAME ADDRESS PORT          TCP on all addresses, UDP on this one
servers.py tcp ADDRESS PORT CONNECTIONS     the name of each connection's server, a line for each
servers.py udp ADDRESS PORT SOCKETS         the same with datagrams of 4000 bytes, sent in fragments
servers.py hold ADDRESS PORT                one connection, asked again for each line of standard input
"""
import selectors
import socket
import sys

CHUNK = 20000
TURNS = 6
DATAGRAM = 4000
PATIENCE = 8


def serve(name, address, port):
    tcp = socket.create_server(("", int(port)), backlog=100)
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind((address, int(port)))
    wait = selectors.DefaultSelector()
    wait.register(tcp, selectors.EVENT_READ)
    wait.register(udp, selectors.EVENT_READ)
    come = {}
    print("serving", flush=True)
    while True:
        for key, _ in wait.select():
            s = key.fileobj
            if s is tcp:
                c, _ = tcp.accept()
                come[c] = 0
                wait.register(c, selectors.EVENT_READ)
            elif s is udp:
                data, peer = udp.recvfrom(65536)
                if len(data) == DATAGRAM:
                    udp.sendto(name.encode(), peer)
            else:
                answer(wait, come, s, name)


def answer(wait, come, s, name):
    try:
        data = s.recv(65536)
    except ConnectionError:
        data = b""
    if not data:
        wait.unregister(s)
        del come[s]
        s.close()
        return
    come[s] += len(data)
    while come[s] >= CHUNK:
        come[s] -= CHUNK
        s.sendall(f"{name}\n".encode())


def line(s):
    text = b""
    while not text.endswith(b"\n"):
        got = s.recv(100)
        if not got:
            sys.exit("a connection ended too early")
        text += got
    return text.decode().strip()


def same(names):
    if len(set(names)) != 1:
        sys.exit(f"several servers: {names}")
    print(names[0], flush=True)


def connect(address, port):
    return socket.create_connection((address, int(port)), PATIENCE)


def ask(s):
    s.sendall(b"x" * CHUNK)
    return line(s)


def tcp(address, port, n):
    connections = [connect(address, port) for _ in range(int(n))]
    names = [[] for _ in connections]
    for _ in range(TURNS):
        for s, of in zip(connections, names):
            of.append(ask(s))
    for of in names:
        same(of)


def udp(address, port, n):
    for _ in range(int(n)):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.setsockopt(socket.IPPROTO_IP, 10, 0)  # IP_MTU_DISCOVER: fragments may be made
        s.settimeout(PATIENCE)
        s.connect((address, int(port)))
        names = []
        for _ in range(TURNS):
            s.send(b"y" * DATAGRAM)
            names.append(s.recv(100).decode())
        same(names)


def hold(address, port):
    s = connect(address, port)
    print(ask(s), flush=True)
    for _ in sys.stdin:
        print(ask(s), flush=True)


{"serve": serve, "tcp": tcp, "udp": udp, "hold": hold}[sys.argv[1]](*sys.argv[2:])
