/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A gateway that knows us and accepts none of our proposals for data is asked, before we give up, for
 * what it would accept: quick modes with all that there is, and one way of PFS after the other. Nothing is
 * sent over what is so agreed: it is deleted at once.
 */
#ifndef GODWIT_CLIENT_SESSION_SEARCH_H
#define GODWIT_CLIENT_SESSION_SEARCH_H

#include "ike/ike.h"

struct search {
	unsigned next; /* 0: it has not begun, else the attempts so far */
	struct ike_failure why; /* what began it */
	char found[200]; /* "; it would accept …", or "" */
};

struct session;

/*
 * The refusal `why` of the slot's child is what is left to tell: true when there is another attempt to be
 * made, in the place of that child.
 */
bool session_search_next(struct session *s, const struct ike_failure *why);
/* Changes what would be offered into the attempt, if there is one. group: that of phase 1. */
void session_search_config(const struct session *s, struct ike_child_config *c,
			   enum dh_group group);
/* An attempt has succeeded. */
void session_search_found(struct session *s, const struct ike_child *child);

#endif
