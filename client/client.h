/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * client/ is the product. This header is all that cmd/ sees of it.
 *
 *	session*.c        a connection as an engine (session.h)
 *	option*.c         the table of what a vpn.conf can say (options.h)
 *	config*.c         a file and the command line, by that table (config.h); settings.c: as options
 *	check*.c          what a configuration means, in sentences, and warnings
 *	connect.c, …      the runtime: carries the session's effects out (runtime.h has its files)
 *	control*.c        the control socket; request.c: its other end
 *	event_*.c         the event log and where it goes (event_log.h)
 *	dns*.c            names are handed over (dns.h)
 *	hooks*.c          the attendant, which does what takes root (hooks.h)
 *	service.c         the service manager (service.h)
 */
#ifndef GODWIT_CLIENT_CLIENT_H
#define GODWIT_CLIENT_CLIENT_H

#include <stdbool.h>
#include <stdio.h>

/* What a person sees of it. */
enum client_manner {
	CLIENT_GODWIT,
	CLIENT_VPNC, /* prompts, line on going to the background, exit codes: those of vpnc */
};

/* ---- options of vpn.conf on the command line ---- */

#define CLIENT_SETTINGS_MAX 64
#define CLIENT_LONG_OPTION_MAX 64
#define CLIENT_LONG_VALUE_MAX 200

/* "--gateway-address" and its value: in place of what the file says. */
struct client_setting {
	const char *option;
	const char *value;
};

struct client_settings {
	const char *name; /* of the connection; NULL: after the file, without one after the gateway */
	struct client_setting list[CLIENT_SETTINGS_MAX];
	unsigned n;
};

struct client_long_option {
	char name[CLIENT_LONG_OPTION_MAX]; /* "--gateway-address" */
	char value[CLIENT_LONG_VALUE_MAX]; /* as in a usage: "main|aggressive", "FILE", "VALUE" */
	const char *section, *key;
	const char *expect; /* to end the sentence "expected …" */
	const char *preset; /* NULL: none */
	const char *help; /* one line; NULL: of no use */
	bool refused; /* a secret, which others would see */
};

/* The i-th of them; false past the last. */
bool client_long_option(unsigned i, struct client_long_option *out);

enum client_setting_found {
	CLIENT_SETTING_UNKNOWN,
	CLIENT_SETTING_FOUND,
	CLIENT_SETTING_REFUSED, /* after one line on `err` */
};

/* name: n bytes, with its dashes. */
enum client_setting_found client_setting_find(const char *name, size_t n, FILE *err);

/* A gateway that accepts none of our proposals for phase 1. */
struct client_refusal {
	const char *address; /* in digits */
	const char *proposals; /* ours, with commas in between */
	const char *method; /* psk, certificate, hybrid */
	bool xauth;
	const char *group; /* in aggressive mode, what we call ourselves; NULL: main mode */
};

struct client_options {
	/* vpn.conf; with `text`: what it is called; NULL: there is none, `settings` are all. */
	const char *file;
	const struct client_settings *settings; /* NULL: none */
	/* In place of the file: its content; changed while it is read, wiped by the caller. */
	char *text;
	size_t text_size;
	enum client_manner manner;
	const char *pid_file; /* written when the tunnel is up, removed at the end; NULL: none */
	bool no_questions; /* who has nothing to answer with fails instead of being asked */
	bool detach; /* go to the background when the tunnel is up */
	bool verbose; /* debug events on stderr */
	const char *keylog; /* directory for Wireshark's decryption tables, or NULL */
	/*
	 * May find out, within some seconds, what it would accept: a clause for the person. False: that
	 * is not known. NULL: nobody is asked.
	 */
	bool (*advise)(const struct client_refusal *r, char *buf, size_t size);
};

/*
 * Connects and runs the connection. Progress goes to stdout, one complaint to stderr. With detach
 * it returns in the first process when the tunnel is up or has failed, and the connection lives on
 * in the background; without it returns when the connection has ended. Returns an exit code.
 */
int client_connect(const struct client_options *options);

#define CLIENT_ANSWER_MS 10000 /* for what a connection answers at once */

/*
 * Sends one request, a JSON object in one line, to the running connection `name` (NULL: the only
 * one) and gives its answer, a JSON text (free()). Returns 0, or an exit code after one line on
 * `err`: none running, more than one running, no answer.
 */
int client_request(const char *name, const char *request, char **answer, FILE *err);

/* The same, waiting so many milliseconds for the answer: some take their time. */
int client_request_wait(const char *name, const char *request, int wait_ms, char **answer,
			FILE *err);
/* Whether a connection can have this name. */
bool client_name_ok(const char *name);
/* True when a connection of this name runs. */
bool client_is_running(const char *name);
/* Calls `each` with the name of every connection that runs, in their order. */
void client_running(void (*each)(void *ctx, const char *name), void *ctx);

/*
 * An open line to a running connection, for requests that are answered by more than one line ("log"
 * with "follow") and for asking again and again: open, then whenever the descriptor is readable take
 * lines until there is none, then close. control_stream.h says what lines "log" gives.
 */
struct client_stream;

enum client_stream_state {
	CLIENT_STREAM_LINE,
	CLIENT_STREAM_NOTHING, /* no whole line yet */
	CLIENT_STREAM_ENDED, /* the connection has ended, or does not keep to lines */
};

/*
 * As client_request, but the line stays open and the answers are taken by client_stream_take. name
 * NULL: the only one. 0 and *out, to be closed; or an exit code after one line on `err`, *out NULL.
 */
int client_stream_open(const char *name, const char *request, struct client_stream **out,
		       FILE *err);
/* The name of the connection; good until it is closed. */
const char *client_stream_name(const struct client_stream *s);
/* Another request on the same line. False: nobody takes it, the connection has ended. */
bool client_stream_send(struct client_stream *s, const char *request);
/* Readable when client_stream_take may have something; to be polled, and no more. */
int client_stream_fd(const struct client_stream *s);
/*
 * The next line, without its end and terminated, good until the next call. Waits for it so many
 * milliseconds at most; 0: not at all, -1: for as long as it takes, or a signal comes. Several lines
 * may come at once: after the descriptor was readable, take until there is nothing.
 */
enum client_stream_state client_stream_take(struct client_stream *s, int wait_ms,
					    const char **line);
/* NULL is nothing. */
void client_stream_close(struct client_stream *s);

/*
 * Tells the running connection `name` (NULL: all of them) that the network may have changed, on
 * `interface` if that is not NULL. 0, or an exit code after one line on `err`. Without a name but
 * with an interface, which is how dispatchers do it, it is no failure that none runs.
 */
int client_roam(const char *name, const char *interface, FILE *err);

/*
 * Puts back what a crashed connection `name` (NULL: any) left behind in the kernel. Returns how
 * many journals were undone, or a negative enum err after one line on `err`.
 */
int client_repair(const char *name, FILE *err);

/*
 * What a person is asked for one of the fields that `status` names in `asks`: "Password for
 * alice@vpn.example.com: ". user may be "". True when the answer must not be seen.
 */
bool client_question(const char *field, const char *user, const char *gateway, char *buf,
		     size_t size);

/*
 * `check`: reads a configuration, explains it on `out`, complains on `err`. Returns an exit code. Either
 * of file and settings may be NULL.
 */
int client_check(const char *file, const struct client_settings *settings, FILE *out, FILE *err);
/* Writes the example configuration. */
void client_example(FILE *out);

#define CLIENT_PCF_PASSWORD_MAX 1024

/*
 * A password as Cisco's .pcf files hide it, in hex digits. False when it is none, or none that a
 * text can hold. The caller wipes.
 */
bool client_pcf_password(const char *hex, char out[CLIENT_PCF_PASSWORD_MAX + 1]);

/* wolfSSL's version and package, and which library was chosen for AES-GCM, for --version. */
const char *client_crypto_version(void);
const char *client_crypto_package(void);
const char *client_crypto_gcm(void);

#endif
