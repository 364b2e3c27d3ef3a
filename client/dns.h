/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DNS hand-over: the servers and domains of a connection go to whoever manages names on this host,
 * and are taken back at its end. /etc/resolv.conf is never written by us.
 *
 *	dns_plan.c        what is to be set, from configuration and Mode Config; pure
 *	dns_host.c        who manages names here; chosen once, before privileges go
 *	dns_agent.c       does it, in the process that stays root (hooks_attendant.c)
 *	dns_resolved.c    systemd-resolved, on the system's D-Bus
 *	dns_resolvconf.c  resolvconf, openresolv's as well as Debian's
 *	dns_check.c       whether the servers answer (dns_check.h)
 *	dns.c             our side: what has been asked for and what came of it
 *
 *	            effect TUN                           the attendant ends
 *	nothing ──► plan ──► asked ──► set, or failed ────────────────────► taken back
 *	                       ▲            │
 *	                       └────────────┘ resolved or the bus is back; other servers
 *
 * resolved asks for root's rights or polkit's permission, a capability is nothing to it: so it is the
 * attendant, which is root, who talks to it, and no root's connection is in the process that speaks to
 * the network. The attendant sets what has been checked (dns_plan_check), on our own device alone.
 *
 * Where this process is killed, the attendant takes back what it has set; where both are, resolved
 * forgets a device that is gone, and resolvconf's record stands in the journal.
 */
#ifndef GODWIT_CLIENT_DNS_H
#define GODWIT_CLIENT_DNS_H

#include <stdio.h>

#include "client/session.h"

#define DNS_OWN_MAX 16 /* servers, and domains, of one's own */
#define DNS_SERVERS_MAX (DNS_OWN_MAX + IKE_DNS_MAX)
#define DNS_DOMAINS_MAX (DNS_OWN_MAX + IKE_SPLIT_DNS_MAX + 2)
#define DNS_WHY_MAX 160
#define DNS_LINE_MAX 400 /* what a person is told */
#define DNS_RECORD_MAX 64 /* the name of what resolvconf is given */

/* ---- what the configuration wants ---- */

/* In the order of the words of [dns] manage. */
enum dns_wish {
	DNS_AUTO,
	DNS_NONE,
	DNS_SCRIPT,
	DNS_RESOLVED,
	DNS_RESOLVCONF,
};

/* In the order of the words of [dns] default-route. */
enum dns_default {
	DNS_DEFAULT_AUTO, /* where the tunnel carries everything */
	DNS_DEFAULT_YES,
	DNS_DEFAULT_NO,
};

struct dns_domain {
	char name[IKE_NAME_MAX]; /* ".": every name */
	bool search; /* also added to names without a dot; else it only says whom to ask */
};

struct dns_config {
	enum dns_wish manage;
	enum dns_default default_route;
	bool servers_config; /* those that the gateway names, and these */
	unsigned nservers;
	struct addr servers[DNS_OWN_MAX];
	bool domains_config; /* the same */
	unsigned ndomains;
	struct dns_domain domains[DNS_OWN_MAX];
};

/* ---- dns_plan.c ---- */

/* Who sets it. */
enum dns_manager {
	DNS_BY_NONE,
	DNS_BY_RESOLVED,
	DNS_BY_RESOLVCONF,
	DNS_BY_SCRIPT,
};

/* What is to be set: flat, so that it goes through a socket as it is. No servers: nothing. */
struct dns_plan {
	uint32_t nservers;
	struct addr servers[DNS_SERVERS_MAX];
	uint32_t ndomains;
	struct dns_domain domains[DNS_DOMAINS_MAX];
	bool default_route; /* what no other one knows is asked here, too */
};

/* Servers to which our packets would not go through the tunnel. */
struct dns_beside {
	unsigned n;
	struct addr servers[DNS_SERVERS_MAX];
};

/*
 * A name that may be handed on: labels of letters, digits, '-' and '_'; "." is one. The whole text,
 * without a dot at either end.
 */
bool dns_name_ok(const char *name);
/*
 * From the effect TUN. Whose way is not through the tunnel is in `beside`, and also in the plan
 * unless it is resolved who is to ask it: that one asks through our device alone. Where the effect
 * has no policy, every server counts as reached.
 */
void dns_plan_make(const struct dns_config *c, enum dns_manager by, const struct session_effect *fx,
		   struct dns_plan *out, struct dns_beside *beside);
/* 0, or ERR_MALFORMED: a number too large, an address that no host has, a name that is none. */
int dns_plan_check(const struct dns_plan *p);
/* Every name is asked of these servers, and of no others. */
bool dns_plan_is_everything(const struct dns_plan *p);
/* "none", "resolved", "resolvconf", "script": the words of [dns] manage. */
const char *dns_manager_name(enum dns_manager m);
/* "~corp.example", "corp.example" or "~.": as resolvectl has them. */
const char *dns_domain_text(const struct dns_domain *d, char buf[IKE_NAME_MAX + 1]);

/* ---- dns_host.c ---- */

#define DNS_PATH_MAX 64

/* Who looks after names on this host. */
struct dns_host {
	bool through_resolved; /* programs ask resolved: its stub in resolv.conf, or nss-resolve */
	bool resolved; /* it is on the bus */
	bool elsewhere; /* but in another network namespace than we: our device is not there */
	char resolvconf[DNS_PATH_MAX]; /* the program; "": there is none */
	bool resolvconf_is_resolved; /* it is a name of resolvectl */
	const char *resolvconf_prefix; /* with it a record comes before those of other links */
	bool inside; /* our network namespace is not that of the host's first process */
};

/* What the files below `root`, "" for the host's own, say; the rest is left as it is. */
void dns_host_files(const char *root, struct dns_host *out);
/*
 * All of it, as far as the wish depends on it. Waits for the bus, if for anything, a second at most.
 */
void dns_host_look(enum dns_wish wish, struct dns_host *out);
/*
 * This process is in another network namespace than we; where we may not look it is taken for a
 * neighbour.
 */
bool dns_host_is_elsewhere(uint32_t pid);
/* Who is to set it. DNS_BY_NONE although something is wished: *why says what is missing, else NULL. */
enum dns_manager dns_choose(enum dns_wish wish, const struct dns_host *h, bool script,
			    const char **why);

/* ---- dns_resolved.c ---- */

/* status: 0, or a negative enum err, and why. */
typedef void (*dns_told)(void *ctx, int status, const char *why);

/* Is it on the bus, and does it serve our network namespace? Waits a second at most. */
void dns_resolved_look(bool *here, bool *elsewhere);

/*
 * Settings of one device in resolved. They are made anew when resolved, or the bus, comes back; of each
 * change there is one line. NULL: built without libsystemd.
 */
struct dns_resolved;

struct dns_resolved *dns_resolved_new(const char *device, dns_told told, void *ctx);
/* Readable when dns_resolved_run has something to do; the same for life. */
int dns_resolved_fd(const struct dns_resolved *r);
void dns_resolved_run(struct dns_resolved *r);
/* p is copied; without servers: what was set is taken back. Answered by `told`, perhaps at once. */
void dns_resolved_set(struct dns_resolved *r, const struct dns_plan *p);
/* Takes it back, for half a second at most, and frees it. NULL is allowed. */
void dns_resolved_free(struct dns_resolved *r);

/* ---- dns_resolvconf.c ---- */

/*
 * The name of our record: the host's prefix, and "godwit0.godwit". False: too long, or not to be had of
 * this device.
 */
bool dns_resolvconf_record(const struct dns_host *h, const char *device, char out[DNS_RECORD_MAX]);
/* True for what dns_resolvconf_record makes: letters, digits, '-', '_' and '.'. */
bool dns_resolvconf_record_ok(const char *record);
/* What resolvconf is given. To be freed. */
char *dns_resolvconf_text(const struct dns_plan *p);
/* 0, or a negative enum err and why. Wait for the program, 10 s at most. */
int dns_resolvconf_add(const char *program, const char *record, const struct dns_plan *p,
		       char why[DNS_WHY_MAX]);
int dns_resolvconf_del(const char *program, const char *record, char why[DNS_WHY_MAX]);
/* What a crash has left: 0 also where there is no resolvconf any more. */
int dns_resolvconf_repair(const char *record);

/* ---- dns_agent.c: in the attendant ---- */

struct dns_agent;

struct dns_agent_options {
	enum dns_manager by; /* RESOLVED or RESOLVCONF; else there is no agent */
	const char *device; /* all borrowed */
	const char *resolvconf; /* the program, */
	const char *record; /* and the name of what it is given */
};

struct dns_agent *dns_agent_new(const struct dns_agent_options *o, dns_told told, void *ctx);
/* Readable when dns_agent_run has something to do; the same for life; -1: never. */
int dns_agent_fd(const struct dns_agent *a);
void dns_agent_run(struct dns_agent *a);
/* p has been checked. Answered by `told`, perhaps at once. */
void dns_agent_set(struct dns_agent *a, const struct dns_plan *p);
/* Takes everything back and frees it. 0, or a negative enum err: something stands still. */
int dns_agent_end(struct dns_agent *a);

/* ---- dns.c ---- */

struct config;
struct host;
struct hooks;
struct hooks_env;
struct hooks_result;

enum dns_state {
	DNS_NOTHING, /* nothing is set, and nothing is to be */
	DNS_ASKED,
	DNS_SET,
	DNS_FAILED,
	DNS_TOLD, /* the script; what it does is its business */
};

/* What one connection has handed over. Control thread only. */
struct dns {
	const struct dns_config *config;
	enum dns_manager by;
	const char *missing; /* why it is nobody although it is wished; NULL: it is not */
	struct dns_host host;
	char record[DNS_RECORD_MAX]; /* resolvconf's */
	struct dns_plan plan;
	struct dns_beside beside; /* of the plan, or left out */
	enum dns_state state;
	char why[DNS_LINE_MAX]; /* FAILED, or what is not as it should be; "": nothing */
	bool silent; /* `why` is that no server answers */
	struct log *log;
	FILE *err; /* complaints, one line each */
};

/* Looks at the host and chooses who is to do it. All is borrowed. */
void dns_init(struct dns *d, const struct config *config, struct log *log, FILE *err);
/*
 * Hands over what this effect TUN says. True: its end is to be waited for, dns_ended comes. env, which
 * the script is told, has what the configuration knows better than the gateway.
 */
bool dns_begin(struct dns *d, struct host *h, struct hooks *hooks, const struct session_effect *fx,
	       struct hooks_env *env);
/* A result of DNS; the first one ends the wait, others come when things change. */
void dns_ended(struct dns *d, const struct hooks_result *r);
/* Who would have told is gone. */
void dns_lost(struct dns *d);
/*
 * Whom to ask whether they answer, once the tunnel is up: those that have been handed over and to which
 * the tunnel leads. How many; *name: about what, "" is the root; it is good until the next plan.
 */
unsigned dns_to_check(const struct dns *d, struct addr out[DNS_SERVERS_MAX], const char **name);
/* What came of that: these n of `asked` servers are silent. */
void dns_checked(struct dns *d, const struct addr *silent, unsigned n, unsigned asked);
/* The journal's line for what resolvconf is given, and back: false when it is no such line. */
bool dns_journal_line(const struct dns *d, char *line, size_t size);
bool dns_journal_record(const char *line, char record[DNS_RECORD_MAX]);
/* "10.0.0.53, fd00::53"; cut where it is too long. Returns out. */
const char *dns_servers_text(const struct addr *servers, unsigned n, char *out, size_t size);

#endif
