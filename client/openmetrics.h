/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writes OpenMetrics text (the format that Prometheus reads), version 1.0.0: families one after the
 * other, each with its type, unit and help; samples with the label "connection" first; "# EOF" last.
 */
#ifndef GODWIT_CLIENT_OPENMETRICS_H
#define GODWIT_CLIENT_OPENMETRICS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct openmetrics {
	FILE *out;
	char *text;
	size_t size;
	const char *connection;
	const char *name; /* of the family at hand */
	const char *suffix; /* of its samples: "_total" of a counter, "_info" of an info */
};

enum openmetrics_type {
	OPENMETRICS_GAUGE,
	OPENMETRICS_COUNTER,
	OPENMETRICS_INFO,
	OPENMETRICS_STATESET,
};

/* connection is borrowed. */
void openmetrics_begin(struct openmetrics *m, const char *connection);
/* The text; free(). */
char *openmetrics_end(struct openmetrics *m);
/*
 * The family to which the samples that follow belong. Names are without suffix, and end with their unit
 * where they have one: "godwit_held_bytes". All are borrowed.
 */
void openmetrics_family(struct openmetrics *m, const char *name, enum openmetrics_type type,
			const char *unit, const char *help);
/* A sample; behind the value come pairs of a label's name and its text, then NULL. */
void openmetrics_number(struct openmetrics *m, uint64_t value, ...);
void openmetrics_real(struct openmetrics *m, double value, ...);
/* Of a state set, where n states are possible: one sample for each. The pairs as above. */
void openmetrics_state(struct openmetrics *m, const char *const *states, unsigned n,
		       const char *state, ...);

#endif
