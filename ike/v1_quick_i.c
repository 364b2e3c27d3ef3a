/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ike/sa.h"

/* ---- message 1 ---- */

static void build_1(struct ike_sa *sa, struct exchange *x, struct ike_writer *b)
{
	struct quick_mode *q = v1_quick_of(x);
	struct esp_offer offer = v1_quick_offer_of(sa, q);

	rng_fill(sa->rng, q->ni, IKE_NONCE_SIZE);
	proposal_write_esp(b, &offer);
	ike_write_body(b, PAYLOAD_NONCE, x->ni);
	if (offer.pfs != DH_NONE) {
		q->dh = dh_new(offer.pfs, sa->rng);
		ike_write_body(b, PAYLOAD_KE, dh_public(q->dh));
	}
	id_write_ts(b, &q->child.config->ts.local);
	id_write_ts(b, &q->child.config->ts.remote);
}

/* ---- message 2 ---- */

/*
 * IKEv1 knows of no narrowing, yet there are responders that answer with a part of what we asked
 * for: that is what is agreed then. Without IDs it is what we asked for. False: neither.
 */
static bool ids_take(const struct ike_msg *m, const struct ts_pair *ours, struct ts_pair *out)
{
	const struct ike_payload *ci = ike_msg_find(m, PAYLOAD_ID);
	const struct ike_payload *cr = ci ? ike_msg_find_next(m, ci) : NULL;
	struct id_payload id;

	*out = *ours;
	if (!ci)
		return true;
	if (!cr || ike_msg_find_next(m, cr))
		return false;
	if (id_parse(ci->body, &id) != 0 || id_to_ts(&id, &out->local) != 0)
		return false;
	if (id_parse(cr->body, &id) != 0 || id_to_ts(&id, &out->remote) != 0)
		return false;
	return ts_covers(&ours->local, &out->local) && ts_covers(&ours->remote, &out->remote);
}

static uint64_t shorter(uint64_t a, uint64_t b)
{
	if (a == 0 || b == 0)
		return a + b;
	return a < b ? a : b;
}

/* What the SA payload says, the peer's RESPONDER-LIFETIME, and ours: the shortest. */
static void lifetimes(const struct ike_msg *m, const struct esp_choice *choice, uint32_t ours,
		      struct ike_child *child)
{
	child->keylife_s = (uint32_t)shorter(ours, choice->lifetime_s);
	child->keylife_bytes = choice->lifetime_bytes;
	for (const struct ike_payload *p = ike_msg_find(m, PAYLOAD_NOTIFY); p;
	     p = ike_msg_find_next(m, p)) {
		struct notify_payload n;
		uint32_t seconds;
		uint64_t bytes;

		if (notify_parse(p->body, &n) != 0 || n.type != NOTIFY_RESPONDER_LIFETIME)
			continue;
		notify_lifetime(n.data, PROTOCOL_ESP, &seconds, &bytes);
		child->keylife_s = (uint32_t)shorter(child->keylife_s, seconds);
		child->keylife_bytes = shorter(child->keylife_bytes, bytes);
	}
}

static int exchange_secret(struct quick_mode *q, const struct ike_payload *ke, struct secret *out,
			   struct ike_failure *why)
{
	if (!q->dh != !ke)
		return v1_quick_fail(why, ERR_NO_PROPOSAL,
				     "the gateway and we do not agree on perfect forward secrecy");
	if (!ke)
		return 0;
	if (ke_parse(ke->body, dh_get_group(q->dh)) != 0 || dh_shared(q->dh, ke->body, out) != 0)
		return v1_quick_fail(why, ERR_BAD_KEY, "the gateway's public value is not valid");
	return 0;
}

static int consume_2(struct ike_sa *sa, vtime now, struct exchange *x, const struct ike_msg *m,
		     struct ike_failure *why)
{
	struct quick_mode *q = v1_quick_of(x);
	const struct ike_child_config *c = q->child.config;
	struct slice nr = ike_msg_body(m, PAYLOAD_NONCE);
	struct esp_offer offer = v1_quick_offer_of(sa, q);
	struct secret gqm = { 0 };
	struct esp_choice choice;
	struct sa_payload sap;
	struct ike_child child;
	struct ts_pair ts;

	(void)now;
	if (nonce_parse(nr) != 0 || sa_payload_parse(ike_msg_body(m, PAYLOAD_SA), &sap) != 0)
		return v1_quick_fail(why, ERR_MALFORMED, "the gateway's answer is malformed");
	if (proposal_check_esp(&sap, &offer, &choice) != 0)
		return v1_quick_fail(why, ERR_NO_PROPOSAL,
				     "the gateway chose a proposal we did not make");
	if (!ids_take(m, &c->ts, &ts))
		return v1_quick_fail(
			why, ERR_NO_PROPOSAL,
			"the gateway answers with other address ranges than we asked for");
	if (exchange_secret(q, ike_msg_find(m, PAYLOAD_KE), &gqm, why) != 0)
		return why->err;
	child = (struct ike_child){
		.id = q->child.id,
		.spi_in = q->child.spi,
		.spi_out = choice.spi,
		.suite = choice.suite,
		.pfs = choice.pfs,
		.ts = ts,
		.encapsulation = sa->path.encapsulation,
	};
	lifetimes(m, &choice, c->keylife_s, &child);
	v1_quick_child_keys(sa, secret_slice(&gqm), x->ni, nr, &child);
	secret_free(&gqm);
	memcpy(q->nr, nr.p, nr.n);
	x->nr = slice(q->nr, nr.n);
	q->up = child;
	return 0;
}

/* ---- starting and ending ---- */

static void start(struct ike_sa *sa, vtime now, const struct child_request *child)
{
	struct quick_mode *q = v1_quick_slot(sa);
	uint32_t id = sa_message_id(sa);

	q->child = *child;
	q->begun = ++sa->quick_begun;
	exchange_begin(&q->x, &v1_quick_i, id, now, sa->config->timeout);
	q->x.ni = slice(q->ni, IKE_NONCE_SIZE);
	protect_iv_phase2(&sa->keys, sa->last_block, id, q->x.iv);
	sa_exchange_send(sa, now, &q->x);
}

static bool may_start(const struct ike_sa *sa, vtime now)
{
	unsigned under_way = 0;

	for (unsigned i = 0; i < QUICK_SLOTS; i++) {
		const struct quick_mode *q = &sa->quick[i];

		if (q->x.type != &v1_quick_i)
			continue;
		if (exchange_in_air(&q->x) && sa->quick_begun - q->begun >= QUICK_UNDER_WAY_MAX)
			return false;
		under_way += exchange_in_air(&q->x) || q->settled_at > now;
	}
	return sa->state == IKE_STATE_ESTABLISHED && under_way < QUICK_UNDER_WAY_MAX;
}

static vtime next_settled(const struct ike_sa *sa, vtime now)
{
	vtime at = VTIME_NEVER;

	for (unsigned i = 0; i < QUICK_SLOTS; i++)
		if (sa->quick[i].settled_at > now)
			at = vtime_min(at, sa->quick[i].settled_at);
	return at;
}

void v1_quick_start_next(struct ike_sa *sa, vtime now)
{
	while (sa->nrequests && may_start(sa, now)) {
		struct child_request child = sa->request[0];

		sa->nrequests--;
		memmove(sa->request, sa->request + 1, sa->nrequests * sizeof(sa->request[0]));
		start(sa, now, &child);
	}
	timers_set(&sa->timers, IKE_T_SETTLED, sa->nrequests ? next_settled(sa, now) : VTIME_NEVER);
}

static void lost(struct ike_sa *sa, vtime now, struct exchange *x, const struct ike_failure *why)
{
	struct quick_mode *q = v1_quick_of(x);
	uint32_t id = q->child.id;

	v1_quick_end(q);
	sa_arm(sa, x);
	v1_quick_child_failed(sa, id, why);
	v1_quick_start_next(sa, now);
}

static const struct exchange_message messages[] = {
	{ .encrypted = true, .hash = 1, .build = build_1 },
	{
		.encrypted = true,
		.hash = 2,
		.required = PAYLOAD_BIT(PAYLOAD_HASH) | PAYLOAD_BIT(PAYLOAD_SA) |
			    PAYLOAD_BIT(PAYLOAD_NONCE),
		.optional = PAYLOAD_BIT(PAYLOAD_KE),
		.many = PAYLOAD_BIT(PAYLOAD_ID) | PAYLOAD_BIT(PAYLOAD_NOTIFY) |
			PAYLOAD_BIT(PAYLOAD_VID) | PAYLOAD_BIT(PAYLOAD_NAT_OA) |
			PAYLOAD_BIT_NAT_OA_DRAFT,
		.consume = consume_2,
		.silence = "the gateway does not answer the request for a tunnel",
	},
	/* Its HASH is all there is in it. */
	{ .encrypted = true, .hash = 3 },
};

const struct exchange_type v1_quick_i = {
	.name = "quick mode",
	.number = ISAKMP_QUICK,
	.n = ARRAY_SIZE(messages),
	.message = messages,
	.done = v1_quick_done,
	.lost = lost,
};

void v1_quick_request(struct ike_sa *sa, vtime now, const struct child_request *child)
{
	struct ike_failure why;

	if (sa->state != IKE_STATE_ESTABLISHED) {
		v1_quick_fail(&why, ERR_UNEXPECTED, "there is no connection to the gateway");
		v1_quick_child_failed(sa, child->id, &why);
	} else if (sa->nrequests == CHILD_REQUESTS_MAX) {
		v1_quick_fail(&why, ERR_NO_ROOM, "too many tunnels at once");
		v1_quick_child_failed(sa, child->id, &why);
	} else {
		sa->request[sa->nrequests++] = *child;
		v1_quick_start_next(sa, now);
	}
}

bool v1_quick_unqueue(struct ike_sa *sa, uint32_t spi)
{
	for (unsigned i = 0; i < sa->nrequests; i++) {
		if (sa->request[i].spi != spi)
			continue;
		sa->nrequests--;
		memmove(sa->request + i, sa->request + i + 1,
			(sa->nrequests - i) * sizeof(sa->request[0]));
		return true;
	}
	return false;
}
