/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of the reader of gateway.conf share: lines (config.c), keys, what they mean together. */
#ifndef GODWIT_GATEWAY_CONFIG_IMPL_H
#define GODWIT_GATEWAY_CONFIG_IMPL_H

#include "gateway/config.h"

#define KEYS_MAX 64
#define KEY_WHY_MAX 320

/* A file while its keys come in. Texts are borrowed from it; NULL: not set. */
struct gateway_draft {
	struct gateway_file *file;
	unsigned entry; /* the [auth] or [server] at hand */
	struct identity local;
	struct ike_config ike; /* what all entries have in common */
	bool weak_ike, weak_esp;
	const char *users, *ca, *certificate, *key, *pkcs12, *key_password, *crl;
	const char *psk_file[GATEWAY_ENTRIES_MAX];
	unsigned method[GATEWAY_ENTRIES_MAX]; /* enum ike_auth */
	unsigned mode[GATEWAY_ENTRIES_MAX]; /* enum ike_mode */
	bool user[GATEWAY_ENTRIES_MAX];
	bool secret; /* there is one in the file */
};

struct gateway_key {
	const char *section;
	const char *key;
	const char *expect; /* to end the sentence "expected …" */
	/* False: refused, and `why` says what would do. The value is not empty. */
	bool (*parse)(struct gateway_draft *d, const struct gateway_key *k, const char *value,
		      char why[KEY_WHY_MAX]);
	const char *preset; /* the default */
	const char *sample; /* for the example, where there is no default */
	const char *help; /* one short line */
	size_t field; /* of the draft, the configuration or the entry, as the parser knows */
	uint32_t min, max; /* of numbers and durations */
	const char *const *words; /* end with NULL */
	bool secret; /* the value is never shown */
};

/* ---- config_keys.c ---- */

extern const struct gateway_key gateway_keys[];
extern const unsigned gateway_keys_n;
/* The sections that have names. */
#define GATEWAY_AUTH "auth"
#define GATEWAY_SERVER "server"
#define NAMED_MAX GATEWAY_ENTRIES_MAX /* of each */

/* ---- config.c ---- */

struct gateway_reader {
	const char *name; /* of the file */
	FILE *err;
	unsigned errors;
	unsigned line;
	struct gateway_draft draft;
	const char *section; /* NULL: none, or one that is refused */
	unsigned seen[KEYS_MAX]; /* line of each key; those of sections with names below */
	unsigned seen_of[NAMED_MAX][KEYS_MAX];
};

/* One line on `err`; the file is refused. line 0: the file as a whole. */
void gateway_complain(struct gateway_reader *r, unsigned line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* ---- config_settle.c ---- */

/* What the keys mean together; reads the files that they name. */
void gateway_settle(struct gateway_reader *r);

#endif
