/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "esp/ahead.h"
#include "esp/classifier.h"
#include "esp/cut.h"
#include "esp/events.h"
#include "esp/flow.h"
#include "esp/hold.h"
#include "esp/look.h"
#include "esp/sa.h"
#include "packet/packet.h"

#define UDP_PAYLOAD_MAX 65507

/* How many held packets one call of outbound_release may look at or seal. */
#define RELEASE_LOOKS 512
/* How many of one slot before another has its turn. */
#define RELEASE_QUOTA 16

/* So many held packets of a slot are all released before anything newer of it. */
#define ORDERED_MAX 1024

/* So many of a slot's held packets are looked at for their flows. */
#define LOOK_PACKETS 64

struct outbound {
	struct classifier *classifier;
	struct drops drops;
	struct events events;
	struct ahead ahead;
	struct flow_cache *flows;
	bool holds;
	struct hold *hold;
	unsigned turn; /* the slot that is served first when there was no room for all */
	uint8_t *scratch; /* a held packet in one piece */
	/* Where nothing is held: the slot's stamp when NEED_SA was told; 0: never. For whom. */
	uint32_t asked[CLASSIFIER_SLOTS];
	struct tuple asked_for[CLASSIFIER_SLOTS];
};

struct outbound *outbound_new(struct classifier *c, const struct outbound_config *config)
{
	struct outbound *o = xcalloc(1, sizeof(*o));

	o->classifier = c;
	o->flows = flow_cache_new();
	o->holds = config->hold_bytes != 0;
	o->hold = hold_new(config);
	o->scratch = xcalloc(1, HOLD_PACKET_MAX);
	return o;
}

void outbound_free(struct outbound *o)
{
	if (!o)
		return;
	flow_cache_free(o->flows);
	hold_free(o->hold);
	free(o->scratch);
	free(o);
}

const struct hold_counters *outbound_held(const struct outbound *o)
{
	return hold_counters(o->hold);
}

const struct hold_counters *outbound_held_of(const struct outbound *o, unsigned slot)
{
	return hold_counters_of(o->hold, slot);
}

vtime outbound_deadline(const struct outbound *o)
{
	return hold_deadline(o->hold);
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
 * Tells the application, if there is room and the packet may be answered at all: how large it may
 * be, or with mtu 0 that it is prohibited.
 */
static bool outbound_tell(struct slice ip, uint32_t mtu, struct batch *replies)
{
	struct pkt *reply = batch_take(replies, ESP_HEADROOM, PACKET_ICMP_MAX, 0);

	if (!reply)
		return false;
	reply->len = (uint32_t)(mtu ? packet_icmp_too_big(ip, mtu, pkt_data(reply), reply->len) :
				      packet_icmp_prohibited(ip, pkt_data(reply), reply->len));
	reply->kind = PKT_INNER;
	if (reply->len == 0) {
		batch_keep(replies, replies->n - 1);
		return false;
	}
	batch_fit(replies, reply->len, 0);
	return true;
}

/* False when an error would find no room; it would find some in an empty batch. */
static bool outbound_can_tell(struct batch *replies)
{
	unsigned n = replies->n;
	bool room = batch_take(replies, ESP_HEADROOM, PACKET_ICMP_MAX, 0) != NULL;

	batch_keep(replies, n);
	return room || n == 0;
}

static void outbound_refuse(struct outbound *o, struct pkt *p, enum drop why, uint32_t mtu,
			    struct batch *replies)
{
	/* The first segment of a super-packet has told its sender. */
	if (!p->follows)
		outbound_tell(pkt_slice(p), mtu, replies);
	outbound_drop(o, p, why);
}

/* UDP hears of it only where the socket is connected. */
static enum drop outbound_heard(bool told, const struct tuple *t)
{
	return told && t->proto != PACKET_UDP ? DROP_REFUSED : DROP_REFUSED_UNHEARD;
}

static bool outbound_need_sa(struct outbound *o, unsigned slot, const struct tuple *t)
{
	const struct data_event e = { .type = DATA_NEED_SA, .slot = slot, .tuple = *t };

	return events_put(&o->events, &e);
}

static uint64_t sa_bytes(const struct esp_out *sa)
{
	return atomic_load_explicit(&sa->counters.bytes, memory_order_relaxed);
}

static bool outbound_used(struct outbound *o, const struct esp_out *sa, enum data_event_type type)
{
	const struct data_event e = {
		.type = type,
		.slot = sa->config.slot,
		.epoch = sa->config.epoch,
		.spi = sa->config.spi,
	};

	return events_put(&o->events, &e);
}

static void outbound_exhausted(struct outbound *o, struct esp_out *sa)
{
	if (!sa->exhausted_told)
		sa->exhausted_told = outbound_used(o, sa, DATA_EXHAUSTED);
}

/* What is looked at for each packet is beside what sealing it has touched. */
static void outbound_near(struct outbound *o, struct esp_out *sa)
{
	if ((sa->sequence >= sa->near_sequence || sa_bytes(sa) >= sa->near_bytes) && !sa->near_told)
		sa->near_told = outbound_used(o, sa, DATA_NEARLY_USED);
}

/* A slot at one moment. */
struct outbound_slot {
	uint32_t stamp;
	struct esp_out *sa; /* NULL: none */
	bool usable; /* there is one, and it has numbers left and time */
};

/* What is known of a packet before anything is done with it. */
struct outbound_flow {
	bool known; /* false: it was none that could be judged */
	struct tuple tuple;
	uint32_t hash; /* of the tuple */
	struct flow_decision decision;
	struct outbound_slot slot; /* PROTECT */
};

/* Where the packets of one call come from and go to, and the rules it goes by. */
struct outbound_call {
	vtime now;
	const struct spd *policy;
	uint64_t number;
	struct batch *b;
	struct batch *replies;
	struct outbound_flow flow; /* of the packet that came last */
};

static struct outbound_call outbound_call(const struct outbound *o, vtime now, struct batch *b,
					  struct batch *replies)
{
	struct outbound_call call = { .now = now, .b = b, .replies = replies };

	call.policy = classifier_policy(o->classifier, &call.number);
	return call;
}

static struct flow_decision outbound_decide(struct outbound *o, const struct outbound_call *call,
					    const struct tuple *t, uint32_t hash)
{
	return flow_decide(o->flows, call->now, call->number, call->policy, t, hash);
}

static bool outbound_usable(const struct esp_out *sa, vtime now)
{
	return sa && sa->sequence <= sa->last_sequence && sa_bytes(sa) < sa->most_bytes &&
	       (!sa->config.ends || now < sa->config.ends);
}

/* The stamp first: what changes behind it is seen by the next look. */
static struct outbound_slot outbound_look(struct outbound *o, vtime now, unsigned slot)
{
	struct outbound_slot s = { .stamp = classifier_slot_stamp(o->classifier, slot) };

	s.sa = classifier_slot_sa(o->classifier, slot);
	s.usable = outbound_usable(s.sa, now);
	return s;
}

/* Acquire pairs with esp_out_set_limit. */
static struct esp_limit *outbound_limit(const struct esp_out *sa)
{
	return atomic_load_explicit(&sa->limit, memory_order_acquire);
}

/* Whether a packet of len bytes may go by now to where the peer is not proved to be. */
static bool outbound_may_go(const struct esp_out *sa, uint32_t len)
{
	const struct esp_limit *limit = outbound_limit(sa);

	return !limit || esp_limit_allows(limit, esp_sealed_length(sa, len) + ESP_LIMIT_RESERVE);
}

/* ---- sealing ---- */

/*
 * Fragments other than the first have no ports, and may be another rule's. Then the packet goes
 * whole, and its outer one travels in fragments.
 */
static bool outbound_may_cut(struct outbound *o, const struct outbound_call *call,
			     const struct tuple *t, unsigned slot)
{
	const struct tuple piece = { .src = t->src, .dst = t->dst, .proto = t->proto };
	struct flow_decision d = outbound_decide(o, call, &piece, flow_hash(&piece));

	return d.action == FLOW_PROTECT && d.slot == slot;
}

/* RFC 4301 section 8.2.1: false when it does not fit and could not be cut; it is dropped then. */
static bool outbound_fit(struct outbound *o, const struct outbound_call *call, struct esp_out *sa,
			 struct pkt *p, const struct tuple *t)
{
	uint32_t limit = esp_mtu_limit(&sa->mtu, t->src.family);
	bool cut = p->len > limit && outbound_may_cut(o, call, t, sa->config.slot);

	if (t->proto == PACKET_TCP)
		packet_clamp_mss(pkt_data(p), p->len, limit);
	if (p->len > limit && packet_dont_fragment(pkt_slice(p))) {
		outbound_refuse(o, p, DROP_TOO_BIG, limit, call->replies);
		return false;
	}
	if ((cut && !cut_packet4(call->b, p, limit)) ||
	    esp_sealed_length(sa, p->len) > UDP_PAYLOAD_MAX) {
		outbound_drop(o, p, DROP_TOO_BIG);
		return false;
	}
	return true;
}

/* Seals one packet, whose pieces, if it is cut, are behind it in the batch. False: it is gone. */
static bool outbound_send(struct outbound *o, const struct outbound_call *call, struct esp_out *sa,
			  struct pkt *p, const struct tuple *t)
{
	struct esp_limit *limit = outbound_limit(sa);
	uint32_t mtu;

	/* The peer agreed to a part of the rule only: it would not take more another time. */
	if (!ts_pair_match_out(&sa->config.ts, t)) {
		outbound_refuse(o, p, DROP_SA_SELECTOR, 0, call->replies);
		return false;
	}
	if (!outbound_fit(o, call, sa, p, t))
		return false;
	mtu = atomic_load_explicit(&sa->mtu, memory_order_relaxed);
	p->may_fragment = mtu && p->len > mtu;
	p->ecn = packet_ecn(pkt_slice(p)); /* RFC 6040 section 4.1, normal mode */
	if (esp_seal(sa, p, t->src.family == FAMILY_IP4 ? ESP_NEXT_IP4 : ESP_NEXT_IP6) != 0) {
		outbound_drop(o, p, DROP_SEQUENCE_EXHAUSTED);
		outbound_exhausted(o, sa);
		return false;
	}
	outbound_near(o, sa);
	if (limit)
		esp_limit_sent(limit, p->len);
	/* Relaxed: a time, with which nothing else is published. */
	atomic_store_explicit(&sa->counters.data_at, call->now, memory_order_relaxed);
	p->kind = PKT_SEALED;
	return true;
}

/* ---- holding ---- */

/* Asks for all in this slot that nobody has been asked for, as far as events have room. */
static void outbound_ask(struct outbound *o, unsigned slot, uint32_t stamp, unsigned *budget)
{
	hold_id id;

	while ((id = hold_unasked(o->hold, slot, stamp, budget))) {
		if (!outbound_need_sa(o, slot, hold_tuple(o->hold, id)))
			return;
		hold_asked(o->hold, id, stamp);
	}
}

/* Without a hold there is no memory of each host or flow: the latest one is not asked for again. */
static void outbound_ask_unheld(struct outbound *o, const struct flow_decision *d, uint32_t stamp,
				const struct tuple *t)
{
	struct tuple *last = &o->asked_for[d->slot];
	bool same = d->granularity == GRANULARITY_RULE ||
		    (d->granularity == GRANULARITY_HOST && addr_eq(&last->dst, &t->dst)) ||
		    flow_eq(last, t);

	if ((o->asked[d->slot] != stamp || !same) && outbound_need_sa(o, d->slot, t)) {
		o->asked[d->slot] = stamp;
		*last = *t;
	}
}

/*
 * True when something older has to leave first: of its flow, or of its slot. Where much is held for
 * the slot the others are no reason any more: of a flow that sends on meanwhile, more would be held
 * than is allowed.
 */
static bool outbound_waits(const struct outbound *o, const struct outbound_call *call,
			   unsigned slot, const struct tuple *t)
{
	const struct hold_counters *c = hold_counters_of(o->hold, slot);
	uint64_t n = atomic_load_explicit(&c->packets, memory_order_relaxed);

	if (hold_empty(o->hold))
		return false;
	if (n == 0 && hold_reviewed(o->hold, call->number))
		return false;
	return (n && n <= ORDERED_MAX) || hold_has_flow(o->hold, t);
}

static void outbound_hold(struct outbound *o, const struct outbound_call *call, struct pkt *p,
			  const struct flow_decision *d, const struct tuple *t)
{
	const struct hold_packet held = { pkt_slice(p), t, d, call->number };

	p->kind = PKT_GONE;
	hold_put(o->hold, call->now, &held, &o->drops);
}

/* There is an SA without a number left, or none. */
static void outbound_no_sa(struct outbound *o, const struct outbound_call *call, struct pkt *p,
			   const struct flow_decision *d, const struct outbound_slot *s,
			   const struct tuple *t)
{
	unsigned budget = RELEASE_QUOTA;

	if (s->sa) {
		outbound_exhausted(o, s->sa);
	} else if (classifier_slot_refused(o->classifier, d->slot) > call->now) {
		bool told = outbound_tell(pkt_slice(p), 0, call->replies);

		outbound_drop(o, p, outbound_heard(told, t));
		return;
	}
	if (o->holds) {
		outbound_hold(o, call, p, d, t);
		if (!s->sa)
			outbound_ask(o, d->slot, s->stamp, &budget);
		return;
	}
	outbound_drop(o, p, s->sa ? DROP_SEQUENCE_EXHAUSTED : DROP_NO_SA);
	if (!s->sa)
		outbound_ask_unheld(o, d, s->stamp, t);
}

/* ---- what comes from the TUN ---- */

static void outbound_protect(struct outbound *o, const struct outbound_call *call, struct pkt *p,
			     const struct flow_decision *d, const struct outbound_slot *s,
			     const struct tuple *t)
{
	if (!s->usable)
		outbound_no_sa(o, call, p, d, s, t);
	else if (outbound_waits(o, call, d->slot, t))
		outbound_hold(o, call, p, d, t);
	else if (outbound_may_go(s->sa, p->len))
		outbound_send(o, call, s->sa, p, t);
	else if (o->holds)
		outbound_hold(o, call, p, d, t);
	else
		outbound_drop(o, p, DROP_NO_SA);
}

static void outbound_judge_flow(struct outbound *o, struct outbound_call *call)
{
	struct outbound_flow *f = &call->flow;

	f->decision = outbound_decide(o, call, &f->tuple, f->hash);
	if (f->decision.action == FLOW_PROTECT)
		f->slot = outbound_look(o, call->now, f->decision.slot);
}

/* Takes off what is behind the packet. False: it is none. */
static bool outbound_read(struct outbound *o, struct outbound_call *call, struct pkt *p)
{
	const struct ahead_packet *seen = ahead_seen(&o->ahead, (unsigned)(p - call->b->pkts));
	struct outbound_flow *f = &call->flow;
	uint32_t length = 0;

	if (seen) {
		f->tuple = seen->tuple;
		f->hash = seen->key;
		length = seen->length;
	} else if (packet_tuple_length(pkt_slice(p), &f->tuple, &length) == 0) {
		f->hash = flow_hash(&f->tuple);
	} else {
		return false;
	}
	pkt_trim(p, length);
	return length != 0;
}

/* False: it is none, and dropped. */
static bool outbound_judge(struct outbound *o, struct outbound_call *call, struct pkt *p)
{
	call->flow.known = outbound_read(o, call, p);
	if (!call->flow.known) {
		outbound_drop(o, p, DROP_TUN_MALFORMED);
		return false;
	}
	outbound_judge_flow(o, call);
	/* The slot may be another tunnel's by now, and its SA not for this rule. */
	while (classifier_rules_number(o->classifier) != call->number) {
		call->policy = classifier_policy(o->classifier, &call->number);
		outbound_judge_flow(o, call);
	}
	return true;
}

/* Segments of one super-packet are of one flow: it is judged once. */
static void outbound_packet(struct outbound *o, struct outbound_call *call, struct pkt *p)
{
	struct outbound_flow *f = &call->flow;

	if (!(p->follows && f->known) && !outbound_judge(o, call, p))
		return;
	switch (f->decision.action) {
	case FLOW_PROTECT:
		f->slot.usable = outbound_usable(f->slot.sa, call->now);
		outbound_protect(o, call, p, &f->decision, &f->slot, &f->tuple);
		break;
	case FLOW_BYPASS:
		outbound_refuse(o, p, DROP_BYPASS_ON_TUN, 0, call->replies);
		break;
	case FLOW_DISCARD:
		outbound_refuse(o, p, DROP_DISCARD, 0, call->replies);
		break;
	case FLOW_FOREIGN:
		outbound_drop(o, p, DROP_TUN_SOURCE);
		break;
	}
}

void outbound_run(struct outbound *o, vtime now, struct batch *b, struct batch *replies)
{
	struct outbound_call call = outbound_call(o, now, b, replies);

	ahead_begin(&o->ahead, o->classifier, b);
	/* The batch grows by the fragments of what is cut. */
	for (unsigned i = 0; i < b->n; i++) {
		ahead_outbound(&o->ahead, o->classifier, o->flows, b, i);
		outbound_packet(o, &call, &b->pkts[i]);
	}
	ahead_end(&o->ahead, b);
}

/* ---- what is held ---- */

/* How far one slot has come. */
enum served {
	SERVED_ALL, /* nothing is to be done now */
	SERVED_QUOTA,
	SERVED_FULL, /* a batch is, or this call has looked at enough */
};

/* Tells the flow's sender about its newest packet, and drops all. False: no room for the error. */
static bool outbound_refuse_flow(struct outbound *o, const struct outbound_call *call, hold_id id,
				 enum drop why)
{
	hold_id newest = hold_flow_newest(o->hold, id);
	bool told;

	if (!outbound_can_tell(call->replies))
		return false;
	hold_copy(o->hold, newest, o->scratch);
	told = outbound_tell(slice(o->scratch, hold_length(o->hold, newest)), 0, call->replies);
	if (why == DROP_REFUSED)
		why = outbound_heard(told, hold_tuple(o->hold, id));
	hold_drop_flow(o->hold, id, why, &o->drops);
	return true;
}

/* A sender that waits for an answer to its last packet would not hear of it in any other way. */
static bool outbound_expire(struct outbound *o, const struct outbound_call *call, unsigned *budget)
{
	for (; hold_deadline(o->hold) <= call->now && *budget; --*budget) {
		hold_id id = hold_oldest(o->hold);

		if (hold_flow_newest(o->hold, id) == id) {
			if (!outbound_can_tell(call->replies))
				return false;
			hold_copy(o->hold, id, o->scratch);
			outbound_tell(slice(o->scratch, hold_length(o->hold, id)), 0,
				      call->replies);
		}
		drop_count(&o->drops, DROP_HOLD_EXPIRED);
		hold_leave(o->hold, id, HOLD_EXPIRED);
	}
	return hold_deadline(o->hold) > call->now;
}

static enum drop outbound_gone(enum flow_action action)
{
	switch (action) {
	case FLOW_PROTECT:
	case FLOW_DISCARD:
		break;
	case FLOW_BYPASS:
		return DROP_BYPASS_ON_TUN;
	case FLOW_FOREIGN:
		return DROP_ADDRESS_CHANGED;
	}
	return DROP_DISCARD;
}

/* Puts what is held where the rules in force want it. False: there is more of it. */
static bool outbound_review(struct outbound *o, const struct outbound_call *call, unsigned *budget)
{
	hold_id id;

	while ((id = hold_review(o->hold, call->number, budget))) {
		const struct tuple *t = hold_tuple(o->hold, id);
		struct flow_decision d = outbound_decide(o, call, t, flow_hash(t));

		if (d.action == FLOW_PROTECT)
			hold_assign(o->hold, id, &d, call->number);
		else if (!outbound_refuse_flow(o, call, id, outbound_gone(d.action)))
			return false;
	}
	return hold_reviewed(o->hold, call->number);
}

/* Seals the oldest packet of a slot, and what it is cut into. False: an empty batch is needed. */
static bool outbound_release_one(struct outbound *o, const struct outbound_call *call,
				 struct esp_out *sa, hold_id id)
{
	const struct tuple t = *hold_tuple(o->hold, id);
	uint32_t len = hold_length(o->hold, id);
	bool large = len > esp_mtu_limit(&sa->mtu, t.src.family), sealed;
	struct batch *b = call->b;
	unsigned at = b->n;
	struct pkt *p;

	if ((large && at) || !outbound_can_tell(call->replies))
		return false;
	p = batch_take(b, ESP_HEADROOM, len, ESP_TAILROOM);
	if (!p && at)
		return false;
	if (!p) {
		drop_count(&o->drops, DROP_TOO_BIG);
		hold_leave(o->hold, id, HOLD_DROPPED);
		return true;
	}
	hold_copy(o->hold, id, pkt_data(p));
	sealed = outbound_send(o, call, sa, p, &t);
	for (unsigned i = at + 1; i < b->n; i++) {
		struct tuple piece = { .src = t.src, .dst = t.dst, .proto = t.proto };

		outbound_send(o, call, sa, &b->pkts[i], &piece);
	}
	if (!sealed)
		batch_keep(b, at);
	hold_leave(o->hold, id, sealed ? HOLD_RELEASED : HOLD_DROPPED);
	return true;
}

/* When there is no room for it, a later one has these, too. */
static void outbound_unheld(struct outbound *o, unsigned slot)
{
	const struct hold_counters *c = hold_counters_of(o->hold, slot);
	const struct data_event e = {
		.type = DATA_UNHELD,
		.slot = slot,
		.released = atomic_load_explicit(&c->released, memory_order_relaxed),
		.refused = atomic_load_explicit(&c->dropped, memory_order_relaxed) +
			   atomic_load_explicit(&c->expired, memory_order_relaxed),
	};

	events_put(&o->events, &e);
}

static enum served outbound_serve(struct outbound *o, const struct outbound_call *call,
				  unsigned slot, unsigned *budget)
{
	struct outbound_slot s = outbound_look(o, call->now, slot);
	bool refused = classifier_slot_refused(o->classifier, slot) > call->now;
	hold_id id;
	unsigned n;

	/* The slot may be another tunnel's by now: what is held in it is reviewed first. */
	if (classifier_rules_number(o->classifier) != call->number)
		return SERVED_FULL;
	if (!s.sa && !refused)
		outbound_ask(o, slot, s.stamp, budget);
	if (s.sa && !s.usable)
		outbound_exhausted(o, s.sa);
	if (!s.usable && (s.sa || !refused))
		return *budget ? SERVED_ALL : SERVED_FULL;
	for (n = 0; (id = hold_slot_oldest(o->hold, slot)); n++) {
		if (n == RELEASE_QUOTA)
			return SERVED_QUOTA;
		if (*budget == 0)
			return SERVED_FULL;
		--*budget;
		if (s.usable && !outbound_may_go(s.sa, hold_length(o->hold, id)))
			break;
		if (!(s.usable ? outbound_release_one(o, call, s.sa, id) :
				 outbound_refuse_flow(o, call, id, DROP_REFUSED)))
			return SERVED_FULL;
		if (s.usable && !outbound_usable(s.sa, call->now))
			break;
	}
	if (n && !hold_slot_oldest(o->hold, slot))
		outbound_unheld(o, slot);
	return SERVED_ALL;
}

/* Each slot from `slot` on, up to `end`, once. */
static enum served outbound_round(struct outbound *o, const struct outbound_call *call,
				  unsigned slot, unsigned end, unsigned *budget)
{
	enum served most = SERVED_ALL;

	for (; (slot = hold_next_slot(o->hold, slot)) < end; slot++) {
		enum served served = outbound_serve(o, call, slot, budget);

		if (served == SERVED_FULL) {
			o->turn = slot;
			return SERVED_FULL;
		}
		if (served > most)
			most = served;
	}
	return most;
}

bool outbound_release(struct outbound *o, vtime now, struct batch *b, struct batch *replies)
{
	const struct outbound_call call = outbound_call(o, now, b, replies);
	unsigned budget = RELEASE_LOOKS;

	if (hold_empty(o->hold))
		return false;
	if (!outbound_expire(o, &call, &budget) || !outbound_review(o, &call, &budget))
		return true;
	for (;;) {
		unsigned first = o->turn;
		enum served upper = outbound_round(o, &call, first, CLASSIFIER_SLOTS, &budget),
			    lower;

		if (upper == SERVED_FULL)
			return true;
		lower = outbound_round(o, &call, 0, first, &budget);
		if (lower == SERVED_FULL)
			return true;
		if (upper == SERVED_ALL && lower == SERVED_ALL)
			return false;
	}
}

/* ---- our own ---- */

static uint8_t outbound_next_header(struct slice ip)
{
	if (ip.n == 0)
		return ESP_NEXT_NONE;
	return ip.p[0] >> 4 == 6 ? ESP_NEXT_IP6 : ESP_NEXT_IP4;
}

bool outbound_probe(struct outbound *o, struct esp_out *sa, const void *ip, size_t n,
		    struct batch *b)
{
	uint32_t mtu = atomic_load_explicit(&sa->mtu, memory_order_relaxed);
	struct pkt *p = batch_take(b, ESP_HEADROOM, (uint32_t)n, ESP_TAILROOM);

	if (!p) {
		drop_count(&o->drops, DROP_PROBE_LOST);
		return false;
	}
	if (n)
		memcpy(pkt_data(p), ip, n);
	p->may_fragment = mtu && n > mtu;
	if (esp_seal(sa, p, outbound_next_header(slice(ip, n))) != 0) {
		batch_keep(b, b->n - 1);
		drop_count(&o->drops, DROP_SEQUENCE_EXHAUSTED);
		outbound_exhausted(o, sa);
		return false;
	}
	esp_count_own(&sa->counters);
	p->kind = PKT_SEALED;
	return true;
}

/* ---- what control looks at ---- */

/* The flows of the packets that came first. */
static void look_held(const struct hold *h, unsigned slot, struct outbound_held *out)
{
	unsigned looks = LOOK_PACKETS;

	*out = (struct outbound_held){ .slot = slot };
	for (hold_id id = hold_slot_oldest(h, slot); id && looks && out->n < OUTBOUND_HELD_FLOWS;
	     id = hold_slot_next(h, id), looks--) {
		const struct tuple *t = hold_tuple(h, id);
		unsigned k = 0;

		while (k < out->n && !flow_eq(&out->flows[k], t))
			k++;
		if (k == out->n)
			out->flows[out->n++] = *t;
	}
}

static void look_holds(const struct hold *h, struct outbound_look *l)
{
	unsigned slot = 0;

	for (l->n = 0; (slot = hold_next_slot(h, slot)) < CLASSIFIER_SLOTS; slot++)
		if (l->n < OUTBOUND_HELD_MAX)
			look_held(h, slot, &l->held[l->n++]);
}

bool outbound_look_at(const struct outbound *o, struct outbound_look *l)
{
	if (l->held) {
		look_holds(o->hold, l);
		return false;
	}
	flow_list(o->flows, classifier_rules_number(o->classifier), l->place, OUTBOUND_LOOK_PLACES,
		  l->flows, &l->n);
	l->place += OUTBOUND_LOOK_PLACES;
	return l->place < FLOW_CACHE_SIZE;
}

void outbound_path_mtu(struct outbound *o)
{
	const struct data_event e = { .type = DATA_PATH_MTU };

	if (!events_waiting(&o->events, DATA_PATH_MTU, 0))
		events_put(&o->events, &e);
}
