/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "doctor/dns.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"

#define TRIES 2
#define WAIT_MS 1000 /* for each try */

unsigned dns_servers(const char *file, struct addr *out, unsigned max)
{
	FILE *f = fopen(file, "re");
	char line[256], text[64];
	unsigned n = 0;

	while (f && n < max && fgets(line, sizeof(line), f))
		if (sscanf(line, " nameserver %63s", text) == 1 && addr_parse(text, &out[n]))
			n++;
	if (f)
		fclose(f);
	return n;
}

struct round {
	struct net_socket socket;
	struct net_intake intake;
	struct batch batch;
	struct dns_answer *servers;
	unsigned n;
	/* Of each server, for A and AAAA: 0 when it has been answered. */
	uint16_t id[VERDICT_SERVERS_MAX][2];
};

static void send_queries(struct round *r, const char *name)
{
	static const enum dns_type types[] = { DNS_A, DNS_AAAA };
	uint8_t buf[DNS_QUERY_MAX];

	for (unsigned i = 0; i < r->n; i++) {
		for (unsigned t = 0; t < ARRAY_SIZE(types); t++) {
			struct endpoint to = { r->servers[i].server, DNS_PORT };
			struct slice s = dns_query(r->id[i][t], name, types[t], true, buf);

			if (r->id[i][t] && s.n)
				net_socket_send(&r->socket, NULL, &to, s);
		}
	}
}

static void take_answer(struct round *r, const struct pkt *p, struct slice bytes)
{
	for (unsigned i = 0; i < r->n; i++) {
		if (p->from.port != DNS_PORT || !addr_eq(&p->from.addr, &r->servers[i].server))
			continue;
		for (unsigned t = 0; t < 2; t++)
			if (r->id[i][t] && dns_parse(bytes, r->id[i][t], &r->servers[i]) == 0)
				r->id[i][t] = 0;
	}
}

static void take_answers(struct round *r, void *arena)
{
	static const enum family families[] = { FAMILY_IP4, FAMILY_IP6 };

	for (size_t f = 0; f < ARRAY_SIZE(families); f++) {
		net_intake_init(&r->intake, arena);
		if (net_socket_recv(&r->socket, families[f], &r->intake) <= 0)
			continue;
		while (net_intake_take(&r->intake, &r->batch))
			for (unsigned i = 0; i < r->batch.n; i++)
				take_answer(r, &r->batch.pkts[i], pkt_slice(&r->batch.pkts[i]));
	}
}

static bool all_answered(const struct round *r)
{
	for (unsigned i = 0; i < r->n; i++)
		if (r->id[i][0] || r->id[i][1])
			return false;
	return true;
}

static vtime now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (vtime)t.tv_sec * VTIME_S + (vtime)t.tv_nsec;
}

/* Whatever comes: what is no answer makes it no longer. */
static void ask_once(struct round *r, const char *name, void *arena)
{
	struct pollfd fds[] = { { r->socket.fd4, POLLIN, 0 }, { r->socket.fd6, POLLIN, 0 } };
	vtime deadline = vtime_add(now(), WAIT_MS * VTIME_MS), left;

	send_queries(r, name);
	while (!all_answered(r) && (left = vtime_until(now(), deadline)) > 0 &&
	       poll(fds, ARRAY_SIZE(fds), (int)((left + VTIME_MS - 1) / VTIME_MS)) > 0)
		take_answers(r, arena);
}

void dns_ask(const char *name, struct dns_answer *servers, unsigned n, struct rng *rng)
{
	struct round *r = xcalloc(1, sizeof(*r));
	void *arena = xcalloc(1, NET_INTAKE_ARENA);

	r->servers = servers;
	r->n = n;
	for (unsigned i = 0; i < n; i++)
		for (unsigned t = 0; t < 2; t++)
			r->id[i][t] = (uint16_t)(1 + rng_below(rng, UINT16_MAX));
	if (net_udp_open(&r->socket, 0, 0) == 0) {
		for (unsigned i = 0; i < TRIES && !all_answered(r); i++)
			ask_once(r, name, arena);
		net_socket_close(&r->socket);
	}
	free(arena);
	free(r);
}
