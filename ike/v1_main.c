/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ike/sa.h"

int v1_main_fail(struct ike_failure *why, int err, const char *text)
{
	*why = (struct ike_failure){ .err = err, .during = v1_main_i.name, .text = text };
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
	sa->peer_xauth = sa->vendors & VENDOR_BIT(VENDOR_XAUTH);
	sa->peer_unity = sa->vendors & VENDOR_BIT(VENDOR_UNITY);
	sa->peer_fragmentation = sa->vendors & VENDOR_BIT(VENDOR_FRAGMENTATION);
	sa->peer_cisco = vendor_is_cisco(sa->vendors);
}

/* ---- keys ---- */

static struct slice public_of(const struct ike_sa *sa, bool initiator)
{
	if (initiator != sa->responder)
		return dh_public(sa->main.dh);
	return slice(sa->main.peer_public, sa->main.peer_public_n);
}

static struct protect_end end_initiator(const struct ike_sa *sa)
{
	return (struct protect_end){ public_of(sa, true), SLICE_OF(sa->cookie_i) };
}

static struct protect_end end_responder(const struct ike_sa *sa)
{
	return (struct protect_end){ public_of(sa, false), SLICE_OF(sa->cookie_r) };
}

void v1_main_keys(struct ike_sa *sa, struct slice gxy, struct slice peer_public,
		  struct slice peer_nonce)
{
	struct main_mode *mm = &sa->main;
	struct slice nonce = SLICE_OF(mm->nonce);
	uint8_t cookies[2 * IKE_COOKIE_SIZE];

	sa_cookies(sa, cookies);
	ikev1_skeyid_psk(&sa->keys, sa->suite.hash, secret_slice(&sa->config->psk),
			 sa->responder ? peer_nonce : nonce, sa->responder ? nonce : peer_nonce);
	ikev1_skeyid_derive(&sa->keys, gxy, SLICE_OF(cookies), sa->suite.cipher,
			    sa->suite.key_bits / 8u);
	memcpy(mm->peer_public, peer_public.p, peer_public.n);
	mm->peer_public_n = peer_public.n;
	protect_iv_phase1(sa->suite.hash, public_of(sa, true), public_of(sa, false), mm->x.iv);
}

void v1_main_nat_tell(struct ike_sa *sa)
{
	struct outgoing *o = sa_push(sa, IKE_EFFECT_NAT);

	log_ev(sa->log, LOG_DEBUG, "keys agreed", log_str("nat", nat_name(sa->nat)),
	       log_endpoint("to", &sa->path.remote));
	if (!o)
		return;
	o->effect.nat.path = sa->path;
	o->effect.nat.nat = sa->nat;
	o->effect.nat.natt = true;
}

/* ---- who we are, who the peer is ---- */

void v1_main_prove(struct ike_sa *sa, struct ike_writer *b)
{
	struct protect_end i = end_initiator(sa), r = end_responder(sa);
	struct slice sai = slice(sa->main.sai, sa->main.sai_n);
	size_t from = wr_len(&b->w) + IKE_GENERIC_SIZE;
	struct identity id = sa->config->local;
	uint8_t hash[HASH_MAX];

	if (id.type == ID_NONE)
		id = identity_from_addr(&sa->path.local.addr);
	if (id.type == ID_NONE)
		b->w.bad = true; /* nobody has told us our address */
	id_write_identity(b, &id);
	if (b->w.bad)
		return;
	protect_hash_main(&sa->keys, sa->responder ? &r : &i, sa->responder ? &i : &r, sai,
			  slice(b->w.base + from, wr_len(&b->w) - from), hash);
	ike_write_body(b, PAYLOAD_HASH, slice(hash, hash_size(sa->suite.hash)));
}

int v1_main_verify(struct ike_sa *sa, const struct ike_msg *m)
{
	struct protect_end i = end_initiator(sa), r = end_responder(sa);
	struct slice id_b = ike_msg_body(m, PAYLOAD_ID);
	uint8_t want[HASH_MAX];
	struct id_payload id;

	protect_hash_main(&sa->keys, sa->responder ? &i : &r, sa->responder ? &r : &i,
			  slice(sa->main.sai, sa->main.sai_n), id_b, want);
	if (!ct_equal(ike_msg_body(m, PAYLOAD_HASH), slice(want, hash_size(sa->suite.hash))))
		return ERR_AUTH;
	/* An identity of a kind unknown to us is nobody's. */
	if (id_parse(id_b, &id) != 0 || id_to_identity(&id, &sa->peer) != 0)
		sa->peer = (struct identity){ .type = ID_NONE };
	return 0;
}

bool v1_main_peer_expected(struct ike_sa *sa, struct ike_failure *why)
{
	struct identity want = sa->config->remote;
	char id[IDENTITY_TEXT_MAX];

	if (want.type == ID_NONE)
		want = identity_from_addr(&sa->path.remote.addr);
	if (sa->peer.type != ID_NONE && identity_eq(&want, &sa->peer))
		return true;
	log_ev(sa->log, LOG_ERROR, "wrong identity", log_str("peer", identity_text(&sa->peer, id)));
	v1_main_fail(why, ERR_IDENTITY, "the gateway is not who it must be");
	why->authentic = true;
	return false;
}

void v1_main_established(struct ike_sa *sa, vtime now)
{
	struct outgoing *o = sa_push(sa, IKE_EFFECT_ESTABLISHED);
	char id[IDENTITY_TEXT_MAX], suite[48];

	memcpy(sa->last_block, sa->main.x.iv, sizeof(sa->last_block));
	dh_free(sa->main.dh);
	sa->main.dh = NULL;
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
	       log_str("nat", nat_name(sa->nat)),
	       log_str("begun by", sa->responder ? "the gateway" : "us"),
	       log_u64("lifetime", sa->lifetime_s));
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
	exchange_end(&sa->main.x);
	wipe(&sa->main, sizeof(sa->main));
	exchange_end(&sa->main.x);
}
