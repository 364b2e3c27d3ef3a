/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>

#include "base/mem.h"
#include "esp/classifier.h"
#include "esp/events.h"
#include "esp/sa.h"
#include "packet/packet.h"

#define UDP_PAYLOAD_MAX 65507

struct outbound {
	struct classifier *classifier;
	struct drops drops;
	struct events events;
	uint32_t asked[CLASSIFIER_SLOTS]; /* the slot's stamp when NEED_SA was told; 0: never */
};

struct outbound *outbound_new(struct classifier *c, const struct outbound_config *config)
{
	struct outbound *o = xcalloc(1, sizeof(*o));

	(void)config;
	o->classifier = c;
	return o;
}

void outbound_free(struct outbound *o)
{
	free(o);
}

bool outbound_output(struct outbound *o, struct data_event *out)
{
	return events_take(&o->events, out);
}

const struct drops *outbound_drops(const struct outbound *o)
{
	return &o->drops;
}

static void outbound_drop(struct outbound *o, struct pkt *p, enum drop why)
{
	drop_count(&o->drops, why);
	p->kind = PKT_GONE;
}

/*
 * Drops it and tells the application, if there is room and the packet may be answered at all: how
 * large it may be, or with mtu 0 that it is prohibited.
 */
static void outbound_refuse(struct outbound *o, struct pkt *p, enum drop why, uint32_t mtu,
			    struct batch *replies)
{
	struct pkt *reply = batch_take(replies, ESP_HEADROOM, PACKET_ICMP_MAX, 0);
	struct slice ip = pkt_slice(p);

	outbound_drop(o, p, why);
	if (!reply)
		return;
	reply->len = (uint32_t)(mtu ? packet_icmp_too_big(ip, mtu, pkt_data(reply), reply->len) :
				      packet_icmp_prohibited(ip, pkt_data(reply), reply->len));
	reply->kind = PKT_INNER;
	if (reply->len == 0)
		batch_keep(replies, replies->n - 1);
	else
		batch_fit(replies, reply->len, 0);
}

static void outbound_need_sa(struct outbound *o, unsigned slot, uint32_t stamp,
			     const struct tuple *t)
{
	const struct data_event e = { .type = DATA_NEED_SA, .slot = slot, .tuple = *t };

	if (o->asked[slot] != stamp && events_put(&o->events, &e))
		o->asked[slot] = stamp;
}

static void outbound_exhausted(struct outbound *o, struct esp_out *sa)
{
	const struct data_event e = {
		.type = DATA_EXHAUSTED,
		.slot = sa->config.slot,
		.epoch = sa->config.epoch,
		.spi = sa->config.spi,
	};

	if (!sa->exhausted_told)
		sa->exhausted_told = events_put(&o->events, &e);
}

/* Appends the fragments of `whole` that begin at `at` and later. */
static bool outbound_pieces(struct batch *b, struct slice whole, uint32_t mtu, uint32_t at)
{
	while (at) {
		struct pkt *piece = batch_take(b, ESP_HEADROOM, mtu, ESP_TAILROOM);
		size_t n = 0;

		if (piece)
			n = packet_fragment4(whole, mtu, &at, pkt_data(piece), mtu);
		if (n == 0)
			return false;
		batch_fit(b, (uint32_t)n, ESP_TAILROOM);
	}
	return true;
}

/*
 * Cuts p: it becomes its first fragment, the others are appended to b and have their turn after the
 * packets that are there, so that sequence numbers leave in order. False: nothing has changed.
 */
static bool outbound_cut(struct batch *b, struct pkt *p, uint32_t mtu)
{
	struct slice whole = pkt_slice(p);
	unsigned n = b->n;
	uint32_t at = 0;

	if (packet_fragment4(whole, mtu, &at, NULL, 0) == 0)
		return false;
	if (!outbound_pieces(b, whole, mtu, at)) {
		batch_keep(b, n);
		return false;
	}
	at = 0;
	pkt_trim(p, (uint32_t)packet_fragment4(whole, mtu, &at, pkt_data(p), p->len));
	return true;
}

/* Where the packets of one call come from and go to. */
struct outbound_call {
	const struct policy *policy;
	struct batch *b;
	struct batch *replies;
};

/* RFC 4301 section 8.2.1: false when it does not fit and could not be cut; it is dropped then. */
static bool outbound_fit(struct outbound *o, const struct outbound_call *call, struct esp_out *sa,
			 struct pkt *p, const struct tuple *t)
{
	uint32_t limit = esp_mtu_limit(&sa->mtu, t->src.family);
	bool whole = packet_dont_fragment(pkt_slice(p));

	if (t->proto == PACKET_TCP)
		packet_clamp_mss(pkt_data(p), p->len, limit);
	if (p->len > limit && whole) {
		outbound_refuse(o, p, DROP_TOO_BIG, limit, call->replies);
		return false;
	}
	if ((p->len > limit && !outbound_cut(call->b, p, limit)) ||
	    esp_sealed_length(sa, p->len) > UDP_PAYLOAD_MAX) {
		outbound_drop(o, p, DROP_TOO_BIG);
		return false;
	}
	return true;
}

static void outbound_protect(struct outbound *o, const struct outbound_call *call, struct pkt *p,
			     unsigned slot, const struct tuple *t)
{
	uint32_t stamp = classifier_slot_stamp(o->classifier, slot);
	struct esp_out *sa = classifier_slot_sa(o->classifier, slot);
	uint32_t mtu;

	if (!sa) {
		outbound_drop(o, p, DROP_NO_SA);
		outbound_need_sa(o, slot, stamp, t);
		return;
	}
	/* The peer agreed to a part of the rule only: it would not take more another time. */
	if (!ts_pair_match_out(&sa->config.ts, t)) {
		outbound_refuse(o, p, DROP_SA_SELECTOR, 0, call->replies);
		return;
	}
	if (!outbound_fit(o, call, sa, p, t))
		return;
	mtu = atomic_load_explicit(&sa->mtu, memory_order_relaxed);
	p->may_fragment = mtu && p->len > mtu;
	p->ecn = packet_ecn(pkt_slice(p)); /* RFC 6040 section 4.1, normal mode */
	if (esp_seal(sa, p, t->src.family == FAMILY_IP4 ? ESP_NEXT_IP4 : ESP_NEXT_IP6) != 0) {
		outbound_drop(o, p, DROP_SEQUENCE_EXHAUSTED);
		outbound_exhausted(o, sa);
		return;
	}
	p->kind = PKT_SEALED;
}

/*
 * A packet that a PROTECT rule would take if its source were ours: the kernel's routing let
 * through what belongs to another address, and nobody there waits for our answer.
 */
static bool outbound_foreign_source(const struct policy *policy, const struct tuple *t)
{
	struct ts_pair whoever = {
		.local = { .lo = t->src, .hi = t->src, .port_hi = UINT16_MAX },
	};
	bool would_match = false;

	for (unsigned i = 0; i < policy->n; i++) {
		const struct policy_rule *rule = &policy->rules[i];

		if (rule->action != POLICY_PROTECT)
			continue;
		if (ts_contains_addr(&rule->ts.local, &t->src))
			return false;
		whoever.remote = rule->ts.remote;
		would_match |= ts_pair_match_out(&whoever, t);
	}
	return would_match;
}

static void outbound_packet(struct outbound *o, const struct outbound_call *call, struct pkt *p)
{
	const struct policy *policy = call->policy;
	const struct policy_rule *rule;
	struct tuple t;

	if (packet_tuple(pkt_slice(p), &t) != 0) {
		outbound_drop(o, p, DROP_TUN_MALFORMED);
		return;
	}
	pkt_trim(p, packet_length(pkt_slice(p)));
	rule = policy_match(policy, &t);
	if (rule && rule->action == POLICY_PROTECT)
		outbound_protect(o, call, p, rule->slot, &t);
	else if (!rule && outbound_foreign_source(policy, &t))
		outbound_drop(o, p, DROP_TUN_SOURCE);
	else if ((rule ? rule->action : policy->fallback) == POLICY_BYPASS)
		outbound_refuse(o, p, DROP_BYPASS_ON_TUN, 0, call->replies);
	else
		outbound_refuse(o, p, DROP_DISCARD, 0, call->replies);
}

void outbound_run(struct outbound *o, vtime now, struct batch *b, struct batch *replies)
{
	const struct outbound_call call = { classifier_policy(o->classifier), b, replies };

	(void)now;
	/* The batch grows by the fragments of what is cut. */
	for (unsigned i = 0; i < b->n; i++)
		outbound_packet(o, &call, &b->pkts[i]);
}

void outbound_path_mtu(struct outbound *o)
{
	const struct data_event e = { .type = DATA_PATH_MTU };

	if (!events_waiting(&o->events, DATA_PATH_MTU, 0))
		events_put(&o->events, &e);
}
