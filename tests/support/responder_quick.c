/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/support/responder_state.h"

#define RESEND_FIRST VTIME_S
#define RESEND_LONGEST (2 * VTIME_S)
#define RESEND_TIMES 30

static bool ids_read(const struct responder *r, const struct ike_msg *m, struct ts_pair *ts)
{
	const struct ike_payload *ci = ike_msg_find(m, PAYLOAD_ID);
	const struct ike_payload *cr = ci ? ike_msg_find_next(m, ci) : NULL;
	struct id_payload id;

	if (!cr || id_parse(ci->body, &id) != 0 || id_to_ts(&id, &ts->remote) != 0 ||
	    id_parse(cr->body, &id) != 0 || id_to_ts(&id, &ts->local) != 0)
		return false;
	return r->config.ts.local.lo.family == FAMILY_NONE ||
	       (ts_covers(&r->config.ts.local, &ts->local) &&
		ts_covers(&r->config.ts.remote, &ts->remote));
}

static struct responder_child *child_new(struct responder *r)
{
	for (unsigned i = 0; i < RESPONDER_CHILDREN_MAX; i++)
		if (r->child[i].spi_in == 0)
			return &r->child[i];
	responder_child_free(&r->child[0]);
	return &r->child[0];
}

static void quick_refuse(struct responder *r, const struct sa *sa, uint16_t type, uint32_t spi,
			 struct responder_replies *out)
{
	uint8_t bytes[4];

	put_be32(bytes, spi);
	if (!r->config.faults.silent)
		responder_info_notify(r, sa,
				      &(struct notify_payload){ .protocol = PROTOCOL_ESP,
								.type = type,
								.spi = spi ? SLICE_OF(bytes) :
									     SLICE_NONE },
				      out);
}

static bool quick_secret(struct responder *r, const struct esp_choice *choice,
			 const struct ike_msg *m, struct dh **dh, struct secret *gqm)
{
	struct slice ke = ike_msg_body(m, PAYLOAD_KE);

	*dh = NULL;
	if (choice->pfs == DH_NONE)
		return ke.n == 0;
	*dh = dh_new(choice->pfs, r->rng);
	return ke_parse(ke, choice->pfs) == 0 && dh_shared(*dh, ke, gqm) == 0;
}

static bool quick_choose(const struct responder *r, const struct sa_payload *offer,
			 struct esp_choice *choice)
{
	static const enum dh_group groups[] = { DH_NONE,      DH_MODP_1024, DH_MODP_1536,
						DH_MODP_2048, DH_MODP_3072, DH_MODP_4096,
						DH_ECP_256,   DH_ECP_384,   DH_ECP_521 };
	struct esp_offer ours = { .suites = r->config.esp, .n = r->config.nesp };

	for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
		ours.pfs = groups[i];
		if ((r->config.pfs_any || groups[i] == r->config.pfs) &&
		    proposal_choose_esp(offer, &ours, choice) == 0)
			return true;
	}
	return false;
}

static void quick_ids_write(const struct responder *r, struct ike_writer *b,
			    const struct ts_pair *ts)
{
	struct ts wide = ts->local;

	if (r->config.faults.no_ids)
		return;
	id_write_ts(b, &ts->remote);
	if (r->config.faults.one_id)
		return;
	wide.lo.b[0] = 0;
	id_write_ts(b, r->config.faults.wide_ids ? &wide : &ts->local);
}

/* RFC 3947 section 5.2; tunnel mode has no use for them. */
static void nat_oa_write(const struct responder *r, struct ike_writer *b)
{
	static const uint8_t original[] = { ID_IPV4_ADDR, 0, 0, 0, 192, 168, 1, 2 };

	for (unsigned i = 0; i < 4 && r->config.faults.nat_oa; i++)
		ike_write_body(b, i < 2 ? PAYLOAD_NAT_OA : PAYLOAD_NAT_OA_DRAFT,
			       SLICE_OF(original));
}

static void lifetime_write(const struct responder *r, struct ike_writer *b)
{
	uint8_t data[16];
	struct wr w;

	if (!r->config.faults.notify_lifetime_s)
		return;
	wr_init(&w, data, sizeof(data));
	sa_attribute_write(&w, 1, 1);
	sa_attribute_write(&w, 2, r->config.faults.notify_lifetime_s);
	notify_write(b, &(struct notify_payload){ .protocol = PROTOCOL_ESP,
						  .type = NOTIFY_RESPONDER_LIFETIME,
						  .data = wr_done(&w) });
}

static void quick_sa_write(const struct responder *r, struct ike_writer *b,
			   const struct sa_payload *offer, const struct esp_choice *choice,
			   uint32_t spi)
{
	static const struct esp_suite foreign = { ESP_CIPHER_AES_CBC, 192, ESP_INTEG_HMAC_SHA1_96 };
	uint8_t bytes[4];

	put_be32(bytes, spi);
	if (r->config.faults.foreign_esp)
		proposal_write_esp(
			b, &(struct esp_offer){
				   .suites = &foreign, .n = 1, .mode = choice->mode, .spi = spi });
	else
		proposal_write_choice(b, offer, choice->proposal, choice->transform,
				      SLICE_OF(bytes));
}

static void quick_2(struct responder *r, struct sa *sa, struct quick *q,
		    const struct sa_payload *offer, const struct esp_choice *choice,
		    const struct responder_child *c, const struct dh *dh,
		    struct responder_reply *reply)
{
	struct ike_header h = responder_header(sa, ISAKMP_QUICK, q->id);
	struct protect_hash hash = { 2, slice(q->ni, q->ni_n), SLICE_NONE };
	static const uint8_t zeros[64];
	struct ike_writer b;

	if (r->config.faults.bad_hash_2)
		hash.number = 1;
	protect_begin(&b, reply->bytes, sizeof(reply->bytes), &h, sa->suite.hash);
	quick_sa_write(r, &b, offer, choice, c->spi_in);
	ike_write_body(&b, PAYLOAD_NONCE, SLICE_OF(q->nr));
	if (dh)
		ike_write_body(&b, PAYLOAD_KE, dh_public(dh));
	else if (r->config.faults.extra_ke)
		ike_write_body(&b, PAYLOAD_KE, SLICE_OF(zeros));
	quick_ids_write(r, &b, &c->ts);
	nat_oa_write(r, &b);
	lifetime_write(r, &b);
	reply->n = protect_finish(&b, &sa->keys, &hash, q->id, q->iv).n;
}

static void child_make(struct responder *r, const struct sa *sa, struct quick *q,
		       const struct esp_choice *choice, const struct ts_pair *ts, struct slice gqm,
		       struct responder_child *c)
{
	struct slice ni = slice(q->ni, q->ni_n), nr = SLICE_OF(q->nr);
	size_t n = esp_suite_keymat(&choice->suite);

	c->spi_in = rng_u32(r->rng) | 0x80000000;
	c->spi_out = choice->spi;
	c->suite = choice->suite;
	c->pfs = choice->pfs;
	c->mode = choice->mode;
	c->ts = *ts;
	ikev1_keymat(&sa->keys, gqm, PROTOCOL_ESP, c->spi_in, ni, nr, &c->keymat_in, n);
	ikev1_keymat(&sa->keys, gqm, PROTOCOL_ESP, c->spi_out, ni, nr, &c->keymat_out, n);
	q->child_spi = c->spi_in;
}

static void quick_answer(struct responder *r, vtime now, struct sa *sa, struct quick *q,
			 const struct ike_msg *m, struct slice request,
			 struct responder_replies *out)
{
	struct slice ni = ike_msg_body(m, PAYLOAD_NONCE);
	struct responder_reply *reply;
	struct responder_child *c;
	struct secret gqm = { 0 };
	struct esp_choice choice;
	struct sa_payload offer;
	struct ts_pair ts;
	struct dh *dh;

	if (nonce_parse(ni) != 0 || sa_payload_parse(ike_msg_body(m, PAYLOAD_SA), &offer) != 0)
		return;
	if (!quick_choose(r, &offer, &choice)) {
		uint32_t spi = offer.proposal[0].spi.n == 4 ? get_be32(offer.proposal[0].spi.p) : 0;

		quick_refuse(r, sa, NOTIFY_NO_PROPOSAL_CHOSEN, spi, out);
		return;
	}
	if (!ids_read(r, m, &ts)) {
		quick_refuse(r, sa, NOTIFY_INVALID_ID_INFORMATION, 0, out);
		return;
	}
	if (r->config.faults.narrow_ids)
		ts.local.hi = ts.local.lo;
	memcpy(q->ni, ni.p, ni.n);
	q->ni_n = ni.n;
	rng_fill(r->rng, q->nr, sizeof(q->nr));
	if (quick_secret(r, &choice, m, &dh, &gqm)) {
		c = child_new(r);
		child_make(r, sa, q, &choice, &ts, secret_slice(&gqm), c);
		reply = responder_reply_new(out, sa);
		quick_2(r, sa, q, &offer, &choice, c, dh, reply);
		responder_answer_keep(&q->answer, request, reply);
		q->resend_at = vtime_add(now, RESEND_FIRST);
	}
	secret_free(&gqm);
	dh_free(dh);
}

static struct quick *quick_find(struct sa *sa, uint32_t id)
{
	for (unsigned i = 0; i < QUICKS_MAX; i++)
		if (sa->quick[i].used && sa->quick[i].id == id)
			return &sa->quick[i];
	return NULL;
}

static void quick_confirm(struct responder *r, struct sa *sa, struct quick *q,
			  const struct ike_msg *m)
{
	struct protect_hash hash = { 3, slice(q->ni, q->ni_n), SLICE_OF(q->nr) };
	uint8_t buf[IKE_MESSAGE_MAX], next[PROTECT_BLOCK];
	struct ike_msg opened;

	if (q->confirmed || protect_open(&sa->keys, q->iv, m, buf, &opened, next) != 0 ||
	    protect_verify(&sa->keys, &hash, &opened) != 0)
		return;
	q->confirmed = true;
	for (unsigned i = 0; i < RESPONDER_CHILDREN_MAX; i++)
		if (r->child[i].spi_in == q->child_spi)
			r->child[i].up = true;
}

void responder_quick_receive(struct responder *r, vtime now, struct sa *sa, const struct ike_msg *m,
			     struct slice request, struct responder_replies *out)
{
	const struct protect_hash hash = { .number = 1 };
	struct quick *q = quick_find(sa, m->h.id);
	uint8_t buf[IKE_MESSAGE_MAX], iv[PROTECT_BLOCK], next[PROTECT_BLOCK];
	struct ike_msg opened;

	if (sa->stage != ESTABLISHED)
		return;
	if (q) {
		if (!responder_answer_again(&q->answer, request, out))
			quick_confirm(r, sa, q, m);
		return;
	}
	protect_iv_phase2(&sa->keys, sa->iv, m->h.id, iv);
	if (protect_open(&sa->keys, iv, m, buf, &opened, next) != 0 ||
	    protect_verify(&sa->keys, &hash, &opened) != 0)
		return;
	q = &sa->quick[sa->next_quick++ % QUICKS_MAX];
	memset(q, 0, sizeof(*q));
	q->used = true;
	q->id = m->h.id;
	q->resend_at = VTIME_NEVER;
	memcpy(q->iv, next, sizeof(next));
	quick_answer(r, now, sa, q, &opened, request, out);
}

/* ---- time ---- */

static bool quick_waits(const struct quick *q)
{
	return q->used && q->answer.there && !q->confirmed && q->resent < RESEND_TIMES;
}

vtime responder_deadline(const struct responder *r)
{
	vtime at = VTIME_NEVER;

	for (unsigned i = 0; i < SAS_MAX; i++)
		for (unsigned k = 0; k < QUICKS_MAX; k++)
			if (quick_waits(&r->sa[i].quick[k]))
				at = vtime_min(at, r->sa[i].quick[k].resend_at);
	return at;
}

void responder_timeout(struct responder *r, vtime now, struct responder_replies *out)
{
	out->n = 0;
	for (unsigned i = 0; i < SAS_MAX; i++) {
		for (unsigned k = 0; k < QUICKS_MAX; k++) {
			struct quick *q = &r->sa[i].quick[k];

			if (!quick_waits(q) || q->resend_at > now ||
			    out->n == RESPONDER_REPLIES_MAX)
				continue;
			q->resend_at = vtime_add(now, vtime_min(RESEND_FIRST << ++q->resent,
								RESEND_LONGEST));
			out->reply[out->n++] = q->answer.reply;
		}
	}
}
