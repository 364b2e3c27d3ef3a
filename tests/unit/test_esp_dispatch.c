/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Classifying and opening, apart: what arrives goes through dispatch to workers, each of which is an
 * inbound engine. Step numbers are those of the method's figure 3.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/mem.h"
#include "base/secret.h"
#include "esp/early.h"
#include "tests/unit/esp_parts.h"

#define WORKERS 4
#define SAS 8
#define SPI(i) (0x1000u + (i))

struct bench {
	struct classifier *c;
	struct dispatch *d;
	struct inbound *workers[WORKERS];
	struct esp_in *in[SAS];
	struct esp_out *out[SAS]; /* of the peer */
	struct parts_batch arrived, taken;
};

static struct bench *bench_of(unsigned workers, enum dispatch_select select)
{
	struct bench *b = xcalloc(1, sizeof(*b));

	b->c = classifier_new();
	b->d = dispatch_new(b->c, workers, select);
	for (unsigned i = 0; i < workers; i++) {
		b->workers[i] = inbound_new(b->c);
		inbound_set_worker(b->workers[i], i);
	}
	for (unsigned i = 0; i < SAS; i++) {
		struct esp_sa_config config = parts_config(&suite_gcm, SPI(i));

		config.slot = i;
		b->in[i] = parts_in(config);
		config.ts = (struct ts_pair){ config.ts.remote, config.ts.local };
		b->out[i] = parts_out(config);
	}
	parts_batch(&b->arrived);
	parts_batch(&b->taken);
	return b;
}

static int round_robin(void **state)
{
	*state = bench_of(WORKERS, DISPATCH_ROUND_ROBIN);
	return 0;
}

static int least_load(void **state)
{
	*state = bench_of(WORKERS, DISPATCH_LEAST_LOAD);
	return 0;
}

static int bench_free(void **state)
{
	struct bench *b = *state;

	for (unsigned i = 0; i < SAS; i++) {
		esp_in_free(b->in[i]);
		esp_out_free(b->out[i]);
	}
	for (unsigned i = 0; i < WORKERS; i++)
		inbound_free(b->workers[i]);
	dispatch_free(b->d);
	classifier_free(b->c);
	free(b);
	return 0;
}

/* The peer's next packet on an SA, as it arrives. */
static struct pkt *arrive(struct bench *b, unsigned sa)
{
	uint8_t bytes[100];
	struct pkt *p =
		parts_take(&b->arrived.b, parts_udp4(bytes, "10.2.0.9", "10.1.0.5", 80, 100));

	assert_int_equal(esp_seal(b->out[sa], p, 4), 0);
	p->kind = PKT_RAW;
	p->path = NULL;
	p->to.port = 4500;
	return p;
}

/* Classifies what has arrived; the workers that have something now. */
static uint32_t classify(struct bench *b)
{
	dispatch_run(b->d, 0, &b->arrived.b);
	return dispatch_flush(b->d);
}

/* What the worker makes of what waits for it. */
static struct batch *work(struct bench *b, unsigned worker)
{
	dispatch_take(b->d, worker, &b->taken.b);
	inbound_run(b->workers[worker], 0, &b->taken.b);
	dispatch_done(b->d, worker);
	return &b->taken.b;
}

/* One packet goes straight to this worker, and is opened there. */
static void goes_to(struct bench *b, unsigned sa, unsigned worker)
{
	const struct batch *got;

	batch_reset(&b->arrived.b);
	arrive(b, sa);
	assert_int_equal(classify(b), 1u << worker);
	assert_int_equal(b->arrived.b.pkts[0].kind, PKT_PASSED);
	got = work(b, worker);
	assert_int_equal(got->n, 1);
	assert_int_equal(got->pkts[0].kind, PKT_INNER);
}

static void add(struct bench *b, unsigned sa)
{
	assert_int_equal(classifier_add_spi(b->c, b->in[sa]), 0);
}

static uint64_t dropped(const struct bench *b, unsigned worker, enum drop why)
{
	return drop_read(inbound_drops(b->workers[worker]), why);
}

/* 302, 308, 310, 338, 340, 342 */
static void a_known_spi_goes_to_its_worker_always_the_same_one(void **state)
{
	struct bench *b = *state;
	unsigned of[SAS];

	for (unsigned i = 0; i < SAS; i++) {
		add(b, i);
		of[i] = dispatch_assign(b->d, SPI(i));
		assert_int_equal(of[i], i % WORKERS);
	}
	for (unsigned turn = 0; turn < 3; turn++)
		for (unsigned i = 0; i < SAS; i++)
			goes_to(b, i, of[i]);
}

/* 312, 322, 328, 330: handed to control, and dropped. */
static void an_unknown_spi_goes_to_a_worker_in_turn_which_tells_control(void **state)
{
	struct bench *b = *state;
	struct data_event ev;

	for (unsigned i = 0; i < 2 * WORKERS; i++) {
		unsigned worker = i % WORKERS;

		batch_reset(&b->arrived.b);
		arrive(b, i % SAS);
		assert_int_equal(classify(b), 1u << worker);
		assert_int_equal(work(b, worker)->pkts[0].kind, PKT_GONE);
		assert_int_equal(dropped(b, worker, DROP_UNKNOWN_SPI), 1 + i / WORKERS);
		assert_true(inbound_output(b->workers[worker], &ev));
		assert_int_equal(ev.type, DATA_UNKNOWN_SPI);
		assert_int_equal(ev.spi, SPI(i % SAS));
	}
}

/* 312 by the other rule. */
static void an_unknown_spi_goes_to_the_worker_with_the_least_load(void **state)
{
	struct bench *b = *state;
	/* Nobody works: each packet makes its worker the most loaded. */
	static const unsigned order[] = { 0, 1, 2, 3, 0, 1 };

	for (unsigned i = 0; i < ARRAY_SIZE(order); i++) {
		batch_reset(&b->arrived.b);
		arrive(b, i);
		assert_int_equal(classify(b), 1u << order[i]);
	}
	work(b, 3);
	batch_reset(&b->arrived.b);
	arrive(b, 7);
	assert_int_equal(classify(b), 1u << 3);
	batch_reset(&b->arrived.b);
	arrive(b, 7);
	/* 2 and 3 have one each: the first of them. */
	assert_int_equal(classify(b), 1u << 2);
}

/* 332, 334, then 310, 338 */
static void parameters_set_the_next_packet_goes_straight(void **state)
{
	struct bench *b = *state;

	arrive(b, 5);
	assert_int_equal(classify(b), 1u << 0);
	assert_int_equal(work(b, 0)->pkts[0].kind, PKT_GONE);
	add(b, 5);
	assert_int_equal(classifier_set_worker(b->c, SPI(5), 3), 3);
	goes_to(b, 5, 3);
	goes_to(b, 5, 3);
}

/* 322, 324, 326: and that worker keeps it. */
static void an_sa_that_the_worker_knows_before_the_index_does_is_opened(void **state)
{
	struct bench *b = *state;

	/* Moves the turn: the packet goes to 1. */
	arrive(b, 0);
	classify(b);
	add(b, 5);
	assert_int_equal(classifier_worker(b->c, SPI(5)), CLASSIFIER_NO_WORKER);
	goes_to(b, 5, 1);
	assert_int_equal(classifier_set_worker(b->c, SPI(5), 2), 1);
	goes_to(b, 5, 1);
	goes_to(b, 5, 1);
}

/* Its window is one worker's alone. */
static void no_worker_opens_what_another_one_has(void **state)
{
	struct bench *b = *state;

	add(b, 5);
	goes_to(b, 5, 0);
	batch_reset(&b->arrived.b);
	arrive(b, 5);
	assert_int_equal(classify(b), 1u << 1);
	assert_int_equal(work(b, 1)->pkts[0].kind, PKT_GONE);
	assert_int_equal(dropped(b, 1, DROP_OTHER_WORKER), 1);
	assert_int_equal(dispatch_assign(b->d, SPI(5)), 0);
	goes_to(b, 5, 0);
}

/* The parameters move with the index when it grows, and go with the SA. */
static void parameters_last_as_long_as_the_sa(void **state)
{
	struct bench *b = *state;
	struct esp_in *more[300];

	add(b, 1);
	assert_int_equal(classifier_set_worker(b->c, SPI(1), 2), 2);
	for (unsigned i = 0; i < ARRAY_SIZE(more); i++) {
		more[i] = parts_in(parts_config(&suite_gcm, 0x5000 + i));
		assert_int_equal(classifier_add_spi(b->c, more[i]), 0);
	}
	assert_true(classifier_index_size(b->c) > 128);
	goes_to(b, 1, 2);
	classifier_remove_spi(b->c, SPI(1));
	assert_int_equal(classifier_worker(b->c, SPI(1)), CLASSIFIER_NO_WORKER);
	assert_int_equal(classifier_set_worker(b->c, SPI(1), 1), CLASSIFIER_NO_WORKER);
	for (unsigned i = 0; i < ARRAY_SIZE(more); i++)
		esp_in_free(more[i]);
}

static void new_sas_go_where_there_are_fewest(void **state)
{
	struct bench *b = *state;

	for (unsigned i = 0; i < SAS; i++) {
		add(b, i);
		assert_int_equal(dispatch_assign(b->d, SPI(i)), i % WORKERS);
	}
	dispatch_forget(b->d, SPI(2));
	classifier_remove_spi(b->c, SPI(2));
	add(b, 2);
	assert_int_equal(dispatch_assign(b->d, SPI(2)), 2);
}

static void what_is_no_esp_is_not_passed_on(void **state)
{
	struct bench *b = *state;
	static const uint8_t marked[] = { 0, 0, 0, 0, 'i', 'k', 'e' };
	struct batch *in = &b->arrived.b;

	parts_take(in, SLICE_STR("\xff"))->to.port = 4500;
	parts_take(in, SLICE_OF(marked))->to.port = 4500;
	parts_take(in, SLICE_STR("anything"))->to.port = 500;
	parts_take(in, SLICE_STR("abc"))->to.port = 4500;
	assert_int_equal(classify(b), 0);
	assert_int_equal(in->pkts[0].kind, PKT_GONE);
	assert_int_equal(in->pkts[1].kind, PKT_IKE);
	assert_true(slice_eq(pkt_slice(&in->pkts[1]), SLICE_STR("ike")));
	assert_int_equal(in->pkts[2].kind, PKT_IKE);
	assert_int_equal(in->pkts[3].kind, PKT_GONE);
	assert_int_equal(drop_read(dispatch_drops(b->d), DROP_KEEPALIVE), 1);
	assert_int_equal(drop_read(dispatch_drops(b->d), DROP_OUTER_SHORT), 1);
}

/* ---- more than the workers can do ---- */

#define SENDERS 5
#define TURNS 300
#define WORK (BATCH_MAX / SENDERS * SENDERS) /* what is opened in a turn, by and large */

/*
 * Sender 0 sends ten times what each of the others does; what one worker opens in a turn is one
 * batch. Counts what of each sender is opened, and sees that each one's packets stay in order.
 */
static void overload(struct bench *b, unsigned rate, unsigned opened[SENDERS])
{
	uint32_t last[SENDERS] = { 0 };

	for (unsigned i = 0; i < SENDERS; i++) {
		add(b, i);
		assert_int_equal(classifier_set_worker(b->c, SPI(i), 0), 0);
	}
	for (unsigned turn = 0; turn < TURNS; turn++) {
		for (unsigned n = 0; n < rate; n++) {
			batch_reset(&b->arrived.b);
			for (unsigned i = 0; i < 9 + SENDERS; i++)
				arrive(b, i < 9 ? 0 : i - 9);
			classify(b);
		}
		dispatch_take(b->d, 0, &b->taken.b);
		for (unsigned i = 0; i < b->taken.b.n; i++) {
			const uint8_t *p = pkt_data(&b->taken.b.pkts[i]);
			unsigned sender = get_be32(p) - SPI(0);

			assert_in_range(sender, 0, SENDERS - 1);
			assert_true(get_be32(p + 4) > last[sender]);
			last[sender] = get_be32(p + 4);
			opened[sender]++;
		}
		inbound_run(b->workers[0], 0, &b->taken.b);
		for (unsigned i = 0; i < b->taken.b.n; i++)
			assert_int_equal(b->taken.b.pkts[i].kind, PKT_INNER);
		dispatch_done(b->d, 0);
	}
}

/* Together they send less than is left for them: they lose nothing to the one that sends ten times that. */
static void one_flood_does_not_touch_those_who_send_little(void **state)
{
	struct bench *b = *state;
	unsigned opened[SENDERS] = { 0 }, waits = 0;

	overload(b, 20, opened);
	assert_true(drop_read(dispatch_drops(b->d), DROP_WORKER_FULL) > 0);
	while (dispatch_take(b->d, 0, &b->taken.b)) {
		for (unsigned i = 0; i < b->taken.b.n; i++)
			waits += get_be32(pkt_data(&b->taken.b.pkts[i])) != SPI(0);
		dispatch_done(b->d, 0);
	}
	for (unsigned i = 1; i < SENDERS; i++)
		waits += opened[i];
	assert_int_equal(waits, (SENDERS - 1) * 20 * TURNS);
}

/* All send more than their share: each still has four fifths of it at least. */
static void the_others_keep_their_share(void **state)
{
	struct bench *b = *state;
	unsigned opened[SENDERS] = { 0 };

	overload(b, 60, opened);
	for (unsigned i = 1; i < SENDERS; i++) {
		print_message("sender %u: %u of %u\n", i, opened[i], WORK / SENDERS * TURNS);
		assert_true(opened[i] * 10 >= WORK / SENDERS * TURNS * 8);
	}
}

#define by(setup, f) cmocka_unit_test_setup_teardown(f, setup, bench_free)

/* 336: what came before its SA waits for its worker, and nothing overtakes it. */
static void what_comes_early_waits_for_its_worker(void **state)
{
	struct bench *b = *state;
	struct drops drops = { 0 };
	struct early *e = early_new(b->c, &drops);
	unsigned worker;

	dispatch_set_early(b->d, e);
	classifier_offer_spi(b->c, SPI(0));
	arrive(b, 0);
	arrive(b, 0);
	assert_int_equal(classify(b), 0);
	assert_int_equal(b->arrived.b.pkts[1].kind, PKT_GONE);
	/* The SA alone will not do: who is to open it is not known. */
	add(b, 0);
	batch_reset(&b->arrived.b);
	assert_false(dispatch_release(b->d, 0, &b->arrived.b));
	assert_int_equal(b->arrived.b.n, 0);
	worker = dispatch_assign(b->d, SPI(0));
	classifier_withdraw_spi(b->c, SPI(0));
	parts_batch(&b->arrived);
	arrive(b, 0);
	assert_int_equal(classify(b), 0);
	batch_reset(&b->arrived.b);
	assert_false(dispatch_release(b->d, 0, &b->arrived.b));
	assert_int_equal(dispatch_flush(b->d), 1u << worker);
	assert_int_equal(dispatch_take(b->d, worker, &b->taken.b), 3);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(get_be32(pkt_data(&b->taken.b.pkts[i]) + 4), i + 1);
	inbound_run(b->workers[worker], 0, &b->taken.b);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(b->taken.b.pkts[i].kind, PKT_INNER);
	dispatch_done(b->d, worker);
	goes_to(b, 0, worker);
	for (unsigned i = 0; i < DROP_COUNT; i++)
		assert_int_equal(drop_read(&drops, (enum drop)i) +
					 drop_read(dispatch_drops(b->d), (enum drop)i),
				 0);
	early_free(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		by(round_robin, a_known_spi_goes_to_its_worker_always_the_same_one),
		by(round_robin, an_unknown_spi_goes_to_a_worker_in_turn_which_tells_control),
		by(least_load, an_unknown_spi_goes_to_the_worker_with_the_least_load),
		by(round_robin, parameters_set_the_next_packet_goes_straight),
		by(round_robin, an_sa_that_the_worker_knows_before_the_index_does_is_opened),
		by(round_robin, no_worker_opens_what_another_one_has),
		by(round_robin, parameters_last_as_long_as_the_sa),
		by(least_load, new_sas_go_where_there_are_fewest),
		by(round_robin, what_comes_early_waits_for_its_worker),
		by(round_robin, what_is_no_esp_is_not_passed_on),
		by(round_robin, one_flood_does_not_touch_those_who_send_little),
		by(round_robin, the_others_keep_their_share),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
