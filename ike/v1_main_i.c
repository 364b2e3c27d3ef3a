/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ike/sa.h"

/* ---- message 1: the offer ---- */

static void build_1(struct ike_sa *sa, struct exchange *x, struct ike_writer *b)
{
	(void)x;
	v1_main_write_offer(sa, b, sa->config->suites, sa->config->nsuites);
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
	if (proposal_check_ike(&offer, c->suites, c->nsuites, v1_auth_methods(c, false).method[0],
			       &choice) != 0)
		return v1_main_fail(sa, why, ERR_NO_PROPOSAL,
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
	struct main_mode *mm = &sa->main;

	(void)x;
	mm->dh = dh_new(sa->suite.group, sa->rng);
	rng_fill(sa->rng, mm->nonce, sizeof(mm->nonce));
	ike_write_body(b, PAYLOAD_KE, dh_public(mm->dh));
	ike_write_body(b, PAYLOAD_NONCE, SLICE_OF(mm->nonce));
	v1_auth_write_requests(sa, b);
	v1_main_write_natd(sa, b);
}

/* ---- message 4: the peer's half ---- */

static int consume_4(struct ike_sa *sa, vtime now, struct exchange *x, const struct ike_msg *m,
		     struct ike_failure *why)
{
	struct slice gxr = ike_msg_body(m, PAYLOAD_KE);
	struct slice nr = ike_msg_body(m, PAYLOAD_NONCE);
	struct main_mode *mm = &sa->main;
	struct secret gxy = { 0 };
	struct nat_finding found;
	int err;

	(void)now;
	(void)x;
	if (ke_parse(gxr, sa->suite.group) != 0 || nonce_parse(nr) != 0)
		return ERR_MALFORMED;
	err = v1_main_nat_find(sa, m, mm->natt, &sa->path.local, &sa->path.remote, &found, why);
	if (err)
		return err;
	if (dh_shared(mm->dh, gxr, &gxy) != 0)
		return v1_main_fail(sa, why, ERR_BAD_KEY,
				    "the gateway's public value is not valid");
	v1_main_vendors(sa, m);
	v1_main_keys(sa, secret_slice(&gxy), gxr, nr);
	secret_free(&gxy);
	v1_main_nat_take(sa, &found);
	v1_main_path(sa);
	return 0;
}

/* ---- messages 5 and 6: who we are, who the peer is ---- */

static void build_5(struct ike_sa *sa, struct exchange *x, struct ike_writer *b)
{
	(void)x;
	v1_auth_write_id(sa, b);
	v1_auth_write_proof(sa, b);
	v1_main_write_initial_contact(sa, b);
}

static int consume_6(struct ike_sa *sa, vtime now, struct exchange *x, const struct ike_msg *m,
		     struct ike_failure *why)
{
	int err = v1_auth_take_id(sa, m);

	(void)now;
	(void)x;
	if (!err)
		err = v1_auth_verify(sa, m, why);
	if (!err)
		v1_main_take_lifetime(sa, m);
	return err;
}

static void done(struct ike_sa *sa, vtime now, struct exchange *x)
{
	struct ike_failure why;

	memcpy(sa->last_block, x->iv, sizeof(sa->last_block));
	if (v1_auth_peer_expected(sa, &why))
		v1_main_established(sa, now);
	else
		sa_die(sa, &why, true);
}

#define NAT_D_BITS (PAYLOAD_BIT(PAYLOAD_NAT_D) | PAYLOAD_BIT_NAT_D_DRAFT)
#define ASIDE (PAYLOAD_BIT(PAYLOAD_VID) | PAYLOAD_BIT(PAYLOAD_NOTIFY))
#define REQUEST PAYLOAD_BIT(PAYLOAD_CERT_REQUEST)
#define CERTIFICATES (PAYLOAD_BIT(PAYLOAD_CERT) | REQUEST)

/* `proof`: what the gateway proves itself by. */
#define MESSAGES(proof, silence_6, unreadable_6)                                                     \
	{                                                                                            \
		{ .build = build_1 },                                                                \
			{                                                                            \
				.required = PAYLOAD_BIT(PAYLOAD_SA),                                 \
				.many = ASIDE | REQUEST,                                             \
				.consume = consume_2,                                                \
				.silence = "the gateway does not answer",                            \
			},                                                                           \
			{ .build = build_3 },                                                        \
			{                                                                            \
				.required = PAYLOAD_BIT(PAYLOAD_KE) | PAYLOAD_BIT(PAYLOAD_NONCE),    \
				.many = ASIDE | NAT_D_BITS | CERTIFICATES,                           \
				.consume = consume_4,                                                \
				.silence =                                                           \
					"the gateway fell silent in the middle of the key exchange", \
			},                                                                           \
			{ .encrypted = true, .build = build_5 },                                     \
			{                                                                            \
				.encrypted = true,                                                   \
				.required = PAYLOAD_BIT(PAYLOAD_ID) | PAYLOAD_BIT(proof),            \
				.many = ASIDE | CERTIFICATES,                                        \
				.consume = consume_6,                                                \
				.silence = silence_6,                                                \
				.unreadable = unreadable_6,                                          \
			},                                                                           \
	}

static const struct exchange_message by_hash[] = MESSAGES(
	PAYLOAD_HASH, "no answer to our proof of identity",
	"the gateway's proof of identity cannot be read: its pre-shared key is another one than "
	"ours");

static const struct exchange_message by_signature[] =
	MESSAGES(PAYLOAD_SIG, "no answer to our proof of identity",
		 "the gateway's proof of identity cannot be read");

#define TYPE(messages)                                                                             \
	{                                                                                          \
		.name = "main mode", .number = ISAKMP_MAIN, .n = ARRAY_SIZE(messages),             \
		.message = messages, .done = done, .lost = v1_main_lost,                           \
	}

static const struct exchange_type type_hash = TYPE(by_hash);
static const struct exchange_type type_signature = TYPE(by_signature);

void v1_main_start(struct ike_sa *sa, vtime now)
{
	sa_cookie_make(sa, sa->cookie_i);
	v1_main_begin(sa, now, &type_hash, &type_signature);
	sa_exchange_send(sa, now, &sa->main.x);
}

bool v1_main_proving(const struct ike_sa *sa)
{
	const struct exchange *x = &sa->main.x;

	return sa->state == IKE_STATE_PHASE1 &&
	       (x->type == &type_hash || x->type == &type_signature) && x->step == x->type->n - 1;
}
