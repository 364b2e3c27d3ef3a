/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ike/sa.h"

/* ---- sending ---- */

static struct outgoing *info_begin(struct ike_sa *sa, struct ike_writer *b, uint32_t *id)
{
	struct outgoing *o = sa_push(sa, IKE_EFFECT_SEND);
	struct ike_header h;

	if (!o)
		return NULL;
	*id = sa_message_id(sa);
	h = sa_header(sa, ISAKMP_INFORMATIONAL, *id);
	protect_begin(b, o->small, sizeof(o->small), &h, sa->suite.hash);
	return o;
}

static void info_end(struct ike_sa *sa, struct ike_writer *b, uint32_t id, struct outgoing *o)
{
	const struct protect_hash hash = { .number = 1 };
	uint8_t iv[PROTECT_BLOCK];

	protect_iv_phase2(&sa->keys, sa->last_block, id, iv);
	o->effect.send.bytes = protect_finish(b, &sa->keys, &hash, id, iv);
	o->effect.send.from = sa->path.local;
	o->effect.send.to = sa->path.remote;
}

void v1_info_send_notify(struct ike_sa *sa, const struct notify_payload *n)
{
	struct ike_writer b;
	uint32_t id;
	struct outgoing *o = info_begin(sa, &b, &id);

	if (!o)
		return;
	notify_write(&b, n);
	info_end(sa, &b, id, o);
}

void v1_info_build_notify(struct ike_sa *sa, const struct notify_payload *n, struct exchange *x)
{
	const struct protect_hash hash = { .number = 1 };
	uint32_t id = sa_message_id(sa);
	struct ike_header h = sa_header(sa, ISAKMP_INFORMATIONAL, id);
	uint8_t iv[PROTECT_BLOCK];
	struct slice message;
	struct ike_writer b;

	protect_iv_phase2(&sa->keys, sa->last_block, id, iv);
	protect_begin(&b, x->sent, sizeof(x->sent), &h, sa->suite.hash);
	notify_write(&b, n);
	message = protect_finish(&b, &sa->keys, &hash, id, iv);
	exchange_built(x, &b, message);
}

void v1_info_send_clear(struct ike_sa *sa, uint16_t notify)
{
	struct ike_header h = sa_header(sa, ISAKMP_INFORMATIONAL, sa_message_id(sa));
	struct outgoing *o = sa_push(sa, IKE_EFFECT_SEND);
	struct ike_writer b;

	if (!o)
		return;
	ike_write_header(&b, o->small, sizeof(o->small), &h);
	notify_write(&b, &(struct notify_payload){ .protocol = PROTOCOL_ISAKMP, .type = notify });
	o->effect.send.bytes = ike_write_done(&b);
	o->effect.send.from = sa->path.local;
	o->effect.send.to = sa->path.remote;
}

void v1_info_send_delete(struct ike_sa *sa, uint8_t protocol, struct slice spi)
{
	struct ike_writer b;
	uint32_t id;
	struct outgoing *o = info_begin(sa, &b, &id);

	if (!o)
		return;
	delete_write(&b, protocol, spi);
	info_end(sa, &b, id, o);
}

/* ---- what notifies mean ---- */

static const struct {
	uint16_t notify;
	bool proving; /* between messages 5 and 6 of main mode only */
	enum err err;
	const char *text;
} meanings[] = {
	{ NOTIFY_INVALID_ID_INFORMATION, true, ERR_AUTH,
	  "the gateway does not accept our identity" },
	{ NOTIFY_AUTHENTICATION_FAILED, true, ERR_AUTH,
	  "the gateway could not verify us: pre-shared key or identity is probably wrong" },
	{ NOTIFY_PAYLOAD_MALFORMED, true, ERR_AUTH,
	  "the gateway could not read our proof: the pre-shared key is probably wrong" },
	{ NOTIFY_INVALID_HASH_INFORMATION, true, ERR_AUTH,
	  "the gateway could not verify us: the pre-shared key is probably wrong" },
	{ NOTIFY_INVALID_KEY_INFORMATION, true, ERR_AUTH,
	  "the gateway could not verify us: the pre-shared key is probably wrong" },
	{ NOTIFY_INVALID_SIGNATURE, true, ERR_AUTH,
	  "the gateway could not verify us: its notion of our key is another one" },
	{ NOTIFY_INVALID_PAYLOAD_TYPE, true, ERR_AUTH,
	  "the gateway could not read our proof: the pre-shared key is probably wrong" },
	{ NOTIFY_NO_PROPOSAL_CHOSEN, false, ERR_NO_PROPOSAL,
	  "the gateway accepts none of our proposals" },
	{ NOTIFY_INVALID_ID_INFORMATION, false, ERR_PEER_REFUSED,
	  "the gateway does not accept the address ranges of this tunnel" },
	{ NOTIFY_AUTHENTICATION_FAILED, false, ERR_AUTH, "the gateway refuses to authenticate" },
};

struct ike_failure v1_info_failure(uint16_t notify, bool authentic, bool proving,
				   const struct exchange_type *what)
{
	struct ike_failure why = {
		.err = ERR_PEER_REFUSED,
		.notify = notify,
		.authentic = authentic,
		.during = what->name,
		.text = "the gateway answered with an error",
	};

	for (size_t i = 0; i < ARRAY_SIZE(meanings); i++) {
		if (meanings[i].notify == notify && (proving || !meanings[i].proving)) {
			why.err = meanings[i].err;
			why.text = meanings[i].text;
			break;
		}
	}
	return why;
}

/* The same of phase 1, where there may be no key to be wrong. */
static struct ike_failure phase1_failure(const struct ike_sa *sa, uint16_t notify, bool authentic)
{
	bool aggressive = sa->main.x.type->number == ISAKMP_AGGRESSIVE;
	bool proving = v1_main_proving(sa) || sa->unconfirmed ||
		       (aggressive && notify == NOTIFY_INVALID_ID_INFORMATION);
	struct ike_failure why = v1_info_failure(notify, authentic, proving, sa->main.x.type);

	/* Who can speak under keys that the pre-shared one is in has the same one. */
	if (proving && authentic && why.err == ERR_AUTH && sa->config->auth == IKE_AUTH_PSK)
		why.text = "the gateway has our pre-shared key, but does not accept who we are";
	else if (aggressive && !proving && notify == NOTIFY_AUTHENTICATION_FAILED)
		why.text = "the gateway refuses us";
	else if (proving && why.err == ERR_AUTH && sa->config->auth != IKE_AUTH_PSK)
		why.text = "the gateway does not accept our identity or its proof";
	return why;
}

static bool is_error(uint16_t notify)
{
	return notify != 0 && notify <= NOTIFY_ERROR_MAX;
}

/* The first error notify of the message. */
static bool error_notify(const struct ike_msg *m, struct notify_payload *out)
{
	for (const struct ike_payload *p = ike_msg_find(m, PAYLOAD_NOTIFY); p;
	     p = ike_msg_find_next(m, p))
		if (notify_parse(p->body, out) == 0 && is_error(out->type))
			return true;
	return false;
}

struct ike_failure v1_info_unusable(const struct ike_msg *m, const struct exchange_type *what)
{
	struct notify_payload n;

	if (error_notify(m, &n))
		return v1_info_failure(n.type, true, false, what);
	return (struct ike_failure){
		.err = ERR_MALFORMED,
		.authentic = true,
		.during = what->name,
		.text = "the gateway's answer is malformed",
	};
}

/* ---- before the SA is established ---- */

bool v1_info_open(struct ike_sa *sa, const uint8_t last[PROTECT_BLOCK], const struct ike_msg *m,
		  uint8_t buf[IKE_MESSAGE_MAX], struct ike_msg *out)
{
	const struct protect_hash hash = { .number = 1 };
	uint8_t iv[PROTECT_BLOCK], next[PROTECT_BLOCK];

	protect_iv_phase2(&sa->keys, last, m->h.id, iv);
	return protect_open(&sa->keys, iv, m, buf, out, next) == 0 &&
	       protect_verify(&sa->keys, &hash, out) == 0;
}

static bool deletes_us(const struct ike_sa *sa, const struct delete_payload *d)
{
	return d->protocol == PROTOCOL_ISAKMP && d->spi_size == 2 * IKE_COOKIE_SIZE &&
	       memcmp(d->spis.p, sa->cookie_i, IKE_COOKIE_SIZE) == 0 &&
	       memcmp(d->spis.p + IKE_COOKIE_SIZE, sa->cookie_r, IKE_COOKIE_SIZE) == 0;
}

/*
 * The peer, which holds message 5, speaks under keys that both ends have: it knows the pre-shared
 * key, and what it says is final.
 */
static void proving_verified(struct ike_sa *sa, const struct ike_msg *m)
{
	struct notify_payload n;
	struct ike_failure why;

	if (!error_notify(m, &n))
		return;
	why = phase1_failure(sa, n.type, true);
	sa_die(sa, &why, false);
}

static void proving_receive(struct ike_sa *sa, vtime now, const struct ike_msg *m)
{
	struct ike_failure unreadable;
	uint8_t buf[IKE_MESSAGE_MAX];
	struct ike_msg opened;

	if (v1_info_open(sa, sa->main.x.iv, m, buf, &opened)) {
		proving_verified(sa, &opened);
	} else {
		sa_drop(sa, DROP_IKE_AUTH);
		unreadable = phase1_failure(sa, NOTIFY_AUTHENTICATION_FAILED, false);
		unreadable.notify = 0;
		if (sa->config->auth == IKE_AUTH_PSK)
			unreadable.text = "the gateway cannot read our proof of identity: its "
					  "pre-shared key is another one than ours";
		exchange_hint(&sa->main.x, now, &unreadable);
	}
}

static void phase1_receive(struct ike_sa *sa, vtime now, const struct ike_msg *m)
{
	bool proving = v1_main_proving(sa);
	struct notify_payload n;
	struct ike_failure why;

	if (m->h.flags & ISAKMP_ENCRYPTED) {
		if (proving)
			proving_receive(sa, now, m);
		else
			sa_drop(sa, DROP_IKE_UNEXPECTED);
	} else {
		sa_drop(sa, DROP_IKE_UNPROTECTED);
		if (!error_notify(m, &n))
			return;
		why = phase1_failure(sa, n.type, false);
		exchange_hint(&sa->main.x, now, &why);
	}
	sa_arm(sa, &sa->main.x);
}

/* ---- afterwards ---- */

/* RFC 2407 section 4.6.3.1, sent on its own for the ISAKMP SA. */
static void responder_lifetime(struct ike_sa *sa, vtime now, const struct notify_payload *n)
{
	uint32_t seconds;
	uint64_t bytes;
	vtime at;

	notify_lifetime(n->data, n->protocol, &seconds, &bytes);
	if (n->protocol != PROTOCOL_ISAKMP || !seconds ||
	    (sa->lifetime_s && seconds >= sa->lifetime_s))
		return;
	at = vtime_add(sa->established_at, seconds * VTIME_S);
	if (at < vtime_add(now, LIFETIME_MIN_S * VTIME_S))
		at = vtime_add(now, LIFETIME_MIN_S * VTIME_S);
	sa->lifetime_s = seconds;
	sa->expires_at = vtime_min(sa->expires_at, at);
	timers_set(&sa->timers, IKE_T_EXPIRE, sa->expires_at);
}

/* Reasons not to accept who we are. */
static bool is_about_proof(uint16_t type)
{
	return type >= NOTIFY_INVALID_CERT_ENCODING && type <= NOTIFY_INVALID_SIGNATURE;
}

/*
 * Nothing answers the last message of aggressive mode but what follows it: the peer's objections
 * come under the keys.
 */
static void proof_refused(struct ike_sa *sa, uint16_t type)
{
	struct ike_failure why = phase1_failure(sa, type, true);

	sa_die(sa, &why, false);
}

/* A cookie or SPI that the peer does not know of says nothing of an exchange in the air. */
static bool is_hint(uint16_t type)
{
	return type == NOTIFY_INVALID_COOKIE || type == NOTIFY_INVALID_SPI;
}

/* Cisco's load balancing: another gateway is to be asked, from the beginning. */
static void redirected(struct ike_sa *sa, const struct notify_payload *n)
{
	struct ike_failure why = {
		.err = ERR_REDIRECTED,
		.notify = n->type,
		.authentic = true,
		.during = "the connection",
		.text = "the gateway sends us to another one",
	};

	if (sa->config->gateway || n->data.n != 4 || !addr_from_bytes(n->data, &why.redirect) ||
	    !addr_is_host(&why.redirect)) {
		sa_drop(sa, DROP_IKE_MALFORMED);
		return;
	}
	log_ev(sa->log, LOG_INFO, "sent to another gateway", log_addr("gateway", &why.redirect));
	sa_die(sa, &why, true);
}

static bool refused(struct ike_sa *sa, vtime now, const struct notify_payload *n)
{
	return v1_quick_refused(sa, now, n) || v1_transaction_refused(sa, now, n);
}

/* False: it does not show that the peer is alive now. */
static bool notify_receive(struct ike_sa *sa, vtime now, struct slice body)
{
	struct notify_payload n;

	if (notify_parse(body, &n) != 0) {
		sa_drop(sa, DROP_IKE_MALFORMED);
		return true;
	}
	log_ev(sa->log, LOG_DEBUG, "notify received", log_u64("type", n.type));
	if (v1_inform_is(sa, &n))
		return true; /* verified_receive has seen to it */
	if (n.type == NOTIFY_R_U_THERE)
		v1_dpd_r_u_there(sa, &n);
	else if (n.type == NOTIFY_R_U_THERE_ACK)
		return v1_dpd_ack(sa, &n);
	else if (sa->unconfirmed && is_about_proof(n.type))
		proof_refused(sa, n.type);
	else if (n.type == NOTIFY_RESPONDER_LIFETIME)
		responder_lifetime(sa, now, &n);
	else if (n.type == NOTIFY_UNITY_LOAD_BALANCE)
		redirected(sa, &n);
	else if (is_error(n.type) && ((is_hint(n.type) && !n.spi.n) || !refused(sa, now, &n)))
		sa_hint(sa, now, n.type);
	return true;
}

/*
 * The SPI of a Delete is that of the sender's inbound SA (RFC 2408 section 3.15). strongSwan names
 * ours instead when it could not install what quick mode had agreed on.
 */
static void esp_deleted(struct ike_sa *sa, const struct delete_payload *d)
{
	for (unsigned i = 0; i < d->n && sa->ndeleted < DELETED_MAX; i++)
		sa->deleted[sa->ndeleted++] =
			v1_quick_outbound(sa, get_be32(d->spis.p + 4 * (size_t)i));
}

static void delete_receive(struct ike_sa *sa, struct slice body)
{
	static const struct ike_failure refused = {
		.err = ERR_AUTH,
		.authentic = true,
		.during = "aggressive mode",
		.text = "the gateway does not accept our certificate: it closed the connection "
			"when it had it",
	};
	struct ike_failure closed = v1_user_closed(sa);
	struct delete_payload d;

	if (delete_parse(body, &d) != 0) {
		sa_drop(sa, DROP_IKE_MALFORMED);
		return;
	}
	if (d.protocol == PROTOCOL_ESP && d.spi_size == 4)
		esp_deleted(sa, &d);
	else if (deletes_us(sa, &d))
		sa_die(sa, sa->unconfirmed && v1_auth_we_sign(sa->config) ? &refused : &closed,
		       false);
}

/* What anybody could have sent. */
static void clear_receive(struct ike_sa *sa, vtime now, const struct ike_msg *m)
{
	struct notify_payload n;

	sa_drop(sa, DROP_IKE_UNPROTECTED);
	if (error_notify(m, &n) && is_hint(n.type))
		sa_hint(sa, now, n.type);
}

/* The notification that is the session's, if there is one. */
static void session_receive(struct ike_sa *sa, const struct ike_msg *m, bool again)
{
	struct notify_payload n;

	for (const struct ike_payload *p = ike_msg_find(m, PAYLOAD_NOTIFY); p;
	     p = ike_msg_find_next(m, p)) {
		if (notify_parse(p->body, &n) == 0 && v1_inform_is(sa, &n)) {
			v1_inform_receive(sa, m, &n, again);
			return;
		}
	}
}

static void verified_receive(struct ike_sa *sa, vtime now, const struct ike_msg *m)
{
	bool alive = true;

	session_receive(sa, m, false);
	/* A Delete may end the SA in the middle of the message. */
	for (unsigned i = 1; i < m->n && sa_is_up(sa); i++) {
		if (m->payload[i].type == PAYLOAD_NOTIFY)
			alive = notify_receive(sa, now, m->payload[i].body) && alive;
		else if (m->payload[i].type == PAYLOAD_DELETE)
			delete_receive(sa, m->payload[i].body);
	}
	if (alive && sa_is_up(sa))
		sa_alive(sa);
}

/* Its answer may have been lost, and only the session has it. It shows nobody alive. */
static void repeat_receive(struct ike_sa *sa, const struct ike_msg *m)
{
	sa_drop(sa, DROP_IKE_DUPLICATE);
	session_receive(sa, m, true);
}

static void established_receive(struct ike_sa *sa, vtime now, const struct ike_msg *m)
{
	uint8_t buf[IKE_MESSAGE_MAX];
	struct ike_msg opened;

	if (!(m->h.flags & ISAKMP_ENCRYPTED))
		clear_receive(sa, now, m);
	else if (!v1_info_open(sa, sa->last_block, m, buf, &opened))
		sa_drop(sa, DROP_IKE_AUTH);
	else if (sa_seen(sa, m->h.id))
		repeat_receive(sa, &opened);
	else
		verified_receive(sa, now, &opened);
}

void v1_info_receive(struct ike_sa *sa, vtime now, const struct ike_msg *m)
{
	if (sa->state == IKE_STATE_PHASE1)
		phase1_receive(sa, now, m);
	else
		established_receive(sa, now, m);
}
