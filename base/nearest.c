/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/nearest.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#define NEAREST_MAX 24 /* longer words are never near */

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/*
 * How many letters must be put in, taken out, replaced or exchanged with their neighbour to make b
 * of a; letter case does not count.
 */
static unsigned edit_distance(const char *a, const char *b)
{
	unsigned d[NEAREST_MAX + 1][NEAREST_MAX + 1];
	unsigned n = (unsigned)strlen(a), m = (unsigned)strlen(b);

	if (n > NEAREST_MAX || m > NEAREST_MAX)
		return NEAREST_MAX;
	for (unsigned i = 0; i <= n; i++) {
		for (unsigned j = 0; j <= m; j++) {
			if (i == 0 || j == 0) {
				d[i][j] = i + j;
				continue;
			}
			bool same = tolower((unsigned char)a[i - 1]) == b[j - 1];

			d[i][j] =
				least(d[i - 1][j - 1] + !same, least(d[i - 1][j], d[i][j - 1]) + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				d[i][j] = least(d[i][j], d[i - 2][j - 2] + 1);
		}
	}
	return d[n][m];
}

static bool is_beginning(const char *beginning, const char *whole)
{
	size_t n = strlen(beginning);

	return n >= 3 && strncmp(beginning, whole, n) == 0;
}

void nearest_offer(struct nearest *near, const char *candidate)
{
	unsigned most = least(2, (unsigned)strlen(candidate) / 2);
	unsigned distance = edit_distance(near->word, candidate);

	if (distance > most) {
		if (!is_beginning(near->word, candidate) && !is_beginning(candidate, near->word))
			return;
		distance = 3;
	}
	if (!near->best || distance < near->distance) {
		near->best = candidate;
		near->distance = distance;
	}
}
