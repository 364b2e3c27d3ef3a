/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A session on an engine without a protocol (fake_ike.h), and the shell around it. */
#ifndef GODWIT_TESTS_SESSION_PARTS_H
#define GODWIT_TESTS_SESSION_PARTS_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/mem.h"
#include "client/session_impl.h"
#include "esp/sa.h"
#include "tests/unit/fake_ike.h"
#include "tests/unit/esp_parts.h"

#define HOUR (3600 * VTIME_S)
#define LIFE (8 * 3600) /* of an ISAKMP SA, in seconds */
#define TUNS_MAX 8
#define PINGS_MAX 64

#define HAS(field) (1u << XAUTH_##field)

struct tun_seen {
	struct addr inner[SESSION_INNER_MAX];
	unsigned ninner;
	struct prefix routes[SESSION_ROUTES_MAX];
	unsigned nroutes;
	struct prefix excludes[SESSION_ROUTES_MAX];
	unsigned nexcludes;
	bool assigned;
	bool again;
	bool names;
	struct path path;
};

/* What went out for the sake of an epoch. */
struct ping_seen {
	vtime at;
	uint32_t spi; /* it went out on */
	struct addr src, dst; /* FAMILY_NONE: a dummy */
	uint16_t sequence;
};

#define OFFERS_MAX 8

struct bench {
	vtime now;
	struct session_config config;
	struct log log;
	struct session *s;
	struct ike_assigned assigned; /* for the tests to fill in */
	struct addr looked_for; /* the last address that a path was asked for */
	unsigned resolves, asks, ends, answers, tuns;
	char resolved[IKE_NAME_MAX]; /* the last name */
	bool no_path;
	struct session_ask ask; /* the last one */
	uint32_t ended;
	struct tun_seen tun;
	struct policy rules;
	char steps[2000]; /* "phase 1: main mode …\n", with '+' before those that ended */
	struct session_effect done;
	unsigned publications; /* of rules */
	unsigned refusals;
	vtime refused[SESSION_SLOTS_MAX]; /* as told last; 0: it is not */
	/* Who has asked for a slot asks again from then on: how many there have been of rules. */
	unsigned anew[SESSION_SLOTS_MAX];
	struct esp_out *out[SESSION_SLOTS_MAX];
	unsigned noffers; /* SPIs that are offered: */
	uint32_t offers[OFFERS_MAX];
	const struct policy *policy; /* of the TUN */
	unsigned keys; /* for pings, given out */
	unsigned pings;
	struct ping_seen ping[PINGS_MAX]; /* the first ones */
	enum nat nat; /* that phase 1 finds */
	unsigned looks; /* for facts */
	struct addr from; /* the source that the kernel would use */
	unsigned keepalives;
	vtime kept_at; /* the last of these */
	struct endpoint kept_from, kept_to;
	/* NULL, or sees each effect first. */
	void (*sees)(void *ctx, const struct session_effect *fx);
	void *ctx;
};

static inline void bench_sink(void *ctx, const struct log_event *ev)
{
	(void)ctx;
	(void)ev;
}

static inline bool bench_offers(const struct bench *b, uint32_t spi)
{
	for (unsigned i = 0; i < b->noffers; i++)
		if (b->offers[i] == spi)
			return true;
	return false;
}

/* Once each, and withdrawn once. */
static inline void bench_offer(struct bench *b, uint32_t spi, bool offered)
{
	assert_int_equal(bench_offers(b, spi), !offered);
	if (offered) {
		assert_true(b->noffers < OFFERS_MAX);
		b->offers[b->noffers++] = spi;
		return;
	}
	for (unsigned i = 0; i < b->noffers; i++)
		if (b->offers[i] == spi)
			b->offers[i] = b->offers[--b->noffers];
}

/* One gateway, one suite, an address from the gateway, a user. */
static inline int bench_new(void **state)
{
	struct bench *b = xcalloc(1, sizeof(*b));
	struct session_config *c = &b->config;

	fake_ike_reset();
	b->now = 1000 * VTIME_S;
	b->log = (struct log){ .level = LOG_DEBUG, .sink = bench_sink, .ctx = b };
	c->gateways[0] = "vpn.example.com";
	c->ngateways = 1;
	c->ike.suites[0] = (struct ike_suite){ IKE_CIPHER_AES_CBC, 128, HASH_SHA2_256, DH_ECP_256 };
	c->ike.nsuites = 1;
	c->ike.xauth = true;
	c->ike.wish.pull = true;
	c->ike.timeout = 30 * VTIME_S;
	c->child.suites[0] = suite_gcm;
	c->child.nsuites = 1;
	c->address_config = true;
	c->redirects = true;
	c->fallback = POLICY_BYPASS;
	c->rekeymargin = 540 * VTIME_S;
	c->rekeyfuzz = 100;
	c->pingtime = 2 * VTIME_S;
	c->pingtries = 5;
	c->elimit = 3;
	b->from = parts_addr("198.51.100.2");
	b->assigned.ip4 = parts_addr("10.98.0.7");
	b->assigned.save_password = -1;
	*state = b;
	return 0;
}

static inline int bench_free(void **state)
{
	struct bench *b = *state;

	session_free(b->s);
	secret_free(&b->config.password);
	free(b);
	return secret_pool_used() == 0 ? 0 : -1;
}

/* ---- effects ---- */

static inline void bench_step(struct bench *b, const struct session_effect *fx)
{
	size_t n = strlen(b->steps);

	snprintf(b->steps + n, sizeof(b->steps) - n, "%s%s: %s\n", fx->state.done ? "+" : "",
		 session_step_name(fx->state.step), fx->state.text);
}

static inline void bench_tun(struct bench *b, const struct session_effect *fx)
{
	b->tuns++;
	b->tun = (struct tun_seen){
		.ninner = fx->tun.ninner,
		.nroutes = fx->tun.nroutes,
		.nexcludes = fx->tun.nexcludes,
		.assigned = fx->tun.assigned != NULL,
		.path = fx->tun.path,
		.again = fx->tun.again,
		.names = fx->tun.names,
	};
	memcpy(b->tun.inner, fx->tun.inner, fx->tun.ninner * sizeof(*fx->tun.inner));
	memcpy(b->tun.routes, fx->tun.routes, fx->tun.nroutes * sizeof(*fx->tun.routes));
	memcpy(b->tun.excludes, fx->tun.excludes, fx->tun.nexcludes * sizeof(*fx->tun.excludes));
}

static inline void bench_path(struct bench *b, const struct session_effect *fx)
{
	struct session_event ev = { .type = SESSION_EVENT_PATH };

	b->looked_for = fx->remote;
	ev.type = b->no_path ? SESSION_EVENT_NO_PATH : SESSION_EVENT_PATH;
	ev.path.local = b->from;
	ev.path.mtu = 1500;
	if (b->no_path)
		ev.text = "no route";
	session_event(b->s, b->now, &ev);
}

static inline void bench_resolved(struct bench *b, const char *name)
{
	struct session_event ev = { .type = SESSION_EVENT_RESOLVED };
	struct addr addr = parts_addr("192.0.2.1");

	b->resolves++;
	snprintf(b->resolved, sizeof(b->resolved), "%s", name);
	ev.resolved.addrs = &addr;
	ev.resolved.n = 1;
	session_event(b->s, b->now, &ev);
}

static inline void bench_rules(struct bench *b, const struct session_effect *fx)
{
	assert_true(fx->rules.n <= POLICY_RULES_MAX);
	memcpy(b->rules.rules, fx->rules.rules, fx->rules.n * sizeof(*fx->rules.rules));
	b->rules.n = fx->rules.n;
	b->rules.fallback = fx->rules.fallback;
	b->publications++;
}

static inline void bench_refused(struct bench *b, const struct session_effect *fx)
{
	b->refused[fx->refuse.slot] = fx->refuse.until;
	b->anew[fx->refuse.slot] = b->publications;
	b->refusals += fx->refuse.until != 0;
}

static inline void bench_keepalive(struct bench *b, const struct session_effect *fx)
{
	b->keepalives++;
	b->kept_at = b->now;
	b->kept_from = fx->send.from;
	b->kept_to = fx->send.to;
}

static inline void bench_ping(struct bench *b, const struct session_effect *fx)
{
	const uint8_t *ip = fx->probe.bytes;
	struct ping_seen *p = &b->ping[b->pings++ % PINGS_MAX];
	struct tuple t;

	*p = (struct ping_seen){ .at = b->now };
	if (fx->probe.out) {
		p->spi = esp_out_config(fx->probe.out)->spi;
		atomic_fetch_add(&fx->probe.out->counters.packets, 1);
		atomic_fetch_add(&fx->probe.out->counters.own, 1);
	}
	if (fx->probe.n == 0)
		return;
	assert_int_equal(b->keys, 1);
	assert_int_equal(packet_tuple(slice(ip, fx->probe.n), &t), 0);
	p->src = t.src;
	p->dst = t.dst;
	p->sequence = get_be16(ip + fx->probe.n - ESP_PROBE_TOKEN - 2);
}

static inline void bench_take(struct bench *b, const struct session_effect *fx)
{
	static const struct session_event ready = { .type = SESSION_EVENT_TUN_READY };

	if (b->sees)
		b->sees(b->ctx, fx);
	if (fx->type == SESSION_EFFECT_STATE)
		bench_step(b, fx);
	else if (fx->type == SESSION_EFFECT_RESOLVE)
		bench_resolved(b, fx->name);
	else if (fx->type == SESSION_EFFECT_FIND_PATH)
		bench_path(b, fx);
	else if (fx->type == SESSION_EFFECT_LOOK)
		b->looks++;
	else if (fx->type == SESSION_EFFECT_RETIRE_PATH)
		free(fx->old_path);
	else if (fx->type == SESSION_EFFECT_PUBLISH_RULES)
		bench_rules(b, fx);
	else if (fx->type == SESSION_EFFECT_PUBLISH_SLOT)
		b->out[fx->slot.slot] = fx->slot.out;
	else if (fx->type == SESSION_EFFECT_REFUSE_SLOT)
		bench_refused(b, fx);
	else if (fx->type == SESSION_EFFECT_PROBE)
		bench_ping(b, fx);
	else if (fx->type == SESSION_EFFECT_PROBE_KEY)
		b->keys++;
	else if (fx->type == SESSION_EFFECT_KEEPALIVE)
		bench_keepalive(b, fx);
	else if (fx->type == SESSION_EFFECT_OFFER_SPI)
		bench_offer(b, fx->offer.spi, true);
	else if (fx->type == SESSION_EFFECT_WITHDRAW_SPI)
		bench_offer(b, fx->offer.spi, false);
	if (fx->type == SESSION_EFFECT_DONE) {
		assert_int_equal(b->noffers, 0);
		b->done = *fx;
	}
	if (fx->type == SESSION_EFFECT_TUN) {
		bench_tun(b, fx);
		b->policy = fx->tun.policy;
		session_event(b->s, b->now, &ready);
	}
	if (fx->type == SESSION_EFFECT_ASK) {
		b->ask = fx->ask;
		b->asks++;
	}
	if (fx->type == SESSION_EFFECT_ASK_END) {
		b->ended = fx->ask_id;
		b->ends++;
	}
	if (fx->type == SESSION_EFFECT_RETIRE) {
		esp_in_free(fx->retire.in);
		esp_out_free(fx->retire.out);
	}
}

static inline void bench_pump(struct bench *b)
{
	struct session_effect fx;

	while (session_output(b->s, b->now, &fx))
		bench_take(b, &fx);
}

/* Everything that is due until then. */
static inline void bench_run(struct bench *b, vtime until)
{
	while (session_deadline(b->s) <= until) {
		if (session_deadline(b->s) > b->now)
			b->now = session_deadline(b->s);
		session_timeout(b->s, b->now);
		bench_pump(b);
	}
	b->now = until;
}

/* ---- what tests say ---- */

/* The gateway is lost, and looked for again. */
static inline void bench_recover(struct bench *b)
{
	session_recover(b->s, b->now, "lost");
	bench_pump(b);
	bench_run(b, b->now + 2 * VTIME_S);
}

static inline void bench_connect(struct bench *b)
{
	static const struct session_event connect = { .type = SESSION_EVENT_CONNECT };

	b->s = session_new(&b->config, parts_rng(), &b->log, false);
	session_event(b->s, b->now, &connect);
	bench_pump(b);
}

/* Something comes from the gateway for this SA; 0: for a new one. */
static inline void bench_datagram(struct bench *b, unsigned sa)
{
	const uint8_t number = (uint8_t)sa;
	struct session_event ev = { .type = SESSION_EVENT_DATAGRAM };

	ev.datagram.from = b->s->path.remote;
	ev.datagram.to = b->s->path.local;
	ev.datagram.bytes = slice(&number, 1);
	session_event(b->s, b->now, &ev);
	bench_pump(b);
}

static inline void bench_authenticated(struct bench *b, unsigned sa)
{
	struct ike_effect *fx = fake_ike_push(sa, IKE_EFFECT_NAT);

	fx->nat.path = b->s->path;
	fx->nat.path.local.port = fx->nat.path.remote.port = IKE_NATT_PORT;
	fx->nat.natt = true;
	fx->nat.nat = b->nat;
	fx = fake_ike_push(sa, IKE_EFFECT_AUTHENTICATED);
	fx->established.suite = b->config.ike.suites[0];
	bench_pump(b);
}

/* The gateway asks for the user. */
static inline void bench_asked(struct bench *b, unsigned sa, unsigned fields, const char *message)
{
	struct ike_effect *fx = fake_ike_push(sa, IKE_EFFECT_XAUTH_ASK);

	fx->ask.fields = fields;
	fx->ask.message = message;
	bench_pump(b);
}

/* Mode Config brings b->assigned. */
static inline void bench_config(struct bench *b, unsigned sa)
{
	fake_ike_push(sa, IKE_EFFECT_CONFIG)->assigned = &b->assigned;
	bench_pump(b);
}

static inline void bench_established_as(struct bench *b, unsigned sa, bool cisco)
{
	struct ike_effect *fx = fake_ike_push(sa, IKE_EFFECT_ESTABLISHED);

	fx->established.suite = b->config.ike.suites[0];
	fx->established.lifetime_s = LIFE;
	fx->established.cisco = cisco;
	fx->established.address_update = fake_ike.address_update;
	fx->established.own = fake_ike.own;
	fake_ike_expires(sa, b->now + LIFE * VTIME_S);
	bench_pump(b);
}

static inline void bench_established(struct bench *b, unsigned sa)
{
	bench_established_as(b, sa, false);
}

static inline void bench_dead(struct bench *b, unsigned sa, int err, const char *said)
{
	struct ike_effect *fx = fake_ike_push(sa, IKE_EFFECT_DEAD);

	fx->why = (struct ike_failure){ .err = err, .during = "XAUTH", .text = "it failed" };
	snprintf(fx->why.said, sizeof(fx->why.said), "%s", said);
	bench_pump(b);
}

/* A person answers: the fields of `field`, in order; one slice for each. */
static inline void bench_answer(struct bench *b, enum xauth_field field, const char *value)
{
	struct session_event ev = { .type = SESSION_EVENT_ANSWER };

	ev.answer.id = b->ask.id;
	ev.answer.value[field] = SLICE_STR(value);
	session_event(b->s, b->now, &ev);
	bench_pump(b);
}

static inline void bench_answer_both(struct bench *b, const char *name, const char *password)
{
	struct session_event ev = { .type = SESSION_EVENT_ANSWER };

	ev.answer.id = b->ask.id;
	ev.answer.value[XAUTH_USERNAME] = SLICE_STR(name);
	ev.answer.value[XAUTH_PASSWORD] = SLICE_STR(password);
	session_event(b->s, b->now, &ev);
	bench_pump(b);
}

static inline void bench_refuse(struct bench *b)
{
	struct session_event ev = { .type = SESSION_EVENT_ANSWER };

	ev.answer.id = b->ask.id;
	ev.answer.refuse = true;
	session_event(b->s, b->now, &ev);
	bench_pump(b);
}

static inline struct session_info bench_info(const struct bench *b)
{
	struct session_info info;

	session_info(b->s, &info);
	return info;
}

/* What the engine was answered last for this field; "-": that it is not known. */
static inline const char *bench_given(enum xauth_field field)
{
	return fake_ike_last(IKE_EVENT_XAUTH_ANSWER)->value[field];
}

static inline void bench_include(struct ike_assigned *a, const char *prefix)
{
	assert_true(prefix_parse(prefix, &a->include[a->ninclude++].prefix));
}

static inline void bench_exclude(struct ike_assigned *a, const char *prefix)
{
	assert_true(prefix_parse(prefix, &a->exclude[a->nexclude++].prefix));
}

/* Without a user, up to Mode Config. */
static inline void bench_begin(struct bench *b)
{
	b->config.ike.xauth = false;
	bench_connect(b);
	bench_authenticated(b, 1);
}

static inline void bench_give(struct bench *b, unsigned sa)
{
	bench_config(b, sa);
	bench_established(b, sa);
}

static inline void bench_up(struct bench *b)
{
	bench_begin(b);
	bench_give(b, 1);
	assert_int_equal(bench_info(b).state, SESSION_UP);
}

static inline const char *bench_tunnel(const struct bench *b, unsigned i)
{
	static char text[2 * TS_TEXT_MAX + 8];
	char local[TS_TEXT_MAX], remote[TS_TEXT_MAX];
	const struct ts_pair *ts = bench_info(b).tunnels[i].ts;

	snprintf(text, sizeof(text), "%s - %s", ts_text(&ts->local, local),
		 ts_text(&ts->remote, remote));
	return text;
}

#define BENCH_TEST(f) cmocka_unit_test_setup_teardown(f, bench_new, bench_free)

#endif
