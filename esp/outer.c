/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "esp/outer.h"

#include "esp/esp.h"

#define PORT_IKE 500
#define NON_ESP_MARKER 4 /* bytes of zero: RFC 3948 section 2.2 */
#define KEEPALIVE 0xff

static bool outer_drop(struct pkt *p, struct drops *drops, enum drop why)
{
	drop_count(drops, why);
	p->kind = PKT_GONE;
	return false;
}

bool outer_is_esp(struct pkt *p, struct drops *drops, uint32_t *spi)
{
	struct rd r;

	if (p->to.port == PORT_IKE) {
		p->kind = PKT_IKE;
		return false;
	}
	if (p->len == 1 && pkt_data(p)[0] == KEEPALIVE)
		return outer_drop(p, drops, DROP_KEEPALIVE);
	rd_init(&r, pkt_slice(p));
	*spi = rd_u32(&r);
	if (r.bad)
		return outer_drop(p, drops, DROP_OUTER_SHORT);
	if (*spi == 0 && p->to.port != ESP_PORT_BARE) {
		pkt_pull(p, NON_ESP_MARKER);
		p->kind = PKT_IKE;
		return false;
	}
	return true;
}
