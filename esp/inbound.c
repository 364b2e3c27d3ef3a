/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>

#include "base/mem.h"
#include "base/secret.h"
#include "esp/ahead.h"
#include "esp/early.h"
#include "esp/events.h"
#include "esp/outer.h"
#include "esp/sa.h"
#include "packet/packet.h"

/* Hints in a second: a raw socket has all ESP of the host, and a flood must not keep control busy. */
#define UNKNOWN_SPI_MAX 8

struct inbound {
	struct classifier *classifier;
	struct early *early; /* NULL: nothing waits for its SA here */
	struct drops drops;
	struct events events;
	struct ahead ahead;
	unsigned worker; /* CLASSIFIER_NO_WORKER: there are no others */
	vtime unknown_spi_since; /* the second in which */
	unsigned unknown_spi; /* so many hints were given */
};

struct inbound *inbound_new(struct classifier *c)
{
	struct inbound *i = xcalloc(1, sizeof(*i));

	i->classifier = c;
	i->worker = CLASSIFIER_NO_WORKER;
	return i;
}

void inbound_set_worker(struct inbound *i, unsigned worker)
{
	i->worker = worker;
	i->ahead.worker = worker + 1;
}

void inbound_free(struct inbound *i)
{
	free(i);
}

void inbound_set_early(struct inbound *i, struct early *e)
{
	i->early = e;
}

bool inbound_output(struct inbound *i, struct data_event *out)
{
	return events_take(&i->events, out);
}

const struct drops *inbound_drops(const struct inbound *i)
{
	return &i->drops;
}

static void inbound_drop(struct inbound *i, struct pkt *p, enum drop why)
{
	drop_count(&i->drops, why);
	p->kind = PKT_GONE;
}

static void inbound_unknown_spi(struct inbound *i, vtime now, const struct pkt *p, uint32_t spi)
{
	const struct data_event e = { .type = DATA_UNKNOWN_SPI, .spi = spi, .from = p->from };

	if (now - i->unknown_spi_since >= VTIME_S) {
		i->unknown_spi_since = now;
		i->unknown_spi = 0;
	}
	if (i->unknown_spi == UNKNOWN_SPI_MAX || events_waiting(&i->events, DATA_UNKNOWN_SPI, spi))
		return;
	if (events_put(&i->events, &e))
		i->unknown_spi++;
}

static bool inbound_tell(struct inbound *i, const struct esp_in *sa, enum data_event_type type,
			 const struct endpoint *from)
{
	const struct data_event e = {
		.type = type,
		.slot = sa->config.slot,
		.epoch = sa->config.epoch,
		.spi = sa->config.spi,
		.from = *from,
	};

	return events_put(&i->events, &e);
}

/*
 * Only the newest packet says where the peer is: one that was replayed, delayed or sent on an
 * older path must not take the tunnel back there.
 */
static void inbound_source(struct inbound *i, struct esp_in *sa, const struct endpoint *from)
{
	if (!sa->newest || endpoint_eq(&sa->from, from))
		return;
	if (sa->from.addr.family == FAMILY_NONE || inbound_tell(i, sa, DATA_NEW_SOURCE, from))
		sa->from = *from;
}

/* What any authentic packet proves, whatever is inside. */
static void inbound_authentic(struct inbound *i, vtime now, struct esp_in *sa, const struct pkt *p,
			      uint32_t size)
{
	struct esp_limit *limit = atomic_load_explicit(&sa->limit, memory_order_acquire);

	if (limit)
		esp_limit_received(limit, &p->from, size);
	atomic_store_explicit(&sa->counters.heard_at, now, memory_order_relaxed);
	classifier_prove(i->classifier, sa->config.slot, sa->config.epoch);
	if (!sa->first_told)
		sa->first_told = inbound_tell(i, sa, DATA_FIRST_PACKET, &p->from);
	if (atomic_load_explicit(&sa->awaited, memory_order_relaxed) &&
	    inbound_tell(i, sa, DATA_HEARD, &p->from))
		atomic_store_explicit(&sa->awaited, false, memory_order_relaxed);
	inbound_source(i, sa, &p->from);
}

/*
 * Whether the packet is the reply to a probe of ours; control is told. Without room for that it is
 * as lost as any packet may be: it must not reach the host, where nobody has asked.
 */
static bool inbound_probe_reply(struct inbound *i, struct esp_in *sa, const struct pkt *p,
				const struct tuple *t)
{
	const struct esp_probe_key *key;
	struct packet_echo echo;
	struct data_event e = {
		.type = DATA_PROBE_REPLY,
		.slot = sa->config.slot,
		.epoch = sa->config.epoch,
		.spi = sa->config.spi,
		.tuple = *t,
	};

	if (t->proto != PACKET_ICMP && t->proto != PACKET_ICMP6)
		return false;
	key = classifier_probe_key(i->classifier);
	if (!key || !packet_echo_reply(pkt_slice(p), &echo) || echo.id != key->identifier ||
	    echo.payload.n < ESP_PROBE_TOKEN ||
	    !ct_equal(slice(echo.payload.p, ESP_PROBE_TOKEN), SLICE_OF(key->token)))
		return false;
	e.sequence = echo.sequence;
	esp_count_own(&sa->counters);
	events_put(&i->events, &e);
	return true;
}

/*
 * RFC 4301 section 5.2: the inner packet is what its SA may carry. False: it is not for the host,
 * *why tells.
 */
static bool inbound_inner(struct inbound *i, struct esp_in *sa, struct pkt *p, uint8_t next_header,
			  enum drop *why)
{
	uint8_t version = next_header == ESP_NEXT_IP4 ? 4 : 6;
	struct tuple t;
	uint32_t length;

	*why = DROP_INNER_MALFORMED;
	if (p->len == 0 || pkt_data(p)[0] >> 4 != version ||
	    packet_tuple_length(pkt_slice(p), &t, &length) != 0)
		return false;
	pkt_trim(p, length);
	*why = DROP_INNER_SELECTOR;
	if (!ts_pair_match_in(&sa->config.ts, &t))
		return false;
	*why = DROP_PROBE_REPLY;
	if (inbound_probe_reply(i, sa, p, &t))
		return false;
	*why = DROP_ECN;
	if (!packet_ecn_decapsulate(pkt_data(p), p->len, p->ecn))
		return false;
	if (t.proto == PACKET_TCP)
		packet_clamp_mss(pkt_data(p), p->len, esp_mtu_limit(&sa->mtu, t.src.family));
	return true;
}

/* One that nobody has had yet is ours from now on. */
static bool inbound_has(const struct inbound *i, struct esp_in *sa)
{
	return i->worker == CLASSIFIER_NO_WORKER || esp_in_worker(sa, i->worker) == i->worker;
}

static void inbound_open(struct inbound *i, vtime now, struct esp_in *sa, struct pkt *p)
{
	uint32_t size = p->len;
	uint8_t next_header = 0;
	enum drop why;

	if (!inbound_has(i, sa)) {
		inbound_drop(i, p, DROP_OTHER_WORKER);
		return;
	}
	if (esp_open(sa, p, &next_header, &why) != 0) {
		inbound_drop(i, p, why);
		return;
	}
	inbound_authentic(i, now, sa, p, size);
	if (next_header == ESP_NEXT_NONE) {
		esp_count_own(&sa->counters);
		inbound_drop(i, p, DROP_DUMMY);
	} else if (next_header != ESP_NEXT_IP4 && next_header != ESP_NEXT_IP6) {
		inbound_drop(i, p, DROP_NEXT_HEADER);
	} else if (!inbound_inner(i, sa, p, next_header, &why)) {
		inbound_drop(i, p, why);
	} else {
		/* Relaxed: a time, with which nothing else is published. */
		atomic_store_explicit(&sa->counters.data_at, now, memory_order_relaxed);
		p->kind = PKT_INNER;
	}
}

/* Nothing overtakes what waits, even when its SA has come since it was looked for. */
static void inbound_esp(struct inbound *i, vtime now, struct pkt *p, uint32_t spi)
{
	bool early = early_waits(i->early) && early_has(i->early, spi);
	struct esp_in *sa = early ? NULL : classifier_find_spi(i->classifier, spi);

	if (!sa && !early && i->early)
		sa = classifier_await_spi(i->classifier, spi, &early);
	if (sa) {
		inbound_open(i, now, sa, p);
	} else if (early) {
		early_put(i->early, now, spi, p);
	} else {
		if (spi >= ESP_SPI_MIN)
			inbound_unknown_spi(i, now, p, spi);
		inbound_drop(i, p, DROP_UNKNOWN_SPI);
	}
}

static void inbound_packet(struct inbound *i, vtime now, struct pkt *p)
{
	uint32_t spi;

	if (outer_is_esp(p, &i->drops, &spi))
		inbound_esp(i, now, p, spi);
}

void inbound_run(struct inbound *i, vtime now, struct batch *b)
{
	ahead_begin(&i->ahead, i->classifier, b);
	for (unsigned n = 0; n < b->n; n++) {
		ahead_inbound(&i->ahead, i->classifier, b, n);
		inbound_packet(i, now, &b->pkts[n]);
	}
	ahead_end(&i->ahead, b);
}

/* Control may have taken the SA away since: it is gone then for what has come late, too. */
static void inbound_released(struct inbound *i, vtime now, struct pkt *p)
{
	struct rd r;
	struct esp_in *sa;

	rd_init(&r, pkt_slice(p));
	sa = classifier_find_spi(i->classifier, rd_u32(&r));
	if (sa)
		inbound_open(i, now, sa, p);
	else
		inbound_drop(i, p, DROP_UNKNOWN_SPI);
}

bool inbound_release(struct inbound *i, vtime now, struct batch *b)
{
	bool more;

	if (!early_waits(i->early))
		return false;
	more = early_release(i->early, now, b);
	for (unsigned n = 0; n < b->n; n++)
		inbound_released(i, now, &b->pkts[n]);
	return more;
}

vtime inbound_deadline(const struct inbound *i)
{
	return early_waits(i->early) ? early_deadline(i->early) : VTIME_NEVER;
}
