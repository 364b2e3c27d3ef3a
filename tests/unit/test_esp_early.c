/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/mem.h"
#include "esp/early.h"
#include "tests/unit/esp_parts.h"

#define SPI 0xc0ffee01
#define SPIS 80 /* SPI, SPI + 1 …: more than there is room for */
#define START (1000 * VTIME_S)

/* What waits, an engine before it, and SAs that are published when a test says so. */
struct bench {
	struct classifier *c;
	struct drops drops;
	struct early *e;
	struct inbound *i;
	struct esp_sa_config config[SPIS];
	struct esp_in *sa[SPIS];
	uint32_t sequence[SPIS];
	vtime now;
	struct parts_batch batch;
	struct batch out;
};

static int bench_new(void **state)
{
	struct bench *b = xcalloc(1, sizeof(*b));

	b->now = START;
	b->c = classifier_new();
	b->e = early_new(b->c, &b->drops);
	b->i = inbound_new(b->c);
	inbound_set_early(b->i, b->e);
	for (unsigned n = 0; n < SPIS; n++)
		b->config[n] = parts_config(&suite_gcm, SPI + n);
	*state = b;
	return 0;
}

static int bench_free(void **state)
{
	struct bench *b = *state;

	inbound_free(b->i);
	early_free(b->e);
	for (unsigned n = 0; n < SPIS; n++)
		esp_in_free(b->sa[n]);
	classifier_free(b->c);
	free(b);
	return 0;
}

static void offer(struct bench *b, unsigned n)
{
	classifier_offer_spi(b->c, SPI + n);
}

static void withdraw(struct bench *b, unsigned n)
{
	classifier_withdraw_spi(b->c, SPI + n);
}

static void publish(struct bench *b, unsigned n)
{
	b->sa[n] = parts_in(b->config[n]);
	assert_int_equal(classifier_add_spi(b->c, b->sa[n]), 0);
}

static void expect_drops(const struct bench *b, unsigned full, unsigned expired, unsigned withdrawn)
{
	assert_int_equal(drop_read(&b->drops, DROP_EARLY_FULL), full);
	assert_int_equal(drop_read(&b->drops, DROP_EARLY_EXPIRED), expired);
	assert_int_equal(drop_read(&b->drops, DROP_EARLY_WITHDRAWN), withdrawn);
}

/* ---- early alone: packets are any bytes, numbered ---- */

static void put(struct bench *b, unsigned n, uint8_t number, uint32_t len)
{
	struct pkt *p = batch_take(parts_batch(&b->batch), 3, len, 0);

	memset(pkt_data(p), number, len);
	p->from = (struct endpoint){ parts_addr("192.0.2.1"), number };
	p->to = (struct endpoint){ parts_addr("192.0.2.99"), 4500 };
	p->ecn = number % 4;
	early_put(b->e, b->now, SPI + n, p);
	assert_int_equal(p->kind, PKT_GONE);
}

static void expect_packet(const struct pkt *p, uint8_t number, uint32_t len)
{
	assert_int_equal(p->kind, PKT_RAW);
	assert_int_equal(p->len, len);
	assert_int_equal(pkt_data(p)[0], number);
	assert_int_equal(pkt_data(p)[len - 1], number);
	assert_int_equal(p->from.port, number);
	assert_int_equal(p->to.port, 4500);
	assert_int_equal(p->ecn, number % 4);
	assert_null(p->path);
}

/* How many come out now, and how many still wait. */
static void expect_release(struct bench *b, unsigned out, unsigned waiting)
{
	batch_reset(&b->out);
	assert_false(early_release(b->e, b->now, &b->out));
	assert_int_equal(b->out.n, out);
	assert_int_equal(b->e->waiting, waiting);
	assert_int_equal(early_waits(b->e), waiting > 0);
}

static void eight_of_an_spi_wait_in_order(void **state)
{
	struct bench *b = *state;

	offer(b, 0);
	assert_false(early_waits(b->e));
	assert_false(early_waits(NULL));
	for (uint8_t k = 1; k <= EARLY_PACKETS + 2; k++)
		put(b, 0, k, 100U + k);
	assert_true(early_has(b->e, SPI));
	assert_false(early_has(b->e, SPI + 1));
	expect_drops(b, 2, 0, 0);
	expect_release(b, 0, EARLY_PACKETS);
	publish(b, 0);
	expect_release(b, EARLY_PACKETS, 0);
	for (uint8_t k = 1; k <= EARLY_PACKETS; k++)
		expect_packet(&b->out.pkts[k - 1], k, 100U + k);
	assert_false(early_has(b->e, SPI));
	assert_true(early_deadline(b->e) == VTIME_NEVER);
	expect_release(b, 0, 0);
	expect_drops(b, 2, 0, 0);
}

static void each_waits_for_a_second(void **state)
{
	struct bench *b = *state;

	offer(b, 0);
	offer(b, 1);
	put(b, 0, 1, 60);
	b->now += VTIME_S / 2;
	put(b, 0, 2, 60);
	put(b, 1, 3, 60);
	assert_true(early_deadline(b->e) == START + EARLY_AGE);
	b->now = START + EARLY_AGE - 1;
	expect_release(b, 0, 3);
	b->now++;
	expect_release(b, 0, 2);
	expect_drops(b, 0, 1, 0);
	assert_true(early_deadline(b->e) == START + EARLY_AGE + VTIME_S / 2);
	publish(b, 0);
	expect_release(b, 1, 1);
	expect_packet(&b->out.pkts[0], 2, 60);
	/* Too old is too old, SA or not. */
	b->now = START + 2 * EARLY_AGE;
	publish(b, 1);
	expect_release(b, 0, 0);
	expect_drops(b, 0, 2, 0);
}

static void a_place_is_free_when_all_are_gone(void **state)
{
	struct bench *b = *state;

	offer(b, 0);
	for (unsigned turn = 0; turn < 3; turn++) {
		for (uint8_t k = 0; k < EARLY_PACKETS; k++)
			put(b, 0, k, EARLY_BYTES / EARLY_PACKETS / 2);
		b->now += EARLY_AGE;
		expect_release(b, 0, 0);
		expect_drops(b, 0, (turn + 1) * EARLY_PACKETS, 0);
	}
}

static void an_offer_that_comes_to_nothing_frees_what_waits(void **state)
{
	struct bench *b = *state;

	offer(b, 0);
	offer(b, 1);
	put(b, 0, 1, 60);
	put(b, 0, 2, 60);
	put(b, 1, 3, 60);
	withdraw(b, 0);
	expect_release(b, 0, 1);
	expect_drops(b, 0, 0, 2);
	/* With the SA it has come to something. */
	publish(b, 1);
	withdraw(b, 1);
	expect_release(b, 1, 0);
	expect_packet(&b->out.pkts[0], 3, 60);
	expect_drops(b, 0, 0, 2);
}

static void nobody_takes_from_anothers_place(void **state)
{
	struct bench *b = *state;

	for (unsigned n = 0; n < SPIS; n++)
		offer(b, n);
	put(b, 1, 7, 60);
	for (unsigned k = 0; k < 1000; k++)
		put(b, 0, 1, 1500);
	for (uint8_t k = 8; k < 7 + EARLY_PACKETS; k++)
		put(b, 1, k, 1500);
	expect_drops(b, 1000 - EARLY_PACKETS, 0, 0);
	publish(b, 1);
	expect_release(b, EARLY_PACKETS, EARLY_PACKETS);
	for (unsigned k = 0; k < EARLY_PACKETS; k++)
		expect_packet(&b->out.pkts[k], (uint8_t)(7 + k), k ? 1500 : 60);
}

static void there_are_so_many_places(void **state)
{
	struct bench *b = *state;
	unsigned full = SPIS - EARLY_SPIS;

	for (unsigned n = 0; n < SPIS; n++) {
		offer(b, n);
		put(b, n, (uint8_t)n, 60);
	}
	expect_drops(b, full, 0, 0);
	expect_release(b, 0, EARLY_SPIS);
	b->now += EARLY_AGE;
	expect_release(b, 0, 0);
	put(b, SPIS - 1, 1, 60);
	expect_drops(b, full, EARLY_SPIS, 0);
}

static void there_are_so_many_bytes(void **state)
{
	struct bench *b = *state;
	static uint8_t large[EARLY_BYTES + 1];
	struct pkt p = { .base = large, .size = sizeof(large), .len = sizeof(large) };

	offer(b, 0);
	early_put(b->e, b->now, SPI, &p);
	expect_drops(b, 1, 0, 0);
	assert_false(early_waits(b->e));
	p.len = EARLY_BYTES - 100;
	early_put(b->e, b->now, SPI, &p);
	put(b, 0, 1, 101);
	expect_drops(b, 2, 0, 0);
	put(b, 0, 2, 100);
	expect_drops(b, 2, 0, 0);
	publish(b, 0);
	expect_release(b, 2, 0);
	assert_int_equal(b->out.pkts[0].len, EARLY_BYTES - 100);
	expect_packet(&b->out.pkts[1], 2, 100);
}

static void more_than_a_batch_comes_out_in_two(void **state)
{
	struct bench *b = *state;
	const unsigned nspis = BATCH_MAX / EARLY_PACKETS + 3;
	uint8_t next[SPIS] = { 0 };
	unsigned out = 0;
	bool more = true;

	for (unsigned n = 0; n < nspis; n++) {
		offer(b, n);
		for (uint8_t k = 0; k < EARLY_PACKETS; k++)
			put(b, n, k, 60 + n);
		publish(b, n);
	}
	offer(b, nspis);
	put(b, nspis, 0, 60);
	while (more) {
		batch_reset(&b->out);
		more = early_release(b->e, b->now, &b->out);
		out += b->out.n;
		for (unsigned k = 0; k < b->out.n; k++)
			assert_int_equal(b->out.pkts[k].from.port, next[b->out.pkts[k].len - 60]++);
	}
	assert_int_equal(out, nspis * EARLY_PACKETS);
	assert_int_equal(b->e->waiting, 1);
}

/* ---- behind the engine ---- */

/* Appends a packet of the SPI with the next number, which is its port inside, too. */
static void add_esp(struct bench *b, unsigned n)
{
	uint8_t bytes[60];
	uint32_t number = ++b->sequence[n];
	struct pkt *p;

	parts_udp4(bytes, "10.2.0.9", "10.1.0.5", (uint16_t)number, sizeof(bytes));
	p = parts_wrap(&b->batch.b, &b->config[n], number, SLICE_OF(bytes), 4);
	p->from = (struct endpoint){ parts_addr("192.0.2.1"), 4500 };
	p->to = (struct endpoint){ parts_addr("192.0.2.99"), 4500 };
}

static struct batch *run(struct bench *b)
{
	inbound_run(b->i, b->now, &b->batch.b);
	return &b->batch.b;
}

static void begin(struct bench *b)
{
	parts_batch(&b->batch);
}

static void expect_inner(const struct pkt *p, uint16_t number)
{
	assert_int_equal(p->kind, PKT_INNER);
	assert_int_equal(p->len, 60);
	assert_int_equal(get_be16(pkt_data(p) + 22), number);
}

static void expect_dropped(const struct bench *b, enum drop why, unsigned n)
{
	for (unsigned i = 0; i < DROP_COUNT; i++)
		assert_int_equal(drop_read(inbound_drops(b->i), (enum drop)i), i == why ? n : 0);
}

static void expect_nothing_told(struct bench *b)
{
	struct data_event e;

	assert_false(inbound_output(b->i, &e));
}

static void a_packet_waits_for_its_sa(void **state)
{
	struct bench *b = *state;
	struct data_event e;

	offer(b, 0);
	begin(b);
	for (unsigned k = 0; k < 3; k++)
		add_esp(b, 0);
	run(b);
	for (unsigned k = 0; k < 3; k++)
		assert_int_equal(b->batch.b.pkts[k].kind, PKT_GONE);
	expect_dropped(b, DROP_COUNT, 0);
	expect_nothing_told(b);
	assert_true(inbound_deadline(b->i) == START + EARLY_AGE);
	batch_reset(&b->out);
	assert_false(inbound_release(b->i, b->now, &b->out));
	assert_int_equal(b->out.n, 0);
	publish(b, 0);
	withdraw(b, 0);
	assert_false(inbound_release(b->i, b->now, &b->out));
	assert_int_equal(b->out.n, 3);
	for (unsigned k = 0; k < 3; k++)
		expect_inner(&b->out.pkts[k], (uint16_t)(k + 1));
	assert_true(inbound_deadline(b->i) == VTIME_NEVER);
	assert_true(inbound_output(b->i, &e));
	assert_int_equal(e.type, DATA_FIRST_PACKET);
	expect_dropped(b, DROP_COUNT, 0);
	expect_drops(b, 0, 0, 0);
}

/* The SA comes between two packets of a batch, as it may when control is another thread. */
static void what_is_newer_stays_behind(void **state)
{
	struct bench *b = *state;

	offer(b, 0);
	publish(b, 1);
	begin(b);
	add_esp(b, 0);
	run(b);
	publish(b, 0);
	begin(b);
	add_esp(b, 0);
	add_esp(b, 1);
	run(b);
	assert_int_equal(b->batch.b.pkts[0].kind, PKT_GONE);
	expect_inner(&b->batch.b.pkts[1], 1);
	batch_reset(&b->out);
	assert_false(inbound_release(b->i, b->now, &b->out));
	assert_int_equal(b->out.n, 2);
	expect_inner(&b->out.pkts[0], 1);
	expect_inner(&b->out.pkts[1], 2);
	begin(b);
	add_esp(b, 0);
	expect_inner(&run(b)->pkts[0], 3);
	expect_dropped(b, DROP_COUNT, 0);
	expect_drops(b, 0, 0, 0);
}

static void what_nobody_offered_is_unknown(void **state)
{
	struct bench *b = *state;
	struct data_event e;

	offer(b, 1);
	offer(b, 0);
	withdraw(b, 0);
	begin(b);
	add_esp(b, 0);
	run(b);
	expect_dropped(b, DROP_UNKNOWN_SPI, 1);
	assert_true(inbound_output(b->i, &e));
	assert_int_equal(e.type, DATA_UNKNOWN_SPI);
	assert_int_equal(e.spi, SPI);
	assert_false(early_waits(b->e));
	/* So it is where nothing waits. */
	inbound_set_early(b->i, NULL);
	begin(b);
	add_esp(b, 1);
	run(b);
	expect_dropped(b, DROP_UNKNOWN_SPI, 2);
	assert_true(inbound_deadline(b->i) == VTIME_NEVER);
	assert_false(inbound_release(b->i, b->now, &b->out));
}

static void forged_packets_that_wait_are_refused(void **state)
{
	struct bench *b = *state;

	offer(b, 0);
	begin(b);
	add_esp(b, 0);
	pkt_data(&b->batch.b.pkts[0])[20] ^= 1;
	run(b);
	publish(b, 0);
	batch_reset(&b->out);
	assert_false(inbound_release(b->i, b->now, &b->out));
	assert_int_equal(b->out.n, 1);
	assert_int_equal(b->out.pkts[0].kind, PKT_GONE);
	expect_dropped(b, DROP_ICV, 1);
	expect_nothing_told(b);
}

#define EARLY_TEST(t) cmocka_unit_test_setup_teardown(t, bench_new, bench_free)

int main(void)
{
	const struct CMUnitTest tests[] = {
		EARLY_TEST(eight_of_an_spi_wait_in_order),
		EARLY_TEST(each_waits_for_a_second),
		EARLY_TEST(a_place_is_free_when_all_are_gone),
		EARLY_TEST(an_offer_that_comes_to_nothing_frees_what_waits),
		EARLY_TEST(nobody_takes_from_anothers_place),
		EARLY_TEST(there_are_so_many_places),
		EARLY_TEST(there_are_so_many_bytes),
		EARLY_TEST(more_than_a_batch_comes_out_in_two),
		EARLY_TEST(a_packet_waits_for_its_sa),
		EARLY_TEST(what_is_newer_stays_behind),
		EARLY_TEST(what_nobody_offered_is_unknown),
		EARLY_TEST(forged_packets_that_wait_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
