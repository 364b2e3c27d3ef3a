/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/support/ike_pair.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

/* What end 1, or somebody in its place, tells end 0 of its own accord. */
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

static struct ike_header info_begin(struct pair_datagram *d, struct ike_writer *w, bool encrypted)
{
	struct ike_sa *sa = pair_sa(p, 1);
	struct ike_header h = sa_header(sa, ISAKMP_INFORMATIONAL, rng_u32(&p->rng));

	*d = (struct pair_datagram){ .source = 1, .from = b->address, .to = a->address };
	d->from.port = d->to.port = IKE_NATT_PORT;
	if (encrypted)
		protect_begin(w, d->bytes, sizeof(d->bytes), &h, sa->suite.hash);
	else
		ike_write_header(w, d->bytes, sizeof(d->bytes), &h);
	return h;
}

static void info_seal(struct pair_datagram *d, struct ike_writer *w, uint32_t id)
{
	const struct protect_hash hash = { .number = 1 };
	struct ike_sa *sa = pair_sa(p, 1);
	uint8_t iv[PROTECT_BLOCK];

	protect_iv_phase2(&sa->keys, sa->last_block, id, iv);
	d->n = protect_finish(w, &sa->keys, &hash, id, iv).n;
	assert_true(d->n > 0);
}

static void inject_notify(uint16_t type, uint32_t spi, bool encrypted)
{
	struct notify_payload n = { .protocol = PROTOCOL_ESP, .type = type };
	struct pair_datagram d;
	struct ike_writer w;
	struct ike_header h = info_begin(&d, &w, encrypted);
	uint8_t bytes[4];

	put_be32(bytes, spi);
	if (spi)
		n.spi = SLICE_OF(bytes);
	notify_write(&w, &n);
	if (encrypted)
		info_seal(&d, &w, h.id);
	else
		d.n = ike_write_done(&w).n;
	pair_inject(p, &d);
}

/* ---- lives ---- */

static void inject_lifetime(uint32_t seconds)
{
	struct pair_datagram d;
	struct ike_writer w;
	struct ike_header h = info_begin(&d, &w, true);
	uint8_t cookies[2 * IKE_COOKIE_SIZE];

	sa_cookies(pair_sa(p, 1), cookies);
	notify_write_lifetime(&w, PROTOCOL_ISAKMP, SLICE_OF(cookies), seconds);
	info_seal(&d, &w, h.id);
	pair_inject(p, &d);
	pair_pump(p);
}

static vtime life_left(void)
{
	struct ike_sa_info info;

	ike_sa_info(pair_sa(p, 0), &info);
	return info.expires_at - p->now;
}

/* However short the peer makes it, and however late: there is time to renew. */
static void a_life_that_is_shortened(void **state)
{
	vtime whole = life_left();

	inject_lifetime((uint32_t)(whole / VTIME_S) + 1);
	assert_true(life_left() == whole);
	inject_lifetime(600);
	assert_true(life_left() == 600 * VTIME_S);
	pair_run(p, p->now + 300 * VTIME_S);
	inject_lifetime(200);
	assert_true(life_left() == 60 * VTIME_S);
	pair_run(p, p->now + 30 * VTIME_S);
	inject_lifetime(1);
	assert_true(life_left() == 30 * VTIME_S);
	assert_int_equal(a->ndead, 0);
	pair_run(p, p->now + 31 * VTIME_S);
	assert_int_equal(a->ndead, 1);
}

/* ---- hints ---- */

static void forged_hints(void **state)
{
	unsigned sent = p->nsent;

	inject_notify(NOTIFY_INVALID_SPI, 0, false);
	assert_int_equal(a->nhints, 1);
	assert_int_equal(a->nalive, 0);
	/* A flood is one hint a second. */
	for (unsigned k = 0; k < 100; k++)
		inject_notify(k & 1 ? NOTIFY_INVALID_SPI : NOTIFY_INVALID_COOKIE, k, false);
	assert_int_equal(a->nhints, 1);
	pair_run(p, p->now + VTIME_S - 1);
	inject_notify(NOTIFY_INVALID_COOKIE, 0, false);
	assert_int_equal(a->nhints, 1);
	pair_run(p, p->now + 1);
	inject_notify(NOTIFY_INVALID_COOKIE, 0, false);
	assert_int_equal(a->nhints, 2);
	pair_run(p, p->now + VTIME_S);
	/* Other errors without a signature are nothing at all. */
	inject_notify(NOTIFY_NO_PROPOSAL_CHOSEN, 0, false);
	inject_notify(NOTIFY_AUTHENTICATION_FAILED, 0, false);
	inject_notify(NOTIFY_PAYLOAD_MALFORMED, 0, false);
	assert_int_equal(a->nhints, 2);
	assert_int_equal(a->nalive, 0);
	assert_int_equal(p->nsent, sent);
	assert_true(pair_is_up(p));
	assert_int_equal(pair_drops(p, 0, DROP_IKE_UNPROTECTED), 106);
}

static void authentic_hints(void **state)
{
	static const uint16_t types[] = { NOTIFY_INVALID_SPI, NOTIFY_INVALID_COOKIE,
					  NOTIFY_NO_PROPOSAL_CHOSEN, NOTIFY_PAYLOAD_MALFORMED,
					  NOTIFY_AUTHENTICATION_FAILED };

	for (unsigned k = 0; k < ARRAY_SIZE(types); k++) {
		inject_notify(types[k], k & 1 ? 0x1234 : 0, true);
		assert_int_equal(a->nhints, k + 1);
		assert_int_equal(a->nalive, k + 1);
		pair_run(p, p->now + VTIME_S);
	}
	assert_true(pair_is_up(p));
	/* Status is no error. */
	inject_notify(NOTIFY_INITIAL_CONTACT, 0, true);
	assert_int_equal(a->nhints, ARRAY_SIZE(types));
}

static bool lose_all(struct pair *pp, struct pair_datagram *d, unsigned n)
{
	return false;
}

/* A quick mode in the air is refused by what names it, and by nothing that is about another SPI. */
static void hints_leave_quick_mode_alone(void **state)
{
	p->passes = lose_all;
	pair_child(p, 0);
	inject_notify(NOTIFY_INVALID_SPI, 0, true);
	inject_notify(NOTIFY_INVALID_COOKIE, 0, true);
	inject_notify(NOTIFY_INVALID_SPI, 0x5555, true);
	assert_int_equal(a->nhints, 1);
	pair_run(p, p->now + 10 * VTIME_S);
	assert_int_equal(a->nfailed, 0);
	inject_notify(NOTIFY_INVALID_SPI, 0x1000, true);
	assert_int_equal(a->nfailed, 1);
	assert_int_equal(a->nhints, 1);
}

/* ---- Deletes ---- */

static void inject_deletes(unsigned n, unsigned payloads)
{
	struct pair_datagram d;
	struct ike_writer w;
	struct ike_header h = info_begin(&d, &w, true);
	unsigned spi = 0;

	for (unsigned k = 0; k < payloads; k++) {
		ike_write_payload(&w, PAYLOAD_DELETE);
		wr_u32(&w.w, IPSEC_DOI);
		wr_u8(&w.w, PROTOCOL_ESP);
		wr_u8(&w.w, 4);
		wr_u16(&w.w, (uint16_t)(n / payloads));
		for (unsigned j = 0; j < n / payloads; j++)
			wr_u32(&w.w, 0x7000 + spi++);
	}
	info_seal(&d, &w, h.id);
	pair_inject(p, &d);
}

static void every_spi_is_told(void **state)
{
	for (unsigned payloads = 1; payloads < 20; payloads += 4) {
		a->ndeleted = 0;
		inject_deletes(300 - 300 % payloads, payloads);
		assert_int_equal(a->ndeleted, 300 - 300 % payloads);
		for (unsigned k = 0; k < a->ndeleted; k++)
			assert_int_equal(a->deleted[k], 0x7000 + k);
	}
	assert_int_equal(a->nalive, 5);
	a->ndeleted = 0;
	inject_deletes(1000, 1); /* as many as a message takes */
	assert_int_equal(a->ndeleted, 1000);
	assert_true(pair_is_up(p));
}

/* The message says both; the children's Deletes are told before the end. */
static void deletes_and_the_end(void **state)
{
	struct pair_datagram d;
	struct ike_writer w;
	struct ike_header h = info_begin(&d, &w, true);
	uint8_t spi[4], cookies[16];

	put_be32(spi, 0x7777);
	sa_cookies(pair_sa(p, 0), cookies);
	delete_write(&w, PROTOCOL_ESP, SLICE_OF(spi));
	delete_write(&w, PROTOCOL_ISAKMP, SLICE_OF(cookies));
	delete_write(&w, PROTOCOL_ESP, SLICE_OF(spi));
	info_seal(&d, &w, h.id);
	pair_inject(p, &d);
	assert_int_equal(a->ndeleted, 1);
	assert_int_equal(a->deleted[0], 0x7777);
	assert_int_equal(a->ndead, 1);
	assert_int_equal(a->dead.why.err, ERR_PEER_REFUSED);
	assert_true(a->dead.why.authentic);
}

/* A Delete for what waits is none for the peer; for what it has heard of it is one. */
static void deletes_of_what_is_negotiated(void **state)
{
	struct ike_event ev = { .type = IKE_EVENT_CHILD_DELETE, .spi = 0x1002 };
	unsigned sent;

	p->passes = lose_all;
	for (unsigned k = 0; k < 3; k++)
		pair_child(p, 0);
	sent = p->nsent;
	pair_event(p, 0, &ev);
	assert_int_equal(p->nsent, sent);
	ev.spi = 0x1000;
	pair_event(p, 0, &ev);
	assert_int_equal(p->nsent, sent + 1);
	ev.spi = 0;
	pair_event(p, 0, &ev);
	assert_int_equal(p->nsent, sent + 1);
	p->passes = NULL;
	pair_run(p, p->now + 31 * VTIME_S);
	assert_int_equal(a->nup, 1);
	assert_int_equal(a->up[0].spi_in, 0x1001);
	assert_int_equal(a->nfailed, 0);
	/* Of a child that came about over another SA, or long ago. */
	ev.spi = 0x4711;
	pair_event(p, 0, &ev);
	pair_pump(p);
	assert_int_equal(b->deleted[b->ndeleted - 1], 0x4711);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_life_that_is_shortened),	  T(forged_hints),	T(authentic_hints),
		T(hints_leave_quick_mode_alone),  T(every_spi_is_told), T(deletes_and_the_end),
		T(deletes_of_what_is_negotiated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
