/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a connection's events look like on one time axis, which goes down: the exchanges as a ladder between
 * client and gateway, an epoch as a bar with its states, pings, times in which packets were held, and beside
 * them roams and what else is worth a line.
 *
 *	06:40:12.345  |---- main mode --->|                       connecting
 *	06:40:12.390  |<----- done -------|   ▒                   E1 probing, spi c0ffee01
 *	06:40:12.401  |                   |   █          ·        E1 current
 *	     ≈        |      2 h 3 min    ≈   █          ≈
 *
 * Each of these has a row of its own, so that no text stands on another; more time between two rows is
 * more room, up to a limit: behind that there is a break with its length.
 *
 *	timeline.c       takes events, finds out what belongs together (pure)
 *	timeline_svg.c   draws it (pure)
 *	run_timeline.c   gets events from a connection or a file
 */
#ifndef GODWIT_CMD_TIMELINE_H
#define GODWIT_CMD_TIMELINE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define TIMELINE_NONE UINT32_MAX
#define TIMELINE_TEXT_MAX 120 /* bytes of what stands in a row */

enum timeline_kind {
	TIMELINE_STATE,
	TIMELINE_ROAM,
	TIMELINE_UPDATE, /* the gateway is told of our address */
	TIMELINE_ACK,
	TIMELINE_TROUBLE,
	TIMELINE_BEGUN, /* an exchange */
	TIMELINE_DONE,
	TIMELINE_FAILED,
	TIMELINE_EPOCH,
	TIMELINE_HELD,
};

struct timeline_row {
	int64_t at; /* microseconds, of the host's clock that counts sleep */
	int64_t wall; /* the same, since 1970; 0: not told */
	enum timeline_kind kind;
	uint32_t of; /* which exchange or epoch; TIMELINE_NONE */
	char text[TIMELINE_TEXT_MAX];
};

struct timeline_exchange {
	char name[40];
	char id[20];
	bool ours; /* we began it */
	uint32_t begun, ended; /* rows; TIMELINE_NONE: it has not ended */
	bool failed;
};

enum timeline_epoch_state {
	TIMELINE_PROBING,
	TIMELINE_CURRENT,
	TIMELINE_RETIRING,
	TIMELINE_GONE,
	TIMELINE_STATES,
};

struct timeline_epoch {
	char spi[20];
	int64_t tunnel;
	uint32_t row[TIMELINE_STATES]; /* when it came to be that */
};

struct timeline_ping {
	int64_t at;
	int64_t sequence;
	char spi[20];
	bool answered, lost;
};

struct timeline_hold {
	int64_t tunnel;
	uint32_t begun, ended; /* rows */
};

struct timeline {
	struct timeline_row *rows;
	struct timeline_exchange *exchanges;
	struct timeline_epoch *epochs;
	struct timeline_ping *pings;
	struct timeline_hold *holds;
	bool of_gateway; /* the events are a gateway's: it is "us" */
	uint32_t nrows, nexchanges, nepochs, npings, nholds;
};

struct json_t;

/* Takes the next event, an object as "log" gives it. What is no event, or none to be drawn, is left out. */
void timeline_add(struct timeline *t, struct json_t *event);
/* Takes a line of text: a JSON object. False when it is none. */
bool timeline_add_line(struct timeline *t, const char *line);
void timeline_free(struct timeline *t);
/* An SVG document of its own: no font, style or script from elsewhere. name: the connection's. */
void timeline_draw(const struct timeline *t, const char *name, FILE *out);

#endif
