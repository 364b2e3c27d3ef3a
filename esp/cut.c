/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "esp/cut.h"

#include "esp/esp.h"
#include "packet/packet.h"

/* Appends the fragments of `whole` that begin at `at` and later. */
static bool cut_rest(struct batch *b, struct slice whole, uint32_t mtu, uint32_t at)
{
	while (at) {
		struct pkt *piece = batch_take(b, ESP_HEADROOM, mtu, ESP_TAILROOM);
		size_t n = 0;

		if (piece)
			n = packet_fragment4(whole, mtu, &at, pkt_data(piece), mtu);
		if (n == 0)
			return false;
		batch_fit(b, (uint32_t)n, ESP_TAILROOM);
	}
	return true;
}

bool cut_packet4(struct batch *b, struct pkt *p, uint32_t mtu)
{
	struct slice whole = pkt_slice(p);
	unsigned n = b->n;
	uint32_t at = 0;

	if (packet_fragment4(whole, mtu, &at, NULL, 0) == 0)
		return false;
	if (!cut_rest(b, whole, mtu, at)) {
		batch_keep(b, n);
		return false;
	}
	at = 0;
	pkt_trim(p, (uint32_t)packet_fragment4(whole, mtu, &at, pkt_data(p), p->len));
	return true;
}
