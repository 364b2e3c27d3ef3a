/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/err.h"
#include "tun/tun.h"

/* ---- reading ---- */

/* Appends segments as far as there is room: their slots lie at one stride. */
static void take_segments(struct tun_intake *in, struct batch *b, uint32_t headroom,
			  uint32_t tailroom)
{
	const struct split *s = &in->split;
	struct pkt *head = NULL, *p;
	unsigned n = 0;

	for (; in->next + n < s->n; n++) {
		p = batch_take(b, headroom, split_length(s, in->next + n), tailroom);
		if (!p)
			break;
		p->follows = n != 0;
		if (!head)
			head = p;
	}
	if (n)
		split_write(s, in->next, n, pkt_data(head), head->size);
	in->next += n;
}

static ssize_t read_device(const struct tun *t, struct vnet *vnet, uint8_t *to)
{
	struct iovec iov[2] = { { vnet, sizeof(*vnet) }, { to, TUN_PACKET_MAX } };
	ssize_t n;

	do {
		n = t->vnet ? readv(t->fd, iov, 2) : read(t->fd, to, TUN_PACKET_MAX);
	} while (n < 0 && errno == EINTR);
	if (n > 0 && t->vnet)
		n = n > (ssize_t)sizeof(*vnet) ? n - (ssize_t)sizeof(*vnet) : 0;
	return n;
}

/* Nobody but the kernel makes such headers. Others are those of whoever sends what no segment can be. */
static bool kernel_is_to_blame(enum drop why)
{
	return why == DROP_VNET_TYPE || why == DROP_VNET_SIZE || why == DROP_VNET_LENGTH;
}

/* What was read to `data` is a packet, of which there is room in p, or several. */
static void take_read(const struct tun *t, struct tun_intake *in, const struct vnet *vnet,
		      uint8_t *data, size_t n, struct batch *b, uint32_t tailroom)
{
	struct pkt *p = &b->pkts[b->n - 1];
	enum drop why;

	if (split_begin(&in->split, vnet, data, n, &why) != 0) {
		in->split.n = 0;
		drop_count(in->drops, why);
		batch_keep(b, b->n - 1);
		if (kernel_is_to_blame(why))
			tun_offload_end(t);
	} else if (in->split.gso) {
		batch_keep(b, b->n - 1);
		if (data != in->super) {
			memcpy(in->super, data, n);
			split_begin(&in->split, vnet, in->super, n, &why);
		}
	} else {
		if (data == in->super)
			memcpy(pkt_data(p), data, n);
		batch_fit(b, (uint32_t)n, tailroom);
		in->split.n = 0;
	}
	in->large = in->split.n != 0;
	in->next = 0;
}

/* 1 when something was read, 0 when there is nothing or no room, or ERR_SYSTEM. */
static int read_one(const struct tun *t, struct tun_intake *in, struct batch *b, uint32_t headroom,
		    uint32_t tailroom)
{
	struct pkt *p = batch_take(b, headroom, TUN_PACKET_MAX, tailroom);
	struct vnet vnet = { 0 };
	uint8_t *to;
	ssize_t n;

	if (!p)
		return 0;
	to = t->vnet && in->large ? in->super : pkt_data(p);
	n = read_device(t, &vnet, to);
	if (n <= 0) {
		batch_keep(b, b->n - 1);
		return n < 0 && errno != EAGAIN ? ERR_SYSTEM : 0;
	}
	if (t->vnet)
		take_read(t, in, &vnet, to, (size_t)n, b, tailroom);
	else
		batch_fit(b, (uint32_t)n, tailroom);
	return 1;
}

int tun_read(const struct tun *t, struct tun_intake *in, struct batch *b, uint32_t headroom,
	     uint32_t tailroom)
{
	unsigned first = b->n;
	int rc = 1;

	while (rc > 0) {
		take_segments(in, b, headroom, tailroom);
		rc = tun_intake_waits(in) ? 0 : read_one(t, in, b, headroom, tailroom);
	}
	return rc < 0 && b->n == first ? rc : (int)(b->n - first);
}

/* ---- writing ---- */

static int write_device(const struct tun *t, const struct iovec *iov, unsigned n)
{
	ssize_t rc;

	do {
		rc = writev(t->fd, iov, (int)n);
	} while (rc < 0 && errno == EINTR);
	return rc < 0 ? ERR_SYSTEM : 0;
}

int tun_write(const struct tun *t, struct slice packet)
{
	struct vnet none = { 0 };
	union {
		const uint8_t *in;
		uint8_t *iov;
	} p = { .in = packet.p };
	struct iovec iov[2] = { { &none, sizeof(none) }, { p.iov, packet.n } };

	return t->vnet ? write_device(t, iov, 2) : write_device(t, iov + 1, 1);
}

static unsigned kind_of(const struct coalesce_write *w)
{
	return w->vnet.gso_type == VNET_GSO_UDP_L4 ? COALESCE_UDP : COALESCE_TCP;
}

unsigned tun_write_run(const struct tun *t, const struct coalesce_write *w, unsigned *takes)
{
	bool together = w->packets == 1 || (*takes & kind_of(w));
	bool refused = false;
	unsigned failed = 0;

	if (together) {
		if (write_device(t, w->iov, w->iov_n) == 0)
			return 0;
		refused = errno == EINVAL;
		if (w->packets == 1 || !refused)
			return w->packets;
	}
	for (unsigned i = 0; i < w->packets; i++)
		failed += tun_write(t, coalesce_write_packet(w, i)) != 0;
	if (refused && failed == 0)
		*takes &= ~kind_of(w);
	return failed;
}
