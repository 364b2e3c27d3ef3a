/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ike/sa.h"

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
	vendor_write_all(b, sa->config);
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
		return v1_main_fail(why, ERR_NO_PROPOSAL,
				    "the gateway chose a proposal we did not make");
	memcpy(sa->cookie_r, m->h.cookie_r, sizeof(sa->cookie_r));
	sa->cookie_r_known = true;
	sa->suite = choice.suite;
	v1_main_lifetime(sa, choice.lifetime_s);
	v1_main_vendors(sa, m);
	sa->main.natt = vendor_natt(sa->vendors);
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
	rng_fill(sa->rng, mm->nonce, sizeof(mm->nonce));
	ike_write_body(b, PAYLOAD_KE, dh_public(mm->dh));
	ike_write_body(b, PAYLOAD_NONCE, SLICE_OF(mm->nonce));
	if (mm->natt != NATT_NONE)
		natd_write(b, mm->natt, sa->suite.hash, &h, &sa->path.remote,
			   sa->config->force_udp ? NULL : &sa->path.local, sa->rng);
}

/* ---- message 4: the peer's half ---- */

/* RFC 3947 section 4: from message 5 on everything is on port 4500, and ESP with it. */
static void path_float(struct ike_sa *sa, enum nat nat)
{
	sa->nat = nat;
	if (!sa->rekey) {
		sa->path.local.port = IKE_NATT_PORT;
		sa->path.remote.port = IKE_NATT_PORT;
	}
	sa->path.encapsulation = ENCAPSULATION_UDP;
	v1_main_nat_tell(sa);
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
	v1_main_vendors(sa, m);
	if (mm->natt == NATT_NONE ||
	    natd_detect(m, sa->suite.hash, &sa->path.local, &sa->path.remote, &nat) != 0)
		return v1_main_fail(
			why, ERR_UNSUPPORTED,
			"the gateway does not speak NAT traversal; ESP without UDP is not "
			"supported (yet)");
	if (dh_shared(mm->dh, gxr, &gxy) != 0)
		return v1_main_fail(why, ERR_BAD_KEY, "the gateway's public value is not valid");
	v1_main_keys(sa, secret_slice(&gxy), gxr, nr);
	secret_free(&gxy);
	path_float(sa, nat);
	return 0;
}

/* ---- message 5: who we are ---- */

static void initial_contact_write(const struct ike_sa *sa, struct ike_writer *b)
{
	uint8_t cookies[2 * IKE_COOKIE_SIZE];

	sa_cookies(sa, cookies);
	notify_write(b, &(struct notify_payload){ .protocol = PROTOCOL_ISAKMP,
						  .type = NOTIFY_INITIAL_CONTACT,
						  .spi = SLICE_OF(cookies) });
}

static void build_5(struct ike_sa *sa, struct exchange *x, struct ike_writer *b)
{
	(void)x;
	v1_main_prove(sa, b);
	if (!sa->rekey)
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
		v1_main_lifetime(sa, seconds);
	}
}

static int consume_6(struct ike_sa *sa, vtime now, struct exchange *x, const struct ike_msg *m,
		     struct ike_failure *why)
{
	(void)now;
	(void)x;
	if (v1_main_verify(sa, m) != 0)
		return v1_main_fail(why, ERR_AUTH,
				    "the gateway does not prove that it knows the pre-shared key: "
				    "the key is probably wrong");
	lifetime_notified(sa, m);
	return 0;
}

static void done(struct ike_sa *sa, vtime now, struct exchange *x)
{
	struct ike_failure why;

	memcpy(sa->last_block, x->iv, sizeof(sa->last_block));
	if (v1_main_peer_expected(sa, &why))
		v1_main_established(sa, now);
	else
		sa_die(sa, &why, true);
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

const struct exchange_type v1_main_i = {
	.name = "main mode",
	.number = ISAKMP_MAIN,
	.n = ARRAY_SIZE(messages),
	.message = messages,
	.done = done,
	.lost = v1_main_lost,
};

void v1_main_start(struct ike_sa *sa, vtime now)
{
	sa_cookie_make(sa, sa->cookie_i);
	sa->lifetime_s = sa->config->lifetime_s;
	exchange_begin(&sa->main.x, &v1_main_i, 0, now, sa->config->timeout);
	sa_exchange_send(sa, now, &sa->main.x);
}

bool v1_main_proving(const struct ike_sa *sa)
{
	return sa->state == IKE_STATE_PHASE1 && !sa->responder &&
	       sa->main.x.step == ARRAY_SIZE(messages) - 1;
}
