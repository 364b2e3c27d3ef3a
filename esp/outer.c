/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "esp/outer.h"

#include "esp/esp.h"

#define PORT_IKE 500
#define NON_ESP_MARKER 4 /* bytes of zero: RFC 3948 section 2.2 */
#define KEEPALIVE 0xff

enum outer outer_classify(struct pkt *p, uint32_t *spi)
{
	uint32_t word;
	struct rd r;

	if (p->to.port == PORT_IKE)
		return OUTER_IKE;
	if (p->len == 1 && pkt_data(p)[0] == KEEPALIVE)
		return OUTER_KEEPALIVE;
	rd_init(&r, pkt_slice(p));
	word = rd_u32(&r);
	if (r.bad)
		return OUTER_SHORT;
	if (word == 0 && p->to.port != ESP_PORT_BARE) {
		pkt_pull(p, NON_ESP_MARKER);
		return OUTER_IKE;
	}
	*spi = word;
	return OUTER_ESP;
}
