/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/support/ike_pair.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

/* Phase 1 and phase 2 anew beside what there is, begun by either end or by both. */
static struct pair pair;
static struct pair *const p = &pair;
static struct pair_end *const a = &pair.end[0];
static struct pair_end *const b = &pair.end[1];

static int setup(void **state)
{
	assert_int_equal(crypto_init(), 0);
	pair_init(p, 1);
	return 0;
}

static int teardown(void **state)
{
	pair_free(p);
	return secret_pool_used() == 0 ? 0 : -1;
}

static void again(uint64_t seed)
{
	pair_free(p);
	pair_init(p, seed);
}

static void up(void)
{
	pair_start(p, 0, IKE_EVENT_START);
	pair_pump(p);
	assert_true(pair_is_up(p));
	pair_child(p, 0);
	assert_int_equal(a->nup, 1);
}

static bool has_notify(const struct ike_msg *m, uint16_t type)
{
	for (const struct ike_payload *q = ike_msg_find(m, PAYLOAD_NOTIFY); q;
	     q = ike_msg_find_next(m, q)) {
		struct notify_payload n;

		if (notify_parse(q->body, &n) == 0 && n.type == type)
			return true;
	}
	return false;
}

static unsigned contacts;

/* Looks into message 5, with the IV that the SA has at that time. */
static bool count_contacts(struct pair *pp, struct pair_datagram *d, unsigned n)
{
	struct ike_sa *sa = pair_sa(pp, 1 - d->source);
	uint8_t buf[IKE_MESSAGE_MAX], next[PROTECT_BLOCK];
	struct ike_msg m, in;

	assert_int_equal(ike_msg_parse(slice(d->bytes, d->n), &m), 0);
	if (m.h.exchange != ISAKMP_MAIN || !(m.h.flags & ISAKMP_ENCRYPTED) ||
	    sa->main.x.step != 4 || !sa->responder)
		return true;
	assert_int_equal(protect_open(&sa->keys, sa->main.x.iv, &m, buf, &in, next), 0);
	assert_non_null(ike_msg_find(&in, PAYLOAD_ID));
	contacts += has_notify(&in, NOTIFY_INITIAL_CONTACT);
	return true;
}

static void phase_1_by_either_end(void **state)
{
	for (unsigned end = 0; end < 2; end++) {
		unsigned first;

		again(end);
		contacts = 0;
		p->passes = count_contacts;
		up();
		assert_int_equal(contacts, 1);
		first = p->nsent;
		pair_start(p, end, IKE_EVENT_REKEY);
		pair_pump(p);
		assert_true(pair_is_up(p));
		assert_int_equal(contacts, 1); /* not again */
		assert_int_equal(a->nsa, 2);
		assert_int_equal(b->nsa, 2);
		assert_int_equal(a->nestablished, 2);
		for (unsigned k = first; k < p->nsent; k++) {
			assert_int_equal(p->sent[k].from.port, IKE_NATT_PORT);
			assert_int_equal(p->sent[k].to.port, IKE_NATT_PORT);
		}
		assert_int_equal(a->nat.nat.path.local.port, IKE_NATT_PORT);
		assert_int_equal(b->nat.nat.path.remote.port, IKE_NATT_PORT);
		/* Children come about over the new SA, and the old one still receives. */
		pair_child(p, 0);
		pair_child(p, 1);
		assert_int_equal(a->nup, 3);
		for (unsigned k = 0; k < 3; k++)
			assert_true(pair_children_match(&a->up[k], &b->up[k]));
		ike_event(a->sa[0], p->now, &(struct ike_event){ .type = IKE_EVENT_CLOSE });
		pair_run(p, p->now + VTIME_S);
		assert_true(pair_is_up(p));
	}
}

/* A Delete for a child of the old SA over the new one; then the old SA is closed. */
static void children_go_over(void **state)
{
	struct ike_event ev = { .type = IKE_EVENT_CHILD_DELETE };

	up();
	pair_start(p, 1, IKE_EVENT_REKEY);
	pair_pump(p);
	assert_true(pair_is_up(p));
	ev.spi = a->up[0].spi_in;
	pair_event(p, 0, &ev);
	pair_pump(p);
	assert_int_equal(b->ndeleted, 1);
	assert_int_equal(b->deleted[0], b->up[0].spi_out);
}

static unsigned lost_mask;

static bool lose(struct pair *pp, struct pair_datagram *d, unsigned n)
{
	unsigned bit = n < 5 ? 99 : 2 * (n - 5) + d->source;

	return bit >= 12 || !(lost_mask & (1u << bit));
}

/* Both begin at the same time, and some datagrams are lost: two SAs, the same at both ends. */
static void phase_1_by_both(void **state)
{
	for (lost_mask = 0; lost_mask < 4096; lost_mask += 111) {
		struct ike_sa *ours, *theirs;

		again(lost_mask);
		up();
		p->passes = lose;
		ours = pair_start(p, 0, IKE_EVENT_REKEY);
		theirs = pair_start(p, 1, IKE_EVENT_REKEY);
		pair_run(p, p->now + 30 * VTIME_S);
		assert_int_equal(a->nsa, 3);
		assert_int_equal(b->nsa, 3);
		assert_int_equal(a->nestablished, 3);
		assert_int_equal(b->nestablished, 3);
		assert_int_equal(a->ndead + b->ndead, 0);
		assert_int_equal(a->sa[1], ours);
		assert_true(slice_eq(ike_sa_cipher_key(a->sa[1]), ike_sa_cipher_key(b->sa[2])));
		assert_true(slice_eq(ike_sa_cipher_key(a->sa[2]), ike_sa_cipher_key(theirs)));
		assert_false(slice_eq(ike_sa_cipher_key(a->sa[1]), ike_sa_cipher_key(a->sa[2])));
	}
}

/* Quick modes that cross on one SA. */
static void phase_2_by_both(void **state)
{
	for (lost_mask = 0; lost_mask < 4096; lost_mask += 111) {
		struct ike_event ev = { .type = IKE_EVENT_CHILD };

		again(lost_mask);
		up();
		p->passes = lose;
		for (unsigned end = 0; end < 2; end++) {
			ev.child.id = ev.child.spi = p->end[end].spi++;
			ev.child.config = &p->end[end].child;
			pair_event(p, end, &ev);
		}
		pair_run(p, p->now + 30 * VTIME_S);
		assert_int_equal(a->nup, 3);
		assert_int_equal(b->nup, 3);
		assert_int_equal(a->nfailed + b->nfailed, 0);
		for (unsigned k = 1; k < 3; k++)
			assert_true(pair_children_match(&a->up[k], &b->up[1]) ||
				    pair_children_match(&a->up[k], &b->up[2]));
	}
}

/* Both connect for the first time at once. */
static void first_contact_by_both(void **state)
{
	pair_start(p, 0, IKE_EVENT_START);
	pair_start(p, 1, IKE_EVENT_START);
	pair_pump(p);
	assert_int_equal(a->nestablished, 2);
	assert_int_equal(b->nestablished, 2);
	assert_true(slice_eq(ike_sa_cipher_key(a->sa[0]), ike_sa_cipher_key(b->sa[1])));
}

/* Whose datagram is it? */
static void ownership(void **state)
{
	struct pair_datagram *d = p->sent;
	struct ike_sa *fresh = ike_sa_new(&a->config, &p->rng, &p->log);

	up();
	pair_start(p, 0, IKE_EVENT_REKEY);
	pair_pump(p);
	for (unsigned k = 0; k < p->nsent; k++) {
		struct slice bytes = slice(d[k].bytes, d[k].n);
		bool old = k < 9;

		assert_int_equal(ike_sa_owns(b->sa[0], bytes), old);
		assert_int_equal(ike_sa_owns(b->sa[1], bytes), !old);
		/* The first message has no cookie of the responder: not for who sent it. */
		assert_int_equal(ike_sa_owns(a->sa[0], bytes), old && k != 0);
		assert_int_equal(ike_sa_owns(a->sa[1], bytes), !old && k != 9);
		assert_int_equal(ike_is_first_message(bytes), k == 0 || k == 9);
		assert_false(ike_sa_owns(fresh, bytes));
	}
	assert_false(ike_sa_owns(a->sa[0], slice(d[3].bytes, 15)));
	assert_true(ike_sa_owns(a->sa[0], slice(d[3].bytes, 16)));
	assert_false(ike_sa_owns(fresh, SLICE_NONE));
	pair_event(p, 0, &(struct ike_event){ .type = IKE_EVENT_CLOSE });
	assert_false(ike_sa_owns(a->sa[1], slice(d[10].bytes, d[10].n)));
	ike_sa_free(fresh);
}

/* Rekeyed every minute by turns for a day: nothing is left behind. */
static void for_a_day(void **state)
{
	size_t used = 0;

	up();
	for (unsigned k = 0; k < 1440; k++) {
		unsigned end = k % 2;

		pair_start(p, end, IKE_EVENT_REKEY);
		pair_pump(p);
		assert_true(pair_is_up(p));
		pair_child(p, 1 - end);
		assert_int_equal(a->nup, 2);
		assert_true(pair_children_match(&a->up[1], &b->up[1]));
		for (unsigned e = 0; e < 2; e++) {
			struct pair_end *x = &p->end[e];

			ike_event(x->sa[0], p->now, &(struct ike_event){ .type = IKE_EVENT_CLOSE });
			ike_sa_free(x->sa[0]);
			x->sa[0] = x->sa[1];
			x->nsa = 1;
			ike_child_free(&x->up[0]);
			x->up[0] = x->up[1];
			x->nup = 1;
		}
		if (k == 0)
			used = secret_pool_used();
		assert_int_equal(secret_pool_used(), used);
		pair_run(p, p->now + 60 * VTIME_S);
	}
	assert_int_equal(a->nfailed + b->nfailed, 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(phase_1_by_either_end),
		T(children_go_over),
		T(phase_1_by_both),
		T(phase_2_by_both),
		T(first_contact_by_both),
		T(ownership),
		T(for_a_day),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
