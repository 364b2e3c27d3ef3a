/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/session.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/timer.h"
#include "client/mtu.h"

#define EFFECTS_MAX 256
/* Effects that one event can add: a tunnel gives at most 4, the rest a handful. */
#define EFFECTS_SPARE 16

/* One tunnel: its place in the classifier and the epoch that serves it. */
struct tunnel {
	struct esp_in *in;
	struct esp_out *out;
	struct ike_child_config config; /* what is negotiated for it */
	struct ike_child child; /* as agreed; its secrets are wiped once the SAs hold them */
	uint32_t pending; /* id of the negotiation under way, 0: none */
	vtime since;
	vtime expires;
};

enum session_timer {
	T_CHILD_EXPIRY,
	T_COUNT,
};

struct session {
	const struct session_config *config;
	struct rng *rng;
	struct log *log;
	bool keylog;

	enum session_state state;
	vtime since;
	enum session_step step;
	vtime step_began;

	unsigned gateway; /* index of the gateway being tried */
	struct addr addrs[SESSION_ADDRESSES_MAX]; /* of that gateway */
	unsigned naddrs;
	unsigned addr; /* index of the address being tried */
	unsigned path_mtu;

	struct path path;
	uint32_t generation;
	enum nat nat;
	struct identity peer;
	struct ike_sa *ike;
	unsigned mtu;
	bool tun_asked;

	struct tunnel tunnels[SESSION_TUNNELS_MAX];
	uint32_t epochs; /* names given so far */
	struct policy rules;
	struct timers timers;
	struct ike_failure last_child_failure;

	struct session_effect queue[EFFECTS_MAX];
	unsigned head, queued;
	bool over;
};

const char *session_state_name(enum session_state state)
{
	switch (state) {
	case SESSION_DOWN:
		return "down";
	case SESSION_CONNECTING:
		return "connecting";
	case SESSION_UP:
		return "up";
	case SESSION_CLOSING:
		return "closing";
	}
	return "unknown";
}

const char *session_step_name(enum session_step step)
{
	switch (step) {
	case STEP_RESOLVE:
		return "resolve";
	case STEP_PATH:
		return "path";
	case STEP_PHASE1:
		return "phase 1";
	case STEP_AUTHENTICATION:
		return "authentication";
	case STEP_SA:
		return "SA";
	case STEP_UP:
		return "up";
	}
	return "unknown";
}

/* ---- effects ---- */

static struct session_effect *effect_add(struct session *s, enum session_effect_type type)
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

static void step_report(struct session *s, vtime now, bool done, const char *fmt, va_list args)
{
	struct session_effect *fx = effect_add(s, SESSION_EFFECT_STATE);

	fx->state.state = s->state;
	fx->state.step = s->step;
	fx->state.done = done;
	fx->state.took = done ? now - s->step_began : 0;
	vsnprintf(fx->state.text, sizeof(fx->state.text), fmt, args);
}

static void __attribute__((format(printf, 4, 5)))
step_begin(struct session *s, vtime now, enum session_step step, const char *fmt, ...)
{
	va_list args;

	s->step = step;
	s->step_began = now;
	va_start(args, fmt);
	step_report(s, now, false, fmt, args);
	va_end(args);
}

static void __attribute__((format(printf, 3, 4)))
step_end(struct session *s, vtime now, const char *fmt, ...)
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
static const char *gateway_text(const struct session *s, char buf[320])
{
	char addr[ADDR_TEXT_MAX];

	if (s->addr >= s->naddrs)
		snprintf(buf, 320, "%s", gateway_name(s));
	else if (strcmp(gateway_name(s), addr_text(&s->addrs[s->addr], addr)) == 0)
		snprintf(buf, 320, "%s", addr);
	else
		snprintf(buf, 320, "%.255s (%s)", gateway_name(s), addr);
	return buf;
}

/* ---- tunnels ---- */

static void tunnel_retire(struct session *s, unsigned slot)
{
	struct tunnel *t = &s->tunnels[slot];
	struct session_effect *fx;

	ike_child_free(&t->child);
	if (!t->in && !t->out)
		return;
	fx = effect_add(s, SESSION_EFFECT_PUBLISH_SLOT);
	fx->slot.slot = slot;
	fx->slot.out = NULL;
	fx = effect_add(s, SESSION_EFFECT_RETIRE);
	fx->retire.in = t->in;
	fx->retire.out = t->out;
	t->in = NULL;
	t->out = NULL;
	t->expires = VTIME_NEVER;
}

static bool tunnels_pending(const struct session *s)
{
	for (unsigned i = 0; i < s->config->ntunnels; i++)
		if (s->tunnels[i].pending)
			return true;
	return false;
}

static unsigned tunnels_up(const struct session *s)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->config->ntunnels; i++)
		n += s->tunnels[i].out != NULL;
	return n;
}

static void tunnels_set_expiry(struct session *s)
{
	vtime first = VTIME_NEVER;

	for (unsigned i = 0; i < s->config->ntunnels; i++)
		first = vtime_min(first, s->tunnels[i].expires);
	timers_set(&s->timers, T_CHILD_EXPIRY, first);
}

static struct tunnel *tunnel_by_pending(struct session *s, uint32_t id)
{
	for (unsigned i = 0; i < s->config->ntunnels; i++)
		if (s->tunnels[i].pending == id)
			return &s->tunnels[i];
	return NULL;
}

/* ---- the end ---- */

static void finish(struct session *s, vtime now, enum session_exit exit, const char *text)
{
	struct session_effect *fx;

	if (s->over)
		return;
	for (unsigned i = 0; i < s->config->ntunnels; i++)
		tunnel_retire(s, i);
	ike_sa_free(s->ike);
	s->ike = NULL;
	timers_init(&s->timers, T_COUNT);
	set_state(s, now, SESSION_DOWN);
	fx = effect_add(s, SESSION_EFFECT_DONE);
	fx->done.exit = exit;
	snprintf(fx->done.text, sizeof(fx->done.text), "%s", text);
	s->over = true;
	log_ev(s->log, exit == SESSION_EXIT_UP ? LOG_INFO : LOG_ERROR, "session over",
	       log_u64("exit", exit), log_str("why", text));
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

static void finish_failed(struct session *s, vtime now, const struct ike_failure *why)
{
	char gw[320], text[300];
	enum session_exit exit = exit_of_failure(why);

	/* Once it was up, a connection that ends by itself is lost, however it came about. */
	if (s->state == SESSION_UP)
		exit = SESSION_EXIT_LOST;
	snprintf(text, sizeof(text), "%s with %s: %s", why->during ? why->during : "IKE",
		 gateway_text(s, gw), why->text ? why->text : err_name(why->err));
	finish(s, now, exit, text);
}

/* ---- finding the gateway ---- */

static void gateway_begin(struct session *s, vtime now)
{
	struct session_effect *fx;

	s->naddrs = 0;
	s->addr = 0;
	step_begin(s, now, STEP_RESOLVE, "%s", gateway_name(s));
	fx = effect_add(s, SESSION_EFFECT_RESOLVE);
	fx->name = gateway_name(s);
}

static void address_begin(struct session *s, vtime now)
{
	struct session_effect *fx;
	char buf[ADDR_TEXT_MAX];

	step_begin(s, now, STEP_PATH, "to %s", addr_text(&s->addrs[s->addr], buf));
	fx = effect_add(s, SESSION_EFFECT_FIND_PATH);
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
		finish(s, now, exit, text);
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
	step_end(s, now, "%s%s", addr_text(&s->addrs[0], buf), s->naddrs > 1 ? " and others" : "");
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
	step_end(s, now, "from %s", addr_text(&ev->path.local, a));
	step_begin(s, now, STEP_PHASE1, "main mode with %s", gateway_text(s, gw));
	s->ike = ike_sa_new(&s->config->ike, s->rng, s->log);
	start.path = s->path;
	ike_event(s->ike, now, &start);
}

static void on_no_path(struct session *s, vtime now, const struct session_event *ev)
{
	char gw[320], text[300];

	if (s->state != SESSION_CONNECTING || s->step != STEP_PATH)
		return;
	snprintf(text, sizeof(text), "path to %s: %s; is the network up?", gateway_text(s, gw),
		 ev->text ? ev->text : "no route");
	next_candidate(s, now, SESSION_EXIT_NO_ANSWER, text);
}

/* ---- children ---- */

/* SPIs are random, not reserved (RFC 4303 section 2.1), and no two of ours are equal. */
static uint32_t spi_choose(struct session *s)
{
	uint32_t spi;
	bool taken;

	do {
		spi = rng_u32(s->rng);
		taken = spi < 256;
		for (unsigned i = 0; i < s->config->ntunnels; i++)
			taken |= s->tunnels[i].child.spi_in == spi;
	} while (taken);
	return spi;
}

static void child_begin(struct session *s, vtime now, unsigned slot)
{
	struct tunnel *t = &s->tunnels[slot];
	struct ike_event ev = { .type = IKE_EVENT_CHILD };

	t->config = s->config->child;
	t->config.ts = s->config->tunnels[slot];
	t->pending = ++s->epochs;
	t->child.spi_in = spi_choose(s);
	ev.child.id = t->pending;
	ev.child.spi = t->child.spi_in;
	ev.child.config = &t->config;
	ike_event(s->ike, now, &ev);
}

static void on_established(struct session *s, vtime now, const struct ike_effect *fx)
{
	struct session_effect *keys;
	struct ike_sa_info info;
	char id[IDENTITY_TEXT_MAX], suite[48];

	s->peer = fx->established.peer;
	step_end(s, now, "gateway is %.120s, %s", identity_text(&s->peer, id),
		 ike_suite_name(&fx->established.suite, suite));
	if (s->keylog) {
		ike_sa_info(s->ike, &info);
		keys = effect_add(s, SESSION_EFFECT_KEYS);
		memcpy(keys->keys.cookie_i, info.cookie_i, sizeof(keys->keys.cookie_i));
		keys->keys.key = ike_sa_cipher_key(s->ike);
	}
	step_begin(s, now, STEP_SA, "%u tunnel%s", s->config->ntunnels,
		   s->config->ntunnels == 1 ? "" : "s");
	for (unsigned i = 0; i < s->config->ntunnels; i++)
		child_begin(s, now, i);
}

static struct esp_sa_config sa_config(const struct session *s, unsigned slot, bool inbound)
{
	const struct ike_child *child = &s->tunnels[slot].child;

	return (struct esp_sa_config){
		.spi = inbound ? child->spi_in : child->spi_out,
		.suite = child->suite,
		.keymat = secret_slice(inbound ? &child->keymat_in : &child->keymat_out),
		.ts = child->ts,
		.path = s->path,
		.slot = slot,
		.epoch = child->id,
		.first_sequence = 1,
	};
}

static void publish_child(struct session *s, unsigned slot)
{
	struct tunnel *t = &s->tunnels[slot];
	struct esp_sa_config in = sa_config(s, slot, true), out = sa_config(s, slot, false);
	struct session_effect *fx;

	t->in = esp_in_new(&in, s->rng);
	t->out = esp_out_new(&out, s->rng);
	/* IKE accepted a suite that we offered, with key material of its length. */
	assert(t->in && t->out);
	if (s->keylog) {
		fx = effect_add(s, SESSION_EFFECT_KEYS);
		fx->keys.child = &t->child;
		fx->keys.path = s->path;
	}
	fx = effect_add(s, SESSION_EFFECT_PUBLISH_SPI);
	fx->in = t->in;
	fx = effect_add(s, SESSION_EFFECT_PUBLISH_SLOT);
	fx->slot.slot = slot;
	fx->slot.out = t->out;
}

/* Every negotiation has ended: the TUN if any tunnel is up, the end otherwise. */
static void children_settled(struct session *s, vtime now)
{
	struct session_effect *fx;

	if (tunnels_pending(s) || s->tun_asked)
		return;
	if (tunnels_up(s) == 0) {
		finish_failed(s, now, &s->last_child_failure);
		return;
	}
	step_end(s, now, "%u of %u", tunnels_up(s), s->config->ntunnels);
	fx = effect_add(s, SESSION_EFFECT_PUBLISH_RULES);
	fx->rules = &s->rules;
	step_begin(s, now, STEP_UP, "addresses and routes");
	fx = effect_add(s, SESSION_EFFECT_TUN);
	fx->tun.inner = s->config->inner;
	fx->tun.ninner = s->config->ninner;
	fx->tun.tunnels = s->config->tunnels;
	fx->tun.ntunnels = s->config->ntunnels;
	fx->tun.path = s->path;
	fx->tun.mtu = s->mtu;
	s->tun_asked = true;
}

static void mtu_update(struct session *s, const struct esp_suite *suite)
{
	unsigned mtu = mtu_inner(s->path_mtu, s->path.remote.addr.family, s->path.encapsulation,
				 suite);

	if (s->config->mtu)
		s->mtu = s->config->mtu;
	else if (s->mtu == 0 || mtu < s->mtu)
		s->mtu = mtu;
}

static void on_child_up(struct session *s, vtime now, struct ike_child *child)
{
	struct tunnel *t = tunnel_by_pending(s, child->id);
	char suite[40];

	if (!t) {
		ike_child_free(child);
		return;
	}
	t->pending = 0;
	t->child = *child; /* takes the secrets */
	t->since = now;
	t->expires = child->keylife_s ? vtime_add(now, child->keylife_s * VTIME_S) : VTIME_NEVER;
	mtu_update(s, &t->child.suite);
	publish_child(s, (unsigned)(t - s->tunnels));
	tunnels_set_expiry(s);
	log_ev(s->log, LOG_INFO, "child up", log_hex("spi_in", 4, t->child.spi_in),
	       log_hex("spi_out", 4, t->child.spi_out),
	       log_str("suite", esp_suite_name(&t->child.suite, suite)),
	       log_u64("keylife_s", t->child.keylife_s));
	children_settled(s, now);
}

static void on_child_failed(struct session *s, vtime now, uint32_t id,
			    const struct ike_failure *why)
{
	struct tunnel *t = tunnel_by_pending(s, id);
	char remote[TS_TEXT_MAX];

	if (!t)
		return;
	t->pending = 0;
	s->last_child_failure = *why;
	log_ev(s->log, LOG_WARN, "child failed",
	       log_str("remote", ts_text(&t->config.ts.remote, remote)),
	       log_str("why", why->text ? why->text : err_name(why->err)));
	children_settled(s, now);
}

/* With the last tunnel gone there is nothing left to carry. */
static void lost_if_empty(struct session *s, vtime now, const char *what)
{
	char gw[320], text[300];

	tunnels_set_expiry(s);
	if (s->state != SESSION_UP || tunnels_up(s) > 0)
		return;
	snprintf(text, sizeof(text), "connection to %s: %s; connect again", gateway_text(s, gw),
		 what);
	finish(s, now, SESSION_EXIT_LOST, text);
}

static void on_child_deleted(struct session *s, vtime now, uint32_t spi_out)
{
	for (unsigned i = 0; i < s->config->ntunnels; i++) {
		if (!s->tunnels[i].out || s->tunnels[i].child.spi_out != spi_out)
			continue;
		log_ev(s->log, LOG_WARN, "the gateway deleted a child",
		       log_hex("spi_out", 4, spi_out));
		tunnel_retire(s, i);
	}
	lost_if_empty(s, now, "the gateway deleted its SAs");
}

static void on_child_expiry(struct session *s, vtime now)
{
	for (unsigned i = 0; i < s->config->ntunnels; i++) {
		struct ike_event ev = { .type = IKE_EVENT_CHILD_DELETE };

		if (s->tunnels[i].expires > now)
			continue;
		ev.spi = s->tunnels[i].child.spi_in;
		if (s->ike)
			ike_event(s->ike, now, &ev);
		log_ev(s->log, LOG_WARN, "child expired", log_hex("spi_in", 4, ev.spi));
		tunnel_retire(s, i);
	}
	lost_if_empty(s, now, "the lifetime of its SAs has ended");
}

/* ---- effects of IKE ---- */

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
	step_end(s, now, "%s, port %u", where[s->nat], s->path.remote.port);
	step_begin(s, now, STEP_AUTHENTICATION, "pre-shared key");
}

static void on_ike_dead(struct session *s, vtime now, const struct ike_failure *why)
{
	char gw[320], text[300];

	if (s->state == SESSION_CLOSING) {
		finish(s, now, SESSION_EXIT_UP, "disconnected");
	} else if (s->state == SESSION_CONNECTING && why->err == ERR_TIMEOUT &&
		   s->step == STEP_PHASE1) {
		snprintf(text, sizeof(text), "%s with %s: %s", why->during, gateway_text(s, gw),
			 why->text);
		next_candidate(s, now, SESSION_EXIT_NO_ANSWER, text);
	} else {
		finish_failed(s, now, why);
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
		on_child_up(s, now, &fx->child);
		break;
	case IKE_EFFECT_CHILD_FAILED:
		on_child_failed(s, now, fx->child_failed.id, &fx->child_failed.why);
		break;
	case IKE_EFFECT_CHILD_DELETED:
		on_child_deleted(s, now, fx->spi);
		break;
	case IKE_EFFECT_DEAD:
		on_ike_dead(s, now, &fx->why);
		break;
	}
}

/* ---- events ---- */

static void on_disconnect(struct session *s, vtime now)
{
	struct ike_event ev = { .type = IKE_EVENT_CLOSE };

	if (s->over || s->state == SESSION_CLOSING)
		return;
	set_state(s, now, SESSION_CLOSING);
	if (s->ike)
		ike_event(s->ike, now, &ev);
	else
		finish(s, now, SESSION_EXIT_UP, "disconnected");
}

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

static void on_data(struct session *s, const struct data_event *ev)
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
	}
}

static void on_tun_ready(struct session *s, vtime now)
{
	if (s->state != SESSION_CONNECTING || !s->tun_asked)
		return;
	set_state(s, now, SESSION_UP);
	step_end(s, now, "MTU %u", s->mtu);
}

static void on_tun_failed(struct session *s, vtime now, const char *text)
{
	char line[300];

	snprintf(line, sizeof(line), "addresses and routes: %.250s", text ? text : "refused");
	finish(s, now, SESSION_EXIT_SYSTEM, line);
}

void session_event(struct session *s, vtime now, const struct session_event *ev)
{
	s->log->now = now;
	switch (ev->type) {
	case SESSION_EVENT_CONNECT:
		on_connect(s, now);
		break;
	case SESSION_EVENT_DISCONNECT:
		on_disconnect(s, now);
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
		on_data(s, ev->data);
		break;
	case SESSION_EVENT_TUN_READY:
		on_tun_ready(s, now);
		break;
	case SESSION_EVENT_TUN_FAILED:
		on_tun_failed(s, now, ev->text);
		break;
	}
}

void session_timeout(struct session *s, vtime now)
{
	s->log->now = now;
	if (s->ike && ike_deadline(s->ike) <= now)
		ike_timeout(s->ike, now);
	while (timers_take_due(&s->timers, now) == T_CHILD_EXPIRY)
		on_child_expiry(s, now);
}

/* The SAs hold the keys; a key log has been written by the time the queue is empty. */
static void wipe_keymat(struct session *s)
{
	for (unsigned i = 0; i < s->config->ntunnels; i++) {
		secret_free(&s->tunnels[i].child.keymat_in);
		secret_free(&s->tunnels[i].child.keymat_out);
	}
}

bool session_output(struct session *s, vtime now, struct session_effect *out)
{
	struct ike_effect fx;

	s->log->now = now;
	while (s->queued == 0) {
		wipe_keymat(s);
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
	s->mtu = config->mtu;
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

static void epoch_info(const struct tunnel *t, struct session_epoch_info *out)
{
	const struct esp_counters *in = esp_in_counters(t->in), *o = esp_out_counters(t->out);

	*out = (struct session_epoch_info){
		.spi_in = t->child.spi_in,
		.spi_out = t->child.spi_out,
		.suite = t->child.suite,
		.since = t->since,
		.bytes_in = atomic_load_explicit(&in->bytes, memory_order_relaxed),
		.bytes_out = atomic_load_explicit(&o->bytes, memory_order_relaxed),
		.packets_in = atomic_load_explicit(&in->packets, memory_order_relaxed),
		.packets_out = atomic_load_explicit(&o->packets, memory_order_relaxed),
		.replays = atomic_load_explicit(&in->replays, memory_order_relaxed),
		.auth_failures = atomic_load_explicit(&in->auth_failures, memory_order_relaxed),
	};
}

void session_info(const struct session *s, struct session_info *out)
{
	memset(out, 0, sizeof(*out));
	out->state = s->state;
	out->since = s->since;
	out->gateway = gateway_name(s);
	out->path = s->path;
	out->nat = s->nat;
	out->peer = s->peer;
	out->mtu = s->mtu;
	if (s->ike)
		ike_sa_info(s->ike, &out->ike);
	out->ntunnels = s->config->ntunnels;
	for (unsigned i = 0; i < s->config->ntunnels; i++) {
		out->tunnels[i].ts = &s->config->tunnels[i];
		out->tunnels[i].up = s->tunnels[i].out != NULL;
		if (out->tunnels[i].up)
			epoch_info(&s->tunnels[i], &out->tunnels[i].epoch);
	}
}
