/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * usage: lab_link DEVICE DEVICE [KEY=VALUE...]
 *
 * A wire between two network devices of this namespace, in both directions: what arrives at one
 * leaves by the other, later, or not at all. What becomes of each frame is decided by the
 * simulator's link, so that the lab and the simulator mean the same by a word:
 *
 *	delay, jitter, held       milliseconds, each way
 *	loss, duplication, reordering    of 1,000
 *	rate                      kbit/s each way, 0: as fast as may be
 *	queue                     what may wait for that rate, bytes
 *	seed                      of the dice
 *
 * The same words, one a line on standard input, change it while it runs; "report" has it print what
 * it has counted. It ends with its standard input. Frames keep their offloads (virtio header), so
 * that a large one counts as one, unless the devices were told otherwise.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "tests/sim/link.h"

#define FRAME_MAX (sizeof(struct virtio_net_hdr) + ETH_HLEN + 65536 + 64)
#define FRAMES_MAX 65536
#define QUEUE_BYTES (1024 * 1024)
#define READS_PER_WAKE 64

struct frame {
	vtime at;
	uint64_t number; /* frames of one time leave as they came */
	size_t n;
	uint8_t *bytes;
};

/* One way: from one device to the other. */
struct way {
	int from, to;
	struct link link;
	vtime free_at; /* when the wire has sent all that waits for its rate */
	unsigned frames; /* a heap, the next to leave first */
	struct frame heap[FRAMES_MAX];
	uint64_t number, full, refused;
};

struct emulator {
	struct link_config config;
	uint64_t rate; /* bits a second */
	uint64_t queue;
	struct rng_seed seed;
	struct rng rng;
	struct way ways[2];
	int timer;
};

static void die(const char *what)
{
	fprintf(stderr, "lab_link: %s: %s\n", what, strerror(errno));
	exit(1);
}

static vtime now_of_clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (vtime)t.tv_sec * VTIME_S + (vtime)t.tv_nsec;
}

/* ---- what waits ---- */

static bool sooner(const struct frame *a, const struct frame *b)
{
	return a->at != b->at ? a->at < b->at : a->number < b->number;
}

static void heap_swap(struct way *w, unsigned a, unsigned b)
{
	struct frame f = w->heap[a];

	w->heap[a] = w->heap[b];
	w->heap[b] = f;
}

static void heap_put(struct way *w, const struct frame *f)
{
	unsigned i = w->frames++;

	w->heap[i] = *f;
	for (; i > 0 && sooner(&w->heap[i], &w->heap[(i - 1) / 2]); i = (i - 1) / 2)
		heap_swap(w, i, (i - 1) / 2);
}

static struct frame heap_take(struct way *w)
{
	struct frame first = w->heap[0];
	unsigned i = 0;

	w->heap[0] = w->heap[--w->frames];
	for (;;) {
		unsigned least = i, left = 2 * i + 1;

		if (left < w->frames && sooner(&w->heap[left], &w->heap[least]))
			least = left;
		if (left + 1 < w->frames && sooner(&w->heap[left + 1], &w->heap[least]))
			least = left + 1;
		if (least == i)
			return first;
		heap_swap(w, i, least);
		i = least;
	}
}

/* ---- frames ---- */

/* When the wire's end of this frame has been sent; VTIME_NEVER: too much waits already. */
static vtime through_rate(const struct emulator *e, struct way *w, vtime now, size_t n)
{
	vtime begins = w->free_at > now ? w->free_at : now;

	if (e->rate == 0)
		return now;
	if ((begins - now) / 1000 * e->rate / 8000000 > e->queue)
		return VTIME_NEVER;
	w->free_at = begins + (vtime)(n * 8) * VTIME_S / e->rate;
	return w->free_at;
}

static void frame_arrived(struct emulator *e, struct way *w, vtime now, const uint8_t *bytes,
			  size_t n)
{
	vtime sent = through_rate(e, w, now, n - sizeof(struct virtio_net_hdr));
	struct link_fate fate;

	if (sent == VTIME_NEVER) {
		w->full++;
		return;
	}
	w->link.config = e->config;
	fate = link_send(&w->link, sent);
	for (unsigned i = 0; i < fate.n; i++) {
		struct frame f = { fate.at[i], w->number++, n, malloc(n) };

		if (!f.bytes || w->frames == FRAMES_MAX) {
			free(f.bytes);
			w->full++;
			continue;
		}
		memcpy(f.bytes, bytes, n);
		heap_put(w, &f);
	}
}

static void way_read(struct emulator *e, struct way *w)
{
	static uint8_t bytes[FRAME_MAX];

	for (unsigned i = 0; i < READS_PER_WAKE; i++) {
		ssize_t n = recv(w->from, bytes, sizeof(bytes), MSG_DONTWAIT);

		if (n <= (ssize_t)sizeof(struct virtio_net_hdr))
			return;
		frame_arrived(e, w, now_of_clock(), bytes, (size_t)n);
	}
}

static void way_write(struct way *w, vtime now)
{
	while (w->frames && w->heap[0].at <= now) {
		struct frame f = heap_take(w);

		if (send(w->to, f.bytes, f.n, 0) < 0)
			w->refused++;
		free(f.bytes);
	}
}

static void timer_follow(const struct emulator *e)
{
	struct itimerspec spec = { 0 };
	vtime at = VTIME_NEVER;

	for (unsigned i = 0; i < 2; i++)
		if (e->ways[i].frames)
			at = vtime_min(at, e->ways[i].heap[0].at);
	if (at != VTIME_NEVER) {
		spec.it_value.tv_sec = (time_t)(at / VTIME_S);
		spec.it_value.tv_nsec = (long)(at % VTIME_S);
	}
	timerfd_settime(e->timer, TFD_TIMER_ABSTIME, &spec, NULL);
}

/* ---- set-up ---- */

static int device_open(const char *name)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	struct packet_mreq all = { .mr_type = PACKET_MR_PROMISC };
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0), on = 1, room = 64 << 20;

	at.sll_ifindex = (int)if_nametoindex(name);
	all.mr_ifindex = at.sll_ifindex;
	if (fd < 0 || at.sll_ifindex == 0 ||
	    setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on)) != 0 ||
	    setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on)) != 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) != 0 ||
	    setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof(all)) != 0 ||
	    bind(fd, (struct sockaddr *)&at, sizeof(at)) != 0)
		die(name);
	return fd;
}

static void emulator_set(struct emulator *e, const char *key, uint64_t n)
{
	if (strcmp(key, "delay") == 0)
		e->config.delay = n * VTIME_MS;
	else if (strcmp(key, "jitter") == 0)
		e->config.jitter = n * VTIME_MS;
	else if (strcmp(key, "held") == 0)
		e->config.held = n * VTIME_MS;
	else if (strcmp(key, "loss") == 0)
		e->config.loss = (unsigned)n;
	else if (strcmp(key, "duplication") == 0)
		e->config.duplication = (unsigned)n;
	else if (strcmp(key, "reordering") == 0)
		e->config.reordering = (unsigned)n;
	else if (strcmp(key, "rate") == 0)
		e->rate = n * 1000;
	else if (strcmp(key, "queue") == 0)
		e->queue = n;
	else if (strcmp(key, "seed") == 0)
		e->rng = rng_seeded(&e->seed, n);
	else {
		fprintf(stderr, "lab_link: no such word: %s\n", key);
		exit(1);
	}
}

/* "delay=50", or a line of them. */
static void emulator_take(struct emulator *e, char *words)
{
	for (char *word = strtok(words, " \n"); word; word = strtok(NULL, " \n")) {
		char *value = strchr(word, '=');

		if (value) {
			*value = '\0';
			emulator_set(e, word, strtoull(value + 1, NULL, 10));
		} else if (strcmp(word, "report") == 0) {
			for (unsigned i = 0; i < 2; i++)
				printf("%u sent, %u lost, %u duplicated, %u reordered, %llu without "
				       "room, %llu refused\n",
				       e->ways[i].link.sent, e->ways[i].link.lost,
				       e->ways[i].link.duplicated, e->ways[i].link.reordered,
				       (unsigned long long)e->ways[i].full,
				       (unsigned long long)e->ways[i].refused);
		} else {
			emulator_set(e, word, 0);
		}
	}
	fflush(stdout);
}

int main(int argc, char **argv)
{
	static struct emulator e;
	static char line[512];

	if (argc < 3) {
		fprintf(stderr, "usage: lab_link DEVICE DEVICE [KEY=VALUE...]\n");
		return 1;
	}
	e.queue = QUEUE_BYTES;
	e.rng = rng_seeded(&e.seed, 1);
	for (int i = 3; i < argc; i++)
		emulator_take(&e, argv[i]);
	e.timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	for (unsigned i = 0; i < 2; i++) {
		e.ways[i].from = device_open(argv[1 + i]);
		link_init(&e.ways[i].link, &e.config, &e.rng);
	}
	e.ways[0].to = e.ways[1].from;
	e.ways[1].to = e.ways[0].from;
	puts("ready");
	fflush(stdout);
	for (;;) {
		struct pollfd p[] = { { e.ways[0].from, POLLIN, 0 },
				      { e.ways[1].from, POLLIN, 0 },
				      { e.timer, POLLIN, 0 },
				      { STDIN_FILENO, POLLIN, 0 } };
		uint64_t times;

		timer_follow(&e);
		if (poll(p, 4, -1) < 0)
			die("poll");
		if (p[2].revents && read(e.timer, &times, sizeof(times)) < 0 && errno != EAGAIN)
			die("timer");
		for (unsigned i = 0; i < 2; i++) {
			way_read(&e, &e.ways[i]);
			way_write(&e.ways[i], now_of_clock());
		}
		if (p[3].revents) {
			if (!fgets(line, sizeof(line), stdin))
				return 0;
			emulator_take(&e, line);
		}
	}
}
