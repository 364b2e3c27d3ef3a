/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tun/tun.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/err.h"

static int open_error(void)
{
	return errno == EPERM || errno == EACCES ? ERR_PERMISSION : ERR_SYSTEM;
}

/* The kernel says EINVAL to a bad name and to much else; here only the name can be at fault. */
static bool is_name(const char *name)
{
	size_t n = strlen(name);

	return n > 0 && n < IFNAMSIZ && strcmp(name, ".") != 0 && strcmp(name, "..") != 0 &&
	       strpbrk(name, "/: \t\n\v\f\r") == NULL;
}

int tun_open(struct tun *t, const char *name)
{
	/* Exclusive: a device that another program made, and may be using, is not taken over. */
	struct ifreq req = { .ifr_flags = (short)(IFF_TUN | IFF_NO_PI | IFF_TUN_EXCL) };
	int err, saved;

	*t = (struct tun){ .fd = -1 };
	if (!is_name(name))
		return ERR_CONFIG;
	t->fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (t->fd < 0)
		return open_error();
	memcpy(req.ifr_name, name, strlen(name) + 1);
	if (ioctl(t->fd, TUNSETIFF, &req) < 0)
		goto fail;
	memcpy(t->name, req.ifr_name, IFNAMSIZ);
	t->ifindex = if_nametoindex(t->name);
	if (t->ifindex == 0)
		goto fail;
	return 0;
fail:
	err = open_error();
	saved = errno;
	tun_close(t);
	errno = saved;
	return err;
}

void tun_close(struct tun *t)
{
	if (t->fd >= 0)
		close(t->fd);
	t->fd = -1;
}

int tun_read(struct tun *t, struct batch *b, uint32_t headroom, uint32_t tailroom)
{
	unsigned first = b->n;
	struct pkt *p;
	ssize_t n;

	while ((p = batch_take(b, headroom, TUN_PACKET_MAX, tailroom))) {
		do {
			n = read(t->fd, pkt_data(p), p->len);
		} while (n < 0 && errno == EINTR);
		if (n <= 0) {
			batch_keep(b, b->n - 1);
			if (n < 0 && errno != EAGAIN && b->n == first)
				return ERR_SYSTEM;
			break;
		}
		batch_fit(b, (uint32_t)n, tailroom);
	}
	return (int)(b->n - first);
}

int tun_write(struct tun *t, const struct pkt *p)
{
	ssize_t n;

	do {
		n = write(t->fd, pkt_data(p), p->len);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? ERR_SYSTEM : 0;
}
