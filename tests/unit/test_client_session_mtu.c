/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A session that is up learns what its path carries. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/mem.h"
#include "client/mtu.h"
#include "client/session_impl.h"
#include "esp/sa.h"
#include "tests/unit/esp_parts.h"

#define START (1000 * VTIME_S)

/* A session with two tunnels, AES-GCM and AES-CBC, over a path of 1500 bytes. */
struct bench {
	struct session_config config;
	struct log log;
	unsigned warnings;
	struct session *s;
	vtime now;
};

static void sink(void *ctx, const struct log_event *ev)
{
	struct bench *b = ctx;

	b->warnings += ev->level == LOG_WARN;
}

static void tunnel_up(struct session *s, unsigned slot, const struct esp_suite *suite)
{
	struct esp_sa_config config = parts_config(suite, 0x1000 + slot);
	struct session_epoch *e = &s->tunnels[slot].epoch[slot];

	config.slot = slot;
	config.mtu = session_mtu_inner(s, suite);
	e->child.suite = *suite;
	e->out = parts_out(config);
	e->in = parts_in(config);
}

static int bench_new(void **state)
{
	struct bench *b = xcalloc(1, sizeof(*b));

	b->log = (struct log){ .level = LOG_DEBUG, .sink = sink, .ctx = b };
	b->config.gateways[0] = "192.0.2.1";
	b->config.ngateways = 1;
	b->config.ntunnels = 2;
	b->config.inner[0] = parts_addr("10.1.0.5");
	b->config.ninner = 1;
	b->s = session_new(&b->config, parts_rng(), &b->log, false);
	b->s->state = SESSION_UP;
	b->s->tun_asked = true;
	b->s->path.remote = (struct endpoint){ parts_addr("192.0.2.1"), 4500 };
	b->s->path.encapsulation = ENCAPSULATION_UDP;
	b->s->path_mtu = 1500;
	tunnel_up(b->s, 0, &suite_gcm);
	tunnel_up(b->s, 1, &suite_cbc);
	b->s->mtu = 1422;
	b->now = START;
	*state = b;
	return 0;
}

static int bench_free(void **state)
{
	struct bench *b = *state;

	session_free(b->s);
	free(b);
	return 0;
}

static bool next(struct bench *b, struct session_effect *fx)
{
	return session_output(b->s, b->now, fx);
}

static void expect_nothing(struct bench *b)
{
	struct session_effect fx;

	assert_false(next(b, &fx));
}

static void data_says(struct bench *b)
{
	struct data_event data = { .type = DATA_PATH_MTU };
	struct session_event ev = { .type = SESSION_EVENT_DATA, .data = &data };

	session_event(b->s, b->now, &ev);
}

static void expect_asked(struct bench *b)
{
	struct session_effect fx;
	struct addr gateway = parts_addr("192.0.2.1");

	assert_true(next(b, &fx));
	assert_int_equal(fx.type, SESSION_EFFECT_FIND_MTU);
	assert_true(addr_eq(&fx.remote, &gateway));
	expect_nothing(b);
}

static void kernel_says(struct bench *b, const char *remote, unsigned mtu)
{
	struct session_event ev = { .type = SESSION_EVENT_PATH_MTU };

	ev.path_mtu.remote = parts_addr(remote);
	ev.path_mtu.mtu = mtu;
	session_event(b->s, b->now, &ev);
}

static void expect_device(struct bench *b, unsigned mtu)
{
	struct session_effect fx;
	struct session_info info;

	assert_true(next(b, &fx));
	assert_int_equal(fx.type, SESSION_EFFECT_TUN_MTU);
	assert_int_equal(fx.mtu, mtu);
	expect_nothing(b);
	session_info(b->s, &info);
	assert_int_equal(info.mtu, mtu);
}

/* What the SAs of a tunnel let through, both ways; 0 stands for nothing set. */
static void expect_limits(const struct bench *b, unsigned gcm, unsigned cbc)
{
	const struct tunnel *t = b->s->tunnels;

	assert_int_equal(atomic_load(&t[0].epoch[0].out->mtu), gcm);
	assert_int_equal(atomic_load(&t[0].epoch[0].in->mtu), gcm);
	assert_int_equal(atomic_load(&t[1].epoch[1].out->mtu), cbc);
	assert_int_equal(atomic_load(&t[1].epoch[1].in->mtu), cbc);
}

static void a_narrower_path_is_asked_for_and_kept_to(void **state)
{
	struct bench *b = *state;

	expect_limits(b, 1438, 1422);
	data_says(b);
	expect_asked(b);
	kernel_says(b, "192.0.2.1", 1300);
	expect_limits(b, 1238, 1230);
	expect_device(b, 1230);
	/* The same again is no news. */
	kernel_says(b, "192.0.2.1", 1300);
	expect_nothing(b);
	assert_int_equal(b->warnings, 0);
}

static void asked_once_in_a_second(void **state)
{
	struct bench *b = *state;

	data_says(b);
	expect_asked(b);
	data_says(b);
	b->now += VTIME_S - 1;
	data_says(b);
	expect_nothing(b);
	b->now += 1;
	data_says(b);
	expect_asked(b);
}

static void stale_and_empty_answers_change_nothing(void **state)
{
	struct bench *b = *state;

	kernel_says(b, "192.0.2.2", 1300); /* of another gateway */
	kernel_says(b, "192.0.2.1", 0); /* there is no route now */
	expect_nothing(b);
	expect_limits(b, 1438, 1422);
	b->s->state = SESSION_CLOSING;
	data_says(b);
	expect_nothing(b);
	b->s->state = SESSION_UP;
}

/* RFC 1191 section 6.3: what was learnt is not for ever. */
static void after_ten_minutes_it_asks_again(void **state)
{
	struct bench *b = *state;
	vtime at;

	kernel_says(b, "192.0.2.1", 1300);
	expect_device(b, 1230);
	at = session_deadline(b->s);
	assert_int_equal(at, START + 600 * VTIME_S);
	b->now = at;
	session_timeout(b->s, b->now);
	expect_asked(b);
	assert_int_equal(session_deadline(b->s), at + 600 * VTIME_S);
	kernel_says(b, "192.0.2.1", 1500);
	expect_limits(b, 1438, 1422);
	expect_device(b, 1422);
	/* What is whole need not be asked about. */
	assert_true(session_deadline(b->s) == VTIME_NEVER);
}

static void a_device_of_fixed_mtu_stays(void **state)
{
	struct bench *b = *state;

	b->config.mtu = b->s->mtu = 1400;
	kernel_says(b, "192.0.2.1", 1300);
	expect_limits(b, 1238, 1230);
	expect_nothing(b);
	assert_int_equal(b->s->mtu, 1400);
}

/* With IPv6 inside the device never goes below 1280, whatever the path is: one line says so. */
static void a_path_too_narrow_for_ip6(void **state)
{
	struct bench *b = *state;

	b->s->net.inner[b->s->net.ninner++] = parts_addr("fd00::1");
	kernel_says(b, "192.0.2.1", 1300);
	expect_limits(b, 1238, 1230);
	expect_device(b, 1280);
	assert_int_equal(b->warnings, 1);
	kernel_says(b, "192.0.2.1", 1290);
	expect_nothing(b);
	assert_int_equal(b->warnings, 1);
	kernel_says(b, "192.0.2.1", 1500);
	expect_device(b, 1422);
	kernel_says(b, "192.0.2.1", 1300);
	expect_device(b, 1280);
	assert_int_equal(b->warnings, 2);
}

/* What somebody forged, or an absurd route: the SAs hold the truth, the device its least. */
static void an_absurd_mtu(void **state)
{
	struct bench *b = *state;

	kernel_says(b, "192.0.2.1", 30);
	expect_limits(b, 1, 1);
	expect_device(b, 576);
	assert_int_equal(b->warnings, 1);
}

static void epoch_down(struct session_epoch *e)
{
	esp_in_free(e->in);
	esp_out_free(e->out);
	e->in = NULL;
	e->out = NULL;
}

static void tunnels_that_are_down_do_not_count(void **state)
{
	struct bench *b = *state;

	epoch_down(&b->s->tunnels[1].epoch[1]);
	kernel_says(b, "192.0.2.1", 1400);
	expect_device(b, 1338);
	epoch_down(&b->s->tunnels[0].epoch[0]);
	kernel_says(b, "192.0.2.1", 1300);
	expect_nothing(b);
	assert_int_equal(b->s->mtu, 1338);
	assert_int_equal(b->warnings, 0);
}

static int set_up(void **state)
{
	return crypto_init();
}

#define bench_test(f) cmocka_unit_test_setup_teardown(f, bench_new, bench_free)

int main(void)
{
	const struct CMUnitTest tests[] = {
		bench_test(a_narrower_path_is_asked_for_and_kept_to),
		bench_test(asked_once_in_a_second),
		bench_test(stale_and_empty_answers_change_nothing),
		bench_test(after_ten_minutes_it_asks_again),
		bench_test(a_device_of_fixed_mtu_stays),
		bench_test(a_path_too_narrow_for_ip6),
		bench_test(an_absurd_mtu),
		bench_test(tunnels_that_are_down_do_not_count),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
