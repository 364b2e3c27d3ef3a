/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The wire between the clients of gateway_world.h and their gateway, with the NAT on it. */
#ifndef GODWIT_TESTS_GATEWAY_WIRE_H
#define GODWIT_TESTS_GATEWAY_WIRE_H

#include "tests/support/gateway_world.h"

/* What the client has begun has this initiator's cookie. */
void gworld_wire_remember(struct gworld_client *c, struct slice message);
/* marked: the non-ESP marker is put before it. */
void gworld_wire_up(struct gworld_client *c, const struct endpoint *from, const struct endpoint *to,
		    bool marked, struct slice bytes);
void gworld_wire_down(struct gworld *w, const struct endpoint *from, const struct endpoint *to,
		      bool marked, bool esp, struct slice bytes);

#endif
