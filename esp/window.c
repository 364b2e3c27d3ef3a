/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "esp/esp.h"

#define BLOCK_BITS 64
#define BLOCKS (ESP_WINDOW / BLOCK_BITS + 1)

static uint64_t block_bit(uint32_t sequence)
{
	return (uint64_t)1 << sequence % BLOCK_BITS;
}

bool window_check(const struct window *w, uint32_t sequence)
{
	uint32_t top = window_top(w);

	if (sequence == 0)
		return false;
	if (sequence > top)
		return true;
	if (top - sequence >= ESP_WINDOW)
		return false;
	return !(w->bits[sequence / BLOCK_BITS % BLOCKS] & block_bit(sequence));
}

/* A window that does not begin on a block's edge touches one block more than it has bits for. */
static void window_advance(struct window *w, uint32_t sequence)
{
	uint32_t from = window_top(w) / BLOCK_BITS;
	uint32_t n = sequence / BLOCK_BITS - from;

	if (n > BLOCKS)
		n = BLOCKS;
	for (uint32_t i = 1; i <= n; i++)
		w->bits[(from + i) % BLOCKS] = 0;
	atomic_store_explicit(&w->top, sequence, memory_order_relaxed);
}

void window_accept(struct window *w, uint32_t sequence)
{
	if (sequence > window_top(w))
		window_advance(w, sequence);
	w->bits[sequence / BLOCK_BITS % BLOCKS] |= block_bit(sequence);
}

const uint64_t *window_word(const struct window *w, uint32_t sequence)
{
	return &w->bits[sequence / BLOCK_BITS % BLOCKS];
}
