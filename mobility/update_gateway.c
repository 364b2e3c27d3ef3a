/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mobility/update.h"

#define PENDING(type) (1u << (type))

/* A notification, with what could be read of it. */
struct view {
	struct update_gateway *g;
	vtime now;
	struct rng *rng;
	const struct update_notified *n;
	bool parsed;
	struct update_body body;
	bool check_parsed;
	struct update_check check;
	unsigned nknown; /* of its SPIs those that are this peer's */
	uint32_t known[UPDATE_SPIS_MAX];
};

/* ---- what is done ---- */

static void send(struct update_gateway *g, const struct endpoint *to, uint16_t type,
		 struct slice data)
{
	g->message = (struct update_message){
		.type = type, .data = data, .from = g->path.local, .to = *to
	};
	g->also = (struct endpoint){ 0 };
	g->pending |= PENDING(UPDATE_SEND);
}

static void answer(struct update_gateway *g, const struct endpoint *to)
{
	send(g, to, g->answer_type, slice(g->answer, g->answer_n));
	g->message.natd = true;
}

static void check_end(struct update_gateway *g)
{
	if (!g->checking)
		return;
	g->checking = false;
	g->stop = g->id;
	g->pending |= PENDING(UPDATE_STOP);
}

static void back(struct update_gateway *g)
{
	g->path = g->old;
	g->limited = false;
	g->pending |= PENDING(UPDATE_MOVE);
}

/* It is this request that repeats are compared with. */
static void handled(struct view *v)
{
	struct update_gateway *g = v->g;

	g->identifier = v->body.identifier;
	g->type = v->n->type;
	g->n = v->n->data.n;
	memcpy(g->content, v->n->data.p, g->n);
	g->answer_type = 0;
}

static void nack_store(struct update_gateway *g)
{
	g->answer_type = g->type == UPDATE_REQUEST6 ? UPDATE_NACK6 : UPDATE_NACK;
	g->answer_n = g->n;
	memcpy(g->answer, g->content, g->n);
}

static void ack_store(struct view *v)
{
	struct update_gateway *g = v->g;
	struct update_body ack = v->body;

	ack.n = v->nknown;
	memcpy(ack.spi, v->known, ack.n * sizeof(ack.spi[0]));
	g->answer_n = update_write(&ack, g->answer);
}

static uint16_t ack_type(const struct update_gateway *g)
{
	return g->type == UPDATE_REQUEST6 ? UPDATE_ACK6 : UPDATE_ACK;
}

static void ignore(struct view *v)
{
	(void)v;
}

static void again(struct view *v)
{
	answer(v->g, &v->g->path.remote);
}

static void refuse(struct view *v)
{
	struct update_gateway *g = v->g;

	/* The change before it is void as well, and this one does not take its place. */
	if (g->checking) {
		check_end(g);
		back(g);
	}
	handled(v);
	nack_store(g);
	answer(g, &v->n->from);
	g->message.from = v->n->to;
}

/* Where the request came from is where the peer is. */
static void take_path(struct view *v)
{
	struct update_gateway *g = v->g;

	if (!g->checking)
		g->old = g->path;
	check_end(g);
	handled(v);
	ack_store(v);
	g->path.local = v->n->to;
	g->path.remote = v->n->from;
	g->path.encapsulation =
		update_encapsulation(g->path.encapsulation, v->n->peer_nat || v->n->own_nat);
	g->nspis = v->nknown;
	memcpy(g->spi, v->known, g->nspis * sizeof(g->spi[0]));
	g->pending |= PENDING(UPDATE_MOVE);
}

static void move(struct view *v)
{
	struct update_gateway *g = v->g;

	take_path(v);
	g->limited = false;
	g->answer_type = ack_type(g);
	answer(g, &g->path.remote);
}

static void move_checking(struct view *v)
{
	struct update_check check = { .identifier = v->body.identifier };
	struct update_gateway *g = v->g;

	take_path(v);
	g->limited = true;
	g->checking = true;
	g->check_until = vtime_add(v->now, UPDATE_CHECK_WAIT);
	rng_fill(v->rng, check.random, sizeof(check.random));
	update_check_write(&check, g->check);
	send(g, &g->path.remote, UPDATE_CHECK, SLICE_OF(g->check));
	g->message.id = ++g->id;
	g->message.natd = true;
	g->message.repeat = true;
}

static void check_passed(struct view *v)
{
	struct update_gateway *g = v->g;

	check_end(g);
	g->limited = false;
	g->pending |= PENDING(UPDATE_UNLIMIT);
	g->answer_type = ack_type(g);
	answer(g, &g->path.remote);
}

/* ---- when ---- */

static bool always(const struct view *v)
{
	(void)v;
	return true;
}

static bool roaming_off(const struct view *v)
{
	return !v->g->policy->roaming;
}

static bool older_sa(const struct view *v)
{
	return !v->n->newest;
}

static bool is_reply(const struct view *v)
{
	return v->n->type == UPDATE_CHECK_REPLY;
}

static bool check_malformed(const struct view *v)
{
	return is_reply(v) && !v->check_parsed;
}

/* After another ISAKMP SA has come the identifiers mean something else. */
static bool check_stale(const struct view *v)
{
	const struct update_gateway *g = v->g;

	return is_reply(v) &&
	       (!g->checking || !g->identifier || v->check.identifier != get_be32(g->check));
}

static bool check_wrong(const struct view *v)
{
	return is_reply(v) && memcmp(v->check.random, v->g->check + 4, UPDATE_RANDOM_SIZE) != 0;
}

static bool check_elsewhere(const struct view *v)
{
	return is_reply(v) && !endpoint_eq(&v->n->from, &v->g->path.remote);
}

static bool no_request(const struct view *v)
{
	return v->n->type != UPDATE_REQUEST && v->n->type != UPDATE_REQUEST6;
}

static bool malformed(const struct view *v)
{
	return !v->parsed;
}

static bool same_number(const struct view *v)
{
	return v->g->identifier && v->body.identifier == v->g->identifier;
}

static bool repeated(const struct view *v)
{
	const struct update_gateway *g = v->g;

	return same_number(v) && v->n->type == g->type &&
	       slice_eq(v->n->data, slice(g->content, g->n));
}

static bool repeated_early(const struct view *v)
{
	return repeated(v) && !v->g->answer_type;
}

static bool replayed(const struct view *v)
{
	return v->body.identifier <= v->g->identifier;
}

static bool is_refused(const struct update_policy *p, const struct addr *a)
{
	for (unsigned i = 0; i < p->nrefused; i++)
		if (prefix_contains(&p->refused[i], a))
			return true;
	return false;
}

static bool source_impossible(const struct view *v)
{
	return !addr_is_host(&v->n->from.addr) || !v->n->from.port ||
	       addr_is_in(v->g->policy->own, v->g->policy->nown, &v->n->from.addr);
}

static bool no_host(const struct view *v)
{
	return !addr_is_host(&v->body.new);
}

static bool own_address(const struct view *v)
{
	return addr_is_in(v->g->policy->own, v->g->policy->nown, &v->body.new);
}

static bool policy(const struct view *v)
{
	return is_refused(v->g->policy, &v->body.new) || is_refused(v->g->policy, &v->n->from.addr);
}

static bool no_socket(const struct view *v)
{
	const struct update_policy *p = v->g->policy;

	return !(v->body.new.family == FAMILY_IP6 ? p->ip6 : p->ip4);
}

/* The address in the payload is the source, and NAT-D vouches for its port. */
static bool direct(const struct view *v)
{
	return addr_eq(&v->body.new, &v->n->from.addr) && v->n->natd && !v->n->peer_nat;
}

static bool no_nat(const struct view *v)
{
	return !direct(v) && !(v->n->natd && v->n->peer_nat);
}

static bool raw_esp(const struct view *v)
{
	return v->g->policy->esp_only && (v->n->peer_nat || v->n->own_nat);
}

static bool unknown_spis(const struct view *v)
{
	return v->body.n && !v->nknown;
}

/* It has been proved that the peer is there. */
static bool same_path(const struct view *v)
{
	return !v->g->checking && endpoint_eq(&v->n->from, &v->g->path.remote);
}

/* ---- the table: the first row that applies ---- */

static const struct row {
	enum update_gateway_rule rule;
	bool (*when)(const struct view *v);
	void (*then)(struct view *v);
} rows[] = {
	{ UPDATE_GATEWAY_ROAMING_OFF, roaming_off, ignore },
	{ UPDATE_GATEWAY_OLDER_SA, older_sa, ignore },

	{ UPDATE_GATEWAY_CHECK_MALFORMED, check_malformed, ignore },
	{ UPDATE_GATEWAY_CHECK_STALE, check_stale, ignore },
	{ UPDATE_GATEWAY_CHECK_WRONG, check_wrong, ignore },
	{ UPDATE_GATEWAY_CHECK_ELSEWHERE, check_elsewhere, ignore },
	{ UPDATE_GATEWAY_CHECK_PASSED, is_reply, check_passed },

	{ UPDATE_GATEWAY_UNEXPECTED, no_request, ignore },
	{ UPDATE_GATEWAY_MALFORMED, malformed, ignore },
	{ UPDATE_GATEWAY_REPEATED_EARLY, repeated_early, ignore },
	{ UPDATE_GATEWAY_REPEATED, repeated, again },
	{ UPDATE_GATEWAY_ALTERED, same_number, ignore },
	{ UPDATE_GATEWAY_REPLAYED, replayed, ignore },
	{ UPDATE_GATEWAY_SOURCE, source_impossible, ignore },
	{ UPDATE_GATEWAY_ADDRESS, no_host, refuse },
	{ UPDATE_GATEWAY_OWN_ADDRESS, own_address, refuse },
	{ UPDATE_GATEWAY_POLICY, policy, refuse },
	{ UPDATE_GATEWAY_FAMILY, no_socket, refuse },
	{ UPDATE_GATEWAY_NO_NAT, no_nat, ignore },
	{ UPDATE_GATEWAY_RAW_ESP, raw_esp, refuse },
	{ UPDATE_GATEWAY_UNKNOWN_SPIS, unknown_spis, refuse },
	{ UPDATE_GATEWAY_MOVED, direct, move },
	{ UPDATE_GATEWAY_MOVED_SAME_PATH, same_path, move },
	{ UPDATE_GATEWAY_MOVED_CHECKING, always, move_checking },
};

static bool is_among(const struct update_spis *spis, uint32_t spi)
{
	for (unsigned i = 0; i < spis->n; i++)
		if (spis->spi[i] == spi)
			return true;
	return false;
}

static void view_read(struct view *v, const struct update_spis *spis)
{
	v->check_parsed = update_check_parse(v->n->data, &v->check) == 0;
	v->parsed = update_parse(v->n->type, v->n->data, &v->body) == 0;
	if (!v->parsed)
		return;
	for (unsigned i = 0; i < v->body.n; i++)
		if (is_among(spis, v->body.spi[i]))
			v->known[v->nknown++] = v->body.spi[i];
}

void update_gateway_notify(struct update_gateway *g, vtime now, struct rng *rng,
			   const struct update_notified *n, const struct update_spis *spis)
{
	struct view v = { .g = g, .now = now, .rng = rng, .n = n };

	view_read(&v, spis);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (rows[i].when(&v)) {
			g->counts[rows[i].rule]++;
			rows[i].then(&v);
			return;
		}
	}
}

void update_gateway_timeout(struct update_gateway *g, vtime now)
{
	struct path failed = g->path;

	if (now < update_gateway_deadline(g))
		return;
	g->counts[UPDATE_GATEWAY_CHECK_FAILED]++;
	check_end(g);
	back(g);
	/* Under another ISAKMP SA the peer asks again. */
	if (!g->identifier)
		return;
	nack_store(g);
	answer(g, &failed.remote);
	g->message.from = failed.local;
	g->also = g->path.remote;
}

vtime update_gateway_deadline(const struct update_gateway *g)
{
	return g->checking ? g->check_until : VTIME_NEVER;
}

void update_gateway_init(struct update_gateway *g, const struct update_policy *policy,
			 const struct path *path)
{
	memset(g, 0, sizeof(*g));
	g->policy = policy;
	g->path = *path;
}

void update_gateway_new_sa(struct update_gateway *g)
{
	g->counts[UPDATE_GATEWAY_NEW_SA]++;
	g->identifier = 0;
	g->answer_type = 0;
}

/* ---- output ---- */

/* It goes to the path in force as well. */
static void send_also(struct update_gateway *g)
{
	if (!g->also.port || endpoint_eq(&g->also, &g->message.to))
		return;
	g->message.from = g->path.local;
	g->message.to = g->also;
	g->also.port = 0;
	g->pending |= PENDING(UPDATE_SEND);
}

static void effect_fill(struct update_gateway *g, struct update_effect *out)
{
	switch (out->type) {
	case UPDATE_STOP:
		out->id = g->stop;
		break;
	case UPDATE_SEND:
		out->send = g->message;
		send_also(g);
		break;
	case UPDATE_MOVE:
		out->move.path = g->path;
		out->move.path.generation = 0;
		out->move.spis = (struct update_spis){ g->spi, g->nspis };
		out->move.limited = g->limited;
		break;
	case UPDATE_UNLIMIT:
	case UPDATE_BOUND: /* the client's */
	case UPDATE_RENEW:
	case UPDATE_ANEW:
	case UPDATE_FOLLOW:
		break;
	}
}

bool update_gateway_output(struct update_gateway *g, struct update_effect *out)
{
	/* Nothing is sent that the owner would take for sent on the path before. */
	static const enum update_effect_type order[] = { UPDATE_STOP, UPDATE_MOVE, UPDATE_UNLIMIT,
							 UPDATE_SEND };

	for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
		if (!(g->pending & PENDING(order[i])))
			continue;
		g->pending &= ~PENDING(order[i]);
		*out = (struct update_effect){ .type = order[i] };
		effect_fill(g, out);
		return true;
	}
	return false;
}

const char *update_gateway_rule_name(enum update_gateway_rule rule)
{
	static const char *const names[] = {
#define X(e, name) [UPDATE_##e] = name,
		UPDATE_GATEWAY_RULES(X)
#undef X
	};

	return names[rule];
}
