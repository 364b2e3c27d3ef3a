/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * usage: lab_server KEY=VALUE...
 *
 * The small server of tests/support/server.h on real sockets: IKE on port 500, ESP bare, by IPv4.
 * Words:
 *
 *	addr=ADDRESS pool=PREFIX net=PREFIX psk=TEXT
 *	waits=yes|no       sends on a new epoch when something has come on it, or at once
 *	rekey=MS           begins a quick mode with each client so long after the last
 *	keylife=SECONDS
 *
 * Lines on standard input; a client is its inner address, and `all` are all that have an epoch. Each
 * is answered by "done" when it has been obeyed:
 *
 *	rekey CLIENT       begins a quick mode
 *	speak CLIENT       one packet of UDP
 *	pace CLIENT|all MS SIZE   a numbered packet every so often; 0: no more
 *	report             what each client has had
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "crypto/crypto.h"
#include "tests/support/lab.h"
#include "tests/support/server.h"

#define IKE_SUITE "aes128-sha256-modp2048"
#define ESP_SUITE "aes128gcm16"
#define SPOKEN 100 /* bytes */

struct program {
	struct server_config config;
	struct server *server;
	struct net_socket ike;
	struct net_socket esp;
};

/* ---- packets ---- */

static void carry_out(struct program *p)
{
	struct server_output out;

	while (server_output(p->server, &out)) {
		struct net_socket *s = out.ike ? &p->ike : &p->esp;

		if (out.type == SERVER_SEND &&
		    net_socket_send(s, &out.from.addr, &out.to, out.bytes) != 0)
			perror("lab_server: send");
	}
}

static void take_datagram(void *ctx, struct net_socket *s, struct pkt *datagram)
{
	struct program *p = ctx;

	(void)s;
	server_datagram(p->server, lab_now(), &datagram->from, &datagram->to, pkt_slice(datagram));
	carry_out(p);
}

/* ---- words ---- */

static bool take_option(struct program *p, const char *key, const char *v)
{
	struct server_config *c = &p->config;

	if (strcmp(key, "addr") == 0)
		return addr_parse(v, &c->addr);
	if (strcmp(key, "pool") == 0)
		return prefix_parse(v, &c->pool);
	if (strcmp(key, "net") == 0)
		return prefix_parse(v, &c->net);
	if (strcmp(key, "psk") == 0)
		c->psk = SLICE_STR(v);
	else if (strcmp(key, "waits") == 0)
		c->waits = strcmp(v, "yes") == 0;
	else if (strcmp(key, "rekey") == 0)
		c->rekey = strtoull(v, NULL, 10) * VTIME_MS;
	else if (strcmp(key, "keylife") == 0)
		c->keylife_s = (uint32_t)strtoul(v, NULL, 10);
	else
		return false;
	return true;
}

static bool take_options(struct program *p, int argc, char **argv)
{
	struct server_config *c = &p->config;
	char why[IKE_WHY_MAX];

	c->lifetime_s = c->keylife_s = 28800;
	c->timeout = 10 * VTIME_S;
	if (identity_parse("gw.lb.test", &c->id) != 0 ||
	    ike_suite_parse(IKE_SUITE, &c->ike, why) != 0 ||
	    esp_suite_parse(ESP_SUITE, &c->esp, &c->pfs, why) != 0)
		abort();
	for (int i = 1; i < argc; i++) {
		char *value = strchr(argv[i], '=');

		if (!value)
			return false;
		*value = '\0';
		if (!take_option(p, argv[i], value + 1))
			return false;
	}
	return c->addr.family == FAMILY_IP4 && c->psk.n > 0;
}

/* ---- orders ---- */

static unsigned slots(const struct program *p)
{
	unsigned n = 1U << (32 - p->config.pool.len);

	return n < SERVER_CLIENTS_MAX ? n : SERVER_CLIENTS_MAX;
}

static bool is_meant(const struct program *p, unsigned slot, const char *client)
{
	struct addr addr = server_pool_addr(p->server, slot);
	char text[ADDR_TEXT_MAX];

	if (strcmp(client, "all") == 0)
		return server_client(p->server, slot)->epochs > 0;
	return strcmp(client, addr_text(&addr, text)) == 0;
}

static void speak(struct program *p, unsigned slot)
{
	struct addr from, last, to = server_pool_addr(p->server, slot);
	uint8_t ip[SPOKEN];
	size_t n;

	prefix_range(&p->config.net, &from, &last);
	n = server_data_write(&from, &to, 0, lab_now(), ip, sizeof(ip));
	if (!server_send(p->server, lab_now(), slot, slice(ip, n)))
		lab_say("nothing to send on");
}

static void report(const struct program *p)
{
	for (unsigned i = 0; i < slots(p); i++) {
		const struct server_client *c = server_client(p->server, i);
		struct addr addr = server_pool_addr(p->server, i);
		char text[ADDR_TEXT_MAX];

		if (c->epochs)
			lab_say("client %s ikes %u epochs %u refused %u unanswered %u in %llu out %llu "
				"early %llu unsent %llu",
				addr_text(&addr, text), c->ikes, c->epochs, c->refused,
				c->unanswered, (unsigned long long)c->in,
				(unsigned long long)c->out, (unsigned long long)c->early,
				(unsigned long long)c->unsent);
	}
}

static void order(struct program *p, const char *line)
{
	char word[20], client[ADDR_TEXT_MAX] = "";
	unsigned ms = 0, size = 0;

	if (sscanf(line, "%19s %47s %u %u", word, client, &ms, &size) < 1)
		return;
	if (strcmp(word, "report") == 0)
		report(p);
	for (unsigned i = 0; i < slots(p); i++) {
		if (!is_meant(p, i, client))
			continue;
		if (strcmp(word, "speak") == 0)
			speak(p, i);
		else if (strcmp(word, "rekey") == 0 && !server_rekey(p->server, lab_now(), i))
			lab_say("nobody there");
		else if (strcmp(word, "pace") == 0)
			server_pace(p->server, lab_now(), i, ms * VTIME_MS, size);
		carry_out(p);
	}
}

/* False: the end. */
static bool obey(struct program *p)
{
	char line[200];

	if (!lab_read_line(line, sizeof(line)))
		return false;
	order(p, line);
	lab_say("done %s", line);
	return true;
}

/* ---- the loop ---- */

static int wait_ms(const struct program *p)
{
	vtime wait = vtime_until(lab_now(), server_deadline(p->server));

	return wait < VTIME_S ? (int)((wait + VTIME_MS - 1) / VTIME_MS) : 1000;
}

static void run(struct program *p)
{
	struct pollfd fds[] = { { STDIN_FILENO, POLLIN, 0 },
				{ p->ike.fd4, POLLIN, 0 },
				{ p->esp.fd4, POLLIN, 0 } };

	lab_say("ready");
	for (;;) {
		poll(fds, ARRAY_SIZE(fds), wait_ms(p));
		if (fds[1].revents)
			lab_receive(&p->ike, take_datagram, p);
		if (fds[2].revents)
			lab_receive(&p->esp, take_datagram, p);
		server_timeout(p->server, lab_now());
		carry_out(p);
		if (fds[0].revents && !obey(p))
			return;
	}
}

int main(int argc, char **argv)
{
	static struct program p = { .ike = NET_SOCKET_NONE, .esp = NET_SOCKET_NONE };

	if (!take_options(&p, argc, argv)) {
		fprintf(stderr, "usage: lab_server addr=ADDRESS pool=PREFIX net=PREFIX psk=TEXT "
				"[KEY=VALUE...]\n");
		return 1;
	}
	if (net_udp_open(&p.ike, 500, 0) != 0 || net_esp_open(&p.esp, 0) != 0) {
		perror("lab_server: sockets");
		return 1;
	}
	net_esp_listen(&p.esp);
	p.server = server_new(&p.config, crypto_rng());
	run(&p);
	server_free(p.server);
	return 0;
}
