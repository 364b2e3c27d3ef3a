/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * usage: lab_flood send NETWORK FLOWS RATE SECONDS [BYTES]
 *        lab_flood discard
 *
 * send: datagrams of BYTES (64) to the discard port of the first FLOWS addresses of NETWORK, all from
 * one socket, RATE of them a second, each address in its turn. Every fourth address is sent the same
 * datagram each time, the others a new one. Prints how many were sent, and how many the system refused.
 *
 * discard: receives what comes to the discard port and throws it away; prints how many on SIGTERM. What
 * comes while others have the processor waits for it, and is counted, too.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define DISCARD_PORT 9
#define PAYLOAD 64
#define PAYLOAD_MAX 1472
#define RECEIVE_BUFFER (32 << 20)
#define TOGETHER 64
#define SAME_EVERY 4

#define NS_PER_S 1000000000U

struct together {
	struct mmsghdr headers[TOGETHER];
	struct iovec parts[TOGETHER];
	struct sockaddr_in to[TOGETHER];
	uint8_t bytes[TOGETHER][PAYLOAD_MAX];
};

static void together_init(struct together *t, size_t payload)
{
	for (unsigned i = 0; i < TOGETHER; i++) {
		t->parts[i] = (struct iovec){ t->bytes[i], payload };
		t->headers[i].msg_hdr = (struct msghdr){
			.msg_name = &t->to[i],
			.msg_namelen = sizeof(t->to[i]),
			.msg_iov = &t->parts[i],
			.msg_iovlen = 1,
		};
		t->to[i] = (struct sockaddr_in){ .sin_family = AF_INET,
						 .sin_port = htons(DISCARD_PORT) };
	}
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

static void sleep_until(uint64_t at)
{
	const struct timespec ts = { (time_t)(at / NS_PER_S), (long)(at % NS_PER_S) };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) == EINTR)
		;
}

/* The numbers from `first` on. */
static void together_fill(struct together *t, uint32_t network, uint64_t first, uint64_t flows)
{
	for (unsigned i = 0; i < TOGETHER; i++) {
		uint64_t number = first + i, flow = number % flows;

		t->to[i].sin_addr.s_addr = htonl(network + 1 + (uint32_t)flow);
		if (flow % SAME_EVERY == 0)
			number = flow;
		memcpy(t->bytes[i], &number, sizeof(number));
	}
}

/* What the system refuses is passed over. Returns how many it refused. */
static unsigned together_send(struct together *t, int fd)
{
	unsigned refused = 0;

	for (unsigned done = 0; done < TOGETHER;) {
		int n = sendmmsg(fd, t->headers + done, TOGETHER - done, 0);

		if (n > 0) {
			done += (unsigned)n;
		} else {
			done++;
			refused++;
		}
	}
	return refused;
}

static int send_all(uint32_t network, uint64_t flows, uint64_t rate, uint64_t seconds,
		    uint64_t payload)
{
	static struct together t;
	uint64_t begun = now_ns(), sent = 0, refused = 0;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || flows == 0 || rate == 0 || payload < sizeof(uint64_t) ||
	    payload > PAYLOAD_MAX)
		return 1;
	together_init(&t, payload);
	while (now_ns() - begun < seconds * NS_PER_S) {
		together_fill(&t, network, sent, flows);
		refused += together_send(&t, fd);
		sent += TOGETHER;
		sleep_until(begun + sent * NS_PER_S / rate);
	}
	printf("%llu %llu\n", (unsigned long long)(sent - refused), (unsigned long long)refused);
	return 0;
}

static volatile sig_atomic_t ended;

static void end(int number)
{
	(void)number;
	ended = 1;
}

static int discard(void)
{
	static struct together t;
	const struct sockaddr_in here = { .sin_family = AF_INET, .sin_port = htons(DISCARD_PORT) };
	const struct sigaction act = { .sa_handler = end };
	const int room = RECEIVE_BUFFER;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	unsigned long long received = 0;
	int n = 0;

	if (fd < 0 || bind(fd, (const struct sockaddr *)&here, sizeof(here)) != 0) {
		perror("lab_flood: discard port");
		return 1;
	}
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	sigaction(SIGTERM, &act, NULL);
	together_init(&t, PAYLOAD);
	puts("ready");
	fflush(stdout);
	while (n > 0 || !ended) {
		n = recvmmsg(fd, t.headers, TOGETHER, ended ? MSG_DONTWAIT : MSG_WAITFORONE, NULL);
		received += n > 0 ? (unsigned)n : 0;
	}
	printf("%llu\n", received);
	return 0;
}

static uint64_t number(const char *text)
{
	return strtoull(text, NULL, 10);
}

int main(int argc, char **argv)
{
	struct in_addr network;

	if (argc == 2 && strcmp(argv[1], "discard") == 0)
		return discard();
	if ((argc == 6 || argc == 7) && strcmp(argv[1], "send") == 0 &&
	    inet_aton(argv[2], &network))
		return send_all(ntohl(network.s_addr), number(argv[3]), number(argv[4]),
				number(argv[5]), argc == 7 ? number(argv[6]) : PAYLOAD);
	fprintf(stderr, "usage: lab_flood send NETWORK FLOWS RATE SECONDS [BYTES] | discard\n");
	return 1;
}
