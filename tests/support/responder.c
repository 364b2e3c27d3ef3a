/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/support/responder_state.h"

#include "base/mem.h"

#include <stdlib.h>

void responder_child_free(struct responder_child *c)
{
	secret_free(&c->keymat_in);
	secret_free(&c->keymat_out);
	*c = (struct responder_child){ 0 };
}

static void sa_free(struct responder *r, struct sa *sa)
{
	if (r->newest == sa)
		r->newest = NULL;
	dh_free(sa->dh);
	ikev1_keys_free(&sa->keys);
	memset(sa, 0, sizeof(*sa));
}

struct responder *responder_new(const struct responder_config *config, struct rng *rng)
{
	struct responder *r = xcalloc(1, sizeof(*r));

	r->config = *config;
	r->rng = rng;
	return r;
}

void responder_free(struct responder *r)
{
	if (!r)
		return;
	for (unsigned i = 0; i < SAS_MAX; i++)
		sa_free(r, &r->sa[i]);
	for (unsigned i = 0; i < RESPONDER_CHILDREN_MAX; i++)
		responder_child_free(&r->child[i]);
	free(r);
}

struct responder_config *responder_config(struct responder *r)
{
	return &r->config;
}

/* ---- sending ---- */

struct responder_reply *responder_reply_new(struct responder_replies *out, const struct sa *sa)
{
	struct responder_reply *reply;

	if (out->n == RESPONDER_REPLIES_MAX)
		abort();
	reply = &out->reply[out->n++];
	reply->from = sa->self;
	reply->to = sa->peer;
	reply->n = 0;
	return reply;
}

static void digest(struct slice bytes, uint8_t out[HASH_MAX])
{
	hash_parts(HASH_SHA2_256, &bytes, 1, out);
}

void responder_answer_keep(struct answer *a, struct slice request,
			   const struct responder_reply *reply)
{
	digest(request, a->request);
	a->reply = *reply;
	a->there = true;
}

bool responder_answer_again(const struct answer *a, struct slice request,
			    struct responder_replies *out)
{
	uint8_t hash[HASH_MAX];

	digest(request, hash);
	if (!a->there || memcmp(hash, a->request, hash_size(HASH_SHA2_256)) != 0)
		return false;
	if (a->reply.n)
		out->reply[out->n++] = a->reply;
	return true;
}

struct ike_header responder_header(const struct sa *sa, uint8_t exchange, uint32_t id)
{
	struct ike_header h = sa->h;

	h.exchange = exchange;
	h.id = id;
	h.flags = 0;
	return h;
}

static void cookies(const struct sa *sa, uint8_t out[2 * IKE_COOKIE_SIZE])
{
	memcpy(out, sa->h.cookie_i, IKE_COOKIE_SIZE);
	memcpy(out + IKE_COOKIE_SIZE, sa->h.cookie_r, IKE_COOKIE_SIZE);
}

static void info_clear(struct responder *r, const struct sa *sa, uint16_t type,
		       struct responder_replies *out)
{
	struct responder_reply *reply = responder_reply_new(out, sa);
	struct ike_header h = responder_header(sa, ISAKMP_INFORMATIONAL, rng_u32(r->rng) | 1);
	struct ike_writer b;

	ike_write_header(&b, reply->bytes, sizeof(reply->bytes), &h);
	notify_write(&b, &(struct notify_payload){ .protocol = PROTOCOL_ISAKMP, .type = type });
	reply->n = ike_write_done(&b).n;
}

static uint32_t info_begin(struct responder *r, const struct sa *sa, struct responder_reply *reply,
			   struct ike_writer *b)
{
	uint32_t id = rng_u32(r->rng) | 1;
	struct ike_header h = responder_header(sa, ISAKMP_INFORMATIONAL, id);

	protect_begin(b, reply->bytes, sizeof(reply->bytes), &h, sa->suite.hash);
	return id;
}

static void info_end(const struct sa *sa, struct ike_writer *b, uint32_t id,
		     struct responder_reply *reply)
{
	const struct protect_hash hash = { .number = 1 };
	uint8_t iv[PROTECT_BLOCK];

	protect_iv_phase2(&sa->keys, sa->iv, id, iv);
	reply->n = protect_finish(b, &sa->keys, &hash, id, iv).n;
}

void responder_info_notify(struct responder *r, const struct sa *sa, const struct notify_payload *n,
			   struct responder_replies *out)
{
	struct responder_reply *reply = responder_reply_new(out, sa);
	struct ike_writer b;
	uint32_t id = info_begin(r, sa, reply, &b);

	notify_write(&b, n);
	info_end(sa, &b, id, reply);
}

static void info_delete(struct responder *r, const struct sa *sa, uint8_t protocol,
			struct slice spi, struct responder_replies *out)
{
	struct responder_reply *reply = responder_reply_new(out, sa);
	struct ike_writer b;
	uint32_t id = info_begin(r, sa, reply, &b);

	delete_write(&b, protocol, spi);
	info_end(sa, &b, id, reply);
}

/* ---- main mode ---- */

static struct sa *sa_new(struct responder *r, const struct ike_msg *m)
{
	struct sa *sa = &r->sa[r->next_sa++ % SAS_MAX];

	sa_free(r, sa);
	sa->h = m->h;
	rng_fill(r->rng, sa->h.cookie_r, IKE_COOKIE_SIZE);
	return sa;
}

static void main_1(struct responder *r, struct sa *sa, const struct ike_msg *m,
		   struct slice request, struct responder_replies *out)
{
	static const struct auth_methods psk = { 1, { METHOD_PSK } };
	static const struct ike_suite foreign = { IKE_CIPHER_AES_CBC, 192, HASH_SHA2_512,
						  DH_ECP_384 };
	struct slice sai = ike_msg_body(m, PAYLOAD_SA);
	struct responder_reply *reply;
	struct ike_choice choice;
	struct sa_payload offer;
	struct ike_writer b;
	struct ike_header h;

	if (sa_payload_parse(sai, &offer) != 0 || sai.n > sizeof(sa->sai) ||
	    proposal_choose_ike(&offer, r->config.suites, r->config.nsuites, &psk, &choice) != 0) {
		if (!r->config.faults.silent)
			info_clear(r, sa, NOTIFY_NO_PROPOSAL_CHOSEN, out);
		sa_free(r, sa);
		return;
	}
	memcpy(sa->sai, sai.p, sai.n);
	sa->sai_n = sai.n;
	sa->suite = choice.suite;
	sa->natt = r->config.faults.no_natt ? NATT_NONE : vendor_natt(vendor_msg_set(m));
	if (sa->natt == NATT_RFC && r->config.faults.draft_natt)
		sa->natt = NATT_DRAFT;
	reply = responder_reply_new(out, sa);
	h = responder_header(sa, ISAKMP_MAIN, 0);
	ike_write_header(&b, reply->bytes, sizeof(reply->bytes), &h);
	if (r->config.faults.foreign_ike)
		proposal_write_ike(&b, &foreign, 1, METHOD_PSK, 3600);
	else
		proposal_write_choice(&b, &offer, choice.proposal, choice.transform, SLICE_NONE);
	if (sa->natt == NATT_RFC)
		ike_write_body(&b, PAYLOAD_VID, vendor_bytes(VENDOR_NATT_RFC));
	else if (sa->natt == NATT_DRAFT)
		ike_write_body(&b, PAYLOAD_VID, vendor_bytes(VENDOR_NATT_DRAFT_03));
	if (!r->config.faults.no_dpd)
		ike_write_body(&b, PAYLOAD_VID, vendor_bytes(VENDOR_DPD));
	reply->n = ike_write_done(&b).n;
	responder_answer_keep(&sa->answer, request, reply);
	sa->stage = SENT_2;
}

static void keys_make(struct responder *r, struct sa *sa, struct slice gxi, struct slice ni,
		      struct slice nr)
{
	uint8_t both[2 * IKE_COOKIE_SIZE];
	struct secret gxy = { 0 };

	if (dh_shared(sa->dh, gxi, &gxy) != 0)
		return;
	cookies(sa, both);
	ikev1_skeyid_psk(&sa->keys, sa->suite.hash, r->config.psk, ni, nr);
	ikev1_skeyid_derive(&sa->keys, secret_slice(&gxy), SLICE_OF(both), sa->suite.cipher,
			    sa->suite.key_bits / 8u);
	secret_free(&gxy);
	protect_iv_phase1(sa->suite.hash, gxi, dh_public(sa->dh), sa->iv);
}

static void ke_write(const struct responder *r, const struct sa *sa, struct ike_writer *b)
{
	size_t n = dh_public_size(sa->suite.group);

	ike_write_payload(b, PAYLOAD_KE);
	if (r->config.faults.bad_ke)
		wr_zero(&b->w, n);
	else if (r->config.faults.short_ke)
		wr_slice(&b->w, slice(dh_public(sa->dh).p, n - 1));
	else
		wr_slice(&b->w, dh_public(sa->dh));
}

static void main_3(struct responder *r, struct sa *sa, const struct ike_msg *m,
		   struct slice request, struct responder_replies *out)
{
	struct slice gxi = ike_msg_body(m, PAYLOAD_KE), ni = ike_msg_body(m, PAYLOAD_NONCE);
	struct responder_reply *reply;
	uint8_t nr[NONCE_SIZE];
	struct ike_writer b;
	struct ike_header h;

	if (ke_parse(gxi, sa->suite.group) != 0 || nonce_parse(ni) != 0)
		return;
	sa->dh = dh_new(sa->suite.group, r->rng);
	rng_fill(r->rng, nr, sizeof(nr));
	memcpy(sa->gxi, gxi.p, gxi.n);
	sa->gxi_n = gxi.n;
	keys_make(r, sa, gxi, ni, SLICE_OF(nr));
	reply = responder_reply_new(out, sa);
	h = responder_header(sa, ISAKMP_MAIN, 0);
	ike_write_header(&b, reply->bytes, sizeof(reply->bytes), &h);
	ke_write(r, sa, &b);
	ike_write_body(&b, PAYLOAD_NONCE, SLICE_OF(nr));
	if (sa->natt != NATT_NONE)
		natd_write(&b, sa->natt, sa->suite.hash, &h, &sa->peer,
			   r->config.faults.fake_nat ? NULL : &sa->self, r->rng);
	reply->n = ike_write_done(&b).n;
	responder_answer_keep(&sa->answer, request, reply);
	sa->stage = SENT_4;
}

static struct protect_end end_i(const struct sa *sa)
{
	return (struct protect_end){ slice(sa->gxi, sa->gxi_n), SLICE_OF(sa->h.cookie_i) };
}

static struct protect_end end_r(const struct sa *sa)
{
	return (struct protect_end){ dh_public(sa->dh), SLICE_OF(sa->h.cookie_r) };
}

static bool proof_is_right(struct responder *r, struct sa *sa, const struct ike_msg *m)
{
	struct protect_end i = end_i(sa), e = end_r(sa);
	struct slice id_b = ike_msg_body(m, PAYLOAD_ID);
	struct identity identity;
	uint8_t want[HASH_MAX];
	struct id_payload id;

	protect_hash_main(&sa->keys, &i, &e, slice(sa->sai, sa->sai_n), id_b, want);
	if (!ct_equal(ike_msg_body(m, PAYLOAD_HASH), slice(want, hash_size(sa->suite.hash))))
		return false;
	if (r->config.peer.type == ID_NONE)
		return true;
	return id_parse(id_b, &id) == 0 && id_to_identity(&id, &identity) == 0 &&
	       identity_eq(&identity, &r->config.peer);
}

static void message_6(struct responder *r, struct sa *sa, struct responder_reply *reply)
{
	struct ike_header h = responder_header(sa, ISAKMP_MAIN, 0);
	size_t at = IKE_HEADER_SIZE + IKE_GENERIC_SIZE;
	struct protect_end i = end_i(sa), e = end_r(sa);
	struct identity id = r->config.id;
	uint8_t hash[HASH_MAX];
	struct ike_writer b;

	if (id.type == ID_NONE)
		id = identity_from_addr(&sa->self.addr);
	ike_write_header(&b, reply->bytes, sizeof(reply->bytes), &h);
	id_write_identity(&b, &id, 0, 0);
	protect_hash_main(&sa->keys, &e, &i, slice(sa->sai, sa->sai_n),
			  slice(reply->bytes + at, wr_len(&b.w) - at), hash);
	if (r->config.faults.bad_hash_r)
		hash[3] ^= 1;
	ike_write_body(&b, PAYLOAD_HASH, slice(hash, hash_size(sa->suite.hash)));
	reply->n = protect_seal(&sa->keys, sa->iv, &b).n;
}

static void main_5(struct responder *r, struct sa *sa, const struct ike_msg *m,
		   struct slice request, struct responder_replies *out)
{
	uint8_t buf[IKE_MESSAGE_MAX], next[PROTECT_BLOCK];
	struct responder_reply *reply;
	struct ike_msg opened;

	if (!(m->h.flags & ISAKMP_ENCRYPTED) || sa->keys.key.n == 0)
		return;
	if (protect_open(&sa->keys, sa->iv, m, buf, &opened, next) != 0) {
		if (!r->config.faults.silent)
			info_clear(r, sa, NOTIFY_PAYLOAD_MALFORMED, out);
		return;
	}
	if (r->config.faults.refuse_identity || !proof_is_right(r, sa, &opened)) {
		memcpy(sa->iv, next, sizeof(next));
		if (!r->config.faults.silent)
			responder_info_notify(
				r, sa,
				&(struct notify_payload){ .protocol = PROTOCOL_ISAKMP,
							  .type = NOTIFY_AUTHENTICATION_FAILED },
				out);
		sa_free(r, sa);
		return;
	}
	memcpy(sa->iv, next, sizeof(next));
	reply = responder_reply_new(out, sa);
	message_6(r, sa, reply);
	responder_answer_keep(&sa->answer, request, reply);
	sa->stage = ESTABLISHED;
	r->newest = sa;
	r->established++;
}

static void main_receive(struct responder *r, struct sa *sa, const struct ike_msg *m,
			 struct slice request, struct responder_replies *out)
{
	if (responder_answer_again(&sa->answer, request, out))
		return;
	switch (sa->stage) {
	case FREE:
		main_1(r, sa, m, request, out);
		break;
	case SENT_2:
		main_3(r, sa, m, request, out);
		break;
	case SENT_4:
		main_5(r, sa, m, request, out);
		break;
	case ESTABLISHED:
		break;
	}
}

/* ---- informational ---- */

static void notify_receive(struct responder *r, struct sa *sa, struct slice body,
			   struct responder_replies *out)
{
	uint8_t both[2 * IKE_COOKIE_SIZE];
	struct notify_payload n;

	if (notify_parse(body, &n) != 0)
		return;
	cookies(sa, both);
	if (n.type == NOTIFY_R_U_THERE && !r->config.faults.no_dpd)
		responder_info_notify(r, sa,
				      &(struct notify_payload){ .protocol = PROTOCOL_ISAKMP,
								.type = NOTIFY_R_U_THERE_ACK,
								.spi = SLICE_OF(both),
								.data = n.data },
				      out);
	if (n.type == NOTIFY_R_U_THERE_ACK && n.data.n == 4) {
		r->acks++;
		r->ack = get_be32(n.data.p);
	}
}

/* True when the SA itself is gone. */
static bool delete_receive(struct responder *r, struct sa *sa, struct slice body)
{
	struct delete_payload d;

	if (delete_parse(body, &d) != 0)
		return false;
	if (d.protocol == PROTOCOL_ISAKMP) {
		sa_free(r, sa);
		return true;
	}
	for (unsigned i = 0; i < RESPONDER_CHILDREN_MAX && d.spi_size == 4; i++)
		if (r->child[i].spi_in && r->child[i].spi_out == get_be32(d.spis.p))
			responder_child_free(&r->child[i]);
	return false;
}

static void info_receive(struct responder *r, struct sa *sa, const struct ike_msg *m,
			 struct responder_replies *out)
{
	const struct protect_hash hash = { .number = 1 };
	uint8_t buf[IKE_MESSAGE_MAX], iv[PROTECT_BLOCK], next[PROTECT_BLOCK];
	struct ike_msg opened;

	if (sa->stage != ESTABLISHED || !(m->h.flags & ISAKMP_ENCRYPTED))
		return;
	protect_iv_phase2(&sa->keys, sa->iv, m->h.id, iv);
	if (protect_open(&sa->keys, iv, m, buf, &opened, next) != 0 ||
	    protect_verify(&sa->keys, &hash, &opened) != 0)
		return;
	for (unsigned i = 1; i < opened.n; i++) {
		if (opened.payload[i].type == PAYLOAD_NOTIFY)
			notify_receive(r, sa, opened.payload[i].body, out);
		else if (opened.payload[i].type == PAYLOAD_DELETE &&
			 delete_receive(r, sa, opened.payload[i].body))
			break;
	}
}

/* ---- the verbs ---- */

/* By both cookies; a message 1 has only the first, and may be a repeat. */
static struct sa *sa_find(struct responder *r, const struct ike_header *h)
{
	static const uint8_t zero[IKE_COOKIE_SIZE];
	bool first = memcmp(h->cookie_r, zero, sizeof(zero)) == 0;

	for (unsigned i = 0; i < SAS_MAX; i++) {
		struct sa *sa = &r->sa[i];

		if (sa->stage != FREE &&
		    memcmp(sa->h.cookie_i, h->cookie_i, IKE_COOKIE_SIZE) == 0 &&
		    (first || memcmp(sa->h.cookie_r, h->cookie_r, IKE_COOKIE_SIZE) == 0))
			return sa;
	}
	return NULL;
}

void responder_datagram(struct responder *r, vtime now, const struct endpoint *from,
			const struct endpoint *to, struct slice bytes,
			struct responder_replies *out)
{
	static const uint8_t zero[IKE_COOKIE_SIZE];
	struct ike_msg m;
	struct sa *sa;

	out->n = 0;
	if (ike_msg_parse(bytes, &m) != 0)
		return;
	sa = sa_find(r, &m.h);
	if (!sa && m.h.exchange == ISAKMP_MAIN && memcmp(m.h.cookie_r, zero, sizeof(zero)) == 0)
		sa = sa_new(r, &m);
	if (!sa)
		return;
	sa->peer = *from;
	sa->self = *to;
	if (m.h.exchange == ISAKMP_MAIN)
		main_receive(r, sa, &m, bytes, out);
	else if (m.h.exchange == ISAKMP_QUICK)
		responder_quick_receive(r, now, sa, &m, bytes, out);
	else if (m.h.exchange == ISAKMP_INFORMATIONAL)
		info_receive(r, sa, &m, out);
}

bool responder_established(const struct responder *r)
{
	return r->newest != NULL;
}

unsigned responder_sas(const struct responder *r)
{
	return r->established;
}

unsigned responder_acks(const struct responder *r, uint32_t *sequence)
{
	*sequence = r->ack;
	return r->acks;
}

const struct responder_child *responder_child(const struct responder *r, uint32_t spi_in)
{
	for (unsigned i = 0; i < RESPONDER_CHILDREN_MAX; i++)
		if (spi_in && r->child[i].spi_in == spi_in)
			return &r->child[i];
	return NULL;
}

const struct responder_child *responder_child_at(const struct responder *r, unsigned place)
{
	return &r->child[place];
}

const struct responder_child *responder_child_out(const struct responder *r, uint32_t spi_out)
{
	for (unsigned i = 0; i < RESPONDER_CHILDREN_MAX; i++)
		if (r->child[i].spi_in && r->child[i].spi_out == spi_out)
			return &r->child[i];
	return NULL;
}

void responder_delete_child(struct responder *r, uint32_t spi_in, struct responder_replies *out)
{
	uint8_t spi[4];

	out->n = 0;
	put_be32(spi, spi_in);
	if (r->newest)
		info_delete(r, r->newest, PROTOCOL_ESP, SLICE_OF(spi), out);
}

void responder_delete(struct responder *r, struct responder_replies *out)
{
	uint8_t both[2 * IKE_COOKIE_SIZE];

	out->n = 0;
	if (!r->newest)
		return;
	cookies(r->newest, both);
	info_delete(r, r->newest, PROTOCOL_ISAKMP, SLICE_OF(both), out);
	sa_free(r, r->newest);
}

void responder_dpd(struct responder *r, uint32_t sequence, struct responder_replies *out)
{
	uint8_t both[2 * IKE_COOKIE_SIZE], data[4];

	out->n = 0;
	if (!r->newest)
		return;
	cookies(r->newest, both);
	put_be32(data, sequence);
	responder_notify(r, NOTIFY_R_U_THERE, SLICE_OF(both), SLICE_OF(data), true, out);
}

void responder_notify(struct responder *r, uint16_t type, struct slice spi, struct slice data,
		      bool encrypted, struct responder_replies *out)
{
	out->n = 0;
	if (!r->newest)
		return;
	if (!encrypted)
		info_clear(r, r->newest, type, out);
	else
		responder_info_notify(r, r->newest,
				      &(struct notify_payload){ .protocol = PROTOCOL_ISAKMP,
								.type = type,
								.spi = spi,
								.data = data },
				      out);
}
