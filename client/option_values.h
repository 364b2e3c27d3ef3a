/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The parsers that the table of options names. Each takes a value that is not empty into the draft,
 * or refuses it: false, with the complaint in *v.
 */
#ifndef GODWIT_CLIENT_OPTION_VALUES_H
#define GODWIT_CLIENT_OPTION_VALUES_H

#include "client/options.h"

/*
 * Refuses: `item` (shown, made printable and cut) at this offset of the value is wrong; the rest
 * says what was expected. Always false.
 */
bool option_refuse(struct option_value *v, size_t at, const char *item, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* What is taken as it is goes to the draft at option.field: */
bool value_text(struct config_draft *d, const struct option *o, struct option_value *v);
/* "yes" or "no", to a bool; */
bool value_flag(struct config_draft *d, const struct option *o, struct option_value *v);
/* the number of the word, to an unsigned. */
bool value_word(struct config_draft *d, const struct option *o, struct option_value *v);

bool value_gateways(struct config_draft *d, const struct option *o, struct option_value *v);
bool value_peer(struct config_draft *d, const struct option *o, struct option_value *v);
bool value_workers(struct config_draft *d, const struct option *o, struct option_value *v);
bool value_local_port(struct config_draft *d, const struct option *o, struct option_value *v);
bool value_local_address(struct config_draft *d, const struct option *o, struct option_value *v);
bool value_cisco_port(struct config_draft *d, const struct option *o, struct option_value *v);
bool value_own(struct config_draft *d, const struct option *o, struct option_value *v);
bool value_fd(struct config_draft *d, const struct option *o, struct option_value *v);
bool value_psk(struct config_draft *d, const struct option *o, struct option_value *v);
bool value_ike_proposals(struct config_draft *d, const struct option *o, struct option_value *v);
bool value_ike_lifetime(struct config_draft *d, const struct option *o, struct option_value *v);
bool value_dpd(struct config_draft *d, const struct option *o, struct option_value *v);
bool value_esp_proposals(struct config_draft *d, const struct option *o, struct option_value *v);
bool value_pfs(struct config_draft *d, const struct option *o, struct option_value *v);
bool value_keylife(struct config_draft *d, const struct option *o, struct option_value *v);
bool value_rekeymargin(struct config_draft *d, const struct option *o, struct option_value *v);
bool value_rekeyfuzz(struct config_draft *d, const struct option *o, struct option_value *v);
bool value_device(struct config_draft *d, const struct option *o, struct option_value *v);
bool value_mtu(struct config_draft *d, const struct option *o, struct option_value *v);
bool value_inner(struct config_draft *d, const struct option *o, struct option_value *v);
bool value_local(struct config_draft *d, const struct option *o, struct option_value *v);
bool value_remote(struct config_draft *d, const struct option *o, struct option_value *v);
bool value_exclude(struct config_draft *d, const struct option *o, struct option_value *v);
bool value_idle_close(struct config_draft *d, const struct option *o, struct option_value *v);
bool value_hold(struct config_draft *d, const struct option *o, struct option_value *v);
bool value_hold_bytes(struct config_draft *d, const struct option *o, struct option_value *v);

/* ---- option_values_nat.c ---- */

bool value_maxidle(struct config_draft *d, const struct option *o, struct option_value *v);
bool value_pingtime(struct config_draft *d, const struct option *o, struct option_value *v);
bool value_pingtries(struct config_draft *d, const struct option *o, struct option_value *v);
bool value_pingtime2(struct config_draft *d, const struct option *o, struct option_value *v);
bool value_pingtries2(struct config_draft *d, const struct option *o, struct option_value *v);
bool value_elimit(struct config_draft *d, const struct option *o, struct option_value *v);
bool value_timeout(struct config_draft *d, const struct option *o, struct option_value *v);
bool value_ping_target(struct config_draft *d, const struct option *o, struct option_value *v);
bool value_ignore(struct config_draft *d, const struct option *o, struct option_value *v);
bool value_nat_tout(struct config_draft *d, const struct option *o, struct option_value *v);
bool value_nat_nout(struct config_draft *d, const struct option *o, struct option_value *v);
bool value_nat_tei(struct config_draft *d, const struct option *o, struct option_value *v);
bool value_nat_clients(struct config_draft *d, const struct option *o, struct option_value *v);

/* ---- option_values_policy.c: into the policy at hand ---- */

bool value_policy_source(struct config_draft *d, const struct option *o, struct option_value *v);
bool value_policy_source_port(struct config_draft *d, const struct option *o,
			      struct option_value *v);
bool value_policy_destination(struct config_draft *d, const struct option *o,
			      struct option_value *v);
bool value_policy_protocol(struct config_draft *d, const struct option *o, struct option_value *v);
bool value_policy_port(struct config_draft *d, const struct option *o, struct option_value *v);
bool value_policy_action(struct config_draft *d, const struct option *o, struct option_value *v);
bool value_policy_granularity(struct config_draft *d, const struct option *o,
			      struct option_value *v);
bool value_policy_proposals(struct config_draft *d, const struct option *o, struct option_value *v);
bool value_policy_pfs(struct config_draft *d, const struct option *o, struct option_value *v);
bool value_policy_keylife(struct config_draft *d, const struct option *o, struct option_value *v);
bool value_policy_idle_close(struct config_draft *d, const struct option *o,
			     struct option_value *v);
bool value_policy_max_sas(struct config_draft *d, const struct option *o, struct option_value *v);

/* ---- option_values_dns.c ---- */

bool value_dns_servers(struct config_draft *d, const struct option *o, struct option_value *v);
bool value_dns_domains(struct config_draft *d, const struct option *o, struct option_value *v);

/* ---- what parsers share ---- */

struct option_list {
	const char *text;
	size_t next; /* offset behind the last comma; beyond the end when done */
	size_t at; /* offset of the item */
	char item[OPTION_ITEM_MAX + 1];
};

/*
 * The next of the items that stand between commas, without the blanks around it. False at the end.
 * What is longer than an item can be is cut, and no parser takes an item of that length.
 */
bool option_list_next(struct option_list *l);
/* Room for one more of `max`? If not, it is refused. */
bool option_list_room(const struct option_list *l, unsigned n, unsigned max,
		      struct option_value *v);
/* Decimal digits only, at most nine. Returns how many characters were used. */
size_t option_number_parse(const char *text, uint32_t *out);
/* A host name (RFC 1123 section 2.1); an address with a slip in it is not one. */
bool option_is_host_name(const char *s);
/* A number within the option's bounds, with `unit` behind it. */
bool option_count(const struct option *o, struct option_value *v, const char *unit, unsigned *out);
/* A duration within the option's bounds. */
bool option_duration(const struct option *o, struct option_value *v, uint32_t *out);
/* Proposals for ESP: where in the value each stands, and their common group. */
bool option_esp_proposals(const struct option *o, struct option_value *v,
			  struct ike_child_config *child, size_t *at, enum dh_group *proposed);
/* "yes", "no", "server", or a group, which is then in *group. */
bool option_pfs(const struct option *o, struct option_value *v, enum pfs_wish *pfs,
		enum dh_group *group);
/* Refuses the whole value. Always false. */
bool option_refuse_all(const struct option *o, struct option_value *v);

#endif
