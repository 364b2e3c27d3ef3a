/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hooks: commands of the configuration that run as root although the process that wants them to run
 * no longer is. A small attendant is forked before the privileges go. It holds a socket and nothing
 * else of ours: no key, no device, no thread. It can do five things, all with what it was given when
 * it was forked:
 *
 *	RUN         run the script, for a reason, with variables that it makes itself
 *	PASSWORD    run the password command with a question, and give back its first line
 *	PID_FILE    write the pid file
 *	BACKGROUND  let go of the terminal
 *	DNS         hand servers and domains to who manages names on this host (dns.h)
 *
 * The other side is unprivileged and may be in the hands of an attacker, so nothing that it sends
 * is a command, a path or a variable's name: a struct hooks_env has addresses, numbers and a few
 * texts, all are checked, and the attendant writes the environment from them (hooks_env.c). It is the
 * same with a struct dns_plan.
 *
 *	started ──RUN connect──► connected ──RUN disconnect──► …
 *	   │                         │
 *	   └──────── the other side is gone, in whatever way ────► what runs is killed; connected:
 *	                                         DNS is as before, `disconnect` runs, the pid file
 *	                                         is removed; the end
 *
 * So kill -9 and an orderly end are the same to it. A run has 30 s, `disconnect` 1.5 s: then its
 * process group is killed.
 *
 *	hooks.c            our side
 *	hooks_attendant.c  the attendant
 *	hooks_env.c        what the script is told: made from the session's effect, checked, written
 */
#ifndef GODWIT_CLIENT_HOOKS_H
#define GODWIT_CLIENT_HOOKS_H

#include <stdio.h>
#include <sys/types.h>

#include "client/config.h"
#include "client/dns.h"
#include "client/session.h"

#define HOOKS_SPLITS_MAX (IKE_SPLIT_MAX + SESSION_EXCLUDES_MAX)
#define HOOKS_QUESTION_MAX 1024
#define HOOKS_PASSWORD_MAX 255
#define HOOKS_WHY_MAX 160
#define HOOKS_RUN_MS 30000
#define HOOKS_DISCONNECT_MS 1500

/* Why the script is run: its variable "reason", in vpnc-script's words. */
enum hooks_reason {
	HOOKS_PRE_INIT,
	HOOKS_CONNECT,
	HOOKS_DISCONNECT,
	HOOKS_ATTEMPT_RECONNECT,
	HOOKS_RECONNECT,
	HOOKS_REASONS,
};

/* "pre-init", "connect", "disconnect", "attempt-reconnect", "reconnect" */
const char *hooks_reason_name(enum hooks_reason reason);

/* ---- hooks_env.c ---- */

/*
 * What a script is told: flat, so that it goes through a socket as it is. FAMILY_NONE, 0 and ""
 * are nothing, and their variables are not there.
 */
struct hooks_env {
	char device[CONFIG_DEVICE_MAX + 1];
	struct addr gateway;
	struct addr ip4;
	uint8_t ip4_len; /* 32: no netmask was given */
	struct addr ip6;
	uint8_t ip6_len;
	uint32_t mtu;
	uint32_t ndns;
	struct addr dns[IKE_DNS_MAX];
	uint32_t nnbns;
	struct addr nbns[IKE_DNS_MAX];
	char domain[IKE_NAME_MAX];
	char banner[IKE_BANNER_MAX];
	uint32_t nsplit_dns;
	char split_dns[IKE_SPLIT_DNS_MAX][IKE_NAME_MAX];
	uint32_t ninclude; /* none: everything goes through the tunnel */
	struct ike_split include[HOOKS_SPLITS_MAX];
	uint32_t nexclude;
	struct ike_split exclude[HOOKS_SPLITS_MAX];
};

/*
 * What the script is told about this tunnel. What may not stand in a variable is left out or
 * replaced, so that hooks_env_check has nothing to say.
 */
void hooks_env_make(const struct session_config *config, const char *device,
		    const struct session_effect *fx, struct hooks_env *out);
/*
 * 0, or ERR_MALFORMED: a number too large, an address that no host has, a text without its end or
 * with characters that a name, or a banner, cannot have. Nothing else of it has been used yet.
 */
int hooks_env_check(const struct hooks_env *env);

/* An environment, "NAME=VALUE" each and NULL at the end. */
struct hooks_vars {
	char **vars;
	size_t n;
	char *text;
	size_t used;
};

/* env must have been checked; log_level is 0 … 3. Freed with hooks_vars_free. */
void hooks_vars_make(const struct hooks_env *env, enum hooks_reason reason, pid_t owner,
		     unsigned log_level, struct hooks_vars *out);
void hooks_vars_free(struct hooks_vars *v);

/* ---- hooks.c ---- */

/* Borrowed until hooks_end. With nothing to run, to write or to set there is no attendant. */
struct hooks_options {
	const char *script; /* for /bin/sh -c */
	const char *password_command; /* for /bin/sh -c; "$1" is the question */
	const char *pid_file;
	bool no_dns; /* the script hears of no servers and domains, and leaves the host's alone */
	bool verbose;
	struct dns_agent_options dns;
};

enum hooks_verb {
	HOOKS_RUN,
	HOOKS_PASSWORD,
	HOOKS_PID_FILE,
	HOOKS_BACKGROUND,
	HOOKS_DNS,
};

/* How a request went. */
struct hooks_result {
	enum hooks_verb verb;
	enum hooks_reason reason; /* RUN */
	/*
	 * 0; ERR_UNSUPPORTED: there is no such command; ERR_CONFIG: it failed; ERR_TIMEOUT,
	 * ERR_PERMISSION, ERR_SYSTEM
	 */
	int status;
	char why[HOOKS_WHY_MAX]; /* "ended with exit code 1" */
	struct secret password; /* PASSWORD, when it went well; the taker frees it */
	bool dns_over; /* DNS: everything has been taken back, and the attendant ends */
};

/*
 * Our side. Requests are carried out in order; each but BACKGROUND has a result. DNS may have more of
 * them later, when who manages names has come or gone.
 */
struct hooks {
	int fd; /* readable when there is a result; -1: no attendant */
	bool lost; /* it has died */
	bool dns_over; /* its last word on DNS: nothing of it is left; stays true behind hooks_end */
	pid_t pid;
	const struct hooks_options *options;
};

/*
 * Forks the attendant where there is something for it to do. Before there are threads, secrets
 * and privileged descriptors. 0, or ERR_SYSTEM after one line on `err`.
 */
int hooks_start(struct hooks *h, const struct hooks_options *options, FILE *err);
bool hooks_has_script(const struct hooks *h);
bool hooks_has_password(const struct hooks *h);
/* Asks for a run; false when it cannot be had. */
bool hooks_run(struct hooks *h, enum hooks_reason reason, const struct hooks_env *env);
/* Asks for a password. */
bool hooks_password(struct hooks *h, const char *question);
/*
 * The next result, waiting for it so long at most; 0: not at all. False when there is none, and
 * for ever when the attendant is lost.
 */
bool hooks_take(struct hooks *h, unsigned wait_ms, struct hooks_result *out);
/* Asks for a run and waits for its end; results of others that come before are thrown away. */
bool hooks_run_wait(struct hooks *h, enum hooks_reason reason, const struct hooks_env *env,
		    unsigned wait_ms, struct hooks_result *out);
/* Writes the pid file with the number of this process; false after one line on `err`. */
bool hooks_write_pid(struct hooks *h, FILE *err);
/* What is run from now on writes nowhere. */
void hooks_go_to_background(struct hooks *h);
/* False when that is nobody's business here. Without servers: what was handed over is taken back. */
bool hooks_dns(struct hooks *h, const struct dns_plan *plan);
/*
 * The end of DNS, `disconnect`, where there was a connect, and the end of the attendant: waits for it,
 * 200 ms more than a disconnect may take, and where there is DNS that time once more. Harmless when there is none.
 */
void hooks_end(struct hooks *h);

/* ---- hooks_attendant.c ---- */

struct hooks_request {
	enum hooks_verb verb;
	enum hooks_reason reason;
	union {
		struct hooks_env env; /* RUN, but pre-init and disconnect */
		char question[HOOKS_QUESTION_MAX];
		struct dns_plan dns;
	};
};

struct hooks_reply {
	enum hooks_verb verb;
	enum hooks_reason reason;
	int status;
	char why[HOOKS_WHY_MAX];
	bool dns_over;
	uint32_t n;
	uint8_t password[HOOKS_PASSWORD_MAX];
};

/* The attendant's life; the process ends with it. fd: its end of the socket; owner: our side. */
_Noreturn void hooks_attend(int fd, pid_t owner, const struct hooks_options *options);

#endif
