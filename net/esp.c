/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/socket.h"

int net_esp_open(struct net_socket *s, uint32_t mark)
{
	*s = NET_SOCKET_NONE;
	s->raw = true;
	s->fd4 = socket_open(FAMILY_IP4, SOCK_RAW, IPPROTO_ESP, mark);
	if (s->fd4 >= 0 || socket_family_is_missing())
		s->fd6 = socket_open(FAMILY_IP6, SOCK_RAW, IPPROTO_ESP, mark);
	if (s->fd6 >= 0 || (s->fd4 >= 0 && socket_family_is_missing()))
		return 0;
	net_socket_close(s);
	return socket_error();
}
