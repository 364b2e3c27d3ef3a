/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/mem.h"
#include "tests/unit/esp_parts.h"

#define SPI_OUT 0x1000
#define SPI_IN 0xc0ffee01
#define EVENTS 64 /* that an engine keeps */
#define NOW (1000 * VTIME_S)

static const struct esp_probe_key key = { .identifier = 0xbeef, .token = "sixteen is long" };

/* Both engines; one SA goes out, and two come in: the newer has the SPI + 1 and epoch 2. */
struct bench {
	struct classifier *c;
	struct inbound *in;
	struct outbound *out;
	struct esp_sa_config config[2];
	struct esp_in *sa[2];
	struct esp_out *sender;
	uint32_t sequence;
	struct parts_batch batch, replies;
};

static int bench_new(void **state)
{
	struct bench *b = xcalloc(1, sizeof(*b));

	b->c = classifier_new();
	b->in = inbound_new(b->c);
	b->out = outbound_new(b->c, &(struct outbound_config){ .hold_bytes = 1 << 20,
							       .hold_age = 30 * VTIME_S });
	for (unsigned i = 0; i < 2; i++) {
		b->config[i] = parts_config(i ? &suite_cbc : &suite_gcm, SPI_IN + i);
		b->config[i].epoch = 1 + i;
		b->sa[i] = parts_in(b->config[i]);
		assert_int_equal(classifier_add_spi(b->c, b->sa[i]), 0);
	}
	b->sender = parts_out(parts_config(&suite_gcm, SPI_OUT));
	classifier_set_probe_key(b->c, &key);
	parts_batch(&b->batch);
	*state = b;
	return 0;
}

static int bench_free(void **state)
{
	struct bench *b = *state;

	inbound_free(b->in);
	outbound_free(b->out);
	for (unsigned i = 0; i < 2; i++)
		esp_in_free(b->sa[i]);
	esp_out_free(b->sender);
	classifier_free(b->c);
	free(b);
	return 0;
}

/* ---- replies ---- */

struct echo {
	uint8_t bytes[ESP_PROBE_MAX];
	size_t n;
	size_t icmp; /* where that header is */
};

static void echo_checksum(struct echo *e)
{
	struct slice icmp = slice(e->bytes + e->icmp, e->n - e->icmp);
	uint64_t sum = 0;
	struct addr a, b;

	e->bytes[e->icmp + 2] = e->bytes[e->icmp + 3] = 0;
	if (e->icmp == PACKET_IP6_HEADER) {
		addr_from_bytes(slice(e->bytes + 8, 16), &a);
		addr_from_bytes(slice(e->bytes + 24, 16), &b);
		sum = packet_sum_pseudo(0, &a, &b, PACKET_ICMP6, (uint32_t)icmp.n);
	}
	put_be16(e->bytes + e->icmp + 2, packet_sum_finish(packet_sum_add(sum, icmp)));
}

/* The request turned round: what the answerer sends. */
static struct echo echo_between(const char *src, const char *dst, struct slice payload)
{
	struct packet_echo request = {
		.src = parts_addr(src),
		.dst = parts_addr(dst),
		.id = key.identifier,
		.sequence = 77,
		.payload = payload,
	};
	struct echo e = { .icmp = PACKET_IP4_HEADER };
	uint8_t type = 0;

	if (request.src.family == FAMILY_IP6) {
		e.icmp = PACKET_IP6_HEADER;
		type = 129;
	}
	e.n = packet_echo_request(&request, e.bytes, sizeof(e.bytes));
	assert_int_not_equal(e.n, 0);
	e.bytes[e.icmp] = type;
	echo_checksum(&e);
	return e;
}

static struct echo reply_with(struct slice payload)
{
	return echo_between("10.2.0.9", "10.1.0.5", payload);
}

static struct echo reply(void)
{
	return reply_with(SLICE_OF(key.token));
}

static enum pkt_kind receive_marked(struct bench *b, unsigned sa, const struct echo *e, uint8_t ecn)
{
	uint8_t next = e->icmp == PACKET_IP6_HEADER ? 41 : 4;
	struct pkt *p = parts_wrap(parts_batch(&b->batch), &b->config[sa], ++b->sequence,
				   slice(e->bytes, e->n), next);

	p->from = (struct endpoint){ parts_addr("192.0.2.1"), 4500 };
	p->to = (struct endpoint){ parts_addr("192.0.2.99"), 4500 };
	p->ecn = ecn;
	inbound_run(b->in, NOW, &b->batch.b);
	return p->kind;
}

static enum pkt_kind receive(struct bench *b, unsigned sa, const struct echo *e)
{
	return receive_marked(b, sa, e, 0);
}

static uint64_t consumed(const struct bench *b)
{
	return drop_read(inbound_drops(b->in), DROP_PROBE_REPLY);
}

/* The first event of this type, without those before it. */
static bool told(struct bench *b, enum data_event_type type, struct data_event *e)
{
	while (inbound_output(b->in, e))
		if (e->type == type)
			return true;
	return false;
}

static void expect_reply(struct bench *b, unsigned sa, const char *from, const char *to)
{
	struct addr src = parts_addr(from), dst = parts_addr(to);
	struct data_event e;

	assert_true(told(b, DATA_PROBE_REPLY, &e));
	assert_int_equal(e.slot, 3);
	assert_int_equal(e.epoch, 1 + sa);
	assert_int_equal(e.spi, SPI_IN + sa);
	assert_int_equal(e.sequence, 77);
	assert_true(addr_eq(&e.tuple.src, &src));
	assert_true(addr_eq(&e.tuple.dst, &dst));
}

static void expect_passed_on(struct bench *b, const struct echo *e)
{
	struct data_event ev;
	uint64_t before = consumed(b);

	assert_int_equal(receive(b, 0, e), PKT_INNER);
	assert_int_equal(consumed(b), before);
	assert_false(told(b, DATA_PROBE_REPLY, &ev));
}

static void replies_are_consumed_on_any_sa(void **state)
{
	struct bench *b = *state;
	struct echo e = reply();

	for (unsigned sa = 0; sa < 2; sa++) {
		assert_int_equal(receive(b, sa, &e), PKT_GONE);
		assert_int_equal(consumed(b), sa + 1);
		expect_reply(b, sa, "10.2.0.9", "10.1.0.5");
		assert_int_equal(esp_in_counters(b->sa[sa])->own, 1);
		assert_int_equal(esp_in_counters(b->sa[sa])->packets, 1);
		assert_int_equal(esp_counters_data(esp_in_counters(b->sa[sa])), 0);
		assert_int_equal(esp_in_counters(b->sa[sa])->heard_at, NOW);
	}
}

static void so_are_those_of_ipv6(void **state)
{
	struct bench *b = *state;
	struct echo e = echo_between("fd02::9", "fd01::5", SLICE_OF(key.token));

	b->config[0].spi = 0x77777;
	b->config[0].ts = parts_pair("fd01::/64", "fd02::/64");
	classifier_remove_spi(b->c, SPI_IN);
	esp_in_free(b->sa[0]);
	b->sa[0] = parts_in(b->config[0]);
	assert_int_equal(classifier_add_spi(b->c, b->sa[0]), 0);
	assert_int_equal(receive(b, 0, &e), PKT_GONE);
	assert_int_equal(consumed(b), 1);
	e.bytes[e.icmp + 2] ^= 1;
	assert_int_equal(receive(b, 0, &e), PKT_INNER);
}

/* A payload may go on behind the token. */
static void the_token_is_a_prefix(void **state)
{
	struct bench *b = *state;
	uint8_t payload[ESP_PROBE_TOKEN + 20];
	struct echo e;

	memset(payload, 0x77, sizeof(payload));
	memcpy(payload, key.token, sizeof(key.token));
	e = reply_with(SLICE_OF(payload));
	assert_int_equal(receive(b, 0, &e), PKT_GONE);
	expect_reply(b, 0, "10.2.0.9", "10.1.0.5");
	e = reply_with(slice(payload, ESP_PROBE_TOKEN - 1));
	expect_passed_on(b, &e);
	e = reply_with(SLICE_NONE);
	expect_passed_on(b, &e);
}

/* The proof and the mark for control, although nothing reaches the host. */
static void a_reply_is_an_authentic_packet(void **state)
{
	struct bench *b = *state;
	struct esp_sa_config next = parts_config(&suite_cbc, SPI_OUT + 1);
	struct echo e = reply();
	struct esp_out *out;
	struct data_event ev;

	next.epoch = 2;
	out = parts_out(next);
	classifier_set_current(b->c, 3, b->sender);
	classifier_set_next(b->c, 3, out);
	assert_int_equal(receive(b, 1, &e), PKT_GONE);
	assert_true(classifier_next_proved(b->c, 3));
	assert_true(inbound_output(b->in, &ev));
	assert_int_equal(ev.type, DATA_FIRST_PACKET);
	assert_int_equal(ev.epoch, 2);
	expect_reply(b, 1, "10.2.0.9", "10.1.0.5");
	classifier_set_current(b->c, 3, NULL);
	esp_out_free(out);
}

/* The host's own pings, and what nobody asked for. */
static void what_is_not_ours_goes_to_the_host(void **state)
{
	struct bench *b = *state;
	struct echo e = reply();

	e.bytes[e.icmp + 4] ^= 1; /* identifier */
	echo_checksum(&e);
	expect_passed_on(b, &e);
	for (unsigned i = 0; i < ESP_PROBE_TOKEN; i++) {
		e = reply();
		e.bytes[e.icmp + 8 + i] ^= 0x80;
		echo_checksum(&e);
		expect_passed_on(b, &e);
	}
	e = reply();
	e.bytes[e.icmp] = 8; /* the request itself, sent back */
	echo_checksum(&e);
	expect_passed_on(b, &e);
	e = reply();
	e.bytes[e.icmp + 1] = 1; /* code */
	echo_checksum(&e);
	expect_passed_on(b, &e);
	e = reply();
	e.bytes[9] = PACKET_UDP;
	expect_passed_on(b, &e);
}

static void damaged_replies_go_to_the_host(void **state)
{
	struct bench *b = *state;
	struct echo e = reply();

	e.bytes[e.icmp + 2] ^= 1; /* its checksum */
	expect_passed_on(b, &e);
	e = reply();
	e.bytes[6] = 0x20; /* a first fragment */
	expect_passed_on(b, &e);
	e = reply();
	e.bytes[7] = 1; /* a later one */
	expect_passed_on(b, &e);
	/* Cut off in the token, and before it. */
	for (size_t n = e.icmp + 4; n < e.icmp + 8 + ESP_PROBE_TOKEN; n++) {
		e = reply();
		e.n = n;
		put_be16(e.bytes + 2, (uint16_t)n);
		echo_checksum(&e);
		expect_passed_on(b, &e);
	}
}

static void nothing_is_consumed_that_may_not_come(void **state)
{
	struct bench *b = *state;
	struct echo e = echo_between("10.3.0.9", "10.1.0.5", SLICE_OF(key.token));
	struct data_event ev;

	assert_int_equal(receive(b, 0, &e), PKT_GONE);
	e = reply();
	e.n -= 4; /* shorter than its header says */
	assert_int_equal(receive(b, 0, &e), PKT_GONE);
	assert_int_equal(consumed(b), 0);
	assert_int_equal(drop_read(inbound_drops(b->in), DROP_INNER_SELECTOR), 1);
	assert_int_equal(drop_read(inbound_drops(b->in), DROP_INNER_MALFORMED), 1);
	assert_int_equal(esp_in_counters(b->sa[0])->own, 0);
	assert_false(told(b, DATA_PROBE_REPLY, &ev));
}

/* It goes nowhere where congestion could be told of. */
static void congestion_on_the_way_is_no_loss(void **state)
{
	struct bench *b = *state;
	struct echo e = reply();

	assert_int_equal(receive_marked(b, 0, &e, 3), PKT_GONE);
	expect_reply(b, 0, "10.2.0.9", "10.1.0.5");
	assert_int_equal(drop_read(inbound_drops(b->in), DROP_ECN), 0);
}

static void without_a_key_all_go_to_the_host(void **state)
{
	struct bench *b = *state;
	struct classifier *c = classifier_new();
	struct inbound *in = inbound_new(c);
	struct esp_in *sa = parts_in(b->config[0]);
	struct echo e = reply();
	struct pkt *p;

	assert_int_equal(classifier_add_spi(c, sa), 0);
	p = parts_wrap(parts_batch(&b->batch), &b->config[0], 1, slice(e.bytes, e.n), 4);
	p->to.port = 4500;
	inbound_run(in, NOW, &b->batch.b);
	assert_int_equal(p->kind, PKT_INNER);
	inbound_free(in);
	classifier_free(c);
	esp_in_free(sa);
}

/* They are consumed all the same, and the next one is told. */
static void replies_beyond_the_queue_are_lost(void **state)
{
	struct bench *b = *state;
	struct echo e = reply();
	struct data_event ev;
	unsigned n = 0;

	for (unsigned i = 0; i < EVENTS + 10; i++)
		assert_int_equal(receive(b, 0, &e), PKT_GONE);
	assert_int_equal(consumed(b), EVENTS + 10);
	while (told(b, DATA_PROBE_REPLY, &ev))
		n++;
	assert_int_equal(n, EVENTS - 1); /* one place was FIRST_PACKET's */
	assert_int_equal(receive(b, 0, &e), PKT_GONE);
	assert_true(told(b, DATA_PROBE_REPLY, &ev));
}

static void a_dummy_is_our_own(void **state)
{
	struct bench *b = *state;
	struct pkt *p = parts_wrap(parts_batch(&b->batch), &b->config[0], 1, slice("", 0), 59);

	p->to.port = 4500;
	inbound_run(b->in, NOW, &b->batch.b);
	assert_int_equal(p->kind, PKT_GONE);
	assert_int_equal(drop_read(inbound_drops(b->in), DROP_DUMMY), 1);
	assert_int_equal(esp_in_counters(b->sa[0])->own, 1);
	assert_int_equal(esp_in_counters(b->sa[0])->heard_at, NOW);
}

static void what_is_not_authentic_is_not_heard(void **state)
{
	struct bench *b = *state;
	struct echo e = reply();
	struct pkt *p =
		parts_wrap(parts_batch(&b->batch), &b->config[0], 1, slice(e.bytes, e.n), 4);

	p->to.port = 4500;
	pkt_data(p)[p->len - 1] ^= 1;
	inbound_run(b->in, NOW, &b->batch.b);
	assert_int_equal(p->kind, PKT_GONE);
	assert_int_equal(esp_in_counters(b->sa[0])->heard_at, 0);
	assert_int_equal(consumed(b), 0);
}

/* ---- probes ---- */

/* What the peer finds in it. */
static void expect_opened(const struct pkt *p, struct slice inner, uint8_t next_header)
{
	struct esp_in *peer = parts_in(parts_config(&suite_gcm, SPI_OUT));
	struct parts_batch *store = xcalloc(1, sizeof(*store));
	struct pkt *copy = parts_take(parts_batch(store), pkt_slice(p));
	uint8_t next;
	enum drop why;

	assert_int_equal(p->kind, PKT_SEALED);
	assert_int_equal(esp_open(peer, copy, &next, &why), 0);
	assert_int_equal(next, next_header);
	assert_true(slice_eq(pkt_slice(copy), inner));
	free(store);
	esp_in_free(peer);
}

static void probes_go_out_on_their_sa(void **state)
{
	struct bench *b = *state;
	struct echo e4 = reply(), e6 = echo_between("fd01::5", "fd02::9", SLICE_OF(key.token));
	struct batch *out = parts_batch(&b->batch);
	const struct esp_counters *c = esp_out_counters(b->sender);

	assert_true(outbound_probe(b->out, b->sender, e4.bytes, e4.n, out));
	assert_true(outbound_probe(b->out, b->sender, e6.bytes, e6.n, out));
	assert_true(outbound_probe(b->out, b->sender, NULL, 0, out));
	assert_int_equal(out->n, 3);
	expect_opened(&out->pkts[0], slice(e4.bytes, e4.n), 4);
	expect_opened(&out->pkts[1], slice(e6.bytes, e6.n), 41);
	expect_opened(&out->pkts[2], SLICE_NONE, 59);
	for (unsigned i = 0; i < out->n; i++) {
		assert_ptr_equal(out->pkts[i].path, &esp_out_config(b->sender)->path);
		assert_false(out->pkts[i].may_fragment);
	}
	assert_int_equal(c->own, 3);
	assert_int_equal(c->packets, 3);
	assert_int_equal(c->data_at, 0);
	assert_int_equal(esp_counters_data(c), 0);
}

/* No rule names it, its slot sends on nothing, packets are held for that, and the path is narrow. */
static void nothing_keeps_a_probe_back(void **state)
{
	struct bench *b = *state;
	struct policy policy = { .fallback = POLICY_DISCARD };
	struct echo e = reply();
	struct batch *out = parts_batch(&b->batch);
	uint8_t udp[60];

	policy_add(&policy, &(struct policy_rule){ parts_pair("10.1.0.0/16", "10.2.0.0/16"),
						   POLICY_PROTECT, 3, GRANULARITY_RULE });
	classifier_rules_free(classifier_publish_rules(b->c, &policy));
	parts_take(out, parts_udp4(udp, "10.1.0.5", "10.2.0.9", 53, sizeof(udp)));
	outbound_run(b->out, NOW, out, parts_batch(&b->replies));
	assert_int_equal(outbound_held(b->out)->packets, 1);
	esp_out_set_mtu(b->sender, 40);
	out = parts_batch(&b->batch);
	assert_true(outbound_probe(b->out, b->sender, e.bytes, e.n, out));
	assert_int_equal(out->n, 1);
	expect_opened(&out->pkts[0], slice(e.bytes, e.n), 4);
	assert_true(out->pkts[0].may_fragment);
	assert_int_equal(outbound_held(b->out)->packets, 1);
	/* What was held is the host's. */
	assert_int_equal(esp_out_counters(b->sender)->data_at, 0);
	esp_out_set_mtu(b->sender, 0);
	classifier_set_current(b->c, 3, b->sender);
	out = parts_batch(&b->batch);
	outbound_release(b->out, NOW + 5, out, parts_batch(&b->replies));
	assert_int_equal(out->n, 1);
	assert_int_equal(esp_out_counters(b->sender)->data_at, NOW + 5);
	assert_int_equal(esp_counters_data(esp_out_counters(b->sender)), 1);
}

static void without_room_a_probe_is_lost(void **state)
{
	struct bench *b = *state;
	struct echo e = reply();
	struct batch *out = parts_batch(&b->batch);

	while (out->n < BATCH_MAX)
		assert_true(outbound_probe(b->out, b->sender, e.bytes, e.n, out));
	assert_false(outbound_probe(b->out, b->sender, e.bytes, e.n, out));
	assert_int_equal(out->n, BATCH_MAX);
	assert_int_equal(drop_read(outbound_drops(b->out), DROP_PROBE_LOST), 1);
	assert_int_equal(esp_out_counters(b->sender)->packets, BATCH_MAX);
	assert_int_equal(esp_out_counters(b->sender)->own, BATCH_MAX);
}

static void a_used_up_sa_sends_none(void **state)
{
	struct bench *b = *state;
	struct esp_sa_config config = parts_config(&suite_gcm, SPI_OUT + 9);
	struct batch *out = parts_batch(&b->batch);
	struct esp_out *sa;
	struct data_event ev;

	config.first_sequence = UINT32_MAX;
	sa = parts_out(config);
	assert_true(outbound_probe(b->out, sa, NULL, 0, out));
	assert_false(outbound_probe(b->out, sa, NULL, 0, out));
	assert_int_equal(out->n, 1);
	assert_int_equal(drop_read(outbound_drops(b->out), DROP_SEQUENCE_EXHAUSTED), 1);
	assert_int_equal(esp_out_counters(sa)->own, 1);
	assert_true(outbound_output(b->out, &ev));
	assert_int_equal(ev.type, DATA_EXHAUSTED);
	assert_int_equal(ev.spi, SPI_OUT + 9);
	esp_out_free(sa);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, bench_new, bench_free)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(replies_are_consumed_on_any_sa),
		TEST(so_are_those_of_ipv6),
		TEST(the_token_is_a_prefix),
		TEST(a_reply_is_an_authentic_packet),
		TEST(what_is_not_ours_goes_to_the_host),
		TEST(damaged_replies_go_to_the_host),
		TEST(nothing_is_consumed_that_may_not_come),
		TEST(congestion_on_the_way_is_no_loss),
		TEST(without_a_key_all_go_to_the_host),
		TEST(replies_beyond_the_queue_are_lost),
		TEST(a_dummy_is_our_own),
		TEST(what_is_not_authentic_is_not_heard),
		TEST(probes_go_out_on_their_sa),
		TEST(nothing_keeps_a_probe_back),
		TEST(without_room_a_probe_is_lost),
		TEST(a_used_up_sa_sends_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
