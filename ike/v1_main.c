/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ike/sa.h"

int v1_main_fail(const struct ike_sa *sa, struct ike_failure *why, int err, const char *text)
{
	const struct exchange_type *type = sa->main.x.type;

	*why = (struct ike_failure){ .err = err,
				     .during = type ? type->name : "phase 1",
				     .text = text };
	return err;
}

void v1_main_lifetime(struct ike_sa *sa, uint32_t seconds)
{
	if (seconds && (!sa->lifetime_s || seconds < sa->lifetime_s))
		sa->lifetime_s = seconds < LIFETIME_MIN_S ? LIFETIME_MIN_S : seconds;
}

void v1_main_vendors(struct ike_sa *sa, const struct ike_msg *m)
{
	sa->vendors |= vendor_msg_set(m);
	sa->peer_dpd = sa->vendors & VENDOR_BIT(VENDOR_DPD);
	sa->peer_unity = sa->vendors & VENDOR_BIT(VENDOR_UNITY);
	sa->peer_fragmentation = sa->vendors & VENDOR_BIT(VENDOR_FRAGMENTATION);
	sa->peer_cisco = vendor_is_cisco(sa->vendors);
	sa->address_update = sa->config->address_update &&
			     sa->vendors & VENDOR_BIT(VENDOR_ADDRESS_UPDATE);
}

/* ---- the offer ---- */

void v1_main_write_offer(struct ike_sa *sa, struct ike_writer *b, const struct ike_suite *suites,
			 unsigned n)
{
	struct auth_methods methods = v1_auth_methods(sa->config, false);
	size_t from = wr_len(&b->w) + IKE_GENERIC_SIZE;
	struct main_mode *mm = &sa->main;

	proposal_write_ike(b, suites, n, methods.method[0], sa->config->lifetime_s);
	mm->sai_n = wr_len(&b->w) - from;
	if (b->w.bad || mm->sai_n > sizeof(mm->sai))
		b->w.bad = true;
	else
		memcpy(mm->sai, b->w.base + from, mm->sai_n);
}

void v1_main_write_choice(struct ike_sa *sa, struct ike_writer *b)
{
	const struct main_mode *mm = &sa->main;
	struct sa_payload offer;

	if (sa_payload_parse(slice(mm->sai, mm->sai_n), &offer) == 0)
		proposal_write_choice(b, &offer, mm->proposal, mm->transform, SLICE_NONE);
	else
		b->w.bad = true;
}

void v1_main_take_choice(struct ike_sa *sa, const struct ike_choice *choice, struct slice sai)
{
	struct main_mode *mm = &sa->main;

	mm->proposal = choice->proposal;
	mm->transform = choice->transform;
	memcpy(mm->sai, sai.p, sai.n);
	mm->sai_n = sai.n;
	sa->suite = choice->suite;
	mm->tell_lifetime = sa->lifetime_s &&
			    (!choice->lifetime_s || choice->lifetime_s > sa->lifetime_s);
	v1_main_lifetime(sa, choice->lifetime_s);
}

/* ---- keys ---- */

struct slice v1_main_public(const struct ike_sa *sa, bool initiator)
{
	if (initiator != sa->responder)
		return dh_public(sa->main.dh);
	return slice(sa->main.peer_public, sa->main.peer_public_n);
}

void v1_main_keys(struct ike_sa *sa, struct slice gxy, struct slice peer_public,
		  struct slice peer_nonce)
{
	struct main_mode *mm = &sa->main;
	struct slice nonce = SLICE_OF(mm->nonce);
	struct slice ni = sa->responder ? peer_nonce : nonce;
	struct slice nr = sa->responder ? nonce : peer_nonce;
	uint8_t cookies[2 * IKE_COOKIE_SIZE];

	sa_cookies(sa, cookies);
	if (sa->config->auth == IKE_AUTH_PSK)
		ikev1_skeyid_psk(&sa->keys, sa->suite.hash, secret_slice(&sa->config->psk), ni, nr);
	else
		ikev1_skeyid_sig(&sa->keys, sa->suite.hash, gxy, ni, nr);
	ikev1_skeyid_derive(&sa->keys, gxy, SLICE_OF(cookies), sa->suite.cipher,
			    sa->suite.key_bits / 8u);
	memcpy(mm->peer_public, peer_public.p, peer_public.n);
	mm->peer_public_n = peer_public.n;
	protect_iv_phase1(sa->suite.hash, v1_main_public(sa, true), v1_main_public(sa, false),
			  mm->x.iv);
}

/* ---- NAT traversal ---- */

bool v1_main_hides(const struct ike_config *c)
{
	return c->force_udp || c->transport == IKE_TRANSPORT_UDP;
}

int v1_main_nat_find(const struct ike_sa *sa, const struct ike_msg *m, enum natt natt,
		     const struct endpoint *local, const struct endpoint *remote,
		     struct nat_finding *out, struct ike_failure *why)
{
	*out = (struct nat_finding){ natt, NAT_NONE };
	if (natt != NATT_NONE && natd_detect(m, sa->suite.hash, local, remote, &out->nat) == 0)
		return 0;
	out->natt = NATT_NONE;
	if (sa->config->transport != IKE_TRANSPORT_UDP)
		return 0;
	return v1_main_fail(sa, why, ERR_UNSUPPORTED,
			    "the gateway does not speak NAT traversal, and ESP without UDP is not "
			    "allowed by the configuration");
}

void v1_main_nat_take(struct ike_sa *sa, const struct nat_finding *f)
{
	sa->main.natt = f->natt;
	sa->nat = f->nat;
}

void v1_main_write_natd(struct ike_sa *sa, struct ike_writer *b)
{
	struct ike_header h = sa_header(sa, sa->main.x.type->number, 0);

	if (sa->main.natt != NATT_NONE)
		natd_write(b, sa->main.natt, sa->suite.hash, &h, &sa->path.remote,
			   v1_main_hides(sa->config) ? NULL : &sa->path.local, sa->rng);
}

bool v1_main_in_udp(const struct ike_sa *sa)
{
	return sa->main.natt != NATT_NONE &&
	       (sa->nat != NAT_NONE || v1_main_hides(sa->config) || sa->address_update);
}

/* The effect of NAT detection. */
static void nat_tell(struct ike_sa *sa)
{
	struct outgoing *o = sa_push(sa, IKE_EFFECT_NAT);

	log_ev(sa->log, LOG_DEBUG, "keys agreed", log_str("nat", nat_name(sa->nat)),
	       log_endpoint("to", &sa->path.remote));
	if (!o)
		return;
	o->effect.nat.path = sa->path;
	o->effect.nat.nat = sa->nat;
	o->effect.nat.natt = sa->main.natt != NATT_NONE;
}

void v1_main_path(struct ike_sa *sa)
{
	bool udp = v1_main_in_udp(sa);

	if (udp && !sa->responder && !sa->rekey) {
		sa->path.local.port = IKE_NATT_PORT;
		sa->path.remote.port = IKE_NATT_PORT;
	}
	sa->path.encapsulation = udp ? ENCAPSULATION_UDP : ENCAPSULATION_ESP;
	nat_tell(sa);
}

/* ---- what follows the proofs ---- */

void v1_main_write_initial_contact(const struct ike_sa *sa, struct ike_writer *b)
{
	uint8_t cookies[2 * IKE_COOKIE_SIZE];

	if (sa->rekey)
		return;
	sa_cookies(sa, cookies);
	notify_write(b, &(struct notify_payload){ .protocol = PROTOCOL_ISAKMP,
						  .type = NOTIFY_INITIAL_CONTACT,
						  .spi = SLICE_OF(cookies) });
}

void v1_main_write_lifetime(const struct ike_sa *sa, struct ike_writer *b)
{
	uint8_t cookies[2 * IKE_COOKIE_SIZE];

	sa_cookies(sa, cookies);
	if (sa->main.tell_lifetime)
		notify_write_lifetime(b, PROTOCOL_ISAKMP, SLICE_OF(cookies), sa->lifetime_s);
}

void v1_main_take_lifetime(struct ike_sa *sa, const struct ike_msg *m)
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

void v1_main_unexpected(struct ike_sa *sa, const struct ike_failure *why)
{
	memcpy(sa->last_block, sa->main.x.iv, sizeof(sa->last_block));
	v1_info_send_notify(sa, &(struct notify_payload){ .protocol = PROTOCOL_ISAKMP,
							  .type = NOTIFY_AUTHENTICATION_FAILED });
	sa_die(sa, why, false);
}

void v1_main_established(struct ike_sa *sa, vtime now)
{
	char id[IDENTITY_TEXT_MAX], suite[48];

	memcpy(sa->last_block, sa->main.x.iv, sizeof(sa->last_block));
	dh_free(sa->main.dh);
	sa->main.dh = NULL;
	sa->state = IKE_STATE_CONFIGURING;
	sa->established_at = now;
	sa->expires_at = sa->lifetime_s ? vtime_add(now, sa->lifetime_s * VTIME_S) : VTIME_NEVER;
	timers_set(&sa->timers, IKE_T_EXPIRE, sa->expires_at);
	log_ev(sa->log, LOG_INFO, "phase 1 established",
	       log_str("peer", identity_text(&sa->peer, id)), log_endpoint("at", &sa->path.remote),
	       log_str("suite", ike_suite_name(&sa->suite, suite)),
	       log_str("nat", nat_name(sa->nat)), log_str("by", sa->responder ? "peer" : "us"),
	       log_u64("lifetime", sa->lifetime_s));
	v1_user_begin(sa, now);
}

void v1_main_join(struct ike_sa *sa, const struct ike_header *h)
{
	memcpy(sa->cookie_i, h->cookie_i, IKE_COOKIE_SIZE);
	sa_cookie_make(sa, sa->cookie_r);
	sa->cookie_r_known = true;
	sa->responder = true;
}

void v1_main_begin(struct ike_sa *sa, vtime now, const struct exchange_type *by_hash,
		   const struct exchange_type *by_signature)
{
	sa->lifetime_s = sa->config->lifetime_s;
	exchange_begin(&sa->main.x, v1_auth_peer_signs(sa->config) ? by_signature : by_hash, 0, now,
		       sa->config->timeout);
}

void v1_main_lost(struct ike_sa *sa, vtime now, struct exchange *x, const struct ike_failure *why)
{
	(void)now;
	(void)x;
	sa_die(sa, why, false);
}

void v1_main_end(struct ike_sa *sa)
{
	dh_free(sa->main.dh);
	secret_free(&sa->main.gxy);
	cert_peer_free(sa->main.cert);
	exchange_end_within(&sa->main.x, offsetof(struct main_mode, sai) + sa->main.sai_n);
}
