/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ike/sa.h"

#include <stdio.h>

#define PROTOCOL_UDP 17
/* Certificate requests: past that a single one asks for whatever there is. */
#define REQUESTS_MAX 4

/* ---- who proves himself how ---- */

bool v1_auth_we_sign(const struct ike_config *c)
{
	return c->auth == IKE_AUTH_RSA || (c->auth == IKE_AUTH_HYBRID && c->gateway);
}

bool v1_auth_peer_signs(const struct ike_config *c)
{
	return c->auth == IKE_AUTH_RSA || (c->auth == IKE_AUTH_HYBRID && !c->gateway);
}

struct auth_methods v1_auth_methods(const struct ike_config *c, bool responder)
{
	static const struct {
		enum auth_method plain, init, resp;
	} methods[] = {
		[IKE_AUTH_PSK] = { METHOD_PSK, METHOD_XAUTH_INIT_PSK, METHOD_XAUTH_RESP_PSK },
		[IKE_AUTH_RSA] = { METHOD_RSA, METHOD_XAUTH_INIT_RSA, METHOD_XAUTH_RESP_RSA },
		[IKE_AUTH_HYBRID] = { 0, METHOD_HYBRID_INIT_RSA, METHOD_HYBRID_RESP_RSA },
	};
	enum auth_method plain = methods[c->auth].plain;
	/* The initiator is the user's end. */
	bool init = c->gateway == responder;

	if (plain && !c->xauth)
		return (struct auth_methods){ 1, { plain } };
	return (struct auth_methods){
		/* A gateway that begins anew may know the user already. */
		.n = responder && !c->gateway && plain ? 2 : 1,
		.method = { init ? methods[c->auth].init : methods[c->auth].resp, plain },
	};
}

/* ---- the hashes that are proven ---- */

/* HASH_I or HASH_R, over the initiator's ID or the responder's. */
static struct slice hash_make(const struct ike_sa *sa, bool initiator, struct slice id,
			      uint8_t out[HASH_MAX])
{
	struct protect_end i = { v1_main_public(sa, true), SLICE_OF(sa->cookie_i) };
	struct protect_end r = { v1_main_public(sa, false), SLICE_OF(sa->cookie_r) };

	protect_hash_main(&sa->keys, initiator ? &i : &r, initiator ? &r : &i,
			  slice(sa->main.sai, sa->main.sai_n), id, out);
	return slice(out, hash_size(sa->suite.hash));
}

/* ---- ours ---- */

static struct identity own_identity(const struct ike_sa *sa)
{
	const struct ike_config *c = sa->config;
	struct identity id = c->local;

	if (id.type == ID_NONE && v1_auth_we_sign(c)) {
		struct slice subject = credentials_subject(c->credentials);

		if (subject.n && subject.n <= sizeof(id.data)) {
			id.type = ID_DER_ASN1_DN;
			id.n = (uint16_t)subject.n;
			memcpy(id.data, subject.p, subject.n);
		}
	}
	if (id.type == ID_NONE)
		id = identity_from_addr(&sa->path.local.addr);
	/* There a word is the name of a group. */
	if (id.type == ID_FQDN && c->vendor == IKE_VENDOR_CISCO && !v1_auth_we_sign(c))
		id.type = ID_KEY_ID;
	return id;
}

void v1_auth_write_id(struct ike_sa *sa, struct ike_writer *b)
{
	bool cisco = sa->config->vendor == IKE_VENDOR_CISCO;
	size_t from = wr_len(&b->w) + IKE_GENERIC_SIZE;
	struct identity id = own_identity(sa);
	struct main_mode *mm = &sa->main;

	if (id.type == ID_NONE)
		b->w.bad = true; /* nobody has told us our address */
	id_write_identity(b, &id, cisco ? PROTOCOL_UDP : 0, cisco ? IKE_PORT : 0);
	if (b->w.bad)
		return;
	mm->id_n = wr_len(&b->w) - from;
	memcpy(mm->id, b->w.base + from, mm->id_n);
}

static void signature_write(struct ike_sa *sa, struct ike_writer *b, struct slice hash)
{
	const struct credentials *c = sa->config->credentials;
	struct slice chain[CERT_CHAIN_MAX];
	uint8_t signature[CERT_SIGNATURE_MAX];
	int n = credentials_sign(c, sa->rng, hash, signature);

	if (n < 0) {
		b->w.bad = true;
		return;
	}
	for (unsigned i = 0, k = credentials_chain(c, chain); i < k; i++)
		cert_write(b, PAYLOAD_CERT, chain[i]);
	ike_write_body(b, PAYLOAD_SIG, slice(signature, (size_t)n));
}

void v1_auth_write_proof(struct ike_sa *sa, struct ike_writer *b)
{
	uint8_t buf[HASH_MAX];
	struct slice hash;

	if (b->w.bad)
		return;
	hash = hash_make(sa, !sa->responder, slice(sa->main.id, sa->main.id_n), buf);
	if (v1_auth_we_sign(sa->config))
		signature_write(sa, b, hash);
	else
		ike_write_body(b, PAYLOAD_HASH, hash);
}

void v1_auth_write_requests(const struct ike_sa *sa, struct ike_writer *b)
{
	const struct credentials *c = sa->config->credentials;

	if (!v1_auth_peer_signs(sa->config))
		return;
	if (credentials_root(c, REQUESTS_MAX).n || !credentials_root(c, 0).n) {
		cert_write(b, PAYLOAD_CERT_REQUEST, SLICE_NONE);
		return;
	}
	for (unsigned i = 0; i < REQUESTS_MAX && credentials_root(c, i).n; i++)
		cert_write(b, PAYLOAD_CERT_REQUEST, credentials_root(c, i));
}

/* The key of vpnc's and Cisco's group proof is SKEYID, which an impostor could not know. */
void v1_auth_write_group(const struct ike_sa *sa, struct ike_writer *b)
{
	const struct slice psk = secret_slice(&sa->config->psk);
	uint8_t cookies[2 * IKE_COOKIE_SIZE], hash[HASH_MAX];

	if (sa->config->auth != IKE_AUTH_HYBRID || sa->config->gateway || !psk.n)
		return;
	sa_cookies(sa, cookies);
	hmac_parts(sa->suite.hash, secret_slice(&sa->keys.skeyid), &psk, 1, hash);
	notify_write(b, &(struct notify_payload){
				.protocol = PROTOCOL_ISAKMP,
				.type = NOTIFY_GROUP_PASSWORD_HASH,
				.spi = SLICE_OF(cookies),
				.data = slice(hash, hash_size(sa->suite.hash)),
			});
}

/* ---- the peer's ---- */

int v1_auth_take_id(struct ike_sa *sa, const struct ike_msg *m)
{
	struct slice body = ike_msg_body(m, PAYLOAD_ID);
	struct main_mode *mm = &sa->main;

	if (body.n == 0 || body.n > sizeof(mm->peer_id))
		return ERR_MALFORMED;
	memcpy(mm->peer_id, body.p, body.n);
	mm->peer_id_n = body.n;
	return 0;
}

/* The X.509 certificates of the message, the leaf first. */
static unsigned chain_read(const struct ike_msg *m, struct slice chain[CERT_CHAIN_MAX], bool *pkcs7)
{
	unsigned n = 0;

	for (const struct ike_payload *p = ike_msg_find(m, PAYLOAD_CERT); p;
	     p = ike_msg_find_next(m, p)) {
		uint8_t encoding;
		struct slice data;

		if (cert_parse(p->body, &encoding, &data) != 0)
			continue;
		*pkcs7 = *pkcs7 || encoding == CERT_ENCODING_PKCS7;
		if (encoding == CERT_ENCODING_X509_SIGNATURE && data.n && n < CERT_CHAIN_MAX)
			chain[n++] = data;
	}
	return n;
}

static int signature_verify(const struct ike_sa *sa, const struct ike_msg *m, struct slice hash,
			    struct cert_peer **out, struct ike_failure *why)
{
	struct slice chain[CERT_CHAIN_MAX];
	char text[CERT_WHY_MAX] = "";
	bool pkcs7 = false;
	unsigned n = chain_read(m, chain, &pkcs7);

	if (!n)
		return v1_main_fail(sa, why, ERR_AUTH,
				    pkcs7 ? "the gateway wraps its certificates in PKCS #7, which "
					    "is not supported" :
					    "the gateway shows no certificate");
	if (cert_peer_verify(sa->config->credentials, chain, n, out, text) != 0) {
		v1_main_fail(sa, why, ERR_AUTH, "the gateway's certificate is not acceptable");
		snprintf(why->detail, sizeof(why->detail), "%s", text);
		return ERR_AUTH;
	}
	if (cert_peer_check(*out, hash, ike_msg_body(m, PAYLOAD_SIG)) == 0)
		return 0;
	cert_peer_free(*out);
	*out = NULL;
	return v1_main_fail(sa, why, ERR_AUTH,
			    "the gateway's signature is not that of its certificate");
}

static int hash_wrong(const struct ike_sa *sa, struct ike_failure *why)
{
	const char *text = "the gateway proves another pre-shared key than ours";

	if (sa->config->auth != IKE_AUTH_PSK)
		text = "the gateway's HASH does not fit what was exchanged";
	else if (sa->responder)
		text = "the gateway does not prove that it knows the pre-shared key";
	return v1_main_fail(sa, why, ERR_AUTH, text);
}

int v1_auth_verify(struct ike_sa *sa, const struct ike_msg *m, struct ike_failure *why)
{
	struct slice id_b = slice(sa->main.peer_id, sa->main.peer_id_n), want;
	struct cert_peer *cert = NULL;
	struct id_payload id;
	uint8_t buf[HASH_MAX];

	want = hash_make(sa, sa->responder, id_b, buf);
	if (v1_auth_peer_signs(sa->config)) {
		int err = signature_verify(sa, m, want, &cert, why);

		if (err)
			return err;
	} else if (!ct_equal(ike_msg_body(m, PAYLOAD_HASH), want)) {
		return hash_wrong(sa, why);
	}
	sa->main.cert = cert;
	/* An identity of a kind unknown to us is nobody's. */
	if (id_parse(id_b, &id) != 0 || id_to_identity(&id, &sa->peer) != 0)
		sa->peer = (struct identity){ .type = ID_NONE };
	return 0;
}

/* ---- is it whom we want? ---- */

bool v1_auth_hash_fits(const struct ike_sa *sa, const struct ike_msg *m, bool *named)
{
	const struct ike_config *c = sa->config;
	struct slice body = ike_msg_body(m, PAYLOAD_ID);
	struct id_payload id;
	struct identity peer;
	uint8_t buf[HASH_MAX];

	if (!ct_equal(ike_msg_body(m, PAYLOAD_HASH), hash_make(sa, sa->responder, body, buf)))
		return false;
	*named = c->remote_any || (id_parse(body, &id) == 0 && id_to_identity(&id, &peer) == 0 &&
				   identity_eq(&c->remote, &peer));
	return true;
}

static bool certificate_bears(const struct cert_peer *cert, const struct identity *id)
{
	struct slice name = slice(id->data, id->n);

	switch (id->type) {
	case ID_DER_ASN1_DN:
		return cert_peer_is(cert, CERT_NAME_DN, name);
	case ID_FQDN:
		return cert_peer_is(cert, CERT_NAME_DNS, name);
	case ID_USER_FQDN:
		return cert_peer_is(cert, CERT_NAME_EMAIL, name);
	case ID_IPV4_ADDR:
	case ID_IPV6_ADDR:
		return cert_peer_is(cert, CERT_NAME_IP, name);
	case ID_NONE:
	case ID_IPV4_ADDR_SUBNET:
	case ID_IPV6_ADDR_SUBNET:
	case ID_IPV4_ADDR_RANGE:
	case ID_IPV6_ADDR_RANGE:
	case ID_KEY_ID:
		break;
	}
	return false;
}

static const char *stranger_text(const struct ike_sa *sa)
{
	return sa->config->gateway ? "the client is none of those that may come" :
				     "the gateway is not who it must be";
}

/* NULL: it is; else what is wrong. */
static const char *peer_wrong(const struct ike_sa *sa)
{
	const struct cert_peer *cert = sa->main.cert;
	const struct identity *peer = &sa->peer;
	struct identity want = sa->config->remote;
	bool named = want.type != ID_NONE;

	if (!named)
		want = identity_from_addr(&sa->path.remote.addr);
	if (!cert && sa->config->remote_any)
		return NULL;
	if (peer->type == ID_NONE)
		return "the gateway's identity is of a kind that nothing can be compared with";
	if (!cert)
		return identity_eq(&want, peer) ? NULL : stranger_text(sa);
	if (!certificate_bears(cert, peer))
		return "the gateway's certificate is not that of the identity that it claims";
	/* Who takes many clients takes whomever the root vouches for. */
	if (sa->config->gateway && sa->config->remote_any)
		return NULL;
	if (named && identity_eq(&want, peer))
		return NULL;
	if (certificate_bears(cert, &want))
		return NULL;
	return named ? "the gateway is not who it must be, by its certificate" :
		       "the gateway's certificate does not have its address, and no identity is "
		       "configured";
}

/* What is cut is seen to be, or the rest of an address is taken for another one. */
static const char *shortened(char *text, size_t max)
{
	if (strlen(text) > max)
		memcpy(text + max - 3, "...", sizeof("..."));
	return text;
}

bool v1_auth_peer_expected(struct ike_sa *sa, struct ike_failure *why)
{
	const char *wrong = peer_wrong(sa);
	char id[IDENTITY_TEXT_MAX], names[256] = "";

	if (wrong) {
		identity_text(&sa->peer, id);
		if (sa->main.cert)
			cert_peer_text(sa->main.cert, names, sizeof(names));
		log_ev(sa->log, LOG_ERROR, "wrong identity", log_str("peer", id),
		       log_str("certificate", names[0] ? names : "none"));
		v1_main_fail(sa, why, ERR_IDENTITY, wrong);
		why->authentic = true;
		snprintf(why->detail, sizeof(why->detail), "it says it is %.90s%s%.120s",
			 shortened(id, 90), names[0] ? ", certified " : "", shortened(names, 120));
	}
	cert_peer_free(sa->main.cert);
	sa->main.cert = NULL;
	return !wrong;
}
