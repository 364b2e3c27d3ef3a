/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/namespace.h"

#include <fcntl.h>
#include <ftw.h>
#include <signal.h>

#include "client/runtime.h"

#define PATIENCE_MS 60000

/* A device in a namespace of its own, a journal, and a script that notes what it is told. */
struct world {
	char dir[64];
	char script[128];
	struct config config;
	struct host host;
	struct hooks_options options;
	struct hooks hooks;
	struct setup *setup;
	struct addr inner;
	struct prefix routes[2];
	struct session_effect fx;
	struct ike_assigned assigned;
	struct dns_config names;
	struct dns dns;
	struct log log;
	char why[200];
	char said[8192];
};

static void write_script(struct world *w, const char *body)
{
	FILE *f = fopen(w->script, "w");

	assert_non_null(f);
	fprintf(f, "#!/bin/sh\necho $reason $INTERNAL_IP4_ADDRESS $VPNGATEWAY >>%s/told\n%s\n",
		w->dir, body);
	assert_int_equal(fchmod(fileno(f), 0755), 0);
	fclose(f);
}

static int world_open(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	strcpy(w->dir, "/tmp/godwit-setup.XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	snprintf(w->script, sizeof(w->script), "%s/script", w->dir);
	strcpy(w->config.name, "office");
	w->host = (struct host){ .config = &w->config,
				 .dir = -1,
				 .journal.fd = -1,
				 .mark = 4242,
				 .tun.fd = -1,
				 .ike = NET_SOCKET_NONE,
				 .natt = NET_SOCKET_NONE,
				 .esp = NET_SOCKET_NONE,
				 .cisco = NET_SOCKET_NONE,
				 .keylog = { -1, -1 } };
	w->hooks.fd = -1;
	*state = w;
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *where)
{
	(void)st;
	(void)flag;
	(void)where;
	return remove(path);
}

static int world_close(void **state)
{
	struct world *w = *state;

	hooks_end(&w->hooks);
	setup_free(w->setup);
	if (w->host.netlink.nl)
		host_close(&w->host, stderr);
	nftw(w->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(w);
	return 0;
}

static void aim(struct world *w, const char *inner, const char *first, const char *second)
{
	assert_true(addr_parse(inner, &w->inner));
	assert_true(prefix_parse(first, &w->routes[0]));
	assert_true(prefix_parse(second, &w->routes[1]));
	w->fx = (struct session_effect){
		.type = SESSION_EFFECT_TUN,
		.tun = { .inner = &w->inner,
			 .ninner = 1,
			 .routes = w->routes,
			 .nroutes = 2,
			 .mtu = 1400,
			 .path = { .encapsulation = ENCAPSULATION_UDP } },
	};
	assert_true(addr_parse("192.0.2.1", &w->fx.tun.path.remote.addr));
	w->fx.tun.path.local = w->fx.tun.path.remote;
	w->fx.tun.path.remote.port = w->fx.tun.path.local.port = IKE_NATT_PORT;
}

static void start(struct world *w, bool script)
{
	struct host *h = &w->host;

	enter_namespace();
	if (script)
		w->options.script = w->script;
	assert_int_equal(hooks_start(&w->hooks, &w->options, stderr), 0);
	assert_int_equal(tun_netlink_open(&h->netlink), 0);
	assert_int_equal(net_router_open(&h->router, h->mark), 0);
	h->dir = open(w->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(journal_open(h->dir, true, &h->journal), 0);
	open_device(&h->tun, &h->netlink, "godwit7");
	w->setup = setup_new(h, &w->hooks);
}

static enum setup_state next(struct world *w)
{
	struct hooks_result r;

	assert_true(hooks_take(&w->hooks, PATIENCE_MS, &r));
	return setup_script_ended(w->setup, &r, w->why);
}

static const char *said(struct world *w, const char *command)
{
	FILE *f = popen(command, "r");
	size_t n = fread(w->said, 1, sizeof(w->said) - 1, f);

	w->said[n] = '\0';
	pclose(f);
	return w->said;
}

static const char *told(struct world *w)
{
	char command[128];

	snprintf(command, sizeof(command), "cat %s/told", w->dir);
	return said(w, command);
}

/* What both need is not touched, what is not needed any more goes, what is new comes. */
static void addresses_that_change(void **state)
{
	struct world *w = *state;

	start(w, false);
	aim(w, "10.91.0.7", "10.80.0.0/24", "10.81.0.0/24");
	assert_int_equal(setup_tun(w->setup, &w->fx, w->why), SETUP_READY);
	assert_non_null(strstr(said(w, "ip -o addr show dev godwit7"), "inet 10.91.0.7/32"));
	assert_non_null(strstr(said(w, "ip route show table all dev godwit7"), "10.81.0.0/24"));
	aim(w, "10.91.0.8", "10.80.0.0/24", "10.82.0.0/24");
	assert_int_equal(setup_tun(w->setup, &w->fx, w->why), SETUP_READY);
	said(w, "ip -o addr show dev godwit7");
	assert_null(strstr(w->said, "10.91.0.7"));
	assert_non_null(strstr(w->said, "inet 10.91.0.8/32"));
	said(w, "ip route show table all dev godwit7");
	assert_null(strstr(w->said, "10.81.0.0/24"));
	assert_null(strstr(w->said, "10.91.0.7"));
	assert_non_null(strstr(w->said, "10.80.0.0/24"));
	assert_non_null(strstr(w->said, "10.82.0.0/24"));
	said(w, "ip rule");
	assert_null(strstr(w->said, "10.91.0.7"));
	assert_null(strstr(w->said, "10.81.0.0/24"));
	assert_non_null(strstr(w->said, "10.91.0.8"));
	/* The journal knows it all, and takes it all back. */
	host_close(&w->host, stderr);
	w->host.netlink.nl = NULL;
	assert_null(strstr(said(w, "ip rule; ip route show table all"), "10.8"));
}

/* However often: the journal does not grow without end. */
static void addresses_that_change_often(void **state)
{
	struct world *w = *state;
	char inner[32];

	start(w, false);
	for (unsigned i = 1; i < 1300; i++) {
		snprintf(inner, sizeof(inner), "10.91.%u.%u", i / 200, 1 + i % 200);
		aim(w, inner, "10.80.0.0/24", "10.81.0.0/24");
		assert_int_equal(setup_tun(w->setup, &w->fx, w->why), SETUP_READY);
		assert_true(w->host.journal.lines <= JOURNAL_LINES_MAX);
	}
	said(w, "ip -o addr show dev godwit7 | grep -c 'inet '");
	assert_string_equal(w->said, "1\n");
}

static void the_script_comes_second(void **state)
{
	struct world *w = *state;

	write_script(w, "ip -o addr show dev $TUNDEV | grep -q $INTERNAL_IP4_ADDRESS || exit 1");
	start(w, true);
	aim(w, "10.91.0.7", "10.80.0.0/24", "10.81.0.0/24");
	assert_int_equal(setup_tun(w->setup, &w->fx, w->why), SETUP_WAITS);
	assert_int_equal(next(w), SETUP_READY);
	assert_string_equal(told(w), "connect 10.91.0.7 192.0.2.1\n");
}

/* The script goes first then, and what the effect borrowed may be gone meanwhile. */
static void the_script_hears_of_a_change(void **state)
{
	struct world *w = *state;

	/* As vpnc-script does it. */
	write_script(w, "[ $reason != disconnect ] || ip link set $TUNDEV down");
	start(w, true);
	aim(w, "10.91.0.7", "10.80.0.0/24", "10.81.0.0/24");
	assert_int_equal(setup_tun(w->setup, &w->fx, w->why), SETUP_WAITS);
	assert_int_equal(next(w), SETUP_READY);
	aim(w, "10.91.0.8", "10.80.0.0/24", "10.82.0.0/24");
	assert_int_equal(setup_tun(w->setup, &w->fx, w->why), SETUP_WAITS);
	memset(w->routes, 0xff, sizeof(w->routes));
	memset(&w->inner, 0xff, sizeof(w->inner));
	assert_int_equal(next(w), SETUP_WAITS);
	assert_int_equal(next(w), SETUP_READY);
	assert_string_equal(told(w), "connect 10.91.0.7 192.0.2.1\n"
				     "disconnect 10.91.0.7 192.0.2.1\n"
				     "connect 10.91.0.8 192.0.2.1\n");
	said(w, "ip route show table all dev godwit7");
	assert_non_null(strstr(w->said, "10.80.0.0/24"));
	assert_non_null(strstr(w->said, "10.82.0.0/24"));
}

/* Routes and rules alone are the kernel's, while the tunnel is up. */
static void the_script_does_not_hear_of_other_routes(void **state)
{
	struct world *w = *state;

	write_script(w, "");
	start(w, true);
	aim(w, "10.91.0.7", "10.80.0.0/24", "10.81.0.0/24");
	assert_int_equal(setup_tun(w->setup, &w->fx, w->why), SETUP_WAITS);
	assert_int_equal(next(w), SETUP_READY);
	aim(w, "10.91.0.7", "10.80.0.0/24", "10.82.0.0/24");
	w->fx.tun.again = true;
	assert_int_equal(setup_tun(w->setup, &w->fx, w->why), SETUP_READY);
	assert_string_equal(told(w), "connect 10.91.0.7 192.0.2.1\n");
	said(w, "ip route show table all dev godwit7");
	assert_null(strstr(w->said, "10.81.0.0/24"));
	assert_non_null(strstr(w->said, "10.82.0.0/24"));
}

/* Servers and domains go to a resolvconf that notes what it is given. */
static void manage_names(struct world *w)
{
	static char record[] = "godwit7.godwit";
	FILE *f = fopen(w->script, "w");

	assert_non_null(f);
	fprintf(f, "#!/bin/sh\necho \"$@\" >>%s/told\n[ $1 != -a ] || cat >>%s/told\n", w->dir,
		w->dir);
	assert_int_equal(fchmod(fileno(f), 0755), 0);
	fclose(f);
	w->names = (struct dns_config){ .servers_config = true, .domains_config = true };
	w->dns = (struct dns){
		.config = &w->names, .by = DNS_BY_RESOLVCONF, .log = &w->log, .err = stderr
	};
	strcpy(w->dns.record, record);
	w->host.dns = &w->dns;
	w->options.dns =
		(struct dns_agent_options){ DNS_BY_RESOLVCONF, "godwit7", w->script, record };
}

static enum setup_state next_of_names(struct world *w)
{
	struct hooks_result r;

	assert_true(hooks_take(&w->hooks, PATIENCE_MS, &r));
	return setup_dns_ended(w->setup, &r);
}

/* They are set anew at once, and nobody waits for it. */
static void other_names_while_it_is_up(void **state)
{
	struct world *w = *state;

	manage_names(w);
	start(w, false);
	aim(w, "10.91.0.7", "10.80.0.0/24", "10.81.0.0/24");
	w->fx.tun.assigned = &w->assigned;
	assert_true(addr_parse("10.80.0.53", &w->assigned.dns[0]));
	w->assigned.ndns = 1;
	assert_int_equal(setup_tun(w->setup, &w->fx, w->why), SETUP_WAITS);
	assert_int_equal(next_of_names(w), SETUP_READY);
	assert_non_null(strstr(told(w), "nameserver 10.80.0.53\n"));
	assert_true(addr_parse("10.80.0.54", &w->assigned.dns[0]));
	w->fx.tun.again = true;
	assert_int_equal(setup_tun(w->setup, &w->fx, w->why), SETUP_READY);
	assert_int_equal(w->dns.state, DNS_SET);
	w->fx.tun.names = true;
	assert_int_equal(setup_tun(w->setup, &w->fx, w->why), SETUP_READY);
	assert_int_equal(w->dns.state, DNS_ASKED);
	assert_int_equal(next_of_names(w), SETUP_WAITS);
	assert_int_equal(w->dns.state, DNS_SET);
	assert_non_null(strstr(told(w), "nameserver 10.80.0.54\n"));
}

/* The second effect comes while the script works on the first: its answer is not the second's. */
static void a_change_before_the_answer(void **state)
{
	struct world *w = *state;

	write_script(w, "");
	start(w, true);
	aim(w, "10.91.0.7", "10.80.0.0/24", "10.81.0.0/24");
	assert_int_equal(setup_tun(w->setup, &w->fx, w->why), SETUP_WAITS);
	aim(w, "10.91.0.8", "10.80.0.0/24", "10.82.0.0/24");
	assert_int_equal(setup_tun(w->setup, &w->fx, w->why), SETUP_WAITS);
	assert_int_equal(next(w), SETUP_WAITS); /* connect, the first */
	assert_int_equal(next(w), SETUP_WAITS); /* disconnect */
	assert_int_equal(next(w), SETUP_READY);
	assert_string_equal(told(w), "connect 10.91.0.7 192.0.2.1\n"
				     "disconnect 10.91.0.7 192.0.2.1\n"
				     "connect 10.91.0.8 192.0.2.1\n");
}

static void a_script_that_fails(void **state)
{
	struct world *w = *state;

	write_script(w, "exit 3");
	start(w, true);
	aim(w, "10.91.0.7", "10.80.0.0/24", "10.81.0.0/24");
	assert_int_equal(setup_tun(w->setup, &w->fx, w->why), SETUP_WAITS);
	assert_int_equal(next(w), SETUP_FAILED);
	assert_non_null(strstr(w->why, "/script ended with exit code 3"));
}

static void attempts_come_before_paths(void **state)
{
	struct world *w = *state;
	struct addr other;

	write_script(w, "");
	start(w, true);
	assert_true(addr_parse("192.0.2.2", &other));
	assert_false(setup_find_path(w->setup, &other));
	aim(w, "10.91.0.7", "10.80.0.0/24", "10.81.0.0/24");
	assert_int_equal(setup_tun(w->setup, &w->fx, w->why), SETUP_WAITS);
	assert_int_equal(next(w), SETUP_READY);
	assert_true(setup_find_path(w->setup, &other));
	assert_true(setup_find_path(w->setup, &other));
	assert_int_equal(next(w), SETUP_WAITS);
	assert_int_equal(next(w), SETUP_PATH);
	setup_reconnected(w->setup);
	assert_int_equal(next(w), SETUP_WAITS);
	assert_string_equal(told(w), "connect 10.91.0.7 192.0.2.1\n"
				     "attempt-reconnect 10.91.0.7 192.0.2.2\n"
				     "attempt-reconnect 10.91.0.7 192.0.2.2\n"
				     "reconnect 10.91.0.7 192.0.2.2\n");
}

static void an_attendant_that_is_lost(void **state)
{
	struct world *w = *state;

	write_script(w, "sleep 1000");
	start(w, true);
	aim(w, "10.91.0.7", "10.80.0.0/24", "10.81.0.0/24");
	assert_int_equal(setup_tun(w->setup, &w->fx, w->why), SETUP_WAITS);
	assert_int_equal(setup_script_lost(w->setup), SETUP_FAILED);
	assert_int_equal(setup_script_lost(w->setup), SETUP_WAITS);
}

/* Addresses, routes and rules are the script's: we make none. */
static void routes_by_script(void **state)
{
	struct world *w = *state;

	write_script(w, "ip -o link show dev $TUNDEV | grep -q 'mtu 1400' || exit 1");
	start(w, true);
	w->config.routes_by_script = true;
	aim(w, "10.91.0.7", "10.80.0.0/24", "10.81.0.0/24");
	assert_int_equal(setup_tun(w->setup, &w->fx, w->why), SETUP_WAITS);
	assert_int_equal(next(w), SETUP_READY);
	assert_null(strstr(said(w, "ip addr; ip rule; ip route show table all"), "10.8"));
	assert_null(strstr(w->said, "10.91"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, world_open, world_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(addresses_that_change),
		TEST(addresses_that_change_often),
		TEST(the_script_comes_second),
		TEST(the_script_hears_of_a_change),
		TEST(the_script_does_not_hear_of_other_routes),
		TEST(other_names_while_it_is_up),
		TEST(a_change_before_the_answer),
		TEST(a_script_that_fails),
		TEST(attempts_come_before_paths),
		TEST(an_attendant_that_is_lost),
		TEST(routes_by_script),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
