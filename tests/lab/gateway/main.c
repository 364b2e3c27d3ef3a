/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/lab/gateway/gateway.h"

#define IKE_SUITE "aes256-sha256-modp2048"

void lab_send(struct lab *lab, struct net_socket *s, const struct endpoint *from,
	      const struct endpoint *to, struct slice bytes)
{
	if (!lab->mute && net_socket_send(s, &from->addr, to, bytes) != 0)
		perror("lab_gateway: send");
}

static void log_line(void *ctx, const struct log_event *ev)
{
	char line[1000];

	(void)ctx;
	log_format(ev, line, sizeof(line));
	lab_say("# %s", line);
}

/* ---- words ---- */

static int one_of(const char *value, const char *const names[])
{
	for (int i = 0; names[i]; i++)
		if (strcmp(value, names[i]) == 0)
			return i;
	return -1;
}

static bool word_user(struct lab_options *o, const char *v)
{
	static const char *const names[] = { "none", "password", "code", "pin", "passcode", NULL };
	int n = one_of(v, names);

	o->user = (enum lab_user)n;
	o->ike.xauth = n > LAB_USER_NONE;
	return n >= 0;
}

static bool word_again(struct lab_options *o, const char *v)
{
	static const char *const names[] = { "ask", "code", "known", NULL };
	int n = one_of(v, names);

	o->again = (enum lab_again)n;
	return n >= 0;
}

static bool word_config(struct lab_options *o, const char *v)
{
	static const char *const names[] = { "pull", "push", "before", NULL };
	int n = one_of(v, names);

	o->config = (enum lab_config)n;
	return n >= 0;
}

static bool word_yes(const char *v, bool *out)
{
	*out = strcmp(v, "yes") == 0;
	return *out || strcmp(v, "no") == 0;
}

static bool word_number(const char *v, unsigned long max, unsigned long *out)
{
	char *end;

	*out = strtoul(v, &end, 10);
	return end != v && !*end && *out <= max;
}

static bool word_cisco(struct lab_options *o, const char *v)
{
	return word_yes(v, &o->cisco);
}

static bool word_psk(struct lab_options *o, const char *v)
{
	secret_free(&o->ike.psk);
	secret_set(&o->ike.psk, SLICE_STR(v));
	return true;
}

static bool word_aggressive(struct lab_options *o, const char *v)
{
	bool yes = false, good = word_yes(v, &yes);

	o->ike.mode = yes ? IKE_MODE_AGGRESSIVE : IKE_MODE_MAIN;
	return good;
}

static bool word_inner(struct lab_options *o, const char *v)
{
	return addr_parse(v, &o->inner);
}

static bool word_split(struct lab_options *o, const char *v)
{
	return o->nsplits < LAB_SPLITS_MAX && prefix_parse(v, &o->splits[o->nsplits++]);
}

static bool word_port(struct lab_options *o, const char *v)
{
	unsigned long n;
	bool good = word_number(v, UINT16_MAX, &n);

	o->port = (uint16_t)n;
	return good;
}

static bool word_names(struct lab_options *o, const char *v)
{
	unsigned long n;
	bool good = word_number(v, UINT16_MAX, &n);

	o->names = (uint16_t)n;
	return good;
}

static bool word_strange(struct lab_options *o, const char *v)
{
	o->strange = v;
	return true;
}

static bool word_refuse(struct lab_options *o, const char *v)
{
	return prefix_parse(v, &o->refuse);
}

static bool word_late(struct lab_options *o, const char *v)
{
	unsigned long n;
	bool good = word_number(v, 10000, &n);

	o->late = n * VTIME_MS;
	return good;
}

static bool word_early(struct lab_options *o, const char *v)
{
	unsigned long n;
	bool good = word_number(v, 100, &n);

	o->early = (unsigned)n;
	return good;
}

static bool word_redirect(struct lab_options *o, const char *v)
{
	return addr_parse(v, &o->redirect);
}

static bool word_lifetime(struct lab_options *o, const char *v)
{
	unsigned long n;
	bool good = word_number(v, UINT32_MAX, &n);

	o->ike.lifetime_s = (uint32_t)n;
	return good;
}

static bool word_keylife(struct lab_options *o, const char *v)
{
	unsigned long n;
	bool good = word_number(v, UINT32_MAX, &n);

	o->keylife_s = (uint32_t)n;
	return good;
}

static const struct {
	const char *key;
	bool (*take)(struct lab_options *o, const char *value);
} words[] = {
	{ "psk", word_psk },	       { "aggressive", word_aggressive },
	{ "user", word_user },	       { "again", word_again },
	{ "config", word_config },     { "cisco", word_cisco },
	{ "inner", word_inner },       { "split", word_split },
	{ "port", word_port },	       { "names", word_names },
	{ "strange", word_strange },   { "refuse", word_refuse },
	{ "late", word_late },	       { "early", word_early },
	{ "redirect", word_redirect }, { "lifetime", word_lifetime },
	{ "keylife", word_keylife },
};

static bool take_word(struct lab_options *o, const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		size_t n = strlen(words[i].key);

		if (strncmp(word, words[i].key, n) == 0 && word[n] == '=')
			return words[i].take(o, word + n + 1);
	}
	return false;
}

static void presets(struct lab_options *o)
{
	char why[IKE_WHY_MAX];

	o->ike.nsuites = 1;
	if (ike_suite_parse(IKE_SUITE, &o->ike.suites[0], why) != 0 ||
	    !addr_parse("10.92.0.7", &o->inner) ||
	    identity_parse("gw.lab.test", &o->ike.local) != 0)
		abort();
	o->ike.remote_any = true;
	o->ike.gateway = true;
	o->ike.wish.pull = true; /* announces Unity */
	o->ike.lifetime_s = o->keylife_s = 28800;
	o->ike.timeout = 10 * VTIME_S;
}

/* ---- standard input ---- */

/* False: the end. */
static bool obey(struct lab *lab)
{
	char line[200];

	if (!lab_read_line(line, sizeof(line)))
		return false;
	if (strcmp(line, "rekey") == 0)
		lab_peer_rekey(lab->peer);
	else if (strcmp(line, "push") == 0)
		lab_peer_push(lab->peer);
	else if (strcmp(line, "forget") == 0)
		lab_peer_forget(lab->peer);
	else if (strcmp(line, "mute") == 0 || strcmp(line, "speak") == 0)
		lab->mute = line[0] == 'm';
	else if (strncmp(line, "notify ", 7) == 0)
		lab_peer_notify(lab->peer, line + 7);
	else if (strcmp(line, "quit") == 0)
		return false;
	else if (!take_word(&lab->options, line))
		lab_say("not understood: %s", line);
	lab_say("done %s", line);
	return true;
}

/* ---- sockets ---- */

static void take_datagram(void *ctx, struct net_socket *s, struct pkt *p)
{
	static const uint8_t marker[4];
	struct lab *lab = ctx;

	if (s == &lab->ike) {
		lab_peer_datagram(lab->peer, &p->from, &p->to, pkt_slice(p));
	} else if (s == &lab->natt && p->len >= 4 && memcmp(pkt_data(p), marker, 4) == 0) {
		pkt_pull(p, 4);
		lab_peer_datagram(lab->peer, &p->from, &p->to, pkt_slice(p));
	} else {
		lab_data_datagram(lab->data, s, p);
	}
}

static bool open_all(struct lab *lab)
{
	const struct lab_options *o = &lab->options;

	if (net_udp_open(&lab->ike, IKE_PORT, 0) != 0 ||
	    net_udp_open(&lab->natt, IKE_NATT_PORT, 0) != 0 || net_esp_open(&lab->esp, 0) != 0 ||
	    (o->port && net_udp_open(&lab->cisco, o->port, 0) != 0))
		return false;
	net_esp_listen(&lab->esp);
	return true;
}

static int wait_ms(const struct lab *lab)
{
	vtime at = lab_peer_deadline(lab->peer);
	vtime wait = at == VTIME_NEVER ? VTIME_S : vtime_until(lab_now(), at);

	return (int)((wait < VTIME_S ? wait : VTIME_S) / VTIME_MS) + 1;
}

static void run(struct lab *lab)
{
	struct net_socket *const sockets[] = { &lab->ike, &lab->natt, &lab->esp, &lab->cisco };
	struct pollfd fds[1 + ARRAY_SIZE(sockets)] = { { .fd = STDIN_FILENO, .events = POLLIN } };

	for (size_t i = 0; i < ARRAY_SIZE(sockets); i++)
		fds[1 + i] = (struct pollfd){ .fd = sockets[i]->fd4, .events = POLLIN };
	lab_say("ready");
	for (;;) {
		poll(fds, ARRAY_SIZE(fds), wait_ms(lab));
		for (size_t i = 0; i < ARRAY_SIZE(sockets); i++)
			if (fds[1 + i].revents)
				lab_receive(sockets[i], take_datagram, lab);
		lab_peer_timeout(lab->peer);
		if (fds[0].revents && !obey(lab))
			return;
	}
}

int main(int argc, char **argv)
{
	static struct lab lab = { .ike = NET_SOCKET_NONE,
				  .natt = NET_SOCKET_NONE,
				  .esp = NET_SOCKET_NONE,
				  .cisco = NET_SOCKET_NONE };

	presets(&lab.options);
	for (int i = 1; i < argc; i++) {
		if (take_word(&lab.options, argv[i]))
			continue;
		fprintf(stderr, "lab_gateway: not understood: %s\n", argv[i]);
		return 1;
	}
	lab.log = (struct log){ .level = LOG_DEBUG, .sink = log_line };
	if (!open_all(&lab)) {
		perror("lab_gateway: sockets");
		return 1;
	}
	lab.data = lab_data_new(&lab);
	lab.peer = lab_peer_new(&lab);
	run(&lab);
	lab_peer_free(lab.peer);
	lab_data_free(lab.data);
	secret_free(&lab.options.ike.psk);
	return 0;
}
