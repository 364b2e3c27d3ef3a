/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ike/sa.h"

/* The groups that we know have no higher numbers (RFC 5903). */
#define DH_NUMBER_MAX 21

/* Steps of the exchange: what it waits for. */
enum {
	STEP_SESSION = 1, /* the session's answer to the offer */
	STEP_3 = 2, /* the peer's last message */
};

/* ---- message 1: the offer ---- */

static bool id_keep(const struct ike_payload *p, uint8_t out[QUICK_ID_MAX], size_t *n,
		    struct ts *ts)
{
	struct id_payload id;

	if (p->body.n > QUICK_ID_MAX || id_parse(p->body, &id) != 0 || id_to_ts(&id, ts) != 0)
		return false;
	memcpy(out, p->body.p, p->body.n);
	*n = p->body.n;
	return true;
}

static bool ts_from_addr(const struct addr *a, struct ts *out)
{
	struct prefix p = { .addr = *a, .len = (uint8_t)(8 * family_size(a->family)) };

	if (a->family == FAMILY_NONE)
		return false;
	*out = ts_from_prefix(&p);
	return true;
}

/* Without IDs it is about the two ends themselves (RFC 2409 section 5.5). */
static bool ids_take(const struct ike_sa *sa, const struct ike_msg *m, struct quick_offer *offer)
{
	const struct ike_payload *ci = ike_msg_find(m, PAYLOAD_ID);
	const struct ike_payload *cr = ci ? ike_msg_find_next(m, ci) : NULL;

	offer->ids = ci;
	if (!ci)
		return ts_from_addr(&sa->path.local.addr, &offer->ts.local) &&
		       ts_from_addr(&sa->path.remote.addr, &offer->ts.remote);
	return cr && !ike_msg_find_next(m, cr) &&
	       id_keep(ci, offer->idci, &offer->idci_n, &offer->ts.remote) &&
	       id_keep(cr, offer->idcr, &offer->idcr_n, &offer->ts.local) &&
	       offer->ts.local.lo.family == offer->ts.remote.lo.family;
}

static uint32_t first_spi(const struct sa_payload *sap)
{
	for (unsigned i = 0; i < sap->nproposals; i++)
		if (sap->proposal[i].protocol == PROTOCOL_ESP && sap->proposal[i].spi.n == 4)
			return get_be32(sap->proposal[i].spi.p);
	return 0;
}

static int consume_1(struct ike_sa *sa, vtime now, struct exchange *x, const struct ike_msg *m,
		     struct ike_failure *why)
{
	struct quick_offer *offer = &v1_quick_of(x)->offer;
	struct slice body = ike_msg_body(m, PAYLOAD_SA);
	struct slice ni = ike_msg_body(m, PAYLOAD_NONCE);
	struct slice ke = ike_msg_body(m, PAYLOAD_KE);
	struct sa_payload sap;

	(void)now;
	if (nonce_parse(ni) != 0 || body.n > sizeof(offer->sa) || ke.n > sizeof(offer->ke) ||
	    (ike_msg_find(m, PAYLOAD_KE) && ke.n == 0) || sa_payload_parse(body, &sap) != 0)
		return v1_quick_fail(why, ERR_MALFORMED, "the peer's offer is malformed");
	offer->spi = first_spi(&sap);
	if (!ids_take(sa, m, offer))
		return v1_quick_fail(why, ERR_UNSUPPORTED,
				     "the peer's address ranges are not two of one family");
	memcpy(offer->sa, body.p, body.n);
	offer->sa_n = body.n;
	if (ke.n)
		memcpy(offer->ke, ke.p, ke.n);
	offer->ke_n = ke.n;
	memcpy(v1_quick_of(x)->ni, ni.p, ni.n);
	x->ni = slice(v1_quick_of(x)->ni, ni.n);
	return 0;
}

static void taken_1(struct ike_sa *sa, vtime now, struct exchange *x)
{
	struct outgoing *o = sa_push(sa, IKE_EFFECT_CHILD_OFFER);
	struct quick_mode *q = v1_quick_of(x);
	char local[TS_TEXT_MAX], remote[TS_TEXT_MAX];

	(void)now;
	q->child.id = OFFER_ID_BIT | rng_u32(sa->rng); /* other SAs make offers, too */
	log_ev(sa->log, LOG_INFO, "child offered by the peer", log_hex("spi_out", 4, q->offer.spi),
	       log_str("local", ts_text(&q->offer.ts.local, local)),
	       log_str("remote", ts_text(&q->offer.ts.remote, remote)));
	if (!o)
		return;
	o->effect.offer.id = q->child.id;
	o->effect.offer.ts = q->offer.ts;
	o->effect.offer.spi = q->offer.spi;
}

/* ---- refusing ---- */

static struct notify_payload refusal(const struct quick_mode *q, uint16_t type, uint8_t spi[4])
{
	struct notify_payload n = { .protocol = PROTOCOL_ESP, .type = type };

	put_be32(spi, q->offer.spi);
	if (q->offer.spi)
		n.spi = slice(spi, 4);
	return n;
}

/* The exchange is over; its repeats are answered with the same refusal. */
static void refuse(struct ike_sa *sa, struct quick_mode *q, uint16_t type)
{
	struct exchange *x = &q->x;
	uint8_t spi[4];
	struct notify_payload n = refusal(q, type, spi);

	dh_free(q->dh);
	q->dh = NULL;
	v1_info_build_notify(sa, &n, x);
	x->step = x->type->n;
	x->answered = true;
	exchange_complete(x);
	sa_arm(sa, x);
	q->completed = ++sa->quick_completed;
	sa_push_sent(sa, x, false);
}

static struct quick_mode *offer_find(struct ike_sa *sa, uint32_t id)
{
	for (unsigned i = 0; i < QUICK_SLOTS; i++) {
		struct quick_mode *q = &sa->quick[i];

		if (sa->state == IKE_STATE_ESTABLISHED && q->x.type == &v1_quick_r &&
		    q->x.step == STEP_SESSION && q->child.id == id)
			return q;
	}
	return NULL;
}

void v1_quick_r_refuse(struct ike_sa *sa, vtime now, uint32_t id, uint16_t notify)
{
	struct quick_mode *q = offer_find(sa, id);

	if (q && notify) {
		refuse(sa, q, notify);
	} else if (q) {
		/* Its repeats are known by their message ID, and dropped. */
		v1_quick_end(q);
		sa_arm(sa, &q->x);
		v1_quick_start_next(sa, now);
	}
}

/* ---- accepting ---- */

/* The first of our suites that the peer offers with this group. */
static bool choose_with(const struct ike_sa *sa, const struct quick_mode *q,
			const struct sa_payload *sap, enum dh_group pfs, struct esp_choice *out)
{
	const struct ike_child_config *c = q->child.config;
	struct esp_offer ours = v1_quick_offer_of(sa, q);

	ours.pfs = pfs;
	ours.n = 1;
	for (unsigned i = 0; i < c->nsuites; i++) {
		ours.suites = &c->suites[i];
		if (proposal_choose_esp(sap, &ours, out) == 0)
			return true;
	}
	return false;
}

/*
 * A public value must come exactly when the transform names its group. Who requires no PFS takes
 * any group that it knows.
 */
static bool choose(const struct ike_sa *sa, const struct quick_mode *q, struct esp_choice *out)
{
	enum dh_group want = q->child.config->pfs;
	struct sa_payload sap;

	if (sa_payload_parse(slice(q->offer.sa, q->offer.sa_n), &sap) != 0)
		return false;
	if (!q->offer.ke_n)
		return want == DH_NONE && choose_with(sa, q, &sap, DH_NONE, out);
	for (unsigned i = 1; i <= DH_NUMBER_MAX; i++) {
		enum dh_group g = (enum dh_group)i;

		if ((want == DH_NONE || want == g) && dh_public_size(g) == q->offer.ke_n &&
		    choose_with(sa, q, &sap, g, out))
			return true;
	}
	return false;
}

static int exchange_secret(struct ike_sa *sa, struct quick_mode *q, enum dh_group pfs,
			   struct secret *out)
{
	if (pfs == DH_NONE)
		return 0;
	q->dh = dh_new(pfs, sa->rng);
	return dh_shared(q->dh, slice(q->offer.ke, q->offer.ke_n), out);
}

static uint32_t shorter(uint32_t a, uint32_t b)
{
	if (a == 0 || b == 0)
		return a + b;
	return a < b ? a : b;
}

static void agree(struct ike_sa *sa, struct quick_mode *q, const struct esp_choice *choice,
		  struct slice gqm)
{
	uint32_t ours = q->child.config->keylife_s;

	q->offer.proposal = choice->proposal;
	q->offer.transform = choice->transform;
	if (ours && (!choice->lifetime_s || ours < choice->lifetime_s))
		q->offer.tell_lifetime_s = ours;
	rng_fill(sa->rng, q->nr, IKE_NONCE_SIZE);
	q->x.nr = slice(q->nr, IKE_NONCE_SIZE);
	q->up = (struct ike_child){
		.id = q->child.id,
		.spi_in = q->child.spi,
		.spi_out = choice->spi,
		.suite = choice->suite,
		.pfs = choice->pfs,
		.ts = q->offer.ts,
		.encapsulation = sa->path.encapsulation,
		.keylife_s = shorter(ours, choice->lifetime_s),
		.keylife_bytes = choice->lifetime_bytes,
	};
	v1_quick_child_keys(sa, gqm, q->x.ni, q->x.nr, &q->up);
	q->child.config = NULL; /* it was lent for the choice alone */
}

/* The peer may send on it as soon as it has read message 2. */
static void tell_ready(struct ike_sa *sa, const struct quick_mode *q)
{
	struct outgoing *o = sa_push(sa, IKE_EFFECT_CHILD_READY);

	if (!o)
		return;
	o->effect.child = q->up;
	o->effect.child.keymat_in = (struct secret){ 0 };
	o->effect.child.keymat_out = (struct secret){ 0 };
	secret_set(&o->effect.child.keymat_in, secret_slice(&q->up.keymat_in));
	secret_set(&o->effect.child.keymat_out, secret_slice(&q->up.keymat_out));
}

void v1_quick_r_accept(struct ike_sa *sa, vtime now, const struct child_request *child)
{
	struct quick_mode *q = offer_find(sa, child->id);
	struct secret gqm = { 0 };
	struct esp_choice choice;
	struct ike_failure why;

	if (!q) {
		v1_quick_fail(&why, ERR_UNEXPECTED, "the peer's offer is over");
		v1_quick_child_failed(sa, child->id, &why);
		return;
	}
	q->child = *child;
	if (!choose(sa, q, &choice)) {
		v1_quick_fail(&why, ERR_NO_PROPOSAL, "the peer offers none of our proposals");
		refuse(sa, q, NOTIFY_NO_PROPOSAL_CHOSEN);
		v1_quick_child_failed(sa, child->id, &why);
	} else if (exchange_secret(sa, q, choice.pfs, &gqm) != 0) {
		v1_quick_fail(&why, ERR_BAD_KEY, "the peer's public value is not valid");
		refuse(sa, q, NOTIFY_INVALID_KEY_INFORMATION);
		v1_quick_child_failed(sa, child->id, &why);
	} else {
		agree(sa, q, &choice, secret_slice(&gqm));
		tell_ready(sa, q);
		sa_exchange_send(sa, now, &q->x);
	}
	secret_free(&gqm);
}

/* ---- messages 2 and 3 ---- */

static void build_2(struct ike_sa *sa, struct exchange *x, struct ike_writer *b)
{
	struct quick_mode *q = v1_quick_of(x);
	const struct quick_offer *offer = &q->offer;
	struct sa_payload sap;
	uint8_t spi[4];

	(void)sa;
	put_be32(spi, q->child.spi);
	if (sa_payload_parse(slice(offer->sa, offer->sa_n), &sap) != 0) {
		b->w.bad = true;
		return;
	}
	proposal_write_choice(b, &sap, offer->proposal, offer->transform, SLICE_OF(spi));
	ike_write_body(b, PAYLOAD_NONCE, x->nr);
	if (q->dh)
		ike_write_body(b, PAYLOAD_KE, dh_public(q->dh));
	if (offer->ids) {
		ike_write_body(b, PAYLOAD_ID, slice(offer->idci, offer->idci_n));
		ike_write_body(b, PAYLOAD_ID, slice(offer->idcr, offer->idcr_n));
	}
	if (offer->tell_lifetime_s)
		notify_write_lifetime(b, PROTOCOL_ESP, SLICE_OF(spi), offer->tell_lifetime_s);
}

static int consume_3(struct ike_sa *sa, vtime now, struct exchange *x, const struct ike_msg *m,
		     struct ike_failure *why)
{
	(void)sa;
	(void)now;
	(void)x;
	(void)m;
	(void)why;
	return 0; /* its HASH, which has been verified, is all there is in it */
}

static uint16_t notify_of(int err)
{
	if (err == ERR_UNSUPPORTED)
		return NOTIFY_INVALID_ID_INFORMATION;
	return NOTIFY_PAYLOAD_MALFORMED;
}

static void lost(struct ike_sa *sa, vtime now, struct exchange *x, const struct ike_failure *why)
{
	struct quick_mode *q = v1_quick_of(x);
	uint32_t id = q->child.id;
	uint8_t spi[4];

	put_be32(spi, q->child.spi);
	if (x->step < STEP_SESSION) {
		log_ev(sa->log, LOG_WARN, "offer of the peer refused", log_str("why", why->text));
		refuse(sa, q, notify_of(why->err));
		return;
	}
	/* The peer may have sent message 3 and believe that all is well. */
	if (x->step == STEP_3)
		v1_info_send_delete(sa, PROTOCOL_ESP, SLICE_OF(spi));
	v1_quick_end(q);
	sa_arm(sa, x);
	v1_quick_child_failed(sa, id, why);
	v1_quick_start_next(sa, now);
}

static const struct exchange_message messages[] = {
	{
		.encrypted = true,
		.hash = 1,
		.required = PAYLOAD_BIT(PAYLOAD_HASH) | PAYLOAD_BIT(PAYLOAD_SA) |
			    PAYLOAD_BIT(PAYLOAD_NONCE),
		.optional = PAYLOAD_BIT(PAYLOAD_KE),
		.many = PAYLOAD_BIT(PAYLOAD_ID) | PAYLOAD_BIT(PAYLOAD_NOTIFY) |
			PAYLOAD_BIT(PAYLOAD_VID) | PAYLOAD_BIT(PAYLOAD_NAT_OA) |
			PAYLOAD_BIT_NAT_OA_DRAFT,
		.consume = consume_1,
		.taken = taken_1,
	},
	{
		.encrypted = true,
		.hash = 2,
		.build = build_2,
		.silence = "the peer's offer was not answered in time",
	},
	{
		.encrypted = true,
		.hash = 3,
		.required = PAYLOAD_BIT(PAYLOAD_HASH),
		.many = PAYLOAD_BIT(PAYLOAD_NOTIFY),
		.consume = consume_3,
		.silence = "the peer does not go on with the tunnel that it asked for",
	},
};

const struct exchange_type v1_quick_r = {
	.name = "quick mode",
	.number = ISAKMP_QUICK,
	.n = ARRAY_SIZE(messages),
	.message = messages,
	.done = v1_quick_done,
	.lost = lost,
};

/* ---- receiving ---- */

static unsigned offers_in_air(const struct ike_sa *sa)
{
	unsigned n = 0;

	for (unsigned i = 0; i < QUICK_SLOTS; i++)
		n += sa->quick[i].x.type == &v1_quick_r && exchange_in_air(&sa->quick[i].x);
	return n;
}

void v1_quick_r_receive(struct ike_sa *sa, vtime now, const struct ike_msg *m, struct slice bytes)
{
	uint8_t buf[IKE_MESSAGE_MAX];
	struct ike_msg opened;
	struct quick_mode *q;

	if (sa->state != IKE_STATE_ESTABLISHED || m->h.id == 0) {
		sa_drop(sa, DROP_IKE_UNEXPECTED);
	} else if (!(m->h.flags & ISAKMP_ENCRYPTED)) {
		sa_drop(sa, DROP_IKE_UNPROTECTED);
	} else if (!v1_info_open(sa, sa->last_block, m, buf, &opened)) {
		sa_drop(sa, DROP_IKE_AUTH);
	} else if (offers_in_air(sa) == OFFERS_MAX) {
		sa_drop(sa, DROP_IKE_UNEXPECTED); /* not remembered: it will come again */
	} else if (sa_seen(sa, m->h.id)) {
		sa_drop(sa, DROP_IKE_DUPLICATE);
	} else {
		q = v1_quick_slot(sa);
		exchange_begin(&q->x, &v1_quick_r, m->h.id, now, sa->config->timeout);
		protect_iv_phase2(&sa->keys, sa->last_block, m->h.id, q->x.iv);
		sa_exchange_receive(sa, now, &q->x, m, bytes);
	}
}
