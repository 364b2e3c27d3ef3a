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

struct outbound *outbound_new(struct classifier *c)
{
	struct outbound *o = xcalloc(1, sizeof(*o));

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

/* Drops it and tells the application, if there is room and the packet may be answered at all. */
static void outbound_refuse(struct outbound *o, struct pkt *p, enum drop why, struct batch *replies)
{
	struct pkt *reply = batch_take(replies, ESP_HEADROOM, PACKET_ICMP_MAX, 0);

	outbound_drop(o, p, why);
	if (!reply)
		return;
	reply->len = (uint32_t)packet_icmp_prohibited(pkt_slice(p), pkt_data(reply), reply->len);
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

static void outbound_protect(struct outbound *o, struct pkt *p, unsigned slot,
			     const struct tuple *t)
{
	uint32_t stamp = classifier_slot_stamp(o->classifier, slot);
	struct esp_out *sa = classifier_slot_sa(o->classifier, slot);

	if (!sa || !ts_pair_match_out(&sa->config.ts, t)) {
		outbound_drop(o, p, DROP_NO_SA);
		outbound_need_sa(o, slot, stamp, t);
		return;
	}
	if (esp_sealed_length(sa, p->len) > UDP_PAYLOAD_MAX) {
		outbound_drop(o, p, DROP_TOO_BIG);
		return;
	}
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

static void outbound_packet(struct outbound *o, const struct policy *policy, struct pkt *p,
			    struct batch *replies)
{
	const struct policy_rule *rule;
	struct tuple t;

	if (packet_tuple(pkt_slice(p), &t) != 0) {
		outbound_drop(o, p, DROP_TUN_MALFORMED);
		return;
	}
	pkt_trim(p, packet_length(pkt_slice(p)));
	rule = policy_match(policy, &t);
	if (rule && rule->action == POLICY_PROTECT)
		outbound_protect(o, p, rule->slot, &t);
	else if (!rule && outbound_foreign_source(policy, &t))
		outbound_drop(o, p, DROP_TUN_SOURCE);
	else if ((rule ? rule->action : policy->fallback) == POLICY_BYPASS)
		outbound_refuse(o, p, DROP_BYPASS_ON_TUN, replies);
	else
		outbound_refuse(o, p, DROP_DISCARD, replies);
}

void outbound_run(struct outbound *o, vtime now, struct batch *b, struct batch *replies)
{
	const struct policy *policy = classifier_policy(o->classifier);

	(void)now;
	for (unsigned i = 0; i < b->n; i++)
		outbound_packet(o, policy, &b->pkts[i], replies);
}
