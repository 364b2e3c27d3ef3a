/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <limits.h>

#include "client/mtu.h"
#include "client/session_impl.h"

/*
 * RFC 4301 section 8.2.2, RFC 1191 section 6.3: after ten minutes, when the kernel
 * forgets what it has learnt, the path may be wider again.
 */
#define MTU_AGE (600 * VTIME_S)
#define MTU_WHOLE 1500 /* as wide as links are: a path is not expected to become wider */
/* What one question leaves unanswered is not answered by asking faster. */
#define MTU_ASK_EVERY VTIME_S

unsigned session_mtu_inner(const struct session *s, const struct esp_suite *suite)
{
	unsigned mtu =
		mtu_inner(s->path_mtu, s->path.remote.addr.family, s->path.encapsulation, suite);

	/* To an SA 0 is no limit, which is not what nothing fits means. */
	return mtu ? mtu : 1;
}

static unsigned mtu_least(const struct session *s)
{
	for (unsigned i = 0; i < s->net.ninner; i++)
		if (s->net.inner[i].family == FAMILY_IP6)
			return ESP_MTU_MIN6;
	return ESP_MTU_MIN4;
}

/* Tells the SAs of one epoch, and returns their limit; 0: the place is free. */
static unsigned mtu_epoch(struct session *s, const struct session_epoch *e)
{
	unsigned mtu;

	if (!e->out)
		return 0;
	mtu = session_mtu_inner(s, &e->child.suite);
	esp_out_set_mtu(e->out, mtu);
	esp_in_set_mtu(e->in, mtu);
	return mtu;
}

/* Tells all SAs, and returns the smallest of their limits; 0: there are none. */
static unsigned mtu_tunnels(struct session *s)
{
	unsigned smallest = 0;

	for (unsigned i = 0; i < s->net.ntunnels; i++)
		for (unsigned k = 0; k < EPOCHS_MAX; k++) {
			unsigned mtu = mtu_epoch(s, &s->tunnels[i].epoch[k]);

			if (mtu && (smallest == 0 || mtu < smallest))
				smallest = mtu;
		}
	return smallest;
}

static void mtu_warn(struct session *s, unsigned mtu, unsigned least)
{
	if (mtu < least && !s->narrow)
		log_ev(s->log, LOG_WARN,
		       "the path to the gateway is narrow: large packets travel in fragments",
		       log_u64("path_mtu", s->path_mtu), log_u64("inner_mtu", mtu),
		       log_u64("needed", least));
	s->narrow = mtu < least;
}

/* Of the suites that may come to be used the one that leaves least room. */
static unsigned mtu_child(const struct session *s, const struct ike_child_config *c)
{
	unsigned smallest = UINT_MAX;

	for (unsigned i = 0; i < c->nsuites; i++) {
		unsigned mtu = session_mtu_inner(s, &c->suites[i]);

		smallest = mtu < smallest ? mtu : smallest;
	}
	return smallest;
}

static void ask_later(struct session *s, vtime now)
{
	timers_set(&s->timers, T_PATH_MTU,
		   s->path_mtu < MTU_WHOLE ? vtime_add(now, MTU_AGE) : VTIME_NEVER);
}

static void mtu_set(struct session *s, vtime now, unsigned mtu)
{
	unsigned before = s->mtu, least = mtu_least(s);
	struct session_effect *fx;

	mtu_warn(s, mtu, least);
	ask_later(s, now);
	/* Below 1280 the kernel would take IPv6 off the device. */
	s->mtu = s->config->mtu ? s->config->mtu : mtu < least ? least : mtu;
	if (!s->tun_asked || s->mtu == before)
		return;
	fx = session_effect_add(s, SESSION_EFFECT_TUN_MTU);
	fx->mtu = s->mtu;
}

void session_mtu_update(struct session *s, vtime now)
{
	unsigned mtu = mtu_tunnels(s);

	if (mtu)
		mtu_set(s, now, mtu);
}

void session_mtu_expect(struct session *s, vtime now)
{
	unsigned mtu = UINT_MAX;

	if (mtu_tunnels(s))
		return;
	for (unsigned i = 0; i < s->net.ntunnels; i++) {
		unsigned here = session_slot_is_fixed(&s->net, i) ?
					mtu_child(s, session_slot_child(s, i)) :
					UINT_MAX;

		mtu = here < mtu ? here : mtu;
	}
	if (mtu != UINT_MAX)
		mtu_set(s, now, mtu);
}

void session_mtu_ask(struct session *s, vtime now)
{
	struct session_effect *fx;

	if (s->over || s->state == SESSION_CLOSING || s->path.remote.addr.family == FAMILY_NONE)
		return;
	if (s->mtu_asked && now < vtime_add(s->mtu_asked, MTU_ASK_EVERY))
		return;
	s->mtu_asked = now;
	ask_later(s, now);
	fx = session_effect_add(s, SESSION_EFFECT_FIND_MTU);
	fx->remote = s->path.remote.addr;
}

void session_mtu_answer(struct session *s, vtime now, const struct addr *remote, unsigned mtu)
{
	if (s->over || !addr_eq(remote, &s->path.remote.addr) || mtu == 0 || mtu == s->path_mtu)
		return;
	log_ev(s->log, LOG_INFO, "path MTU", log_u64("mtu", mtu), log_u64("before", s->path_mtu));
	s->path_mtu = mtu;
	session_mtu_update(s, now);
}
