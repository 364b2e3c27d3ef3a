/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/runtime.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "base/mem.h"

#define EVERY_MS (SESSION_NAMES_EVERY_S * 1000)
#define SOON_MS 1000 /* a network that changes does so several times */

/* ---- one name ---- */

struct lookup {
	uv_work_t work;
	lookup_fn done; /* NULL: nobody waits for it any more */
	void *ctx;
	char name[SESSION_NAME_MAX];
	struct addr addrs[SESSION_NAME_ADDRS_MAX];
	unsigned max;
	int result;
	int error; /* errno of it */
};

static void lookup_run(uv_work_t *work)
{
	struct lookup *k = work->data;

	k->result = net_resolve(k->name, k->addrs, k->max);
	k->error = errno;
}

static const char *lookup_why(const struct lookup *k)
{
	if (k->result > 0)
		return NULL;
	if (k->result == ERR_TIMEOUT)
		return "no name server answers; see what /etc/resolv.conf names and whether the network "
		       "is up, or write the gateway's address in [gateway] address";
	if (k->result < 0)
		return strerror(k->error);
	return "the name servers know no such name; correct [gateway] address, or ask in the network "
	       "that knows it";
}

static void lookup_done(uv_work_t *work, int status)
{
	struct lookup *k = work->data;

	if (k->done && status == 0)
		k->done(k->ctx, k->addrs, k->result > 0 ? (unsigned)k->result : 0, lookup_why(k));
	free(k);
}

struct lookup *lookup_begin(struct uv_loop_s *uv, const char *name, unsigned max, lookup_fn done,
			    void *ctx)
{
	struct lookup *k = xcalloc(1, sizeof(*k));

	snprintf(k->name, sizeof(k->name), "%s", name);
	k->max = max < ARRAY_SIZE(k->addrs) ? max : (unsigned)ARRAY_SIZE(k->addrs);
	k->done = done;
	k->ctx = ctx;
	k->work.data = k;
	if (uv_queue_work(uv, &k->work, lookup_run, lookup_done) != 0)
		abort();
	return k;
}

void lookup_forget(struct lookup *k)
{
	if (!k)
		return;
	k->done = NULL;
	uv_cancel((uv_req_t *)&k->work);
}

/* ---- those of rules ---- */

struct names {
	const struct session_config *config;
	struct uv_loop_s *uv;
	struct names_ops ops;
	uv_timer_t timer;
	bool soon; /* the timer is set for that */
	bool again; /* once this round is over */
	struct lookup *lookup; /* NULL: no round is under way */
	unsigned at; /* the name that is looked up */
};

/* The next one, if there is one; with no `lookup` then the round is over. */
static void names_next(struct names *n, lookup_fn done)
{
	if (n->at < n->config->nnames && n->ops.wanted(n->ops.ctx))
		n->lookup = lookup_begin(n->uv, n->config->names[n->at], SESSION_NAME_ADDRS_MAX,
					 done, n);
}

static void on_answer(void *ctx, const struct addr *addrs, unsigned naddrs, const char *why)
{
	struct names *n = ctx;
	unsigned at = n->at++;

	(void)why;
	n->lookup = NULL;
	n->ops.answer(n->ops.ctx, at, addrs, naddrs);
	names_next(n, on_answer);
	if (n->lookup || !n->again)
		return;
	n->again = false;
	names_soon(n);
}

static void on_timer(uv_timer_t *t)
{
	struct names *n = t->data;

	n->soon = false;
	if (n->lookup) {
		n->again = true;
		return;
	}
	n->at = 0;
	names_next(n, on_answer);
}

void names_soon(struct names *n)
{
	if (n->soon || n->config->nnames == 0)
		return;
	n->soon = true;
	uv_timer_start(&n->timer, on_timer, SOON_MS, EVERY_MS);
}

struct names *names_new(struct uv_loop_s *uv, const struct session_config *config,
			const struct names_ops *ops)
{
	struct names *n = xcalloc(1, sizeof(*n));

	n->config = config;
	n->uv = uv;
	n->ops = *ops;
	uv_timer_init(uv, &n->timer);
	n->timer.data = n;
	if (config->nnames)
		uv_timer_start(&n->timer, on_timer, EVERY_MS, EVERY_MS);
	return n;
}

void names_stop(struct names *n)
{
	lookup_forget(n->lookup);
	n->lookup = NULL;
	if (!uv_is_closing((uv_handle_t *)&n->timer))
		uv_close((uv_handle_t *)&n->timer, NULL);
}

void names_free(struct names *n)
{
	free(n);
}
