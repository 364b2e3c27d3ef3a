/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mobility/update.h"

#define PENDING(type) (1u << (type))

/* What has happened, with what could be read of it. */
struct view {
	struct update_client *c;
	vtime now;
	const struct update_client_event *ev;
	bool parsed; /* body is that of an ACK or NACK */
	struct update_body body;
	bool check_parsed;
	struct update_check check;
};

/* ---- what is done ---- */

static void stop(struct update_client *c)
{
	if (!c->in_air)
		return;
	c->in_air = false;
	c->stop = c->id;
	c->pending |= PENDING(UPDATE_STOP);
}

static void send(struct update_client *c, uint16_t type, size_t n, bool repeat)
{
	c->message = (struct update_message){
		.id = repeat ? c->id : 0,
		.type = type,
		.data = slice(c->data, n),
		.from = c->from,
		.to = c->to,
		.natd = repeat,
		.repeat = repeat,
	};
	c->pending |= PENDING(UPDATE_SEND);
}

/* The next request, for what is left of the list. */
static void request(struct update_client *c)
{
	struct update_body *b = &c->request;
	unsigned left = c->n - c->at;

	b->identifier = ++c->identifier;
	b->n = left < UPDATE_SPIS_MAX ? left : UPDATE_SPIS_MAX;
	memcpy(b->spi, c->spi + c->at, b->n * sizeof(b->spi[0]));
	c->id++;
	c->in_air = true;
	send(c, update_is_ip6(b) ? UPDATE_REQUEST6 : UPDATE_REQUEST, update_write(b, c->data),
	     true);
}

static void anew(struct update_client *c, enum update_why why)
{
	stop(c);
	c->following = false;
	c->why = why;
	c->pending |= PENDING(UPDATE_ANEW);
}

static bool has(const struct update_body *b, uint32_t spi)
{
	for (unsigned i = 0; i < b->n; i++)
		if (b->spi[i] == spi)
			return true;
	return false;
}

/* What the ACK lists is bound, the rest of the request is not. */
static void take_ack(struct view *v)
{
	struct update_client *c = v->c;

	c->nbound = 0;
	c->nrenew = 0;
	for (unsigned i = 0; i < c->request.n; i++) {
		uint32_t spi = c->request.spi[i];

		if (has(&v->body, spi))
			c->bound[c->nbound++] = spi;
		else
			c->renew[c->nrenew++] = spi;
	}
	c->at += c->request.n;
	c->more = c->at < c->n;
	c->followed = false;
	c->nat = v->ev->notify.natd && (v->ev->notify.peer_nat || v->ev->notify.own_nat);
	c->pending |= PENDING(UPDATE_BOUND) | (c->nrenew ? PENDING(UPDATE_RENEW) : 0);
}

static void nothing(struct view *v)
{
	(void)v;
}

static void take_move(struct view *v)
{
	struct update_client *c = v->c;
	unsigned n = v->ev->move.spis.n;

	stop(c);
	c->following = false;
	c->request.old = v->ev->move.old;
	c->request.new = v->ev->move.from.addr;
	c->from = v->ev->move.from;
	c->to = v->ev->move.to;
	c->from.port = c->to.port = UPDATE_PORT;
	c->at = 0;
	c->n = n < UPDATE_CLIENT_SPIS_MAX ? n : UPDATE_CLIENT_SPIS_MAX;
	if (c->n)
		memcpy(c->spi, v->ev->move.spis.spi, c->n * sizeof(c->spi[0]));
}

static void move(struct view *v)
{
	take_move(v);
	request(v->c);
}

static void follow(struct view *v)
{
	struct update_client *c = v->c;

	take_move(v);
	c->following = true;
	c->ike_alive = c->esp_alive = false;
	c->follow_until = vtime_add(v->now, UPDATE_FOLLOW_WAIT);
	c->pending |= PENDING(UPDATE_FOLLOW);
}

static void give_up_unsupported(struct view *v)
{
	take_move(v);
	anew(v->c, UPDATE_WHY_UNSUPPORTED);
}

static void reply(struct view *v)
{
	update_check_write(&v->check, v->c->data);
	send(v->c, UPDATE_CHECK_REPLY, UPDATE_CHECK_SIZE, false);
}

static void give_up_nack(struct view *v)
{
	anew(v->c, UPDATE_WHY_NACK);
}

static void give_up_nat(struct view *v)
{
	anew(v->c, UPDATE_WHY_NAT);
}

static void give_up_unanswered(struct view *v)
{
	v->c->in_air = false;
	anew(v->c, UPDATE_WHY_UNANSWERED);
}

static void acked(struct view *v)
{
	stop(v->c);
	take_ack(v);
}

static void acked_more(struct view *v)
{
	acked(v);
	request(v->c);
}

static void new_sa(struct view *v)
{
	v->c->supported = v->ev->supported;
	v->c->identifier = 0;
	v->c->following = false;
}

static void new_sa_repeats(struct view *v)
{
	stop(v->c);
	new_sa(v);
	request(v->c);
}

static void new_sa_unsupported(struct view *v)
{
	new_sa(v);
	anew(v->c, UPDATE_WHY_UNSUPPORTED);
}

static void followed_half(struct view *v)
{
	if (v->ev->type == UPDATE_CLIENT_IKE_ALIVE)
		v->c->ike_alive = true;
	else
		v->c->esp_alive = true;
}

static void followed(struct view *v)
{
	struct update_client *c = v->c;

	c->following = false;
	c->nbound = c->n;
	memcpy(c->bound, c->spi, c->n * sizeof(c->spi[0]));
	c->more = false;
	c->followed = true;
	c->nat = false;
	c->pending |= PENDING(UPDATE_BOUND);
}

/* ---- when ---- */

static bool always(const struct view *v)
{
	(void)v;
	return true;
}

static bool in_air(const struct view *v)
{
	return v->c->in_air;
}

static bool supported(const struct view *v)
{
	return v->c->supported;
}

/* Raw ESP says nothing of where it came from to those who follow: over NAT-T alone. */
static bool not_raw(const struct view *v)
{
	return v->ev->move.encapsulation != ENCAPSULATION_ESP;
}

static bool older_sa(const struct view *v)
{
	return !v->ev->notify.newest || !v->c->supported;
}

static bool is_check(const struct view *v)
{
	return v->ev->notify.type == UPDATE_CHECK;
}

static bool check_malformed(const struct view *v)
{
	return is_check(v) && !v->check_parsed;
}

static bool check_stale(const struct view *v)
{
	return is_check(v) && (!v->c->identifier || v->check.identifier != v->c->identifier);
}

/* The gateway asks whether we are where the request came from: only there is it answered. */
static bool check_elsewhere(const struct view *v)
{
	const struct addr *to = &v->ev->notify.to.addr;

	return is_check(v) && to->family != FAMILY_NONE && !addr_eq(to, &v->c->from.addr);
}

static bool is_nack(const struct view *v)
{
	return v->ev->notify.type == UPDATE_NACK || v->ev->notify.type == UPDATE_NACK6;
}

static bool no_answer_type(const struct view *v)
{
	uint16_t type = v->ev->notify.type;

	return type != UPDATE_ACK && type != UPDATE_ACK6 && !is_nack(v);
}

static bool malformed(const struct view *v)
{
	return !v->parsed;
}

static bool stale(const struct view *v)
{
	return !v->c->in_air || v->body.identifier != v->c->request.identifier;
}

static bool altered(const struct view *v)
{
	const struct update_body *r = &v->c->request;

	for (unsigned i = 0; i < v->body.n; i++)
		if (!has(r, v->body.spi[i]))
			return true;
	/* An address that we do not know of was sent as the unspecified one. */
	return !addr_eq(&v->body.new, &r->new) ||
	       (r->old.family != FAMILY_NONE && !addr_eq(&v->body.old, &r->old));
}

static bool nat_and_raw(const struct view *v)
{
	const struct update_notified *n = &v->ev->notify;

	return v->c->esp_only && n->natd && (n->peer_nat || n->own_nat);
}

static bool more(const struct view *v)
{
	return v->c->at + v->c->request.n < v->c->n;
}

static bool partly(const struct view *v)
{
	for (unsigned i = 0; i < v->c->request.n; i++)
		if (!has(&v->body, v->c->request.spi[i]))
			return true;
	return false;
}

static bool of_the_request(const struct view *v)
{
	return v->c->in_air && v->ev->id == v->c->id;
}

static bool air_and_supported(const struct view *v)
{
	return v->c->in_air && v->ev->supported;
}

static bool following(const struct view *v)
{
	return v->c->following;
}

static bool esp_too(const struct view *v)
{
	return v->c->following && v->c->esp_alive;
}

static bool ike_too(const struct view *v)
{
	return v->c->following && v->c->ike_alive;
}

/* ---- the table: the first row of the event that applies ---- */

static const struct row {
	enum update_client_rule rule;
	enum update_client_event_type on;
	bool (*when)(const struct view *v);
	void (*then)(struct view *v);
} rows[] = {
	{ UPDATE_CLIENT_NEW_SA_REPEATS, UPDATE_CLIENT_SA, air_and_supported, new_sa_repeats },
	{ UPDATE_CLIENT_NEW_SA_UNSUPPORTED, UPDATE_CLIENT_SA, in_air, new_sa_unsupported },
	{ UPDATE_CLIENT_NEW_SA, UPDATE_CLIENT_SA, always, new_sa },

	{ UPDATE_CLIENT_MOVED_AGAIN, UPDATE_CLIENT_MOVE, in_air, move },
	{ UPDATE_CLIENT_MOVED, UPDATE_CLIENT_MOVE, supported, move },
	{ UPDATE_CLIENT_MOVED_FOLLOW, UPDATE_CLIENT_MOVE, not_raw, follow },
	{ UPDATE_CLIENT_MOVED_UNSUPPORTED, UPDATE_CLIENT_MOVE, always, give_up_unsupported },

	{ UPDATE_CLIENT_OLDER_SA, UPDATE_CLIENT_NOTIFY, older_sa, nothing },
	{ UPDATE_CLIENT_CHECK_MALFORMED, UPDATE_CLIENT_NOTIFY, check_malformed, nothing },
	{ UPDATE_CLIENT_CHECK_STALE, UPDATE_CLIENT_NOTIFY, check_stale, nothing },
	{ UPDATE_CLIENT_CHECK_ELSEWHERE, UPDATE_CLIENT_NOTIFY, check_elsewhere, nothing },
	{ UPDATE_CLIENT_CHECKED, UPDATE_CLIENT_NOTIFY, is_check, reply },
	{ UPDATE_CLIENT_UNEXPECTED, UPDATE_CLIENT_NOTIFY, no_answer_type, nothing },
	{ UPDATE_CLIENT_MALFORMED, UPDATE_CLIENT_NOTIFY, malformed, nothing },
	{ UPDATE_CLIENT_STALE, UPDATE_CLIENT_NOTIFY, stale, nothing },
	{ UPDATE_CLIENT_ALTERED, UPDATE_CLIENT_NOTIFY, altered, nothing },
	{ UPDATE_CLIENT_NACKED, UPDATE_CLIENT_NOTIFY, is_nack, give_up_nack },
	{ UPDATE_CLIENT_NAT, UPDATE_CLIENT_NOTIFY, nat_and_raw, give_up_nat },
	{ UPDATE_CLIENT_ACKED_MORE, UPDATE_CLIENT_NOTIFY, more, acked_more },
	{ UPDATE_CLIENT_ACKED_PARTLY, UPDATE_CLIENT_NOTIFY, partly, acked },
	{ UPDATE_CLIENT_ACKED, UPDATE_CLIENT_NOTIFY, always, acked },

	{ UPDATE_CLIENT_UNANSWERED, UPDATE_CLIENT_NO_ANSWER, of_the_request, give_up_unanswered },
	{ UPDATE_CLIENT_UNANSWERED_STALE, UPDATE_CLIENT_NO_ANSWER, always, nothing },

	{ UPDATE_CLIENT_FOLLOWED, UPDATE_CLIENT_IKE_ALIVE, esp_too, followed },
	{ UPDATE_CLIENT_FOLLOWED_HALF, UPDATE_CLIENT_IKE_ALIVE, following, followed_half },
	{ UPDATE_CLIENT_NOTHING, UPDATE_CLIENT_IKE_ALIVE, always, nothing },
	{ UPDATE_CLIENT_FOLLOWED, UPDATE_CLIENT_ESP_ALIVE, ike_too, followed },
	{ UPDATE_CLIENT_FOLLOWED_HALF, UPDATE_CLIENT_ESP_ALIVE, following, followed_half },
	{ UPDATE_CLIENT_NOTHING, UPDATE_CLIENT_ESP_ALIVE, always, nothing },
};

void update_client_event(struct update_client *c, vtime now, const struct update_client_event *ev)
{
	struct view v = { .c = c, .now = now, .ev = ev };

	if (ev->type == UPDATE_CLIENT_NOTIFY) {
		v.parsed = update_parse(ev->notify.type, ev->notify.data, &v.body) == 0;
		v.check_parsed = update_check_parse(ev->notify.data, &v.check) == 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (rows[i].on == ev->type && rows[i].when(&v)) {
			c->counts[rows[i].rule]++;
			rows[i].then(&v);
			return;
		}
	}
}

void update_client_timeout(struct update_client *c, vtime now)
{
	if (now < update_client_deadline(c))
		return;
	c->counts[UPDATE_CLIENT_NOT_FOLLOWED]++;
	anew(c, UPDATE_WHY_NOT_FOLLOWED);
}

vtime update_client_deadline(const struct update_client *c)
{
	return c->following ? c->follow_until : VTIME_NEVER;
}

void update_client_stop(struct update_client *c)
{
	stop(c);
	c->following = false;
}

void update_client_init(struct update_client *c, bool esp_only)
{
	uint32_t id = c->id;

	memset(c, 0, sizeof(*c));
	c->esp_only = esp_only;
	c->id = id;
}

/* ---- output ---- */

static void effect_fill(const struct update_client *c, struct update_effect *out)
{
	switch (out->type) {
	case UPDATE_STOP:
		out->id = c->stop;
		break;
	case UPDATE_SEND:
		out->send = c->message;
		break;
	case UPDATE_BOUND:
		out->bound.spis = (struct update_spis){ c->bound, c->nbound };
		out->bound.more = c->more;
		out->bound.followed = c->followed;
		out->bound.nat = c->nat;
		break;
	case UPDATE_RENEW:
		out->renew = (struct update_spis){ c->renew, c->nrenew };
		break;
	case UPDATE_ANEW:
		out->why = c->why;
		break;
	case UPDATE_FOLLOW:
	case UPDATE_MOVE: /* the gateway's */
	case UPDATE_UNLIMIT:
		break;
	}
}

bool update_client_output(struct update_client *c, struct update_effect *out)
{
	for (enum update_effect_type t = UPDATE_STOP; t <= UPDATE_FOLLOW; t++) {
		if (!(c->pending & PENDING(t)))
			continue;
		c->pending &= ~PENDING(t);
		*out = (struct update_effect){ .type = t };
		effect_fill(c, out);
		return true;
	}
	return false;
}

const char *update_client_rule_name(enum update_client_rule rule)
{
	static const char *const names[] = {
#define X(e, name) [UPDATE_##e] = name,
		UPDATE_CLIENT_RULES(X)
#undef X
	};

	return names[rule];
}
