/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ike/sa.h"

/* ---- sending ---- */

static struct slice message_write(struct ike_sa *sa, const struct ike_notify *n,
				  uint8_t buf[NOTIFY_MESSAGE_MAX])
{
	const struct protect_hash hash = { .number = 1 };
	uint32_t id = sa_message_id(sa);
	struct ike_header h = sa_header(sa, ISAKMP_INFORMATIONAL, id);
	uint8_t iv[PROTECT_BLOCK];
	struct ike_writer b;

	protect_iv_phase2(&sa->keys, sa->last_block, id, iv);
	protect_begin(&b, buf, NOTIFY_MESSAGE_MAX, &h, sa->suite.hash);
	notify_write(&b, &(struct notify_payload){
				 .protocol = PROTOCOL_ISAKMP, .type = n->type, .data = n->data });
	/* The truth, whether phase 1 hid our address or not: here it is the peer who must know. */
	if (n->natd)
		natd_write(&b, NATT_RFC, sa->suite.hash, &h, &n->to, &n->from, sa->rng);
	return protect_finish(&b, &sa->keys, &hash, id, iv);
}

static void send(struct ike_sa *sa, const struct endpoint *from, const struct endpoint *to,
		 struct slice bytes, bool again)
{
	struct outgoing *o = sa_push(sa, IKE_EFFECT_SEND);

	if (!o)
		return;
	o->effect.send.from = *from;
	o->effect.send.to = *to;
	o->effect.send.bytes = bytes;
	o->effect.send.resent = again;
	log_ev(sa->log, LOG_DEBUG, again ? "notify sent again" : "notify sent",
	       log_endpoint("to", to));
}

static void unanswered(struct ike_sa *sa, uint32_t id)
{
	struct outgoing *o = sa_push(sa, IKE_EFFECT_UNANSWERED);

	if (o)
		o->effect.notify_id = id;
}

static void repeat(struct ike_sa *sa, vtime now, const struct ike_notify *n)
{
	struct repeated *r = &sa->repeated;

	r->n = message_write(sa, n, r->sent).n;
	r->running = true;
	r->id = n->id;
	r->left = IKE_NOTIFY_REPEATS;
	r->wait = EXCHANGE_FIRST_WAIT;
	r->due = vtime_add(now, r->wait);
	r->from = n->from;
	r->to = n->to;
	timers_set(&sa->timers, IKE_T_NOTIFY, r->due);
	send(sa, &r->from, &r->to, slice(r->sent, r->n), false);
}

void v1_inform_send(struct ike_sa *sa, vtime now, const struct ike_notify *n)
{
	if (!sa_is_up(sa) || n->data.n > IKE_NOTIFY_MAX) {
		if (n->repeat && sa->state != IKE_STATE_DEAD)
			unanswered(sa, n->id);
	} else if (n->repeat) {
		repeat(sa, now, n);
	} else {
		send(sa, &n->from, &n->to, message_write(sa, n, sa->once), false);
	}
}

static void stop(struct ike_sa *sa)
{
	sa->repeated.running = false;
	timers_clear(&sa->timers, IKE_T_NOTIFY);
}

void v1_inform_end(struct ike_sa *sa, uint32_t id)
{
	if (sa->repeated.running && sa->repeated.id == id)
		stop(sa);
}

void v1_inform_timeout(struct ike_sa *sa, vtime now)
{
	struct repeated *r = &sa->repeated;

	if (!r->left) {
		stop(sa);
		unanswered(sa, r->id);
		return;
	}
	r->left--;
	r->wait *= 2;
	r->due = vtime_add(now, r->left ? r->wait : IKE_NOTIFY_LAST_WAIT);
	timers_set(&sa->timers, IKE_T_NOTIFY, r->due);
	send(sa, &r->from, &r->to, slice(r->sent, r->n), true);
}

/* ---- receiving ---- */

bool v1_inform_is(const struct ike_sa *sa, const struct notify_payload *n)
{
	return sa->address_update &&
	       (n->type == NOTIFY_ADDRESS_NACK || n->type == NOTIFY_ADDRESS_NACK6 ||
		(n->type >= NOTIFY_ADDRESS_UPDATE && n->type <= NOTIFY_ADDRESS_CHECK_REPLY));
}

void v1_inform_receive(struct ike_sa *sa, const struct ike_msg *m, const struct notify_payload *n,
		       bool again)
{
	struct outgoing *o;

	if (n->protocol != PROTOCOL_ISAKMP || n->spi.n || n->data.n > sizeof(sa->notified)) {
		sa_drop(sa, DROP_IKE_MALFORMED);
		return;
	}
	o = sa_push(sa, IKE_EFFECT_NOTIFY);
	if (!o)
		return;
	memcpy(sa->notified, n->data.p, n->data.n);
	o->effect.notified.type = n->type;
	o->effect.notified.data = slice(sa->notified, n->data.n);
	o->effect.notified.from = sa->arrived_from;
	o->effect.notified.to = sa->arrived_to;
	o->effect.notified.natd = natd_detect(m, sa->suite.hash, &sa->arrived_to, &sa->arrived_from,
					      &o->effect.notified.nat) == 0;
	o->effect.notified.again = again;
}
