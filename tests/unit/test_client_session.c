/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A session against the responder of the tests: renewal, liveness, recovery. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "base/mem.h"
#include "client/session_impl.h"
#include "tests/support/responder.h"

#define PENDING_MAX 64
#define SLOTS 2

struct pending {
	struct session_event ev;
	size_t n;
	uint8_t bytes[IKE_MESSAGE_MAX];
};

struct bench {
	vtime now;
	struct rng_seed seeds[2];
	struct rng rng[2];
	struct log log;
	struct session_config config;
	struct responder_config responder_config;
	struct responder *responder;
	struct session *s;
	struct addr gateway;
	bool dead; /* nothing passes */
	unsigned npending;
	struct pending pending[PENDING_MAX];
	unsigned sent, tuns, retired, resolved;
	unsigned offers; /* SPIs that are offered */
	struct esp_out *out[SLOTS], *next[SLOTS];
	struct session_effect done;
};

static void sink(void *ctx, const struct log_event *ev)
{
	(void)ctx;
	(void)ev;
}

static struct addr addr(const char *text)
{
	struct addr a;

	assert_true(addr_parse(text, &a));
	return a;
}

static struct ts ts(const char *text)
{
	struct prefix p;

	assert_true(prefix_parse(text, &p));
	return ts_from_prefix(&p);
}

static struct pending *later(struct bench *b, enum session_event_type type)
{
	struct pending *p = &b->pending[b->npending++];

	assert_true(b->npending <= PENDING_MAX);
	*p = (struct pending){ .ev.type = type };
	return p;
}

static void take_replies(struct bench *b, const struct responder_replies *replies)
{
	for (unsigned i = 0; !b->dead && i < replies->n; i++) {
		struct pending *p = later(b, SESSION_EVENT_DATAGRAM);

		p->ev.datagram.from = replies->reply[i].from;
		p->ev.datagram.to = replies->reply[i].to;
		p->n = replies->reply[i].n;
		memcpy(p->bytes, replies->reply[i].bytes, p->n);
	}
}

static void take_message(struct bench *b, const struct session_effect *fx)
{
	struct responder_replies *replies = xcalloc(1, sizeof(*replies));
	struct endpoint from = { addr("192.0.2.77"), fx->send.from.port };

	b->sent++;
	if (!b->dead)
		responder_datagram(b->responder, b->now, &from, &fx->send.to, fx->send.bytes,
				   replies);
	take_replies(b, replies);
	free(replies);
}

static void take(struct bench *b, const struct session_effect *fx)
{
	switch (fx->type) {
	case SESSION_EFFECT_RESOLVE:
		b->resolved++;
		later(b, SESSION_EVENT_RESOLVED)->ev.resolved.n = 1;
		break;
	case SESSION_EFFECT_FIND_PATH:
		later(b, SESSION_EVENT_PATH)->ev.path.mtu = 1500;
		break;
	case SESSION_EFFECT_SEND:
		take_message(b, fx);
		break;
	case SESSION_EFFECT_TUN:
		b->tuns++;
		later(b, SESSION_EVENT_TUN_READY);
		break;
	case SESSION_EFFECT_PUBLISH_SLOT:
		b->out[fx->slot.slot] = fx->slot.out;
		b->next[fx->slot.slot] = fx->slot.next;
		break;
	case SESSION_EFFECT_ASK:
	case SESSION_EFFECT_ASK_END:
		break;
	case SESSION_EFFECT_OFFER_SPI:
		b->offers++;
		break;
	case SESSION_EFFECT_WITHDRAW_SPI:
		b->offers--;
		break;
	case SESSION_EFFECT_LOOK:
	case SESSION_EFFECT_RETIRE_PATH: /* its address never changes */
	case SESSION_EFFECT_REFUSE_SLOT:
	case SESSION_EFFECT_PROBE:
	case SESSION_EFFECT_PROBE_KEY:
		break;
	case SESSION_EFFECT_RETIRE:
		for (unsigned i = 0; fx->retire.out && i < SLOTS; i++)
			assert_true(b->out[i] != fx->retire.out && b->next[i] != fx->retire.out);
		b->retired++;
		esp_in_free(fx->retire.in);
		esp_out_free(fx->retire.out);
		break;
	case SESSION_EFFECT_RETIRE_LIMIT: /* a gateway's */
		fail();
		break;
	case SESSION_EFFECT_DONE:
		assert_int_equal(b->offers, 0);
		b->done = *fx;
		break;
	case SESSION_EFFECT_STATE:
	case SESSION_EFFECT_KEEPALIVE:
	case SESSION_EFFECT_FIND_MTU:
	case SESSION_EFFECT_TUN_MTU:
	case SESSION_EFFECT_PUBLISH_RULES:
	case SESSION_EFFECT_PUBLISH_SPI:
	case SESSION_EFFECT_GRANTED:
	case SESSION_EFFECT_KEYS:
		break;
	}
}

static void pump(struct bench *b)
{
	struct session_effect fx;

	for (;;) {
		struct pending p;

		while (session_output(b->s, b->now, &fx))
			take(b, &fx);
		if (!b->npending)
			return;
		p = b->pending[0];
		b->npending--;
		memmove(b->pending, b->pending + 1, b->npending * sizeof(p));
		if (p.ev.type == SESSION_EVENT_RESOLVED)
			p.ev.resolved.addrs = &b->gateway;
		if (p.ev.type == SESSION_EVENT_PATH)
			p.ev.path.local = addr("192.0.2.77");
		if (p.ev.type == SESSION_EVENT_DATAGRAM)
			p.ev.datagram.bytes = slice(p.bytes, p.n);
		session_event(b->s, b->now, &p.ev);
	}
}

static void run(struct bench *b, vtime length)
{
	struct responder_replies *replies = xcalloc(1, sizeof(*replies));
	vtime until = b->now + length;

	for (;;) {
		vtime next = vtime_min(session_deadline(b->s), responder_deadline(b->responder));

		if (next > until)
			break;
		b->now = next > b->now ? next : b->now;
		if (responder_deadline(b->responder) <= b->now) {
			replies->n = 0;
			responder_timeout(b->responder, b->now, replies);
			take_replies(b, replies);
		}
		session_timeout(b->s, b->now);
		pump(b);
	}
	b->now = until;
	free(replies);
}

static void config_default(struct bench *b)
{
	struct session_config *c = &b->config;

	c->gateways[0] = "198.51.100.1";
	c->ngateways = 1;
	c->ike.suites[0] = (struct ike_suite){ IKE_CIPHER_AES_CBC, 128, HASH_SHA2_256, DH_ECP_256 };
	c->ike.nsuites = 1;
	identity_parse("laptop@example.com", &c->ike.local);
	identity_parse("gw.example.com", &c->ike.remote);
	secret_set(&c->ike.psk, SLICE_STR("correct horse"));
	c->ike.lifetime_s = 8 * 3600;
	c->ike.timeout = 30 * VTIME_S;
	c->ike.force_udp = true;
	c->child.suites[0] = (struct esp_suite){ ESP_CIPHER_AES_GCM_16, 128, ESP_INTEG_NONE };
	c->child.nsuites = 1;
	c->child.keylife_s = 3600;
	c->tunnels[0] = (struct ts_pair){ ts("10.91.0.1/32"), ts("10.80.0.0/24") };
	c->ntunnels = 1;
	c->inner[0] = addr("10.91.0.1");
	c->ninner = 1;
	c->dpd = 30 * VTIME_S;
	c->rekeymargin = 540 * VTIME_S;
	c->rekeyfuzz = 100;
	c->pingtime = 2 * VTIME_S;
	c->pingtries = 5;
	c->elimit = 3;
	b->responder_config.psk = SLICE_STR("correct horse");
	identity_parse("gw.example.com", &b->responder_config.id);
	b->responder_config.suites[0] = c->ike.suites[0];
	b->responder_config.nsuites = 1;
	b->responder_config.esp[0] = c->child.suites[0];
	b->responder_config.nesp = 1;
	b->responder_config.pfs_any = true;
}

static int bench_new(void **state)
{
	struct bench *b = xcalloc(1, sizeof(*b));

	b->now = 1000 * VTIME_S;
	b->rng[0] = rng_seeded(&b->seeds[0], 1);
	b->rng[1] = rng_seeded(&b->seeds[1], 2);
	b->log = (struct log){ .level = LOG_DEBUG, .sink = sink };
	b->gateway = addr("198.51.100.1");
	config_default(b);
	*state = b;
	return 0;
}

static int bench_free(void **state)
{
	struct bench *b = *state;

	session_free(b->s);
	responder_free(b->responder);
	secret_free(&b->config.ike.psk);
	free(b);
	assert_int_equal(secret_pool_used(), 0);
	return 0;
}

static void connect(struct bench *b)
{
	struct session_event ev = { .type = SESSION_EVENT_CONNECT };

	b->responder = responder_new(&b->responder_config, &b->rng[1]);
	b->s = session_new(&b->config, &b->rng[0], &b->log, false);
	session_event(b->s, b->now, &ev);
	pump(b);
}

static struct session_info info(const struct bench *b)
{
	struct session_info out;

	session_info(b->s, &out);
	return out;
}

static enum session_state up(struct bench *b)
{
	connect(b);
	run(b, VTIME_S);
	return info(b).state;
}

/* The newest pair has carried a packet of the gateway's. */
static void prove(struct bench *b)
{
	struct data_event data = { .type = DATA_FIRST_PACKET };
	struct session_event ev = { .type = SESSION_EVENT_DATA, .data = &data };
	const struct tunnel *t = &b->s->tunnels[0];

	for (unsigned k = 0; k < EPOCHS_MAX; k++)
		if (t->epochs.epoch[k].id > data.epoch)
			data.epoch = t->epochs.epoch[k].id;
	session_event(b->s, b->now, &ev);
	pump(b);
}

static void restart(struct bench *b)
{
	responder_free(b->responder);
	b->responder = responder_new(&b->responder_config, &b->rng[1]);
}

static void tell(struct bench *b, void (*what)(struct responder *r, struct responder_replies *out))
{
	struct responder_replies *replies = xcalloc(1, sizeof(*replies));

	what(b->responder, replies);
	take_replies(b, replies);
	free(replies);
	pump(b);
}

/* ---- renewal ---- */

static void pairs_are_renewed_in_their_margin(void **state)
{
	struct bench *b = *state;
	const struct esp_out *first;
	uint32_t first_spi;

	assert_int_equal(up(b), SESSION_UP);
	first = b->out[0];
	first_spi = info(b).tunnels[0].epochs[0].spi_in;
	assert_non_null(responder_child_out(b->responder, first_spi));
	assert_non_null(first);
	run(b, (3600 - 1081) * VTIME_S);
	assert_int_equal(info(b).tunnels[0].nepochs, 1);
	for (unsigned i = 0; i < 541 && info(b).tunnels[0].nepochs == 1; i++)
		run(b, VTIME_S);
	assert_int_equal(info(b).tunnels[0].nepochs, 2);
	/* Nothing has come on the new one yet. */
	assert_ptr_equal(b->out[0], first);
	assert_non_null(b->next[0]);
	assert_int_equal(info(b).tunnels[0].epochs[0].state, EPOCH_PROBING);
	prove(b);
	assert_ptr_not_equal(b->out[0], first);
	assert_int_equal(info(b).tunnels[0].epochs[1].state, EPOCH_RETIRING);
	assert_int_equal(b->retired, 0);
	run(b, 2 * EPOCH_LINGER + VTIME_S);
	assert_int_equal(b->retired, 1);
	assert_int_equal(info(b).tunnels[0].nepochs, 1);
	/* The gateway was told that the first is gone. */
	assert_null(responder_child_out(b->responder, first_spi));
	assert_non_null(responder_child_out(b->responder, info(b).tunnels[0].epochs[0].spi_in));
	assert_int_equal(info(b).state, SESSION_UP);
}

static void the_ike_sa_is_renewed_and_the_old_one_missed_by_nobody(void **state)
{
	struct bench *b = *state;

	b->config.ike.lifetime_s = 3600;
	b->config.child.keylife_s = 8 * 3600;
	assert_int_equal(up(b), SESSION_UP);
	assert_true(info(b).ike_rekey_at >= b->now + (3600 - 1082) * VTIME_S);
	assert_true(info(b).ike_rekey_at <= b->now + (3600 - 540) * VTIME_S);
	run(b, (3600 - 540) * VTIME_S);
	assert_int_equal(responder_sas(b->responder), 2);
	run(b, 1000 * VTIME_S);
	assert_int_equal(info(b).state, SESSION_UP);
	assert_int_equal(info(b).tunnels[0].nepochs, 1);
	assert_int_equal(b->tuns, 1);
	assert_int_equal(b->resolved, 1);
}

static void refused_renewals_end_in_a_new_connection(void **state)
{
	struct bench *b = *state;

	assert_int_equal(up(b), SESSION_UP);
	responder_config(b->responder)->nesp = 0;
	run(b, (3600 - 1082) * VTIME_S);
	/* Four refusals within a few waits: more than elimit. */
	for (unsigned i = 0; i < 600 && info(b).state == SESSION_UP; i++)
		run(b, VTIME_S);
	assert_int_equal(info(b).state, SESSION_RECOVERING);
	assert_non_null(b->out[0]); /* the old pair is still better than nothing */
	responder_config(b->responder)->nesp = 1;
	run(b, 70 * VTIME_S);
	assert_int_equal(info(b).state, SESSION_UP);
	assert_int_equal(info(b).tunnels[0].epochs[0].state, EPOCH_CURRENT);
}

/* What the outbound engine says of an SA. */
static void told(struct bench *b, enum data_event_type type, const struct esp_sa_config *config)
{
	const struct data_event data = {
		.type = type, .slot = config->slot, .epoch = config->epoch, .spi = config->spi
	};
	const struct session_event ev = { .type = SESSION_EVENT_DATA, .data = &data };

	session_event(b->s, b->now, &ev);
	run(b, 0);
}

static void bytes_renew_too(void **state)
{
	struct bench *b = *state;
	const struct esp_sa_config *config;
	const struct esp_out *first;

	b->config.keylife_bytes = 1000000;
	assert_int_equal(up(b), SESSION_UP);
	prove(b);
	first = b->out[0];
	config = esp_out_config(first);
	assert_int_equal(config->most.bytes, 1000000);
	assert_int_equal(config->near.bytes, 750000);
	/* The counters alone move nothing: the data thread tells. */
	atomic_fetch_add((_Atomic uint64_t *)(uintptr_t)&esp_out_counters(first)->bytes, 800000);
	run(b, 60 * VTIME_S);
	assert_int_equal(info(b).tunnels[0].nepochs, 1);
	told(b, DATA_NEARLY_USED, config);
	run(b, VTIME_S);
	assert_int_equal(info(b).tunnels[0].nepochs, 2);
	assert_ptr_equal(b->out[0], first);
	/* At the limit itself there is no more choice. */
	told(b, DATA_EXHAUSTED, config);
	run(b, 6 * VTIME_S);
	assert_true(b->out[0] && b->out[0] != first);
}

/* Nothing comes any more although packets go out: neither the old pair nor the new one works. */
static void a_tunnel_that_is_deaf_gets_a_third_pair(void **state)
{
	struct bench *b = *state;
	struct esp_counters *c;
	const struct esp_out *first;

	assert_int_equal(up(b), SESSION_UP);
	first = b->out[0];
	c = (struct esp_counters *)(uintptr_t)esp_out_counters(first);
	for (unsigned i = 0; i < 3600 && info(b).tunnels[0].nepochs == 1; i++)
		run(b, VTIME_S);
	assert_int_equal(info(b).tunnels[0].nepochs, 2);
	/* As long as nothing is sent nothing is missed. */
	run(b, 100 * VTIME_S);
	assert_int_equal(info(b).tunnels[0].nepochs, 2);
	assert_ptr_equal(b->out[0], first);
	for (unsigned i = 0; i < 25; i++) {
		atomic_fetch_add(&c->packets, 1);
		run(b, VTIME_S);
	}
	assert_ptr_equal(b->out[0], first);
	for (unsigned i = 0; i < 20; i++) {
		atomic_fetch_add(&c->packets, 1);
		run(b, VTIME_S);
	}
	assert_ptr_not_equal(b->out[0], first);
	assert_int_equal(info(b).state, SESSION_UP);
	/* It is not done again for the same reason. */
	first = b->out[0];
	run(b, 60 * VTIME_S);
	assert_ptr_equal(b->out[0], first);
}

/* ---- liveness ---- */

static void silence_is_asked_about_and_answered(void **state)
{
	struct bench *b = *state;
	unsigned sent;

	assert_int_equal(up(b), SESSION_UP);
	sent = b->sent;
	run(b, 28 * VTIME_S);
	assert_int_equal(b->sent, sent);
	run(b, 10 * VTIME_S);
	assert_int_equal(b->sent, sent + 1);
	run(b, 3600 * VTIME_S / 10);
	assert_int_equal(info(b).state, SESSION_UP);
}

static void data_is_a_sign_of_life(void **state)
{
	struct bench *b = *state;
	struct esp_counters *c;
	unsigned sent;

	assert_int_equal(up(b), SESSION_UP);
	sent = b->sent;
	c = (struct esp_counters *)(uintptr_t)esp_in_counters(b->s->tunnels[0].epoch[0].in);
	for (unsigned i = 0; i < 20; i++) {
		atomic_fetch_add(&c->packets, 1);
		run(b, 10 * VTIME_S);
	}
	assert_int_equal(b->sent, sent);
}

/* Not every gateway answers, and one that does not say so is not asked. */
static void a_gateway_without_dpd_is_left_in_peace(void **state)
{
	struct bench *b = *state;
	unsigned sent;

	b->responder_config.faults.no_dpd = true;
	assert_int_equal(up(b), SESSION_UP);
	sent = b->sent;
	run(b, 600 * VTIME_S);
	assert_int_equal(b->sent, sent);
	assert_int_equal(info(b).state, SESSION_UP);
}

static void a_silent_gateway_is_looked_for_until_it_is_there(void **state)
{
	struct bench *b = *state;
	vtime lost;

	assert_int_equal(up(b), SESSION_UP);
	prove(b);
	b->dead = true;
	lost = b->now;
	/* dpd, the next look, half the time of an exchange. */
	run(b, 30 * VTIME_S + 5 * VTIME_S + 15 * VTIME_S + VTIME_S);
	assert_int_equal(info(b).state, SESSION_RECOVERING);
	assert_string_equal(info(b).why, "the gateway does not answer any more");
	/* What the host sends is held, not lost. */
	assert_null(b->out[0]);
	run(b, 3600 * VTIME_S);
	assert_int_equal(info(b).state, SESSION_RECOVERING);
	assert_non_null(strstr(info(b).why, "does not answer"));
	/* Once in 90 s at the end, and not in step. */
	assert_in_range(b->resolved, 35, 60);
	b->dead = false;
	restart(b);
	run(b, 110 * VTIME_S);
	assert_int_equal(info(b).state, SESSION_UP);
	assert_null(info(b).why);
	assert_int_equal(b->tuns, 1);
	assert_false(b->done.type == SESSION_EFFECT_DONE);
	assert_true(b->now > lost);
}

static void a_restarted_gateway_is_found_again(void **state)
{
	struct bench *b = *state;

	assert_int_equal(up(b), SESSION_UP);
	prove(b);
	restart(b);
	run(b, 30 * VTIME_S + 5 * VTIME_S + 15 * VTIME_S + 3 * VTIME_S);
	assert_int_equal(info(b).state, SESSION_UP);
	assert_int_equal(responder_sas(b->responder), 1);
	assert_int_equal(info(b).tunnels[0].epochs[0].state, EPOCH_CURRENT);
}

static void a_deleted_ike_sa_is_made_again(void **state)
{
	struct bench *b = *state;

	assert_int_equal(up(b), SESSION_UP);
	prove(b);
	tell(b, responder_delete);
	assert_int_equal(info(b).state, SESSION_RECOVERING);
	run(b, 3 * VTIME_S);
	assert_int_equal(info(b).state, SESSION_UP);
	assert_int_equal(responder_sas(b->responder), 2);
	assert_int_equal(b->tuns, 1);
}

static void delete_first_child(struct responder *r, struct responder_replies *out)
{
	responder_delete_child(r, responder_child_at(r, 0)->spi_in, out);
}

static void a_deleted_pair_is_made_again_over_the_same_ike_sa(void **state)
{
	struct bench *b = *state;

	assert_int_equal(up(b), SESSION_UP);
	prove(b);
	tell(b, delete_first_child);
	run(b, VTIME_S);
	assert_int_equal(info(b).state, SESSION_UP);
	assert_int_equal(info(b).tunnels[0].nepochs, 2);
	assert_int_equal(info(b).tunnels[0].epochs[0].state, EPOCH_CURRENT);
	assert_int_equal(info(b).tunnels[0].epochs[1].state, EPOCH_RETIRING);
	assert_int_equal(responder_sas(b->responder), 1);
}

static void refusals_while_recovering_are_told_and_not_the_end(void **state)
{
	struct bench *b = *state;

	assert_int_equal(up(b), SESSION_UP);
	responder_config(b->responder)->psk = SLICE_STR("another key");
	tell(b, responder_delete);
	run(b, 300 * VTIME_S);
	assert_int_equal(info(b).state, SESSION_RECOVERING);
	assert_non_null(strstr(info(b).why, "pre-shared key"));
	responder_config(b->responder)->psk = SLICE_STR("correct horse");
	run(b, 110 * VTIME_S);
	assert_int_equal(info(b).state, SESSION_UP);
}

static void refused_at_first_it_ends(void **state)
{
	struct bench *b = *state;

	b->responder_config.psk = SLICE_STR("another key");
	connect(b);
	run(b, 60 * VTIME_S);
	assert_int_equal(b->done.type, SESSION_EFFECT_DONE);
	assert_int_equal(b->done.done.exit, SESSION_EXIT_AUTH);
}

static void disconnect_ends_a_recovery(void **state)
{
	struct bench *b = *state;
	struct session_event ev = { .type = SESSION_EVENT_DISCONNECT };

	assert_int_equal(up(b), SESSION_UP);
	b->dead = true;
	tell(b, responder_delete);
	b->dead = false;
	tell(b, responder_delete);
	b->dead = true;
	run(b, 120 * VTIME_S);
	assert_int_equal(info(b).state, SESSION_RECOVERING);
	session_event(b->s, b->now, &ev);
	pump(b);
	assert_int_equal(b->done.type, SESSION_EFFECT_DONE);
	assert_int_equal(b->done.done.exit, SESSION_EXIT_UP);
	assert_int_equal(session_deadline(b->s), VTIME_NEVER);
}

/* ---- what the gateway begins ---- */

static void first_message(struct bench *b, const char *from, unsigned seed)
{
	struct ike_event start = { .type = IKE_EVENT_START };
	struct rng_seed mixer;
	struct rng rng = rng_seeded(&mixer, seed);
	struct ike_sa *sa = ike_sa_new(&b->config.ike, &rng, &b->log);
	struct session_event ev = { .type = SESSION_EVENT_DATAGRAM };
	struct ike_effect fx;

	start.path = (struct path){
		{ addr(from), 4500 }, { addr("192.0.2.77"), 4500 }, ENCAPSULATION_UDP, 0, 1
	};
	ike_event(sa, b->now, &start);
	assert_true(ike_output(sa, b->now, &fx));
	assert_int_equal(fx.type, IKE_EFFECT_SEND);
	ev.datagram.from = start.path.local;
	ev.datagram.to = start.path.remote;
	ev.datagram.bytes = fx.send.bytes;
	session_event(b->s, b->now, &ev);
	pump(b);
	ike_sa_free(sa);
}

static void strangers_and_floods_get_no_answer(void **state)
{
	struct bench *b = *state;
	unsigned sent;

	assert_int_equal(up(b), SESSION_UP);
	sent = b->sent;
	first_message(b, "198.51.100.2", 10);
	assert_int_equal(b->sent, sent);
	for (unsigned i = 0; i < 20; i++)
		first_message(b, "198.51.100.1", 20 + i);
	assert_int_equal(b->sent, sent + 1);
	run(b, 2 * VTIME_S);
	for (unsigned i = 0; i < 20; i++)
		first_message(b, "198.51.100.1", 60 + i);
	assert_int_equal(b->sent, sent + 2);
	run(b, 2 * VTIME_S);
	for (unsigned i = 0; i < 20; i++)
		first_message(b, "198.51.100.1", 90 + i);
	/* Two are half open: no more. */
	assert_int_equal(b->sent, sent + 2);
	run(b, 100 * VTIME_S);
	assert_int_equal(info(b).state, SESSION_UP);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_new, bench_free)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(pairs_are_renewed_in_their_margin),
		TEST(the_ike_sa_is_renewed_and_the_old_one_missed_by_nobody),
		TEST(refused_renewals_end_in_a_new_connection),
		TEST(bytes_renew_too),
		TEST(a_tunnel_that_is_deaf_gets_a_third_pair),
		TEST(silence_is_asked_about_and_answered),
		TEST(data_is_a_sign_of_life),
		TEST(a_gateway_without_dpd_is_left_in_peace),
		TEST(a_silent_gateway_is_looked_for_until_it_is_there),
		TEST(a_restarted_gateway_is_found_again),
		TEST(a_deleted_ike_sa_is_made_again),
		TEST(a_deleted_pair_is_made_again_over_the_same_ike_sa),
		TEST(refusals_while_recovering_are_told_and_not_the_end),
		TEST(refused_at_first_it_ends),
		TEST(disconnect_ends_a_recovery),
		TEST(strangers_and_floods_get_no_answer),
	};

	if (crypto_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
