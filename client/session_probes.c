/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/session_impl.h"
#include "mobility/backoff.h"
#include "packet/packet.h"

#define ICMP_ECHO 8
#define ICMP6_ECHO 128
#define ICMP6_ECHO_REPLY 129

#define TRIES_OF_TARGET 2 /* pings that it may leave unanswered */

#define WHY_NOBODY "no host behind the gateway is known that could be asked"
#define WHY_OFF "nobody is to be asked"
#define WHY_UNPROVED "nothing has come through the newest keys yet"

bool session_is_strict(const struct session *s)
{
	return s->path.encapsulation == ENCAPSULATION_ESP && !(s->nat_known && s->nat == NAT_NONE);
}

void session_probes_init(struct session *s)
{
	targets_init(&s->targets);
	s->probe_key.identifier = (uint16_t)rng_u32(s->rng);
	rng_fill(s->rng, s->probe_key.token, sizeof(s->probe_key.token));
}

void session_probes_key(struct session *s)
{
	session_effect_add(s, SESSION_EFFECT_PROBE_KEY)->probe_key = s->probe_key;
}

/* ---- whom to ask ---- */

/* True when an echo request may go this way, and its reply come back. */
static bool admits(const struct ts_pair *ts, const struct addr *from, const struct addr *to)
{
	bool ip6 = to->family == FAMILY_IP6;
	struct tuple request = {
		.src = *from,
		.dst = *to,
		.proto = ip6 ? PACKET_ICMP6 : PACKET_ICMP,
		.ports = true,
		.sport = (ip6 ? ICMP6_ECHO : ICMP_ECHO) << 8,
	};
	struct tuple reply = request;

	reply.src = *to;
	reply.dst = *from;
	reply.sport = ip6 ? ICMP6_ECHO_REPLY << 8 : 0;
	return ts_pair_match_out(ts, &request) && ts_pair_match_in(ts, &reply);
}

const struct addr *session_probes_source(const struct session *s, const struct ts_pair *ts,
					 const struct addr *to)
{
	for (unsigned i = 0; i < s->net.ninner; i++)
		if (s->net.inner[i].family == to->family && admits(ts, &s->net.inner[i], to))
			return &s->net.inner[i];
	return NULL;
}

static bool is_reached(const struct session *s, const struct addr *a)
{
	for (unsigned i = 0; i < s->net.ntunnels; i++)
		if (s->net.slots[i].used && session_probes_source(s, &s->net.tunnels[i], a))
			return true;
	return false;
}

struct candidates {
	struct target_candidate list[TARGETS_MAX];
	unsigned n;
};

/* False: no tunnel goes there, or there are enough. */
static bool candidate_add(const struct session *s, struct candidates *c, enum target_kind kind,
			  const struct addr *a)
{
	if (!addr_is_host(a) || c->n == TARGETS_MAX || addr_is_in(s->net.inner, s->net.ninner, a))
		return false;
	for (unsigned i = 0; i < c->n; i++)
		if (addr_eq(&c->list[i].addr, a))
			return true;
	if (!is_reached(s, a))
		return false;
	c->list[c->n++] = (struct target_candidate){ kind, *a };
	return true;
}

/* The first address that a host of this network may have. */
static void candidate_add_first(const struct session *s, struct candidates *c,
				const struct prefix *p)
{
	size_t n = family_size(p->addr.family);
	struct addr first, last;

	if (p->len == 0)
		return;
	prefix_range(p, &first, &last);
	if (p->len + 1u < 8 * n)
		first.b[n - 1] |= 1;
	candidate_add(s, c, TARGET_SUBNET, &first);
}

static void candidates_configured(struct session *s, struct candidates *c)
{
	for (unsigned i = 0; i < ARRAY_SIZE(s->config->ping_targets); i++) {
		const struct addr *a = &s->config->ping_targets[i];

		if (a->family == FAMILY_NONE || candidate_add(s, c, TARGET_CONFIGURED, a) ||
		    s->target_warned)
			continue;
		s->target_warned = true;
		log_ev(s->log, LOG_WARN, "no tunnel goes to [nat] ping-target",
		       log_addr("target", a));
	}
}

static void candidates_make(struct session *s, struct candidates *c)
{
	const struct ike_assigned *a = s->has_assigned ? &s->assigned : NULL;
	struct prefix p;

	c->n = 0;
	candidates_configured(s, c);
	candidate_add(s, c, TARGET_GATEWAY, &s->path.remote.addr);
	for (unsigned i = 0; a && i < a->ndns; i++)
		if (candidate_add(s, c, TARGET_DNS, &a->dns[i]))
			break;
	for (unsigned i = 0; a && i < a->ninclude; i++)
		candidate_add_first(s, c, &a->include[i].prefix);
	for (unsigned i = 0; i < s->net.ntunnels; i++)
		if (session_slot_is_fixed(&s->net, i) &&
		    ts_to_prefix(&s->net.tunnels[i].remote, &p))
			candidate_add_first(s, c, &p);
}

/* Somebody can be asked through this tunnel now. */
static bool can_ask(const struct session *s, unsigned slot)
{
	for (unsigned i = 0; i < s->targets.n; i++)
		if (targets_asks(&s->targets, i) &&
		    session_probes_source(s, &s->tunnels[slot].agreed, &s->targets.list[i].addr))
			return true;
	return false;
}

/* Nothing but data proves the epochs of this tunnel. */
static bool is_data(const struct session *s, unsigned slot)
{
	return s->targets.state == TARGET_DATA || !can_ask(s, slot);
}

static void trust(struct session *s, unsigned slot)
{
	bool data = is_data(s, slot);

	epochs_set_trust(&s->tunnels[slot].epochs, session_is_strict(s) && !data, !data);
}

/* Whom we ask has changed, and what a proof is with it. */
static void trust_all(struct session *s, vtime now)
{
	for (unsigned i = 0; i < s->net.ntunnels; i++) {
		trust(s, i);
		session_epochs_follow(s, now, i);
	}
}

static void give_up(struct session *s, vtime now)
{
	targets_give_up(&s->targets);
	s->target_doubted = false;
	log_ev(s->log, LOG_WARN, "nobody in the tunnel answers pings: data alone shows what works");
	trust_all(s, now);
}

/*
 * A host may be down, and the tunnel be good. Where a NAT guesses pings are too dear to ask more than
 * one.
 */
static void doubt_target(struct session *s, unsigned slot, unsigned tries)
{
	if (session_is_strict(s) || is_data(s, slot) || s->targets.state != TARGET_FOUND ||
	    s->targets.n == 1 || tries <= TRIES_OF_TARGET)
		return;
	log_ev(s->log, LOG_INFO, "the ping target does not answer: all are asked again");
	targets_ask_anew(&s->targets);
	s->target_doubted = true;
}

/* Nobody has ever answered, and no NAT can have kept all of the answers from us. */
static bool is_hopeless(const struct session *s)
{
	return s->targets.state == TARGET_ASKING && !session_is_strict(s) && !s->target_doubted;
}

/* ---- sending ---- */

void session_probes_send(struct session *s, struct esp_out *out, const struct packet_echo *echo)
{
	struct session_effect *fx = session_effect_add(s, SESSION_EFFECT_PROBE);

	fx->probe.out = out;
	if (echo)
		fx->probe.n = packet_echo_request(echo, fx->probe.bytes, sizeof(fx->probe.bytes));
}

/* Asks everybody who is to be asked now through this epoch; false: nobody. */
static bool ask(struct session *s, unsigned slot, uint32_t id, const struct session_epoch *e)
{
	struct packet_echo echo = {
		.id = s->probe_key.identifier,
		.payload = SLICE_OF(s->probe_key.token),
	};
	bool any = false;

	for (unsigned i = 0; i < s->targets.n; i++) {
		const struct addr *to = &s->targets.list[i].addr;
		const struct addr *from = session_probes_source(s, &esp_out_config(e->out)->ts, to);

		if (!from || !targets_asks(&s->targets, i))
			continue;
		echo.src = *from;
		echo.dst = *to;
		echo.sequence = targets_sent(&s->targets, slot, id, i);
		session_probes_send(s, e->out, &echo);
		session_tell_ping(s, slot, id, to, echo.sequence);
		any = true;
	}
	return any;
}

void session_probes_ask(struct session *s)
{
	for (unsigned i = 0; i < s->net.ntunnels; i++) {
		const struct tunnel *t = &s->tunnels[i];
		int current = epochs_current(&t->epochs);

		if (current >= 0)
			ask(s, i, t->epochs.epoch[current].id, &t->epoch[current]);
	}
}

/* ---- what the prober orders ---- */

static void on_ping(struct session *s, vtime now, unsigned slot, uint32_t id)
{
	struct tunnel *t = &s->tunnels[slot];
	const struct session_epoch *e = session_epoch_find(t, id);
	bool idle = id != t->prober.fresh;

	if (!e) {
		prober_end(&t->prober, id);
		if (t->prober.used == id)
			prober_watch(&t->prober, now, 0);
		return;
	}
	session_tell_lost(s, slot, id);
	doubt_target(s, slot, idle ? t->prober.ntries2 : t->prober.ntries);
	/* Where ports tell clients apart there is no need to announce new keys to a NAT. */
	if (!ask(s, slot, id, e) && (idle || session_is_strict(s)))
		session_probes_send(s, e->out, NULL);
	if (!idle)
		return;
	if (is_data(s, slot))
		prober_heard(&t->prober, now, id);
	else if (t->prober.ntries2 > 1)
		session_climb(s, LADDER_QUIET);
}

static void on_unproved(struct session *s, vtime now, unsigned slot, uint32_t id)
{
	struct tunnel *t = &s->tunnels[slot];

	/* What is proved names us in the NAT: their answers would have come through it. */
	if (session_epoch_is_proved(t, id)) {
		if (s->targets.state == TARGET_ASKING && !s->target_doubted)
			give_up(s, now);
		prober_watch(&t->prober, now, t->prober.used);
		return;
	}
	if (is_data(s, slot)) {
		s->ping_why = WHY_UNPROVED;
		prober_watch(&t->prober, now, t->prober.used);
		return;
	}
	if (is_hopeless(s)) {
		give_up(s, now);
		return;
	}
	t->unproved++;
	t->retry_at = vtime_add(now, backoff_wait(t->unproved, s->rng));
	session_epoch_event(s, now, slot, id, EPOCH_EVENT_UNPROVED);
	session_unproved(s, now);
}

static void on_silent(struct session *s, vtime now, unsigned slot, uint32_t id)
{
	struct tunnel *t = &s->tunnels[slot];

	if (is_data(s, slot) || is_hopeless(s)) {
		if (!is_data(s, slot))
			give_up(s, now);
		prober_watch(&t->prober, now, id);
		return;
	}
	/* A successor that is on trial already is what comes next. */
	if (!t->prober.fresh)
		session_climb(s, LADDER_SILENT);
	session_epoch_event(s, now, slot, id, EPOCH_EVENT_SILENT);
}

/* Nothing is on its way that would prove an epoch: what the ladder says after too many of them. */
void session_probes_exhausted(struct session *s, vtime now)
{
	unsigned most = s->targets.answered ? SESSION_UNANSWERED_LATER : SESSION_UNANSWERED_MAX;
	bool doubted = s->target_doubted;

	s->target_doubted = false;
	if (s->targets.state == TARGET_FOUND)
		targets_ask_anew(&s->targets);
	else if (!doubted && s->targets.state == TARGET_ASKING && ++s->unanswered >= most)
		give_up(s, now);
}

/* ---- what comes ---- */

static void hear(struct tunnel *t, vtime now)
{
	for (unsigned k = 0; k < EPOCHS_MAX; k++) {
		struct session_epoch *e = &t->epoch[k];
		vtime at = e->in ? atomic_load_explicit(&esp_in_counters(e->in)->heard_at,
							memory_order_relaxed) :
				   0;

		if (at == e->heard_at)
			continue;
		e->heard_at = at;
		prober_heard(&t->prober, vtime_min(at, now), t->epochs.epoch[k].id);
	}
}

static void notice(struct session *s, vtime now, unsigned slot)
{
	session_epochs_listen(s, now, slot);
	hear(&s->tunnels[slot], now);
}

static void run(struct session *s, vtime now, unsigned slot)
{
	struct tunnel *t = &s->tunnels[slot];
	enum prober_order order;
	uint32_t id;

	notice(s, now, slot);
	while ((order = prober_next(&t->prober, now, &id)) != PROBER_NONE) {
		switch (order) {
		case PROBER_NONE:
			break;
		case PROBER_PING:
			on_ping(s, now, slot, id);
			break;
		case PROBER_UNPROVED:
			on_unproved(s, now, slot, id);
			break;
		case PROBER_SILENT:
			on_silent(s, now, slot, id);
			break;
		}
	}
}

static void found(struct session *s, vtime now)
{
	const struct target_candidate *c = &s->targets.list[s->targets.found];

	log_ev(s->log, LOG_INFO, "ping target", log_addr("address", &c->addr),
	       log_str("why", target_kind_name(c->kind)));
	s->ping_why = NULL;
	s->target_doubted = false;
	s->unanswered = 0;
	trust_all(s, now);
}

void session_probe_reply(struct session *s, vtime now, const struct data_event *ev)
{
	bool known = s->targets.state == TARGET_FOUND;
	const struct target_probe *answered;
	struct target_probe probe;
	struct tunnel *t;

	if (session_wish_answered(s, now, ev))
		return;
	answered = targets_answered(&s->targets, ev->sequence, &ev->tuple.src);
	if (!answered || answered->slot >= s->net.ntunnels)
		return;
	probe = *answered;
	t = &s->tunnels[probe.slot];
	session_tell_pong(s, &probe);
	notice(s, now, probe.slot);
	session_epochs_follow(s, now, probe.slot);
	if (!known && s->targets.state == TARGET_FOUND)
		found(s, now);
	session_roam_answered(s, now, ev->sequence);
	if (probe.epoch == ev->epoch) {
		if (session_epoch_is_proved(t, probe.epoch))
			prober_end(&t->prober, probe.epoch);
		else
			session_epoch_event(s, now, probe.slot, probe.epoch, EPOCH_EVENT_PROVED);
		return;
	}
	session_epoch_event(s, now, probe.slot, probe.epoch, EPOCH_EVENT_ANSWERED);
	if (session_is_strict(s))
		return;
	prober_end(&t->prober, probe.epoch);
	prober_heard(&t->prober, now, probe.epoch);
}

/* ---- epochs come and go ---- */

static void warn_nat(struct session *s)
{
	char text[SESSION_WARNING_MAX];

	if (s->nat_warned || !session_is_strict(s))
		return;
	s->nat_warned = true;
	for (unsigned fault = NAT_MODEL_PINGTIME; fault <= NAT_MODEL_MAXIDLE; fault <<= 1)
		if (session_nat_warning(s->config, (enum nat_model_fault)fault, text))
			log_ev(s->log, LOG_WARN, "raw ESP may pass a NAT", log_str("but", text));
}

void session_probes_prepare(struct session *s, unsigned slot, const struct ts_pair *agreed)
{
	struct candidates c = { 0 };

	if (!s->config->no_probes)
		candidates_make(s, &c);
	targets_set(&s->targets, c.list, c.n, s->config->no_probes ? WHY_OFF : WHY_NOBODY);
	s->tunnels[slot].agreed = *agreed;
	trust(s, slot);
	warn_nat(s);
}

void session_probes_begin(struct session *s, vtime now, unsigned slot, uint32_t id, vtime at)
{
	if (s->config->no_probes ||
	    (session_epoch_is_proved(&s->tunnels[slot], id) && s->targets.state != TARGET_ASKING))
		return;
	prober_begin(&s->tunnels[slot].prober, at, id);
	if (at <= now)
		run(s, now, slot);
}

void session_probes_proved(struct session *s, unsigned slot, uint32_t id)
{
	s->ping_why = NULL;
	s->tunnels[slot].unproved = 0;
	s->tunnels[slot].demanded = false;
	/* Who answers is not known yet: the pings that are under way may find it. */
	if (s->targets.state != TARGET_ASKING || is_data(s, slot))
		prober_end(&s->tunnels[slot].prober, id);
}

void session_probes_stop(struct session *s)
{
	for (unsigned i = 0; i < s->net.ntunnels; i++) {
		prober_end(&s->tunnels[i].prober, s->tunnels[i].prober.fresh);
		s->tunnels[i].unproved = 0;
	}
}

vtime session_probes_due_at(const struct session *s)
{
	vtime first = VTIME_NEVER;

	/* Where nothing can be sent silence says nothing. */
	for (unsigned i = 0; i < s->net.ntunnels && !session_roam_holds(s); i++)
		first = vtime_min(first, prober_deadline(&s->tunnels[i].prober));
	return first;
}

void session_probes_due(struct session *s, vtime now)
{
	bool idle = false;

	for (unsigned i = 0; i < s->net.ntunnels; i++)
		notice(s, now, i);
	for (unsigned i = 0; i < s->net.ntunnels; i++)
		idle |= prober_idle_due(&s->tunnels[i].prober, now);
	/* What wakes the host for one tunnel does for others, too. */
	for (unsigned i = 0; idle && i < s->net.ntunnels; i++)
		prober_hasten(&s->tunnels[i].prober, now);
	for (unsigned i = 0; !s->over && i < s->net.ntunnels; i++)
		run(s, now, i);
}

static bool is_pinging(const struct session *s)
{
	for (unsigned i = 0; i < s->queued; i++)
		if (s->queue[(s->head + i) % EFFECTS_MAX].type == SESSION_EFFECT_PROBE)
			return true;
	return false;
}

bool session_probes_hasten(struct session *s, vtime now)
{
	for (unsigned i = 0; i < s->net.ntunnels; i++)
		notice(s, now, i);
	for (unsigned i = 0; i < s->net.ntunnels; i++)
		prober_hasten(&s->tunnels[i].prober, now);
	session_probes_due(s, now);
	return is_pinging(s);
}

/* ---- status ---- */

void session_ping_info(const struct session *s, struct session_ping_info *out)
{
	const struct targets *t = &s->targets;

	*out = (struct session_ping_info){ .sent = t->sent, .answered = t->answered };
	switch (t->state) {
	case TARGET_FOUND:
		out->target = t->list[t->found].addr;
		out->why = target_kind_name(t->list[t->found].kind);
		break;
	case TARGET_ASKING:
		out->why = t->n ? "asking" : "nothing to ask through yet";
		break;
	case TARGET_DATA:
		out->why = t->why;
		break;
	}
	if (s->ping_why)
		out->why = s->ping_why;
}
