/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "doctor/dns.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "doctor_address.h"

static void test_query(void **state)
{
	static const uint8_t wanted[] = { 0x12, 0x34, 1,   0,	0, 1,	0,   0, 0, 0,  0, 0,
					  3,	'v',  'p', 'n', 2, 'd', 'e', 0, 0, 28, 0, 1 };
	uint8_t buf[DNS_QUERY_MAX];
	char name[300];

	assert_true(slice_eq(dns_query(0x1234, "vpn.de", DNS_AAAA, buf), SLICE_OF(wanted)));
	assert_true(slice_eq(dns_query(0x1234, "vpn.de.", DNS_AAAA, buf), SLICE_OF(wanted)));
	assert_int_equal(dns_query(1, "a..b", DNS_A, buf).n, 0);
	memset(name, 'a', sizeof(name));
	name[64] = '\0';
	assert_int_equal(dns_query(1, name, DNS_A, buf).n, 0);
	name[64] = '.';
	name[299] = '\0';
	assert_int_equal(dns_query(1, name, DNS_A, buf).n, 0);
}

/* An alias, then two addresses by a compressed name. */
static const uint8_t answer[] = {
	0x12, 0x34, 0x81, 0x80, 0,    1,  0,	3,  0, 0, 0, 0, 3, 'v', 'p', 'n', 2,   'd',
	'e',  0,    0,	  1,	0,    1,  0xc0, 12, 0, 5, 0, 1, 0, 0,	0,   9,	  0,   4,
	1,    'x',  0xc0, 16,	0xc0, 36, 0,	1,  0, 1, 0, 0, 0, 9,	0,   4,	  198, 51,
	100,  1,    0xc0, 36,	0,    1,  0,	1,  0, 0, 0, 9, 0, 4,	198, 51,  100, 2,
};

static void test_answer(void **state)
{
	static const uint8_t no_name[] = { 0x12, 0x34, 0x81, 0x83, 0, 0, 0, 0, 0, 0, 0, 0 };
	struct dns_answer a = { 0 };
	struct addr want = address("198.51.100.2");

	assert_int_equal(dns_parse(SLICE_OF(answer), 0x1234, &a), 0);
	assert_true(a.answered);
	assert_int_equal(a.n, 2);
	assert_true(addr_eq(&a.addrs[1], &want));
	assert_int_equal(dns_parse(SLICE_OF(answer), 0x1235, &a), ERR_UNEXPECTED);
	a = (struct dns_answer){ 0 };
	assert_int_equal(dns_parse(SLICE_OF(no_name), 0x1234, &a), 0);
	assert_int_equal(a.code, 3);
	assert_int_equal(a.n, 0);
}

/* Cut anywhere it is none; more addresses than there is room for are left out; names without an end. */
static void test_hostile(void **state)
{
	uint8_t many[2000], loop[64] = { 0x12, 0x34, 0x81, 0x80, 0, 1, 0xff, 0xff };
	struct dns_answer a = { 0 };
	size_t n = sizeof(answer) - 16;

	for (size_t i = 0; i < sizeof(answer); i++)
		assert_int_not_equal(dns_parse(slice(answer, i), 0x1234, &a), 0);
	assert_false(a.answered);
	memcpy(many, answer, n);
	for (unsigned i = 0; i < 40; i++, n += 16)
		memcpy(many + n, answer + sizeof(answer) - 16, 16);
	put_be16(many + 6, 42);
	a = (struct dns_answer){ 0 };
	assert_int_equal(dns_parse(slice(many, n), 0x1234, &a), 0);
	assert_int_equal(a.n, DOCTOR_ADDRESSES_MAX);
	memset(loop + 12, 63, sizeof(loop) - 12);
	assert_int_equal(dns_parse(SLICE_OF(loop), 0x1234, &a), ERR_MALFORMED);
}

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
		cmocka_unit_test(test_query),
		cmocka_unit_test(test_answer),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_servers),
		cmocka_unit_test(test_nonsense_without_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
