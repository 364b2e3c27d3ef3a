/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What arrives is opened by several threads: nothing is lost, and each SA stays in order. */
#include <dlfcn.h>
#include <limits.h>
#include <sys/eventfd.h>
#include <sys/resource.h>

#include "threads_parts.h"

#define SAS 6
#define WINDOW 24 /* packets on their way: what the socket that stands for the TUN holds */
#define PACKETS 6000
#define FIRST_SPI 0x7000u

/* SAs that come and go; each has its number among all, which its packets bear, and counts them. */
struct sas {
	struct esp_in *in[SAS];
	struct esp_out *out[SAS]; /* the peer's */
	uint32_t number[SAS];
	uint32_t sent[SAS];
	uint32_t read[SAS];
	uint32_t spis;
};

static struct bed *bed_with_workers(unsigned workers, enum dispatch_select select)
{
	return bed_new_of(ENCAPSULATION_UDP, false,
			  &(struct data_config){ .workers = workers, .select = select });
}

static void sa_begin(struct bed *b, struct sas *s, unsigned i)
{
	struct esp_sa_config config = parts_config(&suite_gcm, FIRST_SPI + s->spis);

	config.slot = SLOT;
	config.ts = (struct ts_pair){ config.ts.remote, config.ts.local };
	s->in[i] = parts_in(config);
	s->out[i] = parts_out(config);
	s->number[i] = s->spis++;
	s->sent[i] = s->read[i] = 0;
	assert_int_equal(data_add_spi(b->data, s->in[i]), 0);
}

static void sa_end(struct bed *b, struct sas *s, unsigned i)
{
	data_retire(b->data, s->in[i], NULL);
	esp_out_free(s->out[i]);
}

/* The inner packet's ports are the SA's number, its first word of data the packet's. */
static void sa_send(struct bed *b, struct sas *s, unsigned i)
{
	struct parts_batch *store = xcalloc(1, sizeof(*store));
	uint8_t buf[200];
	struct pkt *p;

	parts_udp4(buf, "10.1.0.1", "10.2.0.1", (uint16_t)s->number[i], sizeof(buf));
	put_be32(buf + 28, s->sent[i]++);
	p = parts_take(parts_batch(store), SLICE_OF(buf));
	assert_int_equal(esp_seal(s->out[i], p, 4), 0);
	assert_int_equal(net_socket_send(&b->peer, NULL, &b->natt, pkt_slice(p)), 0);
	free(store);
}

/* The next packet out of the TUN is the next one of its SA. */
static void sa_read(const struct bed *b, struct sas *s)
{
	uint8_t got[2000];
	unsigned i = 0;

	assert_true(readable(b->tun));
	assert_int_equal(read(b->tun, got, sizeof(got)), 200);
	while (i < SAS && s->number[i] != (uint32_t)(got[22] << 8 | got[23]))
		i++;
	assert_in_range(i, 0, SAS - 1);
	assert_int_equal(get_be32(got + 28), s->read[i]++);
}

static void nothing_was_dropped(const struct bed *b)
{
	for (unsigned i = 0; i < DROP_COUNT; i++)
		assert_int_equal(dropped(b, (enum drop)i), 0);
}

/* One SA after the other is replaced meanwhile. */
static void through_workers(unsigned workers, enum dispatch_select select)
{
	struct bed *b = bed_with_workers(workers, select);
	struct sas s = { 0 };

	for (unsigned i = 0; i < SAS; i++)
		sa_begin(b, &s, i);
	for (unsigned n = 0; n < PACKETS; n += WINDOW) {
		unsigned old = n / WINDOW % SAS;

		for (unsigned i = 0; i < WINDOW; i++)
			sa_send(b, &s, (i * 7 + n) % SAS);
		for (unsigned i = 0; i < WINDOW; i++)
			sa_read(b, &s);
		sa_end(b, &s, old);
		sa_begin(b, &s, old);
		data_take(b->data, DATA_RX);
	}
	nothing_was_dropped(b);
	for (unsigned i = 0; i < SAS; i++)
		sa_end(b, &s, i);
	for (unsigned i = 0; classifier_reclaim(data_classifier(b->data)) && i < WAIT_MS; i++)
		usleep(1000);
	assert_int_equal(classifier_reclaim(data_classifier(b->data)), 0);
	assert_true(b->events >= s.spis - SAS);
	bed_free(b);
}

static void one_worker_is_rx_itself(void **state)
{
	through_workers(1, DISPATCH_LEAST_LOAD);
}

static void two_workers(void **state)
{
	through_workers(2, DISPATCH_LEAST_LOAD);
	through_workers(2, DISPATCH_ROUND_ROBIN);
}

static void as_many_workers_as_there_can_be(void **state)
{
	through_workers(DISPATCH_WORKERS_MAX, DISPATCH_ROUND_ROBIN);
}

/* What has no SA is dropped by a worker, and control hears of it. */
static void an_unknown_spi_is_told(void **state)
{
	struct bed *b = bed_with_workers(3, DISPATCH_ROUND_ROBIN);
	uint8_t bytes[100] = { 0, 0, 0x99, 0x99 };

	assert_int_equal(net_socket_send(&b->peer, NULL, &b->natt, SLICE_OF(bytes)), 0);
	take(b, DATA_RX, &b->events, 1);
	assert_int_equal(b->last, DATA_UNKNOWN_SPI);
	assert_int_equal(dropped(b, DROP_UNKNOWN_SPI), 1);
	bed_free(b);
}

/* Its SPI is that of another SA, which does not go with it. */
static void an_sa_without_a_place_goes_alone(void **state)
{
	struct bed *b = bed_with_workers(2, DISPATCH_LEAST_LOAD);
	struct esp_in *twin = parts_in(parts_config(&suite_gcm, SPI_IN));

	assert_int_equal(data_add_spi(b->data, twin), ERR_NO_ROOM);
	data_retire(b->data, twin, NULL);
	assert_ptr_equal(classifier_find_spi(data_classifier(b->data), SPI_IN), b->in);
	bed_free(b);
}

/* ---- what the system does not have ---- */

#define MANY 4 /* workers */

static unsigned threads_left = UINT_MAX;

/* The C library's, until there are no threads left. */
int pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *), void *arg)
{
	int (*create)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
	void *next = dlsym(RTLD_NEXT, "pthread_create");

	memcpy(&create, &next, sizeof(create));
	if (threads_left == 0)
		return EAGAIN;
	threads_left--;
	return create(thread, attr, run, arg);
}

static int lowest_fd(void)
{
	int fd = dup(STDERR_FILENO);

	close(fd);
	return fd;
}

/* Whichever is the first that there is no room for. */
static void without_descriptors_nothing_is_left(void **state)
{
	struct bed *b = bed_with_workers(1, DISPATCH_LEAST_LOAD);
	const struct data_config config = { .workers = MANY };
	const unsigned wanted = 2 * 3 + MANY; /* line, kick and epoll of two; kicks */
	struct rlimit before, few;
	struct data *d = NULL;
	int fd = lowest_fd();

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	few = before;
	for (unsigned n = 0; n < wanted; n++) {
		few.rlim_cur = (rlim_t)fd + n;
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
		d = data_new(&b->host, &config, &b->ops);
		assert_int_equal(errno, EMFILE);
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
		assert_null(d);
		assert_int_equal(lowest_fd(), fd);
	}
	few.rlim_cur = (rlim_t)fd + wanted;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	d = data_new(&b->host, &config, &b->ops);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_non_null(d);
	data_free(d);
	assert_int_equal(lowest_fd(), fd);
	bed_free(b);
}

/* Those that have started already end. */
static void without_threads_nothing_is_left(void **state)
{
	struct bed *b = bed_with_workers(1, DISPATCH_LEAST_LOAD);
	const struct data_config config = { .workers = MANY };
	int fd = lowest_fd();

	for (unsigned n = 0; n < 2 + MANY; n++) {
		struct data *d = data_new(&b->host, &config, &b->ops);

		assert_non_null(d);
		threads_left = n;
		assert_int_equal(data_start(d), ERR_SYSTEM);
		assert_int_equal(errno, EAGAIN);
		threads_left = UINT_MAX;
		data_free(d);
		assert_int_equal(lowest_fd(), fd);
	}
	bed_free(b);
}

/* Nobody opens anything meanwhile: what is looked at is how often the worker is told. */
static void rx_new(struct data_rx *r, struct net_socket *peer)
{
	enter_namespace();
	r->open.classifier = classifier_new();
	r->open.reader = classifier_reader_add(r->open.classifier);
	r->dispatch = dispatch_new(r->open.classifier, 1, DISPATCH_LEAST_LOAD);
	r->worker_kicks[0] = eventfd(0, EFD_NONBLOCK);
	net_intake_init(&r->intake, xcalloc(1, NET_INTAKE_ARENA));
	assert_int_equal(net_udp_open(&r->natt, 0, 0), 0);
	assert_int_equal(net_udp_open(peer, 0, 0), 0);
	net_socket_offload(&r->natt, NET_OFFLOAD_ALL);
	net_socket_offload(peer, NET_OFFLOAD_ALL);
}

static void rx_free(struct data_rx *r, struct net_socket *peer)
{
	net_socket_close(peer);
	net_socket_close(&r->natt);
	free(r->intake.arena);
	close(r->worker_kicks[0]);
	dispatch_free(r->dispatch);
	classifier_reader_remove(r->open.classifier, r->open.reader);
	classifier_free(r->open.classifier);
}

/* What arrives at once may be more than a lane holds. */
static void a_worker_begins_before_all_has_been_passed_on(void **state)
{
	struct parts_batch *store = xcalloc(1, sizeof(*store));
	struct batch *b = parts_batch(store);
	uint8_t bytes[300] = { 0x12, 0x34 };
	struct data_rx *r = xcalloc(1, sizeof(*r));
	struct net_socket peer;
	struct path path;
	eventfd_t kicks;

	rx_new(r, &peer);
	path = (struct path){ .remote = local(r->natt.port), .encapsulation = ENCAPSULATION_UDP };
	for (unsigned i = 0; i < 100; i++)
		parts_take(b, SLICE_OF(bytes))->path = &path;
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(net_socket_send_batch(&peer, b->pkts, b->n), b->n);
	data_rx_run(r, &r->natt, FAMILY_IP4);
	assert_true(r->intake.n <= 6);
	assert_int_equal(eventfd_read(r->worker_kicks[0], &kicks), 0);
	assert_int_equal(kicks, 3);
	rx_free(r, &peer);
	free(r);
	free(store);
}

/* IKE does not go through workers. */
static void ike_comes_up_in_order(void **state)
{
	struct bed *b = bed_with_workers(2, DISPATCH_LEAST_LOAD);
	uint8_t bytes[MARKER + 4] = { 0 };

	for (uint32_t i = 0; i < 20; i++) {
		put_be32(bytes + MARKER, i);
		assert_int_equal(net_socket_send(&b->peer, NULL, &b->natt, SLICE_OF(bytes)), 0);
	}
	take(b, DATA_RX, &b->ikes, 20);
	assert_true(b->orderly);
	bed_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_worker_is_rx_itself),
		cmocka_unit_test(two_workers),
		cmocka_unit_test(as_many_workers_as_there_can_be),
		cmocka_unit_test(an_unknown_spi_is_told),
		cmocka_unit_test(an_sa_without_a_place_goes_alone),
		cmocka_unit_test(without_descriptors_nothing_is_left),
		cmocka_unit_test(without_threads_nothing_is_left),
		cmocka_unit_test(a_worker_begins_before_all_has_been_passed_on),
		cmocka_unit_test(ike_comes_up_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
