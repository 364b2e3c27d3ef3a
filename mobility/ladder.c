/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mobility/ladder.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"

/* ---- the table ---- */

#define BIT(n) (1u << (n))
#define LOW (BIT(RUNG_REST) | BIT(RUNG_PING) | BIT(RUNG_REKEY))
#define MOVED (BIT(RUNG_NEXT_ADDRESS) | BIT(RUNG_NEXT_GATEWAY))
#define FRESH (BIT(RUNG_NEW_IKE) | MOVED) /* on an ISAKMP SA that has not proved any epoch */
#define ALL (LOW | FRESH)
#define NO_EPOCH (BIT(LADDER_UNPROVED) | BIT(LADDER_FAILED))

enum condition {
	ANY,
	WITHIN, /* and this one included NEPOCH ≤ elimit */
	FIRST, /* no ISAKMP SA was given up because of NEPOCH before */
	ADDRESSES, /* there is another address */
	GATEWAYS, /* there is another gateway */
};

enum count {
	SAME,
	ONE_MORE,
	ZERO,
};

#define STAYS (-1) /* on the rung it is on */

struct row {
	unsigned events, rungs;
	enum condition condition;
	enum ladder_step step;
	int becomes;
	enum count nepoch, rounds;
};

/* Of those for an event and a rung the first whose condition holds is taken; none: LADDER_STAY. */
static const struct row rows[] = {
	{ BIT(LADDER_QUIET), BIT(RUNG_REST), ANY, LADDER_STAY, RUNG_PING, SAME, SAME },
	{ BIT(LADDER_HEARD), BIT(RUNG_PING), ANY, LADDER_STAY, RUNG_REST, SAME, SAME },
	{ BIT(LADDER_PROVED), ALL, ANY, LADDER_STAY, RUNG_REST, ZERO, ZERO },

	{ BIT(LADDER_SILENT), LOW, ANY, LADDER_NEGOTIATE, RUNG_REKEY, ZERO, SAME },
	{ BIT(LADDER_SILENT), FRESH, ANY, LADDER_NEGOTIATE, STAYS, ZERO, SAME },

	{ NO_EPOCH, LOW, WITHIN, LADDER_NEGOTIATE, RUNG_REKEY, ONE_MORE, SAME },
	{ NO_EPOCH, LOW, ANY, LADDER_RECONNECT, RUNG_NEW_IKE, ZERO, ONE_MORE },
	{ NO_EPOCH, FRESH, WITHIN, LADDER_NEGOTIATE, STAYS, ONE_MORE, SAME },
	{ NO_EPOCH, FRESH, FIRST, LADDER_RECONNECT, STAYS, ZERO, ONE_MORE },
	{ NO_EPOCH, FRESH, ADDRESSES, LADDER_MOVE_ADDRESS, RUNG_NEXT_ADDRESS, ZERO, ONE_MORE },
	{ NO_EPOCH, FRESH, GATEWAYS, LADDER_MOVE_ADDRESS, RUNG_NEXT_GATEWAY, ZERO, ONE_MORE },
	{ NO_EPOCH, MOVED, ANY, LADDER_START_OVER, RUNG_NEW_IKE, ZERO, ONE_MORE },
	{ NO_EPOCH, FRESH, ANY, LADDER_RECONNECT, STAYS, ZERO, ONE_MORE },

	{ BIT(LADDER_DEAD), LOW, ANY, LADDER_RECONNECT, RUNG_NEW_IKE, ZERO, SAME },
	{ BIT(LADDER_DEAD), FRESH, ANY, LADDER_RECONNECT, STAYS, ZERO, SAME },

	{ BIT(LADDER_IKE_FAILED), ALL, ADDRESSES, LADDER_MOVE_ADDRESS, RUNG_NEXT_ADDRESS, ZERO,
	  SAME },
	{ BIT(LADDER_IKE_FAILED), ALL, GATEWAYS, LADDER_MOVE_ADDRESS, RUNG_NEXT_GATEWAY, ZERO,
	  SAME },
	{ BIT(LADDER_IKE_FAILED), MOVED, ANY, LADDER_START_OVER, RUNG_NEW_IKE, ZERO, SAME },
	{ BIT(LADDER_IKE_FAILED), ALL, ANY, LADDER_RECONNECT, RUNG_NEW_IKE, ZERO, SAME },
};

/* ---- events ---- */

void ladder_init(struct ladder *l, const struct ladder_config *config)
{
	*l = (struct ladder){ .config = *config };
}

static bool applies(const struct row *row, const struct ladder *l, unsigned addresses,
		    unsigned gateways)
{
	switch (row->condition) {
	case ANY:
		return true;
	case WITHIN:
		return l->nepoch < l->config.elimit;
	case FIRST:
		return l->rounds == 0;
	case ADDRESSES:
		return addresses > 0;
	case GATEWAYS:
		return gateways > 0;
	}
	return false;
}

static void count(unsigned *n, enum count how)
{
	if (how == ONE_MORE)
		++*n;
	if (how == ZERO)
		*n = 0;
}

enum ladder_step ladder_event(struct ladder *l, enum ladder_event event, unsigned addresses,
			      unsigned gateways)
{
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *row = &rows[i];

		if (!(row->events & BIT(event)) || !(row->rungs & BIT(l->rung)) ||
		    !applies(row, l, addresses, gateways))
			continue;
		if (l->reached)
			*l->reached |= (uint64_t)1 << i;
		if (row->becomes != STAYS)
			l->rung = (enum rung)row->becomes;
		count(&l->nepoch, row->nepoch);
		count(&l->rounds, row->rounds);
		return row->step;
	}
	return LADDER_STAY;
}

/* ---- names ---- */

const char *rung_name(enum rung rung)
{
	switch (rung) {
	case RUNG_REST:
		return "rest";
	case RUNG_PING:
		return "ping";
	case RUNG_REKEY:
		return "rekey";
	case RUNG_NEW_IKE:
		return "new-ike";
	case RUNG_NEXT_ADDRESS:
		return "next-address";
	case RUNG_NEXT_GATEWAY:
		return "next-gateway";
	}
	return "unknown";
}

static const char *event_name(enum ladder_event event)
{
	switch (event) {
	case LADDER_QUIET:
		return "quiet";
	case LADDER_SILENT:
		return "silent";
	case LADDER_UNPROVED:
		return "unproved";
	case LADDER_FAILED:
		return "failed";
	case LADDER_DEAD:
		return "dead";
	case LADDER_IKE_FAILED:
		return "ike-failed";
	case LADDER_HEARD:
		return "heard";
	case LADDER_PROVED:
		return "proved";
	}
	return "unknown";
}

static const char *condition_name(enum condition condition)
{
	switch (condition) {
	case ANY:
		return "any";
	case WITHIN:
		return "within";
	case FIRST:
		return "first";
	case ADDRESSES:
		return "addresses";
	case GATEWAYS:
		return "gateways";
	}
	return "unknown";
}

unsigned ladder_rows(void)
{
	return ARRAY_SIZE(rows);
}

/* One more word, after a comma when there are some already. */
static void list(char buf[LADDER_ROW_TEXT_MAX], size_t from, const char *word)
{
	size_t n = strlen(buf);

	snprintf(buf + n, LADDER_ROW_TEXT_MAX - n, "%s%s", n > from ? "," : "", word);
}

const char *ladder_row_text(unsigned row, char buf[LADDER_ROW_TEXT_MAX])
{
	size_t n;

	buf[0] = '\0';
	for (unsigned e = LADDER_QUIET; e <= LADDER_PROVED; e++)
		if (rows[row].events & BIT(e))
			list(buf, 0, event_name((enum ladder_event)e));
	list(buf, LADDER_ROW_TEXT_MAX, " ");
	n = strlen(buf);
	for (unsigned r = RUNG_REST; r <= RUNG_NEXT_GATEWAY; r++)
		if (rows[row].rungs & BIT(r))
			list(buf, n, rung_name((enum rung)r));
	list(buf, LADDER_ROW_TEXT_MAX, " ");
	list(buf, LADDER_ROW_TEXT_MAX, condition_name(rows[row].condition));
	return buf;
}
