/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a running gateway answers to `status`. */
#ifndef GODWIT_GATEWAY_STATUS_H
#define GODWIT_GATEWAY_STATUS_H

#include "esp/servers.h"
#include "gateway/gateway.h"

struct gateway_server_info {
	const char *name;
	const struct prefix *service;
	const struct addr *address;
	const char *device;
	bool there;
	struct servers_counters counters;
};

/* What is shown besides what the engine knows. */
struct gateway_status_view {
	const char *name;
	vtime now, since; /* it has been up since then */
	uint64_t clear_refused; /* packets that the kernel has */
	const struct gateway_server_info *servers;
	unsigned nservers;
};

/* The object, in one line without its end; free(). */
char *gateway_status(const struct gateway *g, const struct gateway_status_view *view);

#endif
