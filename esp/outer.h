/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a payload that arrived is, by the ports of RFC 3948. */
#ifndef GODWIT_ESP_OUTER_H
#define GODWIT_ESP_OUTER_H

#include "base/drop.h"
#include "base/pkt.h"

/*
 * True: it is ESP, and *spi its SPI, which may be none that there can be. Else it is PKT_IKE, without its
 * marker from now on, or PKT_GONE and counted, as inbound_run tells (esp/esp.h).
 */
bool outer_is_esp(struct pkt *p, struct drops *drops, uint32_t *spi);

#endif
