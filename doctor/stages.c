/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "doctor/engine_impl.h"

#define TRIES_FIRST 3 /* nothing has been heard yet */
#define TRIES 2
#define MORE_OFFERS 3
#define ELIMINATIONS 3
#define NEAR_ROUNDS 6
#define V2_ROUNDS 3 /* a cookie, another group, a cookie for that */
#define IP4_UDP 28 /* bytes of headers */
#define IP6_UDP 48
#define FRAGMENTED 400 /* bytes more than the link carries in one piece */
#define LINK_MTU 1500 /* where it is not known */
#define MTU_EXACT 16 /* bytes; nearer it is not asked for */
#define MTU_TRIES 12
#define MTU_IP4_LOW 576
#define MTU_IP6_LOW 1280

struct stage_row {
	const char *doing;
	/* Puts its questions; false: it has none. */
	bool (*begin)(struct doctor *d);
	/* What follows from the answers; true: the same stage once more, with d->round one higher. */
	bool (*end)(struct doctor *d);
};

/* ---- what all have in common ---- */

static bool spoke(const struct doctor_reached *reached)
{
	return reached[DOCTOR_500].reach == REACH_ANSWER ||
	       reached[DOCTOR_4500].reach == REACH_ANSWER;
}

static bool answered(const struct probe *p, enum answer_kind kind)
{
	return p->reached.reach == REACH_ANSWER && p->answer.kind == kind;
}

static bool is_known(const struct doctor_v1 *v, const char *vendor)
{
	for (unsigned i = 0; i < v->nvendors; i++)
		if (strcmp(v->vendor[i], vendor) == 0)
			return true;
	return false;
}

static void take_vendors(struct doctor_v1 *v, const struct answer *a)
{
	v->vendors |= a->vendors;
	for (unsigned i = 0; i < a->nvendors && v->nvendors < DOCTOR_VENDORS_MAX; i++)
		if (!is_known(v, a->vendor[i]))
			memcpy(v->vendor[v->nvendors++], a->vendor[i], DOCTOR_VENDOR_TEXT);
}

static void take_choice(struct doctor_v1 *v, const struct ike_choice *c)
{
	for (unsigned i = 0; i < v->naccepted; i++)
		if (v->accepted[i].method == c->method &&
		    suite_same(&v->accepted[i].suite, &c->suite))
			return;
	if (v->naccepted < DOCTOR_ACCEPTED_MAX)
		v->accepted[v->naccepted++] = *c;
}

/* What any answer to message 1 says. */
static void take_main(struct doctor *d, const struct probe *p)
{
	struct doctor_v1 *v = &found_now(d)->ike1;

	if (answered(p, ANSWER_CHOSEN)) {
		take_vendors(v, &p->answer);
		take_choice(v, &p->answer.choice);
	} else if (answered(p, ANSWER_REFUSED)) {
		v->refuses = true;
	}
}

static bool ask_main(struct doctor *d, enum doctor_port port, unsigned tries, const struct offer *o)
{
	struct probe *p = ask(d, PROBE_MAIN, port, tries);

	if (!p)
		return false;
	p->offer = *o;
	return ask_made(d, p);
}

/* before: the question that this one repeats with what its answer asks for; NULL: none. */
static bool ask_init(struct doctor *d, enum doctor_port port, unsigned tries, uint16_t group,
		     const struct probe *before)
{
	struct probe *p = ask(d, PROBE_INIT, port, tries);

	if (!p)
		return false;
	p->v2_group = group;
	if (before) {
		p->before = before->answer;
		memcpy(p->cookie_i, before->cookie_i, sizeof(p->cookie_i));
		memcpy(p->nonce, before->nonce, sizeof(p->nonce));
	}
	return ask_made(d, p);
}

/* ---- REACH: does anybody speak IKE there ---- */

static bool reach_begin(struct doctor *d)
{
	struct offer o;

	offer_fill(&o, OFFER_GOOD, METHOD_PSK, DH_NONE);
	for (unsigned port = 0; port < DOCTOR_PORTS; port++) {
		ask_main(d, (enum doctor_port)port, TRIES_FIRST, &o);
		ask_init(d, (enum doctor_port)port, TRIES_FIRST, DH_ECP_256, NULL);
	}
	return d->nprobes > 0;
}

static void take_init(struct doctor_v2 *v, const struct answer *a)
{
	switch (a->kind) {
	case ANSWER_CHOSEN:
		v->chosen = true;
		v->error = 0;
		v->suite = a->suite;
		v->fragmentation = a->fragmentation;
		v->natd = a->natd;
		v->nat = a->nat;
		break;
	case ANSWER_REFUSED:
		v->error = v->chosen ? 0 : a->notify;
		break;
	case ANSWER_OTHER_GROUP:
		v->wants_group = a->group;
		break;
	case ANSWER_COOKIE:
		v->cookie = true;
		break;
	case ANSWER_NONE:
	case ANSWER_KEY:
	case ANSWER_ODD:
		break;
	}
}

static void take_first_init(struct doctor *d, const struct probe *p)
{
	take_init(&found_now(d)->ike2, &p->answer);
	if (answered(p, ANSWER_COOKIE) || answered(p, ANSWER_OTHER_GROUP))
		d->v2_last = *p;
}

/* An answer is worth more than silence, whatever was asked. */
static void take_reached(struct doctor_reached *r, const struct probe *p)
{
	if (r->reach != REACH_ANSWER)
		*r = p->reached;
}

static bool reach_end(struct doctor *d)
{
	struct doctor_found *f = found_now(d);

	for (unsigned i = 0; i < d->nprobes; i++) {
		const struct probe *p = &d->probe[i];

		take_reached(p->kind == PROBE_INIT ? &f->v2[p->port] : &f->v1[p->port], p);
		if (p->kind == PROBE_MAIN)
			take_main(d, p);
		else
			take_first_init(d, p);
	}
	return false;
}

/* ---- MORE: silence, or a refusal, may only mean that nothing offered was right ---- */

static void more_offer(struct offer *o, unsigned which)
{
	static const uint16_t methods[] = { METHOD_XAUTH_INIT_PSK, METHOD_RSA,
					    METHOD_XAUTH_INIT_RSA, METHOD_HYBRID_INIT_RSA };
	struct offer all;

	if (which == 0) {
		offer_fill(o, OFFER_OLD, METHOD_PSK, DH_NONE);
		return;
	}
	if (which == 1) {
		offer_fill(o, OFFER_OLD, METHOD_XAUTH_INIT_PSK, DH_NONE);
		return;
	}
	offer_fill(&all, OFFER_GOOD, METHOD_PSK, DH_NONE);
	o->n = 0;
	for (unsigned m = 0; m < ARRAY_SIZE(methods); m++) {
		for (unsigned i = 0; i < OFFER_MAX / ARRAY_SIZE(methods) && i < all.n; i++) {
			struct ike_choice c = all.choice[i];

			c.method = methods[m];
			o->choice[o->n++] = c;
		}
	}
}

/*
 * All at once, for who is silent would take long one after the other. Where an ICMP error says that
 * nobody is there, nothing more is asked.
 */
static bool more_begin(struct doctor *d)
{
	struct doctor_found *f = found_now(d);
	enum doctor_reach at = f->v1[DOCTOR_500].reach;
	struct offer o;

	if (f->ike1.naccepted || (at != REACH_SILENCE && !spoke(f->v1)))
		return false;
	for (unsigned i = 0; i < MORE_OFFERS; i++) {
		more_offer(&o, i);
		ask_main(d, speaking_port(f->v1), TRIES, &o);
	}
	return d->nprobes > 0;
}

static bool more_end(struct doctor *d)
{
	for (unsigned i = 0; i < d->nprobes; i++) {
		take_reached(&found_now(d)->v1[d->probe[i].port], &d->probe[i]);
		take_main(d, &d->probe[i]);
	}
	return false;
}

/* ---- NEXT: the first address that speaks IKE is looked at more closely ---- */

static bool next_begin(struct doctor *d)
{
	struct doctor_found *f = found_now(d);

	if (d->best < 0 && (spoke(f->v1) || spoke(f->v2)))
		d->best = (int)d->target;
	return false;
}

/* ---- KEY: messages 3 and 4 of main mode, which tell of NATs ---- */

static bool key_begin(struct doctor *d)
{
	struct probe *p;

	if (!d->has_kept)
		return false;
	p = ask(d, PROBE_KEY, d->kept.port, TRIES);
	if (!p)
		return false;
	memcpy(p->cookie_i, d->kept.cookie_i, sizeof(p->cookie_i));
	p->before = d->kept.answer;
	return ask_made(d, p);
}

static bool key_end(struct doctor *d)
{
	struct doctor_v1 *v = &found_now(d)->ike1;
	const struct probe *p = &d->probe[0];

	v->key = p->reached.reach;
	if (answered(p, ANSWER_KEY)) {
		take_vendors(v, &p->answer);
		v->natd = p->answer.natd;
		v->nat = p->answer.nat;
		v->wants_certificate = p->answer.wants_certificate;
	} else if (answered(p, ANSWER_REFUSED)) {
		v->key_notify = p->answer.notify;
	}
	/* Once keys are exchanged nothing in the clear is believed. */
	if (!d->config.listen && !answered(p, ANSWER_KEY))
		release(d, &d->kept);
	return false;
}

/* ---- REFUSAL: does it say so when it accepts nothing ---- */

static bool refusal_begin(struct doctor *d)
{
	static const struct offer nothing = { 0 };
	struct doctor_found *f = found_now(d);

	return spoke(f->v1) && !f->ike1.refuses &&
	       ask_main(d, speaking_port(f->v1), TRIES, &nothing);
}

static bool refusal_end(struct doctor *d)
{
	take_main(d, &d->probe[0]);
	return false;
}

/* ---- ELIMINATE: what else is accepted ---- */

static bool eliminate_begin(struct doctor *d)
{
	struct doctor_found *f = found_now(d);
	struct offer o;

	if (!f->ike1.naccepted || d->round == ELIMINATIONS || f->ike1.complete)
		return false;
	offer_fill(&o, OFFER_GOOD, f->ike1.accepted[0].method, DH_NONE);
	offer_remove(&o, f->ike1.accepted, f->ike1.naccepted);
	return o.n && ask_main(d, speaking_port(f->v1), TRIES, &o);
}

static bool eliminate_end(struct doctor *d)
{
	const struct probe *p = &d->probe[0];

	take_main(d, p);
	found_now(d)->ike1.complete = !answered(p, ANSWER_CHOSEN) &&
				      (answered(p, ANSWER_REFUSED) || !found_now(d)->ike1.refuses);
	found_now(d)->ike1.limited = p->reached.reach == REACH_SILENCE &&
				     found_now(d)->ike1.refuses;
	return answered(p, ANSWER_CHOSEN);
}

/* ---- METHODS: other ways to prove oneself than a pre-shared key alone ---- */

static const uint16_t other_methods[] = { METHOD_XAUTH_INIT_PSK, METHOD_RSA,
					  METHOD_HYBRID_INIT_RSA };

static bool methods_begin(struct doctor *d)
{
	struct doctor_found *f = found_now(d);
	struct offer o = { 0 };

	if (!f->ike1.naccepted || f->ike1.limited || d->round == ARRAY_SIZE(other_methods))
		return false;
	for (unsigned i = 0; i < f->ike1.naccepted && i < 4; i++) {
		o.choice[o.n] = f->ike1.accepted[i];
		o.choice[o.n++].method = other_methods[d->round];
	}
	return ask_main(d, speaking_port(f->v1), TRIES, &o);
}

static bool methods_end(struct doctor *d)
{
	struct doctor_v1 *v = &found_now(d)->ike1;
	const struct probe *p = &d->probe[0];

	if (answered(p, ANSWER_CHOSEN)) {
		v->user |= p->answer.choice.method == METHOD_XAUTH_INIT_PSK;
		v->certificate |= p->answer.choice.method == METHOD_RSA;
		v->hybrid |= p->answer.choice.method == METHOD_HYBRID_INIT_RSA;
	}
	v->limited |= v->refuses && p->reached.reach == REACH_SILENCE;
	return true;
}

/* ---- V2: with the group, or the cookie, that it wants ---- */

static bool v2_begin(struct doctor *d)
{
	struct doctor_v2 *v = &found_now(d)->ike2;
	uint16_t group = v->wants_group ? v->wants_group : DH_ECP_256;

	return d->v2_last.sends && !v->chosen && !v->error && d->round < V2_ROUNDS &&
	       ask_init(d, d->v2_last.port, TRIES, group, &d->v2_last);
}

static bool v2_end(struct doctor *d)
{
	const struct probe *p = &d->probe[0];

	if (p->reached.reach != REACH_ANSWER)
		return false;
	take_first_init(d, p);
	return true;
}

/* ---- sizes ---- */

static unsigned headers(const struct doctor *d)
{
	return d->config.targets[d->target].addr.family == FAMILY_IP6 ? IP6_UDP : IP4_UDP;
}

static unsigned link_mtu(const struct doctor *d)
{
	unsigned mtu = d->config.targets[d->target].mtu;

	return mtu ? mtu : LINK_MTU;
}

/*
 * A question that costs the gateway as little as can be, so long that its packet has so many bytes.
 * What nobody accepts leaves no SA behind.
 */
static bool ask_size(struct doctor *d, unsigned bytes, bool whole)
{
	struct doctor_found *f = found_now(d);
	bool v1 = spoke(f->v1);
	struct probe *p =
		ask(d, v1 ? PROBE_MAIN : PROBE_INIT, speaking_port(v1 ? f->v1 : f->v2), TRIES);

	if (!p)
		return false;
	if (v1 && !f->ike1.refuses && f->ike1.naccepted) {
		p->offer.n = 1;
		p->offer.choice[0] = f->ike1.accepted[0];
	}
	p->v2_group = f->ike2.wants_group ? f->ike2.wants_group : DH_ECP_256;
	p->whole = whole;
	p->size = bytes > headers(d) ? bytes - headers(d) : 0;
	return ask_made(d, p);
}

static bool fragments_begin(struct doctor *d)
{
	unsigned bytes = link_mtu(d) + FRAGMENTED;

	if (found_now(d)->ike1.limited || bytes > PROBE_MAX)
		return false;
	found_now(d)->fragments_bytes = bytes;
	return ask_size(d, bytes, false);
}

static bool fragments_end(struct doctor *d)
{
	found_now(d)->fragments = d->probe[0].reached.reach == REACH_ANSWER ? SIZE_PASSES :
									      SIZE_LOST;
	return false;
}

/* After silence: was it the size? */
static bool control_begin(struct doctor *d)
{
	return found_now(d)->fragments == SIZE_LOST && ask_size(d, 0, false);
}

static bool control_end(struct doctor *d)
{
	struct doctor_found *f = found_now(d);

	d->controlled = d->probe[0].reached.reach == REACH_ANSWER;
	if (d->controlled)
		return false;
	f->ike1.limited = true;
	f->fragments = SIZE_UNKNOWN;
	return false;
}

/* All that the link carries, what a router has named, else the middle of what is not known. */
static unsigned whole_size(struct doctor *d)
{
	unsigned said = d->mtu_said;

	d->mtu_said = 0;
	d->mtu_tried = said > d->mtu_low && said < d->mtu_high ? said : 0;
	if (d->mtu_tried)
		return d->mtu_tried;
	return d->round == 0 ? d->mtu_high - 1 : (d->mtu_low + d->mtu_high) / 2;
}

/* Before the search begins it must be sure that it can find something: 0 bytes are a small message. */
static bool whole_begin(struct doctor *d)
{
	bool ip6 = headers(d) == IP6_UDP;

	if (found_now(d)->ike1.limited || link_mtu(d) > PROBE_MAX)
		return false;
	if (d->round == 0) {
		d->mtu_low = ip6 ? MTU_IP6_LOW : MTU_IP4_LOW;
		d->mtu_high = link_mtu(d) + 1;
	}
	if (d->round == MTU_TRIES || d->mtu_low + MTU_EXACT >= d->mtu_high)
		return false;
	if (d->round && !d->controlled && !d->mtu_said)
		return ask_size(d, 0, false);
	return ask_size(d, whole_size(d), true);
}

static bool whole_end(struct doctor *d)
{
	struct doctor_found *f = found_now(d);
	const struct probe *p = &d->probe[0];
	unsigned bytes = (unsigned)p->n + headers(d);
	bool passes = p->reached.reach == REACH_ANSWER;

	if (!p->whole) {
		d->controlled = true;
		f->whole = passes ? SIZE_LOST : SIZE_UNKNOWN;
		f->ike1.limited = !passes;
		return passes;
	}
	if (d->round == 0)
		f->whole = passes ? SIZE_PASSES : SIZE_LOST;
	if (passes) {
		d->controlled = true;
		f->path_mtu = d->mtu_low = bytes;
		f->too_big_said = bytes == d->mtu_tried;
		return f->whole == SIZE_LOST && !f->too_big_said;
	}
	if (bytes < d->mtu_high)
		d->mtu_high = bytes;
	return true;
}

/* ---- GROUP: aggressive mode; its public value is of one group alone ---- */

/*
 * Some gateways choose the first proposal that fits, and only then see whether it goes with the group: so
 * users are offered before and behind the rest.
 */
static const struct {
	enum dh_group group;
	bool user_first;
} group_order[] = {
	{ DH_MODP_2048, true },	 { DH_MODP_2048, false }, { DH_MODP_1024, true },
	{ DH_MODP_1024, false }, { DH_ECP_256, true },	  { DH_MODP_1536, true },
};

static void group_offer(struct offer *o, enum dh_group group, bool user_first)
{
	struct offer more;

	o->n = 0;
	for (unsigned k = 0; k < OFFER_KINDS; k++) {
		for (unsigned i = 0; i < 2; i++) {
			offer_fill(&more, (enum offer_kind)k,
				   (i == 0) == user_first ? METHOD_XAUTH_INIT_PSK : METHOD_PSK,
				   group);
			for (unsigned n = 0; n < more.n && o->n < OFFER_MAX; n++)
				o->choice[o->n++] = more.choice[n];
		}
	}
}

static bool ask_group(struct doctor *d, unsigned i)
{
	struct probe *p = ask(d, PROBE_GROUP, speaking_port(found_now(d)->v1), TRIES);

	if (!p)
		return false;
	p->name = d->config.group;
	group_offer(&p->offer, group_order[i].group, group_order[i].user_first);
	return ask_made(d, p);
}

/* Two at a time: who is silent to all would take long. */
static bool group_begin(struct doctor *d)
{
	if (!d->config.group || d->round == ARRAY_SIZE(group_order) / 2)
		return false;
	ask_group(d, 2 * d->round);
	ask_group(d, 2 * d->round + 1);
	return d->nprobes > 0;
}

static void take_group(struct doctor *d, const struct probe *p)
{
	struct doctor_group *g = &found_now(d)->group;

	if (g->reach != REACH_ANSWER)
		g->reach = p->reached.reach;
	if (answered(p, ANSWER_REFUSED))
		g->notify = p->answer.notify;
	if (g->accepted || !answered(p, ANSWER_CHOSEN))
		return;
	g->accepted = true;
	g->choice = p->answer.choice;
	g->hash = p->answer.hash;
	take_vendors(&found_now(d)->ike1, &p->answer);
}

static bool group_end(struct doctor *d)
{
	for (unsigned i = 0; i < d->nprobes; i++)
		take_group(d, &d->probe[i]);
	return !found_now(d)->group.accepted;
}

/* ---- LISTEN: an idle mapping that still lets the gateway's repetitions in, lives ---- */

static bool listen_begin(struct doctor *d)
{
	d->until = vtime_add(d->last_sent, DOCTOR_LISTEN);
	return d->config.listen && d->has_kept && d->kept.kind == PROBE_MAIN;
}

static bool listen_end(struct doctor *d)
{
	found_now(d)->listened = true;
	return false;
}

/* ---- NEAR: after a refusal, what is near to what was proposed ---- */

static void own_offer(const struct doctor *d, struct offer *o, uint16_t method)
{
	o->n = 0;
	for (unsigned i = 0; i < d->config.nown && o->n < OFFER_MAX; i++)
		o->choice[o->n++] =
			(struct ike_choice){ .suite = d->config.own[i], .method = method };
}

/* What was proposed, with other ways to prove oneself. */
static void other_methods_offer(const struct doctor *d, struct offer *o)
{
	static const uint16_t methods[] = { METHOD_PSK, METHOD_XAUTH_INIT_PSK, METHOD_RSA,
					    METHOD_XAUTH_INIT_RSA, METHOD_HYBRID_INIT_RSA };
	struct offer own;

	o->n = 0;
	for (unsigned m = 0; m < ARRAY_SIZE(methods); m++) {
		if (methods[m] == d->config.own_method)
			continue;
		own_offer(d, &own, methods[m]);
		for (unsigned i = 0; i < own.n && i < OFFER_MAX / ARRAY_SIZE(methods); i++)
			o->choice[o->n++] = own.choice[i];
	}
}

static void near_offer(struct doctor *d, struct offer *o)
{
	const struct doctor_v1 *v = &found_now(d)->ike1;
	struct offer own;

	if (d->offering == OFFER_KINDS) {
		other_methods_offer(d, o);
		return;
	}
	own_offer(d, &own, d->config.own_method);
	offer_fill(o, d->offering, d->config.own_method, DH_NONE);
	offer_remove(o, own.choice, own.n);
	offer_remove(o, v->accepted, v->naccepted);
	offer_sort(o, d->config.own, d->config.nown);
}

static bool near_begin(struct doctor *d)
{
	struct offer o;

	if (d->round == NEAR_ROUNDS || d->config.group)
		return false;
	near_offer(d, &o);
	return o.n && ask_main(d, DOCTOR_500, TRIES, &o);
}

/* Of the good ones several, for the gateway chooses in an order of its own; else of the others. */
static bool near_end(struct doctor *d)
{
	struct doctor_found *f = found_now(d);

	take_reached(&f->v1[DOCTOR_500], &d->probe[0]);
	take_main(d, &d->probe[0]);
	if (answered(&d->probe[0], ANSWER_CHOSEN))
		return d->offering != OFFER_KINDS;
	if (f->ike1.naccepted || d->offering == OFFER_KINDS)
		return false;
	d->offering = (enum offer_kind)(d->offering + 1);
	return true;
}

/* ---- the rows ---- */

static const struct stage_row rows[] = {
	[STAGE_REACH] = { "asking whether it speaks IKE", reach_begin, reach_end },
	[STAGE_MORE] = { "asking with other proposals", more_begin, more_end },
	[STAGE_NEXT] = { "", next_begin, NULL },
	[STAGE_KEY] = { "exchanging keys, to see NATs", key_begin, key_end },
	[STAGE_REFUSAL] = { "asking what it says to nonsense", refusal_begin, refusal_end },
	[STAGE_ELIMINATE] = { "asking what it accepts", eliminate_begin, eliminate_end },
	[STAGE_METHODS] = { "asking how one may prove oneself", methods_begin, methods_end },
	[STAGE_V2] = { "asking once more by IKEv2", v2_begin, v2_end },
	[STAGE_FRAGMENTS] = { "sending fragments", fragments_begin, fragments_end },
	[STAGE_CONTROL] = { "asking whether it still answers", control_begin, control_end },
	[STAGE_WHOLE] = { "looking for the path's MTU", whole_begin, whole_end },
	[STAGE_GROUP] = { "asking for the group", group_begin, group_end },
	[STAGE_LISTEN] = { "listening for repetitions, ten minutes", listen_begin, listen_end },
	[STAGE_NEAR] = { "asking what is accepted", near_begin, near_end },
	[STAGE_OVER] = { "", NULL, NULL },
};

const char *doctor_doing(const struct doctor *d)
{
	return rows[d->stage].doing;
}

/* What follows when a stage has nothing more to ask. */
static enum stage stage_after(struct doctor *d)
{
	switch (d->stage) {
	case STAGE_NEXT:
		if (d->best == (int)d->target)
			return STAGE_KEY;
		break;
	case STAGE_LISTEN:
		break;
	case STAGE_NEAR:
		return d->config.group && d->round == 0 ? STAGE_GROUP : STAGE_OVER;
	case STAGE_GROUP:
		return d->config.nown ? STAGE_OVER : STAGE_LISTEN;
	case STAGE_REACH:
	case STAGE_MORE:
	case STAGE_KEY:
	case STAGE_REFUSAL:
	case STAGE_ELIMINATE:
	case STAGE_METHODS:
	case STAGE_V2:
	case STAGE_FRAGMENTS:
	case STAGE_WHOLE:
	case STAGE_CONTROL:
	case STAGE_OVER:
		return (enum stage)(d->stage + 1);
	}
	if (d->target + 1 == d->config.ntargets)
		return STAGE_OVER;
	d->target++;
	d->has_kept = false;
	return STAGE_REACH;
}

static bool stage_has_something(struct doctor *d)
{
	d->nprobes = 0;
	return d->stage == STAGE_OVER || rows[d->stage].begin(d);
}

void stage_enter(struct doctor *d, enum stage stage)
{
	d->stage = stage;
	d->round = 0;
	while (!stage_has_something(d)) {
		d->stage = stage_after(d);
		d->round = 0;
	}
}

void stage_end(struct doctor *d)
{
	bool again = rows[d->stage].end(d);

	if (again) {
		d->round++;
		if (stage_has_something(d))
			return;
	}
	stage_enter(d, stage_after(d));
}
