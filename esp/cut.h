/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inner packets that are too large for their tunnel, and may be cut (RFC 4301 section 8.2.1). */
#ifndef GODWIT_ESP_CUT_H
#define GODWIT_ESP_CUT_H

#include "base/pkt.h"

/*
 * Cuts p, an IPv4 packet of the batch, into fragments of at most mtu bytes: it becomes its first one, the
 * others are appended to b and have their turn after the packets that are there, so that sequence
 * numbers leave in order. False: it may not be cut, or there is no room, and nothing has changed.
 */
bool cut_packet4(struct batch *b, struct pkt *p, uint32_t mtu);

#endif
