/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/support/ike_auth.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/support/certs.h"

static struct credentials *owned[2];

void auth_credentials(struct pair *p, unsigned end, const char *certificate, const char *key,
		      const char *root)
{
	credentials_free(owned[end]);
	owned[end] = certs_load(root, certificate, key);
	p->end[end].config.credentials = owned[end];
}

void auth_configure(struct pair *p, struct auth_way way)
{
	struct ike_config *user = &p->end[0].config, *gateway = &p->end[1].config;

	user->mode = gateway->mode = way.mode;
	user->auth = gateway->auth = way.auth;
	user->xauth = gateway->xauth = way.xauth;
	gateway->gateway = true;
	/* What is looked at and edited are whole messages. */
	user->no_fragments = gateway->no_fragments = true;
	if (way.auth == IKE_AUTH_PSK)
		return;
	identity_parse("vpn.example.com", &gateway->local);
	identity_parse("vpn.example.com", &user->remote);
	secret_free(&user->psk);
	secret_free(&gateway->psk);
	if (way.auth == IKE_AUTH_HYBRID)
		return;
	user->local = (struct identity){ .type = ID_NONE };
	identity_parse("C=DE, O=Example, OU=Direct, CN=Peer", &gateway->remote);
}

void auth_init(struct pair *p, uint64_t seed, struct auth_way way)
{
	pair_init(p, seed);
	auth_configure(p, way);
	if (way.auth == IKE_AUTH_PSK)
		return;
	auth_credentials(p, 1, "chain.pem", "leaf.key", "root.pem");
	if (way.auth == IKE_AUTH_HYBRID)
		auth_credentials(p, 0, NULL, NULL, "root.pem");
	else
		auth_credentials(p, 0, "direct.pem", "leaf.key", "root.pem");
}

void auth_free(struct pair *p)
{
	pair_free(p);
	for (unsigned i = 0; i < 2; i++) {
		credentials_free(owned[i]);
		owned[i] = NULL;
	}
}

static bool is_authenticated(const struct ike_sa *sa)
{
	return sa && (sa->state == IKE_STATE_CONFIGURING || sa->state == IKE_STATE_ESTABLISHED);
}

bool auth_is_up(const struct pair *p)
{
	const struct ike_sa *a = pair_sa(p, 0), *b = pair_sa(p, 1);

	return is_authenticated(a) && is_authenticated(b) && ike_sa_cipher_key(a).n &&
	       slice_eq(ike_sa_cipher_key(a), ike_sa_cipher_key(b)) &&
	       memcmp(a->last_block, b->last_block, PROTECT_BLOCK) == 0;
}

const char *auth_way_text(struct auth_way way, char buf[64])
{
	static const char *const auths[] = { "PSK", "RSA", "hybrid" };

	snprintf(buf, 64, "%s, %s%s", way.mode == IKE_MODE_MAIN ? "main" : "aggressive",
		 auths[way.auth], way.xauth ? ", XAUTH" : "");
	return buf;
}

/* ---- editing ---- */

struct edit auth_edit;

static void payload_edit(struct ike_writer *b, const struct edit *e, struct slice body)
{
	switch (e->how) {
	case EDIT_OMIT:
	case EDIT_APPEND:
		break;
	case EDIT_DOUBLE:
		ike_write_body(b, e->type, body);
		ike_write_body(b, e->type, body);
		break;
	case EDIT_EMPTY:
		ike_write_body(b, e->type, SLICE_NONE);
		break;
	case EDIT_SHORTER:
		ike_write_body(b, e->type, slice(body.p, body.n - 1));
		break;
	case EDIT_LONGER:
		ike_write_body(b, e->type, body);
		wr_u8(&b->w, 0);
		break;
	case EDIT_FLIP:
		ike_write_body(b, e->type, body);
		b->w.base[wr_len(&b->w) - 1] ^= 1;
		break;
	case EDIT_REPLACE:
		ike_write_body(b, e->type, e->body);
		break;
	}
}

/* The newest public value that this end has sent. */
static struct slice public_sent(const struct pair *p, unsigned source)
{
	struct slice body = SLICE_NONE;
	struct ike_msg m;

	for (unsigned i = 0; i < p->nsent && i < PAIR_SENT; i++) {
		const struct pair_datagram *d = &p->sent[i];

		if (d->source == source && ike_msg_parse(slice(d->bytes, d->n), &m) == 0 &&
		    ike_msg_find(&m, PAYLOAD_KE))
			body = ike_msg_body(&m, PAYLOAD_KE);
	}
	return body;
}

int auth_open(const struct pair *p, const struct pair_datagram *d, uint8_t iv[PROTECT_BLOCK],
	      uint8_t buf[IKE_MESSAGE_MAX], struct ike_msg *out)
{
	const struct pair_datagram *before = &p->sent[(p->nsent - 2) % PAIR_SENT];
	const struct ike_sa *sa = pair_sa(p, d->source);
	size_t block = cbc_block(sa->keys.cipher);
	uint8_t next[PROTECT_BLOCK];
	unsigned initiator = sa->responder ? 1 - d->source : d->source;
	struct ike_msg in;

	if (before->bytes[19] & ISAKMP_ENCRYPTED)
		memcpy(iv, before->bytes + before->n - block, block);
	else
		protect_iv_phase1(sa->suite.hash, public_sent(p, initiator),
				  public_sent(p, 1 - initiator), iv);
	if (ike_msg_parse(slice(d->bytes, d->n), &in) != 0)
		return ERR_MALFORMED;
	return protect_open(&sa->keys, iv, &in, buf, out, next);
}

bool auth_edit_passes(struct pair *p, struct pair_datagram *d, unsigned n)
{
	static struct pair_datagram old;
	static uint8_t buf[IKE_MESSAGE_MAX];
	struct ike_sa *sa = pair_sa(p, d->source);
	uint8_t iv[PROTECT_BLOCK];
	const struct edit *e = &auth_edit;
	struct ike_writer b;
	struct ike_msg m;
	bool sealed;

	if (d->source != e->source || (e->always ? n < e->n : n != e->n))
		return true;
	old = *d;
	if (ike_msg_parse(slice(old.bytes, old.n), &m) != 0)
		abort();
	sealed = m.h.flags & ISAKMP_ENCRYPTED;
	if (sealed && auth_open(p, &old, iv, buf, &m) != 0)
		abort();
	m.h.flags = 0;
	ike_write_header(&b, d->bytes, sizeof(d->bytes), &m.h);
	for (unsigned k = 0; k < m.n; k++) {
		if (m.payload[k].type == e->type)
			payload_edit(&b, e, m.payload[k].body);
		else
			ike_write_body(&b, m.payload[k].type, m.payload[k].body);
	}
	if (e->how == EDIT_APPEND)
		ike_write_body(&b, e->type, e->body);
	d->n = sealed ? protect_seal(&sa->keys, iv, &b).n : ike_write_done(&b).n;
	return true;
}
