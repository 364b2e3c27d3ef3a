/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tun/tun.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/if_tun.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>

#include "base/err.h"
#include "namespace.h"
#include "packets.h"

static uint8_t arena[4 * 65536];
static struct batch batch;
static struct tun_intake intake;

static void test_bad_names(void **state)
{
	static const char *const names[] = {
		"", ".", "..", "a/b", "a b", "a:b", "sixteen-letters-"
	};
	struct tun t;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		assert_int_equal(tun_open(&t, names[i], false), ERR_CONFIG);
		assert_int_equal(t.fd, -1);
	}
}

static void test_name_is_taken(void **state)
{
	struct tun_netlink n;
	struct tun a, b;

	enter_namespace();
	assert_int_equal(tun_netlink_open(&n), 0);
	open_device(&a, &n, "godwit0");
	assert_int_equal(tun_open(&b, "godwit0", false), ERR_SYSTEM);
	assert_int_equal(errno, EBUSY);
	assert_int_equal(b.fd, -1);
	assert_int_equal(tun_open(&b, "lo", false), ERR_SYSTEM);
	assert_true(errno == EBUSY || errno == EINVAL);
	tun_close(&a);
	assert_int_equal(tun_open(&b, "godwit0", false), 0);
	assert_true(fcntl(b.fd, F_GETFD) & FD_CLOEXEC);
	tun_close(&b);
	tun_netlink_close(&n);
}

/* A device that somebody made to stay is not ours to take, even while nobody uses it. */
static void test_persistent_device_is_not_taken(void **state)
{
	struct tun_netlink n;
	struct tun t;

	enter_namespace();
	assert_int_equal(tun_netlink_open(&n), 0);
	open_device(&t, &n, "godwit0");
	assert_int_equal(ioctl(t.fd, TUNSETPERSIST, 1), 0);
	tun_close(&t);
	assert_int_equal(tun_open(&t, "godwit0", false), ERR_SYSTEM);
	assert_int_equal(errno, EBUSY);
	tun_netlink_close(&n);
}

static void test_number_in_name(void **state)
{
	struct tun_netlink n;
	struct tun a, b;

	enter_namespace();
	assert_int_equal(tun_netlink_open(&n), 0);
	open_device(&a, &n, "godwit%d");
	open_device(&b, &n, "godwit%d");
	assert_string_equal(a.name, "godwit0");
	assert_string_equal(b.name, "godwit1");
	assert_int_equal(b.ifindex, if_nametoindex("godwit1"));
	tun_close(&a);
	tun_close(&b);
	tun_netlink_close(&n);
}

static int open_as_nobody(void)
{
	struct tun t;

	if (setgroups(0, NULL) < 0 || setgid(65534) < 0 || setuid(65534) < 0)
		return 1;
	return tun_open(&t, "godwit0", false);
}

static int open_without_device(void)
{
	struct tun t;

	if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("tmpfs", "/dev/net", "tmpfs", 0, NULL) < 0)
		return 1;
	return tun_open(&t, "godwit0", false) == ERR_SYSTEM && errno == ENOENT ? 7 : 8;
}

static void test_no_privilege_and_no_device(void **state)
{
	struct tun_netlink n;
	struct tun t;

	enter_namespace();
	assert_int_equal(tun_netlink_open(&n), 0);
	open_device(&t, &n, "probe");
	assert_int_equal(in_child(open_as_nobody), ERR_PERMISSION);
	assert_int_equal(in_child(open_without_device), 7);
	tun_close(&t);
	tun_netlink_close(&n);
}

static void add(struct tun_netlink *n, const char *line)
{
	struct tun_state s;

	assert_int_equal(tun_state_parse(line, &s), 0);
	assert_int_equal(tun_state_add(n, &s), 0);
}

static void send_to_tun(int fd, const char *text)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(7) };

	to.sin_addr.s_addr = htonl(0x0a010203);
	assert_int_equal(sendto(fd, text, strlen(text), 0, (struct sockaddr *)&to, sizeof(to)),
			 strlen(text));
}

static void check_read(struct tun *t)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	batch_init(&batch, arena, sizeof(arena));
	assert_int_equal(tun_read(t, &intake, &batch, 64, 32), 0);
	assert_int_equal(batch.used, 0);
	send_to_tun(fd, "one");
	send_to_tun(fd, "second");
	assert_int_equal(tun_read(t, &intake, &batch, 64, 32), 2);
	assert_int_equal(batch.pkts[0].len, 28 + 3);
	assert_int_equal(batch.pkts[1].len, 28 + 6);
	assert_memory_equal(pkt_data(&batch.pkts[1]) + 28, "second", 6);
	assert_int_equal(pkt_headroom(&batch.pkts[0]), 64);
	assert_in_range(pkt_tailroom(&batch.pkts[0]), 32, 47);
	/* The slots lie close together: what was not needed of them is free again. */
	assert_in_range(batch.used, 2 * (64 + 28 + 32), 2 * (64 + 28 + 32) + 32);
	close(fd);
}

static void check_full(struct tun *t)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	char text[] = "0";

	for (unsigned i = 0; i < BATCH_MAX + 5; i++) {
		text[0] = (char)('0' + i);
		send_to_tun(fd, text);
	}
	batch_reset(&batch);
	assert_int_equal(tun_read(t, &intake, &batch, 64, 32), BATCH_MAX);
	batch_reset(&batch);
	assert_int_equal(tun_read(t, &intake, &batch, 64, 32), 5);
	assert_int_equal(pkt_data(&batch.pkts[4])[28], '0' + BATCH_MAX + 4);
	close(fd);
}

/* A datagram to the inner address, out of the tunnel. */
static void check_write(struct tun *t)
{
	struct sockaddr_in me = { .sin_family = AF_INET, .sin_port = htons(2000) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct packet_bytes p = unhex(OPTIONS4);
	struct pkt pkt = { .base = p.b, .size = (uint32_t)p.n, .len = (uint32_t)p.n };
	char got[8];

	/* OPTIONS4 goes from 10.9.0.1 to 192.0.2.80 */
	me.sin_addr.s_addr = htonl(0xc0000250);
	assert_int_equal(bind(fd, (struct sockaddr *)&me, sizeof(me)), 0);
	assert_int_equal(tun_write(t, pkt_slice(&pkt)), 0);
	assert_int_equal(recv(fd, got, sizeof(got), MSG_DONTWAIT), 1);
	assert_int_equal(got[0], 'x');
	p.b[0] = 0x15;
	assert_int_equal(tun_write(t, pkt_slice(&pkt)), ERR_SYSTEM);
	assert_int_equal(errno, EINVAL);
	close(fd);
}

static void test_packets(void **state)
{
	struct tun_netlink n;
	struct tun t;

	enter_namespace();
	assert_int_equal(tun_netlink_open(&n), 0);
	open_device(&t, &n, "godwit0");
	add(&n, "address to 192.0.2.80/32 dev godwit0");
	add(&n, "route action unicast to 10.0.0.0/8 dev godwit0 src 192.0.2.80 table 254");
	check_read(&t);
	check_full(&t);
	check_write(&t);
	assert_int_equal(tun_link_down(&n, "godwit0"), 0);
	assert_int_equal(tun_write(&t, pkt_slice(&batch.pkts[0])), ERR_SYSTEM);
	assert_int_equal(errno, EIO);
	tun_close(&t);
	tun_netlink_close(&n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bad_names),
		cmocka_unit_test(test_name_is_taken),
		cmocka_unit_test(test_persistent_device_is_not_taken),
		cmocka_unit_test(test_number_in_name),
		cmocka_unit_test(test_no_privilege_and_no_device),
		cmocka_unit_test(test_packets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
