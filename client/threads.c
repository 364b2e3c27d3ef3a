/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/mem.h"
#include "client/data.h"

#define READY_MAX 8
#define REPLY_MAX 2048

/* What a thread waits for; the kick is control's. */
enum ready {
	READY_KICK,
	READY_TUN,
	READY_IKE,
	READY_NATT,
	READY_ESP,
	READY_CISCO,
	READY_IP6 = 0x100, /* with one of the sockets: which of the two */
};

struct worker {
	pthread_t thread;
	bool runs;
	int epoll;
	int kick;
	uint64_t full_seen; /* control's: of its line's count */
};

struct data {
	const struct data_ops *ops;
	struct classifier *classifier;
	struct data_tx tx;
	struct data_rx rx;
	struct worker workers[2]; /* by enum data_way */
	struct drops drops; /* control's: commands for which there was no room */
	_Atomic bool stop;
	bool gone_told;
};

/* ---- the threads ---- */

static bool stopping(const struct data *d)
{
	/* Relaxed: nothing is read on the strength of it, and the kick wakes who sleeps. */
	return atomic_load_explicit(&d->stop, memory_order_relaxed);
}

/*
 * The kick is taken before the pass: one that comes later wakes us again. The answer tells control
 * that it may reclaim.
 */
static void tx_take_kick(struct data_tx *t, int kick)
{
	eventfd_t n;

	eventfd_read(kick, &n);
	data_tx_pass(t);
	t->up.news = true;
}

static void rx_take_kick(struct data_rx *r, int kick)
{
	eventfd_t n;

	eventfd_read(kick, &n);
	classifier_pass(r->classifier, r->reader);
	r->up.news = true;
}

static void tx_tun_is_gone(struct data_tx *t, const struct worker *w)
{
	epoll_ctl(w->epoll, EPOLL_CTL_DEL, t->tun->fd, NULL);
	/* Relaxed: the eventfd orders it for control. */
	atomic_store_explicit(&t->gone, true, memory_order_relaxed);
	t->up.news = true;
}

static void *tx_thread(void *arg)
{
	struct data *d = arg;
	struct worker *w = &d->workers[DATA_TX];
	struct epoll_event ev[READY_MAX];

	while (!stopping(d)) {
		int n = epoll_wait(w->epoll, ev, READY_MAX, data_tx_wait(&d->tx));

		for (int i = 0; i < n && !stopping(d); i++) {
			if (ev[i].data.u32 == READY_KICK)
				tx_take_kick(&d->tx, w->kick);
			else if (!data_tx_run(&d->tx))
				tx_tun_is_gone(&d->tx, w);
		}
		data_tx_release(&d->tx);
		data_tx_report(&d->tx);
		data_line_wake(&d->tx.up);
	}
	return NULL;
}

static struct net_socket *rx_socket(struct data_rx *r, uint32_t which)
{
	switch ((enum ready)(which & ~(uint32_t)READY_IP6)) {
	case READY_KICK:
	case READY_TUN:
	case READY_NATT:
	case READY_IP6:
		break;
	case READY_IKE:
		return &r->ike;
	case READY_ESP:
		return &r->esp;
	case READY_CISCO:
		return &r->cisco;
	}
	return &r->natt;
}

static void *rx_thread(void *arg)
{
	struct data *d = arg;
	struct worker *w = &d->workers[DATA_RX];
	struct epoll_event ev[READY_MAX];

	while (!stopping(d)) {
		int n = epoll_wait(w->epoll, ev, READY_MAX, data_rx_wait(&d->rx));

		for (int i = 0; i < n && !stopping(d); i++) {
			if (ev[i].data.u32 == READY_KICK)
				rx_take_kick(&d->rx, w->kick);
			else
				data_rx_run(&d->rx, rx_socket(&d->rx, ev[i].data.u32),
					    ev[i].data.u32 & READY_IP6 ? FAMILY_IP6 : FAMILY_IP4);
			data_rx_report(&d->rx);
			data_line_wake(&d->rx.up);
		}
		data_rx_release(&d->rx);
	}
	return NULL;
}

/* ---- life ---- */

static void arena_new(struct batch *b, size_t size)
{
	batch_init(b, xcalloc(1, size), size);
}

static bool watch(const struct worker *w, int fd, uint32_t which)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.u32 = which };

	/* The host may have no such family, or no use for the socket. */
	return fd < 0 || epoll_ctl(w->epoll, EPOLL_CTL_ADD, fd, &ev) == 0;
}

static bool watch_socket(const struct worker *w, const struct net_socket *s, enum ready which)
{
	return watch(w, s->fd4, which) && watch(w, s->fd6, which | READY_IP6);
}

static bool watch_all(const struct data *d)
{
	const struct worker *tx = &d->workers[DATA_TX], *rx = &d->workers[DATA_RX];

	return watch(tx, tx->kick, READY_KICK) && watch(tx, d->tx.tun->fd, READY_TUN) &&
	       watch(rx, rx->kick, READY_KICK) && watch_socket(rx, &d->rx.ike, READY_IKE) &&
	       watch_socket(rx, &d->rx.natt, READY_NATT) &&
	       watch_socket(rx, &d->rx.esp, READY_ESP) &&
	       watch_socket(rx, &d->rx.cisco, READY_CISCO);
}

static bool open_fds(struct worker *w, struct data_line *up)
{
	up->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	w->kick = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	w->epoll = epoll_create1(EPOLL_CLOEXEC);
	return up->fd >= 0 && w->kick >= 0 && w->epoll >= 0;
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

static void close_fds(struct worker *w, struct data_line *up)
{
	close_fd(w->epoll);
	close_fd(w->kick);
	close_fd(up->fd);
	ring_free(up->ring);
}

static void engines_new(struct data *d, struct host *host, const struct outbound_config *config)
{
	d->classifier = classifier_new();
	d->tx.classifier = d->classifier;
	d->tx.engine = outbound_new(d->classifier, config);
	d->tx.up.ring = ring_new(DATA_TX_NOTES, sizeof(struct data_note));
	d->tx.down = ring_new(DATA_COMMANDS, sizeof(struct data_command));
	d->tx.tun = &host->tun;
	d->tx.intake.super = xcalloc(1, TUN_PACKET_MAX);
	d->tx.intake.drops = &d->tx.drops;
	d->tx.natt = host->natt;
	d->tx.esp = host->esp;
	d->tx.cisco = host->cisco;
	arena_new(&d->tx.out, DATA_TUN_ARENA);
	arena_new(&d->tx.replies, (size_t)BATCH_MAX * REPLY_MAX);
	d->rx.classifier = d->classifier;
	d->rx.engine = inbound_new(d->classifier);
	d->rx.early = early_new(d->classifier, &d->rx.drops);
	inbound_set_early(d->rx.engine, d->rx.early);
	d->rx.up.ring = ring_new(DATA_RX_NOTES, sizeof(struct data_note) + IKE_MESSAGE_MAX);
	d->rx.tun = &host->tun;
	d->rx.takes = host->tun.takes;
	coalesce_begin(&d->rx.joined, d->rx.takes);
	d->rx.ike = host->ike;
	d->rx.natt = host->natt;
	d->rx.esp = host->esp;
	d->rx.cisco = host->cisco;
	net_intake_init(&d->rx.intake, xcalloc(1, NET_INTAKE_ARENA));
}

struct data *data_new(struct host *host, const struct outbound_config *config,
		      const struct data_ops *ops)
{
	struct data *d = xcalloc(1, sizeof(*d));
	int saved;
	bool tx, rx;

	d->ops = ops;
	engines_new(d, host, config);
	tx = open_fds(&d->workers[DATA_TX], &d->tx.up);
	rx = open_fds(&d->workers[DATA_RX], &d->rx.up);
	if (tx && rx && watch_all(d))
		return d;
	saved = errno;
	data_free(d);
	errno = saved;
	return NULL;
}

static bool worker_start(struct data *d, enum data_way way, const char *name, void *(*run)(void *))
{
	struct worker *w = &d->workers[way];

	errno = pthread_create(&w->thread, NULL, run, d);
	w->runs = errno == 0;
	if (w->runs)
		pthread_setname_np(w->thread, name);
	return w->runs;
}

int data_start(struct data *d)
{
	sigset_t all, before;
	bool started;
	int saved;

	d->tx.reader = classifier_reader_add(d->classifier);
	d->rx.reader = classifier_reader_add(d->classifier);
	sigfillset(&all);
	/* Signals are the loop's: a thread inherits that it takes none. */
	pthread_sigmask(SIG_SETMASK, &all, &before);
	started = worker_start(d, DATA_TX, "godwit-tx", tx_thread) &&
		  worker_start(d, DATA_RX, "godwit-rx", rx_thread);
	saved = errno;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (started)
		return 0;
	data_stop(d);
	errno = saved;
	return ERR_SYSTEM;
}

static void kick(struct data *d, enum data_way way)
{
	if (d->workers[way].runs)
		eventfd_write(d->workers[way].kick, 1);
}

static void kick_all(struct data *d)
{
	kick(d, DATA_TX);
	kick(d, DATA_RX);
}

void data_stop(struct data *d)
{
	atomic_store_explicit(&d->stop, true, memory_order_relaxed);
	kick_all(d);
	for (unsigned i = 0; i < ARRAY_SIZE(d->workers); i++) {
		if (d->workers[i].runs)
			pthread_join(d->workers[i].thread, NULL);
		d->workers[i].runs = false;
	}
	classifier_reader_remove(d->classifier, d->tx.reader);
	classifier_reader_remove(d->classifier, d->rx.reader);
	d->tx.reader = NULL;
	d->rx.reader = NULL;
}

void data_free(struct data *d)
{
	if (!d)
		return;
	data_stop(d);
	close_fds(&d->workers[DATA_TX], &d->tx.up);
	close_fds(&d->workers[DATA_RX], &d->rx.up);
	ring_free(d->tx.down);
	inbound_free(d->rx.engine);
	early_free(d->rx.early);
	outbound_free(d->tx.engine);
	classifier_free(d->classifier);
	free(d->rx.intake.arena);
	free(d->tx.intake.super);
	free(d->tx.out.arena);
	free(d->tx.replies.arena);
	free(d);
}

/* ---- control's side ---- */

struct classifier *data_classifier(struct data *d)
{
	return d->classifier;
}

static struct data_line *data_line(struct data *d, enum data_way way)
{
	switch (way) {
	case DATA_TX:
		return &d->tx.up;
	case DATA_RX:
		return &d->rx.up;
	}
	abort();
}

int data_fd(struct data *d, enum data_way way)
{
	return data_line(d, way)->fd;
}

static void deliver(const struct data *d, const struct data_note *note)
{
	struct data_ike ike = { note->from, note->to, slice(note->bytes, note->len) };

	switch (note->type) {
	case DATA_NOTE_EVENT:
		d->ops->event(d->ops->ctx, &note->event);
		break;
	case DATA_NOTE_IKE:
		d->ops->ike(d->ops->ctx, &ike);
		break;
	}
}

void data_take(struct data *d, enum data_way way)
{
	struct data_line *l = data_line(d, way);
	struct worker *w = &d->workers[way];
	unsigned left = way == DATA_TX ? DATA_TX_NOTES : DATA_RX_NOTES;
	const struct data_note *note;
	eventfd_t n;
	uint64_t full;

	eventfd_read(l->fd, &n);
	for (; left && (note = ring_peek(l->ring)); left--) {
		deliver(d, note);
		ring_release(l->ring);
	}
	/* A ring that is filled as fast as it is emptied must not keep the loop from all else. */
	if (!left)
		eventfd_write(l->fd, 1);
	full = atomic_load_explicit(&l->full, memory_order_relaxed);
	/* Whoever found it full asks again, now that there is room. */
	if (full != w->full_seen)
		kick(d, way);
	w->full_seen = full;
	classifier_reclaim(d->classifier);
	if (way == DATA_TX && !d->gone_told &&
	    atomic_load_explicit(&d->tx.gone, memory_order_relaxed)) {
		d->gone_told = true;
		d->ops->tun_gone(d->ops->ctx);
	}
}

int data_add_spi(struct data *d, struct esp_in *in)
{
	int rc = classifier_add_spi(d->classifier, in);

	if (classifier_spi_offered(d->classifier, esp_in_config(in)->spi))
		kick(d, DATA_RX);
	return rc;
}

void data_retire(struct data *d, struct esp_in *in, struct esp_out *out)
{
	if (in)
		classifier_remove_spi(d->classifier, esp_in_config(in)->spi);
	classifier_retire_in(d->classifier, in);
	classifier_retire_out(d->classifier, out);
	kick_all(d);
}

void data_retire_path(struct data *d, struct path *p)
{
	classifier_retire_path(d->classifier, p);
	kick(d, DATA_TX);
}

void data_retire_limit(struct data *d, struct esp_limit *l)
{
	classifier_retire_limit(d->classifier, l);
	kick_all(d);
}

void data_probe(struct data *d, struct esp_out *out, const void *ip, size_t n)
{
	struct data_command *command = NULL;

	if (n > ESP_PROBE_MAX)
		abort();
	/* Without the thread nothing would keep the SA alive until the command is taken. */
	if (d->workers[DATA_TX].runs)
		command = ring_reserve(d->tx.down);
	if (!command) {
		drop_count(&d->drops, DROP_PROBE_LOST);
		return;
	}
	command->out = out;
	command->n = n;
	if (n)
		memcpy(command->bytes, ip, n);
	ring_commit(d->tx.down);
	kick(d, DATA_TX);
}

void data_publish_view(struct data *d, const struct policy_view *p)
{
	classifier_retire_rules(d->classifier, classifier_publish_view(d->classifier, p));
	kick_all(d);
}

void data_publish_rules(struct data *d, const struct policy *p)
{
	const struct policy_view view = policy_view(p);

	data_publish_view(d, &view);
}

void data_publish_slot(struct data *d, unsigned slot, struct esp_out *current, struct esp_out *next)
{
	classifier_set_current(d->classifier, slot, current);
	if (next)
		classifier_set_next(d->classifier, slot, next);
	kick(d, DATA_TX);
}

void data_refuse_slot(struct data *d, unsigned slot, vtime until)
{
	classifier_set_refused(d->classifier, slot, until);
	kick(d, DATA_TX);
}

const struct hold_counters *data_held(const struct data *d)
{
	return outbound_held(d->tx.engine);
}

const struct hold_counters *data_held_of(const struct data *d, unsigned slot)
{
	return outbound_held_of(d->tx.engine, slot);
}

void data_view(const struct data *d, struct control_view *view)
{
	view->drops[0] = inbound_drops(d->rx.engine);
	view->drops[1] = outbound_drops(d->tx.engine);
	view->drops[2] = &d->rx.drops;
	view->drops[3] = &d->tx.drops;
	view->drops[4] = &d->drops;
}
