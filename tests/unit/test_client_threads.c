/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the data threads and control do with one another. */
#include "threads_parts.h"

static void packets_go_out_and_come_in(void **state)
{
	struct bed *b = bed_new();
	uint8_t buf[200], got[2000];
	struct slice inner = parts_udp4(buf, "10.1.0.1", "10.2.0.1", 53, 200);
	struct parts_batch *store = xcalloc(1, sizeof(*store));
	struct batch *batch = parts_batch(store);
	struct pkt *p;

	assert_int_equal(write(b->tun, inner.p, inner.n), inner.n);
	assert_true(readable(b->peer.fd4));
	assert_true(recv(b->peer.fd4, got, sizeof(got), 0) > 200);
	assert_int_equal(get_be32(got), SPI);
	p = parts_take(batch, inner);
	assert_int_equal(esp_seal(b->gateway, p, 4), 0);
	assert_int_equal(net_socket_send(&b->peer, NULL, &b->natt, pkt_slice(p)), 0);
	assert_true(readable(b->tun));
	assert_int_equal(read(b->tun, got, sizeof(got)), inner.n);
	assert_memory_equal(got, inner.p, inner.n);
	take(b, DATA_RX, &b->events, 1);
	assert_int_equal(b->last, DATA_FIRST_PACKET);
	free(store);
	bed_free(b);
}

/* The sockets of raw ESP, of which one is on each side, hear all of both directions. */
static void each_encapsulation_has_its_socket(void **state)
{
	static const enum encapsulation all[] = { ENCAPSULATION_UDP, ENCAPSULATION_ESP,
						  ENCAPSULATION_CISCO_UDP };

	for (unsigned i = 0; i < ARRAY_SIZE(all); i++) {
		struct bed *b = bed_new_with(all[i]);
		struct path back = { .remote = b->natt, .encapsulation = all[i] };
		uint8_t buf[200], got[2000];
		struct slice inner = parts_udp4(buf, "10.1.0.1", "10.2.0.1", 53, 200);
		struct parts_batch *store = xcalloc(1, sizeof(*store));
		static uint8_t arena[NET_INTAKE_ARENA];
		struct net_intake intake;
		struct batch in, *batch = parts_batch(store);
		struct pkt *p = parts_take(batch, inner);

		back.data_port = b->host.cisco.port;
		assert_int_equal(write(b->tun, inner.p, inner.n), inner.n);
		assert_true(readable(b->peer.fd4));
		net_intake_init(&intake, arena);
		assert_int_equal(net_socket_recv(&b->peer, FAMILY_IP4, &intake), 1);
		assert_true(net_intake_take(&intake, &in));
		assert_int_equal(get_be32(pkt_data(&in.pkts[0])), SPI);
		assert_int_equal(esp_seal(b->gateway, p, 4), 0);
		p->path = &back;
		assert_int_equal(net_socket_send_batch(&b->peer, p, 1), 1);
		assert_true(readable(b->tun));
		assert_int_equal(read(b->tun, got, sizeof(got)), inner.n);
		assert_memory_equal(got, inner.p, inner.n);
		assert_int_equal(dropped(b, DROP_SEND_FAILED), 0);
		free(store);
		bed_free(b);
	}
}

/* What has no socket is lost and counted, and nothing else is. */
static void a_packet_without_a_socket_is_dropped(void **state)
{
	struct bed *b = bed_new_with(ENCAPSULATION_CISCO_UDP);
	uint8_t buf[200];
	struct slice inner = parts_udp4(buf, "10.1.0.1", "10.2.0.1", 53, 200);
	struct esp_sa_config raw = parts_config(&suite_gcm, SPI);
	struct esp_out *out;

	raw.path = (struct path){ .remote = b->ike, .encapsulation = ENCAPSULATION_ESP };
	out = parts_out(raw);
	classifier_set_current(data_classifier(b->data), SLOT, out);
	assert_int_equal(write(b->tun, inner.p, inner.n), inner.n);
	wait_dropped(b, DROP_SEND_FAILED, 1);
	classifier_set_current(data_classifier(b->data), SLOT, b->out);
	data_retire(b->data, NULL, out);
	assert_int_equal(write(b->tun, inner.p, inner.n), inner.n);
	assert_true(readable(b->peer.fd4));
	bed_free(b);
}

static void a_missing_sa_is_asked_for(void **state)
{
	struct bed *b = bed_new();
	uint8_t buf[100];
	struct slice inner = parts_udp4(buf, "10.1.0.1", "10.2.0.1", 53, 100);

	classifier_set_current(data_classifier(b->data), SLOT, NULL);
	assert_int_equal(write(b->tun, inner.p, inner.n), inner.n);
	take(b, DATA_TX, &b->events, 1);
	assert_int_equal(b->last, DATA_NEED_SA);
	assert_int_equal(dropped(b, DROP_NO_SA), 1);
	bed_free(b);
}

/* ---- probes ---- */

#define PROBES 20000

/* The selectors here are the same for both directions. */
static size_t ping(uint8_t *buf, const struct esp_probe_key *key, uint16_t sequence, bool reply)
{
	struct packet_echo echo = {
		.src = parts_addr("10.1.0.1"),
		.dst = parts_addr("10.2.0.1"),
		.id = key->identifier,
		.sequence = sequence,
		.payload = SLICE_OF(key->token),
	};
	size_t n = packet_echo_request(&echo, buf, ESP_PROBE_MAX);

	assert_true(n > 0);
	/* 8 becomes 0, and the sum is made good. */
	if (reply)
		packet_checksum_adjust(buf + 22, 8 << 8, 0);
	buf[20] = reply ? 0 : 8;
	return n;
}

/* The next packet that comes to the peer, opened. */
static void expect_at_peer(const struct bed *b, struct esp_in *peer, struct slice want)
{
	struct parts_batch *store = xcalloc(1, sizeof(*store));
	uint8_t got[2000], next;
	struct pkt *p;
	enum drop why;
	ssize_t n;

	assert_true(readable(b->peer.fd4));
	n = recv(b->peer.fd4, got, sizeof(got), 0);
	assert_true(n > 0);
	p = parts_take(parts_batch(store), slice(got, (size_t)n));
	assert_int_equal(esp_open(peer, p, &next, &why), 0);
	assert_int_equal(next, want.n ? 4 : 59);
	assert_true(slice_eq(pkt_slice(p), want));
	free(store);
}

/* The key comes while the threads run already. */
static void a_probe_goes_out_and_its_reply_is_consumed(void **state)
{
	static const struct esp_probe_key key = { 0xbeef, "sixteen is long" };
	struct bed *b = bed_new();
	struct esp_in *peer = parts_in(parts_config(&suite_gcm, SPI));
	struct parts_batch *store = xcalloc(1, sizeof(*store));
	uint8_t request[ESP_PROBE_MAX], reply[ESP_PROBE_MAX];
	size_t n = ping(request, &key, 9, false);
	struct pkt *p;

	classifier_set_probe_key(data_classifier(b->data), &key);
	data_probe(b->data, b->out, request, n);
	expect_at_peer(b, peer, slice(request, n));
	data_probe(b->data, b->out, NULL, 0);
	expect_at_peer(b, peer, SLICE_NONE);
	p = parts_take(parts_batch(store), slice(reply, ping(reply, &key, 9, true)));
	assert_int_equal(esp_seal(b->gateway, p, 4), 0);
	assert_int_equal(net_socket_send(&b->peer, NULL, &b->natt, pkt_slice(p)), 0);
	take(b, DATA_RX, &b->events, 2);
	assert_int_equal(b->last, DATA_PROBE_REPLY);
	assert_int_equal(dropped(b, DROP_PROBE_REPLY), 1);
	assert_int_equal(recv(b->tun, reply, sizeof(reply), MSG_DONTWAIT), -1);
	assert_int_equal(esp_out_counters(b->out)->own, 2);
	free(store);
	esp_in_free(peer);
	bed_free(b);
}

static void every_probe_is_sent_or_counted(void **state)
{
	struct bed *b = bed_new();
	uint64_t sent = 0;

	for (unsigned i = 0; i < PROBES; i++)
		data_probe(b->data, b->out, NULL, 0);
	for (unsigned i = 0; i < WAIT_MS && sent + dropped(b, DROP_PROBE_LOST) < PROBES; i++) {
		usleep(1000);
		sent = atomic_load_explicit(&esp_out_counters(b->out)->own, memory_order_relaxed);
	}
	assert_int_equal(sent + dropped(b, DROP_PROBE_LOST), PROBES);
	assert_true(sent > 0);
	data_stop(b->data);
	data_probe(b->data, b->out, NULL, 0);
	assert_int_equal(sent + dropped(b, DROP_PROBE_LOST), PROBES + 1);
	bed_free(b);
}

/*
 * An SA that is retired right behind its last command, of which only the ring knows: it must live
 * until that has been carried out. The address sanitizer sees it if not.
 */
static void an_sa_outlives_its_commands(void **state)
{
	struct bed *b = bed_new();
	struct esp_sa_config config = parts_config(&suite_gcm, SPI);

	config.path = esp_out_config(b->out)->path;
	for (unsigned i = 0; i < PROBES; i++) {
		struct esp_out *out = parts_out(config);

		/* One that some slot has had, and one that none has. */
		if (i % 2) {
			data_publish_slot(b->data, SLOT, out, NULL);
			data_publish_slot(b->data, SLOT, b->out, NULL);
		}
		for (unsigned n = 0; n <= i % 3; n++)
			data_probe(b->data, out, "", 0);
		data_retire(b->data, NULL, out);
		if (i % 16 == 0)
			data_take(b->data, DATA_TX);
	}
	/* All are freed while the threads go on, or the count of secrets will tell. */
	for (unsigned i = 0; classifier_reclaim(data_classifier(b->data)) && i < WAIT_MS; i++)
		usleep(1000);
	assert_int_equal(classifier_reclaim(data_classifier(b->data)), 0);
	assert_int_equal(dropped(b, DROP_SEQUENCE_EXHAUSTED), 0);
	bed_free(b);
}

/* ---- held ---- */

#define NUMBERED 1000
#define NUMBERED_FLOWS 20

static bool readable_now(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

static void write_tun_packet(const struct bed *b, struct slice s)
{
	struct pollfd p = { .fd = b->tun, .events = POLLOUT };

	/* The queue of such a socket is short. */
	while (write(b->tun, s.p, s.n) != (ssize_t)s.n) {
		assert_int_equal(errno, EAGAIN);
		assert_int_equal(poll(&p, 1, WAIT_MS), 1);
	}
}

static void write_numbered(const struct bed *b, uint32_t number)
{
	uint8_t buf[60];

	parts_udp4(buf, "10.1.0.1", "10.2.0.1", (uint16_t)(number % NUMBERED_FLOWS), sizeof(buf));
	put_be32(buf + 28, number);
	write_tun_packet(b, SLICE_OF(buf));
}

/* Takes what has come, each in its turn; how many there are by now. */
static uint32_t read_numbered(const struct bed *b, struct esp_in *gateway, uint32_t n, bool wait)
{
	static struct parts_batch store;
	uint8_t got[2000], nh;
	enum drop why;

	while (wait ? readable(b->peer.fd4) : readable_now(b->peer.fd4)) {
		ssize_t len = recv(b->peer.fd4, got, sizeof(got), 0);
		struct pkt *p;

		assert_true(len > 60);
		p = parts_take(parts_batch(&store), slice(got, (size_t)len));
		assert_int_equal(esp_open(gateway, p, &nh, &why), 0);
		assert_int_equal(get_be32(pkt_data(p) + 28), n);
		n++;
		wait = wait && n < NUMBERED;
	}
	return n;
}

static void expect_held_sum(const struct hold_counters *c, uint64_t in)
{
	assert_int_equal(c->in, in);
	assert_int_equal(c->in, c->released + c->replaced + c->expired + c->dropped + c->packets);
}

static void wait_held(const struct bed *b, uint64_t packets)
{
	const struct hold_counters *c = data_held_of(b->data, SLOT);

	for (unsigned i = 0; atomic_load(&c->packets) != packets && i < WAIT_MS; i++)
		usleep(1000);
	assert_int_equal(atomic_load(&c->packets), packets);
}

static void wait_any_held(const struct bed *b)
{
	const struct hold_counters *c = data_held_of(b->data, SLOT);

	for (unsigned i = 0; atomic_load(&c->packets) == 0 && i < WAIT_MS; i++)
		usleep(1000);
	assert_true(atomic_load(&c->packets) > 0);
}

/* The epoch comes and goes while the application goes on sending. */
static void numbered_packets_cross_births_in_order(void **state)
{
	struct bed *b = bed_new_holding(30 * VTIME_S);
	struct esp_sa_config config = *esp_out_config(b->out);
	uint32_t got = 0;
	struct esp_in *gateway;

	config.keymat = parts_keymat(&config.suite);
	gateway = parts_in(config);
	for (uint32_t i = 0; i < NUMBERED; i++) {
		if (i % 250 == 0)
			data_publish_slot(b->data, SLOT, NULL, NULL);
		/* A thread that is not given its turn in time would not notice. */
		if (i % 250 == 119)
			wait_any_held(b);
		if (i % 250 == 120)
			data_publish_slot(b->data, SLOT, b->out, NULL);
		write_numbered(b, i);
		if (i % 10 == 0)
			got = read_numbered(b, gateway, got, false);
	}
	got = read_numbered(b, gateway, got, true);
	assert_int_equal(got, NUMBERED);
	assert_int_equal(atomic_load(&data_held(b->data)->dropped), 0);
	assert_true(atomic_load(&data_held(b->data)->released) > 0);
	data_stop(b->data);
	expect_held_sum(data_held(b->data), data_held(b->data)->released);
	esp_in_free(gateway);
	bed_free(b);
}

/* Nothing comes from the application any more: it is control that wakes the thread. */
static void a_publication_releases(void **state)
{
	struct bed *b = bed_new_holding(30 * VTIME_S);
	uint8_t got[200];

	data_publish_slot(b->data, SLOT, NULL, NULL);
	write_numbered(b, 0);
	take(b, DATA_TX, &b->events, 1);
	assert_int_equal(b->last, DATA_NEED_SA);
	wait_held(b, 1);
	data_publish_slot(b->data, SLOT, NULL, b->out);
	assert_false(readable_now(b->peer.fd4));
	data_publish_slot(b->data, SLOT, b->out, NULL);
	assert_true(readable(b->peer.fd4));
	assert_true(recv(b->peer.fd4, got, sizeof(got), 0) > 60);
	wait_held(b, 0);
	bed_free(b);
}

static void a_refusal_is_told_at_once(void **state)
{
	struct bed *b = bed_new_holding(30 * VTIME_S);
	uint8_t got[200];

	data_publish_slot(b->data, SLOT, NULL, NULL);
	write_numbered(b, 0);
	wait_held(b, 1);
	data_refuse_slot(b->data, SLOT, runtime_now() + 60 * VTIME_S);
	assert_true(readable(b->tun));
	assert_int_equal(read(b->tun, got, sizeof(got)), 28 + 60);
	assert_int_equal(got[21], 13);
	write_numbered(b, 1);
	assert_true(readable(b->tun));
	wait_held(b, 0);
	bed_free(b);
}

static void the_thread_wakes_for_what_is_too_old(void **state)
{
	struct bed *b = bed_new_holding(50 * VTIME_MS);

	data_publish_slot(b->data, SLOT, NULL, NULL);
	write_numbered(b, 0);
	wait_dropped(b, DROP_HOLD_EXPIRED, 1);
	wait_held(b, 0);
	bed_free(b);
}

static void send_ike(struct bed *b, uint32_t number, size_t n)
{
	uint8_t bytes[MARKER + IKE_MESSAGE_MAX + 1] = { 0 };

	put_be32(bytes + MARKER, number);
	assert_int_equal(net_socket_send(&b->peer, NULL, &b->natt, slice(bytes, MARKER + n)), 0);
}

static void ike_comes_up(void **state)
{
	struct bed *b = bed_new();
	uint8_t plain[28] = { 0, 0, 0, 1 };

	send_ike(b, 0, IKE_MESSAGE_MAX);
	take(b, DATA_RX, &b->ikes, 1);
	assert_int_equal(b->ike_bytes, IKE_MESSAGE_MAX);
	/* On the other port there is no marker. */
	assert_int_equal(net_socket_send(&b->peer, NULL, &b->ike, slice(plain, sizeof(plain))), 0);
	take(b, DATA_RX, &b->ikes, 2);
	assert_int_equal(b->ike_bytes, sizeof(plain));
	send_ike(b, 2, IKE_MESSAGE_MAX + 1);
	wait_dropped(b, DROP_IKE_TOO_LONG, 1);
	send_ike(b, 2, 100);
	take(b, DATA_RX, &b->ikes, 3);
	assert_true(b->orderly);
	bed_free(b);
}

/* ---- before its SA ---- */

#define SPI_EARLY 0x3000
#define EARLY_SENT 3
#define EARLY_ROUNDS 10

/* So many packets on an SA that the host has only offered, numbered by their length. */
static void send_early(struct bed *b, const struct esp_sa_config *config, unsigned n)
{
	struct parts_batch *store = xcalloc(1, sizeof(*store));
	struct esp_out *sa = parts_out(*config);
	uint8_t buf[100];

	for (uint16_t i = 0; i < n; i++) {
		struct pkt *p = parts_take(parts_batch(store),
					   parts_udp4(buf, "10.1.0.1", "10.2.0.1", 53, 60 + i));

		assert_int_equal(esp_seal(sa, p, 4), 0);
		assert_int_equal(net_socket_send(&b->peer, NULL, &b->natt, pkt_slice(p)), 0);
	}
	esp_out_free(sa);
	free(store);
}

static struct esp_sa_config early_config(uint32_t spi)
{
	struct esp_sa_config config = parts_config(&suite_gcm, spi);

	config.ts = (struct ts_pair){ .local = config.ts.remote, .remote = config.ts.local };
	return config;
}

/* True: all come, in order. False: this machine has taken a second for it. */
static bool early_arrive(struct bed *b, uint64_t expired)
{
	struct pollfd p = { .fd = b->tun, .events = POLLIN };
	uint8_t got[200];

	for (unsigned i = 0; i < EARLY_SENT;) {
		if (poll(&p, 1, 10) == 1)
			assert_int_equal(recv(b->tun, got, sizeof(got), 0), 60 + i++);
		else if (dropped(b, DROP_EARLY_EXPIRED) > expired)
			return false;
	}
	return true;
}

/* When what came behind them is told they have been looked at; soon afterwards the thread sleeps. */
static bool early_round(struct bed *b, uint32_t spi)
{
	uint64_t expired = dropped(b, DROP_EARLY_EXPIRED);
	struct esp_sa_config config = early_config(spi);
	struct esp_in *in = parts_in(config);
	uint8_t got[200];
	bool all;

	classifier_offer_spi(data_classifier(b->data), spi);
	send_early(b, &config, EARLY_SENT);
	send_ike(b, b->ikes, 100);
	take(b, DATA_RX, &b->ikes, b->ikes + 1);
	assert_int_equal(recv(b->tun, got, sizeof(got), MSG_DONTWAIT), -1);
	usleep(20000);
	assert_int_equal(data_add_spi(b->data, in), 0);
	classifier_withdraw_spi(data_classifier(b->data), spi);
	all = early_arrive(b, expired);
	data_retire(b->data, in, NULL);
	return all;
}

static void a_packet_waits_for_its_sa(void **state)
{
	struct bed *b = bed_new();
	bool all = false;

	for (uint32_t i = 0; i < EARLY_ROUNDS && !all; i++)
		all = early_round(b, SPI_EARLY + i);
	assert_true(all);
	assert_int_equal(dropped(b, DROP_UNKNOWN_SPI), 0);
	bed_free(b);
}

static void the_thread_wakes_for_what_came_too_early(void **state)
{
	struct bed *b = bed_new();
	struct esp_sa_config config = early_config(SPI_EARLY);

	classifier_offer_spi(data_classifier(b->data), SPI_EARLY);
	send_early(b, &config, EARLY_SENT);
	wait_dropped(b, DROP_EARLY_EXPIRED, EARLY_SENT);
	assert_int_equal(dropped(b, DROP_UNKNOWN_SPI), 0);
	bed_free(b);
}

/* Control does not look for a while: the oldest are kept, the others counted, data goes on. */
static void a_full_ring_holds_up_nobody(void **state)
{
	struct bed *b = bed_new();
	unsigned sent = 1000;
	uint8_t buf[100], got[2000];
	struct slice inner = parts_udp4(buf, "10.1.0.1", "10.2.0.1", 53, 100);
	struct parts_batch *store = xcalloc(1, sizeof(*store));
	struct batch *batch = parts_batch(store);
	struct pkt *p = parts_take(batch, inner);

	for (unsigned i = 0; i < sent; i++)
		send_ike(b, i, 100);
	/* Its first packet is an event that finds no room. */
	assert_int_equal(esp_seal(b->gateway, p, 4), 0);
	assert_int_equal(net_socket_send(&b->peer, NULL, &b->natt, pkt_slice(p)), 0);
	assert_true(readable(b->tun));
	assert_int_equal(read(b->tun, got, sizeof(got)), inner.n);
	wait_dropped(b, DROP_IKE_QUEUE_FULL, sent - DATA_RX_NOTES);
	take(b, DATA_RX, &b->ikes, DATA_RX_NOTES);
	assert_true(b->orderly);
	take(b, DATA_RX, &b->events, 1);
	assert_int_equal(b->last, DATA_FIRST_PACKET);
	b->ikes = 0;
	send_ike(b, 0, 100);
	take(b, DATA_RX, &b->ikes, 1);
	free(store);
	bed_free(b);
}

/* Threads that sleep are woken, so that what is retired does not live on in quiet times. */
static void what_is_retired_is_freed_in_silence(void **state)
{
	struct bed *b = bed_new();
	size_t before = secret_pool_used();

	classifier_set_current(data_classifier(b->data), SLOT, NULL);
	data_retire(b->data, b->in, b->out);
	b->in = NULL;
	b->out = NULL;
	/* Each answers the kick, and the second answer finds that both have passed. */
	assert_true(readable(data_fd(b->data, DATA_TX)));
	assert_true(readable(data_fd(b->data, DATA_RX)));
	data_take(b->data, DATA_TX);
	data_take(b->data, DATA_RX);
	assert_true(secret_pool_used() < before);
	assert_int_equal(classifier_reclaim(data_classifier(b->data)), 0);
	bed_free(b);
}

static void nothing_is_freed_under_a_thread(void **state)
{
	struct bed *b = bed_new();

	data_stop(b->data);
	/* No thread runs: at once, as with the engines inline. */
	classifier_set_current(data_classifier(b->data), SLOT, NULL);
	data_retire(b->data, b->in, b->out);
	b->in = NULL;
	b->out = NULL;
	assert_int_equal(classifier_reclaim(data_classifier(b->data)), 0);
	bed_free(b);
}

static void the_threads_take_no_signal(void **state)
{
	struct bed *b = bed_new();
	struct timespec wait = { .tv_sec = WAIT_MS / 1000 };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	/* The process ends if a data thread is there to take it. */
	assert_int_equal(pthread_sigmask(SIG_BLOCK, &set, NULL), 0);
	assert_int_equal(kill(getpid(), SIGUSR1), 0);
	usleep(20000);
	assert_int_equal(sigtimedwait(&set, NULL, &wait), SIGUSR1);
	bed_free(b);
}

/* ---- what tx remembers and holds ---- */

#define FLOWS 20

struct looked {
	unsigned flows, helds, nflows, nheld;
	struct flow_entry newest;
	struct outbound_held held;
};

static void on_look(void *ctx, const struct outbound_look *seen)
{
	struct looked *l = ctx;

	if (seen->held) {
		l->helds++;
		l->nheld = seen->n;
		l->held = seen->n ? seen->held[0] : (struct outbound_held){ 0 };
		return;
	}
	l->flows++;
	l->nflows = seen->n;
	for (unsigned i = 0; i < seen->n; i++)
		if (seen->flows[i].tuple.dport == 100 + FLOWS - 1)
			l->newest = seen->flows[i];
}

static void send_flow(struct bed *b, unsigned i)
{
	uint8_t buf[200], got[2000];
	struct slice inner = parts_udp4(buf, "10.1.0.1", "10.2.0.1", (uint16_t)(100 + i), 200);

	assert_int_equal(write(b->tun, inner.p, inner.n), inner.n);
	assert_true(readable(b->peer.fd4));
	assert_true(recv(b->peer.fd4, got, sizeof(got), 0) > 0);
}

static void flows_are_looked_at(void **state)
{
	struct bed *b = bed_new();
	struct looked l = { 0 };

	for (unsigned i = 0; i < FLOWS; i++)
		send_flow(b, i);
	assert_true(data_look(b->data, false, on_look, &l));
	/* Who asks meanwhile sees what the first one sees. */
	assert_true(data_look(b->data, false, on_look, &l));
	take(b, DATA_TX, &l.flows, 1);
	assert_int_equal(l.nflows, FLOWS);
	assert_int_equal(l.newest.decision.action, FLOW_PROTECT);
	assert_int_equal(l.newest.decision.slot, SLOT);
	assert_true(runtime_now() - l.newest.since < 60 * VTIME_S);
	/* Other rules: what was remembered for those before is of no interest. */
	data_publish_view(b->data, &(struct policy_view){ .fallback = POLICY_DISCARD });
	assert_true(data_look(b->data, false, on_look, &l));
	take(b, DATA_TX, &l.flows, 2);
	assert_int_equal(l.nflows, 0);
	bed_free(b);
}

static void what_is_held_is_looked_at(void **state)
{
	struct bed *b = bed_new_holding(30 * VTIME_S);
	struct looked l = { 0 };
	uint8_t buf[200];

	data_publish_slot(b->data, SLOT, NULL, NULL);
	/* Each flow twice: it is shown once. */
	for (unsigned i = 0; i < 2 * FLOWS; i++) {
		struct slice inner = parts_udp4(buf, "10.1.0.1", "10.2.0.1",
						(uint16_t)(100 + i / 2), (uint16_t)(100 + i));

		assert_int_equal(write(b->tun, inner.p, inner.n), inner.n);
	}
	while (atomic_load(&data_held(b->data)->packets) < 2 * FLOWS)
		usleep(1000);
	assert_true(data_look(b->data, true, on_look, &l));
	assert_true(data_look(b->data, false, on_look, &l));
	take(b, DATA_TX, &l.helds, 1);
	take(b, DATA_TX, &l.flows, 1);
	assert_int_equal(l.nheld, 1);
	assert_int_equal(l.held.slot, SLOT);
	assert_int_equal(l.held.n, OUTBOUND_HELD_FLOWS);
	for (unsigned i = 0; i < OUTBOUND_HELD_FLOWS; i++)
		assert_int_equal(l.held.flows[i].dport, 100 + i);
	bed_free(b);
}

static struct bed *asked_again;

static void on_look_ask_again(void *ctx, const struct outbound_look *seen)
{
	on_look(ctx, seen);
	assert_true(data_look(asked_again->data, false, on_look, ctx));
}

static void who_is_told_may_ask_again(void **state)
{
	struct looked l = { 0 };

	asked_again = bed_new();
	send_flow(asked_again, 0);
	assert_true(data_look(asked_again->data, false, on_look_ask_again, &l));
	take(asked_again, DATA_TX, &l.flows, 2);
	assert_int_equal(l.nflows, 1);
	bed_free(asked_again);
}

/* Nobody looks any more, and nobody waits for it. */
static void a_look_ends_with_the_threads(void **state)
{
	struct bed *b = bed_new();
	struct looked l = { 0 };

	for (unsigned i = 0; i < FLOWS; i++)
		send_flow(b, i);
	data_look(b->data, false, on_look, &l);
	data_stop(b->data);
	assert_false(data_look(b->data, true, on_look, &l));
	bed_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packets_go_out_and_come_in),
		cmocka_unit_test(each_encapsulation_has_its_socket),
		cmocka_unit_test(a_packet_without_a_socket_is_dropped),
		cmocka_unit_test(a_missing_sa_is_asked_for),
		cmocka_unit_test(a_probe_goes_out_and_its_reply_is_consumed),
		cmocka_unit_test(every_probe_is_sent_or_counted),
		cmocka_unit_test(an_sa_outlives_its_commands),
		cmocka_unit_test(numbered_packets_cross_births_in_order),
		cmocka_unit_test(a_publication_releases),
		cmocka_unit_test(a_refusal_is_told_at_once),
		cmocka_unit_test(the_thread_wakes_for_what_is_too_old),
		cmocka_unit_test(ike_comes_up),
		cmocka_unit_test(a_packet_waits_for_its_sa),
		cmocka_unit_test(the_thread_wakes_for_what_came_too_early),
		cmocka_unit_test(a_full_ring_holds_up_nobody),
		cmocka_unit_test(what_is_retired_is_freed_in_silence),
		cmocka_unit_test(nothing_is_freed_under_a_thread),
		cmocka_unit_test(the_threads_take_no_signal),
		cmocka_unit_test(flows_are_looked_at),
		cmocka_unit_test(who_is_told_may_ask_again),
		cmocka_unit_test(what_is_held_is_looked_at),
		cmocka_unit_test(a_look_ends_with_the_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
