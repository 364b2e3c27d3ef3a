/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/dns.h"

#ifdef GODWIT_SYSTEMD
#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include "base/mem.h"
#include "client/bus.h"
#include "client/runtime.h"

#define RESOLVED "org.freedesktop.resolve1"
#define MANAGER_PATH "/org/freedesktop/resolve1"
#define MANAGER RESOLVED ".Manager"
#define ANSWER_US 3000000 /* one that takes longer has failed */
#define LOOK_MS 1000
#define END_MS 500
#define BUS_AGAIN_S 5 /* a bus that is not there is looked for so often */

/* ---- is it there? ---- */

struct look {
	struct bus bus;
	bool here;
	uint32_t pid; /* 0: not known */
	bool done;
};

static int on_pid(sd_bus_message *m, void *ctx, sd_bus_error *error)
{
	struct look *k = ctx;

	(void)error;
	if (sd_bus_message_is_method_error(m, NULL) || sd_bus_message_read(m, "u", &k->pid) < 0)
		k->pid = 0;
	k->done = true;
	return 0;
}

static int on_look(sd_bus_message *m, void *ctx, sd_bus_error *error)
{
	struct look *k = ctx;

	(void)error;
	k->here = !sd_bus_message_is_method_error(m, NULL);
	k->done = !k->here || sd_bus_call_method_async(k->bus.sd, NULL, BUS_ITSELF, BUS_ITSELF_PATH,
						       BUS_ITSELF, "GetConnectionUnixProcessID",
						       on_pid, k, "s", RESOLVED) < 0;
	return 0;
}

/* Until *done, or for so long. False: the bus is gone. */
static bool bus_wait(struct bus *b, const bool *done, unsigned ms)
{
	vtime deadline = vtime_add(runtime_now(), ms * VTIME_MS);
	struct pollfd p = { .fd = b->epoll, .events = POLLIN };

	while (!*done && runtime_now() < deadline) {
		poll(&p, 1, (int)(vtime_until(runtime_now(), deadline) / VTIME_MS) + 1);
		if (!bus_run(b))
			return false;
	}
	return true;
}

void dns_resolved_look(bool *here, bool *elsewhere)
{
	struct look k = { .bus = BUS_NONE };

	*here = *elsewhere = false;
	if (bus_open(&k.bus) != 0)
		return;
	if (sd_bus_call_method_async(k.bus.sd, NULL, BUS_ITSELF, BUS_ITSELF_PATH, BUS_ITSELF,
				     "GetNameOwner", on_look, &k, "s", RESOLVED) >= 0 &&
	    bus_follow(&k.bus))
		bus_wait(&k.bus, &k.done, LOOK_MS);
	*here = k.here;
	*elsewhere = k.here && k.pid && dns_host_is_elsewhere(k.pid);
	bus_close(&k.bus);
}

/* ---- what is set ---- */

#define CALLS 3 /* that make up the settings of a device */

struct dns_resolved {
	char device[IF_NAMESIZE];
	dns_told told;
	void *ctx;
	int epoll;
	int again; /* a timer: the bus is looked for */
	struct bus bus;
	struct dns_plan plan;
	bool wanted; /* there is, or may be, something set */
	sd_bus_slot *calls[CALLS]; /* those that may be answered yet */
	unsigned ncalls;
	unsigned answers; /* that are missing */
	bool ended; /* none is */
	bool refused; /* one was an error */
	bool failed; /* that has been told */
};

static void tell(struct dns_resolved *r, int status, const char *why)
{
	/* What stays away is spoken of once. */
	if (status && r->failed)
		return;
	r->failed = status != 0;
	r->told(r->ctx, status, why);
}

/* In our words where the bus's would not help. */
static void tell_error(struct dns_resolved *r, const sd_bus_error *e)
{
	char why[DNS_WHY_MAX];

	if (sd_bus_error_has_name(e, SD_BUS_ERROR_ACCESS_DENIED) ||
	    sd_bus_error_has_name(e, SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED))
		snprintf(why, sizeof(why),
			 "systemd-resolved does not let user %u do it; start godwit as root, or "
			 "have polkit allow org.freedesktop.resolve1.*",
			 (unsigned)geteuid());
	else if (sd_bus_error_has_name(e, SD_BUS_ERROR_SERVICE_UNKNOWN) ||
		 sd_bus_error_has_name(e, SD_BUS_ERROR_NAME_HAS_NO_OWNER) ||
		 strncmp(e->name, "org.freedesktop.DBus.Error.Spawn.", 33) == 0)
		snprintf(why, sizeof(why),
			 "systemd-resolved does not run; run: systemctl start systemd-resolved");
	else if (sd_bus_error_has_name(e, SD_BUS_ERROR_NO_REPLY))
		snprintf(why, sizeof(why), "systemd-resolved does not answer");
	else
		snprintf(why, sizeof(why), "systemd-resolved refuses: %.100s",
			 e->message ? e->message : e->name);
	tell(r, ERR_SYSTEM, why);
}

static int on_answer(sd_bus_message *m, void *ctx, sd_bus_error *error)
{
	const sd_bus_error *e = sd_bus_message_get_error(m);
	struct dns_resolved *r = ctx;

	(void)error;
	if (e && !r->refused)
		tell_error(r, e);
	r->refused |= e != NULL;
	if (--r->answers > 0)
		return 0;
	r->ended = true;
	if (!r->refused)
		tell(r, 0, "");
	return 0;
}

static void calls_forget(struct dns_resolved *r)
{
	while (r->ncalls > 0)
		sd_bus_slot_unref(r->calls[--r->ncalls]);
	r->answers = 0;
}

/* Takes over the message of which making it was `rc`. 0 or a negative errno. */
static int call(struct dns_resolved *r, sd_bus_message *m, int rc)
{
	if (rc >= 0)
		rc = sd_bus_call_async(r->bus.sd, &r->calls[r->ncalls], m, on_answer, r, ANSWER_US);
	if (rc >= 0) {
		r->ncalls++;
		r->answers++;
	}
	sd_bus_message_unref(m);
	return rc;
}

static int call_new(const struct dns_resolved *r, const char *method, unsigned ifindex,
		    sd_bus_message **m)
{
	int rc = sd_bus_message_new_method_call(r->bus.sd, m, RESOLVED, MANAGER_PATH, MANAGER,
						method);

	return rc < 0 ? rc : sd_bus_message_append(*m, "i", (int)ifindex);
}

static int append_server(sd_bus_message *m, const struct dns_plan *p, uint32_t i)
{
	const struct addr *a = &p->servers[i];
	int rc = sd_bus_message_open_container(m, 'r', "iay");

	if (rc >= 0)
		rc = sd_bus_message_append(m, "i", a->family == FAMILY_IP4 ? AF_INET : AF_INET6);
	if (rc >= 0)
		rc = sd_bus_message_append_array(m, 'y', a->b, family_size(a->family));
	return rc < 0 ? rc : sd_bus_message_close_container(m);
}

static int append_domain(sd_bus_message *m, const struct dns_plan *p, uint32_t i)
{
	return sd_bus_message_append(m, "(sb)", p->domains[i].name, !p->domains[i].search);
}

/* n elements of this type, each of which `append` adds. */
static int call_list(struct dns_resolved *r, unsigned ifindex, const char *method, const char *type,
		     int (*append)(sd_bus_message *m, const struct dns_plan *p, uint32_t i),
		     uint32_t n)
{
	sd_bus_message *m = NULL;
	int rc = call_new(r, method, ifindex, &m);

	if (rc >= 0)
		rc = sd_bus_message_open_container(m, 'a', type);
	for (uint32_t i = 0; i < n && rc >= 0; i++)
		rc = append(m, &r->plan, i);
	if (rc >= 0)
		rc = sd_bus_message_close_container(m);
	return call(r, m, rc);
}

static int call_servers(struct dns_resolved *r, unsigned ifindex)
{
	return call_list(r, ifindex, "SetLinkDNS", "(iay)", append_server, r->plan.nservers);
}

static int call_domains(struct dns_resolved *r, unsigned ifindex)
{
	return call_list(r, ifindex, "SetLinkDomains", "(sb)", append_domain, r->plan.ndomains);
}

static int call_default_route(struct dns_resolved *r, unsigned ifindex)
{
	sd_bus_message *m = NULL;
	int rc = call_new(r, "SetLinkDefaultRoute", ifindex, &m);

	if (rc >= 0)
		rc = sd_bus_message_append(m, "b", r->plan.default_route);
	return call(r, m, rc);
}

static int call_revert(struct dns_resolved *r, unsigned ifindex)
{
	sd_bus_message *m = NULL;
	int rc = call_new(r, "RevertLink", ifindex, &m);

	return call(r, m, rc);
}

/* All at once, in this order. The answers to what was asked before are not waited for. */
static void begin(struct dns_resolved *r)
{
	unsigned ifindex = if_nametoindex(r->device);
	int rc = ifindex ? 0 : -ENODEV;

	calls_forget(r);
	r->ended = r->refused = false;
	if (rc == 0 && r->plan.nservers == 0)
		rc = call_revert(r, ifindex);
	else if (rc == 0)
		rc = call_servers(r, ifindex);
	if (rc >= 0 && r->plan.nservers)
		rc = call_domains(r, ifindex);
	if (rc >= 0 && r->plan.nservers)
		rc = call_default_route(r, ifindex);
	if (rc >= 0)
		return;
	calls_forget(r);
	r->ended = true;
	tell(r, ERR_SYSTEM, rc == -ENODEV ? "the device is gone" : strerror(-rc));
}

/* ---- it comes and goes ---- */

static int on_owner_changed(sd_bus_message *m, void *ctx, sd_bus_error *error)
{
	const char *name, *before, *after;
	struct dns_resolved *r = ctx;

	(void)error;
	if (!bus_is_from(m, BUS_ITSELF) ||
	    sd_bus_message_read(m, "sss", &name, &before, &after) < 0 ||
	    strcmp(name, RESOLVED) != 0 || !r->wanted)
		return 0;
	if (after[0]) {
		begin(r);
		return 0;
	}
	calls_forget(r);
	tell(r, ERR_SYSTEM, "systemd-resolved has ended; it is told again when it is back");
	return 0;
}

static void look_again(struct dns_resolved *r)
{
	const struct itimerspec spec = { .it_value.tv_sec = BUS_AGAIN_S };

	timerfd_settime(r->again, 0, &spec, NULL);
}

static void bus_lost(struct dns_resolved *r)
{
	calls_forget(r);
	bus_close(&r->bus);
	tell(r, ERR_SYSTEM, "there is no system bus; systemd-resolved is told when it is back");
	look_again(r);
}

static bool connect_bus(struct dns_resolved *r)
{
	struct epoll_event ev = { .events = EPOLLIN };

	/* In this order: no change of the owner is missed. */
	return bus_open(&r->bus) == 0 &&
	       sd_bus_match_signal_async(r->bus.sd, NULL, BUS_ITSELF, BUS_ITSELF_PATH, BUS_ITSELF,
					 "NameOwnerChanged", on_owner_changed, NULL, r) >= 0 &&
	       epoll_ctl(r->epoll, EPOLL_CTL_ADD, r->bus.epoll, &ev) == 0;
}

static void attempt(struct dns_resolved *r)
{
	if (!r->bus.sd && !connect_bus(r)) {
		bus_lost(r);
		return;
	}
	begin(r);
	if (!bus_follow(&r->bus))
		bus_lost(r);
}

int dns_resolved_fd(const struct dns_resolved *r)
{
	return r->epoll;
}

void dns_resolved_run(struct dns_resolved *r)
{
	uint64_t times;

	if (read(r->again, &times, sizeof(times)) > 0 && !r->bus.sd)
		attempt(r);
	if (r->bus.sd && !bus_run(&r->bus))
		bus_lost(r);
}

void dns_resolved_set(struct dns_resolved *r, const struct dns_plan *p)
{
	if (p->nservers == 0 && !r->wanted) {
		r->told(r->ctx, 0, "");
		return;
	}
	r->plan = *p;
	r->wanted = true;
	r->failed = false;
	attempt(r);
}

/* ---- life ---- */

struct dns_resolved *dns_resolved_new(const char *device, dns_told told, void *ctx)
{
	struct epoll_event ev = { .events = EPOLLIN };
	struct dns_resolved *r = xcalloc(1, sizeof(*r));

	*r = (struct dns_resolved){ .told = told, .ctx = ctx, .bus = BUS_NONE };
	snprintf(r->device, sizeof(r->device), "%s", device);
	r->epoll = epoll_create1(EPOLL_CLOEXEC);
	r->again = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (r->epoll >= 0 && r->again >= 0)
		epoll_ctl(r->epoll, EPOLL_CTL_ADD, r->again, &ev);
	return r;
}

static void told_nobody(void *ctx, int status, const char *why)
{
	(void)ctx;
	(void)status;
	(void)why;
}

void dns_resolved_free(struct dns_resolved *r)
{
	if (!r)
		return;
	r->told = told_nobody;
	r->plan.nservers = 0;
	if (r->wanted && r->bus.sd) {
		begin(r);
		if (bus_follow(&r->bus))
			bus_wait(&r->bus, &r->ended, END_MS);
	}
	calls_forget(r);
	bus_close(&r->bus);
	close(r->again);
	close(r->epoll);
	free(r);
}

#else

void dns_resolved_look(bool *here, bool *elsewhere)
{
	*here = *elsewhere = false;
}

struct dns_resolved *dns_resolved_new(const char *device, dns_told told, void *ctx)
{
	(void)device;
	(void)told;
	(void)ctx;
	return NULL;
}

int dns_resolved_fd(const struct dns_resolved *r)
{
	(void)r;
	return -1;
}

void dns_resolved_run(struct dns_resolved *r)
{
	(void)r;
}

void dns_resolved_set(struct dns_resolved *r, const struct dns_plan *p)
{
	(void)r;
	(void)p;
}

void dns_resolved_free(struct dns_resolved *r)
{
	(void)r;
}

#endif
