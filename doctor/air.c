/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "doctor/air.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "client/runtime.h"

#define SENDS 3 /* tries, while the kernel reports errors of what was sent before */

static int open_one(struct air *a, enum doctor_port port, bool any)
{
	uint16_t wanted = port == DOCTOR_500 ? IKE_PORT : IKE_NATT_PORT;
	int err = any ? ERR_SYSTEM : net_udp_open(&a->socket[port], wanted, 0);

	a->taken[port] = err ? errno : 0;
	if (err)
		err = net_udp_open(&a->socket[port], 0, 0);
	if (!err)
		err = net_socket_hear_errors(&a->socket[port]);
	return err;
}

int air_open(struct air *a, bool any)
{
	int err = 0;

	*a = (struct air){ .socket = { NET_SOCKET_NONE, NET_SOCKET_NONE } };
	for (unsigned port = 0; port < DOCTOR_PORTS && !err; port++)
		err = open_one(a, (enum doctor_port)port, any);
	if (err) {
		air_close(a);
		return err;
	}
	a->arena = xcalloc(1, NET_INTAKE_ARENA);
	return 0;
}

void air_close(struct air *a)
{
	for (unsigned port = 0; port < DOCTOR_PORTS; port++)
		net_socket_close(&a->socket[port]);
	free(a->arena);
	a->arena = NULL;
}

/* ---- in ---- */

static void take_errors(struct air *a, struct doctor *d, enum doctor_port port)
{
	static const enum family families[] = { FAMILY_IP4, FAMILY_IP6 };
	struct net_error e;

	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		while (net_socket_error(&a->socket[port], families[i], &e)) {
			struct doctor_event ev = {
				.type = DOCTOR_ERROR,
				.port = port,
				.remote = e.to,
				.bytes = slice(e.quoted, e.n),
				.by = e.by,
				.error = e.error,
				.mtu = e.mtu,
			};

			doctor_event(d, runtime_now(), &ev);
		}
	}
}

static void take_datagrams(struct air *a, struct doctor *d, enum doctor_port port, enum family f)
{
	net_intake_init(&a->intake, a->arena);
	if (net_socket_recv(&a->socket[port], f, &a->intake) <= 0)
		return;
	while (net_intake_take(&a->intake, &a->batch)) {
		for (unsigned i = 0; i < a->batch.n; i++) {
			struct pkt *p = &a->batch.pkts[i];
			struct doctor_event ev = {
				.type = DOCTOR_DATAGRAM,
				.port = port,
				.remote = p->from,
				.local = p->to.addr,
				.bytes = slice(pkt_data(p), p->len),
			};

			doctor_event(d, runtime_now(), &ev);
		}
	}
}

static void take_all(struct air *a, struct doctor *d)
{
	for (unsigned port = 0; port < DOCTOR_PORTS; port++) {
		take_errors(a, d, (enum doctor_port)port);
		take_datagrams(a, d, (enum doctor_port)port, FAMILY_IP4);
		take_datagrams(a, d, (enum doctor_port)port, FAMILY_IP6);
		take_errors(a, d, (enum doctor_port)port);
	}
}

/* ---- out ---- */

/* An error of an earlier datagram is not this one's: it is in the queue, and the call is made again. */
static int send_bytes(struct air *a, struct doctor *d, const struct doctor_send *s,
		      struct slice bytes)
{
	struct net_socket *socket = &a->socket[s->port];
	int err = 0;

	for (unsigned i = 0; i < SENDS; i++) {
		if (s->whole)
			net_socket_probe(socket, true);
		err = net_socket_send(socket, NULL, &s->to, bytes) ? errno : 0;
		if (s->whole)
			net_socket_probe(socket, false);
		if (!err)
			break;
		take_errors(a, d, s->port);
	}
	return err;
}

static void send_one(struct air *a, struct doctor *d, const struct doctor_send *s)
{
	static uint8_t copy[NET_DATAGRAM_MAX];
	struct slice bytes = slice(copy, s->bytes.n);
	struct doctor_event ev = { .type = DOCTOR_ERROR, .port = s->port, .remote = s->to };

	/* Errors that come up meanwhile are events, and the engine's bytes end with them. */
	memcpy(copy, s->bytes.p, s->bytes.n);
	ev.error = send_bytes(a, d, s, bytes);
	ev.bytes = bytes;
	if (ev.error)
		doctor_event(d, runtime_now(), &ev);
}

static void wait_for_more(struct air *a, vtime deadline)
{
	struct pollfd fds[2 * DOCTOR_PORTS];
	vtime left = vtime_until(runtime_now(), deadline);
	struct timespec t = { .tv_sec = (time_t)(left / VTIME_S),
			      .tv_nsec = (long)(left % VTIME_S) };

	for (unsigned port = 0; port < DOCTOR_PORTS; port++) {
		fds[2 * port] = (struct pollfd){ a->socket[port].fd4, POLLIN, 0 };
		fds[2 * port + 1] = (struct pollfd){ a->socket[port].fd6, POLLIN, 0 };
	}
	ppoll(fds, ARRAY_SIZE(fds), deadline == VTIME_NEVER ? NULL : &t, NULL);
}

static void show_step(FILE *show, const char *doing)
{
	fprintf(show, "\r\033[K%s%s", doing, doing[0] ? " …" : "");
	fflush(show);
}

void air_run(struct air *a, struct doctor *d, FILE *show)
{
	const char *shown = NULL;
	struct doctor_send s;

	if (show && !isatty(fileno(show)))
		show = NULL;
	while (!doctor_over(d)) {
		doctor_timeout(d, runtime_now());
		while (doctor_output(d, runtime_now(), &s))
			send_one(a, d, &s);
		if (show && shown != doctor_doing(d)) {
			shown = doctor_doing(d);
			show_step(show, shown);
		}
		if (doctor_over(d))
			break;
		wait_for_more(a, doctor_deadline(d));
		take_all(a, d);
	}
	if (show)
		show_step(show, "");
}
