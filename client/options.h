/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The options of vpn.conf as one table: section, key, parser, default, meaning, and whether this
 * version can do it. Whatever names an option (the parser, the example file, the complaints) reads
 * it from here.
 */
#ifndef GODWIT_CLIENT_OPTIONS_H
#define GODWIT_CLIENT_OPTIONS_H

#include "client/config.h"

#define OPTIONS_MAX 120 /* rows of the table, at most */
#define OPTION_ITEM_MAX 255 /* bytes of one item of a list */
#define OPTION_WHY_MAX 320
#define OPTION_ECHO_MAX 64 /* of a refused value, in a message */
#define CONFIG_PREFIXES_MAX SESSION_EXCLUDES_MAX /* of one list, at most */

enum pfs_wish {
	PFS_AS_PROPOSED, /* the group behind an [esp] proposal, else that of the first [ike] one */
	PFS_NONE,
	PFS_GROUP, /* a named one */
	PFS_SERVER, /* as the gateway says */
};

/* In the order of the words of [tunnel] routes. */
enum routes_wish {
	ROUTES_OWN,
	ROUTES_SCRIPT,
};

struct config_prefix {
	struct prefix prefix;
	size_t at; /* where in the value it stands */
};

struct config_prefixes {
	unsigned n;
	struct config_prefix list[CONFIG_PREFIXES_MAX];
};

#define POLICY_LIST_MAX SESSION_RULE_TS_MAX /* of hosts, protocols or ports of one rule, at most */

/* What a rule says of one side's addresses; none: any. */
struct policy_hosts {
	unsigned n;
	struct {
		struct prefix prefix; /* family none: a name */
		struct slice name; /* of the value */
		size_t at;
	} list[POLICY_LIST_MAX];
};

/* None: any. */
struct policy_ports {
	unsigned n;
	struct {
		uint16_t lo;
		uint16_t hi;
	} list[POLICY_LIST_MAX];
};

struct policy_protocols {
	unsigned n;
	uint8_t list[POLICY_LIST_MAX];
};

/* One [policy NAME] while its options come in. */
struct policy_draft {
	char name[SESSION_RULE_NAME_MAX];
	struct policy_hosts source, destination;
	struct policy_ports source_port, port;
	struct policy_protocols protocol;
	enum policy_action action;
	enum policy_granularity granularity;
	struct ike_child_config child; /* no suites, and 0 for keylife_s: as [esp] says */
	size_t esp_at[IKE_SUITES_MAX];
	enum dh_group proposed_group;
	enum pfs_wish pfs;
	enum dh_group pfs_group;
	vtime idle_close;
	unsigned max_sas;
};

/*
 * A configuration while its options come in, before they are checked against each other. Texts are
 * borrowed from the file's; NULL: not set.
 */
struct config_draft {
	struct config *config;
	enum pfs_wish pfs;
	enum dh_group pfs_group; /* PFS_GROUP */
	enum dh_group proposed_group; /* behind an [esp] proposal; DH_NONE */
	size_t ike_at[IKE_SUITES_MAX]; /* where in the value each proposal stands */
	size_t esp_at[IKE_SUITES_MAX];
	/* The number of the word in its list, which is the order of an enum. */
	unsigned mode; /* enum ike_mode */
	unsigned vendor; /* enum ike_vendor */
	unsigned method; /* enum ike_auth */
	unsigned transport; /* enum ike_transport */
	unsigned routes; /* enum routes_wish */
	unsigned dns; /* enum dns_wish */
	unsigned default_route; /* enum dns_default */
	unsigned fallback; /* 0: bypass, 1: discard */
	unsigned start; /* 0: connect, 1: demand */
	unsigned offload; /* enum offload_wish */
	unsigned select; /* enum dispatch_select */
	bool fail_closed;
	bool allow_weak_ike, allow_weak_esp;
	bool xauth, interactive, fragmentation;
	const char *application_version;
	const char *psk_file, *psk_command;
	unsigned psk_fd, password_fd; /* 0: none */
	const char *username, *domain;
	const char *password, *password_file, *password_command;
	const char *ca, *certificate, *key, *pkcs12, *key_password, *crl;
	const char *script;
	struct config_prefixes local; /* none: our inner addresses */
	struct config_prefixes remote; /* none: what the gateway says */
	struct config_prefixes exclude;
	struct policy_draft policies[SESSION_RULES_MAX];
	unsigned npolicies;
	unsigned policy; /* the one at hand */
};

/* A value on its way into a parser, and the parser's complaint on its way out. */
struct option_value {
	const char *text; /* quotes and comment are gone */
	size_t at; /* offset in text of what is wrong */
	char item[OPTION_ECHO_MAX]; /* what is wrong, printable; empty for a secret */
	char why[OPTION_WHY_MAX]; /* "expected …" */
};

struct option_word {
	const char *word;
	const char *later; /* of the language, but not of this version: why */
};

struct option {
	const char *section;
	const char *key;
	/* What a value may be, to end the sentence "expected …". */
	const char *expect;
	/* NULL: the words are all there is, and the one available needs nothing done. */
	bool (*parse)(struct config_draft *d, const struct option *o, struct option_value *v);
	const struct option_word *words; /* end with NULL; tried before parse */
	const char *preset; /* the default */
	const char *sample; /* for the example, where there is no default */
	const char *help; /* one short line; NULL: not in the example */
	size_t field; /* of the draft: where a value goes that is taken as it is */
	/* Of numbers, of texts in bytes (0: any), of durations in seconds or, where they have them, ms. */
	uint32_t min, max;
	bool required;
	bool secret; /* the value is never shown */
};

struct option_section {
	const char *name;
	bool named; /* [name NAME] */
	const char *sample; /* of that name */
};

extern const struct option options[];
extern const unsigned options_n;
extern const struct option_section option_sections[];
extern const unsigned option_sections_n;

/* NULL when there is none. */
const struct option *option_find(const char *section, const char *key);
/* Of the header's text, "gateway" or "policy NAME"; NULL when there is none. */
const struct option_section *option_section_find(const char *text);
/*
 * Says what to do about a key that the section does not have: the nearest name, the section where
 * it belongs, or all the section's keys. Returns buf.
 */
const char *option_key_hint(const char *section, const char *key, char buf[OPTION_WHY_MAX]);
const char *option_section_hint(const char *text, char buf[OPTION_WHY_MAX]);

/*
 * Takes a value. False when it is refused: v then holds the complaint. Values of a secret never
 * get into it.
 */
bool option_parse(struct config_draft *d, const struct option *o, struct option_value *v);

/* "30s", "9m", "8h", "1d" or plain seconds, at most 9 digits. */
bool duration_parse(const char *text, uint32_t *seconds);
/* The same, and "200ms"; at most 49 days. */
bool duration_parse_ms(const char *text, uint32_t *ms);
/* The shortest of these forms. */
const char *duration_text(uint32_t seconds, char buf[16]);

#endif
