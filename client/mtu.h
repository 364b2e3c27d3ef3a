/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How much of a path's MTU is left for inner packets. */
#ifndef GODWIT_CLIENT_MTU_H
#define GODWIT_CLIENT_MTU_H

#include "base/addr.h"
#include "crypto/crypto.h"

/*
 * The largest inner packet whose sealed form fits path_mtu bytes: outer IP header, UDP header where
 * the encapsulation has one, ESP header, IV, padding to the suite's alignment, trailer, ICV
 * (RFC 4303 section 2, RFC 3948). 0 when nothing fits or the suite is not valid.
 */
unsigned mtu_inner(unsigned path_mtu, enum family outer, enum encapsulation encapsulation,
		   const struct esp_suite *suite);

#endif
