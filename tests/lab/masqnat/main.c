/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/lab/masqnat/masqnat.h"

#define LOOKS_FOR_EXPIRED_MS 50
#define READS_PER_WAKE 256

struct nat {
	struct masq_config config;
	struct masq *masq;
	vtime ahead; /* of the clock, modulo 2^64 */
	vtime stopped; /* where it stands; 0: it goes */
	bool trace;
	struct wire wire;
	struct gate gate;
};

static vtime now_of(const struct nat *n)
{
	return n->stopped ? n->stopped : lab_now() + n->ahead;
}

/* ---- packets ---- */

static const char *way(const struct nat_packet *p)
{
	return p->in ? "in" : "out";
}

/* "esp 12345678", or "ike 0011223344556677". */
static const char *name_of(const struct nat_packet *p)
{
	static char text[32];
	struct rd r;

	rd_init(&r, p->seen.head);
	if (p->seen.protocol == MASQ_ESP)
		snprintf(text, sizeof(text), "esp %08x", p->spi);
	else
		snprintf(text, sizeof(text), "ike %016llx", (unsigned long long)rd_u64(&r));
	return text;
}

static void say_copied(const struct nat_packet *p, const struct masq_verdict *v)
{
	char line[16 * MASQ_CLIENTS_MAX], text[ADDR_TEXT_MAX];
	size_t used = 0;

	line[0] = '\0';
	for (unsigned i = 0; i < v->n && used < sizeof(line); i++)
		used += (size_t)snprintf(line + used, sizeof(line) - used, " %s",
					 addr_text(&v->to[i], text));
	lab_say("copied %s to%s", name_of(p), line);
}

static void say_verdict(const struct nat *n, const struct nat_packet *p,
			const struct masq_verdict *v)
{
	char text[ADDR_TEXT_MAX];
	const char *client = addr_text(p->in ? &v->to[0] : &p->seen.from, text);

	if (v->fate != MASQ_FORWARD)
		lab_say("refused %s %s%s%s %s", way(p), name_of(p), p->in ? "" : " of ",
			p->in ? "" : client, masq_fate_name(v->fate));
	else if (v->multicast)
		say_copied(p, v);
	else if (v->made)
		lab_say("made %s of %s", name_of(p), client);
	else if (v->established && p->seen.protocol == MASQ_ESP)
		lab_say("established esp %08x of %s with %08x", v->outgoing_spi, client, p->spi);
	else if (v->established)
		lab_say("established %s of %s", name_of(p), client);
	else if (n->trace && p->seen.protocol == MASQ_ESP)
		lab_say("passed %s %s of %s", way(p), name_of(p), client);
}

static void translate(struct nat *n, const struct nat_packet *p)
{
	struct masq_verdict v;

	if (p->in)
		masq_in(n->masq, now_of(n), &p->seen, &v);
	else
		masq_out(n->masq, now_of(n), &p->seen, &v);
	say_verdict(n, p, &v);
	for (unsigned i = 0; i < v.n; i++)
		wire_send(&n->wire, p, p->in ? &p->seen.from : &n->config.outside, &v.to[i]);
}

static void receive(struct nat *n)
{
	struct nat_packet p;

	for (unsigned i = 0; i < READS_PER_WAKE && wire_read(&n->wire, &n->config.outside, &p); i++)
		switch (gate_take(&n->gate, &p)) {
		case GATE_PASS:
			translate(n, &p);
			break;
		case GATE_HELD:
			lab_say("held %s %s", way(&p), name_of(&p));
			break;
		case GATE_DROPPED:
			lab_say("dropped %s %s", way(&p), name_of(&p));
			break;
		}
}

static void say_expired(struct nat *n)
{
	struct masq_item item;
	char text[ADDR_TEXT_MAX];

	while (masq_expired(n->masq, now_of(n), &item)) {
		addr_text(&item.client, text);
		if (item.established)
			lab_say("expired esp %08x of %s with %08x", item.outgoing_spi, text,
				item.incoming_spi);
		else
			lab_say("expired esp %08x of %s outstanding", item.outgoing_spi, text);
	}
}

/* ---- words ---- */

static bool word_outside(struct nat *n, char *v)
{
	return addr_parse(v, &n->config.outside) && n->config.outside.family == FAMILY_IP4;
}

static bool word_ms(char *v, vtime *out)
{
	char *end;

	*out = strtoull(v, &end, 10) * VTIME_MS;
	return end != v && !*end;
}

static bool word_tout(struct nat *n, char *v)
{
	return word_ms(v, &n->config.tout);
}

static bool word_tei(struct nat *n, char *v)
{
	return word_ms(v, &n->config.tei);
}

static bool word_tike(struct nat *n, char *v)
{
	return word_ms(v, &n->config.tike);
}

static bool word_nout(struct nat *n, char *v)
{
	n->config.nout = (unsigned)strtoul(v, NULL, 10);
	return true;
}

static bool word_trace(struct nat *n, char *v)
{
	n->trace = strcmp(v, "1") == 0;
	return true;
}

static bool order_reboot(struct nat *n, char *v)
{
	(void)v;
	masq_reboot(n->masq);
	return true;
}

static bool order_renumber(struct nat *n, char *v)
{
	if (!word_outside(n, v))
		return false;
	masq_renumber(n->masq, &n->config.outside);
	return true;
}

static bool order_skip(struct nat *n, char *v)
{
	vtime by;

	if (!word_ms(v, &by))
		return false;
	if (n->stopped)
		n->stopped += by;
	else
		n->ahead += by;
	say_expired(n);
	return true;
}

static bool order_stop(struct nat *n, char *v)
{
	(void)v;
	n->stopped = now_of(n);
	return true;
}

static bool order_go(struct nat *n, char *v)
{
	(void)v;
	if (n->stopped)
		n->ahead = n->stopped - lab_now();
	n->stopped = 0;
	return true;
}

static bool order_alias(struct nat *n, char *v)
{
	unsigned spi, as;

	if (sscanf(v, "%x %x", &spi, &as) != 2)
		return false;
	masq_alias(n->masq, spi, as);
	return true;
}

static bool order_hold(struct nat *n, char *v)
{
	return gate_add(&n->gate, false, v);
}

static bool order_drop(struct nat *n, char *v)
{
	return gate_add(&n->gate, true, v);
}

static bool order_release(struct nat *n, char *v)
{
	uint32_t spi = 0;
	struct nat_packet p;

	if (*v == '\0')
		gate_open(&n->gate);
	else if (strncmp(v, "spi=", 4) == 0)
		spi = (uint32_t)strtoul(v + 4, NULL, 16);
	else
		return false;
	while (gate_release(&n->gate, spi, &p)) {
		translate(n, &p);
		free((void *)(uintptr_t)p.bytes);
	}
	return true;
}

static bool order_forget(struct nat *n, char *v)
{
	struct nat_packet p;

	(void)v;
	while (gate_release(&n->gate, 0, &p))
		free((void *)(uintptr_t)p.bytes);
	return true;
}

static bool order_report(struct nat *n, char *v)
{
	const uint64_t *counters = masq_counters(n->masq);

	(void)v;
	for (enum masq_fate f = MASQ_FORWARD; f < MASQ_FATES; f++)
		lab_say("%s %llu", masq_fate_name(f), (unsigned long long)counters[f]);
	lab_say("failed %llu", (unsigned long long)n->wire.failed);
	return true;
}

struct word {
	const char *key;
	bool (*take)(struct nat *n, char *value);
};

static const struct word options[] = {
	{ "outside", word_outside }, { "tout", word_tout }, { "tei", word_tei },
	{ "tike", word_tike },	     { "nout", word_nout }, { "trace", word_trace },
};

static const struct word orders[] = {
	{ "reboot", order_reboot }, { "renumber", order_renumber },
	{ "skip", order_skip },	    { "alias", order_alias },
	{ "hold", order_hold },	    { "drop", order_drop },
	{ "stop", order_stop },	    { "go", order_go },
	{ "forget", order_forget }, { "release", order_release },
	{ "report", order_report },
};

/* "KEY<mark>VALUE", or KEY alone. */
static bool take(struct nat *n, const struct word *words, size_t nwords, char *line, char mark)
{
	char *value = strchr(line, mark);

	if (value)
		*value++ = '\0';
	for (size_t i = 0; i < nwords; i++)
		if (strcmp(words[i].key, line) == 0)
			return words[i].take(n, value ? value : line + strlen(line));
	return false;
}

/* False: the end. */
static bool obey(struct nat *n)
{
	char line[200], said[200];

	if (!lab_read_line(line, sizeof(line)))
		return false;
	memcpy(said, line, sizeof(said));
	if (!take(n, orders, ARRAY_SIZE(orders), line, ' '))
		lab_say("not understood: %s", said);
	lab_say("done %s", said);
	return true;
}

static void run(struct nat *n)
{
	struct pollfd fds[] = { { STDIN_FILENO, POLLIN, 0 }, { n->wire.packets, POLLIN, 0 } };

	lab_say("ready");
	for (;;) {
		poll(fds, ARRAY_SIZE(fds), LOOKS_FOR_EXPIRED_MS);
		say_expired(n);
		if (fds[1].revents)
			receive(n);
		if (fds[0].revents && !obey(n))
			return;
	}
}

int main(int argc, char **argv)
{
	static struct nat n = { .config = { .tout = 2 * VTIME_S,
					    .nout = 4,
					    .tei = 60 * VTIME_S,
					    .tike = 300 * VTIME_S } };

	for (int i = 2; i < argc; i++)
		if (!take(&n, options, ARRAY_SIZE(options), argv[i], '=')) {
			fprintf(stderr, "lab_masqnat: not understood: %s\n", argv[i]);
			return 1;
		}
	if (argc < 2 || n.config.outside.family != FAMILY_IP4) {
		fprintf(stderr, "usage: lab_masqnat DEVICE outside=ADDRESS [KEY=VALUE...]\n");
		return 1;
	}
	if (wire_open(&n.wire, argv[1]) != 0) {
		perror("lab_masqnat: sockets");
		return 1;
	}
	n.masq = masq_new(&n.config);
	run(&n);
	order_forget(&n, NULL);
	masq_free(n.masq);
	return 0;
}
