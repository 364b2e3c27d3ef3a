/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/session_impl.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

/* ---- effects ---- */

struct session_effect *session_effect_add(struct session *s, enum session_effect_type type)
{
	struct session_effect *fx = &s->queue[(s->head + s->queued) % EFFECTS_MAX];

	/* The queue holds what every tunnel can ask for in one turn: overflow is our bug. */
	static_assert(EFFECTS_MAX >= 6 * SESSION_TUNNELS_MAX + EFFECTS_SPARE, "effects");
	assert(s->queued < EFFECTS_MAX);
	s->queued++;
	memset(fx, 0, sizeof(*fx));
	fx->type = type;
	return fx;
}

static void set_state(struct session *s, vtime now, enum session_state state)
{
	if (s->state == state)
		return;
	s->state = state;
	s->since = now;
	log_ev(s->log, LOG_INFO, "session", log_str("state", session_state_name(state)));
}

__attribute__((format(printf, 4, 0))) static void
step_report(struct session *s, vtime now, bool done, const char *fmt, va_list args)
{
	struct session_effect *fx = session_effect_add(s, SESSION_EFFECT_STATE);

	fx->state.state = s->state;
	fx->state.step = s->step;
	fx->state.done = done;
	fx->state.took = done ? now - s->step_began : 0;
	vsnprintf(fx->state.text, sizeof(fx->state.text), fmt, args);
}

void session_step_begin(struct session *s, vtime now, enum session_step step, const char *fmt, ...)
{
	va_list args;

	s->step = step;
	s->step_began = now;
	va_start(args, fmt);
	step_report(s, now, false, fmt, args);
	va_end(args);
}

void session_step_end(struct session *s, vtime now, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	step_report(s, now, true, fmt, args);
	va_end(args);
}

static const char *gateway_name(const struct session *s)
{
	return s->config->gateways[s->gateway];
}

/* "192.0.2.1", or "vpn.example.com (192.0.2.1)" when the name is not the address. */
const char *session_gateway_text(const struct session *s, char buf[SESSION_GATEWAY_TEXT_MAX])
{
	char addr[ADDR_TEXT_MAX];

	if (s->addr >= s->naddrs)
		snprintf(buf, SESSION_GATEWAY_TEXT_MAX, "%s", gateway_name(s));
	else if (strcmp(gateway_name(s), addr_text(&s->addrs[s->addr], addr)) == 0)
		snprintf(buf, SESSION_GATEWAY_TEXT_MAX, "%s", addr);
	else
		snprintf(buf, SESSION_GATEWAY_TEXT_MAX, "%.255s (%s)", gateway_name(s), addr);
	return buf;
}

/* ---- the end ---- */

static void finish(struct session *s, vtime now)
{
	struct session_effect *fx;

	if (s->over)
		return;
	session_tunnels_retire(s);
	ike_sa_free(s->ike);
	s->ike = NULL;
	timers_init(&s->timers, T_COUNT);
	set_state(s, now, SESSION_DOWN);
	fx = session_effect_add(s, SESSION_EFFECT_DONE);
	fx->done.exit = s->exit;
	snprintf(fx->done.text, sizeof(fx->done.text), "%s", s->why);
	s->over = true;
	log_ev(s->log, s->exit == SESSION_EXIT_UP ? LOG_INFO : LOG_ERROR, "session over",
	       log_u64("exit", s->exit), log_str("why", s->why));
}

void session_close(struct session *s, vtime now, enum session_exit exit, const char *text)
{
	struct ike_event ev = { .type = IKE_EVENT_CLOSE };

	if (s->over || s->state == SESSION_CLOSING)
		return;
	set_state(s, now, SESSION_CLOSING);
	s->exit = exit;
	snprintf(s->why, sizeof(s->why), "%s", text);
	if (s->ike)
		ike_event(s->ike, now, &ev); /* DEAD comes when the Deletes are out */
	else
		finish(s, now);
}

static enum session_exit exit_of_notify(uint16_t notify)
{
	switch (notify) {
	case 14: /* NO-PROPOSAL-CHOSEN */
	case 18: /* INVALID-ID-INFORMATION: it has no connection for these selectors */
		return SESSION_EXIT_NO_PROPOSAL;
	case 23: /* INVALID-HASH-INFORMATION */
	case 24: /* AUTHENTICATION-FAILED */
		return SESSION_EXIT_AUTH;
	default:
		return SESSION_EXIT_LOST;
	}
}

static enum session_exit exit_of_failure(const struct ike_failure *why)
{
	switch (why->err) {
	case ERR_TIMEOUT:
		return SESSION_EXIT_NO_ANSWER;
	case ERR_AUTH:
	case ERR_IDENTITY:
	case ERR_BAD_KEY:
		return SESSION_EXIT_AUTH;
	case ERR_NO_PROPOSAL:
		return SESSION_EXIT_NO_PROPOSAL;
	default:
		return exit_of_notify(why->notify);
	}
}

void session_close_failed(struct session *s, vtime now, const struct ike_failure *why)
{
	char gw[SESSION_GATEWAY_TEXT_MAX], text[300];
	enum session_exit exit = exit_of_failure(why);

	/* Once it was up, a connection that ends by itself is lost, however it came about. */
	if (s->state == SESSION_UP)
		exit = SESSION_EXIT_LOST;
	snprintf(text, sizeof(text), "%s with %s: %s", why->during ? why->during : "IKE",
		 session_gateway_text(s, gw), why->text ? why->text : err_name(why->err));
	session_close(s, now, exit, text);
}

/* ---- finding the gateway ---- */

static void gateway_begin(struct session *s, vtime now)
{
	struct session_effect *fx;

	s->naddrs = 0;
	s->addr = 0;
	session_step_begin(s, now, STEP_RESOLVE, "%s", gateway_name(s));
	fx = session_effect_add(s, SESSION_EFFECT_RESOLVE);
	fx->name = gateway_name(s);
}

static void address_begin(struct session *s, vtime now)
{
	struct session_effect *fx;
	char buf[ADDR_TEXT_MAX];

	session_step_begin(s, now, STEP_PATH, "to %s", addr_text(&s->addrs[s->addr], buf));
	fx = session_effect_add(s, SESSION_EFFECT_FIND_PATH);
	fx->remote = s->addrs[s->addr];
}

/* This address did not answer: the next one, the next gateway, or the end with this failure. */
static void next_candidate(struct session *s, vtime now, enum session_exit exit, const char *text)
{
	ike_sa_free(s->ike);
	s->ike = NULL;
	if (s->addr + 1 < s->naddrs) {
		s->addr++;
		address_begin(s, now);
	} else if (s->gateway + 1 < s->config->ngateways) {
		s->gateway++;
		gateway_begin(s, now);
	} else {
		session_close(s, now, exit, text);
		return;
	}
	log_ev(s->log, LOG_WARN, "trying the next address", log_str("because", text));
}

static void on_connect(struct session *s, vtime now)
{
	if (s->state != SESSION_DOWN || s->over)
		return;
	set_state(s, now, SESSION_CONNECTING);
	s->gateway = 0;
	gateway_begin(s, now);
}

static void on_resolved(struct session *s, vtime now, const struct session_event *ev)
{
	char text[300], buf[ADDR_TEXT_MAX];

	if (s->state != SESSION_CONNECTING || s->step != STEP_RESOLVE)
		return;
	s->naddrs = 0;
	for (unsigned i = 0; i < ev->resolved.n && s->naddrs < SESSION_ADDRESSES_MAX; i++)
		if (addr_is_host(&ev->resolved.addrs[i]))
			s->addrs[s->naddrs++] = ev->resolved.addrs[i];
	s->addr = 0;
	if (s->naddrs == 0) {
		snprintf(text, sizeof(text),
			 "resolve %.180s: %s; check [gateway] address and the network",
			 gateway_name(s),
			 ev->resolved.text ? ev->resolved.text : "no usable address");
		next_candidate(s, now, SESSION_EXIT_NO_ANSWER, text);
		return;
	}
	session_step_end(s, now, "%s%s", addr_text(&s->addrs[0], buf),
			 s->naddrs > 1 ? " and others" : "");
	address_begin(s, now);
}

static void on_path(struct session *s, vtime now, const struct session_event *ev)
{
	struct ike_event start = { .type = IKE_EVENT_START };
	char a[ADDR_TEXT_MAX], gw[320];

	if (s->state != SESSION_CONNECTING || s->step != STEP_PATH)
		return;
	s->path = (struct path){
		.local = { ev->path.local, IKE_PORT },
		.remote = { s->addrs[s->addr], IKE_PORT },
		.encapsulation = ENCAPSULATION_UDP,
		.generation = ++s->generation,
	};
	s->path_mtu = ev->path.mtu;
	session_step_end(s, now, "from %s", addr_text(&ev->path.local, a));
	session_step_begin(s, now, STEP_PHASE1, "main mode with %s", session_gateway_text(s, gw));
	s->ike = ike_sa_new(&s->config->ike, s->rng, s->log);
	start.path = s->path;
	ike_event(s->ike, now, &start);
}

static void on_no_path(struct session *s, vtime now, const struct session_event *ev)
{
	char gw[SESSION_GATEWAY_TEXT_MAX], text[300];

	if (s->state != SESSION_CONNECTING || s->step != STEP_PATH)
		return;
	snprintf(text, sizeof(text), "path to %s: %s; is the network up?",
		 session_gateway_text(s, gw), ev->text ? ev->text : "no route");
	next_candidate(s, now, SESSION_EXIT_NO_ANSWER, text);
}

/* ---- effects of IKE ---- */

static void on_established(struct session *s, vtime now, const struct ike_effect *fx)
{
	struct session_effect *keys;
	struct ike_sa_info info;
	char id[IDENTITY_TEXT_MAX], suite[48];

	s->peer = fx->established.peer;
	session_step_end(s, now, "gateway is %.120s, %s", identity_text(&s->peer, id),
			 ike_suite_name(&fx->established.suite, suite));
	if (s->keylog) {
		ike_sa_info(s->ike, &info);
		keys = session_effect_add(s, SESSION_EFFECT_KEYS);
		memcpy(keys->keys.cookie_i, info.cookie_i, sizeof(keys->keys.cookie_i));
		keys->keys.key = ike_sa_cipher_key(s->ike);
	}
	session_step_begin(s, now, STEP_SA, "%u tunnel%s", s->config->ntunnels,
			   s->config->ntunnels == 1 ? "" : "s");
	session_tunnels_begin(s, now);
}

static void on_nat(struct session *s, vtime now, const struct ike_effect *fx)
{
	static const char *const where[] = {
		[NAT_NONE] = "no NAT",
		[NAT_LOCAL] = "NAT on our side",
		[NAT_REMOTE] = "NAT on the gateway's side",
		[NAT_BOTH] = "NAT on both sides",
	};

	s->path = fx->nat.path;
	s->path.generation = ++s->generation;
	s->nat = fx->nat.nat;
	session_step_end(s, now, "%s, port %u", where[s->nat], s->path.remote.port);
	session_step_begin(s, now, STEP_AUTHENTICATION, "pre-shared key");
}

static void on_ike_dead(struct session *s, vtime now, const struct ike_failure *why)
{
	char gw[SESSION_GATEWAY_TEXT_MAX], text[300];

	ike_sa_free(s->ike);
	s->ike = NULL;
	if (s->state == SESSION_CLOSING) {
		finish(s, now);
	} else if (s->state == SESSION_CONNECTING && why->err == ERR_TIMEOUT &&
		   s->step == STEP_PHASE1) {
		snprintf(text, sizeof(text), "%s with %s: %s", why->during,
			 session_gateway_text(s, gw), why->text);
		next_candidate(s, now, SESSION_EXIT_NO_ANSWER, text);
	} else {
		session_close_failed(s, now, why);
	}
}

static void on_ike_effect(struct session *s, vtime now, struct ike_effect *fx)
{
	switch (fx->type) {
	case IKE_EFFECT_SEND:
		break; /* passed on by session_output */
	case IKE_EFFECT_NAT:
		on_nat(s, now, fx);
		break;
	case IKE_EFFECT_ESTABLISHED:
		on_established(s, now, fx);
		break;
	case IKE_EFFECT_CHILD_UP:
		session_child_up(s, now, &fx->child);
		break;
	case IKE_EFFECT_CHILD_FAILED:
		session_child_failed(s, now, fx->child_failed.id, &fx->child_failed.why);
		break;
	case IKE_EFFECT_CHILD_DELETED:
		session_child_deleted(s, now, fx->spi);
		break;
	case IKE_EFFECT_DEAD:
		on_ike_dead(s, now, &fx->why);
		break;
	case IKE_EFFECT_CHILD_OFFER:
	case IKE_EFFECT_ALIVE:
	case IKE_EFFECT_SILENT:
	case IKE_EFFECT_HINT:
		break;
	}
}

/* ---- events ---- */

static void on_datagram(struct session *s, vtime now, const struct session_event *ev)
{
	struct ike_event in = { .type = IKE_EVENT_DATAGRAM };

	if (!s->ike)
		return;
	in.datagram.from = ev->datagram.from;
	in.datagram.to = ev->datagram.to;
	in.datagram.bytes = ev->datagram.bytes;
	ike_event(s->ike, now, &in);
}

static void on_data(struct session *s, vtime now, const struct data_event *ev)
{
	switch (ev->type) {
	case DATA_FIRST_PACKET:
		log_ev(s->log, LOG_DEBUG, "first packet", log_u64("epoch", ev->epoch));
		break;
	case DATA_NEED_SA:
		log_ev(s->log, LOG_DEBUG, "packet without an SA", log_u64("slot", ev->slot));
		break;
	case DATA_NEW_SOURCE:
		log_ev(s->log, LOG_INFO, "the gateway sends from another address",
		       log_endpoint("from", &ev->from));
		break;
	case DATA_UNKNOWN_SPI:
		log_ev(s->log, LOG_DEBUG, "unknown SPI", log_hex("spi", 4, ev->spi));
		break;
	case DATA_EXHAUSTED:
		log_ev(s->log, LOG_WARN, "sequence numbers used up", log_hex("spi", 4, ev->spi));
		break;
	case DATA_PATH_MTU:
		session_mtu_ask(s, now);
		break;
	}
}

static void on_tun_ready(struct session *s, vtime now)
{
	if (s->state != SESSION_CONNECTING || !s->tun_asked)
		return;
	set_state(s, now, SESSION_UP);
	session_step_end(s, now, "MTU %u", s->mtu);
}

static void on_tun_failed(struct session *s, vtime now, const char *text)
{
	char line[300];

	snprintf(line, sizeof(line), "addresses and routes: %.250s", text ? text : "refused");
	session_close(s, now, SESSION_EXIT_SYSTEM, line);
}

void session_event(struct session *s, vtime now, const struct session_event *ev)
{
	s->log->now = now;
	switch (ev->type) {
	case SESSION_EVENT_CONNECT:
		on_connect(s, now);
		break;
	case SESSION_EVENT_DISCONNECT:
		session_close(s, now, SESSION_EXIT_UP, "disconnected");
		break;
	case SESSION_EVENT_RESOLVED:
		on_resolved(s, now, ev);
		break;
	case SESSION_EVENT_PATH:
		on_path(s, now, ev);
		break;
	case SESSION_EVENT_NO_PATH:
		on_no_path(s, now, ev);
		break;
	case SESSION_EVENT_DATAGRAM:
		on_datagram(s, now, ev);
		break;
	case SESSION_EVENT_DATA:
		on_data(s, now, ev->data);
		break;
	case SESSION_EVENT_TUN_READY:
		on_tun_ready(s, now);
		break;
	case SESSION_EVENT_TUN_FAILED:
		on_tun_failed(s, now, ev->text);
		break;
	case SESSION_EVENT_PATH_MTU:
		session_mtu_answer(s, now, &ev->path_mtu.remote, ev->path_mtu.mtu);
		break;
	}
}

void session_timeout(struct session *s, vtime now)
{
	int row;

	s->log->now = now;
	if (s->ike && ike_deadline(s->ike) <= now)
		ike_timeout(s->ike, now);
	while ((row = timers_take_due(&s->timers, now)) >= 0) {
		switch ((enum session_timer)row) {
		case T_CHILD_EXPIRY:
			session_child_expiry(s, now);
			break;
		case T_PATH_MTU:
			session_mtu_ask(s, now);
			break;
		case T_COUNT:
			break;
		}
	}
}

bool session_output(struct session *s, vtime now, struct session_effect *out)
{
	struct ike_effect fx;

	s->log->now = now;
	while (s->queued == 0) {
		session_tunnels_wipe(s);
		if (!s->ike || !ike_output(s->ike, now, &fx))
			return false;
		if (fx.type != IKE_EFFECT_SEND) {
			on_ike_effect(s, now, &fx);
			continue;
		}
		memset(out, 0, sizeof(*out));
		out->type = SESSION_EFFECT_SEND;
		out->send.from = fx.send.from;
		out->send.to = fx.send.to;
		out->send.bytes = fx.send.bytes;
		return true;
	}
	*out = s->queue[s->head];
	s->head = (s->head + 1) % EFFECTS_MAX;
	s->queued--;
	return true;
}

vtime session_deadline(const struct session *s)
{
	vtime own = timers_next(&s->timers);

	return s->ike ? vtime_min(own, ike_deadline(s->ike)) : own;
}

/* ---- life and status ---- */

static void rules_build(struct session *s)
{
	s->rules.fallback = s->config->fallback;
	for (unsigned i = 0; i < s->config->ntunnels; i++) {
		struct policy_rule rule = { s->config->tunnels[i], POLICY_PROTECT, i };

		policy_add(&s->rules, &rule);
	}
}

struct session *session_new(const struct session_config *config, struct rng *rng, struct log *log,
			    bool keylog)
{
	struct session *s = xcalloc(1, sizeof(*s));

	s->config = config;
	s->rng = rng;
	s->log = log;
	s->keylog = keylog;
	timers_init(&s->timers, T_COUNT);
	for (unsigned i = 0; i < SESSION_TUNNELS_MAX; i++)
		s->tunnels[i].expires = VTIME_NEVER;
	rules_build(s);
	return s;
}

void session_free(struct session *s)
{
	if (!s)
		return;
	for (unsigned i = 0; i < SESSION_TUNNELS_MAX; i++) {
		esp_in_free(s->tunnels[i].in);
		esp_out_free(s->tunnels[i].out);
		ike_child_free(&s->tunnels[i].child);
	}
	ike_sa_free(s->ike);
	free(s);
}
