/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a running gateway answers to `status`. */
#ifndef GODWIT_GATEWAY_STATUS_H
#define GODWIT_GATEWAY_STATUS_H

#include "gateway/gateway.h"

/*
 * The object, in one line without its end; free(). since: it has been up. clear_refused: packets that
 * the kernel has.
 */
char *gateway_status(const struct gateway *g, const char *name, vtime now, vtime since,
		     uint64_t clear_refused);

#endif
