/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/mtu.h"

#define ESP_TRAILER 2 /* pad length and next header */

static unsigned outer_overhead(enum family outer, enum encapsulation encapsulation)
{
	unsigned ip = outer == FAMILY_IP6 ? 40 : 20;

	switch (encapsulation) {
	case ENCAPSULATION_ESP:
		return ip;
	case ENCAPSULATION_UDP:
	case ENCAPSULATION_CISCO_UDP:
		return ip + 8;
	case ENCAPSULATION_TCP:
		/* RFC 9329: TCP header, and two bytes of length before each packet. */
		return ip + 20 + 2;
	}
	return ip;
}

unsigned mtu_inner(unsigned path_mtu, enum family outer, enum encapsulation encapsulation,
		   const struct esp_suite *suite)
{
	struct esp_sizes sizes;
	unsigned fixed, room;

	if (!esp_suite_sizes(suite, &sizes))
		return 0;
	fixed = outer_overhead(outer, encapsulation) + 8 + sizes.iv + sizes.icv;
	if (path_mtu < fixed + sizes.align)
		return 0;
	room = path_mtu - fixed;
	return room - room % sizes.align - ESP_TRAILER;
}
