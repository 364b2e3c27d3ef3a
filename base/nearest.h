/* SPDX-License-Identifier: GPL-2.0-or-later */
/* "Did you mean": the word a person may have meant among those there are. */
#ifndef GODWIT_BASE_NEAREST_H
#define GODWIT_BASE_NEAREST_H

/* The best of the candidates offered so far; begin with { .word = what was written }. */
struct nearest {
	const char *word;
	const char *best; /* NULL: none is near */
	unsigned distance;
};

/*
 * Offers one more candidate, borrowed. It is near when at most two slips of the fingers (half the
 * candidate's letters, if that is less) lead from one to the other, or when one is the beginning
 * of the other and has three letters.
 */
void nearest_offer(struct nearest *near, const char *candidate);

#endif
