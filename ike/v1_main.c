/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ike/sa.h"

/* A peer's reply is not authenticated when it is read: it must not be able to end us at once. */
#define LIFETIME_MIN_S 60

static int fail(struct ike_failure *why, int err, const char *text)
{
	*why = (struct ike_failure){ .err = err, .during = v1_main.name, .text = text };
	return err;
}

/* ---- message 1: the offer ---- */

static void build_1(struct ike_sa *sa, struct exchange *x, struct ike_writer *b)
{
	struct main_mode *mm = &sa->main;
	size_t from = wr_len(&b->w) + IKE_GENERIC_SIZE;

	(void)x;
	proposal_write_ike(b, sa->config->suites, sa->config->nsuites, sa->config->lifetime_s);
	mm->sai_n = wr_len(&b->w) - from;
	if (b->w.bad || mm->sai_n > sizeof(mm->sai))
		b->w.bad = true;
	else
		memcpy(mm->sai, b->w.base + from, mm->sai_n);
	vendor_write_all(b);
}

/* ---- message 2: the choice ---- */

static int consume_2(struct ike_sa *sa, vtime now, struct exchange *x, const struct ike_msg *m,
		     struct ike_failure *why)
{
	const struct ike_config *c = sa->config;
	static const uint8_t zero[IKE_COOKIE_SIZE];
	struct ike_choice choice;
	struct sa_payload offer;

	(void)now;
	(void)x;
	if (memcmp(m->h.cookie_r, zero, sizeof(zero)) == 0)
		return ERR_MALFORMED;
	if (sa_payload_parse(ike_msg_body(m, PAYLOAD_SA), &offer) != 0)
		return ERR_MALFORMED;
	if (proposal_check_ike(&offer, c->suites, c->nsuites, &choice) != 0)
		return fail(why, ERR_NO_PROPOSAL, "the gateway chose a proposal we did not make");
	memcpy(sa->cookie_r, m->h.cookie_r, sizeof(sa->cookie_r));
	sa->cookie_r_known = true;
	sa->suite = choice.suite;
	if (choice.lifetime_s && choice.lifetime_s < sa->lifetime_s)
		sa->lifetime_s = choice.lifetime_s < LIFETIME_MIN_S ? LIFETIME_MIN_S :
								      choice.lifetime_s;
	sa->main.natt = vendor_msg_natt(m);
	if (sa->arrived_to.addr.family != FAMILY_NONE)
		sa->path.local = sa->arrived_to;
	return 0;
}

/* ---- message 3: our half of the key exchange ---- */

static void build_3(struct ike_sa *sa, struct exchange *x, struct ike_writer *b)
{
	struct ike_header h = sa_header(sa, ISAKMP_MAIN, 0);
	struct main_mode *mm = &sa->main;

	(void)x;
	mm->dh = dh_new(sa->suite.group, sa->rng);
	rng_fill(sa->rng, mm->ni, sizeof(mm->ni));
	ike_write_body(b, PAYLOAD_KE, dh_public(mm->dh));
	ike_write_body(b, PAYLOAD_NONCE, SLICE_OF(mm->ni));
	if (mm->natt != NATT_NONE)
		natd_write(b, mm->natt, sa->suite.hash, &h, &sa->path.remote,
			   sa->config->force_udp ? NULL : &sa->path.local, sa->rng);
}

/* ---- message 4: the peer's half ---- */

static void keys_make(struct ike_sa *sa, struct slice gxy, struct slice gxr, struct slice nr)
{
	struct main_mode *mm = &sa->main;
	uint8_t cookies[2 * IKE_COOKIE_SIZE];

	memcpy(cookies, sa->cookie_i, IKE_COOKIE_SIZE);
	memcpy(cookies + IKE_COOKIE_SIZE, sa->cookie_r, IKE_COOKIE_SIZE);
	ikev1_skeyid_psk(&sa->keys, sa->suite.hash, secret_slice(&sa->config->psk),
			 SLICE_OF(mm->ni), nr);
	ikev1_skeyid_derive(&sa->keys, gxy, SLICE_OF(cookies), sa->suite.cipher,
			    sa->suite.key_bits / 8u);
	memcpy(mm->gxr, gxr.p, gxr.n);
	mm->gxr_n = gxr.n;
	protect_iv_phase1(sa->suite.hash, dh_public(mm->dh), gxr, mm->x.iv);
}

/* RFC 3947 section 4: from message 5 on everything is on port 4500, and ESP with it. */
static void path_float(struct ike_sa *sa, enum nat nat)
{
	struct outgoing *o = sa_push(sa, IKE_EFFECT_NAT);

	sa->nat = nat;
	sa->path.local.port = IKE_NATT_PORT;
	sa->path.remote.port = IKE_NATT_PORT;
	sa->path.encapsulation = ENCAPSULATION_UDP;
	if (!o)
		return;
	o->effect.nat.path = sa->path;
	o->effect.nat.nat = nat;
	o->effect.nat.natt = true;
}

static int consume_4(struct ike_sa *sa, vtime now, struct exchange *x, const struct ike_msg *m,
		     struct ike_failure *why)
{
	struct slice gxr = ike_msg_body(m, PAYLOAD_KE);
	struct slice nr = ike_msg_body(m, PAYLOAD_NONCE);
	struct main_mode *mm = &sa->main;
	struct secret gxy = { 0 };
	enum nat nat;

	(void)now;
	(void)x;
	if (ke_parse(gxr, sa->suite.group) != 0 || nonce_parse(nr) != 0)
		return ERR_MALFORMED;
	if (mm->natt == NATT_NONE ||
	    natd_detect(m, sa->suite.hash, &sa->path.local, &sa->path.remote, &nat) != 0)
		return fail(why, ERR_UNSUPPORTED,
			    "the gateway does not speak NAT traversal; ESP without UDP is not "
			    "supported (yet)");
	if (dh_shared(mm->dh, gxr, &gxy) != 0)
		return fail(why, ERR_BAD_KEY, "the gateway's public value is not valid");
	keys_make(sa, secret_slice(&gxy), gxr, nr);
	secret_free(&gxy);
	path_float(sa, nat);
	log_ev(sa->log, LOG_DEBUG, "keys agreed", log_str("nat", nat_name(nat)),
	       log_endpoint("to", &sa->path.remote));
	return 0;
}

/* ---- message 5: who we are ---- */

static struct protect_end end_initiator(const struct ike_sa *sa)
{
	return (struct protect_end){ dh_public(sa->main.dh), SLICE_OF(sa->cookie_i) };
}

static struct protect_end end_responder(const struct ike_sa *sa)
{
	return (struct protect_end){ slice(sa->main.gxr, sa->main.gxr_n), SLICE_OF(sa->cookie_r) };
}

static void initial_contact_write(const struct ike_sa *sa, struct ike_writer *b)
{
	uint8_t cookies[2 * IKE_COOKIE_SIZE];

	memcpy(cookies, sa->cookie_i, IKE_COOKIE_SIZE);
	memcpy(cookies + IKE_COOKIE_SIZE, sa->cookie_r, IKE_COOKIE_SIZE);
	notify_write(b, &(struct notify_payload){ .protocol = PROTOCOL_ISAKMP,
						  .type = NOTIFY_INITIAL_CONTACT,
						  .spi = SLICE_OF(cookies) });
}

static void build_5(struct ike_sa *sa, struct exchange *x, struct ike_writer *b)
{
	struct protect_end i = end_initiator(sa), r = end_responder(sa);
	struct slice sai = slice(sa->main.sai, sa->main.sai_n);
	size_t from = wr_len(&b->w) + IKE_GENERIC_SIZE;
	struct identity id = sa->config->local;
	uint8_t hash[HASH_MAX];

	(void)x;
	if (id.type == ID_NONE)
		id = identity_from_addr(&sa->path.local.addr);
	if (id.type == ID_NONE)
		b->w.bad = true; /* nobody has told us our address */
	id_write_identity(b, &id);
	if (b->w.bad)
		return;
	protect_hash_main(&sa->keys, &i, &r, sai, slice(b->w.base + from, wr_len(&b->w) - from),
			  hash);
	ike_write_body(b, PAYLOAD_HASH, slice(hash, hash_size(sa->suite.hash)));
	initial_contact_write(sa, b);
}

/* ---- message 6: who the peer is ---- */

static void lifetime_notified(struct ike_sa *sa, const struct ike_msg *m)
{
	for (const struct ike_payload *p = ike_msg_find(m, PAYLOAD_NOTIFY); p;
	     p = ike_msg_find_next(m, p)) {
		struct notify_payload n;
		uint32_t seconds;
		uint64_t bytes;

		if (notify_parse(p->body, &n) != 0 || n.type != NOTIFY_RESPONDER_LIFETIME)
			continue;
		notify_lifetime(n.data, PROTOCOL_ISAKMP, &seconds, &bytes);
		if (seconds && seconds < sa->lifetime_s)
			sa->lifetime_s = seconds;
	}
}

static int consume_6(struct ike_sa *sa, vtime now, struct exchange *x, const struct ike_msg *m,
		     struct ike_failure *why)
{
	struct protect_end i = end_initiator(sa), r = end_responder(sa);
	struct slice id_b = ike_msg_body(m, PAYLOAD_ID);
	uint8_t want[HASH_MAX];
	struct id_payload id;

	(void)now;
	(void)x;
	protect_hash_main(&sa->keys, &r, &i, slice(sa->main.sai, sa->main.sai_n), id_b, want);
	if (!ct_equal(ike_msg_body(m, PAYLOAD_HASH), slice(want, hash_size(sa->suite.hash))))
		return fail(why, ERR_AUTH,
			    "the gateway does not prove that it knows the pre-shared key: the key "
			    "is probably wrong");
	/* An identity of a kind unknown to us is nobody's. */
	if (id_parse(id_b, &id) != 0 || id_to_identity(&id, &sa->peer) != 0)
		sa->peer = (struct identity){ .type = ID_NONE };
	lifetime_notified(sa, m);
	return 0;
}

static bool peer_is_expected(const struct ike_sa *sa)
{
	struct identity want = sa->config->remote;

	if (want.type == ID_NONE)
		want = identity_from_addr(&sa->path.remote.addr);
	return sa->peer.type != ID_NONE && identity_eq(&want, &sa->peer);
}

static void established(struct ike_sa *sa, vtime now)
{
	struct outgoing *o = sa_push(sa, IKE_EFFECT_ESTABLISHED);
	char id[IDENTITY_TEXT_MAX], suite[48];

	sa->state = IKE_STATE_ESTABLISHED;
	sa->established_at = now;
	sa->expires_at = sa->lifetime_s ? vtime_add(now, sa->lifetime_s * VTIME_S) : VTIME_NEVER;
	timers_set(&sa->timers, IKE_T_EXPIRE, sa->expires_at);
	if (o) {
		o->effect.established.suite = sa->suite;
		o->effect.established.peer = sa->peer;
		o->effect.established.lifetime_s = sa->lifetime_s;
	}
	log_ev(sa->log, LOG_INFO, "phase 1 established",
	       log_str("peer", identity_text(&sa->peer, id)),
	       log_endpoint("gateway", &sa->path.remote),
	       log_str("suite", ike_suite_name(&sa->suite, suite)),
	       log_str("nat", nat_name(sa->nat)), log_u64("lifetime", sa->lifetime_s));
}

static void done(struct ike_sa *sa, vtime now, struct exchange *x)
{
	memcpy(sa->last_block, x->iv, sizeof(sa->last_block));
	dh_free(sa->main.dh);
	sa->main.dh = NULL;
	if (!peer_is_expected(sa)) {
		struct ike_failure why;
		char id[IDENTITY_TEXT_MAX];

		log_ev(sa->log, LOG_ERROR, "wrong identity",
		       log_str("peer", identity_text(&sa->peer, id)));
		fail(&why, ERR_IDENTITY, "the gateway is not who it must be");
		why.authentic = true;
		sa_die(sa, &why, true);
		return;
	}
	established(sa, now);
}

static void lost(struct ike_sa *sa, vtime now, struct exchange *x, const struct ike_failure *why)
{
	(void)now;
	(void)x;
	sa_die(sa, why, false);
}

#define NAT_D_BITS (PAYLOAD_BIT(PAYLOAD_NAT_D) | PAYLOAD_BIT_NAT_D_DRAFT)
#define ASIDE (PAYLOAD_BIT(PAYLOAD_VID) | PAYLOAD_BIT(PAYLOAD_NOTIFY))

static const struct exchange_message messages[] = {
	{ .build = build_1 },
	{
		.required = PAYLOAD_BIT(PAYLOAD_SA),
		.many = ASIDE,
		.consume = consume_2,
		.silence = "the gateway does not answer: is its address right, does UDP port 500 "
			   "pass?",
	},
	{ .build = build_3 },
	{
		.required = PAYLOAD_BIT(PAYLOAD_KE) | PAYLOAD_BIT(PAYLOAD_NONCE),
		.many = ASIDE | NAT_D_BITS | PAYLOAD_BIT(PAYLOAD_CERT_REQUEST),
		.consume = consume_4,
		.silence = "the gateway fell silent in the middle of the key exchange",
	},
	{ .encrypted = true, .build = build_5 },
	{
		.encrypted = true,
		.required = PAYLOAD_BIT(PAYLOAD_ID) | PAYLOAD_BIT(PAYLOAD_HASH),
		.many = ASIDE | PAYLOAD_BIT(PAYLOAD_CERT),
		.consume = consume_6,
		.silence = "no answer to our proof of identity: the pre-shared key or our identity "
			   "may be wrong, or UDP port 4500 does not pass",
		.unreadable = "the gateway could not verify us: pre-shared key or identity is "
			      "probably wrong",
	},
};

const struct exchange_type v1_main = {
	.name = "main mode",
	.number = ISAKMP_MAIN,
	.n = ARRAY_SIZE(messages),
	.message = messages,
	.done = done,
	.lost = lost,
};

void v1_main_start(struct ike_sa *sa, vtime now)
{
	do
		rng_fill(sa->rng, sa->cookie_i, sizeof(sa->cookie_i));
	while (get_be64(sa->cookie_i) == 0);
	sa->lifetime_s = sa->config->lifetime_s;
	exchange_begin(&sa->main.x, &v1_main, 0, now, sa->config->timeout);
	sa_exchange_send(sa, now, &sa->main.x);
}

bool v1_main_proving(const struct ike_sa *sa)
{
	return sa->state == IKE_STATE_PHASE1 && sa->main.x.step == ARRAY_SIZE(messages) - 1;
}

void v1_main_end(struct ike_sa *sa)
{
	dh_free(sa->main.dh);
	exchange_end(&sa->main.x);
	wipe(&sa->main, sizeof(sa->main));
	exchange_end(&sa->main.x);
}
