/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "doctor/dns.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "doctor_address.h"

static void test_servers(void **state)
{
	char path[] = "/tmp/doctor-XXXXXX";
	struct addr list[3], want = address("2001:db8::53");
	FILE *f = fdopen(mkstemp(path), "w");

	fputs("# nameserver 192.0.2.1\nsearch example.com\nnameserver 192.0.2.53\n"
	      "nameserver fe80::1%eth0\n  nameserver 2001:db8::53\nnameserver x\n"
	      "nameserver 192.0.2.54\nnameserver 192.0.2.55\n",
	      f);
	fclose(f);
	assert_int_equal(dns_servers(path, list, 3), 3);
	assert_true(addr_eq(&list[1], &want));
	unlink(path);
	assert_int_equal(dns_servers(path, list, 3), 0);
}

/* Nonsense without end, so long as somebody listens. */
static atomic_bool heard_enough;

static void *talk(void *ctx)
{
	int fd = *(int *)ctx;
	struct sockaddr_storage to;
	socklen_t n = sizeof(to);
	char bytes[512];

	if (recvfrom(fd, bytes, sizeof(bytes), 0, (struct sockaddr *)&to, &n) < 0)
		return NULL;
	while (!atomic_load(&heard_enough)) {
		sendto(fd, "nonsense", 8, 0, (struct sockaddr *)&to, n);
		usleep(50000);
	}
	return NULL;
}

static void test_nonsense_without_end(void **state)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(53) };
	struct dns_answer a = { .server = address("127.0.53.9") };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct timeval patience = { .tv_sec = 5 };
	pthread_t talker;

	inet_pton(AF_INET, "127.0.53.9", &at.sin_addr);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) != 0) {
		close(fd);
		skip();
	}
	assert_int_equal(pthread_create(&talker, NULL, talk, &fd), 0);
	dns_ask("vpn.example.com", &a, 1, crypto_rng());
	atomic_store(&heard_enough, true);
	pthread_join(talker, NULL);
	assert_false(a.answered);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_servers),
		cmocka_unit_test(test_nonsense_without_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
