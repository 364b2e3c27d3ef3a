/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mobility/paths.h"

static bool choice_eq(const struct paths_choice *a, const struct paths_choice *b)
{
	return a->ifindex == b->ifindex && addr_eq(&a->local, &b->local) &&
	       addr_eq(&a->remote, &b->remote);
}

static bool is_link_local(const struct addr *a)
{
	return a->family == FAMILY_IP6 && a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80;
}

/* ---- candidates ---- */

static bool link_is_usable(const struct paths_facts *f, unsigned ifindex)
{
	for (unsigned i = 0; i < f->nlinks; i++)
		if (f->links[i].ifindex == ifindex)
			return f->links[i].up && !f->links[i].own;
	return false;
}

static bool addr_is_usable(const struct paths_facts *f, unsigned ifindex, const struct addr *a)
{
	for (unsigned i = 0; i < f->naddrs; i++)
		if (f->addrs[i].ifindex == ifindex && addr_eq(&f->addrs[i].addr, a))
			return !f->addrs[i].tentative;
	return false;
}

static bool is_candidate(const struct paths_facts *f, const struct paths_route *r)
{
	/* While its global address is tentative the kernel offers a link-local one. */
	return addr_is_host(&r->source) &&
	       (!is_link_local(&r->source) || is_link_local(&r->remote)) &&
	       link_is_usable(f, r->ifindex) && addr_is_usable(f, r->ifindex, &r->source);
}

static struct paths_choice choice_of(const struct paths_route *r)
{
	return (struct paths_choice){ r->source, r->remote, r->ifindex };
}

static bool is_there(const struct paths_facts *f, const struct paths_choice *c)
{
	for (unsigned i = 0; i < f->nroutes; i++) {
		struct paths_choice k = choice_of(&f->routes[i]);

		if (choice_eq(&k, c) && is_candidate(f, &f->routes[i]))
			return true;
	}
	return false;
}

/* ---- what has failed ---- */

static bool is_barred(const struct paths *p, const struct paths_choice *c)
{
	for (unsigned i = 0; i < p->nbarred; i++)
		if (choice_eq(&p->barred[i], c))
			return true;
	return false;
}

/* The oldest makes room. */
static void bar(struct paths *p, const struct paths_choice *c)
{
	if (p->nbarred == PATHS_BARRED_MAX) {
		p->nbarred--;
		memmove(p->barred, p->barred + 1, p->nbarred * sizeof(p->barred[0]));
	}
	p->barred[p->nbarred++] = *c;
}

/* What has gone is another one when it comes again. */
static void forgive(struct paths *p, const struct paths_facts *f)
{
	unsigned n = 0;

	for (unsigned i = 0; i < p->nbarred; i++)
		if (is_there(f, &p->barred[i]))
			p->barred[n++] = p->barred[i];
	p->nbarred = n;
}

/* ---- the choice ---- */

/* Smaller is better. */
enum rank {
	RANK_BEST, /* with the gateway's address in use: the kernel's */
	RANK_CHOICE,
	RANK_ANY,
	RANK_OTHER_BEST, /* with another address of it */
	RANK_OTHER,
	RANK_NONE,
};

static enum rank rank(const struct paths *p, const struct paths_route *r,
		      const struct paths_choice *c)
{
	if (p->chosen && !addr_eq(&r->remote, &p->choice.remote))
		return r->best ? RANK_OTHER_BEST : RANK_OTHER;
	if (r->best)
		return RANK_BEST;
	return choice_eq(c, &p->choice) ? RANK_CHOICE : RANK_ANY;
}

static bool choose(const struct paths *p, const struct paths_facts *f, struct paths_choice *out)
{
	enum rank found = RANK_NONE;

	for (unsigned i = 0; i < f->nroutes; i++) {
		struct paths_choice c = choice_of(&f->routes[i]);
		enum rank k = rank(p, &f->routes[i], &c);

		/* Of those that are as good the gateway's first address. */
		if (k >= found || !is_candidate(f, &f->routes[i]) || is_barred(p, &c))
			continue;
		found = k;
		*out = c;
	}
	return found != RANK_NONE;
}

static enum paths_verdict take(struct paths *p, const struct paths_facts *f,
			       const struct paths_choice *c)
{
	bool was_lost = p->lost;

	p->lost = false;
	if (p->chosen && addr_eq(&c->local, &p->choice.local) &&
	    addr_eq(&c->remote, &p->choice.remote)) {
		bool same_link = c->ifindex == p->choice.ifindex;

		p->choice = *c;
		return was_lost || !same_link ? PATHS_BACK : PATHS_STAY;
	}
	p->before_alive = p->chosen && is_there(f, &p->choice);
	p->before = p->choice;
	p->choice = *c;
	p->chosen = true;
	return PATHS_MOVE;
}

enum paths_verdict paths_look(struct paths *p, const struct paths_facts *facts)
{
	struct paths_choice c;

	forgive(p, facts);
	if (choose(p, facts, &c))
		return take(p, facts, &c);
	/* What has failed is better than nothing. */
	if (p->chosen && is_there(facts, &p->choice))
		return take(p, facts, &p->choice);
	if (p->nbarred) {
		p->nbarred = 0;
		if (choose(p, facts, &c))
			return take(p, facts, &c);
	}
	if (p->lost || !p->chosen)
		return PATHS_STAY;
	p->lost = true;
	return PATHS_LOST;
}

enum paths_verdict paths_failed(struct paths *p, const struct paths_facts *facts)
{
	struct paths_choice c;

	if (!p->chosen || p->lost)
		return PATHS_STAY;
	bar(p, &p->choice);
	if (choose(p, facts, &c))
		return take(p, facts, &c);
	/* There is nothing else. */
	p->nbarred--;
	return PATHS_STAY;
}

void paths_again(struct paths *p)
{
	p->nbarred = 0;
}

void paths_set(struct paths *p, const struct paths_choice *choice)
{
	p->choice = *choice;
	p->chosen = true;
	p->lost = false;
}

void paths_init(struct paths *p)
{
	memset(p, 0, sizeof(*p));
}
