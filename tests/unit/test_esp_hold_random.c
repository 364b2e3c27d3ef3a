/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Random operations on an engine that holds: against a plain list that follows the same rules, and,
 * with little memory and rules that change, for what must be so whatever happens. The counters add
 * up after each operation.
 */
#include <stdint.h>
#include <stdlib.h>

#include "base/rng.h"
#include "tests/unit/hold_parts.h"

#define SEEDS 100
#define STEPS 600
#define FLOWS 24
#define FLOW_MAX 64

enum what {
	WHAT_SYN,
	WHAT_ACK,
	WHAT_RST,
	WHAT_UDP,
};

struct item {
	unsigned flow;
	enum what what;
	uint32_t number; /* what the packet bears: of a SYN the initial sequence number */
	uint8_t version; /* tells two equal SYNs apart */
	vtime at;
};

static const unsigned slots[] = { SLOT, OTHER_SLOT, HOST_SLOT, FLOW_SLOT };

static unsigned slot_of(unsigned flow)
{
	return slots[flow % ARRAY_SIZE(slots)];
}

static struct slice item_bytes(uint8_t buf[60], const struct item *it)
{
	static const char *const hosts[] = { "10.2.0.1", "10.3.0.1", "10.4.0.1", "10.5.0.1" };
	static const uint8_t flags[] = { PACKET_TCP_SYN, PACKET_TCP_ACK, PACKET_TCP_RST };
	const char *dst = hosts[it->flow % ARRAY_SIZE(slots)];
	uint16_t port = (uint16_t)(100 + it->flow);
	struct slice s;

	if (it->what == WHAT_UDP) {
		s = numbered_udp(buf, dst, port, it->number);
		put_be16(buf + 20, port);
	} else {
		s = parts_tcp4(buf, "10.1.0.5", dst, port, flags[it->what], it->number);
	}
	buf[8] = it->version;
	return s;
}

static struct item any_item(struct rng *r, vtime now, uint32_t *next)
{
	struct item it = { .flow = (unsigned)rng_below(r, FLOWS), .at = now };

	/* An even flow is UDP. Sometimes what came before comes again. */
	it.what = it.flow / 4 % 2 ? (enum what)rng_below(r, 3) : WHAT_UDP;
	if (it.what == WHAT_RST && rng_below(r, 4))
		it.what = WHAT_ACK;
	it.number = rng_below(r, 3) ? ++*next : *next - (uint32_t)rng_below(r, 20);
	it.version = (uint8_t)(1 + rng_below(r, 200));
	return it;
}

/* ---- the plain list ---- */

struct model {
	struct item held[FLOWS * FLOW_MAX];
	unsigned n;
	struct item sent[BED_SLOTS][SENT_MAX / 8];
	unsigned nsent[BED_SLOTS];
	unsigned told;
	bool sa[BED_SLOTS];
	vtime refused[BED_SLOTS];
	uint64_t released, replaced, expired, dropped;
};

static void model_remove(struct model *m, unsigned at)
{
	memmove(m->held + at, m->held + at + 1, (--m->n - at) * sizeof(m->held[0]));
}

static void model_send(struct model *m, const struct item *it)
{
	unsigned slot = slot_of(it->flow);

	assert_true(m->nsent[slot] < ARRAY_SIZE(m->sent[slot]));
	m->sent[slot][m->nsent[slot]++] = *it;
}

static void model_hold(struct model *m, const struct item *it)
{
	unsigned of_flow = 0, first = 0;

	for (unsigned i = m->n; i-- > 0;) {
		struct item *h = &m->held[i];

		if (h->flow != it->flow)
			continue;
		of_flow++;
		first = i;
		if ((it->what == WHAT_SYN || it->what == WHAT_UDP) && h->what == it->what &&
		    h->number == it->number) {
			m->replaced++;
			if (it->what == WHAT_SYN)
				h->version = it->version;
			return;
		}
	}
	for (unsigned i = m->n; it->what == WHAT_RST && i-- > 0;) {
		if (m->held[i].flow == it->flow) {
			model_remove(m, i);
			m->dropped++;
		}
	}
	if (it->what != WHAT_RST && of_flow == FLOW_MAX) {
		model_remove(m, first);
		m->dropped++;
	}
	m->held[m->n++] = *it;
}

static void model_put(struct model *m, vtime now, const struct item *it)
{
	unsigned slot = slot_of(it->flow);

	if (m->sa[slot])
		model_send(m, it);
	else if (m->refused[slot] > now)
		m->told++;
	else
		model_hold(m, it);
}

static bool model_is_newest(const struct model *m, unsigned at)
{
	for (unsigned i = at + 1; i < m->n; i++)
		if (m->held[i].flow == m->held[at].flow)
			return false;
	return true;
}

static void model_release(struct model *m, vtime now)
{
	bool told[FLOWS] = { 0 };

	for (unsigned i = 0; i < m->n;) {
		struct item *h = &m->held[i];
		unsigned slot = slot_of(h->flow);

		if (h->at + HOLD_AGE <= now) {
			m->expired++;
			m->told += model_is_newest(m, i);
		} else if (m->sa[slot]) {
			model_send(m, h);
			m->released++;
		} else if (m->refused[slot] > now) {
			m->told += !told[h->flow];
			told[h->flow] = true;
			m->dropped++;
		} else {
			i++;
			continue;
		}
		model_remove(m, i);
	}
}

static void expect_model(const struct bed *b, const struct model *m)
{
	const struct hold_counters *c = outbound_held(b->o);

	assert_int_equal(c->packets, m->n);
	assert_int_equal(c->released, m->released);
	assert_int_equal(c->replaced, m->replaced);
	assert_int_equal(c->expired, m->expired);
	assert_int_equal(c->dropped, m->dropped);
	assert_int_equal(b->ntold, m->told);
}

/* Slot by slot just what the list sent, in its order. */
static void expect_sent(const struct bed *b, const struct model *m)
{
	for (unsigned i = 0; i < ARRAY_SIZE(slots); i++) {
		unsigned slot = slots[i], n = 0;

		for (unsigned k = 0; k < b->nsent; k++) {
			uint8_t buf[60];
			struct slice want;

			if (b->sent[k].spi != 0x1000 + slot)
				continue;
			assert_true(n < m->nsent[slot]);
			want = item_bytes(buf, &m->sent[slot][n++]);
			assert_int_equal(b->sent[k].len, want.n);
			assert_memory_equal(b->sent[k].bytes, want.p, want.n);
		}
		assert_int_equal(n, m->nsent[slot]);
	}
}

static void step(struct bed *b, struct model *m, struct rng *r, uint32_t *next)
{
	unsigned slot = slots[rng_below(r, ARRAY_SIZE(slots))];
	struct data_event e;
	struct item it;
	uint8_t buf[60];

	switch (rng_below(r, 40)) {
	case 0:
		bed_sa(b, slot, 0);
		m->sa[slot] = true;
		break;
	case 1:
	case 2:
		classifier_set_current(b->c, slot, NULL);
		m->sa[slot] = false;
		break;
	case 3:
		m->refused[slot] = rng_below(r, 2) ? 0 : b->now + 3 * VTIME_S;
		classifier_set_refused(b->c, slot, m->refused[slot]);
		break;
	case 4:
		b->now += rng_below(r, 8 * VTIME_S);
		break;
	default:
		it = any_item(r, b->now, next);
		bed_send(b, item_bytes(buf, &it));
		model_put(m, b->now, &it);
		break;
	}
	bed_release(b);
	model_release(m, b->now);
	expect_model(b, m);
	while (bed_event(b, &e))
		assert_int_equal(e.type, DATA_NEED_SA);
}

static void the_plain_list_does_the_same(void **state)
{
	struct model *m = xcalloc(1, sizeof(*m));

	for (unsigned seed = 1; seed <= SEEDS; seed++) {
		struct bed *b = bed_new_with(HOLD_BYTES);
		struct rng_seed s;
		struct rng r = rng_seeded(&s, seed);
		uint32_t next = 100;

		memset(m, 0, sizeof(*m));
		for (unsigned i = 0; i < STEPS; i++)
			step(b, m, &r, &next);
		expect_sent(b, m);
		bed_close(b);
	}
	free(m);
}

/* ---- little memory, other rules ---- */

/* The same networks behind other slots, or behind none. */
static void other_rules(struct bed *b, struct rng *r)
{
	for (unsigned i = 0; i < b->policy->n; i++) {
		struct policy_rule *rule = &b->policy->rules[i];

		if (rng_below(r, 2))
			continue;
		rule->slot = slots[rng_below(r, ARRAY_SIZE(slots))];
		rule->granularity = (enum policy_granularity)rng_below(r, 3);
		rule->action = rng_below(r, 8) ? POLICY_PROTECT : POLICY_DISCARD;
	}
	bed_publish(b);
}

static void wild_packet(struct bed *b, struct rng *r, uint32_t *number)
{
	static const char *const hosts[] = { "10.2.0.1", "10.3.0.1", "10.4.0.1", "10.5.0.1" };
	static uint8_t buf[1500];
	uint16_t len = (uint16_t)(60 + rng_below(r, 2) * rng_below(r, 1400));

	parts_udp4(buf, "10.1.0.5", hosts[rng_below(r, 4)], (uint16_t)rng_below(r, 4), len);
	put_be32(buf + 28, ++*number);
	bed_send(b, slice(buf, len));
}

static void wild_step(struct bed *b, struct rng *r, uint32_t *number)
{
	unsigned slot = slots[rng_below(r, ARRAY_SIZE(slots))];

	switch (rng_below(r, 30)) {
	case 0:
		bed_sa(b, slot, rng_below(r, 2) ? 0 : 700);
		break;
	case 1:
	case 2:
		classifier_set_current(b->c, slot, NULL);
		break;
	case 3:
		classifier_set_refused(b->c, slot,
				       rng_below(r, 3) ? 0 : b->now + rng_below(r, VTIME_S));
		break;
	case 4:
		b->now += rng_below(r, 4 * VTIME_S);
		break;
	case 5:
		other_rules(b, r);
		break;
	case 6:
	case 7:
	case 8:
		bed_release_once(b);
		break;
	default:
		wild_packet(b, r, number);
		break;
	}
	assert_true(outbound_held(b->o)->bytes <= 20 << 10);
}

/* No number twice, and none behind a later one of its flow. Fragments other than the first: no. */
static void expect_order(const struct bed *b)
{
	uint32_t last[256][4] = { 0 };

	for (unsigned i = 0; i < b->nsent; i++) {
		const struct noted *n = &b->sent[i];
		uint32_t *before = &last[n->bytes[17]][get_be16(n->bytes + 22) % 4];

		if ((get_be16(n->bytes + 6) & 0x1fff) != 0)
			continue;
		assert_true(noted_number(n) > *before);
		*before = noted_number(n);
	}
}

static void whatever_happens_the_order_holds(void **state)
{
	for (unsigned seed = 1; seed <= SEEDS; seed++) {
		struct bed *b = bed_new_with(20 << 10);
		struct rng_seed s;
		struct rng r = rng_seeded(&s, seed);
		struct data_event e;
		uint32_t number = 0;

		for (unsigned i = 0; i < STEPS; i++) {
			wild_step(b, &r, &number);
			if (rng_below(&r, 4) == 0)
				outbound_output(b->o, &e);
		}
		bed_release(b);
		assert_true(b->nsent > 0);
		expect_order(b);
		b->now += HOLD_AGE;
		bed_release(b);
		assert_int_equal(outbound_held(b->o)->packets, 0);
		bed_close(b);
	}
}

static int set_up(void **state)
{
	return crypto_init();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_plain_list_does_the_same),
		cmocka_unit_test(whatever_happens_the_order_holds),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
