/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ike/sa.h"

/* One group for all: our public value goes with the offer. */
static unsigned suites_of_group(const struct ike_config *c, struct ike_suite out[IKE_SUITES_MAX])
{
	unsigned n = 0;

	for (unsigned i = 0; i < c->nsuites; i++)
		if (c->suites[i].group == c->suites[0].group)
			out[n++] = c->suites[i];
	return n;
}

/* ---- message 1: the offer, our half of the key exchange, who we claim to be ---- */

static void build_1(struct ike_sa *sa, struct exchange *x, struct ike_writer *b)
{
	struct ike_suite suites[IKE_SUITES_MAX];
	unsigned n = suites_of_group(sa->config, suites);
	struct main_mode *mm = &sa->main;

	(void)x;
	mm->dh = dh_new(suites[0].group, sa->rng);
	rng_fill(sa->rng, mm->nonce, sizeof(mm->nonce));
	v1_main_write_offer(sa, b, suites, n);
	ike_write_body(b, PAYLOAD_KE, dh_public(mm->dh));
	ike_write_body(b, PAYLOAD_NONCE, SLICE_OF(mm->nonce));
	v1_auth_write_id(sa, b);
	v1_auth_write_requests(sa, b);
	vendor_write_all(b, sa->config);
}

/* ---- message 2: all that the peer has to say, and its proof ---- */

static int choice_check(const struct ike_sa *sa, const struct ike_msg *m, struct ike_choice *out,
			struct ike_failure *why)
{
	struct ike_suite suites[IKE_SUITES_MAX];
	unsigned n = suites_of_group(sa->config, suites);
	struct sa_payload reply;

	if (sa_payload_parse(ike_msg_body(m, PAYLOAD_SA), &reply) != 0)
		return ERR_MALFORMED;
	if (proposal_check_ike(&reply, suites, n, v1_auth_methods(sa->config, false).method[0],
			       out) != 0)
		return v1_main_fail(sa, why, ERR_NO_PROPOSAL,
				    "the gateway chose a proposal we did not make");
	if (ke_parse(ike_msg_body(m, PAYLOAD_KE), out->suite.group) != 0 ||
	    nonce_parse(ike_msg_body(m, PAYLOAD_NONCE)) != 0)
		return ERR_MALFORMED;
	return 0;
}

/* Nobody knows yet whether the message is the gateway's: what fails here is undone. */
static int take_2(struct ike_sa *sa, const struct ike_msg *m, const struct ike_choice *choice,
		  struct nat_finding *found, struct ike_failure *why)
{
	enum natt natt = vendor_natt(vendor_msg_set(m));
	struct slice gxr = ike_msg_body(m, PAYLOAD_KE);
	struct secret gxy = { 0 };
	int err = v1_auth_take_id(sa, m);

	if (err)
		return err;
	if (dh_shared(sa->main.dh, gxr, &gxy) != 0)
		return v1_main_fail(sa, why, ERR_BAD_KEY,
				    "the gateway's public value is not valid");
	memcpy(sa->cookie_r, m->h.cookie_r, sizeof(sa->cookie_r));
	sa->suite = choice->suite;
	v1_main_keys(sa, secret_slice(&gxy), gxr, ike_msg_body(m, PAYLOAD_NONCE));
	secret_free(&gxy);
	err = v1_auth_verify(sa, m, why);
	if (err)
		return err;
	return v1_main_nat_find(sa, m, natt, &sa->arrived_to, &sa->path.remote, found, why);
}

static void undo_2(struct ike_sa *sa)
{
	struct main_mode *mm = &sa->main;

	memset(sa->cookie_r, 0, sizeof(sa->cookie_r));
	sa->suite = (struct ike_suite){ 0 };
	sa->peer = (struct identity){ .type = ID_NONE };
	ikev1_keys_free(&sa->keys);
	wipe(&sa->keys, sizeof(sa->keys));
	cert_peer_free(mm->cert);
	mm->cert = NULL;
	mm->peer_public_n = 0;
	mm->peer_id_n = 0;
}

static int consume_2(struct ike_sa *sa, vtime now, struct exchange *x, const struct ike_msg *m,
		     struct ike_failure *why)
{
	static const uint8_t zero[IKE_COOKIE_SIZE];
	struct nat_finding found;
	struct ike_choice choice;
	int err;

	(void)now;
	(void)x;
	if (memcmp(m->h.cookie_r, zero, sizeof(zero)) == 0)
		return ERR_MALFORMED;
	err = choice_check(sa, m, &choice, why);
	if (err)
		return err;
	err = take_2(sa, m, &choice, &found, why);
	if (err) {
		undo_2(sa);
		return err;
	}
	sa->cookie_r_known = true;
	if (sa->arrived_to.addr.family != FAMILY_NONE)
		sa->path.local = sa->arrived_to;
	v1_main_vendors(sa, m);
	v1_main_lifetime(sa, choice.lifetime_s);
	v1_main_take_lifetime(sa, m);
	v1_main_nat_take(sa, &found);
	return 0;
}

/* Whoever has proved to be somebody else does not get our proof. */
static void taken_2(struct ike_sa *sa, vtime now, struct exchange *x)
{
	struct ike_failure why;

	if (v1_auth_peer_expected(sa, &why)) {
		v1_main_path(sa);
		sa_exchange_send(sa, now, x);
	} else {
		sa_die(sa, &why, false);
	}
}

/* ---- message 3: our proof ---- */

static void build_3(struct ike_sa *sa, struct exchange *x, struct ike_writer *b)
{
	(void)x;
	v1_auth_write_proof(sa, b);
	v1_auth_write_group(sa, b);
	v1_main_write_natd(sa, b);
	v1_main_write_initial_contact(sa, b);
}

static void done(struct ike_sa *sa, vtime now, struct exchange *x)
{
	(void)x;
	sa->unconfirmed = true;
	v1_main_established(sa, now);
}

#define NAT_D_BITS (PAYLOAD_BIT(PAYLOAD_NAT_D) | PAYLOAD_BIT_NAT_D_DRAFT)
#define ASIDE (PAYLOAD_BIT(PAYLOAD_VID) | PAYLOAD_BIT(PAYLOAD_NOTIFY))
#define CERTIFICATES (PAYLOAD_BIT(PAYLOAD_CERT) | PAYLOAD_BIT(PAYLOAD_CERT_REQUEST))

/* `proof`: what the gateway proves itself by. */
#define MESSAGES(proof)                                                                            \
	{                                                                                          \
		{ .build = build_1 },                                                              \
			{                                                                          \
				.required = PAYLOAD_BIT(PAYLOAD_SA) | PAYLOAD_BIT(PAYLOAD_KE) |    \
					    PAYLOAD_BIT(PAYLOAD_NONCE) | PAYLOAD_BIT(PAYLOAD_ID) | \
					    PAYLOAD_BIT(proof),                                    \
				.many = ASIDE | NAT_D_BITS | CERTIFICATES,                         \
				.consume = consume_2,                                              \
				.taken = taken_2,                                                  \
				.silence = "the gateway does not answer",                          \
			},                                                                         \
			{ .encrypted = true, .build = build_3 },                                   \
	}

static const struct exchange_message by_hash[] = MESSAGES(PAYLOAD_HASH);
static const struct exchange_message by_signature[] = MESSAGES(PAYLOAD_SIG);

#define TYPE(messages)                                                                             \
	{                                                                                          \
		.name = "aggressive mode", .number = ISAKMP_AGGRESSIVE, .n = ARRAY_SIZE(messages), \
		.message = messages, .done = done, .lost = v1_main_lost,                           \
	}

static const struct exchange_type type_hash = TYPE(by_hash);
static const struct exchange_type type_signature = TYPE(by_signature);

void v1_aggr_start(struct ike_sa *sa, vtime now)
{
	if (sa->config->auth == IKE_AUTH_PSK && !sa->rekey)
		log_ev(sa->log, LOG_WARN,
		       "aggressive mode with a pre-shared key: who listens can try keys offline, "
		       "and our identity is not hidden");
	sa_cookie_make(sa, sa->cookie_i);
	v1_main_begin(sa, now, &type_hash, &type_signature);
	sa_exchange_send(sa, now, &sa->main.x);
}
