/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ike/sa.h"

/* ---- message 1: the offer ---- */

/* The first of our suites that the peer offers. */
static int choose(const struct ike_config *c, const struct sa_payload *offer,
		  struct ike_choice *out)
{
	for (unsigned i = 0; i < c->nsuites; i++)
		if (proposal_choose_ike(offer, &c->suites[i], 1, out) == 0)
			return 0;
	return ERR_NO_PROPOSAL;
}

static int consume_1(struct ike_sa *sa, vtime now, struct exchange *x, const struct ike_msg *m,
		     struct ike_failure *why)
{
	struct slice body = ike_msg_body(m, PAYLOAD_SA);
	struct main_mode *mm = &sa->main;
	struct ike_choice choice;
	struct sa_payload offer;

	(void)now;
	(void)x;
	if (body.n > sizeof(mm->sai) || sa_payload_parse(body, &offer) != 0)
		return ERR_MALFORMED;
	if (choose(sa->config, &offer, &choice) != 0)
		return v1_main_fail(why, ERR_NO_PROPOSAL,
				    "the gateway offers none of our proposals");
	v1_main_vendors(sa, m);
	mm->natt = vendor_natt(sa->vendors);
	if (mm->natt == NATT_NONE)
		return v1_main_fail(why, ERR_UNSUPPORTED,
				    "the gateway does not speak NAT traversal; ESP without UDP is "
				    "not supported (yet)");
	mm->proposal = choice.proposal;
	mm->transform = choice.transform;
	memcpy(mm->sai, body.p, body.n);
	mm->sai_n = body.n;
	sa->suite = choice.suite;
	mm->tell_lifetime = sa->lifetime_s &&
			    (!choice.lifetime_s || choice.lifetime_s > sa->lifetime_s);
	v1_main_lifetime(sa, choice.lifetime_s);
	return 0;
}

/* ---- message 2: the choice ---- */

static void build_2(struct ike_sa *sa, struct exchange *x, struct ike_writer *b)
{
	const struct main_mode *mm = &sa->main;
	struct sa_payload offer;

	(void)x;
	if (sa_payload_parse(slice(mm->sai, mm->sai_n), &offer) != 0) {
		b->w.bad = true;
		return;
	}
	proposal_write_choice(b, &offer, mm->proposal, mm->transform, SLICE_NONE);
	vendor_write_all(b, sa->config);
}

/* ---- messages 3 and 4: the key exchange ---- */

static int consume_3(struct ike_sa *sa, vtime now, struct exchange *x, const struct ike_msg *m,
		     struct ike_failure *why)
{
	struct slice gxi = ike_msg_body(m, PAYLOAD_KE);
	struct slice ni = ike_msg_body(m, PAYLOAD_NONCE);
	struct main_mode *mm = &sa->main;
	struct secret gxy = { 0 };
	enum nat nat;

	(void)now;
	(void)x;
	if (ke_parse(gxi, sa->suite.group) != 0 || nonce_parse(ni) != 0)
		return ERR_MALFORMED;
	if (natd_detect(m, sa->suite.hash, &sa->arrived_to, &sa->arrived_from, &nat) != 0)
		return v1_main_fail(why, ERR_UNSUPPORTED,
				    "the gateway says nothing of its addresses (NAT detection)");
	/* One key for all that is tried: it costs more than to see that a value is not valid. */
	if (!mm->dh)
		mm->dh = dh_new(sa->suite.group, sa->rng);
	if (dh_shared(mm->dh, gxi, &gxy) != 0)
		return v1_main_fail(why, ERR_BAD_KEY, "the gateway's public value is not valid");
	rng_fill(sa->rng, mm->nonce, sizeof(mm->nonce));
	v1_main_keys(sa, secret_slice(&gxy), gxi, ni);
	secret_free(&gxy);
	sa->nat = nat;
	return 0;
}

static void build_4(struct ike_sa *sa, struct exchange *x, struct ike_writer *b)
{
	struct ike_header h = sa_header(sa, ISAKMP_MAIN, 0);
	struct main_mode *mm = &sa->main;

	(void)x;
	ike_write_body(b, PAYLOAD_KE, dh_public(mm->dh));
	ike_write_body(b, PAYLOAD_NONCE, SLICE_OF(mm->nonce));
	/*
	 * Our address is always hidden: who finds no NAT stays on port 500 and would have ESP
	 * without UDP later.
	 */
	natd_write(b, mm->natt, sa->suite.hash, &h, &sa->path.remote, NULL, sa->rng);
}

/* ---- messages 5 and 6: who the peer is, who we are ---- */

static int consume_5(struct ike_sa *sa, vtime now, struct exchange *x, const struct ike_msg *m,
		     struct ike_failure *why)
{
	(void)now;
	(void)x;
	if (v1_main_verify(sa, m) != 0)
		return v1_main_fail(why, ERR_AUTH,
				    "the gateway does not prove that it knows the pre-shared key");
	if (sa->arrived_to.port != IKE_NATT_PORT)
		return v1_main_fail(why, ERR_UNSUPPORTED,
				    "the gateway does not go over to port 4500; ESP without UDP "
				    "is not supported (yet)");
	return 0;
}

static void taken_5(struct ike_sa *sa, vtime now, struct exchange *x)
{
	struct ike_failure why;

	if (v1_main_peer_expected(sa, &why)) {
		v1_main_nat_tell(sa);
		sa_exchange_send(sa, now, x);
		return;
	}
	memcpy(sa->last_block, x->iv, sizeof(sa->last_block));
	v1_info_send_notify(sa, &(struct notify_payload){ .protocol = PROTOCOL_ISAKMP,
							  .type = NOTIFY_AUTHENTICATION_FAILED });
	sa_die(sa, &why, false);
}

static void build_6(struct ike_sa *sa, struct exchange *x, struct ike_writer *b)
{
	uint8_t cookies[2 * IKE_COOKIE_SIZE];

	(void)x;
	v1_main_prove(sa, b);
	sa_cookies(sa, cookies);
	if (sa->main.tell_lifetime)
		notify_write_lifetime(b, PROTOCOL_ISAKMP, SLICE_OF(cookies), sa->lifetime_s);
}

static void done(struct ike_sa *sa, vtime now, struct exchange *x)
{
	(void)x;
	v1_main_established(sa, now);
}

#define NAT_D_BITS (PAYLOAD_BIT(PAYLOAD_NAT_D) | PAYLOAD_BIT_NAT_D_DRAFT)
#define ASIDE (PAYLOAD_BIT(PAYLOAD_VID) | PAYLOAD_BIT(PAYLOAD_NOTIFY))
#define SILENCE "the gateway began a new connection and fell silent in the middle of it"

static const struct exchange_message messages[] = {
	{ .required = PAYLOAD_BIT(PAYLOAD_SA), .many = ASIDE, .consume = consume_1 },
	{ .build = build_2 },
	{
		.required = PAYLOAD_BIT(PAYLOAD_KE) | PAYLOAD_BIT(PAYLOAD_NONCE),
		.many = ASIDE | NAT_D_BITS | PAYLOAD_BIT(PAYLOAD_CERT_REQUEST),
		.consume = consume_3,
		.silence = SILENCE,
	},
	{ .build = build_4 },
	{
		.encrypted = true,
		.required = PAYLOAD_BIT(PAYLOAD_ID) | PAYLOAD_BIT(PAYLOAD_HASH),
		.many = ASIDE | PAYLOAD_BIT(PAYLOAD_CERT) | PAYLOAD_BIT(PAYLOAD_CERT_REQUEST),
		.consume = consume_5,
		.taken = taken_5,
		.silence = SILENCE,
		.unreadable =
			"the gateway's proof of identity cannot be read: the pre-shared key is "
			"probably wrong",
	},
	{ .encrypted = true, .build = build_6 },
};

const struct exchange_type v1_main_r = {
	.name = "main mode",
	.number = ISAKMP_MAIN,
	.passive = true,
	.n = ARRAY_SIZE(messages),
	.message = messages,
	.done = done,
	.lost = v1_main_lost,
};

/* ---- beginning ---- */

void v1_main_r_begin(struct ike_sa *sa, vtime now, const struct ike_header *h)
{
	memcpy(sa->cookie_i, h->cookie_i, IKE_COOKIE_SIZE);
	sa_cookie_make(sa, sa->cookie_r);
	sa->cookie_r_known = true;
	sa->responder = true;
	sa->lifetime_s = sa->config->lifetime_s;
	exchange_begin(&sa->main.x, &v1_main_r, 0, now, sa->config->timeout);
}

void v1_main_r_refuse(struct ike_sa *sa)
{
	struct ike_failure why = sa->main.x.hint;

	if (!why.err)
		v1_main_fail(&why, ERR_MALFORMED, "the gateway's first message is malformed");
	if (why.err == ERR_NO_PROPOSAL)
		v1_info_send_clear(sa, NOTIFY_NO_PROPOSAL_CHOSEN);
	sa_die(sa, &why, false);
}
