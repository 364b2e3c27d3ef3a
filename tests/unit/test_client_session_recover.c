/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A session that is up and loses negotiations, tunnels, lives and the gateway. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/mem.h"
#include "client/session_impl.h"
#include "esp/sa.h"
#include "ike/sa.h"
#include "tests/unit/esp_parts.h"

#define START (1000 * VTIME_S)

static const struct ike_failure timed_out = { .err = ERR_TIMEOUT,
					      .during = "quick mode",
					      .text = "no answer" };

/* A session with two tunnels that has been up for a second. */
struct bench {
	struct session_config config;
	struct log log;
	struct rng *rng;
	struct session *s;
};

static void sink(void *ctx, const struct log_event *ev)
{
	(void)ctx;
	(void)ev;
}

static int bench_new(void **state)
{
	struct bench *b = xcalloc(1, sizeof(*b));

	b->log = (struct log){ .level = LOG_DEBUG, .sink = sink, .ctx = b };
	b->config.gateways[0] = "192.0.2.1";
	b->config.ngateways = 1;
	b->config.ntunnels = 2;
	b->config.dpd = 30 * VTIME_S;
	b->config.elimit = 3;
	b->config.rekeymargin = 540 * VTIME_S;
	b->rng = parts_rng();
	b->s = session_new(&b->config, b->rng, &b->log, false);
	b->s->state = SESSION_UP;
	b->s->since = START - VTIME_S;
	b->s->step = STEP_UP;
	b->s->path.encapsulation = ENCAPSULATION_UDP;
	b->s->path_mtu = 1500;
	*state = b;
	return 0;
}

static int bench_free(void **state)
{
	struct bench *b = *state;
	struct session_effect fx;

	while (session_output(b->s, START, &fx)) {
		if (fx.type == SESSION_EFFECT_RETIRE) {
			esp_in_free(fx.retire.in);
			esp_out_free(fx.retire.out);
		}
	}
	session_free(b->s);
	free(b);
	return secret_pool_used() == 0 ? 0 : -1;
}

static struct negotiation *negotiating(struct bench *b, bool ours, bool agreed)
{
	struct negotiation *n = &b->s->negotiations[0];

	*n = (struct negotiation){
		.id = 7, .ike = &b->s->ike[0], .ours = ours, .slot = 1, .epoch = 8
	};
	if (agreed) {
		n->in = parts_in(parts_config(&suite_gcm, 0x1001));
		n->spi_out = 0x2001;
	}
	return n;
}

static struct ike_child child_with(uint32_t id, const struct esp_suite *suite)
{
	struct ike_child child = {
		.id = id, .spi_in = 0x1001, .spi_out = 0x2001, .suite = *suite, .keylife_s = 3600
	};

	child.ts = parts_pair("10.1.0.0/16", "10.2.0.0/16");
	secret_set(&child.keymat_in, parts_keymat(suite));
	secret_set(&child.keymat_out, parts_keymat(suite));
	return child;
}

static struct ike_child child_of(uint32_t id)
{
	return child_with(id, &suite_gcm);
}

/* ---- negotiations ---- */

static vtime retry_after_loss(struct bench *b, bool ours, bool agreed, bool wanted)
{
	negotiating(b, ours, agreed);
	b->s->tunnels[1].wanted = wanted;
	b->s->tunnels[1].retry_at = VTIME_NEVER;
	session_negotiations_lost(b->s, START, &b->s->ike[0], &timed_out);
	assert_int_equal(b->s->negotiations[0].id, 0);
	assert_true(b->s->tunnels[0].retry_at == VTIME_NEVER);
	return b->s->tunnels[1].retry_at;
}

static void lost_with_their_ike_sa(void **state)
{
	struct bench *b = *state;

	assert_true(retry_after_loss(b, true, false, false) == START);
	assert_true(retry_after_loss(b, false, true, false) == START);
	assert_true(retry_after_loss(b, false, false, true) == START);
	assert_true(retry_after_loss(b, false, false, false) == VTIME_NEVER);
}

/* The peer's last message never came: it may have its SAs, and use them. */
static void an_offer_that_stops_half_way(void **state)
{
	struct bench *b = *state;

	negotiating(b, false, false);
	session_child_failed(b->s, START, &b->s->ike[0], 7, &timed_out);
	assert_true(b->s->tunnels[1].retry_at == VTIME_NEVER);
	negotiating(b, false, true);
	session_child_failed(b->s, START, &b->s->ike[0], 7, &timed_out);
	assert_true(b->s->tunnels[1].retry_at == START);
	assert_int_equal(b->s->ladder.nepoch, 0);
}

static bool takes_offer(struct bench *b, const struct ts_pair *ts)
{
	struct negotiation *n = &b->s->negotiations[0];

	*n = (struct negotiation){ 0 };
	session_child_offer(b->s, START, &b->s->ike[0], 0x80000001, ts);
	assert_true(n->id == 0 || n->slot == 1);
	return n->id != 0;
}

/* The gateway had agreed to a part of a tunnel: that it may renew, and nothing else that is less. */
static void an_offer_of_a_part(void **state)
{
	struct bench *b = *state;
	struct ike_child child = child_of(7);
	struct ts_pair whole = parts_pair("10.1.0.0/16", "10.0.0.0/8"), part = child.ts;
	struct ts_pair less = parts_pair("10.1.0.0/16", "10.2.3.0/24");

	b->s->ike[0].sa = ike_sa_new(&b->config.ike, b->rng, &b->log);
	b->s->net.tunnels[0] = parts_pair("10.1.0.0/16", "192.168.0.0/16");
	b->s->net.tunnels[1] = whole;
	assert_true(takes_offer(b, &whole));
	assert_false(takes_offer(b, &part));
	session_epoch_install(b->s, START, 1, &child, NULL);
	assert_true(takes_offer(b, &part));
	assert_true(takes_offer(b, &whole));
	assert_false(takes_offer(b, &less));
	b->s->negotiations[0] = (struct negotiation){ 0 };
}

static void deleted_before_the_last_message(void **state)
{
	struct bench *b = *state;
	struct ike_child child = child_of(7);
	const struct epoch *e = &b->s->tunnels[1].epochs.epoch[0];

	negotiating(b, false, true);
	session_child_deleted(b->s, START, 0x2002);
	assert_false(b->s->negotiations[0].deleted);
	session_child_deleted(b->s, START, 0x2001);
	session_child_up(b->s, START, &b->s->ike[0], &child);
	assert_int_equal(e->id, 8);
	assert_int_equal(e->state, EPOCH_RETIRING);
	assert_null(b->s->tunnels[1].published);
}

/* One tunnel is back, the other's negotiation failed: it is not left on SAs that nobody knows. */
static void a_tunnel_that_does_not_come_back(void **state)
{
	struct bench *b = *state;
	struct tunnel *t = &b->s->tunnels[1];
	vtime first;

	t->served = true;
	b->s->state = SESSION_RECOVERING;
	negotiating(b, true, false);
	session_child_failed(b->s, START, &b->s->ike[0], 7, &timed_out);
	assert_in_range(t->retry_at - START, VTIME_S * 3 / 4, VTIME_S * 5 / 4);
	first = t->retry_at;
	b->s->state = SESSION_UP;
	assert_true(session_tunnels_due_at(b->s) == first);
	/* Again and again, more and more seldom, and the others are left alone. */
	for (unsigned k = 0; k < 6; k++) {
		negotiating(b, true, false);
		session_child_failed(b->s, START, &b->s->ike[0], 7, &timed_out);
		assert_int_equal(b->s->state, SESSION_UP);
		assert_true(t->retry_at != VTIME_NEVER);
	}
	assert_in_range(t->retry_at - START, 45 * VTIME_S, 75 * VTIME_S);
}

/* ---- what does not last ---- */

static vtime wait_after_relapse(struct bench *b, vtime now)
{
	session_recover(b->s, now, "thrown out");
	assert_int_equal(b->s->state, SESSION_RECOVERING);
	return timers_next(&b->s->timers) - now;
}

static void up_and_proved(struct bench *b, vtime now)
{
	session_set_state(b->s, now, SESSION_UP);
	session_recovered(b->s, now);
	session_proved(b->s, now);
}

/* Up for a moment, proved, and out again: the waits grow all the same. */
static void what_never_lasts_waits_longer(void **state)
{
	struct bench *b = *state;
	vtime now = START;

	assert_true(wait_after_relapse(b, now) == 0);
	for (unsigned k = 0; k < 9; k++) {
		vtime least = (k < 6 ? VTIME_S << k : 60 * VTIME_S) * 3 / 4;

		up_and_proved(b, now);
		now += VTIME_S;
		assert_in_range(wait_after_relapse(b, now), least, least * 5 / 3);
	}
	up_and_proved(b, now);
	now += 60 * VTIME_S;
	assert_true(wait_after_relapse(b, now) == 0);
}

/* ---- IKE SAs ---- */

static const struct endpoint us = { { .family = FAMILY_IP4, .b = { 198, 51, 100, 2 } }, IKE_PORT };
static const struct endpoint gateway = { { .family = FAMILY_IP4, .b = { 192, 0, 2, 1 } },
					 IKE_PORT };

/* A first message of main mode, as the gateway would send it, or who uses its address. */
static void first_message(struct bench *b)
{
	struct ike_event start = { .type = IKE_EVENT_START };
	struct session_event ev = { .type = SESSION_EVENT_DATAGRAM };
	struct ike_effect fx;
	struct ike_sa *other = ike_sa_new(&b->config.ike, b->rng, &b->log);

	start.path = (struct path){ gateway, us, ENCAPSULATION_UDP, 0, 1 };
	ike_event(other, START, &start);
	assert_true(ike_output(other, START, &fx));
	assert_int_equal(fx.type, IKE_EFFECT_SEND);
	ev.datagram.from = gateway;
	ev.datagram.to = us;
	ev.datagram.bytes = fx.send.bytes;
	session_event(b->s, START, &ev);
	ike_sa_free(other);
}

static void ikes_fill(struct bench *b, unsigned established)
{
	b->config.ike.suites[0] = (struct ike_suite){ .cipher = IKE_CIPHER_AES_CBC,
						      .key_bits = 128,
						      .hash = HASH_SHA2_256,
						      .group = DH_MODP_2048 };
	b->config.ike.nsuites = 1;
	b->config.ike.timeout = 30 * VTIME_S;
	b->s->ike_config = b->config.ike;
	b->s->path.remote = gateway;
	for (unsigned k = 0; k < established; k++)
		b->s->ike[k] = (struct session_ike){
			.sa = ike_sa_new(&b->config.ike, b->rng, &b->log),
			.order = k + 1,
			.rekey_at = VTIME_NEVER,
			.expires_at = VTIME_NEVER,
		};
}

static unsigned ikes(const struct bench *b, bool closing)
{
	unsigned n = 0;

	for (unsigned k = 0; k < SESSION_IKES_MAX; k++)
		n += b->s->ike[k].sa && b->s->ike[k].closing == closing;
	return n;
}

/* Its sender has proved nothing: it gets a free place, or none. */
static void a_first_message_makes_nobody_leave(void **state)
{
	struct bench *b = *state;

	ikes_fill(b, SESSION_IKES_MAX - 1);
	first_message(b);
	assert_int_equal(ikes(b, false), SESSION_IKES_MAX);
	b->s->accepted_at = 0;
	first_message(b);
	assert_int_equal(ikes(b, false), SESSION_IKES_MAX);
	assert_int_equal(ikes(b, true), 0);
	session_ikes_free(b->s);
}

/* The gateway has said that it ends sooner: it is renewed sooner, too. */
static void a_shortened_life_is_renewed_in_time(void **state)
{
	struct bench *b = *state;
	struct session_ike *i = &b->s->ike[0];
	struct session_effect fx;

	ikes_fill(b, 1);
	i->expires_at = START + 28800 * VTIME_S;
	i->rekey_at = START + 28000 * VTIME_S;
	i->sa->state = IKE_STATE_ESTABLISHED;
	i->sa->expires_at = START + 28800 * VTIME_S;
	sa_alive(i->sa);
	assert_false(session_output(b->s, START, &fx));
	assert_true(i->rekey_at == START + 28000 * VTIME_S);
	i->sa->expires_at = START + 600 * VTIME_S;
	sa_alive(i->sa);
	assert_false(session_output(b->s, START, &fx));
	assert_in_range(i->rekey_at, START + 200 * VTIME_S, START + 400 * VTIME_S);
	session_ikes_free(b->s);
}

/* ---- finding the gateway again ---- */

static bool next_of(struct bench *b, vtime now, enum session_effect_type type,
		    struct session_effect *fx)
{
	while (session_output(b->s, now, fx))
		if (fx->type == type)
			return true;
	return false;
}

static void resolved_to_nothing(struct bench *b, vtime now)
{
	struct session_event ev = { .type = SESSION_EVENT_RESOLVED };

	ev.resolved.text = "the name servers do not answer";
	session_event(b->s, now, &ev);
}

/* The name servers may be reached through the tunnel alone, which is what has to be mended. */
static void a_name_without_an_address(void **state)
{
	struct bench *b = *state;
	struct session_effect fx;
	struct session_info info;
	vtime now = START;

	b->config.gateways[0] = "vpn.example.com";
	b->s->path.remote = gateway;
	up_and_proved(b, now);
	session_recover(b->s, now, "silence");
	session_timeout(b->s, now);
	assert_true(next_of(b, now, SESSION_EFFECT_RESOLVE, &fx));
	resolved_to_nothing(b, now);
	assert_true(next_of(b, now, SESSION_EFFECT_FIND_PATH, &fx));
	assert_true(addr_eq(&fx.remote, &gateway.addr));
	/* Where it never was found there is nothing but to ask again, later. */
	b->s->known.family = FAMILY_NONE;
	session_event(b->s, now, &(struct session_event){ .type = SESSION_EVENT_NO_PATH });
	now = timers_next(&b->s->timers);
	assert_in_range(now - START, VTIME_S * 3 / 4, VTIME_S * 5 / 4);
	session_timeout(b->s, now);
	resolved_to_nothing(b, now);
	assert_false(next_of(b, now, SESSION_EFFECT_FIND_PATH, &fx));
	session_info(b->s, &info);
	assert_non_null(strstr(info.why, "the name servers do not answer"));
	assert_true(timers_next(&b->s->timers) > now);
}

/* ---- lives and limits ---- */

/* What the data thread is told to count up to. */
static void limits_of(struct bench *b, const struct ike_child *child, struct esp_quota *near,
		      struct esp_quota *most)
{
	struct ike_child copy = *child;

	session_epoch_install(b->s, START, 1, &copy, NULL);
	*near = esp_out_config(b->s->tunnels[1].epoch[0].out)->near;
	*most = esp_out_config(b->s->tunnels[1].epoch[0].out)->most;
	session_epochs_close(b->s, 1, false);
}

static void limits_are_those_of_keys_and_agreement(void **state)
{
	static const struct esp_suite cbc3 = { .cipher = ESP_CIPHER_3DES_CBC,
					       .key_bits = DES3_KEY_BITS,
					       .integ = ESP_INTEG_HMAC_SHA1_96 };
	struct bench *b = *state;
	struct ike_child child = child_of(8);
	struct esp_quota near, most;

	limits_of(b, &child, &near, &most);
	assert_true(most.packets == (uint64_t)1 << 31 && most.bytes == 0 && near.bytes == 0);
	assert_true(near.packets == most.packets / 100 * 75);
	child = child_of(9);
	child.keylife_bytes = 5000;
	limits_of(b, &child, &near, &most);
	assert_true(most.bytes == 5000 && near.bytes == 3750);
	b->config.keylife_bytes = 3000;
	b->config.first_sequence = 101;
	child = child_with(10, &cbc3);
	limits_of(b, &child, &near, &most);
	assert_true(most.bytes == 3000 && most.packets == UINT32_MAX - 100);
	b->config.keylife_bytes = 0;
	child = child_with(11, &cbc3);
	limits_of(b, &child, &near, &most);
	assert_true(most.bytes == (uint64_t)32 << 30);
}

static int set_up(void **state)
{
	(void)state;
	return crypto_init();
}

#define bench_test(f) cmocka_unit_test_setup_teardown(f, bench_new, bench_free)

int main(void)
{
	const struct CMUnitTest tests[] = {
		bench_test(lost_with_their_ike_sa),
		bench_test(an_offer_that_stops_half_way),
		bench_test(an_offer_of_a_part),
		bench_test(deleted_before_the_last_message),
		bench_test(a_tunnel_that_does_not_come_back),
		bench_test(what_never_lasts_waits_longer),
		bench_test(a_first_message_makes_nobody_leave),
		bench_test(a_shortened_life_is_renewed_in_time),
		bench_test(a_name_without_an_address),
		bench_test(limits_are_those_of_keys_and_agreement),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
