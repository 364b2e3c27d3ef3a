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

struct control_view;

/* What is shown besides what the engine knows. */
struct gateway_status_view {
	const char *name;
	vtime since; /* it has been up since then */
	const struct control_view *data; /* its times, drops and clear_refused are looked at */
	const struct gateway_server_info *servers;
	unsigned nservers;
};

/* The object, in one line without its end; free(). */
char *gateway_status(const struct gateway *g, const struct gateway_status_view *view);

/* The answer to "metrics" (metrics.c): of the gateway and its servers, not of each client; free(). */
char *gateway_metrics(const struct gateway *g, const struct gateway_status_view *view);

#endif
