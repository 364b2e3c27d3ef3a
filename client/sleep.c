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
#include <sys/epoll.h>
#include <systemd/sd-bus.h>

#include "base/mem.h"

#define SYSTEM_BUS "unix:path=/run/dbus/system_bus_socket"
#define LOGIND "org.freedesktop.login1"
#define MANAGER "/org/freedesktop/login1"
#define BUS_ITSELF "org.freedesktop.DBus"
#define OWNER_MAX 256 /* of a name on the bus, with its NUL */
#define MESSAGES_MAX 16 /* so many at a time: who floods us does not keep the rest from its turn */
#define USEC_NEVER UINT64_MAX

struct sleep_watch {
	struct log *log;
	sleep_told told;
	void *ctx;
	sd_bus *bus;
	int epoll;
	int timer;
	int fd; /* the bus's, as far as epoll knows */
	char owner[OWNER_MAX]; /* whose signals count; "": nobody's */
};

/* ---- who logind is ---- */

static void owner_set(struct sleep_watch *w, const char *name)
{
	size_t n = strlen(name);

	w->owner[0] = '\0';
	if (n < OWNER_MAX)
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

/* A signal that is sent to us alone comes whatever we asked for: only the sender's name is the bus's. */
static bool is_from(sd_bus_message *m, const char *sender)
{
	const char *from = sd_bus_message_get_sender(m);

	return from && sender[0] && strcmp(from, sender) == 0;
}

static int on_owner_changed(sd_bus_message *m, void *ctx, sd_bus_error *error)
{
	const char *name, *before, *after;

	(void)error;
	if (is_from(m, BUS_ITSELF) && sd_bus_message_read(m, "sss", &name, &before, &after) >= 0 &&
	    strcmp(name, LOGIND) == 0)
		owner_set(ctx, after);
	return 0;
}

static int on_sleep(sd_bus_message *m, void *ctx, sd_bus_error *error)
{
	struct sleep_watch *w = ctx;
	int begins;

	(void)error;
	if (!is_from(m, w->owner)) {
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
	rc = sd_bus_match_signal_async(w->bus, NULL, BUS_ITSELF, "/org/freedesktop/DBus",
				       BUS_ITSELF, "NameOwnerChanged", on_owner_changed, NULL, w);
	if (rc >= 0)
		rc = sd_bus_match_signal_async(w->bus, NULL, LOGIND, MANAGER, LOGIND ".Manager",
					       "PrepareForSleep", on_sleep, NULL, w);
	if (rc >= 0)
		rc = sd_bus_call_method_async(w->bus, NULL, BUS_ITSELF, "/org/freedesktop/DBus",
					      BUS_ITSELF, "GetNameOwner", on_owner, w, "s", LOGIND);
	return rc;
}

/* A socket of this host: other kinds of address start programs, or leave the host. */
static const char *bus_address(void)
{
	const char *address = secure_getenv("DBUS_SYSTEM_BUS_ADDRESS");

	if (!address || !address[0])
		return SYSTEM_BUS;
	return strncmp(address, "unix:", 5) == 0 && !strchr(address, ';') ? address : "";
}

static int bus_begin(struct sleep_watch *w)
{
	int rc = sd_bus_new(&w->bus);

	if (rc >= 0)
		rc = sd_bus_set_address(w->bus, bus_address());
	if (rc >= 0)
		rc = sd_bus_set_bus_client(w->bus, 1);
	if (rc >= 0)
		rc = sd_bus_negotiate_fds(w->bus, 0);
	if (rc >= 0)
		rc = sd_bus_start(w->bus);
	return rc >= 0 ? ask(w) : rc;
}

/* ---- what epoll waits for ---- */

static int fd_follow(struct sleep_watch *w)
{
	int fd = sd_bus_get_fd(w->bus), wanted = sd_bus_get_events(w->bus);
	struct epoll_event ev = { 0 };
	int op = fd == w->fd ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;

	if (fd < 0 || wanted < 0)
		return -1;
	/* poll's words are epoll's. */
	ev.events = (uint32_t)wanted;
	w->fd = fd;
	return epoll_ctl(w->epoll, op, fd, &ev);
}

/* What the library has read but not handed out is due at once, too. */
static void timer_follow(struct sleep_watch *w)
{
	struct itimerspec spec = { 0 };
	uint64_t at;

	if (sd_bus_get_timeout(w->bus, &at) >= 0 && at != USEC_NEVER) {
		spec.it_value.tv_sec = (time_t)(at / 1000000);
		spec.it_value.tv_nsec = (long)(at % 1000000) * 1000;
		spec.it_value.tv_nsec += at == 0;
	}
	timerfd_settime(w->timer, TFD_TIMER_ABSTIME, &spec, NULL);
}

int sleep_watch_fd(const struct sleep_watch *w)
{
	return w->epoll;
}

bool sleep_watch_run(struct sleep_watch *w)
{
	int rc = 1;

	for (unsigned i = 0; rc > 0 && i < MESSAGES_MAX; i++)
		rc = sd_bus_process(w->bus, NULL);
	if (rc >= 0 && fd_follow(w) == 0) {
		timer_follow(w);
		return true;
	}
	log_ev(w->log, LOG_DEBUG, "the system's bus is gone: the clocks alone tell of sleep");
	return false;
}

/* ---- life ---- */

void sleep_watch_free(struct sleep_watch *w)
{
	if (!w)
		return;
	/* Without a flush, which would wait. */
	sd_bus_close_unref(w->bus);
	if (w->timer >= 0)
		close(w->timer);
	if (w->epoll >= 0)
		close(w->epoll);
	free(w);
}

struct sleep_watch *sleep_watch_new(struct log *log, sleep_told told, void *ctx)
{
	struct epoll_event ev = { .events = EPOLLIN };
	struct sleep_watch *w = xcalloc(1, sizeof(*w));
	int rc;

	*w = (struct sleep_watch){ .log = log, .told = told, .ctx = ctx, .fd = -1 };
	w->epoll = epoll_create1(EPOLL_CLOEXEC);
	w->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	rc = bus_begin(w);
	if (rc >= 0 && w->epoll >= 0 && w->timer >= 0 &&
	    epoll_ctl(w->epoll, EPOLL_CTL_ADD, w->timer, &ev) == 0 && fd_follow(w) == 0) {
		timer_follow(w);
		return w;
	}
	log_ev(log, LOG_DEBUG, "no system bus: the clocks alone tell of sleep",
	       log_str("why", rc < 0 ? strerror(-rc) : "no descriptor"));
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
