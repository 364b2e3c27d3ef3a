/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Time as a value: nanoseconds of CLOCK_BOOTTIME in the program, of virtual time in tests. Engines
 * receive it as an argument and never ask for it. VTIME_NEVER is later than any time.
 */
#ifndef GODWIT_BASE_VTIME_H
#define GODWIT_BASE_VTIME_H

#include <stdint.h>

typedef uint64_t vtime;

#define VTIME_NEVER UINT64_MAX
#define VTIME_US ((vtime)1000)
#define VTIME_MS ((vtime)1000000)
#define VTIME_S ((vtime)1000000000)

/* at + length; never stays never and an overflow becomes never. */
static inline vtime vtime_add(vtime at, vtime length)
{
	return at > VTIME_NEVER - length ? VTIME_NEVER : at + length;
}

/* How long from `from` until `to`; 0 when `to` has passed. */
static inline vtime vtime_until(vtime from, vtime to)
{
	return to > from ? to - from : 0;
}

static inline vtime vtime_min(vtime a, vtime b)
{
	return a < b ? a : b;
}

#endif
