/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a payload that arrived is, by the ports of RFC 3948. */
#ifndef GODWIT_ESP_OUTER_H
#define GODWIT_ESP_OUTER_H

#include "base/pkt.h"

enum outer {
	OUTER_IKE, /* without its marker from now on */
	OUTER_ESP,
	OUTER_KEEPALIVE,
	OUTER_SHORT, /* none of them */
};

/* As inbound_run tells (esp/esp.h). ESP: its SPI, which may be none that there can be. */
enum outer outer_classify(struct pkt *p, uint32_t *spi);

#endif
