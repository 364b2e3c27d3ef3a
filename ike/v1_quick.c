/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ike/sa.h"

static int fail(struct ike_failure *why, int err, const char *text)
{
	*why = (struct ike_failure){
		.err = err, .authentic = true, .during = v1_quick.name, .text = text
	};
	return err;
}

/* x is the first member of its quick mode. */
static struct quick_mode *quick_of(struct exchange *x)
{
	return (struct quick_mode *)x;
}

static struct esp_offer offer_of(const struct ike_sa *sa, const struct quick_mode *q)
{
	const struct ike_child_config *c = q->child.config;

	return (struct esp_offer){
		.suites = c->suites,
		.n = c->nsuites,
		.pfs = c->pfs,
		.mode = sa->main.natt == NATT_DRAFT ? MODE_UDP_TUNNEL_DRAFT : MODE_UDP_TUNNEL,
		.spi = q->child.spi,
		.lifetime_s = c->keylife_s,
	};
}

/* ---- message 1 ---- */

static void build_1(struct ike_sa *sa, struct exchange *x, struct ike_writer *b)
{
	struct quick_mode *q = quick_of(x);
	struct esp_offer offer = offer_of(sa, q);

	rng_fill(sa->rng, q->ni, sizeof(q->ni));
	proposal_write_esp(b, &offer);
	ike_write_body(b, PAYLOAD_NONCE, SLICE_OF(q->ni));
	if (offer.pfs != DH_NONE) {
		q->dh = dh_new(offer.pfs, sa->rng);
		ike_write_body(b, PAYLOAD_KE, dh_public(q->dh));
	}
	id_write_ts(b, &q->child.config->ts.local);
	id_write_ts(b, &q->child.config->ts.remote);
}

/* ---- message 2 ---- */

/* IKEv1 has no narrowing: what we asked for, or nothing. */
static bool ids_are_ours(const struct ike_msg *m, const struct ts_pair *ours)
{
	const struct ike_payload *ci = ike_msg_find(m, PAYLOAD_ID);
	const struct ike_payload *cr = ci ? ike_msg_find_next(m, ci) : NULL;
	struct id_payload id;
	struct ts local, remote;

	if (!cr || ike_msg_find_next(m, cr))
		return false;
	if (id_parse(ci->body, &id) != 0 || id_to_ts(&id, &local) != 0)
		return false;
	if (id_parse(cr->body, &id) != 0 || id_to_ts(&id, &remote) != 0)
		return false;
	return ts_eq(&local, &ours->local) && ts_eq(&remote, &ours->remote);
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
		return fail(why, ERR_NO_PROPOSAL,
			    "the gateway and we do not agree on perfect forward secrecy");
	if (!ke)
		return 0;
	if (ke_parse(ke->body, dh_get_group(q->dh)) != 0 || dh_shared(q->dh, ke->body, out) != 0)
		return fail(why, ERR_BAD_KEY, "the gateway's public value is not valid");
	return 0;
}

static void child_keys(const struct ike_sa *sa, const struct quick_mode *q, struct slice gqm,
		       struct slice nr, struct ike_child *child)
{
	size_t n = esp_suite_keymat(&child->suite);
	struct slice ni = SLICE_OF(q->ni);

	ikev1_keymat(&sa->keys, gqm, PROTOCOL_ESP, child->spi_in, ni, nr, &child->keymat_in, n);
	ikev1_keymat(&sa->keys, gqm, PROTOCOL_ESP, child->spi_out, ni, nr, &child->keymat_out, n);
}

static void child_up(struct ike_sa *sa, struct ike_child *child)
{
	struct outgoing *o = sa_push(sa, IKE_EFFECT_CHILD_UP);
	char local[TS_TEXT_MAX], remote[TS_TEXT_MAX], suite[40];

	for (unsigned i = 0; i < CHILDREN_MAX; i++) {
		if (sa->child[i].spi_in == 0) {
			sa->child[i] = (struct child_ref){ .spi_in = child->spi_in,
							   .spi_out = child->spi_out };
			break;
		}
	}
	log_ev(sa->log, LOG_INFO, "child up", log_hex("spi_in", 4, child->spi_in),
	       log_hex("spi_out", 4, child->spi_out),
	       log_str("local", ts_text(&child->ts.local, local)),
	       log_str("remote", ts_text(&child->ts.remote, remote)),
	       log_str("suite", esp_suite_name(&child->suite, suite)),
	       log_str("pfs", child->pfs ? dh_group_name(child->pfs) : "no"),
	       log_u64("keylife", child->keylife_s));
	if (o)
		o->effect.child = *child;
	else
		ike_child_free(child);
	*child = (struct ike_child){ 0 };
}

static int consume_2(struct ike_sa *sa, vtime now, struct exchange *x, const struct ike_msg *m,
		     struct ike_failure *why)
{
	struct quick_mode *q = quick_of(x);
	const struct ike_child_config *c = q->child.config;
	struct slice nr = ike_msg_body(m, PAYLOAD_NONCE);
	struct esp_offer offer = offer_of(sa, q);
	struct secret gqm = { 0 };
	struct esp_choice choice;
	struct sa_payload sap;
	struct ike_child child;

	(void)now;
	if (nonce_parse(nr) != 0 || sa_payload_parse(ike_msg_body(m, PAYLOAD_SA), &sap) != 0)
		return fail(why, ERR_MALFORMED, "the gateway's answer is malformed");
	if (proposal_check_esp(&sap, &offer, &choice) != 0)
		return fail(why, ERR_NO_PROPOSAL, "the gateway chose a proposal we did not make");
	if (!ids_are_ours(m, &c->ts))
		return fail(why, ERR_PEER_REFUSED,
			    "the gateway changed the address ranges; that is not supported (yet)");
	if (exchange_secret(q, ike_msg_find(m, PAYLOAD_KE), &gqm, why) != 0)
		return why->err;
	child = (struct ike_child){
		.id = q->child.id,
		.spi_in = q->child.spi,
		.spi_out = choice.spi,
		.suite = choice.suite,
		.pfs = choice.pfs,
		.ts = c->ts,
		.encapsulation = ENCAPSULATION_UDP,
	};
	lifetimes(m, &choice, c->keylife_s, &child);
	child_keys(sa, q, secret_slice(&gqm), nr, &child);
	secret_free(&gqm);
	memcpy(q->nr, nr.p, nr.n);
	x->nr = slice(q->nr, nr.n);
	q->up = child;
	return 0;
}

/* ---- starting and ending ---- */

static unsigned in_air(const struct ike_sa *sa)
{
	unsigned n = 0;

	for (unsigned i = 0; i < QUICK_SLOTS; i++)
		n += exchange_in_air(&sa->quick[i].x);
	return n;
}

void v1_quick_end(struct quick_mode *q)
{
	dh_free(q->dh);
	ike_child_free(&q->up);
	wipe(q, sizeof(*q));
	exchange_end(&q->x);
}

/*
 * A slot not in use, or the complete one that is so for the longest time. Never the one completed
 * last: its message 3 may still be in the outbox.
 */
static struct quick_mode *slot(struct ike_sa *sa)
{
	struct quick_mode *best = NULL;

	for (unsigned i = 0; i < QUICK_SLOTS; i++) {
		struct quick_mode *q = &sa->quick[i];

		if (!q->x.type)
			return q;
		if (!exchange_in_air(&q->x) && (!best || q->completed < best->completed))
			best = q;
	}
	return best;
}

static void start(struct ike_sa *sa, vtime now, const struct child_request *child)
{
	struct quick_mode *q = slot(sa);
	uint32_t id = sa_message_id(sa);

	v1_quick_end(q);
	q->child = *child;
	q->begun = ++sa->quick_begun;
	exchange_begin(&q->x, &v1_quick, id, now, sa->config->timeout);
	q->x.ni = SLICE_OF(q->ni);
	protect_iv_phase2(&sa->keys, sa->last_block, id, q->x.iv);
	sa_exchange_send(sa, now, &q->x);
}

static bool may_start(const struct ike_sa *sa, vtime now)
{
	unsigned under_way = 0;

	for (unsigned i = 0; i < QUICK_SLOTS; i++) {
		const struct quick_mode *q = &sa->quick[i];

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

static void child_failed(struct ike_sa *sa, uint32_t id, const struct ike_failure *why)
{
	struct outgoing *o = sa_push(sa, IKE_EFFECT_CHILD_FAILED);

	log_ev(sa->log, LOG_ERROR, "child failed", log_u64("id", id), log_str("why", why->text));
	if (!o)
		return;
	o->effect.child_failed.id = id;
	o->effect.child_failed.why = *why;
}

static void done(struct ike_sa *sa, vtime now, struct exchange *x)
{
	struct quick_mode *q = quick_of(x);

	dh_free(q->dh);
	q->dh = NULL;
	q->completed = ++sa->quick_completed;
	q->settled_at = vtime_add(now, QUICK_SETTLE);
	child_up(sa, &q->up);
	v1_quick_start_next(sa, now);
}

static void lost(struct ike_sa *sa, vtime now, struct exchange *x, const struct ike_failure *why)
{
	struct quick_mode *q = quick_of(x);
	uint32_t id = q->child.id;

	v1_quick_end(q);
	sa_arm(sa, x);
	child_failed(sa, id, why);
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

const struct exchange_type v1_quick = {
	.name = "quick mode",
	.number = ISAKMP_QUICK,
	.n = ARRAY_SIZE(messages),
	.message = messages,
	.done = done,
	.lost = lost,
};

static bool children_have_room(const struct ike_sa *sa)
{
	unsigned n = in_air(sa) + sa->nrequests;

	for (unsigned i = 0; i < CHILDREN_MAX; i++)
		n += sa->child[i].spi_in != 0;
	return n < CHILDREN_MAX && sa->nrequests < CHILD_REQUESTS_MAX;
}

void v1_quick_request(struct ike_sa *sa, vtime now, const struct child_request *child)
{
	struct ike_failure why;

	if (sa->state != IKE_STATE_ESTABLISHED) {
		fail(&why, ERR_UNEXPECTED, "there is no connection to the gateway");
		child_failed(sa, child->id, &why);
	} else if (!children_have_room(sa)) {
		fail(&why, ERR_NO_ROOM, "too many tunnels at once");
		child_failed(sa, child->id, &why);
	} else {
		sa->request[sa->nrequests++] = *child;
		v1_quick_start_next(sa, now);
	}
}

/* One that awaits its answer; spi 0: any. */
static struct quick_mode *in_air_with(struct ike_sa *sa, uint32_t spi)
{
	for (unsigned i = 0; i < QUICK_SLOTS; i++) {
		struct quick_mode *q = &sa->quick[i];

		if (exchange_in_air(&q->x) && (spi == 0 || q->child.spi == spi))
			return q;
	}
	return NULL;
}

bool v1_quick_forget(struct ike_sa *sa, vtime now, uint32_t spi)
{
	struct quick_mode *q;

	for (unsigned i = 0; i < CHILDREN_MAX; i++) {
		if (sa->child[i].spi_in == spi && spi) {
			sa->child[i] = (struct child_ref){ 0 };
			return true;
		}
	}
	for (unsigned i = 0; i < sa->nrequests; i++) {
		if (sa->request[i].spi == spi) {
			sa->nrequests--;
			memmove(sa->request + i, sa->request + i + 1,
				(sa->nrequests - i) * sizeof(sa->request[0]));
			return false;
		}
	}
	q = spi ? in_air_with(sa, spi) : NULL;
	if (q) {
		v1_quick_end(q);
		sa_arm(sa, &q->x);
		v1_quick_start_next(sa, now);
		return true;
	}
	return false;
}

struct quick_mode *v1_quick_find(struct ike_sa *sa, uint32_t message_id)
{
	for (unsigned i = 0; i < QUICK_SLOTS; i++)
		if (sa->quick[i].x.type && sa->quick[i].x.id == message_id)
			return &sa->quick[i];
	return NULL;
}

void v1_quick_refused(struct ike_sa *sa, vtime now, const struct notify_payload *n)
{
	uint32_t spi = n->spi.n == 4 ? get_be32(n->spi.p) : 0;
	bool clear = n->type == NOTIFY_NO_PROPOSAL_CHOSEN ||
		     n->type == NOTIFY_INVALID_ID_INFORMATION;
	struct ike_failure why = v1_info_failure(n->type, true, false, &v1_quick);
	struct quick_mode *q = in_air_with(sa, spi);

	if (q && (spi || (clear && in_air(sa) == 1))) {
		lost(sa, now, &q->x, &why);
		return;
	}
	for (unsigned i = 0; i < QUICK_SLOTS && !spi; i++) {
		exchange_hint(&sa->quick[i].x, now, &why);
		sa_arm(sa, &sa->quick[i].x);
	}
}
