/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The SPD as it is searched: rules that never change again, and where to look for the first one that
 * matches. Rules whose remote end is a prefix are found by that, one look for each length that is in
 * use; the few others are gone through in order. So ten thousand rules, one for each client, cost no
 * more than ten.
 */
#ifndef GODWIT_ESP_SPD_H
#define GODWIT_ESP_SPD_H

#include "base/policy.h"

struct spd;

/* Copies the rules. Freed with spd_free. */
struct spd *spd_new(const struct policy_view *rules);
void spd_free(struct spd *s);
/* The rule that policy_match finds, in s's copy; NULL: none, then spd_fallback decides. */
const struct policy_rule *spd_match(const struct spd *s, const struct tuple *t);
/*
 * A PROTECT rule would take it if its source were ours, but no PROTECT rule is about that source,
 * whatever it sends. To be asked where nothing matches.
 */
bool spd_foreign(const struct spd *s, const struct tuple *t);
enum policy_action spd_fallback(const struct spd *s);

#endif
