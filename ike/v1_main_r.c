/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ike/sa.h"

/* ---- message 1: the offer ---- */

/* The first of our suites that the peer offers. */
static int choose(const struct ike_config *c, const struct sa_payload *offer,
		  struct ike_choice *out)
{
	const struct auth_methods methods = v1_auth_methods(c, true);

	for (unsigned i = 0; i < c->nsuites; i++)
		if (proposal_choose_ike(offer, &c->suites[i], 1, &methods, out) == 0)
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
		return v1_main_fail(sa, why, ERR_NO_PROPOSAL,
				    "the peer offers none of our proposals");
	v1_main_vendors(sa, m);
	mm->natt = vendor_natt(sa->vendors);
	if (mm->natt == NATT_NONE && sa->config->transport == IKE_TRANSPORT_UDP)
		return v1_main_fail(sa, why, ERR_UNSUPPORTED,
				    "the peer does not speak NAT traversal, and ESP without UDP "
				    "is not allowed by the configuration");
	v1_main_take_choice(sa, &choice, body);
	return 0;
}

/* ---- message 2: the choice ---- */

static void build_2(struct ike_sa *sa, struct exchange *x, struct ike_writer *b)
{
	(void)x;
	v1_main_write_choice(sa, b);
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
	struct nat_finding found;
	int err;

	(void)now;
	(void)x;
	if (ke_parse(gxi, sa->suite.group) != 0 || nonce_parse(ni) != 0)
		return ERR_MALFORMED;
	err = v1_main_nat_find(sa, m, mm->natt, &sa->arrived_to, &sa->arrived_from, &found, why);
	if (err)
		return err;
	/* One key for all that is tried: it costs more than to see that a value is not valid. */
	if (!mm->dh)
		mm->dh = dh_new(sa->suite.group, sa->rng);
	if (dh_shared(mm->dh, gxi, &gxy) != 0)
		return v1_main_fail(sa, why, ERR_BAD_KEY, "the peer's public value is not valid");
	rng_fill(sa->rng, mm->nonce, sizeof(mm->nonce));
	v1_main_vendors(sa, m);
	v1_main_keys(sa, secret_slice(&gxy), gxi, ni);
	if (mm->nothers) {
		secret_move(&mm->gxy, &gxy);
		memcpy(mm->peer_nonce, ni.p, ni.n);
		mm->peer_nonce_n = ni.n;
	}
	secret_free(&gxy);
	v1_main_nat_take(sa, &found);
	return 0;
}

static void build_4(struct ike_sa *sa, struct exchange *x, struct ike_writer *b)
{
	struct main_mode *mm = &sa->main;

	(void)x;
	ike_write_body(b, PAYLOAD_KE, dh_public(mm->dh));
	ike_write_body(b, PAYLOAD_NONCE, SLICE_OF(mm->nonce));
	v1_auth_write_requests(sa, b);
	v1_main_write_natd(sa, b);
}

/* ---- whose key it is ---- */

static void key_use(struct ike_sa *sa, const struct ike_config *config)
{
	struct main_mode *mm = &sa->main;
	uint8_t peer_public[DH_PUBLIC_MAX];

	sa->config = config;
	ikev1_keys_free(&sa->keys);
	memcpy(peer_public, mm->peer_public, mm->peer_public_n);
	v1_main_keys(sa, secret_slice(&mm->gxy), slice(peer_public, mm->peer_public_n),
		     slice(mm->peer_nonce, mm->peer_nonce_n));
}

static bool key_opens(struct ike_sa *sa, const struct exchange *x, const struct ike_msg *m,
		      bool *named)
{
	uint8_t buf[IKE_MESSAGE_MAX], next_iv[PROTECT_BLOCK];
	struct ike_msg opened;

	return protect_open(&sa->keys, x->iv, m, buf, &opened, next_iv) == 0 &&
	       v1_auth_hash_fits(sa, &opened, named);
}

/* A key that fits under another name is better than none: it is told what is wrong with it. */
static void key_find(struct ike_sa *sa, struct exchange *x, const struct ike_msg *m)
{
	const struct ike_config *own = sa->config, *best = NULL;
	struct main_mode *mm = &sa->main;
	bool named = false;

	if (!mm->nothers || !mm->gxy.n)
		return;
	if (key_opens(sa, x, m, &named))
		best = own;
	for (unsigned i = 0; i < mm->nothers && !named; i++) {
		key_use(sa, mm->other[i]);
		if (key_opens(sa, x, m, &named))
			best = mm->other[i];
	}
	if (sa->config != (best ? best : own))
		key_use(sa, best ? best : own);
	if (best)
		secret_free(&mm->gxy);
}

/*
 * The exchange goes on until its time is up, since anybody can send what does not open; whoever runs the
 * gateway is told of the first at once.
 */
static void proof_prepare(struct ike_sa *sa, struct exchange *x, const struct ike_msg *m)
{
	bool named;

	key_find(sa, x, m);
	if (sa->config->auth == IKE_AUTH_PSK && !x->hint.err && !key_opens(sa, x, m, &named))
		log_ev(sa->log, LOG_WARN, "a peer's proof fits no pre-shared key of ours",
		       log_endpoint("from", &sa->arrived_from));
}

/* ---- messages 5 and 6: who the peer is, who we are ---- */

static int consume_5(struct ike_sa *sa, vtime now, struct exchange *x, const struct ike_msg *m,
		     struct ike_failure *why)
{
	int err = v1_auth_take_id(sa, m);

	(void)now;
	(void)x;
	if (!err && v1_main_in_udp(sa) && sa->arrived_to.port != IKE_NATT_PORT)
		return v1_main_fail(sa, why, ERR_UNSUPPORTED,
				    "the peer does not go over to port 4500, as NAT traversal "
				    "has it");
	if (!err)
		err = v1_auth_verify(sa, m, why);
	return err;
}

static void taken_5(struct ike_sa *sa, vtime now, struct exchange *x)
{
	struct ike_failure why;

	if (v1_auth_peer_expected(sa, &why)) {
		v1_main_path(sa);
		sa_exchange_send(sa, now, x);
	} else {
		v1_main_unexpected(sa, &why);
	}
}

static void build_6(struct ike_sa *sa, struct exchange *x, struct ike_writer *b)
{
	(void)x;
	v1_auth_write_id(sa, b);
	v1_auth_write_proof(sa, b);
	v1_main_write_lifetime(sa, b);
}

static void done(struct ike_sa *sa, vtime now, struct exchange *x)
{
	(void)x;
	v1_main_established(sa, now);
}

#define NAT_D_BITS (PAYLOAD_BIT(PAYLOAD_NAT_D) | PAYLOAD_BIT_NAT_D_DRAFT)
#define ASIDE (PAYLOAD_BIT(PAYLOAD_VID) | PAYLOAD_BIT(PAYLOAD_NOTIFY))
#define REQUEST PAYLOAD_BIT(PAYLOAD_CERT_REQUEST)
#define CERTIFICATES (PAYLOAD_BIT(PAYLOAD_CERT) | REQUEST)
#define SILENCE "the peer began a new connection and fell silent in the middle of it"

/* `proof`: what the gateway proves itself by. */
#define MESSAGES(proof, unreadable_5)                                                              \
	{                                                                                          \
		{                                                                                  \
			.required = PAYLOAD_BIT(PAYLOAD_SA),                                       \
			.many = ASIDE | REQUEST,                                                   \
			.consume = consume_1,                                                      \
		},                                                                                 \
			{ .build = build_2 },                                                      \
			{                                                                          \
				.required = PAYLOAD_BIT(PAYLOAD_KE) | PAYLOAD_BIT(PAYLOAD_NONCE),  \
				.many = ASIDE | NAT_D_BITS | CERTIFICATES,                         \
				.consume = consume_3,                                              \
				.silence = SILENCE,                                                \
			},                                                                         \
			{ .build = build_4 },                                                      \
			{                                                                          \
				.encrypted = true,                                                 \
				.prepare = proof_prepare,                                          \
				.required = PAYLOAD_BIT(PAYLOAD_ID) | PAYLOAD_BIT(proof),          \
				.many = ASIDE | CERTIFICATES,                                      \
				.consume = consume_5,                                              \
				.taken = taken_5,                                                  \
				.silence = SILENCE,                                                \
				.unreadable = unreadable_5,                                        \
			},                                                                         \
			{ .encrypted = true, .build = build_6 },                                   \
	}

static const struct exchange_message by_hash[] = MESSAGES(
	PAYLOAD_HASH, "the peer's proof of identity cannot be read: the pre-shared key is probably "
		      "wrong");

static const struct exchange_message by_signature[] =
	MESSAGES(PAYLOAD_SIG, "the peer's proof of identity cannot be read");

#define TYPE(messages)                                                                             \
	{                                                                                          \
		.name = "main mode", .number = ISAKMP_MAIN, .passive = true,                       \
		.n = ARRAY_SIZE(messages), .message = messages, .done = done,                      \
		.lost = v1_main_lost,                                                              \
	}

static const struct exchange_type type_hash = TYPE(by_hash);
static const struct exchange_type type_signature = TYPE(by_signature);

/* ---- beginning ---- */

void v1_main_r_begin(struct ike_sa *sa, vtime now, const struct ike_header *h,
		     const struct ike_event *ev)
{
	struct main_mode *mm = &sa->main;

	v1_main_join(sa, h);
	v1_main_begin(sa, now, &type_hash, &type_signature);
	if (sa->config->auth != IKE_AUTH_PSK)
		return;
	for (unsigned i = 0; i < ev->datagram.nothers && i < IKE_OTHERS_MAX; i++)
		mm->other[mm->nothers++] = ev->datagram.others[i];
}

void v1_main_r_refuse(struct ike_sa *sa)
{
	struct ike_failure why = sa->main.x.hint;

	if (!why.err && !sa->main.x.type)
		v1_main_fail(sa, &why, ERR_MALFORMED,
			     "the peer's first message is none that we take");
	else if (!why.err)
		v1_main_fail(sa, &why, ERR_MALFORMED, "the peer's first message is malformed");
	if (why.err == ERR_NO_PROPOSAL)
		v1_info_send_clear(sa, NOTIFY_NO_PROPOSAL_CHOSEN);
	sa_die(sa, &why, false);
}
