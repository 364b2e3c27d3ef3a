/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the parts of the reader of vpn.conf share, and nobody else sees: config.c takes the lines
 * apart, the others settle what its keys mean together.
 */
#ifndef GODWIT_CLIENT_CONFIG_IMPL_H
#define GODWIT_CLIENT_CONFIG_IMPL_H

#include <limits.h>

#include "client/options.h"

/* In place of a line: the option stands on the command line, and its number in the column. */
#define CONFIG_ARGV UINT_MAX

struct config_place {
	unsigned line; /* from 1; 0: the file as a whole */
	unsigned column; /* from 1, in bytes */
};

/* Where a key and its value stand. */
struct config_seen {
	struct config_place key;
	struct config_place value;
	bool refused; /* the value */
};

#define CONFIG_POLICY_KEYS_MAX 16

/* A credential of the service manager's, which stands in for a key that is not set. */
enum config_given {
	GIVEN_PSK,
	GIVEN_PASSWORD,
	GIVEN_KEY,
	GIVEN_PKCS12,
	GIVEN_KEY_PASSWORD,
	GIVENS
};

struct config_reader {
	const struct config_source *source;
	struct config_draft draft;
	FILE *err;
	unsigned errors;
	bool unknown; /* a key that does not exist was seen */
	unsigned line;
	char *begin; /* of the line */
	size_t next; /* offset of the next line */
	char *value; /* what stands behind the '=' of the line */
	bool in_section;
	bool skip; /* the section's keys: it is not one of ours */
	bool too_many; /* rules, and that has been said */
	const char *shown; /* the section's name, with that of a policy */
	struct config_seen seen[OPTIONS_MAX];
	/* In place of it for what each [policy] has; and where they begin. */
	struct config_seen policy_seen[SESSION_RULES_MAX][CONFIG_POLICY_KEYS_MAX];
	struct config_place policy_at[SESSION_RULES_MAX];
	char *given[GIVENS]; /* the files of credentials; NULL: none */
};

/* ---- config_say.c ---- */

#define CONFIG_PLACE_TEXT_MAX 72

#define CONFIG_NOWHERE ((struct config_place){ 0, 0 })

/* One line on `err`; the configuration is refused. */
void config_complain(struct config_reader *r, struct config_place at, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* One line on `err`, and no more. */
void config_warn(const struct config_reader *r, struct config_place at, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Of the policy at hand, if the option is one of theirs. */
struct config_seen *config_seen(struct config_reader *r, const struct option *o);
/*
 * The file has this key, which must exist. Here and below: of the policy at hand, if the section is
 * that of policies.
 */
bool config_is_set(const struct config_reader *r, const char *section, const char *key);
/* The value of this key is not one. */
bool config_is_refused(const struct config_reader *r, const char *section, const char *key);
/* NOWHERE for a default, here and below. */
struct config_place config_key_place(const struct config_reader *r, const char *section,
				     const char *key);
/* Of the value, or of what stands at this offset in it. */
struct config_place config_value_place(const struct config_reader *r, const char *section,
				       const char *key, size_t at);
/* Complains of each of these keys (the last one NULL) that is set: `why` says what is missing. */
void config_refuse_keys(struct config_reader *r, const char *section, const char *const *keys,
			const char *why);
/*
 * A file without a directory of its own is beside the configuration; one that is named on the command
 * line is where that says. free().
 */
char *config_beside(const struct config_reader *r, const char *section, const char *key,
		    const char *file);
/* "line 12", "--auth-psk-file". Returns buf. */
const char *config_place_text(struct config_place at, char buf[CONFIG_PLACE_TEXT_MAX]);

/* ---- settings.c ---- */

/* Those of the command line, before the lines. */
void config_take_settings(struct config_reader *r);

/* ---- config_auth.c ---- */

/* Who we are, what proves it, and where secrets come from. */
void config_settle_auth(struct config_reader *r);
/* Reads files and runs commands, once nothing is wrong otherwise. */
void config_fetch_auth(struct config_reader *r);

/* ---- config_ike.c ---- */

/* Mode, vendor, proposals, PFS, transport. */
void config_settle_ike(struct config_reader *r);

/* ---- config_tunnel.c ---- */

/* Addresses, what goes through the tunnel, and the script. */
void config_settle_tunnel(struct config_reader *r);

/* ---- config_policy.c ---- */

/* The rules, and what no rule names. After the others; looks names up. */
void config_settle_policies(struct config_reader *r);

#endif
