/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/support/ike_pair.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

/* End 0 asks whether end 1 is there. */
static struct pair pair;
static struct pair *const p = &pair;
static struct pair_end *const a = &pair.end[0];
static struct pair_end *const b = &pair.end[1];

static int setup(void **state)
{
	assert_int_equal(crypto_init(), 0);
	pair_init(p, 1);
	pair_start(p, 0, IKE_EVENT_START);
	pair_pump(p);
	return pair_is_up(p) ? 0 : -1;
}

static int teardown(void **state)
{
	pair_free(p);
	return secret_pool_used() == 0 ? 0 : -1;
}

static void probe(unsigned end)
{
	const struct ike_event ev = { .type = IKE_EVENT_PROBE };

	pair_event(p, end, &ev);
}

static bool lose_all(struct pair *pp, struct pair_datagram *d, unsigned n)
{
	return false;
}

/* The notify in a message that one end has sent, opened with the keys of both. */
static struct notify_payload opened(const struct pair_datagram *d, uint8_t buf[IKE_MESSAGE_MAX])
{
	struct notify_payload n = { 0 };
	struct ike_msg m, in;

	assert_int_equal(ike_msg_parse(slice(d->bytes, d->n), &m), 0);
	assert_int_equal(m.h.exchange, ISAKMP_INFORMATIONAL);
	assert_true(v1_info_open(pair_sa(p, 0), pair_sa(p, 0)->last_block, &m, buf, &in));
	assert_int_equal(notify_parse(ike_msg_body(&in, PAYLOAD_NOTIFY), &n), 0);
	return n;
}

/* A notify as the other end would send it to end 0. */
static void inject_notify(uint16_t type, struct slice data, bool encrypted)
{
	const struct notify_payload n = { .protocol = PROTOCOL_ISAKMP, .type = type, .data = data };
	const struct protect_hash hash = { .number = 1 };
	struct ike_sa *sa = pair_sa(p, 1);
	struct ike_header h = sa_header(sa, ISAKMP_INFORMATIONAL, rng_u32(&p->rng));
	struct pair_datagram d = { .source = 1, .from = b->address, .to = a->address };
	uint8_t iv[PROTECT_BLOCK];
	struct ike_writer w;

	d.from.port = d.to.port = IKE_NATT_PORT;
	if (encrypted) {
		protect_iv_phase2(&sa->keys, sa->last_block, h.id, iv);
		protect_begin(&w, d.bytes, sizeof(d.bytes), &h, sa->suite.hash);
		notify_write(&w, &n);
		d.n = protect_finish(&w, &sa->keys, &hash, h.id, iv).n;
	} else {
		ike_write_header(&w, d.bytes, sizeof(d.bytes), &h);
		notify_write(&w, &n);
		d.n = ike_write_done(&w).n;
	}
	pair_inject(p, &d);
}

static void answered(void **state)
{
	uint8_t buf[IKE_MESSAGE_MAX], buf2[IKE_MESSAGE_MAX], cookies[16];
	struct notify_payload n;

	probe(0);
	pair_pump(p);
	assert_int_equal(a->nalive, 1);
	assert_int_equal(b->nalive, 1); /* to be asked is a sign of life, too */
	assert_int_equal(a->nsent, 3 + 1);
	assert_int_equal(b->nsent, 3 + 1);
	n = opened(&p->sent[6], buf);
	sa_cookies(pair_sa(p, 0), cookies);
	assert_int_equal(n.type, NOTIFY_R_U_THERE);
	assert_int_equal(n.protocol, PROTOCOL_ISAKMP);
	assert_true(slice_eq(n.spi, SLICE_OF(cookies)));
	assert_int_equal(n.data.n, 4);
	assert_true(slice_eq(opened(&p->sent[7], buf2).data, n.data));
	assert_int_equal(opened(&p->sent[7], buf2).type, NOTIFY_R_U_THERE_ACK);
	pair_run(p, p->now + 60 * VTIME_S);
	assert_int_equal(a->nsilent, 0);
	assert_int_equal(a->nsent, 3 + 1);
	/* The other end can ask as well. */
	probe(1);
	pair_pump(p);
	assert_int_equal(b->nalive, 2);
	assert_int_equal(a->nalive, 2);
}

/* Exactly then, each in a message of its own, and half of the time-out in all. */
static void silence(void **state)
{
	static const unsigned at_ms[] = { 0, 500, 1500, 3500, 7500 };
	uint8_t buf[IKE_MESSAGE_MAX], first[4], again[4];
	vtime began = p->now;

	p->passes = lose_all;
	probe(0);
	for (unsigned k = 1; k < ARRAY_SIZE(at_ms); k++) {
		pair_run(p, began + at_ms[k] * VTIME_MS - 1);
		assert_int_equal(a->nsent, 3 + k);
		pair_run(p, began + at_ms[k] * VTIME_MS);
		assert_int_equal(a->nsent, 3 + k + 1);
	}
	pair_run(p, began + 15 * VTIME_S - 1);
	assert_int_equal(a->nsilent, 0);
	pair_run(p, began + 15 * VTIME_S);
	assert_int_equal(a->nsilent, 1);
	memcpy(first, opened(&p->sent[6], buf).data.p, 4);
	for (unsigned k = 7; k < p->nsent; k++) {
		memcpy(again, opened(&p->sent[k], buf).data.p, 4);
		assert_memory_equal(first, again, 4);
		assert_memory_not_equal(p->sent[k].bytes + 20, p->sent[k - 1].bytes + 20, 4);
	}
	pair_run(p, began + 60 * VTIME_S);
	assert_int_equal(a->nsilent, 1);
	assert_int_equal(a->nsent, 3 + ARRAY_SIZE(at_ms));
	/* That is all: what it means is for the session to say. */
	assert_true(pair_is_up(p));
	p->passes = NULL;
	probe(0);
	pair_pump(p);
	assert_int_equal(a->nalive, 1);
	assert_int_equal(get_be32(opened(&p->sent[p->nsent - 1], buf).data.p), get_be32(first) + 1);
}

static unsigned passes_from;

static bool lose_first(struct pair *pp, struct pair_datagram *d, unsigned n)
{
	return n >= passes_from;
}

static void late_answers(void **state)
{
	for (passes_from = 3; passes_from < 3 + 5; passes_from++) {
		unsigned before = a->nalive;

		p->passes = lose_first;
		a->nsent = 3;
		probe(0);
		pair_run(p, p->now + 20 * VTIME_S);
		assert_int_equal(a->nalive, before + 1);
		assert_int_equal(a->nsilent, 0);
		b->nsent = 20;
	}
}

static bool one_way(struct pair *pp, struct pair_datagram *d, unsigned n)
{
	return d->source == 1;
}

/* Whatever is new and authentic is a sign of life; the probe ends without a word then. */
static void other_signs_of_life(void **state)
{
	p->passes = one_way;
	probe(0);
	pair_run(p, p->now + 10 * VTIME_S);
	assert_int_equal(a->nalive, 0);
	probe(1);
	pair_run(p, p->now + 60 * VTIME_S);
	assert_true(a->nalive > 0);
	assert_int_equal(a->nsilent, 0);
	assert_int_equal(b->nalive, 0);
	assert_int_equal(b->nsilent, 1);
}

/* A peer holds the IVs of three exchanges: a quick mode in the air is not to be pushed out. */
static void quick_mode_goes_first(void **state)
{
	unsigned notifies = 0;
	struct ike_msg m;

	p->passes = lose_all;
	probe(0);
	pair_child(p, 0);
	pair_run(p, p->now + 29 * VTIME_S);
	for (unsigned k = 6; k < p->nsent; k++) {
		assert_int_equal(ike_msg_parse(slice(p->sent[k].bytes, p->sent[k].n), &m), 0);
		notifies += m.h.exchange == ISAKMP_INFORMATIONAL;
	}
	assert_int_equal(notifies, 1);
	assert_true(p->nsent > 6 + 10);
	assert_int_equal(a->nsilent, 1);
}

static void one_at_a_time(void **state)
{
	p->passes = lose_all;
	probe(0);
	probe(0);
	pair_run(p, p->now + 100 * VTIME_MS);
	probe(0);
	assert_int_equal(a->nsent, 3 + 1);
	pair_run(p, p->now + 60 * VTIME_S);
	assert_int_equal(a->nsilent, 1);
}

static void wrong_numbers(void **state)
{
	uint8_t number[4];
	vtime began = p->now;
	uint32_t right;

	put_be32(number, 77);
	inject_notify(NOTIFY_R_U_THERE_ACK, SLICE_OF(number), true);
	assert_int_equal(pair_drops(p, 0, DROP_IKE_UNEXPECTED), 1);
	p->passes = lose_all;
	probe(0);
	right = pair_sa(p, 0)->probe.sequence;
	put_be32(number, right - 1);
	inject_notify(NOTIFY_R_U_THERE_ACK, SLICE_OF(number), true);
	put_be32(number, right + 1);
	inject_notify(NOTIFY_R_U_THERE_ACK, SLICE_OF(number), true);
	put_be32(number, right);
	inject_notify(NOTIFY_R_U_THERE_ACK, slice(number, 3), true);
	inject_notify(NOTIFY_R_U_THERE_ACK, SLICE_OF(number), false);
	assert_int_equal(a->nalive, 0);
	assert_int_equal(pair_drops(p, 0, DROP_IKE_UNEXPECTED), 4);
	assert_int_equal(pair_drops(p, 0, DROP_IKE_UNPROTECTED), 1);
	inject_notify(NOTIFY_R_U_THERE_ACK, SLICE_OF(number), true);
	assert_int_equal(a->nalive, 1);
	/* Once is enough: the same number is a wrong one afterwards. */
	inject_notify(NOTIFY_R_U_THERE_ACK, SLICE_OF(number), true);
	assert_int_equal(a->nalive, 1);
	pair_run(p, began + 60 * VTIME_S);
	assert_int_equal(a->nsilent, 0);
}

/* The same words said again prove nothing. */
static void recordings(void **state)
{
	struct pair_datagram asked, ack;

	probe(0);
	pair_pump(p);
	asked = p->sent[6];
	ack = p->sent[7];
	probe(0);
	pair_pump(p);
	assert_int_equal(a->nalive, 2);
	assert_int_equal(b->nalive, 2);
	pair_inject(p, &asked);
	pair_inject(p, &ack);
	assert_int_equal(a->nalive, 2);
	assert_int_equal(b->nalive, 2);
	assert_int_equal(b->nsent, 3 + 2);
}

static void needs_an_sa(void **state)
{
	pair_start(p, 0, IKE_EVENT_START);
	probe(0);
	pair_event(p, 0, &(struct ike_event){ .type = IKE_EVENT_CLOSE });
	probe(0);
	assert_true(ike_deadline(pair_sa(p, 0)) == VTIME_NEVER);
	pair_pump(p);
	assert_int_equal(a->nsilent, 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(answered),
		T(silence),
		T(late_answers),
		T(other_signs_of_life),
		T(quick_mode_goes_first),
		T(one_at_a_time),
		T(wrong_numbers),
		T(recordings),
		T(needs_an_sa),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
