/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SPIs that are offered while quick modes are under way, and packets that come before their SA. */
#include "tests/unit/session_parts.h"

#include "esp/early.h"

#define PACKETS 5

/* The data path of the session's effects. */
struct data {
	struct classifier *c;
	struct inbound *i;
	struct early *e;
	struct drops drops;
	struct parts_batch batch;
	struct batch out;
	uint32_t sequence;
	bool made; /* what was withdrawn last has its SA */
};

static void carry_out(void *ctx, const struct session_effect *fx)
{
	struct data *d = ctx;

	if (fx->type == SESSION_EFFECT_OFFER_SPI)
		classifier_offer_spi(d->c, fx->offer.spi);
	if (fx->type == SESSION_EFFECT_WITHDRAW_SPI)
		d->made = classifier_find_spi(d->c, fx->offer.spi) != NULL;
	if (fx->type == SESSION_EFFECT_WITHDRAW_SPI)
		classifier_withdraw_spi(d->c, fx->offer.spi);
	else if (fx->type == SESSION_EFFECT_PUBLISH_SPI)
		assert_int_equal(classifier_add_spi(d->c, fx->in), 0);
	else if (fx->type == SESSION_EFFECT_RETIRE && fx->retire.in)
		classifier_remove_spi(d->c, esp_in_config(fx->retire.in)->spi);
}

static struct data *data_new(struct bench *b)
{
	struct data *d = xcalloc(1, sizeof(*d));

	d->c = classifier_new();
	d->i = inbound_new(d->c);
	d->e = early_new(d->c, &d->drops);
	inbound_set_early(d->i, d->e);
	b->sees = carry_out;
	b->ctx = d;
	return d;
}

static void data_free(struct bench *b, struct data *d)
{
	b->sees = NULL;
	inbound_free(d->i);
	early_free(d->e);
	classifier_free(d->c);
	free(d);
}

/* The first quick mode of a connection, without an answer; its SPI. */
static uint32_t ask(struct bench *b)
{
	fake_ike.children = FAKE_IKE_CHILDREN_WAIT;
	bench_begin(b);
	bench_give(b, 1);
	assert_int_equal(fake_ike_count(1, IKE_EVENT_CHILD), 1);
	assert_int_equal(b->noffers, 1);
	assert_int_equal(b->offers[0], fake_ike_last(IKE_EVENT_CHILD)->spi);
	return b->offers[0];
}

static void agree(struct bench *b)
{
	const struct fake_ike_event *e = fake_ike_last(IKE_EVENT_CHILD);

	fake_ike_child_up(e->sa, e->id, e->spi, e->config);
	bench_pump(b);
}

static void fail_child(struct bench *b, int err)
{
	const struct fake_ike_event *e = fake_ike_last(IKE_EVENT_CHILD);

	fake_ike_child_failed(e->sa, e->id, err, 0);
	bench_pump(b);
}

/* ---- offers ---- */

static void until_it_is_agreed(void **state)
{
	struct bench *b = *state;

	ask(b);
	agree(b);
	assert_int_equal(b->noffers, 0);
	assert_int_equal(bench_info(b).state, SESSION_UP);
	/* So it is with its successor, which the old one does not replace at once. */
	session_negotiate(b->s, b->now, 0);
	bench_pump(b);
	assert_int_equal(b->noffers, 1);
	agree(b);
	assert_int_equal(b->noffers, 0);
}

static void until_it_is_refused(void **state)
{
	struct bench *b = *state;

	ask(b);
	fail_child(b, ERR_PEER_REFUSED);
	assert_int_equal(b->noffers, 0);
}

static void until_nobody_answers(void **state)
{
	struct bench *b = *state;

	fake_ike.children = FAKE_IKE_CHILDREN_UP;
	bench_up(b);
	fake_ike.children = FAKE_IKE_CHILDREN_WAIT;
	session_negotiate(b->s, b->now, 0);
	bench_pump(b);
	assert_int_equal(b->noffers, 1);
	fail_child(b, ERR_TIMEOUT);
	assert_int_equal(b->noffers, 0);
}

static void until_the_isakmp_sa_is_gone(void **state)
{
	struct bench *b = *state;

	ask(b);
	bench_dead(b, 1, ERR_PEER_REFUSED, "");
	assert_int_equal(b->noffers, 0);
}

static void until_all_begins_anew(void **state)
{
	struct bench *b = *state;

	bench_up(b);
	fake_ike.children = FAKE_IKE_CHILDREN_WAIT;
	session_negotiate(b->s, b->now, 0);
	bench_pump(b);
	assert_int_equal(b->noffers, 1);
	b->assigned.ip4 = parts_addr("10.98.0.8");
	bench_config(b, 1);
	assert_int_equal(fake_ike_count(1, IKE_EVENT_CHILD_DELETE), 2);
	/* That of the other address is offered alone. */
	assert_int_equal(b->noffers, 1);
	assert_int_equal(b->offers[0], fake_ike_last(IKE_EVENT_CHILD)->spi);
}

static void until_the_end(void **state)
{
	static const struct session_event disconnect = { .type = SESSION_EVENT_DISCONNECT };
	struct bench *b = *state;

	ask(b);
	session_event(b->s, b->now, &disconnect);
	bench_pump(b);
	bench_run(b, b->now + 60 * VTIME_S);
	assert_int_equal(b->done.type, SESSION_EFFECT_DONE);
	assert_int_equal(b->noffers, 0);
}

/* Of what the gateway begins there is the SA before it can know the SPI. */
static void not_what_the_gateway_begins(void **state)
{
	struct bench *b = *state;
	struct data *d = data_new(b);
	const struct ike_child_config *c;
	struct ike_effect *fx;

	bench_up(b);
	c = fake_ike_last(IKE_EVENT_CHILD)->config;
	fx = fake_ike_push(1, IKE_EFFECT_CHILD_OFFER);
	fx->offer.id = 0x80000001;
	fx->offer.ts = c->ts;
	bench_pump(b);
	assert_int_equal(fake_ike_count(1, IKE_EVENT_CHILD_ACCEPT), 1);
	assert_int_equal(b->noffers, 0);
	fake_ike_child_up(1, 0x80000001, 0x77777777, c);
	fake_sas[1]->effects[fake_sas[1]->first].type = IKE_EFFECT_CHILD_READY;
	bench_pump(b);
	assert_int_equal(b->noffers, 0);
	assert_non_null(classifier_find_spi(d->c, 0x77777777));
	data_free(b, d);
}

/* ---- packets ---- */

/* The gateway sends so many on the SA of this SPI, numbered by their ports. */
static void send(struct bench *b, struct data *d, uint32_t spi, unsigned n)
{
	static const uint8_t zero[64];
	struct esp_sa_config config = parts_config(&suite_gcm, spi);

	config.keymat.p = zero;
	parts_batch(&d->batch);
	for (unsigned i = 0; i < n; i++) {
		uint8_t ip[60];
		struct pkt *p;

		parts_udp4(ip, "192.0.2.80", "10.98.0.7", (uint16_t)++d->sequence, sizeof(ip));
		p = parts_wrap(&d->batch.b, &config, d->sequence, SLICE_OF(ip), 4);
		p->to.port = IKE_NATT_PORT;
	}
	inbound_run(d->i, b->now, &d->batch.b);
}

static void expect_inner(const struct batch *b, unsigned n, uint16_t first)
{
	assert_int_equal(b->n, n);
	for (unsigned i = 0; i < n; i++) {
		assert_int_equal(b->pkts[i].kind, PKT_INNER);
		assert_int_equal(get_be16(pkt_data(&b->pkts[i]) + 22), first + i);
	}
}

static struct batch *release(struct bench *b, struct data *d)
{
	batch_init(&d->out, NULL, 0);
	assert_false(inbound_release(d->i, b->now, &d->out));
	return &d->out;
}

static void expect_nothing_dropped(const struct data *d)
{
	for (unsigned i = 0; i < DROP_COUNT; i++)
		assert_int_equal(drop_read(inbound_drops(d->i), (enum drop)i) +
					 drop_read(&d->drops, (enum drop)i),
				 0);
}

static void packets_overtake_message_2(void **state)
{
	struct bench *b = *state;
	struct data *d = data_new(b);
	uint32_t spi = ask(b);

	send(b, d, spi, PACKETS);
	bench_run(b, b->now + 700 * VTIME_MS);
	expect_inner(release(b, d), 0, 0);
	agree(b);
	assert_true(d->made);
	assert_int_equal(classifier_offers(d->c), 0);
	expect_inner(release(b, d), PACKETS, 1);
	send(b, d, spi, PACKETS);
	expect_inner(&d->batch.b, PACKETS, PACKETS + 1);
	expect_nothing_dropped(d);
	data_free(b, d);
}

static void message_2_never_comes(void **state)
{
	struct bench *b = *state;
	struct data *d = data_new(b);
	uint32_t spi = ask(b);

	send(b, d, spi, PACKETS);
	assert_true(inbound_deadline(d->i) == b->now + VTIME_S);
	bench_run(b, b->now + VTIME_S);
	expect_inner(release(b, d), 0, 0);
	assert_int_equal(drop_read(&d->drops, DROP_EARLY_EXPIRED), PACKETS);
	send(b, d, spi, PACKETS);
	fail_child(b, ERR_TIMEOUT);
	expect_inner(release(b, d), 0, 0);
	assert_int_equal(drop_read(&d->drops, DROP_EARLY_WITHDRAWN), PACKETS);
	assert_true(inbound_deadline(d->i) == VTIME_NEVER);
	send(b, d, spi, 1);
	assert_int_equal(drop_read(inbound_drops(d->i), DROP_UNKNOWN_SPI), 1);
	data_free(b, d);
}

static int set_up(void **state)
{
	(void)state;
	return crypto_init();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BENCH_TEST(until_it_is_agreed),		 BENCH_TEST(until_it_is_refused),
		BENCH_TEST(until_nobody_answers),	 BENCH_TEST(until_the_isakmp_sa_is_gone),
		BENCH_TEST(until_all_begins_anew),	 BENCH_TEST(until_the_end),
		BENCH_TEST(not_what_the_gateway_begins), BENCH_TEST(packets_overtake_message_2),
		BENCH_TEST(message_2_never_comes),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
