/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The messages that a table of tun/filter.h is made of. */
#ifndef GODWIT_TUN_FILTER_RULES_H
#define GODWIT_TUN_FILTER_RULES_H

#include "tun/filter.h"

#define FILTER_COUNTER "clear_refused"
#define FILTER_INBOUND "inbound"
#define FILTER_OURS "ours"
#define FILTER_POLICY "policy"
#define FILTER_THROUGH "through"
#define FILTER_OUTBOUND "outbound"
#define FILTER_BESIDE "beside"
#define FILTER_REFUSED "refused"

struct nlmsghdr;

/* Messages to the kernel, one behind the other. */
struct filter_batch {
	uint8_t *buf; /* to be freed; grows */
	size_t size;
	size_t used; /* by messages that have ended */
	struct nlmsghdr *nlh; /* the one being written, or NULL */
	const char *table;
	unsigned rules; /* written */
};

/* `table` is borrowed. */
void filter_batch_init(struct filter_batch *b, const char *table);
void filter_batch_begin(struct filter_batch *b);
void filter_batch_end(struct filter_batch *b);
/* Begins a message NFT_MSG_… and ends the one before. Its attributes are put into b->nlh. */
void filter_message(struct filter_batch *b, uint16_t type, uint16_t flags);
void filter_message_end(struct filter_batch *b);

/* All rules of the table's chains; the last message has not ended. */
void filter_rules(struct filter_batch *b, const struct tun_filter *f,
		  const struct tun_filter_setup *setup);

#endif
