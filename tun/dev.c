/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tun/tun.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "packet/packet.h"

#define UDP_HEADER 8

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

#define OFFLOAD_SEGMENTS (TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6)
/* From Linux 6.2 on. */
#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif

/* A super-packet of two segments of eight bytes, as far as the kernel looks at it. */
struct trial {
	struct vnet vnet;
	uint8_t packet[PACKET_IP6_HEADER + PACKET_TCP_HEADER + 16];
};

static void trial_fill(struct trial *t, bool ip6, bool tcp)
{
	uint16_t ip = ip6 ? PACKET_IP6_HEADER : PACKET_IP4_HEADER;
	uint16_t upper = tcp ? PACKET_TCP_HEADER : UDP_HEADER;
	uint16_t length = (uint16_t)(ip + upper + 16);

	*t = (struct trial){
		.vnet = {
			.flags = VNET_NEEDS_CSUM,
			.gso_type = tcp ? ip6 ? VNET_GSO_TCPV6 : VNET_GSO_TCPV4 : VNET_GSO_UDP_L4,
			.hdr_len = (uint16_t)(ip + upper),
			.gso_size = 8,
			.csum_start = ip,
			.csum_offset = tcp ? 16 : 6,
		},
	};
	t->packet[0] = ip6 ? 0x60 : 0x45;
	put_be16(t->packet + (ip6 ? 4 : 2), ip6 ? (uint16_t)(length - ip) : length);
	t->packet[ip6 ? 6 : 9] = tcp ? PACKET_TCP : PACKET_UDP;
	t->packet[ip6 ? 7 : 8] = 64;
	if (tcp)
		t->packet[ip + 12] = (PACKET_TCP_HEADER / 4) << 4;
	else
		put_be16(t->packet + ip + 4, (uint16_t)(length - ip));
}

/* The device is down: what was good so far fails with EIO. */
static bool trial_passes(const struct tun *t, bool ip6, bool tcp)
{
	struct trial trial;
	size_t n = ip6 ? PACKET_IP6_HEADER : PACKET_IP4_HEADER;

	trial_fill(&trial, ip6, tcp);
	n += sizeof(trial.vnet) + (tcp ? PACKET_TCP_HEADER : UDP_HEADER) + 16;
	return write(t->fd, &trial, n) < 0 && errno == EIO;
}

static void tun_offload(struct tun *t)
{
	static const unsigned wishes[] = {
		OFFLOAD_SEGMENTS | TUN_F_USO4 | TUN_F_USO6,
		OFFLOAD_SEGMENTS,
		TUN_F_CSUM,
	};

	for (unsigned i = 0; i < ARRAY_SIZE(wishes); i++)
		if (ioctl(t->fd, TUNSETOFFLOAD, (unsigned long)wishes[i]) == 0)
			break;
	if (trial_passes(t, false, true) && trial_passes(t, true, true))
		t->takes |= COALESCE_TCP;
	if (trial_passes(t, false, false) && trial_passes(t, true, false))
		t->takes |= COALESCE_UDP;
}

void tun_offload_end(const struct tun *t)
{
	ioctl(t->fd, TUNSETOFFLOAD, 0UL);
}

int tun_open(struct tun *t, const char *name, bool offload)
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
	if (offload)
		req.ifr_flags |= IFF_VNET_HDR;
	memcpy(req.ifr_name, name, strlen(name) + 1);
	if (ioctl(t->fd, TUNSETIFF, &req) < 0)
		goto fail;
	memcpy(t->name, req.ifr_name, IFNAMSIZ);
	t->ifindex = if_nametoindex(t->name);
	if (t->ifindex == 0)
		goto fail;
	t->vnet = offload;
	if (offload)
		tun_offload(t);
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

bool tun_is_up(const struct tun *t)
{
	struct ifreq req = { 0 };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool up;

	memcpy(req.ifr_name, t->name, IFNAMSIZ);
	up = fd >= 0 && ioctl(fd, SIOCGIFFLAGS, &req) == 0 && (req.ifr_flags & IFF_UP);
	if (fd >= 0)
		close(fd);
	/* Another one of this name is not ours. */
	return up && if_nametoindex(t->name) == t->ifindex;
}

/* ---- the way back ---- */

#define RP_FILTER_LOOSE 2

/* Opens /proc/sys/net/ipv4/conf/NAME/rp_filter. */
static FILE *rp_filter(const char *name, const char *mode)
{
	char path[64 + IFNAMSIZ];

	snprintf(path, sizeof(path), "/proc/sys/net/ipv4/conf/%s/rp_filter", name);
	return fopen(path, mode);
}

/* 0 where there is no IPv4. */
static int rp_filter_of(const char *name)
{
	FILE *f = rp_filter(name, "re");
	int digit = f ? fgetc(f) : '0';

	if (f)
		fclose(f);
	return digit - '0';
}

int tun_reverse_loose(const struct tun *t)
{
	int all = rp_filter_of("all"), own = rp_filter_of(t->name);
	FILE *f;
	bool written;

	/* The kernel goes by the greater of the two. */
	if (all == 0 && own == 0)
		return 0;
	f = rp_filter(t->name, "we");
	if (!f)
		return ERR_SYSTEM;
	written = fprintf(f, "%d", all == 0 ? 0 : RP_FILTER_LOOSE) > 0;
	if (fclose(f) != 0 || !written)
		return ERR_SYSTEM;
	return all == 0 ? 0 : 1;
}
