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
bool value_local_port(struct config_draft *d, const struct option *o, struct option_value *v);
bool value_local_address(struct config_draft *d, const struct option *o, struct option_value *v);
bool value_cisco_port(struct config_draft *d, const struct option *o, struct option_value *v);
bool value_own(struct config_draft *d, const struct option *o, struct option_value *v);
bool value_psk(struct config_draft *d, const struct option *o, struct option_value *v);
bool value_ike_proposals(struct config_draft *d, const struct option *o, struct option_value *v);
bool value_ike_lifetime(struct config_draft *d, const struct option *o, struct option_value *v);
bool value_dpd(struct config_draft *d, const struct option *o, struct option_value *v);
bool value_esp_proposals(struct config_draft *d, const struct option *o, struct option_value *v);
bool value_pfs(struct config_draft *d, const struct option *o, struct option_value *v);
bool value_keylife(struct config_draft *d, const struct option *o, struct option_value *v);
bool value_rekeymargin(struct config_draft *d, const struct option *o, struct option_value *v);
bool value_rekeyfuzz(struct config_draft *d, const struct option *o, struct option_value *v);
bool value_pingtime(struct config_draft *d, const struct option *o, struct option_value *v);
bool value_pingtries(struct config_draft *d, const struct option *o, struct option_value *v);
bool value_elimit(struct config_draft *d, const struct option *o, struct option_value *v);
bool value_timeout(struct config_draft *d, const struct option *o, struct option_value *v);
bool value_device(struct config_draft *d, const struct option *o, struct option_value *v);
bool value_mtu(struct config_draft *d, const struct option *o, struct option_value *v);
bool value_inner(struct config_draft *d, const struct option *o, struct option_value *v);
bool value_local(struct config_draft *d, const struct option *o, struct option_value *v);
bool value_remote(struct config_draft *d, const struct option *o, struct option_value *v);
bool value_exclude(struct config_draft *d, const struct option *o, struct option_value *v);

#endif
