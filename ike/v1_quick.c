/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ike/sa.h"

int v1_quick_fail(struct ike_failure *why, int err, const char *text)
{
	*why = (struct ike_failure){
		.err = err, .authentic = true, .during = v1_quick_i.name, .text = text
	};
	return err;
}

struct quick_mode *v1_quick_of(struct exchange *x)
{
	return (struct quick_mode *)x;
}

/* RFC 2407 section 4.5, RFC 3947 section 5.1; Cisco's UDP encapsulation is unknown to IKE. */
static uint16_t mode_of(const struct ike_sa *sa)
{
	switch (sa->path.encapsulation) {
	case ENCAPSULATION_UDP:
		return sa->main.natt == NATT_DRAFT ? MODE_UDP_TUNNEL_DRAFT : MODE_UDP_TUNNEL;
	case ENCAPSULATION_ESP:
	case ENCAPSULATION_CISCO_UDP:
	case ENCAPSULATION_TCP:
		break;
	}
	return MODE_TUNNEL;
}

struct esp_offer v1_quick_offer_of(const struct ike_sa *sa, const struct quick_mode *q)
{
	const struct ike_child_config *c = q->child.config;

	return (struct esp_offer){
		.suites = c->suites,
		.n = c->nsuites,
		.pfs = c->pfs,
		.mode = mode_of(sa),
		.spi = q->child.spi,
		.lifetime_s = c->keylife_s,
	};
}

/* ---- slots ---- */

void v1_quick_end(struct quick_mode *q)
{
	dh_free(q->dh);
	ike_child_free(&q->up);
	exchange_end_within(&q->x, offsetof(struct quick_mode, offer.sa) + q->offer.sa_n);
}

/*
 * A slot not in use, or the complete one that is so for the longest time. Never the one completed
 * last: its message 3 may still be in the outbox.
 */
struct quick_mode *v1_quick_slot(struct ike_sa *sa)
{
	struct quick_mode *best = NULL;

	for (unsigned i = 0; i < QUICK_SLOTS; i++) {
		struct quick_mode *q = &sa->quick[i];

		if (!q->x.type) {
			best = q;
			break;
		}
		if (!exchange_in_air(&q->x) && (!best || q->completed < best->completed))
			best = q;
	}
	v1_quick_end(best);
	return best;
}

struct quick_mode *v1_quick_find(struct ike_sa *sa, uint32_t message_id)
{
	for (unsigned i = 0; i < QUICK_SLOTS; i++)
		if (sa->quick[i].x.type && sa->quick[i].x.id == message_id)
			return &sa->quick[i];
	return NULL;
}

bool v1_quick_in_air(const struct ike_sa *sa)
{
	for (unsigned i = 0; i < QUICK_SLOTS; i++)
		if (exchange_in_air(&sa->quick[i].x))
			return true;
	return false;
}

/* ---- children ---- */

void v1_quick_child_keys(const struct ike_sa *sa, struct slice gqm, struct slice ni,
			 struct slice nr, struct ike_child *child)
{
	size_t n = esp_suite_keymat(&child->suite);

	ikev1_keymat(&sa->keys, gqm, PROTOCOL_ESP, child->spi_in, ni, nr, &child->keymat_in, n);
	ikev1_keymat(&sa->keys, gqm, PROTOCOL_ESP, child->spi_out, ni, nr, &child->keymat_out, n);
}

static void child_up(struct ike_sa *sa, struct ike_child *child)
{
	struct outgoing *o = sa_push(sa, IKE_EFFECT_CHILD_UP);
	char local[TS_TEXT_MAX], remote[TS_TEXT_MAX], suite[40];

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

void v1_quick_child_failed(struct ike_sa *sa, uint32_t id, const struct ike_failure *why)
{
	struct outgoing *o = sa_push(sa, IKE_EFFECT_CHILD_FAILED);

	if (!o)
		return;
	o->effect.child_failed.id = id;
	o->effect.child_failed.why = *why;
}

void v1_quick_done(struct ike_sa *sa, vtime now, struct exchange *x)
{
	struct quick_mode *q = v1_quick_of(x);

	dh_free(q->dh);
	q->dh = NULL;
	q->spi_out = q->up.spi_out;
	q->completed = ++sa->quick_completed;
	if (x->type == &v1_quick_i)
		q->settled_at = vtime_add(now, QUICK_SETTLE);
	child_up(sa, &q->up);
	v1_quick_start_next(sa, now);
}

uint32_t v1_quick_outbound(const struct ike_sa *sa, uint32_t spi)
{
	for (unsigned i = 0; i < QUICK_SLOTS; i++)
		if (sa->quick[i].spi_out && sa->quick[i].child.spi == spi)
			return sa->quick[i].spi_out;
	return spi;
}

/* One that awaits an answer, whose SPI is ours, or of an offer the peer's. */
static struct quick_mode *in_air_with(struct ike_sa *sa, uint32_t spi)
{
	for (unsigned i = 0; i < QUICK_SLOTS && spi; i++) {
		struct quick_mode *q = &sa->quick[i];

		if (exchange_in_air(&q->x) && (q->child.spi == spi || q->offer.spi == spi))
			return q;
	}
	return NULL;
}

bool v1_quick_forget(struct ike_sa *sa, vtime now, uint32_t spi)
{
	struct quick_mode *q = in_air_with(sa, spi);

	if (sa->state != IKE_STATE_ESTABLISHED || v1_quick_unqueue(sa, spi))
		return false;
	if (q && q->child.spi == spi) {
		v1_quick_end(q);
		sa_arm(sa, &q->x);
		v1_quick_start_next(sa, now);
	}
	return true;
}

/* The only one of ours that awaits its answer; NULL: none, or several. */
static struct quick_mode *only_one(struct ike_sa *sa)
{
	struct quick_mode *one = NULL;

	for (unsigned i = 0; i < QUICK_SLOTS; i++) {
		struct quick_mode *q = &sa->quick[i];

		if (q->x.type != &v1_quick_i || !exchange_in_air(&q->x))
			continue;
		if (one)
			return NULL;
		one = q;
	}
	return one;
}

bool v1_quick_refused(struct ike_sa *sa, vtime now, const struct notify_payload *n)
{
	uint32_t spi = n->spi.n == 4 ? get_be32(n->spi.p) : 0;
	bool clear = n->type == NOTIFY_NO_PROPOSAL_CHOSEN ||
		     n->type == NOTIFY_INVALID_ID_INFORMATION;
	struct ike_failure why = v1_info_failure(n->type, true, false, &v1_quick_i);
	struct quick_mode *q = spi ? in_air_with(sa, spi) : clear ? only_one(sa) : NULL;
	bool hinted = false;

	if (q) {
		sa_exchange_lost(sa, now, &q->x, &why);
		return true;
	}
	for (unsigned i = 0; i < QUICK_SLOTS && !spi; i++) {
		struct exchange *x = &sa->quick[i].x;

		if (x->type != &v1_quick_i || !exchange_in_air(x))
			continue;
		exchange_hint(x, now, &why);
		sa_arm(sa, x);
		hinted = true;
	}
	return hinted;
}
