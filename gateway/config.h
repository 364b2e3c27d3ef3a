/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gateway.conf: the configuration of the gateway, in the manner of vpn.conf. Sections [gateway],
 * [users], [pool], [networks], [ike], [esp], [limits], one [auth NAME] for each kind of clients, and one
 * [server NAME] for each server that is chosen among others.
 */
#ifndef GODWIT_GATEWAY_CONFIG_H
#define GODWIT_GATEWAY_CONFIG_H

#include <stdio.h>

#include "client/config.h"
#include "esp/servers.h"
#include "gateway/gateway.h"
#include "gateway/users.h"

#define GATEWAY_NAME_MAX 32 /* of an entry, with its NUL */
#define GATEWAY_DEVICE_MAX 15 /* IFNAMSIZ - 1 */
#define GATEWAY_FILE_MAX 60000 /* bytes */

/* What clients send to `service` goes to the host `address`. */
struct gateway_server {
	char name[GATEWAY_NAME_MAX];
	struct prefix service; /* several servers may have the same */
	struct addr address; /* of the same family; a host on a connected network */
};

struct gateway_file {
	struct gateway_config config;
	char names[GATEWAY_ENTRIES_MAX][GATEWAY_NAME_MAX]; /* of entries */
	struct users *users; /* NULL: no entry has users */
	struct credentials *credentials; /* NULL: no entry has certificates */
	char device[GATEWAY_DEVICE_MAX + 1];
	enum offload_wish offload;
	unsigned workers; /* threads that open packets; less than 2: the one that receives them */
	enum dispatch_select select; /* among workers, and servers of one service */
	size_t hold_bytes; /* of packets that wait for an SA */
	vtime hold;
	struct gateway_server servers[SERVERS_MAX];
	unsigned nservers;
};

/*
 * Reads and checks a file, and the files that it names. On success *out is new
 * (gateway_file_free); else NULL is in it and the complaints, one line each, are on `err`: ERR_CONFIG,
 * or ERR_SYSTEM when the file cannot be read. A key in a file that group or others can read is
 * refused.
 */
int gateway_file_read(const char *file, struct gateway_file **out, FILE *err);
/* Wipes secrets. NULL is harmless. */
void gateway_file_free(struct gateway_file *f);

#endif
