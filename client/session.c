/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/session_advice.h"

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
	assert(s->queued < EFFECTS_MAX);
	s->queued++;
	memset(fx, 0, sizeof(*fx));
	fx->type = type;
	return fx;
}

void session_set_state(struct session *s, vtime now, enum session_state state)
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

const char *session_gateway_name(const struct session *s)
{
	unsigned n = s->config->ngateways;

	return s->gateway < n ? s->config->gateways[s->gateway] : s->backup[s->gateway - n];
}

/* "192.0.2.1", or "vpn.example.com (192.0.2.1)" when the name is not the address. */
const char *session_gateway_text(const struct session *s, char buf[SESSION_GATEWAY_TEXT_MAX])
{
	char addr[ADDR_TEXT_MAX];

	if (s->addr >= s->naddrs)
		snprintf(buf, SESSION_GATEWAY_TEXT_MAX, "%s", session_gateway_name(s));
	else if (strcmp(session_gateway_name(s), addr_text(&s->addrs[s->addr], addr)) == 0)
		snprintf(buf, SESSION_GATEWAY_TEXT_MAX, "%s", addr);
	else
		snprintf(buf, SESSION_GATEWAY_TEXT_MAX, "%.255s (%s)", session_gateway_name(s),
			 addr);
	return buf;
}

/* ---- the end ---- */

void session_finish(struct session *s, vtime now)
{
	struct session_effect *fx;

	if (s->over)
		return;
	session_user_stop(s);
	session_epochs_retire(s, false);
	session_negotiations_end(s);
	session_ikes_free(s);
	timers_init(&s->timers, T_COUNT);
	session_set_state(s, now, SESSION_DOWN);
	fx = session_effect_add(s, SESSION_EFFECT_DONE);
	fx->done.exit = s->exit;
	snprintf(fx->done.text, sizeof(fx->done.text), "%s", s->why);
	s->over = true;
	log_ev(s->log, s->exit == SESSION_EXIT_UP ? LOG_INFO : LOG_ERROR, "session over",
	       log_u64("exit", s->exit), log_str("why", s->why));
}

void session_close(struct session *s, vtime now, enum session_exit exit, const char *text)
{
	if (s->over || s->state == SESSION_CLOSING)
		return;
	session_set_state(s, now, SESSION_CLOSING);
	s->exit = exit;
	snprintf(s->why, sizeof(s->why), "%s", text);
	timers_init(&s->timers, T_COUNT);
	session_user_stop(s);
	session_epochs_retire(s, true);
	session_ikes_close(s, now); /* they are DEAD when the Deletes are out */
	if (!session_ikes_any(s))
		session_finish(s, now);
}

static enum session_exit exit_of_notify(uint16_t notify)
{
	switch (notify) {
	case NOTIFY_NO_PROPOSAL:
	case NOTIFY_INVALID_ID: /* it has no connection for these selectors */
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

/* ---- finding the gateway ---- */

static void gateway_begin(struct session *s, vtime now)
{
	struct session_effect *fx;

	s->naddrs = 0;
	s->addr = 0;
	session_step_begin(s, now, STEP_RESOLVE, "%s", session_gateway_name(s));
	fx = session_effect_add(s, SESSION_EFFECT_RESOLVE);
	fx->name = session_gateway_name(s);
}

static void address_begin(struct session *s, vtime now)
{
	struct session_effect *fx;
	char buf[ADDR_TEXT_MAX];

	session_step_begin(s, now, STEP_PATH, "to %s", addr_text(&s->addrs[s->addr], buf));
	fx = session_effect_add(s, SESSION_EFFECT_FIND_PATH);
	fx->remote = s->addrs[s->addr];
}

void session_try_again(struct session *s, vtime now)
{
	address_begin(s, now);
}

void session_try_other(struct session *s, vtime now, const struct addr *other)
{
	s->addrs[0] = *other;
	s->naddrs = 1;
	s->addr = 0;
	address_begin(s, now);
}

static unsigned gateways(const struct session *s)
{
	return s->config->ngateways + s->nbackup;
}

unsigned session_addresses_left(const struct session *s)
{
	return s->naddrs > s->addrs_tried + 1 ? s->naddrs - s->addrs_tried - 1 : 0;
}

unsigned session_gateways_left(const struct session *s)
{
	return gateways(s) > s->gateways_tried + 1 ? gateways(s) - s->gateways_tried - 1 : 0;
}

/* The next address, or gateway, round about; false: there is none left. */
static bool find_next(struct session *s, vtime now)
{
	if (session_addresses_left(s)) {
		s->addrs_tried++;
		s->addr = (s->addr + 1) % s->naddrs;
		address_begin(s, now);
	} else if (session_gateways_left(s)) {
		s->addrs_tried = 0;
		s->gateways_tried++;
		s->gateway = (s->gateway + 1) % gateways(s);
		gateway_begin(s, now);
	} else {
		return false;
	}
	return true;
}

void session_find(struct session *s, vtime now)
{
	s->redirects = 0;
	if (s->start == START_NEXT && find_next(s, now))
		return;
	if (s->start != START_SAME)
		s->gateway = s->addrs_tried = s->gateways_tried = 0;
	gateway_begin(s, now);
}

static bool is_looking(const struct session *s)
{
	return s->state == SESSION_CONNECTING || s->state == SESSION_RECOVERING;
}

void session_failed(struct session *s, vtime now, enum session_exit exit, const char *text)
{
	if (s->state == SESSION_RECOVERING)
		session_recover_failed(s, now, text);
	else if (s->state == SESSION_UP)
		session_recover(s, now, text);
	else
		session_close(s, now, exit, text);
}

/* This address did not answer: the next one, the next gateway, or the end with this failure. */
static void next_candidate(struct session *s, vtime now, enum session_exit exit, const char *text)
{
	session_climb(s, LADDER_IKE_FAILED);
	if (!find_next(s, now)) {
		session_failed(s, now, exit, text);
		return;
	}
	log_ev(s->log, LOG_WARN, "trying the next address", log_str("because", text));
}

void session_failed_ike(struct session *s, vtime now, const struct ike_failure *why, bool next)
{
	char gw[SESSION_GATEWAY_TEXT_MAX], advice[SESSION_ADVICE_MAX], text[SESSION_WHY_MAX];

	snprintf(text, sizeof(text), "%s with %.100s: %s%s%s%s%s%s",
		 why->during ? why->during : "IKE", session_gateway_text(s, gw),
		 why->text ? why->text : err_name(why->err), why->detail[0] ? ": " : "",
		 why->detail, why->said[0] ? "; the gateway says: " : "", why->said,
		 session_advice(s, why, advice));
	if (next) {
		next_candidate(s, now, exit_of_failure(why), text);
		return;
	}
	if (is_looking(s))
		session_climb(s, LADDER_IKE_FAILED);
	session_failed(s, now, exit_of_failure(why), text);
}

static void on_connect(struct session *s, vtime now)
{
	if (s->state != SESSION_DOWN || s->over)
		return;
	session_probes_key(s);
	session_set_state(s, now, SESSION_CONNECTING);
	session_find(s, now);
}

static void on_resolved(struct session *s, vtime now, const struct session_event *ev)
{
	char text[600], buf[ADDR_TEXT_MAX];

	if (!is_looking(s) || s->step != STEP_RESOLVE)
		return;
	s->naddrs = 0;
	for (unsigned i = 0; i < ev->resolved.n && s->naddrs < SESSION_ADDRESSES_MAX; i++)
		if (addr_is_host(&ev->resolved.addrs[i]))
			s->addrs[s->naddrs++] = ev->resolved.addrs[i];
	s->addr = 0;
	/* Whoever answers for names may be on the other side of the tunnel. */
	if (s->naddrs == 0 && s->known.family != FAMILY_NONE && s->known_of == s->gateway) {
		s->addrs[s->naddrs++] = s->known;
		log_ev(s->log, LOG_WARN, "no address for the gateway's name, trying the last one",
		       log_str("name", session_gateway_name(s)));
	}
	if (s->naddrs == 0) {
		snprintf(text, sizeof(text), "resolve %.180s: %s", session_gateway_name(s),
			 ev->resolved.text ?
				 ev->resolved.text :
				 "that is no address a gateway can have; see [gateway] address");
		next_candidate(s, now, SESSION_EXIT_NO_ANSWER, text);
		return;
	}
	/* What worked before is tried first. */
	for (unsigned i = 0; s->start == START_SAME && i < s->naddrs; i++)
		if (addr_eq(&s->addrs[i], &s->path.remote.addr))
			s->addr = i;
	session_step_end(s, now, "%s%s", addr_text(&s->addrs[s->addr], buf),
			 s->naddrs > 1 ? " and others" : "");
	address_begin(s, now);
}

static void on_path(struct session *s, vtime now, const struct session_event *ev)
{
	char a[ADDR_TEXT_MAX], gw[SESSION_GATEWAY_TEXT_MAX];

	if (!is_looking(s) || s->step != STEP_PATH)
		return;
	if (!addr_eq(&ev->path.local, &s->path.local.addr))
		session_refusals_end(s, now);
	s->path = (struct path){
		.local = { ev->path.local, IKE_PORT },
		.remote = { s->addrs[s->addr], IKE_PORT },
		.encapsulation = ENCAPSULATION_UDP,
		.generation = ++s->generation,
	};
	s->path_mtu = ev->path.mtu;
	s->unreachable.told = false;
	session_roam_path(s);
	session_names_path(s, now);
	session_step_end(s, now, "from %s", addr_text(&ev->path.local, a));
	session_step_begin(s, now, STEP_PHASE1, "%s mode with %s",
			   s->config->ike.mode == IKE_MODE_AGGRESSIVE ? "aggressive" : "main",
			   session_gateway_text(s, gw));
	session_ike_start(s);
}

static void on_no_path(struct session *s, vtime now, const struct session_event *ev)
{
	char gw[SESSION_GATEWAY_TEXT_MAX], text[300];

	if (!is_looking(s) || s->step != STEP_PATH)
		return;
	snprintf(text, sizeof(text), "path to %s: %s; is the network up?",
		 session_gateway_text(s, gw), ev->text ? ev->text : "no route");
	next_candidate(s, now, SESSION_EXIT_NO_ANSWER, text);
}

/* ---- events ---- */

static void on_data(struct session *s, vtime now, const struct data_event *ev)
{
	switch (ev->type) {
	case DATA_FIRST_PACKET:
		session_epoch_event(s, now, ev->slot, ev->epoch, EPOCH_EVENT_PROVED);
		break;
	case DATA_NEED_SA:
		log_ev(s->log, LOG_DEBUG, "packets are held", log_u64("tunnel", ev->slot));
		session_need_sa(s, now, ev);
		break;
	case DATA_NEW_SOURCE:
		log_ev(s->log, LOG_INFO, "the gateway sends from another address",
		       log_endpoint("from", &ev->from));
		break;
	case DATA_UNKNOWN_SPI:
		log_ev(s->log, LOG_DEBUG, "unknown SPI", log_hex("spi", 4, ev->spi));
		break;
	case DATA_EXHAUSTED:
		log_ev(s->log, LOG_WARN, "an SA is used up", log_hex("spi", 4, ev->spi));
		session_epoch_event(s, now, ev->slot, ev->epoch, EPOCH_EVENT_EXHAUSTED);
		break;
	case DATA_NEARLY_USED:
		session_epoch_event(s, now, ev->slot, ev->epoch, EPOCH_EVENT_REKEY);
		break;
	case DATA_HEARD:
		session_epoch_heard(s, now, ev);
		break;
	case DATA_PATH_MTU:
		session_mtu_ask(s, now);
		break;
	case DATA_UNHELD:
		session_unheld(s, ev);
		break;
	case DATA_PROBE_REPLY:
		session_probe_reply(s, now, ev);
		break;
	}
}

static void on_tun_ready(struct session *s, vtime now)
{
	bool waiting = s->tun_waiting;

	s->tun_waiting = false;
	if (!waiting || !is_looking(s))
		return;
	session_set_state(s, now, SESSION_UP);
	session_step_end(s, now, "MTU %u", s->mtu);
	session_recovered(s, now);
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
	session_recover_late(s, now);
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
		session_ike_datagram(s, now, ev);
		break;
	case SESSION_EVENT_DATA:
		if (!s->over)
			on_data(s, now, ev->data);
		break;
	case SESSION_EVENT_TUN_READY:
		on_tun_ready(s, now);
		break;
	case SESSION_EVENT_TUN_FAILED:
		on_tun_failed(s, now, ev->text);
		break;
	case SESSION_EVENT_UNREACHABLE:
		session_unreachable_event(s, ev->unreachable);
		break;
	case SESSION_EVENT_ANSWER:
		session_user_answer(s, now, ev);
		break;
	case SESSION_EVENT_REKEY:
	case SESSION_EVENT_PING:
	case SESSION_EVENT_FORGET:
		session_wish(s, now, ev);
		break;
	case SESSION_EVENT_NETWORK:
		session_refusals_end(s, now);
		session_roam_look(s);
		break;
	case SESSION_EVENT_ROAM:
		session_roam_event(s, now, ev);
		break;
	case SESSION_EVENT_FACTS:
		session_roam_facts(s, now, ev->facts);
		break;
	case SESSION_EVENT_NAME:
		session_name_answer(s, now, ev);
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
	session_recover_late(s, now);
	session_ikes_timeout(s, now);
	while (!s->over && (row = timers_take_due(&s->timers, now)) >= 0) {
		switch ((enum session_timer)row) {
		case T_EPOCHS:
			session_epochs_due(s, now);
			break;
		case T_PROBES:
			session_probes_due(s, now);
			break;
		case T_TUNNELS:
			session_tunnels_due(s, now);
			break;
		case T_IKES:
			session_ikes_due(s, now);
			break;
		case T_WATCH:
			session_watch(s, now);
			break;
		case T_RECOVER:
			session_recover_due(s, now);
			break;
		case T_PATH_MTU:
			session_mtu_ask(s, now);
			break;
		case T_KEEPALIVE:
			session_keepalive_due(s, now);
			break;
		case T_ASK:
			session_user_due(s, now);
			break;
		case T_ROAM:
			session_roam_due(s, now);
			break;
		case T_WISHES:
			session_wishes_due(s, now);
			break;
		case T_DEMAND:
			session_demand_due(s, now);
			break;
		case T_COUNT:
			break;
		}
	}
}

/* What has been decided since is on the timers when the caller asks for the deadline. */
static void timers_follow(struct session *s)
{
	bool up = !s->over && s->state != SESSION_CLOSING;

	timers_set(&s->timers, T_EPOCHS, up ? session_epochs_due_at(s) : VTIME_NEVER);
	timers_set(&s->timers, T_PROBES, up ? session_probes_due_at(s) : VTIME_NEVER);
	timers_set(&s->timers, T_TUNNELS, up ? session_tunnels_due_at(s) : VTIME_NEVER);
	timers_set(&s->timers, T_IKES, up ? session_ikes_due_at(s) : VTIME_NEVER);
	timers_set(&s->timers, T_WATCH, up ? session_watch_due_at(s) : VTIME_NEVER);
	timers_set(&s->timers, T_ROAM, up ? session_roam_due_at(s) : VTIME_NEVER);
	timers_set(&s->timers, T_DEMAND, up ? session_demand_due_at(s) : VTIME_NEVER);
	timers_set(&s->timers, T_KEEPALIVE, up ? session_keepalive_due_at(s) : VTIME_NEVER);
	timers_set(&s->timers, T_WISHES, session_wishes_due_at(s));
	timers_set(&s->timers, T_ASK, up ? session_user_due_at(s) : VTIME_NEVER);
}

static bool next_effect(struct session *s, vtime now, struct session_effect *out)
{
	s->log->now = now;
	while (s->queued == 0) {
		s->head = 0; /* what the longest queue took is all the memory that is touched */
		session_tunnels_wipe(s);
		if (s->rules_due && !s->over) {
			session_rules_publish(s);
			break;
		}
		if (session_ikes_output(s, now, out))
			return true;
		if (s->queued == 0 && !session_roam_release(s, now)) {
			session_wishes_follow(s, now);
			if (s->queued)
				break;
			timers_follow(s);
			return false;
		}
	}
	*out = s->queue[s->head];
	s->head = (s->head + 1) % EFFECTS_MAX;
	s->queued--;
	return true;
}

bool session_output(struct session *s, vtime now, struct session_effect *out)
{
	if (!next_effect(s, now, out))
		return false;
	session_keepalive_sent(s, now, out);
	return true;
}

bool session_is_up(const struct session *s)
{
	return s->state == SESSION_UP;
}

vtime session_deadline(const struct session *s)
{
	return vtime_min(timers_next(&s->timers), session_ikes_deadline(s));
}

/* ---- life and status ---- */

struct epoch_life session_life(const struct session *s, vtime now, uint32_t seconds)
{
	const struct epoch_config config = {
		.keylife = seconds * VTIME_S,
		.margin = s->config->rekeymargin,
		.fuzz = s->config->rekeyfuzz,
	};

	return epoch_life(&config, now, rng_u32(s->rng));
}

struct session *session_new(const struct session_config *config, struct rng *rng, struct log *log,
			    bool keylog)
{
	struct session *s = xcalloc(1, sizeof(*s));

	s->config = config;
	s->rng = rng;
	s->log = log;
	s->keylog = keylog;
	s->ike_retry_at = VTIME_NEVER;
	s->look_at = VTIME_NEVER;
	timers_init(&s->timers, T_COUNT);
	for (unsigned i = 0; i < config->nrules; i++)
		s->granularity[i] = config->rules[i].granularity;
	s->waiting_at = VTIME_NEVER;
	s->ike_config = config->ike;
	ladder_init(&s->ladder, &(struct ladder_config){ .elimit = config->elimit });
	if (config->reached)
		s->ladder.reached = &config->reached->ladder;
	session_probes_init(s);
	session_roam_init(s);
	session_names_init(s);
	session_net_init(s);
	session_user_init(s);
	return s;
}

void session_free(struct session *s)
{
	if (!s)
		return;
	for (unsigned i = 0; i < s->net.ntunnels; i++) {
		for (unsigned k = 0; k < EPOCHS_MAX; k++) {
			esp_in_free(s->tunnels[i].epoch[k].in);
			esp_out_free(s->tunnels[i].epoch[k].out);
			ike_child_free(&s->tunnels[i].epoch[k].child);
		}
	}
	session_negotiations_free(s);
	session_ikes_free(s);
	session_user_free(s);
	free(s);
}
