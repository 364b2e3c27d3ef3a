/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/net.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <sys/socket.h>

#include "base/err.h"

#define PIECE_MAX 32768 /* what the kernel puts into one piece of a dump at most */
#define TRIES 5

static int receive(struct mnl_socket *nl, uint8_t *buf, mnl_cb_t read, void *data)
{
	ssize_t n;

	do {
		n = mnl_socket_recvfrom(nl, buf, PIECE_MAX);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -1 : mnl_cb_run(buf, (size_t)n, 1, mnl_socket_get_portid(nl), read, data);
}

static int dump(struct mnl_socket *nl, uint16_t type, size_t header, mnl_cb_t read, void *data)
{
	_Alignas(struct nlmsghdr) uint8_t buf[PIECE_MAX];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	int more = MNL_CB_OK;

	/* All zero: of any family. */
	mnl_nlmsg_put_extra_header(nlh, header);
	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	nlh->nlmsg_seq = 1;
	if (mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) != 0 ||
	    mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) < 0)
		return ERR_SYSTEM;
	while (more > MNL_CB_STOP)
		more = receive(nl, buf, read, data);
	return more < 0 ? ERR_SYSTEM : 0;
}

/* Something has changed in the midst of it: EINTR, and once more from the beginning. */
int net_dump(int bus, uint16_t type, size_t header,
	     int (*read)(const struct nlmsghdr *message, void *data), void *data, unsigned *count)
{
	int rc = ERR_SYSTEM, saved = EINTR;

	/* Each with a socket of its own: nothing of one that was broken off stays behind. */
	for (unsigned i = 0; i < TRIES && rc && saved == EINTR; i++) {
		struct mnl_socket *nl = mnl_socket_open2(bus, SOCK_CLOEXEC);

		*count = 0;
		rc = nl ? dump(nl, type, header, read, data) : ERR_SYSTEM;
		saved = errno;
		if (nl)
			mnl_socket_close(nl);
	}
	errno = saved;
	return rc;
}
