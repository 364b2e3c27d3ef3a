/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "esp/offers.h"

#include "esp/sa.h"

/* Multiplicative: SPIs are random already, those of a test may not be. */
static unsigned set_of(uint32_t spi)
{
	return (uint32_t)(spi * 0x9e3779b1U) >> (32 - OFFERS_BITS);
}

/* The place in the set of `spi` that holds this; NULL: none does. The writer's. */
static _Atomic uint32_t *place_of(struct offers *o, uint32_t spi, uint32_t held)
{
	struct offers_set *set = &o->sets[set_of(spi)];

	for (unsigned i = 0; i < OFFERS_PLACES; i++)
		if (atomic_load_explicit(&set->spi[i], memory_order_relaxed) == held)
			return &set->spi[i];
	return NULL;
}

/* Release, because the place may have been another one's: see offers_take. */
void offers_put(struct offers *o, uint32_t spi)
{
	_Atomic uint32_t *place;

	if (spi < ESP_SPI_MIN || place_of(o, spi, spi))
		return;
	place = place_of(o, spi, 0);
	if (place)
		atomic_store_explicit(place, spi, memory_order_release);
}

/* Release: who sees that the offer is gone sees the SA that has come of it. */
void offers_take(struct offers *o, uint32_t spi)
{
	_Atomic uint32_t *place = spi < ESP_SPI_MIN ? NULL : place_of(o, spi, spi);

	if (place)
		atomic_store_explicit(place, 0, memory_order_release);
}

/* Acquire pairs with both. */
bool offers_has(const struct offers *o, uint32_t spi)
{
	const struct offers_set *set = &o->sets[set_of(spi)];

	if (spi < ESP_SPI_MIN)
		return false;
	for (unsigned i = 0; i < OFFERS_PLACES; i++)
		if (atomic_load_explicit(&set->spi[i], memory_order_acquire) == spi)
			return true;
	return false;
}

unsigned offers_count(const struct offers *o)
{
	unsigned n = 0;

	for (unsigned s = 0; s < 1U << OFFERS_BITS; s++)
		for (unsigned i = 0; i < OFFERS_PLACES; i++)
			n += atomic_load_explicit(&o->sets[s].spi[i], memory_order_relaxed) != 0;
	return n;
}
