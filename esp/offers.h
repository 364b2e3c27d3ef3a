/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SPIs that are offered in quick modes under way, as far as there is room. One thread writes, any
 * reads; an SPI can stand nowhere but in its set of places, which is one cache line.
 */
#ifndef GODWIT_ESP_OFFERS_H
#define GODWIT_ESP_OFFERS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/mem.h"

#define OFFERS_BITS 6
#define OFFERS_PLACES (MEM_LINE / sizeof(uint32_t))

/* Zero at the beginning. */
struct offers {
	struct offers_set {
		_Alignas(MEM_LINE) _Atomic uint32_t spi[OFFERS_PLACES]; /* 0: the place is free */
	} sets[1 << OFFERS_BITS];
};

/* Again, where there is no room, or of a reserved SPI, without effect. */
void offers_put(struct offers *o, uint32_t spi);
/* Who finds that it is gone finds what was published before. */
void offers_take(struct offers *o, uint32_t spi);
bool offers_has(const struct offers *o, uint32_t spi);
unsigned offers_count(const struct offers *o);

#endif
