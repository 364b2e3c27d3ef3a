/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of net/ that deal with sockets have in common. */
#ifndef GODWIT_NET_SOCKET_H
#define GODWIT_NET_SOCKET_H

#include <netinet/in.h>
#include <sys/socket.h>

#include "net/net.h"

union sockaddr_any {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

/* Room for one packet information, one ECN field, one length of segments and one count of losses. */
union control {
	struct cmsghdr align;
	uint8_t b[CMSG_SPACE(sizeof(struct in6_pktinfo)) + 3 * CMSG_SPACE(sizeof(int))];
};

/*
 * A non-blocking socket that tells where its datagrams came to and with what ECN bits, and sends
 * without DF; with this mark unless that is 0. Or -1 with errno.
 */
int socket_open(enum family f, int type, int protocol, uint32_t mark);
/* Leaves errno as it is; -1 is harmless. */
void socket_close(int fd);
/* As setsockopt. */
int socket_set_int(int fd, int level, int name, int value);
/* Whether datagrams bear DF; without it, one too large for some link on the way arrives in fragments. */
int socket_set_whole(int fd, enum family f, bool whole);
/* errno says that the host does not have this family. */
bool socket_family_is_missing(void);
/* The error that errno stands for. */
int socket_error(void);

socklen_t socket_address(const struct endpoint *e, union sockaddr_any *out);
void socket_endpoint(const union sockaddr_any *sa, struct endpoint *out);

#endif
