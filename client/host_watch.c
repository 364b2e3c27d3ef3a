/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/runtime.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

/* ---- how often ---- */

static vtime pace_last(const struct watch_pace *p)
{
	return p->times[(p->n + WATCH_PACE_TIMES - 1) % WATCH_PACE_TIMES];
}

static bool is_calm(const struct watch_pace *p, vtime now)
{
	return now - pace_last(p) >= WATCH_PACE_WINDOW;
}

vtime watch_pace_next(const struct watch_pace *p, vtime now)
{
	vtime next = pace_last(p) + WATCH_PACE_SLOW;

	return !p->slow || is_calm(p, now) || next < now ? now : next;
}

bool watch_pace_done(struct watch_pace *p, vtime now)
{
	bool was;

	if (is_calm(p, now))
		*p = (struct watch_pace){ 0 };
	/* A script that removes one rule after the other is one event. */
	if (p->n && now - pace_last(p) < WATCH_PACE_SAME)
		return false;
	was = p->slow;
	p->times[p->n++ % WATCH_PACE_TIMES] = now;
	p->slow |= p->n >= WATCH_PACE_TIMES &&
		   now - p->times[p->n % WATCH_PACE_TIMES] < WATCH_PACE_WINDOW;
	return p->slow && !was;
}

/* ---- life ---- */

static int add_fd(struct host_watch *w, int fd)
{
	struct epoll_event ev = { .events = EPOLLIN };

	return epoll_ctl(w->epoll, EPOLL_CTL_ADD, fd, &ev);
}

int host_watch_open(struct host_watch *w, unsigned ifindex, const struct tun_netlink *own)
{
	*w = HOST_WATCH_NONE;
	if (tun_watch_open(&w->tun, ifindex, own) != 0)
		return ERR_SYSTEM;
	w->timer = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
	w->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (w->timer < 0 || w->epoll < 0 || add_fd(w, w->timer) != 0 ||
	    add_fd(w, tun_watch_fd(&w->tun)) != 0) {
		host_watch_close(w);
		return ERR_SYSTEM;
	}
	return 0;
}

void host_watch_filter(struct host_watch *w, const struct tun_filter *f)
{
	if (tun_filter_fd(f) >= 0)
		add_fd(w, tun_filter_fd(f));
}

void host_watch_close(struct host_watch *w)
{
	int saved = errno;

	tun_watch_close(&w->tun);
	if (w->timer >= 0)
		close(w->timer);
	if (w->epoll >= 0)
		close(w->epoll);
	*w = HOST_WATCH_NONE;
	errno = saved;
}

/* ---- putting back ---- */

static void arm(struct host_watch *w, vtime at)
{
	struct itimerspec spec = { 0 };

	spec.it_value.tv_sec = (time_t)(at / VTIME_S);
	spec.it_value.tv_nsec = (long)(at % VTIME_S);
	timerfd_settime(w->timer, TFD_TIMER_ABSTIME, &spec, NULL);
}

/* True when everything stands again. */
static bool put_back(struct host *h, struct log *log, vtime now)
{
	struct host_watch *w = &h->watch;
	char why[200] = "";
	unsigned made = 0;
	int rc = host_restore(h, &made, why);

	if (rc)
		log_ev(log, LOG_WARN, "cannot put back what was removed", log_str("why", why));
	if (!made)
		return rc == 0;
	log_ev(log, LOG_WARN, "put back rules and routes that were gone", log_u64("count", made));
	if (watch_pace_done(&w->pace, now))
		log_ev(log, LOG_WARN,
		       "another program keeps removing our rules and routes: they are put back "
		       "every 10 s from now on");
	return rc == 0;
}

bool host_watch_run(struct host *h, struct log *log)
{
	struct host_watch *w = &h->watch;
	unsigned what = tun_watch_read(&w->tun);
	vtime now = runtime_now(), next;
	uint64_t times;

	log->now = now;
	/* It is the deadline, kept in `due`, that counts. */
	if (read(w->timer, &times, sizeof(times)) < 0)
		times = 0;
	if (tun_filter_touched(&h->filter))
		what |= TUN_WATCH_OURS;
	if (what & TUN_WATCH_OURS || (what & TUN_WATCH_NETWORK && h->nfirm < h->napplied))
		w->due = true;
	next = watch_pace_next(&w->pace, now);
	/* Without its device nothing can be put back; it tells when it is up again. */
	if (w->due && w->tun.up && next <= now) {
		w->due = !put_back(h, log, now);
		next = now + WATCH_PACE_SLOW;
	}
	if (w->due && w->tun.up)
		arm(w, next);
	return what & TUN_WATCH_NETWORK;
}
