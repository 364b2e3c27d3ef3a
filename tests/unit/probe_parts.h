/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A session that pings through its epochs, and who answers. */
#ifndef GODWIT_TESTS_PROBE_PARTS_H
#define GODWIT_TESTS_PROBE_PARTS_H

#include "esp/sa.h"
#include "tests/unit/session_parts.h"

#define PINGTIME (2 * VTIME_S)
#define TRIES 6 /* pings of an epoch */
#define MAXIDLE (20 * VTIME_S)
#define ONE_EPOCH (TRIES * PINGTIME) /* until it is given up */
/* The target alone is asked twice, then both hosts. */
#define PINGS_OF_EPOCH (2 + 2 * (TRIES - 2))

#define GATEWAY "192.0.2.1"
#define DNS "10.0.0.53"

/* ---- what tests say ---- */

/* Everything goes through the tunnel, and there is a name server in it. */
static inline struct bench *begin(struct bench *b)
{
	b->config.pingtime2 = PINGTIME;
	b->config.pingtries2 = TRIES - 1;
	b->config.maxidle = MAXIDLE;
	b->assigned.dns[b->assigned.ndns++] = parts_addr(DNS);
	return b;
}

/* Raw ESP behind a NAT. */
static inline struct bench *begin_strict(struct bench *b)
{
	begin(b);
	b->nat = NAT_LOCAL;
	fake_ike.encapsulation = ENCAPSULATION_ESP;
	return b;
}

static inline struct tunnel *tunnel(const struct bench *b)
{
	return &b->s->tunnels[0];
}

/* The n-th newest epoch of the first tunnel. */
static inline const struct session_epoch_info *epoch(const struct bench *b, unsigned n)
{
	static struct session_info info;

	session_info(b->s, &info);
	assert_true(n < info.tunnels[0].nepochs);
	return &info.tunnels[0].epochs[n];
}

static inline unsigned place(const struct bench *b, uint32_t spi_in)
{
	for (unsigned k = 0; k < EPOCHS_MAX; k++)
		if (tunnel(b)->epoch[k].in && tunnel(b)->epoch[k].child.spi_in == spi_in)
			return k;
	fail_msg("no epoch with SPI %08x", spi_in);
	return 0;
}

static inline void event(struct bench *b, const struct data_event *data)
{
	struct session_event ev = { .type = SESSION_EVENT_DATA, .data = data };

	session_event(b->s, b->now, &ev);
	bench_pump(b);
}

/* Something authentic has come on this epoch. */
static inline void heard(struct bench *b, unsigned place)
{
	struct esp_in *in = tunnel(b)->epoch[place].in;
	const struct data_event first = { .type = DATA_FIRST_PACKET,
					  .epoch = tunnel(b)->epochs.epoch[place].id };

	atomic_store(&in->counters.heard_at, b->now);
	if (atomic_fetch_add(&in->counters.packets, 1) == 0)
		event(b, &first);
}

/* The ping (by its number among all) is answered, on the epoch with this inbound SPI. */
static inline void answer_on(struct bench *b, unsigned ping, uint32_t spi_in)
{
	const struct ping_seen *p = &b->ping[ping];
	unsigned at = place(b, spi_in);
	struct data_event reply = {
		.type = DATA_PROBE_REPLY,
		.epoch = tunnel(b)->epochs.epoch[at].id,
		.sequence = p->sequence,
		.tuple.src = p->dst,
	};

	assert_true(p->dst.family != FAMILY_NONE);
	atomic_fetch_add(&tunnel(b)->epoch[at].in->counters.own, 1);
	heard(b, at);
	event(b, &reply);
}

static inline void answer(struct bench *b, unsigned ping)
{
	ping %= PINGS_MAX;
	for (unsigned k = 0; k < EPOCHS_MAX; k++) {
		const struct session_epoch *e = &tunnel(b)->epoch[k];

		if (e->out && e->child.spi_out == b->ping[ping].spi) {
			answer_on(b, ping, e->child.spi_in);
			return;
		}
	}
	fail_msg("ping %u was for no epoch that is there", ping);
}

static inline void expect_asks(const struct bench *b, unsigned ping, const char *whom)
{
	struct addr want = whom ? parts_addr(whom) : (struct addr){ 0 };

	assert_true(ping < b->pings);
	assert_true(addr_eq(&b->ping[ping % PINGS_MAX].dst, &want));
}

static inline void later(struct bench *b, vtime length)
{
	bench_run(b, b->now + length);
}

static inline unsigned children(void)
{
	return fake_ike_count(0, IKE_EVENT_CHILD);
}

static inline struct session_ping_info ping_info(const struct bench *b)
{
	return bench_info(b).ping;
}

static inline bool is_target(const struct bench *b, const char *text)
{
	struct addr want = parts_addr(text), target = ping_info(b).target;

	return addr_eq(&target, &want);
}

/* Up, and the name server has answered. */
static inline void found(struct bench *b)
{
	bench_up(b);
	assert_int_equal(b->pings, 2);
	answer(b, 1);
	assert_true(epoch(b, 0)->state == EPOCH_CURRENT);
}

/* Another epoch beside it. */
static inline void rekey(struct bench *b)
{
	session_negotiate(b->s, b->now, 0);
	bench_pump(b);
	assert_int_equal(epoch(b, 0)->state, EPOCH_PROBING);
}

/* The same where the gateway takes its time. */
static inline void agreed(struct bench *b, uint32_t spi)
{
	fake_ike_child_up(1, fake_ike_last(IKE_EVENT_CHILD)->id, spi,
			  fake_ike_last(IKE_EVENT_CHILD)->config);
	bench_pump(b);
}

static inline void rekey_with(struct bench *b, uint32_t spi)
{
	session_negotiate(b->s, b->now, 0);
	bench_pump(b);
	agreed(b, spi);
}

/* The peer wants another epoch of the first tunnel. */
static inline void offer(struct bench *b, uint32_t id)
{
	struct ike_effect *fx = fake_ike_push(1, IKE_EFFECT_CHILD_OFFER);

	fx->offer.id = id;
	fx->offer.ts = b->s->net.tunnels[0];
	bench_pump(b);
}

static inline unsigned starts(void)
{
	return fake_ike_count(0, IKE_EVENT_START);
}

/* Everything that a connection takes, as often as it begins anew. */
static inline void until_up(struct bench *b)
{
	unsigned sa = fake_ike.nsas;

	assert_int_equal(bench_info(b).state, SESSION_RECOVERING);
	bench_authenticated(b, sa);
	bench_give(b, sa);
	assert_int_equal(bench_info(b).state, SESSION_UP);
}

static inline void until_begun(struct bench *b, unsigned n)
{
	vtime most = b->now + 5 * (ONE_EPOCH + 75 * VTIME_S);

	while (starts() < n && b->now < most)
		later(b, VTIME_S / 2);
	assert_int_equal(starts(), n);
}

#endif
