/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An outbound engine that holds, and what leaves it: every sealed packet is opened again and noted
 * in order, and so is every answer to the application.
 */
#ifndef GODWIT_TESTS_HOLD_PARTS_H
#define GODWIT_TESTS_HOLD_PARTS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/mem.h"
#include "tests/unit/esp_parts.h"

#define SLOT 3
#define OTHER_SLOT 4
#define HOST_SLOT 5
#define FLOW_SLOT 6
#define OWN_SLOT 7 /* for a rule of its own, in front of the others */
#define HOLD_BYTES ((size_t)1 << 20)
#define HOLD_AGE (30 * VTIME_S)
#define SENT_MAX 20000
#define BED_SLOTS 512 /* no rule names a later one */
#define NOTED 120

/* The beginning of a packet that left. */
struct noted {
	uint32_t spi; /* 0: for the application */
	uint32_t len;
	uint8_t bytes[NOTED];
};

struct bed {
	struct classifier *c;
	struct outbound *o;
	struct policy *policy;
	vtime now;
	struct parts_batch in, replies;
	struct esp_out *out[BED_SLOTS];
	struct esp_in *peer[BED_SLOTS];
	struct noted *sent;
	unsigned nsent;
	struct noted *told;
	unsigned ntold;
	struct data_event unheld; /* the last one */
	unsigned nunheld;
};

static inline void bed_rule(struct bed *b, const char *remote, unsigned slot,
			    enum policy_granularity granularity)
{
	struct policy_rule rule = { parts_pair("10.1.0.0/16", remote), POLICY_PROTECT, slot,
				    granularity };

	assert_true(policy_add(b->policy, &rule));
}

/* Before all the others. */
static inline void bed_rule_first(struct bed *b, const struct policy_rule *rule)
{
	assert_true(b->policy->n < POLICY_RULES_MAX);
	memmove(b->policy->rules + 1, b->policy->rules, b->policy->n++ * sizeof(*rule));
	b->policy->rules[0] = *rule;
}

static inline void bed_publish(struct bed *b)
{
	classifier_rules_free(classifier_publish_rules(b->c, b->policy));
}

static inline struct bed *bed_new_with(size_t hold_bytes)
{
	struct outbound_config config = { hold_bytes, HOLD_AGE };
	struct bed *b = xcalloc(1, sizeof(*b));

	b->now = 1000 * VTIME_S;
	b->c = classifier_new();
	b->o = outbound_new(b->c, &config);
	b->policy = xcalloc(1, sizeof(*b->policy));
	b->policy->fallback = POLICY_DISCARD;
	b->sent = xcalloc(SENT_MAX, sizeof(*b->sent));
	b->told = xcalloc(SENT_MAX, sizeof(*b->told));
	bed_rule(b, "10.2.0.0/16", SLOT, GRANULARITY_RULE);
	bed_rule(b, "10.3.0.0/16", OTHER_SLOT, GRANULARITY_RULE);
	bed_rule(b, "10.4.0.0/16", HOST_SLOT, GRANULARITY_HOST);
	bed_rule(b, "10.5.0.0/16", FLOW_SLOT, GRANULARITY_FLOW);
	bed_publish(b);
	return b;
}

static inline void bed_close(struct bed *b)
{
	outbound_free(b->o);
	for (unsigned i = 0; i < BED_SLOTS; i++) {
		esp_out_free(b->out[i]);
		esp_in_free(b->peer[i]);
	}
	classifier_free(b->c);
	free(b->policy);
	free(b->sent);
	free(b->told);
	free(b);
}

static inline int bed_setup(void **state)
{
	*state = bed_new_with(HOLD_BYTES);
	return 0;
}

static inline int bed_teardown(void **state)
{
	bed_close(*state);
	return 0;
}

/* The slot's SA, for anything; its SPI tells the slot. */
static inline void bed_sa(struct bed *b, unsigned slot, uint32_t mtu)
{
	struct esp_sa_config config = parts_config(&suite_gcm, 0x1000 + slot);

	config.ts = parts_pair("0.0.0.0/0", "0.0.0.0/0");
	config.slot = slot;
	config.mtu = mtu;
	if (!b->out[slot]) {
		b->out[slot] = parts_out(config);
		b->peer[slot] = parts_in(config);
	}
	classifier_set_current(b->c, slot, b->out[slot]);
}

static inline void note(struct noted *n, uint32_t spi, const struct pkt *p)
{
	n->spi = spi;
	n->len = p->len;
	memcpy(n->bytes, pkt_data(p), p->len < NOTED ? p->len : NOTED);
}

static inline void bed_note(struct bed *b)
{
	for (unsigned i = 0; i < b->in.b.n; i++) {
		struct pkt *p = &b->in.b.pkts[i];
		uint32_t spi;
		uint8_t nh;
		enum drop why;

		if (p->kind != PKT_SEALED)
			continue;
		spi = get_be32(pkt_data(p));
		assert_int_equal(esp_open(b->peer[spi - 0x1000], p, &nh, &why), 0);
		assert_true(b->nsent < SENT_MAX);
		note(&b->sent[b->nsent++], spi, p);
	}
	for (unsigned i = 0; i < b->replies.b.n; i++) {
		assert_int_equal(b->replies.b.pkts[i].kind, PKT_INNER);
		assert_true(b->ntold < SENT_MAX);
		note(&b->told[b->ntold++], 0, &b->replies.b.pkts[i]);
	}
}

static inline void expect_identity(const struct hold_counters *c)
{
	assert_int_equal(c->in, c->released + c->replaced + c->expired + c->dropped + c->packets);
	assert_int_equal(c->packets == 0, c->bytes == 0);
	assert_int_equal(c->packets == 0, c->since == 0);
}

/* For each slot, in all, and all is the sum. When the oldest one of all slots came. */
static inline uint64_t bed_identity(const struct bed *b)
{
	const struct hold_counters *all = outbound_held(b->o);
	uint64_t in = 0, packets = 0, bytes = 0, since = 0;

	expect_identity(all);
	for (unsigned i = 0; i < BED_SLOTS; i++) {
		const struct hold_counters *c = outbound_held_of(b->o, i);

		expect_identity(c);
		in += c->in;
		packets += c->packets;
		bytes += c->bytes;
		if (c->since && (c->since < since || !since))
			since = c->since;
	}
	assert_int_equal(all->in, in);
	assert_int_equal(all->packets, packets);
	assert_int_equal(all->bytes, bytes);
	return since;
}

/* One call, with empty batches. */
static inline bool bed_release_once(struct bed *b)
{
	bool more;

	parts_batch(&b->in);
	parts_batch(&b->replies);
	more = outbound_release(b->o, b->now, &b->in.b, &b->replies.b);
	bed_note(b);
	bed_identity(b);
	return more;
}

/* How many calls it took. */
static inline unsigned bed_release(struct bed *b)
{
	unsigned n = 1;

	while (bed_release_once(b))
		assert_true(++n < SENT_MAX);
	assert_int_equal(outbound_held(b->o)->since, bed_identity(b));
	return n;
}

static inline void bed_send(struct bed *b, struct slice inner)
{
	parts_take(parts_batch(&b->in), inner);
	parts_batch(&b->replies);
	outbound_run(b->o, b->now, &b->in.b, &b->replies.b);
	bed_note(b);
	bed_identity(b);
}

/* A datagram that differs from all others by its number. */
static inline struct slice numbered_udp(uint8_t buf[60], const char *dst, uint16_t dport,
					uint32_t number)
{
	parts_udp4(buf, "10.1.0.5", dst, dport, 60);
	put_be32(buf + 28, number);
	return slice(buf, 60);
}

static inline void bed_udp(struct bed *b, const char *dst, uint16_t dport, uint32_t number)
{
	uint8_t buf[60];

	bed_send(b, numbered_udp(buf, dst, dport, number));
}

static inline uint32_t noted_number(const struct noted *n)
{
	return get_be32(n->bytes + 28);
}

static inline uint64_t bed_dropped(const struct bed *b, enum drop why)
{
	return drop_read(outbound_drops(b->o), why);
}

/* The next event but for those that nothing is held any more, which are counted. */
static inline bool bed_event(struct bed *b, struct data_event *e)
{
	while (outbound_output(b->o, e)) {
		if (e->type != DATA_UNHELD)
			return true;
		b->unheld = *e;
		b->nunheld++;
	}
	return false;
}

static inline void expect_need(struct bed *b, unsigned slot, const char *dst)
{
	struct addr a = parts_addr(dst);
	struct data_event e;

	assert_true(bed_event(b, &e));
	assert_int_equal(e.type, DATA_NEED_SA);
	assert_int_equal(e.slot, slot);
	assert_true(addr_eq(&e.tuple.dst, &a));
}

static inline void expect_no_event(struct bed *b)
{
	struct data_event e;

	assert_false(bed_event(b, &e));
}

/* An ICMP error "prohibited" from src, about a packet to src. */
static inline void expect_prohibited(const struct noted *n, const char *src)
{
	struct addr a = parts_addr(src);

	assert_int_equal(n->spi, 0);
	assert_int_equal(n->bytes[9], PACKET_ICMP);
	assert_int_equal(n->bytes[20], 3);
	assert_int_equal(n->bytes[21], 13);
	assert_memory_equal(n->bytes + 12, a.b, 4);
	assert_memory_equal(n->bytes + 28 + 16, a.b, 4);
}

#define bed_test(f) cmocka_unit_test_setup_teardown(f, bed_setup, bed_teardown)

#endif
