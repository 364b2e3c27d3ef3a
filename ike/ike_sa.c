/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ike/sa.h"

#include "base/mem.h"

#include <stdlib.h>

#define EXPIRY_LATE VTIME_S /* later than that after the end of a life, no Delete is sent */

const char *nat_name(enum nat nat)
{
	switch (nat) {
	case NAT_NONE:
		return "none";
	case NAT_LOCAL:
		return "local";
	case NAT_REMOTE:
		return "remote";
	case NAT_BOTH:
		return "both";
	}
	return "unknown";
}

void ike_child_free(struct ike_child *c)
{
	secret_free(&c->keymat_in);
	secret_free(&c->keymat_out);
}

/* What exchanges keep, wiped. */
static void scratch_end(struct ike_sa *sa)
{
	v1_main_end(sa);
	for (unsigned i = 0; i < QUICK_SLOTS; i++)
		v1_quick_end(&sa->quick[i]);
	for (unsigned i = 0; i < TRANSACTION_SLOTS; i++)
		v1_transaction_end(&sa->transaction[i]);
	v1_user_end(sa);
}

struct ike_sa *ike_sa_new(const struct ike_config *config, struct rng *rng, struct log *log)
{
	struct ike_sa *sa = xcalloc(1, sizeof(*sa));

	sa->config = config;
	sa->rng = rng;
	sa->log = log;
	sa->expires_at = VTIME_NEVER;
	timers_init(&sa->timers, IKE_T_COUNT);
	scratch_end(sa);
	sa->user.assigned.save_password = -1;
	return sa;
}

/* Keys and whatever leads to them. */
static void sa_wipe(struct ike_sa *sa)
{
	scratch_end(sa);
	ikev1_keys_free(&sa->keys);
	wipe(&sa->keys, sizeof(sa->keys));
	fragment_free(&sa->fragments);
}

static void outbox_clear(struct ike_sa *sa)
{
	for (; sa->out_n; sa->out_n--) {
		struct outgoing *o = &sa->out[sa->out_first];

		if (o->effect.type == IKE_EFFECT_CHILD_UP ||
		    o->effect.type == IKE_EFFECT_CHILD_READY)
			ike_child_free(&o->effect.child);
		sa->out_first = (sa->out_first + 1) % OUTBOX_MAX;
	}
}

void ike_sa_free(struct ike_sa *sa)
{
	if (!sa)
		return;
	outbox_clear(sa);
	sa_wipe(sa);
	wipe(sa, sizeof(*sa));
	free(sa);
}

/* ---- what the files of exchanges use ---- */

struct outgoing *sa_push(struct ike_sa *sa, enum ike_effect_type type)
{
	struct outgoing *o;

	if (sa->out_n == OUTBOX_MAX)
		return NULL;
	o = &sa->out[(sa->out_first + sa->out_n++) % OUTBOX_MAX];
	memset(o, 0, sizeof(*o));
	o->effect.type = type;
	return o;
}

void sa_drop(struct ike_sa *sa, enum drop why)
{
	drop_count(&sa->drops, why);
}

struct ike_header sa_header(const struct ike_sa *sa, uint8_t exchange, uint32_t id)
{
	struct ike_header h = { .exchange = exchange, .id = id };

	memcpy(h.cookie_i, sa->cookie_i, IKE_COOKIE_SIZE);
	memcpy(h.cookie_r, sa->cookie_r, IKE_COOKIE_SIZE);
	return h;
}

static bool id_seen(const struct ike_sa *sa, uint32_t id)
{
	for (unsigned i = 0; i < SEEN_IDS_MAX && i < sa->nseen; i++)
		if (sa->seen[i] == id)
			return true;
	return false;
}

bool sa_seen(struct ike_sa *sa, uint32_t id)
{
	if (id_seen(sa, id))
		return true;
	sa->seen[sa->nseen % SEEN_IDS_MAX] = id;
	/* Past the first round the count only has to stay out of it. */
	sa->nseen = sa->nseen + 1 < 2 * SEEN_IDS_MAX ? sa->nseen + 1 : SEEN_IDS_MAX;
	return false;
}

void sa_cookies(const struct ike_sa *sa, uint8_t out[2 * IKE_COOKIE_SIZE])
{
	memcpy(out, sa->cookie_i, IKE_COOKIE_SIZE);
	memcpy(out + IKE_COOKIE_SIZE, sa->cookie_r, IKE_COOKIE_SIZE);
}

void sa_cookie_make(struct ike_sa *sa, uint8_t out[IKE_COOKIE_SIZE])
{
	do
		rng_fill(sa->rng, out, IKE_COOKIE_SIZE);
	while (get_be64(out) == 0);
}

void sa_alive(struct ike_sa *sa)
{
	sa->probe.heard = true;
	sa->unconfirmed = false;
	sa_push(sa, IKE_EFFECT_ALIVE);
}

void sa_hint(struct ike_sa *sa, vtime now, uint16_t notify)
{
	struct outgoing *o;

	if (sa->hinted && now < vtime_add(sa->hinted_at, VTIME_S))
		return;
	o = sa_push(sa, IKE_EFFECT_HINT);
	if (!o)
		return;
	sa->hinted = true;
	sa->hinted_at = now;
	o->effect.notify = notify;
}

uint32_t sa_message_id(struct ike_sa *sa)
{
	uint32_t id;

	do
		id = rng_u32(sa->rng);
	while (id == 0 || v1_quick_find(sa, id) || v1_transaction_find(sa, id) || id_seen(sa, id));
	return id;
}

static unsigned timer_row(const struct ike_sa *sa, const struct exchange *x)
{
	if (x == &sa->main.x)
		return IKE_T_PHASE1;
	for (unsigned i = 0; i + 1 < QUICK_SLOTS; i++)
		if (x == &sa->quick[i].x)
			return IKE_T_QUICK_FIRST + i;
	return IKE_T_QUICK_FIRST + QUICK_SLOTS - 1;
}

void sa_arm(struct ike_sa *sa, const struct exchange *x)
{
	if (sa->state == IKE_STATE_DEAD)
		return;
	if (v1_transaction_has(sa, x))
		v1_transaction_arm(sa);
	else
		timers_set(&sa->timers, timer_row(sa, x), exchange_deadline(x));
}

bool sa_is_up(const struct ike_sa *sa)
{
	return sa->state == IKE_STATE_CONFIGURING || sa->state == IKE_STATE_ESTABLISHED;
}

void sa_die(struct ike_sa *sa, const struct ike_failure *why, bool tell)
{
	const struct log_field none = { .type = LOG_END };
	/* A client may leave its gateway at any time. */
	bool left = sa->config->gateway && why->err == ERR_PEER_REFUSED;

	if (sa->state == IKE_STATE_DEAD)
		return;
	log_ev(sa->log, why->err && !left ? LOG_ERROR : LOG_INFO, "phase 1 ended",
	       log_endpoint("with", &sa->path.remote), log_str("during", why->during),
	       log_str("why", why->text), why->detail[0] ? log_str("detail", why->detail) : none);
	sa->state = IKE_STATE_DEAD;
	sa->closing = tell;
	sa->dying = true;
	sa->death = *why;
	sa->nrequests = 0;
	timers_init(&sa->timers, IKE_T_COUNT);
}

/* ---- sending ---- */

void sa_push_sent(struct ike_sa *sa, const struct exchange *x, bool again)
{
	struct outgoing *o = sa_push(sa, IKE_EFFECT_SEND);

	if (!o)
		return;
	o->effect.send.from = sa->path.local;
	o->effect.send.to = sa->path.remote;
	o->effect.send.bytes = slice(x->sent, x->sent_n);
	o->effect.send.resent = again;
	log_ev(sa->log, LOG_DEBUG, again ? "message sent again" : "message sent",
	       log_str("exchange", x->type->name), log_u64("number", x->step),
	       log_endpoint("to", &sa->path.remote));
}

static struct protect_hash hash_of(const struct exchange *x)
{
	return (struct protect_hash){ x->type->message[x->step].hash, x->ni, x->nr };
}

static struct slice message_finish(struct ike_sa *sa, struct exchange *x, struct ike_writer *b)
{
	const struct exchange_message *row = &x->type->message[x->step];
	struct protect_hash hash;

	if (!row->encrypted)
		return ike_write_done(b);
	if (!row->hash)
		return protect_seal(&sa->keys, x->iv, b);
	hash = hash_of(x);
	return protect_finish(b, &sa->keys, &hash, x->id, x->iv);
}

static void message_build(struct ike_sa *sa, struct exchange *x)
{
	const struct exchange_message *row = &x->type->message[x->step];
	struct ike_header h = sa_header(sa, x->type->number, x->id);
	struct slice message;
	struct ike_writer b;

	if (row->hash)
		protect_begin(&b, x->sent, sizeof(x->sent), &h, sa->suite.hash);
	else
		ike_write_header(&b, x->sent, sizeof(x->sent), &h);
	if (row->build)
		row->build(sa, x, &b);
	message = message_finish(sa, x, &b);
	exchange_built(x, &b, message);
}

void sa_exchange_send(struct ike_sa *sa, vtime now, struct exchange *x)
{
	message_build(sa, x);
	if (x->sent_n == 0) {
		const struct ike_failure why = {
			.err = ERR_CONFIG,
			.during = x->type->name,
			.text = "our own message cannot be made: too many proposals, no address of "
				"our own, or no key to sign with",
		};

		sa_exchange_lost(sa, now, x, &why);
		return;
	}
	if (x->step == 0)
		sa_exchange_told(sa, x, "exchange begun", NULL);
	x->step++;
	sa_push_sent(sa, x, false);
	exchange_sent(x, now);
	if (!exchange_in_air(x)) {
		exchange_complete(x);
		sa_exchange_told(sa, x, "exchange done", NULL);
		x->type->done(sa, now, x);
	}
	sa_arm(sa, x);
}

/* ---- receiving in an exchange ---- */

static void repeat_receive(struct ike_sa *sa, const struct exchange *x)
{
	sa_drop(sa, DROP_IKE_DUPLICATE);
	if (x->answered)
		sa_push_sent(sa, x, true);
}

static enum drop drop_of(int err)
{
	if (err == ERR_AUTH)
		return DROP_IKE_AUTH;
	return err == ERR_UNEXPECTED ? DROP_IKE_UNEXPECTED : DROP_IKE_MALFORMED;
}

/* A message that passed no test. In phase 2 it is authentic by now, and final. */
static void reject(struct ike_sa *sa, vtime now, struct exchange *x, const struct ike_msg *m,
		   int err, struct ike_failure *why)
{
	const struct exchange_message *row = &x->type->message[x->step];

	if (!row->hash) {
		sa_drop(sa, drop_of(err));
		if (why->text)
			exchange_hint(x, now, why);
		sa_arm(sa, x);
		return;
	}
	if (!why->text)
		*why = v1_info_unusable(m, x->type);
	sa_exchange_lost(sa, now, x, why);
}

static void accept(struct ike_sa *sa, vtime now, struct exchange *x, struct slice bytes)
{
	const struct exchange_message *row = &x->type->message[x->step];

	/* Answers go to where what they answer came from. */
	if (x->type->passive) {
		sa->path.local = sa->arrived_to;
		sa->path.remote = sa->arrived_from;
	}
	exchange_received(x, bytes);
	if (x->step == 0)
		sa_exchange_told(sa, x, "exchange begun", NULL);
	x->step++;
	sa_arm(sa, x);
	if (row->taken) {
		row->taken(sa, now, x);
	} else if (exchange_in_air(x)) {
		sa_exchange_send(sa, now, x);
	} else {
		exchange_complete(x);
		sa_arm(sa, x);
		sa_exchange_told(sa, x, "exchange done", NULL);
		x->type->done(sa, now, x);
	}
}

static void consume(struct ike_sa *sa, vtime now, struct exchange *x, const struct ike_msg *m,
		    struct slice bytes, const uint8_t *next_iv)
{
	const struct exchange_message *row = &x->type->message[x->step];
	struct ike_failure why = { 0 };
	int err = ike_msg_check(m, row->required, row->optional, row->many);

	if (!err)
		err = row->consume(sa, now, x, m, &why);
	if (err) {
		reject(sa, now, x, m, err, &why);
		return;
	}
	if (next_iv)
		memcpy(x->iv, next_iv, sizeof(x->iv));
	accept(sa, now, x, bytes);
}

static void consume_encrypted(struct ike_sa *sa, vtime now, struct exchange *x,
			      const struct ike_msg *m, struct slice bytes)
{
	const struct exchange_message *row = &x->type->message[x->step];
	uint8_t buf[IKE_MESSAGE_MAX], next_iv[PROTECT_BLOCK];
	struct protect_hash hash;
	struct ike_msg opened;

	if (row->prepare)
		row->prepare(sa, x, m);
	if (protect_open(&sa->keys, x->iv, m, buf, &opened, next_iv) != 0) {
		const struct ike_failure why = { .err = ERR_AUTH,
						 .during = x->type->name,
						 .text = row->unreadable };

		sa_drop(sa, DROP_IKE_AUTH);
		if (row->unreadable)
			exchange_hint(x, now, &why);
		sa_arm(sa, x);
		return;
	}
	hash = hash_of(x);
	if (row->hash && protect_verify(&sa->keys, &hash, &opened) != 0) {
		sa_drop(sa, DROP_IKE_AUTH);
		return;
	}
	if (row->hash)
		sa_alive(sa);
	consume(sa, now, x, &opened, bytes, next_iv);
	wipe(buf, opened.body.n); /* there may be a password in it */
}

void sa_exchange_receive(struct ike_sa *sa, vtime now, struct exchange *x, const struct ike_msg *m,
			 struct slice bytes)
{
	bool encrypted = m->h.flags & ISAKMP_ENCRYPTED;

	if (exchange_is_repeat(x, bytes))
		repeat_receive(sa, x);
	else if (!exchange_in_air(x) || m->h.id != x->id || !x->type->message[x->step].consume)
		sa_drop(sa, DROP_IKE_UNEXPECTED);
	else if (encrypted != x->type->message[x->step].encrypted &&
		 !x->type->message[x->step].in_clear)
		sa_drop(sa, encrypted ? DROP_IKE_UNEXPECTED : DROP_IKE_UNPROTECTED);
	else if (encrypted)
		consume_encrypted(sa, now, x, m, bytes);
	else
		consume(sa, now, x, m, bytes, NULL);
}

/* ---- dispatch ---- */

/* Until the peer has proved itself its address is all we know it by. */
static bool source_is_right(const struct ike_sa *sa, const struct endpoint *from)
{
	return sa->state != IKE_STATE_PHASE1 || addr_eq(&from->addr, &sa->path.remote.addr);
}

/*
 * Who has not read our cookie is not known to be where it says: it does not get beyond the first
 * message.
 */
static bool cookie_is_due(const struct ike_sa *sa, const struct ike_msg *m, struct slice bytes)
{
	static const uint8_t none[IKE_COOKIE_SIZE];

	return !sa->responder || !slice_eq(SLICE_OF(m->h.cookie_r), SLICE_OF(none)) ||
	       sa->main.x.step == 0 || exchange_is_repeat(&sa->main.x, bytes);
}

static bool is_ours(const struct ike_sa *sa, struct slice cookie_i, struct slice cookie_r)
{
	static const uint8_t none[IKE_COOKIE_SIZE];

	if (sa->state == IKE_STATE_NEW || sa->state == IKE_STATE_DEAD ||
	    !slice_eq(cookie_i, SLICE_OF(sa->cookie_i)))
		return false;
	/* The initiator's first message, again: nothing else can come without our cookie. */
	if (sa->responder && slice_eq(cookie_r, SLICE_OF(none)))
		return true;
	return !sa->cookie_r_known || slice_eq(cookie_r, SLICE_OF(sa->cookie_r));
}

bool ike_sa_owns(const struct ike_sa *sa, struct slice datagram)
{
	struct rd r;
	struct slice cookie_i, cookie_r;

	rd_init(&r, datagram);
	cookie_i = rd_slice(&r, IKE_COOKIE_SIZE);
	cookie_r = rd_slice(&r, IKE_COOKIE_SIZE);
	return !r.bad && is_ours(sa, cookie_i, cookie_r);
}

bool ike_is_first_message(struct slice datagram)
{
	static const uint8_t none[IKE_COOKIE_SIZE];
	struct ike_msg m;

	return ike_msg_parse(datagram, &m) == 0 && !fragment_is(&m.h) &&
	       (m.h.exchange == ISAKMP_MAIN || m.h.exchange == ISAKMP_AGGRESSIVE) && m.h.id == 0 &&
	       !(m.h.flags & ISAKMP_ENCRYPTED) &&
	       memcmp(m.h.cookie_i, none, IKE_COOKIE_SIZE) != 0 &&
	       memcmp(m.h.cookie_r, none, IKE_COOKIE_SIZE) == 0;
}

static void quick_receive(struct ike_sa *sa, vtime now, const struct ike_msg *m, struct slice bytes)
{
	struct quick_mode *q = v1_quick_find(sa, m->h.id);

	if (q)
		sa_exchange_receive(sa, now, &q->x, m, bytes);
	else
		v1_quick_r_receive(sa, now, m, bytes);
}

/* Everything that the header and where it comes from can tell. */
static bool datagram_fits(struct ike_sa *sa, const struct endpoint *from, struct slice bytes,
			  struct ike_msg *m)
{
	if (sa->state != IKE_STATE_PHASE1 && !sa_is_up(sa))
		sa_drop(sa, DROP_IKE_UNKNOWN_SA);
	else if (ike_msg_parse(bytes, m) != 0)
		sa_drop(sa, DROP_IKE_MALFORMED);
	else if (!is_ours(sa, SLICE_OF(m->h.cookie_i), SLICE_OF(m->h.cookie_r)))
		sa_drop(sa, DROP_IKE_UNKNOWN_SA);
	else if (!cookie_is_due(sa, m, bytes))
		sa_drop(sa, DROP_IKE_UNEXPECTED);
	else if (!source_is_right(sa, from))
		sa_drop(sa, DROP_IKE_SOURCE);
	else
		return true;
	return false;
}

static void message_receive(struct ike_sa *sa, vtime now, const struct ike_msg *m,
			    struct slice bytes)
{
	if (sa->main.x.type && m->h.exchange == sa->main.x.type->number)
		sa_exchange_receive(sa, now, &sa->main.x, m, bytes);
	else if (m->h.exchange == ISAKMP_QUICK)
		quick_receive(sa, now, m, bytes);
	else if (m->h.exchange == ISAKMP_INFORMATIONAL)
		v1_info_receive(sa, now, m);
	else if (m->h.exchange == ISAKMP_TRANSACTION)
		v1_transaction_receive(sa, now, m, bytes);
	else
		sa_drop(sa, DROP_IKE_UNEXPECTED);
}

static void datagram_receive(struct ike_sa *sa, vtime now, const struct ike_event *ev)
{
	struct slice bytes = ev->datagram.bytes;
	struct ike_msg m;

	if (!datagram_fits(sa, &ev->datagram.from, bytes, &m))
		return;
	sa->arrived_from = ev->datagram.from;
	sa->arrived_to = ev->datagram.to;
	if (fragment_is(&m.h)) {
		bytes = v1_fragment_receive(sa, now, &m);
		if (bytes.n == 0 || !datagram_fits(sa, &ev->datagram.from, bytes, &m))
			return;
	}
	message_receive(sa, now, &m, bytes);
}

static void start(struct ike_sa *sa, vtime now, const struct ike_event *ev)
{
	if (sa->state != IKE_STATE_NEW)
		return;
	sa->path = ev->path;
	sa->rekey = ev->type == IKE_EVENT_REKEY;
	sa->state = IKE_STATE_PHASE1;
	if (sa->config->mode == IKE_MODE_AGGRESSIVE)
		v1_aggr_start(sa, now);
	else
		v1_main_start(sa, now);
}

static void accept_first(struct ike_sa *sa, vtime now, const struct ike_event *ev)
{
	struct ike_msg m;

	if (sa->state != IKE_STATE_NEW)
		return;
	sa->state = IKE_STATE_PHASE1;
	sa->path = (struct path){ .local = ev->datagram.to,
				  .remote = ev->datagram.from,
				  .encapsulation = ENCAPSULATION_UDP };
	if (ike_is_first_message(ev->datagram.bytes) &&
	    ike_msg_parse(ev->datagram.bytes, &m) == 0) {
		/* Never the weaker one unasked: it shows our proof to whoever asks. */
		if (m.h.exchange == ISAKMP_MAIN)
			v1_main_r_begin(sa, now, &m.h, ev);
		else if (sa->config->mode == IKE_MODE_AGGRESSIVE)
			v1_aggr_r_begin(sa, now, &m.h);
		datagram_receive(sa, now, ev);
	}
	if (sa->main.x.step == 0)
		v1_main_r_refuse(sa);
}

static void child_delete(struct ike_sa *sa, vtime now, uint32_t spi)
{
	uint8_t bytes[4];

	put_be32(bytes, spi);
	if (spi && v1_quick_forget(sa, now, spi))
		v1_info_send_delete(sa, PROTOCOL_ESP, SLICE_OF(bytes));
}

static void close_sa(struct ike_sa *sa)
{
	static const struct ike_failure closed = { .during = "the connection",
						   .text = "closed by us" };

	sa_die(sa, &closed, sa_is_up(sa));
}

void ike_event(struct ike_sa *sa, vtime now, const struct ike_event *ev)
{
	sa->log->now = now;
	switch (ev->type) {
	case IKE_EVENT_START:
	case IKE_EVENT_REKEY:
		start(sa, now, ev);
		break;
	case IKE_EVENT_ACCEPT:
		accept_first(sa, now, ev);
		break;
	case IKE_EVENT_DATAGRAM:
		datagram_receive(sa, now, ev);
		break;
	case IKE_EVENT_CHILD:
		v1_quick_request(sa, now,
				 &(struct child_request){ ev->child.id, ev->child.spi,
							  ev->child.config });
		break;
	case IKE_EVENT_CHILD_ACCEPT:
		v1_quick_r_accept(sa, now,
				  &(struct child_request){ ev->child.id, ev->child.spi,
							   ev->child.config });
		break;
	case IKE_EVENT_CHILD_REFUSE:
		v1_quick_r_refuse(sa, now, ev->refuse.id, ev->refuse.notify);
		break;
	case IKE_EVENT_CHILD_DELETE:
		child_delete(sa, now, ev->spi);
		break;
	case IKE_EVENT_CLOSE:
		close_sa(sa);
		break;
	case IKE_EVENT_PROBE:
		v1_dpd_probe(sa, now);
		break;
	case IKE_EVENT_XAUTH_ANSWER:
		v1_user_answer(sa, now, ev);
		break;
	case IKE_EVENT_XAUTH_DEMAND:
	case IKE_EVENT_XAUTH_STATUS:
	case IKE_EVENT_CONFIG_GIVE:
		v1_user_r_event(sa, now, ev);
		break;
	case IKE_EVENT_NOTIFY:
		v1_inform_send(sa, now, &ev->notify);
		break;
	case IKE_EVENT_NOTIFY_END:
		v1_inform_end(sa, ev->notify_id);
		break;
	case IKE_EVENT_MOVE:
		v1_move(sa, now, &ev->path);
		break;
	}
}

static void exchange_due(struct ike_sa *sa, vtime now, struct exchange *x)
{
	struct ike_failure why;

	switch (exchange_timeout(x, now)) {
	case EXCHANGE_NOTHING:
		sa_arm(sa, x);
		break;
	case EXCHANGE_RESEND:
		sa_push_sent(sa, x, true);
		sa_arm(sa, x);
		break;
	case EXCHANGE_LOST:
		why = x->hint;
		if (!why.err)
			why = (struct ike_failure){ .err = ERR_TIMEOUT,
						    .during = x->type->name,
						    .text = x->type->message[x->step].silence };
		sa_exchange_lost(sa, now, x, &why);
		break;
	}
}

static void transactions_due(struct ike_sa *sa, vtime now)
{
	for (unsigned i = 0; i < TRANSACTION_SLOTS; i++)
		exchange_due(sa, now, &sa->transaction[i].x);
}

void ike_timeout(struct ike_sa *sa, vtime now)
{
	static const struct ike_failure expired = {
		.err = ERR_EXHAUSTED,
		.during = "the connection",
		.text = "the lifetime of the connection's keys is over",
	};
	int row;

	sa->log->now = now;
	/* Whoever wakes up finds much due at once: under keys whose life is over nothing is said. */
	if (sa->expires_at <= now)
		sa_die(sa, &expired, now - sa->expires_at <= EXPIRY_LATE);
	while ((row = timers_take_due(&sa->timers, now)) >= 0) {
		if (row == IKE_T_PHASE1)
			exchange_due(sa, now, &sa->main.x);
		else if (row == IKE_T_SETTLED)
			v1_quick_start_next(sa, now);
		else if (row == IKE_T_PROBE)
			v1_dpd_timeout(sa, now);
		else if (row == IKE_T_FRAGMENTS)
			fragment_free(&sa->fragments);
		else if (row == IKE_T_USER)
			v1_user_timeout(sa, now);
		else if (row == IKE_T_TRANSACTION)
			transactions_due(sa, now);
		else if (row == IKE_T_NOTIFY)
			v1_inform_timeout(sa, now);
		else if (row >= IKE_T_QUICK_FIRST)
			exchange_due(sa, now, &sa->quick[row - IKE_T_QUICK_FIRST].x);
	}
}

/* ---- output ---- */

static bool output_deleted(struct ike_sa *sa, struct ike_effect *out)
{
	if (!sa->ndeleted)
		return false;
	*out = (struct ike_effect){ .type = IKE_EFFECT_CHILD_DELETED, .spi = sa->deleted[0] };
	sa->ndeleted--;
	memmove(sa->deleted, sa->deleted + 1, sa->ndeleted * sizeof(sa->deleted[0]));
	log_ev(sa->log, LOG_INFO, "child deleted by the peer", log_hex("spi_out", 4, out->spi));
	return true;
}

/* As a whole, or the next fragment of it. */
static void output_first(struct ike_sa *sa, struct ike_effect *out)
{
	*out = sa->out[sa->out_first].effect;
	if (out->type == IKE_EFFECT_SEND && v1_fragment_send(sa, out))
		return;
	sa->out_first = (sa->out_first + 1) % OUTBOX_MAX;
	sa->out_n--;
}

static void closing_step(struct ike_sa *sa)
{
	uint8_t cookies[2 * IKE_COOKIE_SIZE];

	sa->closing = false;
	sa_cookies(sa, cookies);
	v1_info_send_delete(sa, PROTOCOL_ISAKMP, SLICE_OF(cookies));
}

bool ike_output(struct ike_sa *sa, vtime now, struct ike_effect *out)
{
	sa->log->now = now;
	if (sa->out_n == 0 && output_deleted(sa, out))
		return true;
	if (sa->out_n == 0 && sa->closing)
		closing_step(sa);
	if (sa->out_n) {
		output_first(sa, out);
		return true;
	}
	if (!sa->dying)
		return false;
	sa->dying = false;
	sa_wipe(sa);
	*out = (struct ike_effect){ .type = IKE_EFFECT_DEAD, .why = sa->death };
	return true;
}

vtime ike_deadline(const struct ike_sa *sa)
{
	return timers_next(&sa->timers);
}

void ike_sa_info(const struct ike_sa *sa, struct ike_sa_info *out)
{
	memset(out, 0, sizeof(*out));
	out->state = sa->state;
	memcpy(out->cookie_i, sa->cookie_i, IKE_COOKIE_SIZE);
	memcpy(out->cookie_r, sa->cookie_r, IKE_COOKIE_SIZE);
	out->suite = sa->suite;
	out->established_at = sa->established_at;
	out->expires_at = sa->expires_at;
	out->nat = sa->nat;
	out->address_update = sa->address_update;
	out->forgets = sa->nseen >= SEEN_IDS_MAX;
	out->drops = &sa->drops;
}

const struct ike_config *ike_sa_config(const struct ike_sa *sa)
{
	return sa->config;
}

struct slice ike_sa_cipher_key(const struct ike_sa *sa)
{
	return secret_slice(&sa->keys.key);
}
