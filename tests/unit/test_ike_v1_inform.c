/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/support/ike_pair.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

/* End 0 is the client, which sends notifications to end 1. */
static struct pair pair;
static struct pair *const p = &pair;
static struct pair_end *const a = &pair.end[0];
static struct pair_end *const b = &pair.end[1];

#define UPDATE NOTIFY_ADDRESS_UPDATE

static void begin(bool ours, bool theirs)
{
	assert_int_equal(crypto_init(), 0);
	pair_init(p, 1);
	b->config.transport = IKE_TRANSPORT_AUTO;
	a->config.address_update = ours;
	b->config.address_update = theirs;
}

static void start(void)
{
	pair_start(p, 0, IKE_EVENT_START);
	pair_pump(p);
	assert_true(pair_is_up(p));
}

static int setup(void **state)
{
	begin(true, true);
	start();
	return 0;
}

/* For those that begin by themselves. */
static int setup_none(void **state)
{
	return 0;
}

static int teardown(void **state)
{
	pair_free(p);
	return secret_pool_used() == 0 ? 0 : -1;
}

static struct endpoint at(const char *text, uint16_t port)
{
	struct endpoint e = { .port = port };

	assert_true(addr_parse(text, &e.addr));
	return e;
}

static struct ike_notify request(void)
{
	return (struct ike_notify){
		.id = 7,
		.type = UPDATE,
		.data = SLICE_STR("what is said"),
		.from = at("192.0.2.9", IKE_NATT_PORT),
		.to = at("198.51.100.1", IKE_NATT_PORT),
		.natd = true,
		.repeat = true,
	};
}

static void notify(unsigned end, const struct ike_notify *n)
{
	const struct ike_event ev = { .type = IKE_EVENT_NOTIFY, .notify = *n };

	pair_event(p, end, &ev);
}

static void notify_end(uint32_t id)
{
	const struct ike_event ev = { .type = IKE_EVENT_NOTIFY_END, .notify_id = id };

	pair_event(p, 0, &ev);
}

static bool lose_all(struct pair *pp, struct pair_datagram *d, unsigned n)
{
	return false;
}

static const struct pair_datagram *last_sent(void)
{
	return &p->sent[p->nsent - 1];
}

/* ---- who speaks it ---- */

static void vendor_id_is_a_hash_of_its_name(void **state)
{
	const struct slice text = SLICE_STR("IPADDRESS_UPDATE 1");
	uint8_t hash[HASH_MAX];

	hash_parts(HASH_SHA2_256, &text, 1, hash);
	assert_true(slice_eq(vendor_bytes(VENDOR_ADDRESS_UPDATE), slice(hash, 16)));
}

static void spoken_when_both_ends_announce_it(void **state)
{
	static const enum ike_mode modes[] = { IKE_MODE_MAIN, IKE_MODE_AGGRESSIVE };

	for (unsigned k = 0; k < 8; k++) {
		bool ours = k & 1, theirs = k & 2;
		struct ike_sa_info info[2];

		begin(ours, theirs);
		a->config.mode = b->config.mode = modes[k / 4];
		start();
		for (unsigned i = 0; i < 2; i++) {
			ike_sa_info(pair_sa(p, i), &info[i]);
			assert_int_equal(info[i].address_update, ours && theirs);
			assert_int_equal(p->end[i].established.established.address_update,
					 ours && theirs);
		}
		/* There is no NAT: then ESP is in UDP because of this alone. */
		assert_int_equal(info[0].nat, NAT_NONE);
		pair_child(p, 0);
		assert_int_equal(a->nup, 1);
		for (unsigned i = 0; i < 2; i++) {
			const struct path *path = &p->end[i].nat.nat.path;

			assert_int_equal(p->end[i].up[0].encapsulation,
					 ours && theirs ? ENCAPSULATION_UDP : ENCAPSULATION_ESP);
			assert_int_equal(path->encapsulation, p->end[i].up[0].encapsulation);
			assert_int_equal(path->remote.port,
					 ours && theirs ? IKE_NATT_PORT : IKE_PORT);
		}
		if (k < 7)
			teardown(NULL);
	}
}

static void raw_esp_stays_raw_where_it_is_configured(void **state)
{
	begin(true, true);
	a->config.transport = IKE_TRANSPORT_ESP;
	start();
	assert_true(a->established.established.address_update);
	assert_int_equal(a->nat.nat.path.encapsulation, ENCAPSULATION_ESP);
	assert_int_equal(b->nat.nat.path.encapsulation, ENCAPSULATION_ESP);
}

static void not_announced_not_told(void **state)
{
	struct ike_notify n = request();

	begin(true, false);
	start();
	notify(0, &n);
	pair_pump(p);
	assert_int_equal(b->nnotified, 0);
	assert_int_equal(b->nalive, 1);
	n.type = NOTIFY_ADDRESS_NACK; /* an error of whatever kind to who does not know it */
	n.repeat = false;
	notify(0, &n);
	pair_pump(p);
	assert_int_equal(b->nnotified, 0);
	assert_int_equal(b->nhints, 1);
}

/* ---- what is said ---- */

static void told_with_its_endpoints(void **state)
{
	const struct ike_notify n = request();

	notify(0, &n);
	pair_pump(p);
	assert_int_equal(b->nnotified, 1);
	assert_int_equal(b->notified.notified.type, UPDATE);
	assert_true(slice_eq(b->notified.notified.data, n.data));
	assert_true(endpoint_eq(&b->notified.notified.from, &n.from));
	assert_true(endpoint_eq(&b->notified.notified.to, &n.to));
	assert_true(b->notified.notified.natd);
	assert_int_equal(b->notified.notified.nat, NAT_NONE);
	assert_false(b->notified.notified.again);
	assert_int_equal(b->nalive, 1);
	assert_int_equal(a->nnotified, 0);
}

static void nothing_is_readable_on_the_way(void **state)
{
	const struct ike_notify n = request();
	const struct pair_datagram *d;

	notify(0, &n);
	d = last_sent();
	assert_null(memmem(d->bytes, d->n, n.data.p, n.data.n));
}

static uint16_t other_port;
static bool other_address;

static bool translate(struct pair *pp, struct pair_datagram *d, unsigned n)
{
	if (d->source == 0) {
		d->from.port = other_port ? other_port : d->from.port;
		if (other_address)
			d->from.addr.b[3]++;
	}
	return true;
}

static void nat_d_shows_translation(void **state)
{
	static const struct {
		uint16_t port;
		bool address;
		enum nat nat;
	} rows[] = { { 0, false, NAT_NONE },
		     { 4501, false, NAT_REMOTE },
		     { 0, true, NAT_REMOTE },
		     { 4501, true, NAT_REMOTE } };
	struct ike_notify n = request();

	n.repeat = false;
	p->passes = translate;
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		other_port = rows[i].port;
		other_address = rows[i].address;
		notify(0, &n);
		pair_pump(p);
		assert_int_equal(b->nnotified, i + 1);
		assert_true(b->notified.notified.natd);
		assert_int_equal(b->notified.notified.nat, rows[i].nat);
	}
	n.natd = false;
	notify(0, &n);
	pair_pump(p);
	assert_false(b->notified.notified.natd);
	/* Who does not know where it is shows one. */
	p->passes = NULL;
	n.natd = true;
	n.from.addr = (struct addr){ 0 };
	notify(0, &n);
	pair_pump(p);
	assert_int_equal(b->notified.notified.nat, NAT_REMOTE);
}

static void the_peer_behind_a_nat_is_another_matter(void **state)
{
	struct ike_notify n = request();

	n.to.port = 4777; /* where somebody forwards to it */
	notify(0, &n);
	p->queue[0].to.port = IKE_NATT_PORT;
	pair_pump(p);
	assert_int_equal(b->notified.notified.nat, NAT_LOCAL);
}

static void the_largest_fits(void **state)
{
	static uint8_t data[IKE_NOTIFY_MAX + 1];
	struct ike_notify n = request();

	memset(data, 0x5a, sizeof(data));
	n.data = slice(data, IKE_NOTIFY_MAX);
	notify(0, &n);
	pair_pump(p);
	assert_int_equal(b->nnotified, 1);
	assert_true(slice_eq(b->notified.notified.data, n.data));
	n.data.n++;
	n.id = 8;
	notify(0, &n);
	assert_int_equal(a->nunanswered, 1);
	assert_int_equal(a->unanswered, 8);
	assert_int_equal(b->nnotified, 1);
}

static void every_type_of_it(void **state)
{
	static const uint16_t types[] = { 40704, 40705, 40706, 40707, 40708, 40709, 9728, 9729 };
	static const uint16_t others[] = { 40703, 40710, 9727, 9730 };
	struct ike_notify n = request();

	n.repeat = false;
	for (unsigned i = 0; i < ARRAY_SIZE(types); i++) {
		n.type = types[i];
		notify(0, &n);
		pair_pump(p);
		assert_int_equal(b->nnotified, i + 1);
		assert_int_equal(b->notified.notified.type, types[i]);
	}
	assert_int_equal(b->nhints, 0);
	for (unsigned i = 0; i < ARRAY_SIZE(others); i++) {
		n.type = others[i];
		notify(0, &n);
		pair_pump(p);
	}
	assert_int_equal(b->nnotified, ARRAY_SIZE(types));
}

/* ---- again and again ---- */

static void repeated_exactly_then_and_byte_for_byte(void **state)
{
	static const unsigned at_ms[] = { 0, 500, 1500, 3500, 7500, 15500 };
	const struct ike_notify n = request();
	vtime began = p->now;
	unsigned first = p->nsent;

	p->passes = lose_all;
	notify(0, &n);
	for (unsigned k = 1; k < ARRAY_SIZE(at_ms); k++) {
		pair_run(p, began + at_ms[k] * VTIME_MS - 1);
		assert_int_equal(p->nsent - first, k);
		pair_run(p, began + at_ms[k] * VTIME_MS);
		assert_int_equal(p->nsent - first, k + 1);
	}
	for (unsigned k = first; k < p->nsent; k++) {
		assert_int_equal(p->sent[k].n, p->sent[first].n);
		assert_memory_equal(p->sent[k].bytes, p->sent[first].bytes, p->sent[first].n);
		assert_true(endpoint_eq(&p->sent[k].from, &n.from));
		assert_true(endpoint_eq(&p->sent[k].to, &n.to));
	}
	assert_int_equal(a->nresent, 5);
	pair_run(p, began + 60 * VTIME_S);
	assert_int_equal(a->nunanswered, 1);
	assert_int_equal(a->unanswered, 7);
	assert_int_equal(a->unanswered_at, began + 17500 * VTIME_MS);
	assert_int_equal(p->nsent - first, ARRAY_SIZE(at_ms));
	assert_true(pair_is_up(p));
}

static void ended_by_its_owner(void **state)
{
	const struct ike_notify n = request();
	unsigned first = p->nsent;

	p->passes = lose_all;
	notify(0, &n);
	notify_end(8); /* another one */
	pair_run(p, p->now + 600 * VTIME_MS);
	assert_int_equal(p->nsent - first, 2);
	notify_end(7);
	pair_run(p, p->now + 60 * VTIME_S);
	assert_int_equal(p->nsent - first, 2);
	assert_int_equal(a->nunanswered, 0);
}

static void a_newer_one_replaces_it(void **state)
{
	struct ike_notify n = request();
	unsigned first = p->nsent;
	vtime began = p->now;

	p->passes = lose_all;
	notify(0, &n);
	pair_run(p, began + 100 * VTIME_MS);
	n.id = 8;
	notify(0, &n);
	pair_run(p, began + 599 * VTIME_MS);
	assert_int_equal(p->nsent - first, 2);
	pair_run(p, began + 600 * VTIME_MS);
	assert_int_equal(p->nsent - first, 3);
	assert_memory_equal(last_sent()->bytes, p->sent[first + 1].bytes, last_sent()->n);
	pair_run(p, began + 60 * VTIME_S);
	assert_int_equal(a->nunanswered, 1);
	assert_int_equal(a->unanswered, 8);
}

static void an_answer_goes_once_and_beside_it(void **state)
{
	const struct ike_notify n = request();
	struct ike_notify answer = request();
	unsigned first = p->nsent;

	answer.repeat = false;
	p->passes = lose_all;
	notify(0, &n);
	notify(0, &answer);
	pair_run(p, p->now + 60 * VTIME_S);
	assert_int_equal(p->nsent - first, 7);
	assert_int_equal(a->nunanswered, 1);
	assert_memory_not_equal(p->sent[first].bytes + 20, p->sent[first + 1].bytes + 20, 4);
}

static void told_of_repeats_too(void **state)
{
	const struct ike_notify n = request();
	struct pair_datagram d;

	notify(0, &n);
	pair_pump(p);
	d = *last_sent();
	d.from = at("203.0.113.66", 4711);
	pair_inject(p, &d);
	assert_int_equal(b->nnotified, 2);
	assert_true(b->notified.notified.again);
	assert_true(endpoint_eq(&b->notified.notified.from, &d.from));
	assert_int_equal(b->notified.notified.nat, NAT_REMOTE);
	assert_true(slice_eq(b->notified.notified.data, n.data));
	/* It shows nobody alive, and has done nothing else. */
	assert_int_equal(b->nalive, 1);
	assert_int_equal(pair_drops(p, 1, DROP_IKE_DUPLICATE), 1);
}

static void other_repeats_are_dropped_as_ever(void **state)
{
	struct ike_notify n = request();
	struct pair_datagram d;

	n.type = NOTIFY_INITIAL_CONTACT;
	notify(0, &n);
	pair_pump(p);
	d = *last_sent();
	pair_inject(p, &d);
	assert_int_equal(b->nnotified, 0);
	assert_int_equal(b->nalive, 1);
	assert_int_equal(pair_drops(p, 1, DROP_IKE_DUPLICATE), 1);
}

/* ---- what is not as it should be ---- */

static void altered_or_cut_it_says_nothing(void **state)
{
	const struct ike_notify n = request();
	struct pair_datagram good, d;

	p->passes = lose_all;
	notify(0, &n);
	good = *last_sent();
	for (size_t i = IKE_HEADER_SIZE; i < good.n; i++) {
		d = good;
		d.bytes[i] ^= 1;
		pair_inject(p, &d);
	}
	for (size_t k = 0; k < good.n; k++) {
		d = good;
		d.n = k;
		pair_inject(p, &d);
		d = good;
		d.n = k;
		if (k >= IKE_HEADER_SIZE)
			put_be32(d.bytes + 24, (uint32_t)k);
		pair_inject(p, &d);
	}
	assert_int_equal(b->nnotified, 0);
	assert_int_equal(b->nalive, 0);
	pair_inject(p, &good);
	assert_int_equal(b->nnotified, 1);
}

/* A message with these notifications, as end 0 would send it. */
static void inject(const struct notify_payload *n, unsigned count)
{
	const struct protect_hash hash = { .number = 1 };
	struct ike_sa *sa = pair_sa(p, 0);
	struct ike_header h = sa_header(sa, ISAKMP_INFORMATIONAL, rng_u32(&p->rng));
	struct pair_datagram d = { .source = 0, .from = a->address, .to = b->address };
	uint8_t iv[PROTECT_BLOCK];
	struct ike_writer w;

	protect_iv_phase2(&sa->keys, sa->last_block, h.id, iv);
	protect_begin(&w, d.bytes, sizeof(d.bytes), &h, sa->suite.hash);
	for (unsigned i = 0; i < count; i++)
		notify_write(&w, &n[i]);
	d.n = protect_finish(&w, &sa->keys, &hash, h.id, iv).n;
	pair_inject(p, &d);
}

static void of_two_the_first(void **state)
{
	const struct notify_payload n[] = {
		{ .protocol = PROTOCOL_ISAKMP, .type = UPDATE, .data = SLICE_STR("one") },
		{ .protocol = PROTOCOL_ISAKMP, .type = UPDATE, .data = SLICE_STR("two") },
	};

	inject(n, 2);
	assert_int_equal(b->nnotified, 1);
	assert_true(slice_eq(b->notified.notified.data, SLICE_STR("one")));
}

static void malformed_ones_are_counted(void **state)
{
	static const uint8_t data[IKE_NOTIFY_MAX + 1];
	const struct notify_payload rows[] = {
		{ .protocol = PROTOCOL_ESP, .type = UPDATE },
		{ .protocol = PROTOCOL_ISAKMP, .type = UPDATE, .spi = SLICE_STR("0123") },
		{ .protocol = PROTOCOL_ISAKMP, .type = UPDATE, .data = SLICE_OF(data) },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		inject(&rows[i], 1);
		assert_int_equal(pair_drops(p, 1, DROP_IKE_MALFORMED), i + 1);
	}
	assert_int_equal(b->nnotified, 0);
}

static void without_an_sa_nobody_answers(void **state)
{
	const struct ike_notify n = request();

	begin(true, true);
	p->passes = lose_all;
	pair_start(p, 0, IKE_EVENT_START);
	notify(0, &n);
	assert_int_equal(a->nunanswered, 1);
	assert_int_equal(p->nsent, 1); /* phase 1's own */
}

static void a_dead_sa_repeats_nothing(void **state)
{
	const struct ike_event close = { .type = IKE_EVENT_CLOSE };
	const struct ike_notify n = request();
	unsigned sent;

	p->passes = lose_all;
	notify(0, &n);
	pair_event(p, 0, &close);
	sent = p->nsent;
	notify(0, &n);
	pair_run(p, p->now + 60 * VTIME_S);
	assert_int_equal(p->nsent, sent);
	assert_int_equal(a->nunanswered, 0);
	assert_int_equal(a->ndead, 1);
}

/* ---- the path moves ---- */

static void move(unsigned end, const char *local, const char *remote)
{
	struct ike_event ev = { .type = IKE_EVENT_MOVE };

	ev.path.local = at(local, IKE_NATT_PORT);
	ev.path.remote = at(remote, IKE_NATT_PORT);
	ev.path.encapsulation = ENCAPSULATION_UDP;
	pair_event(p, end, &ev);
}

/* Each end goes where it has been told, whatever the other one does. */
static void later_messages_go_the_new_way(void **state)
{
	const struct endpoint local = at("192.0.2.77", IKE_NATT_PORT);
	const struct endpoint old = at("192.0.2.1", IKE_NATT_PORT);
	unsigned first = p->nsent;

	move(0, "192.0.2.77", "198.51.100.1");
	pair_child(p, 0);
	assert_int_equal(a->nup, 1);
	assert_true(endpoint_eq(&p->sent[first].from, &local));
	assert_true(endpoint_eq(&p->sent[first + 1].to, &old));
	move(1, "198.51.100.1", "192.0.2.77");
	pair_child(p, 0);
	assert_int_equal(a->nup, 2);
	for (unsigned i = first + 3; i < p->nsent; i++)
		assert_true(
			endpoint_eq(p->sent[i].source ? &p->sent[i].to : &p->sent[i].from, &local));
}

static void what_is_in_the_air_goes_there_at_once(void **state)
{
	const struct endpoint local = at("192.0.2.77", IKE_NATT_PORT);
	const struct ike_event probe = { .type = IKE_EVENT_PROBE };
	unsigned first = p->nsent;
	vtime began = p->now;

	p->passes = lose_all;
	pair_child(p, 0);
	pair_event(p, 0, &probe);
	pair_run(p, began + 400 * VTIME_MS);
	assert_int_equal(p->nsent - first, 2);
	move(0, "192.0.2.77", "198.51.100.7");
	assert_int_equal(p->nsent - first, 4);
	assert_true(endpoint_eq(&p->sent[first + 2].from, &local));
	assert_true(endpoint_eq(&p->sent[first + 3].from, &local));
	assert_memory_equal(p->sent[first].bytes, p->sent[first + 2].bytes, p->sent[first].n);
	/* And waits there as if it were new. */
	pair_run(p, began + 899 * VTIME_MS);
	assert_int_equal(p->nsent - first, 4);
	p->passes = NULL;
	pair_run(p, began + 900 * VTIME_MS);
	assert_int_equal(a->nup, 1);
}

static void what_the_peer_began_is_not_sent_again(void **state)
{
	unsigned sent;

	b->answer = PAIR_ACCEPT;
	p->passes = NULL;
	pair_child(p, 0);
	sent = p->nsent;
	move(1, "198.51.100.7", "192.0.2.77");
	assert_int_equal(p->nsent, sent);
}

static void before_phase_1_is_complete_it_stays(void **state)
{
	begin(true, true);
	p->passes = lose_all;
	pair_start(p, 0, IKE_EVENT_START);
	move(0, "192.0.2.77", "198.51.100.7");
	pair_run(p, p->now + 500 * VTIME_MS);
	assert_int_equal(p->nsent, 2);
	assert_true(endpoint_eq(&p->sent[1].from, &a->address));
}

static void the_encapsulation_moves_with_it(void **state)
{
	struct ike_event ev = { .type = IKE_EVENT_MOVE };

	begin(true, true);
	a->config.transport = IKE_TRANSPORT_ESP;
	start();
	ev.path = a->nat.nat.path;
	ev.path.encapsulation = ENCAPSULATION_UDP;
	pair_event(p, 0, &ev);
	ev.path = b->nat.nat.path;
	ev.path.encapsulation = ENCAPSULATION_UDP;
	pair_event(p, 1, &ev);
	pair_child(p, 0);
	assert_int_equal(a->nup, 1);
	assert_int_equal(a->up[0].encapsulation, ENCAPSULATION_UDP);
	assert_int_equal(b->up[0].encapsulation, ENCAPSULATION_UDP);
}

#define ROW(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
#define BARE(f) cmocka_unit_test_setup_teardown(f, setup_none, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vendor_id_is_a_hash_of_its_name),
		BARE(spoken_when_both_ends_announce_it),
		BARE(raw_esp_stays_raw_where_it_is_configured),
		BARE(not_announced_not_told),
		ROW(told_with_its_endpoints),
		ROW(nothing_is_readable_on_the_way),
		ROW(nat_d_shows_translation),
		ROW(the_peer_behind_a_nat_is_another_matter),
		ROW(the_largest_fits),
		ROW(every_type_of_it),
		ROW(repeated_exactly_then_and_byte_for_byte),
		ROW(ended_by_its_owner),
		ROW(a_newer_one_replaces_it),
		ROW(an_answer_goes_once_and_beside_it),
		ROW(told_of_repeats_too),
		ROW(other_repeats_are_dropped_as_ever),
		ROW(altered_or_cut_it_says_nothing),
		ROW(of_two_the_first),
		ROW(malformed_ones_are_counted),
		BARE(without_an_sa_nobody_answers),
		ROW(a_dead_sa_repeats_nothing),
		ROW(later_messages_go_the_new_way),
		ROW(what_is_in_the_air_goes_there_at_once),
		ROW(what_the_peer_began_is_not_sent_again),
		BARE(before_phase_1_is_complete_it_stays),
		BARE(the_encapsulation_moves_with_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
