/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel's filter against questions for names that leave by another device than the TUN. */
#include "tun/filter.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/err.h"
#include "namespace.h"

#define INNER4 "10.9.0.1"

struct host {
	struct tun_netlink n;
	struct tun up, tun, other;
	struct tun_filter f;
	struct addr inner;
	struct policy policy;
	struct tun_filter_setup setup;
};

static void add(struct host *h, const char *line)
{
	struct tun_state s;

	assert_int_equal(tun_state_parse(line, &s), 0);
	assert_int_equal(tun_state_add(&h->n, &s), 0);
}

static void host_open(struct host *h)
{
	int rc;

	*h = (struct host){ .n = { 0 } };
	enter_namespace();
	assert_int_equal(tun_netlink_open(&h->n), 0);
	open_device(&h->up, &h->n, "up0");
	open_device(&h->tun, &h->n, "godwit0");
	open_device(&h->other, &h->n, "godwit1");
	assert_int_equal(tun_link_join(&h->n, "godwit1"), 0);
	add(h, "address to 198.51.100.2/24 dev up0");
	add(h, "address to " INNER4 "/32 dev godwit0");
	add(h, "route action unicast to 0.0.0.0/0 dev up0 table 254");
	rc = tun_filter_open(&h->f, "godwit0", h->tun.ifindex, true);
	if (rc == ERR_UNSUPPORTED) {
		print_message("skipped: no nf_tables\n");
		skip();
	}
	assert_int_equal(rc, 0);
	assert_true(addr_parse(INNER4, &h->inner));
	h->setup = (struct tun_filter_setup){
		.inner = &h->inner,
		.n_inner = 1,
		.policy = &h->policy,
	};
}

static void host_close(struct host *h)
{
	tun_filter_close(&h->f);
	tun_close(&h->other);
	tun_close(&h->tun);
	tun_close(&h->up);
	tun_netlink_close(&h->n);
}

static void rule(struct host *h, enum policy_action action, const char *local, const char *remote,
		 uint8_t proto, uint16_t port)
{
	struct policy_rule r = { .action = action };
	struct prefix from, to;

	assert_true(prefix_parse(local, &from) && prefix_parse(remote, &to));
	r.ts.local = ts_from_prefix(&from);
	r.ts.remote = ts_from_prefix(&to);
	r.ts.local.proto = r.ts.remote.proto = proto;
	if (port)
		r.ts.remote.port_lo = r.ts.remote.port_hi = port;
	assert_true(policy_add(&h->policy, &r));
}

static void apply(struct host *h)
{
	assert_int_equal(tun_filter_set(&h->f, &h->setup), 0);
}

/* As who resolves names does it: bound to the link, whatever the routes say. */
static int asker_open(const char *device, int type, uint32_t mark)
{
	int fd = socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0);
	assert_int_equal(
		setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device, (socklen_t)strlen(device)), 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)), 0);
	return fd;
}

/* True when the kernel would not let it out, and has counted that. */
static bool is_asked_in_vain(struct host *h, int fd, const char *server, uint16_t port)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port) };
	uint64_t before = tun_filter_refused(&h->f);
	ssize_t sent;
	bool refused;

	assert_int_equal(inet_pton(AF_INET, server, &to.sin_addr), 1);
	sent = sendto(fd, "?", 1, 0, (struct sockaddr *)&to, sizeof(to));
	refused = sent < 0 && errno == EPERM;
	assert_int_equal(tun_filter_refused(&h->f) - before, refused);
	close(fd);
	return refused;
}

static bool asks_in_vain(struct host *h, const char *device, uint32_t mark, const char *server,
			 uint16_t port)
{
	return is_asked_in_vain(h, asker_open(device, SOCK_DGRAM, mark), server, port);
}

static void questions_leave_by_the_policy_alone(void **state)
{
	struct host h;

	host_open(&h);
	rule(&h, POLICY_BYPASS, "0.0.0.0/0", "192.0.2.53", 17, 53);
	rule(&h, POLICY_PROTECT, INNER4, "10.1.0.0/16", 0, 0);
	h.policy.fallback = POLICY_DISCARD;
	apply(&h);
	assert_false(asks_in_vain(&h, "up0", 0, "203.0.113.53", 53));
	h.setup.names = true;
	apply(&h);
	assert_true(asks_in_vain(&h, "up0", 0, "203.0.113.53", 53));
	assert_true(asks_in_vain(&h, "up0", 0, "203.0.113.53", 853));
	assert_true(asks_in_vain(&h, "up0", 0, "10.1.0.53", 53));
	assert_false(asks_in_vain(&h, "up0", 0, "203.0.113.53", 54));
	/* A rule of one's own lets it out; our own sockets, and the tunnels, are free. */
	assert_false(asks_in_vain(&h, "up0", 0, "192.0.2.53", 53));
	assert_true(asks_in_vain(&h, "up0", 0, "192.0.2.53", 853));
	assert_false(asks_in_vain(&h, "up0", TUN_FWMARK, "203.0.113.53", 53));
	assert_false(asks_in_vain(&h, "godwit0", 0, "203.0.113.53", 53));
	assert_false(asks_in_vain(&h, "godwit1", 0, "203.0.113.53", 53));
	assert_false(asks_in_vain(&h, "lo", 0, "127.0.0.53", 53));
	host_close(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(questions_leave_by_the_policy_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
