/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * usage: lab_mover gateway=ADDRESS from=ADDRESS inner=ADDRESS id=NAME psk=TEXT
 *
 * A client that knows the keys and lies: it negotiates a pair of ESP SAs as ours do (main mode, the
 * inner address is its own), and then sends the updates that it is told to. It answers no CHECK. Lines
 * on standard output:
 *
 *	up SPI             of our outbound SA, which is what updates list
 *	failed WHY
 *	ack|nack ADDRESS IDENTIFIER [SPI...]   came to this address of ours
 *	check ADDRESS IDENTIFIER
 *
 * and on standard input, each answered by "done" when it has been obeyed:
 *
 *	update WORDS       id=NUMBER new=ADDRESS; and if need be
 *	                   spis=SPI,...      instead of none
 *	                   source=ADDRESS    that it is sent from, instead of the first one
 *	                   claim=ADDRESS     that NAT-D says it is sent from, instead of the source
 *	                   natd=no           leaves NAT-D out
 *	                   count=NUMBER      of SPIs, whatever is listed
 *	                   cut=NUMBER        bytes missing at the end
 *	again              the datagram of the last update once more
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "crypto/crypto.h"
#include "ike/ike.h"
#include "mobility/update.h"
#include "tests/support/lab.h"

#define IKE_SUITE "aes256-sha256-ecp256"
#define ESP_SUITE "aes256gcm16"
#define OUR_SPI 0x1000
#define MARKER_SIZE 4 /* RFC 3948 section 2.2 */

struct mover {
	struct ike_config config;
	struct ike_child_config child;
	struct endpoint gateway, from;
	struct addr inner;
	struct net_socket ike, natt;
	struct rng *rng;
	struct log log;
	struct ike_sa *sa;
	bool recording; /* the next message is an update */
	struct endpoint source; /* of the update */
	size_t n; /* of the last update's datagram */
	uint8_t last[MARKER_SIZE + IKE_MESSAGE_MAX];
};

/* ---- what the engine yields ---- */

static void send(struct mover *m, const struct ike_effect *fx)
{
	bool natt = fx->send.from.port == IKE_NATT_PORT;
	const struct addr *from = m->recording ? &m->source.addr : &m->from.addr;
	uint8_t buf[MARKER_SIZE + IKE_MESSAGE_MAX] = { 0 };
	size_t n = (natt ? MARKER_SIZE : 0) + fx->send.bytes.n;

	memcpy(buf + n - fx->send.bytes.n, fx->send.bytes.p, fx->send.bytes.n);
	if (m->recording) {
		memcpy(m->last, buf, n);
		m->n = n;
	}
	if (net_socket_send(natt ? &m->natt : &m->ike, from, &fx->send.to, slice(buf, n)) != 0)
		perror("lab_mover: send");
}

static void on_notify(const struct ike_effect *fx)
{
	bool nack = fx->notified.type == UPDATE_NACK || fx->notified.type == UPDATE_NACK6;
	char to[ADDR_TEXT_MAX], spis[9 * UPDATE_SPIS_MAX + 1] = "";
	struct update_check check;
	struct update_body body;

	addr_text(&fx->notified.to.addr, to);
	if (fx->notified.type == UPDATE_CHECK &&
	    update_check_parse(fx->notified.data, &check) == 0) {
		lab_say("check %s %u", to, check.identifier);
		return;
	}
	if (update_parse(fx->notified.type, fx->notified.data, &body) != 0) {
		lab_say("malformed %u", fx->notified.type);
		return;
	}
	for (unsigned i = 0; i < body.n; i++)
		snprintf(spis + 9 * (size_t)i, 10, " %08x", body.spi[i]);
	lab_say("%s %s %u%s", nack ? "nack" : "ack", to, body.identifier, spis);
}

static void begin_child(struct mover *m)
{
	ike_event(m->sa, lab_now(),
		  &(struct ike_event){ .type = IKE_EVENT_CHILD,
				       .child = { 1, OUR_SPI, &m->child } });
}

static void effect(struct mover *m, struct ike_effect *fx)
{
	if (fx->type == IKE_EFFECT_SEND) {
		send(m, fx);
	} else if (fx->type == IKE_EFFECT_ESTABLISHED) {
		begin_child(m);
	} else if (fx->type == IKE_EFFECT_CHILD_UP) {
		lab_say("up %08x", fx->child.spi_out);
		ike_child_free(&fx->child);
	} else if (fx->type == IKE_EFFECT_NOTIFY) {
		on_notify(fx);
	} else if (fx->type == IKE_EFFECT_DEAD) {
		lab_say("failed %s: %s", fx->why.during, fx->why.text);
	} else if (fx->type == IKE_EFFECT_CHILD_FAILED) {
		lab_say("failed %s: %s", fx->child_failed.why.during, fx->child_failed.why.text);
	}
}

static void pull(struct mover *m)
{
	struct ike_effect fx;

	while (ike_output(m->sa, lab_now(), &fx))
		effect(m, &fx);
}

/* ---- updates ---- */

struct order {
	struct update_body body;
	struct endpoint source, claim;
	bool natd, claimed, counted;
	unsigned count, cut;
};

static void take_spis(struct order *o, char *list)
{
	char *rest;

	for (char *s = strtok_r(list, ",", &rest); s && o->body.n < UPDATE_SPIS_MAX;
	     s = strtok_r(NULL, ",", &rest))
		o->body.spi[o->body.n++] = (uint32_t)strtoul(s, NULL, 16);
}

static bool take_word(struct order *o, char *word)
{
	char *v = strchr(word, '=');

	if (!v)
		return false;
	*v++ = '\0';
	if (strcmp(word, "id") == 0)
		o->body.identifier = (uint32_t)strtoul(v, NULL, 10);
	else if (strcmp(word, "new") == 0)
		return addr_parse(v, &o->body.new);
	else if (strcmp(word, "spis") == 0)
		take_spis(o, v);
	else if (strcmp(word, "source") == 0)
		return addr_parse(v, &o->source.addr);
	else if (strcmp(word, "claim") == 0)
		return o->claimed = addr_parse(v, &o->claim.addr);
	else if (strcmp(word, "natd") == 0)
		o->natd = strcmp(v, "no") != 0;
	else if (strcmp(word, "count") == 0)
		o->counted = true, o->count = (unsigned)strtoul(v, NULL, 10);
	else if (strcmp(word, "cut") == 0)
		o->cut = (unsigned)strtoul(v, NULL, 10);
	else
		return false;
	return true;
}

static void update(struct mover *m, struct order *o)
{
	struct ike_event ev = { .type = IKE_EVENT_NOTIFY };
	uint8_t body[UPDATE_BODY_MAX];
	bool ip6 = update_is_ip6(&o->body);
	size_t n = update_write(&o->body, body);

	if (o->counted)
		body[(ip6 ? 2 * 16 : 2 * 4) + 4] = (uint8_t)o->count;
	ev.notify = (struct ike_notify){
		.type = ip6 ? UPDATE_REQUEST6 : UPDATE_REQUEST,
		.data = slice(body, n - o->cut),
		.from = o->claimed ? o->claim : o->source,
		.to = m->gateway,
		.natd = o->natd,
	};
	ev.notify.from.port = ev.notify.to.port = IKE_NATT_PORT;
	m->recording = true;
	m->source = o->source;
	ike_event(m->sa, lab_now(), &ev);
	pull(m);
	m->recording = false;
}

static void send_again(struct mover *m)
{
	const struct endpoint to = { m->gateway.addr, IKE_NATT_PORT };

	if (net_socket_send(&m->natt, &m->source.addr, &to, slice(m->last, m->n)) != 0)
		perror("lab_mover: send");
}

static void order(struct mover *m, char *line)
{
	struct order o = { .source = m->from, .natd = true };
	char *rest, *word = strtok_r(line, " ", &rest);

	if (word && strcmp(word, "again") == 0)
		send_again(m);
	if (!word || strcmp(word, "update") != 0)
		return;
	while ((word = strtok_r(NULL, " ", &rest))) {
		if (!take_word(&o, word)) {
			lab_say("not understood: %s", word);
			return;
		}
	}
	update(m, &o);
}

/* ---- life ---- */

static void receive_datagram(void *ctx, struct net_socket *s, struct pkt *p)
{
	static const uint8_t marker[MARKER_SIZE];
	struct ike_event ev = { .type = IKE_EVENT_DATAGRAM };
	struct mover *m = ctx;

	if (s == &m->natt) {
		if (p->len < MARKER_SIZE || memcmp(pkt_data(p), marker, MARKER_SIZE) != 0)
			return;
		pkt_pull(p, MARKER_SIZE);
	}
	ev.datagram.from = p->from;
	ev.datagram.to = p->to;
	ev.datagram.bytes = pkt_slice(p);
	ike_event(m->sa, lab_now(), &ev);
	pull(m);
}

/* False: the end. */
static bool obey(struct mover *m)
{
	char line[400];

	if (!lab_read_line(line, sizeof(line)))
		return false;
	order(m, line);
	lab_say("done");
	return true;
}

static int wait_ms(const struct mover *m)
{
	vtime wait = vtime_until(lab_now(), ike_deadline(m->sa));

	return wait < VTIME_S ? (int)(wait / VTIME_MS) + 1 : 1000;
}

static void run(struct mover *m)
{
	struct pollfd fds[] = { { STDIN_FILENO, POLLIN, 0 },
				{ m->ike.fd4, POLLIN, 0 },
				{ m->natt.fd4, POLLIN, 0 },
				{ m->natt.fd6, POLLIN, 0 } };

	for (;;) {
		poll(fds, ARRAY_SIZE(fds), wait_ms(m));
		if (fds[1].revents)
			lab_receive(&m->ike, receive_datagram, m);
		if (fds[2].revents || fds[3].revents)
			lab_receive(&m->natt, receive_datagram, m);
		ike_timeout(m->sa, lab_now());
		pull(m);
		if (fds[0].revents && !obey(m))
			return;
	}
}

static bool take_option(struct mover *m, const char *key, const char *v)
{
	if (strcmp(key, "gateway") == 0)
		return addr_parse(v, &m->gateway.addr);
	if (strcmp(key, "from") == 0)
		return addr_parse(v, &m->from.addr);
	if (strcmp(key, "inner") == 0)
		return addr_parse(v, &m->inner);
	if (strcmp(key, "id") == 0)
		return identity_parse(v, &m->config.local) == 0;
	if (strcmp(key, "psk") != 0)
		return false;
	secret_set(&m->config.psk, SLICE_STR(v));
	return true;
}

static bool take_options(struct mover *m, int argc, char **argv)
{
	struct prefix net;
	char why[IKE_WHY_MAX];

	for (int i = 1; i < argc; i++) {
		char *value = strchr(argv[i], '=');

		if (!value)
			return false;
		*value = '\0';
		if (!take_option(m, argv[i], value + 1))
			return false;
	}
	m->gateway.port = m->from.port = IKE_PORT;
	m->config.nsuites = m->child.nsuites = 1;
	m->config.remote_any = m->config.address_update = true;
	m->config.lifetime_s = m->child.keylife_s = 28800;
	m->config.timeout = 10 * VTIME_S;
	if (ike_suite_parse(IKE_SUITE, &m->config.suites[0], why) != 0 ||
	    esp_suite_parse(ESP_SUITE, &m->child.suites[0], &m->child.pfs, why) != 0)
		abort();
	prefix_parse("10.80.0.0/24", &net);
	m->child.ts.remote = ts_from_prefix(&net);
	net = (struct prefix){ m->inner, 32 };
	m->child.ts.local = ts_from_prefix(&net);
	return m->gateway.addr.family && m->from.addr.family && m->inner.family == FAMILY_IP4;
}

int main(int argc, char **argv)
{
	static struct mover m = { .ike = NET_SOCKET_NONE, .natt = NET_SOCKET_NONE };
	struct ike_event start = { .type = IKE_EVENT_START };

	if (!take_options(&m, argc, argv)) {
		fprintf(stderr, "usage: lab_mover gateway=ADDRESS from=ADDRESS inner=ADDRESS "
				"id=NAME psk=TEXT\n");
		return 1;
	}
	if (net_udp_open(&m.ike, IKE_PORT, 0) != 0 ||
	    net_udp_open(&m.natt, IKE_NATT_PORT, 0) != 0) {
		perror("lab_mover: sockets");
		return 1;
	}
	m.rng = crypto_rng();
	m.sa = ike_sa_new(&m.config, m.rng, &m.log);
	start.path = (struct path){ .local = m.from, .remote = m.gateway };
	ike_event(m.sa, lab_now(), &start);
	pull(&m);
	run(&m);
	ike_sa_free(m.sa);
	secret_free(&m.config.psk);
	return 0;
}
