/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vpn.conf: one table of options (options.c) gives the keys, their defaults, their parsers and the
 * example file; config.c reads the INI file into a struct config, and config_auth.c, config_ike.c,
 * config_tunnel.c and config_policy.c settle what the keys mean together; check.c and
 * check_policy.c say it in words.
 *
 * A key that exists in the language but not yet in this version is refused with one plain line,
 * never ignored. Every complaint names file, line and column, what was expected, and for an
 * unknown word the nearest valid one.
 */
#ifndef GODWIT_CLIENT_CONFIG_H
#define GODWIT_CLIENT_CONFIG_H

#include <stdio.h>
#include <sys/types.h>

#include "client/client.h"
#include "client/dns.h"
#include "client/session.h"

#define CONFIG_NAME_MAX 64 /* of a connection: letters, digits, '-', '_', '.' */
#define CONFIG_DEVICE_MAX 15 /* IFNAMSIZ - 1 */
#define CONFIG_SIZE_MAX 60000 /* bytes of a file */
#define CONFIG_LINE_MAX 4096 /* bytes of a line */
#define CONFIG_COMPLAINTS_MAX 20

/* What the kernel is asked to do with many packets in one piece. */
enum offload_wish {
	OFFLOAD_AUTO, /* all that it can */
	OFFLOAD_OFF,
	OFFLOAD_UDP, /* outside alone */
	OFFLOAD_TUN, /* at the device alone */
};

struct config {
	char *file;
	char name[CONFIG_NAME_MAX + 1]; /* the file's name without directory and .conf */
	char device[CONFIG_DEVICE_MAX + 1];
	struct session_config session;
	char *storage[SESSION_GATEWAYS_MAX]; /* owns session.gateways */
	struct credentials *credentials; /* owns session.ike.credentials */
	/*
	 * A shell command that prints the user's password, run for each question that asks for one
	 * and is not answered by session.password; NULL: none. Its first argument, "$1", is the question as a person would see it.
	 */
	char *password_command;
	bool psk_asked; /* there is no pre-shared key yet: a person is to be asked */
	enum offload_wish offload;
	unsigned workers; /* threads that open packets; less than 2: the one that receives them */
	enum dispatch_select select;
	size_t hold_bytes; /* of packets that wait for their SA, in all; 0: none wait */
	vtime hold; /* the longest that one waits */
	char *script; /* of [hooks]: in vpnc-script's manner; NULL: none */
	bool routes_by_script; /* addresses and routes are the script's business, not ours */
	struct dns_config dns;
	uint16_t local_port; /* of our IKE socket; 0: any, and then any for 4500, too */
	struct addr local_address; /* our outer address; FAMILY_NONE: as the kernel routes */
};

/*
 * Reads and checks a file. On success *out is a new configuration (config_free). On error NULL is
 * in *out, the complaints (one line each, at most 20) are on `err`, and the result is ERR_CONFIG;
 * ERR_SYSTEM when the file cannot be read. A secret in a file that group or others can read is
 * refused. Warnings go to `err`, too, and do not fail.
 */
int config_read(const char *file, struct config **out, FILE *err);
/*
 * The same with settings (or NULL) that count in place of what the file says. may_ask: a missing
 * pre-shared key is no error.
 */
int config_read_with(const char *file, const struct client_settings *settings, bool may_ask,
		     struct config **out, FILE *err);
/* The same with settings alone. */
int config_read_settings(const struct client_settings *settings, bool may_ask, struct config **out,
			 FILE *err);

/* A configuration that is in memory already. */
struct config_source {
	/* For messages, for the connection's name, and the place of files that it names. */
	const char *file;
	char *text; /* changed while it is read; one byte of room behind it */
	size_t n;
	/*
	 * Of the file, both decide about a secret and a command in it. A text of a caller whom we
	 * trust is as a file of ours: geteuid() and 0600.
	 */
	uid_t owner;
	mode_t mode;
	/* Read the files that it names, run psk-command; else what they give stays empty. */
	bool fetch;
	bool may_ask; /* for the pre-shared key */
	const struct client_setting *settings; /* in place of what the text says */
	unsigned nsettings;
	const char *name; /* of the connection; NULL: the file's, as above */
	bool quiet; /* no warnings, no lines: who wrote it had no choice, and has no such file */
};

/* As config_read. The caller wipes the text. */
int config_parse(const struct config_source *source, struct config **out, FILE *err);
/* Wipes secrets and frees. NULL is harmless. */
void config_free(struct config *c);
/* Says in plain words what this configuration would do. */
void config_explain(const struct config *c, FILE *out);
/* Writes vpn.conf.example: every key of this version with its default and meaning. */
void config_write_example(FILE *out);

#endif
