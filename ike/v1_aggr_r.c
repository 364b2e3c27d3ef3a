/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ike/sa.h"

/* ---- message 1: the offer, the peer's half of the key exchange, who it claims to be ---- */

/* The first of our suites that the peer offers, and that its public value is of. */
static int choose(const struct ike_config *c, const struct sa_payload *offer, struct slice gxi,
		  struct ike_choice *out)
{
	const struct auth_methods methods = v1_auth_methods(c, true);

	for (unsigned i = 0; i < c->nsuites; i++)
		if (proposal_choose_ike(offer, &c->suites[i], 1, &methods, out) == 0 &&
		    ke_parse(gxi, out->suite.group) == 0)
			return 0;
	return ERR_NO_PROPOSAL;
}

static int keys_make(struct ike_sa *sa, const struct ike_choice *choice, const struct ike_msg *m,
		     struct ike_failure *why)
{
	struct slice gxi = ike_msg_body(m, PAYLOAD_KE);
	struct main_mode *mm = &sa->main;
	struct secret gxy = { 0 };

	mm->dh = dh_new(choice->suite.group, sa->rng);
	if (dh_shared(mm->dh, gxi, &gxy) != 0)
		return v1_main_fail(sa, why, ERR_BAD_KEY, "the peer's public value is not valid");
	rng_fill(sa->rng, mm->nonce, sizeof(mm->nonce));
	v1_main_take_choice(sa, choice, ike_msg_body(m, PAYLOAD_SA));
	v1_main_keys(sa, secret_slice(&gxy), gxi, ike_msg_body(m, PAYLOAD_NONCE));
	secret_free(&gxy);
	return 0;
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
	if (body.n > sizeof(mm->sai) || sa_payload_parse(body, &offer) != 0 ||
	    nonce_parse(ike_msg_body(m, PAYLOAD_NONCE)) != 0 || v1_auth_take_id(sa, m) != 0)
		return ERR_MALFORMED;
	if (choose(sa->config, &offer, ike_msg_body(m, PAYLOAD_KE), &choice) != 0)
		return v1_main_fail(sa, why, ERR_NO_PROPOSAL,
				    "the peer offers none of our proposals");
	v1_main_vendors(sa, m);
	mm->natt = vendor_natt(sa->vendors);
	if (mm->natt == NATT_NONE && sa->config->transport == IKE_TRANSPORT_UDP)
		return v1_main_fail(sa, why, ERR_UNSUPPORTED,
				    "the peer does not speak NAT traversal, and ESP without UDP "
				    "is not allowed by the configuration");
	return keys_make(sa, &choice, m, why);
}

/* ---- message 2: all that we have to say, and our proof ---- */

static void build_2(struct ike_sa *sa, struct exchange *x, struct ike_writer *b)
{
	struct main_mode *mm = &sa->main;

	(void)x;
	v1_main_write_choice(sa, b);
	ike_write_body(b, PAYLOAD_KE, dh_public(mm->dh));
	ike_write_body(b, PAYLOAD_NONCE, SLICE_OF(mm->nonce));
	v1_auth_write_id(sa, b);
	v1_auth_write_proof(sa, b);
	v1_auth_write_requests(sa, b);
	vendor_write_all(b, sa->config);
	v1_main_write_natd(sa, b);
	v1_main_write_lifetime(sa, b);
}

/* ---- message 3: the peer's proof ---- */

static int consume_3(struct ike_sa *sa, vtime now, struct exchange *x, const struct ike_msg *m,
		     struct ike_failure *why)
{
	struct nat_finding found;
	int err = v1_main_nat_find(sa, m, sa->main.natt, &sa->arrived_to, &sa->arrived_from, &found,
				   why);

	(void)now;
	(void)x;
	if (!err)
		err = v1_auth_verify(sa, m, why);
	if (!err)
		v1_main_nat_take(sa, &found);
	return err;
}

static void done(struct ike_sa *sa, vtime now, struct exchange *x)
{
	struct ike_failure why;

	(void)x;
	if (!v1_auth_peer_expected(sa, &why)) {
		v1_main_unexpected(sa, &why);
	} else if (v1_main_in_udp(sa) && sa->path.local.port != IKE_NATT_PORT) {
		v1_main_fail(sa, &why, ERR_UNSUPPORTED,
			     "the peer does not go over to port 4500, as NAT traversal has it");
		sa_die(sa, &why, false);
	} else {
		v1_main_path(sa);
		v1_main_established(sa, now);
	}
}

#define NAT_D_BITS (PAYLOAD_BIT(PAYLOAD_NAT_D) | PAYLOAD_BIT_NAT_D_DRAFT)
#define ASIDE (PAYLOAD_BIT(PAYLOAD_VID) | PAYLOAD_BIT(PAYLOAD_NOTIFY))
#define REQUEST PAYLOAD_BIT(PAYLOAD_CERT_REQUEST)
#define CERTIFICATES (PAYLOAD_BIT(PAYLOAD_CERT) | REQUEST)

/* `proof`: what the gateway proves itself by. */
#define MESSAGES(proof, unreadable_3)                                                              \
	{                                                                                          \
		{                                                                                  \
			.required = PAYLOAD_BIT(PAYLOAD_SA) | PAYLOAD_BIT(PAYLOAD_KE) |            \
				    PAYLOAD_BIT(PAYLOAD_NONCE) | PAYLOAD_BIT(PAYLOAD_ID),          \
			.many = ASIDE | REQUEST,                                                   \
			.consume = consume_1,                                                      \
		},                                                                                 \
			{ .build = build_2 },                                                      \
			{                                                                          \
				.encrypted = true,                                                 \
				.in_clear = true,                                                  \
				.required = PAYLOAD_BIT(proof),                                    \
				.many = ASIDE | NAT_D_BITS | CERTIFICATES,                         \
				.consume = consume_3,                                              \
				.silence =                                                         \
					"the peer began a new connection and fell silent in the "  \
					"middle of it",                                            \
				.unreadable = unreadable_3,                                        \
			},                                                                         \
	}

static const struct exchange_message by_hash[] = MESSAGES(
	PAYLOAD_HASH, "the peer's proof of identity cannot be read: the pre-shared key is probably "
		      "wrong");

static const struct exchange_message by_signature[] =
	MESSAGES(PAYLOAD_SIG, "the peer's proof of identity cannot be read");

#define TYPE(messages)                                                                             \
	{                                                                                          \
		.name = "aggressive mode", .number = ISAKMP_AGGRESSIVE, .passive = true,           \
		.n = ARRAY_SIZE(messages), .message = messages, .done = done,                      \
		.lost = v1_main_lost,                                                              \
	}

static const struct exchange_type type_hash = TYPE(by_hash);
static const struct exchange_type type_signature = TYPE(by_signature);

void v1_aggr_r_begin(struct ike_sa *sa, vtime now, const struct ike_header *h)
{
	v1_main_join(sa, h);
	v1_main_begin(sa, now, &type_hash, &type_signature);
}
