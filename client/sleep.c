/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/sleep.h"

#include <sys/timerfd.h>
#include <unistd.h>

#define FAR ((time_t)1 << 33) /* some date in the 23rd century */
#define SLEPT VTIME_S /* what is shorter is no sleep that anybody else notices */

bool sleep_by_clocks(struct sleep_account *a, vtime asleep)
{
	bool slept = asleep > a->asleep + SLEPT;

	a->asleep = asleep;
	a->woken |= slept;
	return slept;
}

bool sleep_by_logind(struct sleep_account *a, vtime asleep, bool begins)
{
	bool slept = sleep_by_clocks(a, asleep), tell = slept || (!begins && !a->woken);

	/* There was no time to read of the beginning before it: this is the end. */
	a->woken = begins && slept;
	return tell;
}

int sleep_clock_open(void)
{
	const struct itimerspec far = { .it_value.tv_sec = FAR };
	int fd = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC);

	if (fd >= 0)
		timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &far, NULL);
	return fd;
}

void sleep_clock_take(int fd)
{
	uint64_t times;

	/* It is an error that tells, and that one read takes away. */
	if (read(fd, &times, sizeof(times)) < 0)
		return;
}

#ifdef GODWIT_SYSTEMD
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>

#include "base/mem.h"
#include "client/bus.h"

#define LOGIND "org.freedesktop.login1"
#define MANAGER "/org/freedesktop/login1"

struct sleep_watch {
	struct log *log;
	sleep_told told;
	void *ctx;
	struct bus bus;
	char owner[BUS_OWNER_MAX]; /* whose signals count; "": nobody's */
};

/* ---- who logind is ---- */

static void owner_set(struct sleep_watch *w, const char *name)
{
	size_t n = strlen(name);

	w->owner[0] = '\0';
	if (n < BUS_OWNER_MAX)
		memcpy(w->owner, name, n + 1);
	log_ev(w->log, LOG_DEBUG, n ? "logind will tell of sleep" : "there is no logind",
	       log_str("owner", w->owner));
}

static int on_owner(sd_bus_message *m, void *ctx, sd_bus_error *error)
{
	const char *name = "";

	(void)error;
	if (sd_bus_message_is_method_error(m, NULL) || sd_bus_message_read(m, "s", &name) < 0)
		name = "";
	owner_set(ctx, name);
	return 0;
}

static int on_owner_changed(sd_bus_message *m, void *ctx, sd_bus_error *error)
{
	const char *name, *before, *after;

	(void)error;
	if (bus_is_from(m, BUS_ITSELF) &&
	    sd_bus_message_read(m, "sss", &name, &before, &after) >= 0 && strcmp(name, LOGIND) == 0)
		owner_set(ctx, after);
	return 0;
}

static int on_sleep(sd_bus_message *m, void *ctx, sd_bus_error *error)
{
	struct sleep_watch *w = ctx;
	int begins;

	(void)error;
	if (!bus_is_from(m, w->owner)) {
		log_ev(w->log, LOG_DEBUG, "a signal that is not logind's is ignored");
		return 0;
	}
	if (sd_bus_message_read(m, "b", &begins) >= 0)
		w->told(w->ctx, begins != 0);
	return 0;
}

/* ---- the connection ---- */

static int ask(struct sleep_watch *w)
{
	int rc;

	/* In this order: no change of the owner is missed. */
	rc = sd_bus_match_signal_async(w->bus.sd, NULL, BUS_ITSELF, BUS_ITSELF_PATH, BUS_ITSELF,
				       "NameOwnerChanged", on_owner_changed, NULL, w);
	if (rc >= 0)
		rc = sd_bus_match_signal_async(w->bus.sd, NULL, LOGIND, MANAGER, LOGIND ".Manager",
					       "PrepareForSleep", on_sleep, NULL, w);
	if (rc >= 0)
		rc = sd_bus_call_method_async(w->bus.sd, NULL, BUS_ITSELF, BUS_ITSELF_PATH,
					      BUS_ITSELF, "GetNameOwner", on_owner, w, "s", LOGIND);
	return rc;
}

int sleep_watch_fd(const struct sleep_watch *w)
{
	return w->bus.epoll;
}

bool sleep_watch_run(struct sleep_watch *w)
{
	if (bus_run(&w->bus))
		return true;
	log_ev(w->log, LOG_DEBUG, "the system's bus is gone: the clocks alone tell of sleep");
	return false;
}

/* ---- life ---- */

void sleep_watch_free(struct sleep_watch *w)
{
	if (!w)
		return;
	bus_close(&w->bus);
	free(w);
}

struct sleep_watch *sleep_watch_new(struct log *log, sleep_told told, void *ctx)
{
	struct sleep_watch *w = xcalloc(1, sizeof(*w));
	int rc;

	*w = (struct sleep_watch){ .log = log, .told = told, .ctx = ctx };
	rc = bus_open(&w->bus);
	if (rc >= 0)
		rc = ask(w);
	if (rc >= 0 && bus_follow(&w->bus))
		return w;
	log_ev(log, LOG_DEBUG, "no system bus: the clocks alone tell of sleep",
	       log_str("why", rc < 0 ? strerror(-rc) : "it is gone"));
	sleep_watch_free(w);
	return NULL;
}

#else

struct sleep_watch *sleep_watch_new(struct log *log, sleep_told told, void *ctx)
{
	(void)told;
	(void)ctx;
	log_ev(log, LOG_DEBUG, "built without libsystemd: the clocks alone tell of sleep");
	return NULL;
}

int sleep_watch_fd(const struct sleep_watch *w)
{
	(void)w;
	return -1;
}

bool sleep_watch_run(struct sleep_watch *w)
{
	(void)w;
	return false;
}

void sleep_watch_free(struct sleep_watch *w)
{
	(void)w;
}

#endif
