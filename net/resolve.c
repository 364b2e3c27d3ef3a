/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/net.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>

#include "base/err.h"

static bool sockaddr_to_addr(const struct addrinfo *ai, struct addr *out)
{
	struct sockaddr_in in;
	struct sockaddr_in6 in6;

	if (ai->ai_family == AF_INET && ai->ai_addrlen >= sizeof(in)) {
		memcpy(&in, ai->ai_addr, sizeof(in));
		return addr_from_bytes(slice(&in.sin_addr, 4), out);
	}
	if (ai->ai_family == AF_INET6 && ai->ai_addrlen >= sizeof(in6)) {
		memcpy(&in6, ai->ai_addr, sizeof(in6));
		return addr_from_bytes(slice(&in6.sin6_addr, 16), out);
	}
	return false;
}

static int resolve_error(int error)
{
	switch (error) {
	case EAI_NONAME:
	case EAI_NODATA:
	case EAI_ADDRFAMILY:
		return 0;
	case EAI_AGAIN:
		return ERR_TIMEOUT;
	case EAI_MEMORY:
		errno = ENOMEM;
		return ERR_SYSTEM;
	case EAI_SYSTEM:
		return ERR_SYSTEM;
	}
	errno = EIO;
	return ERR_SYSTEM;
}

int net_resolve(const char *name, struct addr *out, unsigned max)
{
	struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_DGRAM };
	struct addrinfo *list;
	struct addr a;
	unsigned n = 0;
	int error;

	if (max == 0)
		return 0;
	if (addr_parse(name, out))
		return 1;
	error = getaddrinfo(name, NULL, &hints, &list);
	if (error)
		return resolve_error(error);
	for (const struct addrinfo *ai = list; ai && n < max; ai = ai->ai_next)
		if (sockaddr_to_addr(ai, &a) && !addr_is_in(out, n, &a))
			out[n++] = a;
	freeaddrinfo(list);
	return (int)n;
}
