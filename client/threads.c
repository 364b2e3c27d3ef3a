/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <poll.h>
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

struct runner {
	struct data *data;
	pthread_t thread;
	bool runs;
	int epoll; /* -1: the kick is all that it waits for */
	int kick;
	_Atomic bool answer; /* control waits for it to pass what has been retired */
	uint64_t full_seen; /* control's: of its line's count */
};

struct data {
	const struct data_ops *ops;
	struct classifier *classifier;
	struct data_tx tx;
	struct data_rx rx;
	struct runner runners[2]; /* by enum data_way */
	struct dispatch *dispatch; /* NULL: there are no workers */
	struct data_worker *workers;
	struct runner *worker_runners;
	unsigned nworkers;
	struct drops drops; /* control's: commands for which there was no room */
	struct data_look looks[2]; /* at flows, at what is held: one of each at a time */
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
 * The kick is taken before the pass: one that comes later wakes us again. True: control is to be told
 * that it may reclaim, because of something whose retirement the pass that follows will see: acquire
 * pairs with kick_for_answer.
 */
static bool take_kick(struct runner *w)
{
	eventfd_t n;

	eventfd_read(w->kick, &n);
	return atomic_exchange_explicit(&w->answer, false, memory_order_acq_rel);
}

static void tx_take_kick(struct data_tx *t, struct runner *w)
{
	t->up.news |= take_kick(w);
	data_tx_pass(t);
}

static void rx_take_kick(struct data_rx *r, struct runner *w)
{
	r->open.up.news |= take_kick(w);
	classifier_pass(r->open.classifier, r->open.reader);
}

static void tx_tun_is_gone(struct data_tx *t, const struct runner *w)
{
	epoll_ctl(w->epoll, EPOLL_CTL_DEL, t->tun->fd, NULL);
	/* Relaxed: the eventfd orders it for control. */
	atomic_store_explicit(&t->gone, true, memory_order_relaxed);
	t->up.news = true;
}

static void *tx_thread(void *arg)
{
	struct runner *w = arg;
	struct data *d = w->data;
	struct epoll_event ev[READY_MAX];

	while (!stopping(d)) {
		int n = epoll_wait(w->epoll, ev, READY_MAX, data_tx_wait(&d->tx));

		for (int i = 0; i < n && !stopping(d); i++) {
			if (ev[i].data.u32 == READY_KICK)
				tx_take_kick(&d->tx, w);
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

/* Leaves raw ESP alone for a while, and nothing else. */
static void rx_leave_esp(const struct data_rx *r, const struct runner *w, vtime wait)
{
	const struct timespec ts = { .tv_nsec = (long)wait };
	struct pollfd others[] = {
		{ .fd = w->kick, .events = POLLIN },	  { .fd = r->ike.fd4, .events = POLLIN },
		{ .fd = r->ike.fd6, .events = POLLIN },	  { .fd = r->natt.fd4, .events = POLLIN },
		{ .fd = r->natt.fd6, .events = POLLIN },  { .fd = r->cisco.fd4, .events = POLLIN },
		{ .fd = r->cisco.fd6, .events = POLLIN },
	};

	if (wait)
		ppoll(others, ARRAY_SIZE(others), &ts, NULL);
}

/* How long raw ESP is to be left alone. */
static vtime rx_take(struct data_rx *r, struct runner *w, uint32_t which)
{
	if (which != READY_KICK)
		return data_rx_run(r, rx_socket(r, which),
				   which & READY_IP6 ? FAMILY_IP6 : FAMILY_IP4);
	rx_take_kick(r, w);
	return 0;
}

static void *rx_thread(void *arg)
{
	struct runner *w = arg;
	struct data *d = w->data;
	struct epoll_event ev[READY_MAX];

	while (!stopping(d)) {
		int n = epoll_wait(w->epoll, ev, READY_MAX, data_rx_wait(&d->rx));
		vtime wait = 0;

		for (int i = 0; i < n && !stopping(d); i++) {
			wait += rx_take(&d->rx, w, ev[i].data.u32);
			data_open_report(&d->rx.open);
			data_line_wake(&d->rx.open.up);
		}
		data_rx_release(&d->rx);
		rx_leave_esp(&d->rx, w, wait);
	}
	return NULL;
}

/* Each thing that it may be woken for is looked at before it sleeps again. */
static void *worker_thread(void *arg)
{
	struct runner *r = arg;
	const struct data *d = r->data;
	struct data_worker *w = &d->workers[r - d->worker_runners];

	while (!stopping(d)) {
		w->open.up.news |= take_kick(r);
		while (!stopping(d) && data_worker_run(w))
			continue;
		data_open_report(&w->open);
		data_line_wake(&w->open.up);
	}
	return NULL;
}

/* ---- life ---- */

static void arena_new(struct batch *b, size_t size)
{
	batch_init(b, xcalloc(1, size), size);
}

static bool watch(const struct runner *w, int fd, uint32_t which)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.u32 = which };

	/* The host may have no such family, or no use for the socket. */
	return fd < 0 || epoll_ctl(w->epoll, EPOLL_CTL_ADD, fd, &ev) == 0;
}

static bool watch_socket(const struct runner *w, const struct net_socket *s, enum ready which)
{
	return watch(w, s->fd4, which) && watch(w, s->fd6, which | READY_IP6);
}

static bool watch_all(const struct data *d)
{
	const struct runner *tx = &d->runners[DATA_TX], *rx = &d->runners[DATA_RX];

	return watch(tx, tx->kick, READY_KICK) && watch(tx, d->tx.tun->fd, READY_TUN) &&
	       watch(rx, rx->kick, READY_KICK) && watch_socket(rx, &d->rx.ike, READY_IKE) &&
	       watch_socket(rx, &d->rx.natt, READY_NATT) &&
	       watch_socket(rx, &d->rx.esp, READY_ESP) &&
	       watch_socket(rx, &d->rx.cisco, READY_CISCO);
}

static bool open_fds(struct runner *w, struct data_line *up)
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

static void close_fds(struct runner *w, struct data_line *up)
{
	close_fd(w->epoll);
	close_fd(w->kick);
	close_fd(up->fd);
	ring_free(up->ring);
}

static void out_init(struct data_out *o, const struct tun *tun)
{
	o->tun = tun;
	o->takes = tun->takes;
	coalesce_begin(&o->joined, o->takes);
}

static void opener_new(struct data *d, struct data_open *o, const struct data_config *config,
		       unsigned notes, size_t ike)
{
	o->classifier = d->classifier;
	o->up.ring = ring_new(notes, sizeof(struct data_note) + ike);
	o->servers = config->servers;
	o->nouts = 1 + config->nservers;
	o->outs = xcalloc(o->nouts, sizeof(*o->outs));
	out_init(&o->outs[0], d->tx.tun);
	for (unsigned i = 0; i < config->nservers; i++)
		out_init(&o->outs[1 + i], &config->server_tuns[i]);
}

static void opener_free(struct data_open *o)
{
	inbound_free(o->engine);
	free(o->outs);
}

static void engines_new(struct data *d, struct host *host, const struct data_config *config)
{
	d->classifier = classifier_new();
	d->tx.classifier = d->classifier;
	d->tx.engine = outbound_new(d->classifier, &config->hold);
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
	d->rx.ike = host->ike;
	d->rx.natt = host->natt;
	d->rx.esp = host->esp;
	d->rx.cisco = host->cisco;
	net_intake_init(&d->rx.intake, xcalloc(1, NET_INTAKE_ARENA));
	opener_new(d, &d->rx.open, config, DATA_RX_NOTES, IKE_MESSAGE_MAX);
	d->rx.early = early_new(d->classifier, &d->rx.open.drops);
}

/* What rx did alone is done by workers: it keeps the sockets, and what is IKE. */
static bool workers_new(struct data *d, const struct data_config *config)
{
	unsigned n = config->workers;
	bool open = true;

	if (n < 2) {
		d->rx.open.engine = inbound_new(d->classifier);
		inbound_set_early(d->rx.open.engine, d->rx.early);
		return true;
	}
	d->nworkers = n;
	d->workers = xcalloc(n, sizeof(*d->workers));
	d->worker_runners = xcalloc(n, sizeof(*d->worker_runners));
	d->dispatch = dispatch_new(d->classifier, n, config->select);
	dispatch_set_early(d->dispatch, d->rx.early);
	d->rx.dispatch = d->dispatch;
	for (unsigned i = 0; i < n; i++) {
		struct data_worker *w = &d->workers[i];

		opener_new(d, &w->open, config, DATA_WORKER_NOTES, 0);
		w->open.engine = inbound_new(d->classifier);
		inbound_set_worker(w->open.engine, i);
		w->dispatch = d->dispatch;
		w->number = i;
		/* Control hears of all that comes in by one descriptor. */
		w->open.up.fd = d->rx.open.up.fd;
		d->worker_runners[i] =
			(struct runner){ .data = d, .epoll = -1, .kick = eventfd(0, EFD_CLOEXEC) };
		d->rx.worker_kicks[i] = d->worker_runners[i].kick;
		open &= d->worker_runners[i].kick >= 0;
	}
	return open;
}

struct data *data_new(struct host *host, const struct data_config *config,
		      const struct data_ops *ops)
{
	struct data *d = xcalloc(1, sizeof(*d));
	int saved;
	bool tx, rx, workers;

	d->ops = ops;
	d->runners[DATA_TX].data = d;
	d->runners[DATA_RX].data = d;
	engines_new(d, host, config);
	tx = open_fds(&d->runners[DATA_TX], &d->tx.up);
	rx = open_fds(&d->runners[DATA_RX], &d->rx.open.up);
	workers = workers_new(d, config);
	if (tx && rx && workers && watch_all(d))
		return d;
	saved = errno;
	data_free(d);
	errno = saved;
	return NULL;
}

static bool runner_start(struct runner *w, const char *name, void *(*run)(void *))
{
	errno = pthread_create(&w->thread, NULL, run, w);
	w->runs = errno == 0;
	if (w->runs)
		pthread_setname_np(w->thread, name);
	return w->runs;
}

static bool workers_start(struct data *d)
{
	for (unsigned i = 0; i < d->nworkers; i++) {
		char name[16];

		snprintf(name, sizeof(name), "godwit-open-%u", (uint8_t)i);
		if (!runner_start(&d->worker_runners[i], name, worker_thread))
			return false;
	}
	return true;
}

/* Each thread that keeps alive what it has in hand. */
static void readers_add(struct data *d)
{
	d->tx.reader = classifier_reader_add(d->classifier);
	d->rx.open.reader = classifier_reader_add(d->classifier);
	for (unsigned i = 0; i < d->nworkers; i++)
		d->workers[i].open.reader = classifier_reader_add(d->classifier);
}

static void reader_remove(struct data *d, struct classifier_reader **r)
{
	classifier_reader_remove(d->classifier, *r);
	*r = NULL;
}

int data_start(struct data *d)
{
	sigset_t all, before;
	bool started;
	int saved;

	readers_add(d);
	sigfillset(&all);
	/* Signals are the loop's: a thread inherits that it takes none. */
	pthread_sigmask(SIG_SETMASK, &all, &before);
	started = runner_start(&d->runners[DATA_TX], "godwit-tx", tx_thread) && workers_start(d) &&
		  runner_start(&d->runners[DATA_RX], "godwit-rx", rx_thread);
	saved = errno;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (started)
		return 0;
	data_stop(d);
	errno = saved;
	return ERR_SYSTEM;
}

static void runner_kick(const struct runner *w)
{
	if (w->runs)
		eventfd_write(w->kick, 1);
}

static void kick(struct data *d, enum data_way way)
{
	runner_kick(&d->runners[way]);
}

/* Something has been retired: what is free is to be noticed, however little else happens. */
static void kick_for_answer(struct runner *w)
{
	atomic_store_explicit(&w->answer, true, memory_order_release);
	runner_kick(w);
}

static void kick_all_for_answer(struct data *d)
{
	kick_for_answer(&d->runners[DATA_TX]);
	kick_for_answer(&d->runners[DATA_RX]);
	for (unsigned i = 0; i < d->nworkers; i++)
		kick_for_answer(&d->worker_runners[i]);
}

static void runner_join(struct runner *w)
{
	if (w->runs)
		pthread_join(w->thread, NULL);
	w->runs = false;
}

void data_stop(struct data *d)
{
	atomic_store_explicit(&d->stop, true, memory_order_relaxed);
	kick_all_for_answer(d);
	for (unsigned i = 0; i < ARRAY_SIZE(d->runners); i++)
		runner_join(&d->runners[i]);
	for (unsigned i = 0; i < d->nworkers; i++)
		runner_join(&d->worker_runners[i]);
	reader_remove(d, &d->tx.reader);
	reader_remove(d, &d->rx.open.reader);
	for (unsigned i = 0; i < d->nworkers; i++)
		reader_remove(d, &d->workers[i].open.reader);
}

static void workers_free(struct data *d)
{
	for (unsigned i = 0; i < d->nworkers; i++) {
		close_fd(d->worker_runners[i].kick);
		ring_free(d->workers[i].open.up.ring);
		opener_free(&d->workers[i].open);
	}
	dispatch_free(d->dispatch);
	free(d->workers);
	free(d->worker_runners);
}

static void look_free(struct data_look *l)
{
	free(l->look.held);
	free(l->look.flows);
	*l = (struct data_look){ 0 };
}

void data_free(struct data *d)
{
	if (!d)
		return;
	data_stop(d);
	close_fds(&d->runners[DATA_TX], &d->tx.up);
	close_fds(&d->runners[DATA_RX], &d->rx.open.up);
	ring_free(d->tx.down);
	look_free(&d->looks[false]);
	look_free(&d->looks[true]);
	opener_free(&d->rx.open);
	early_free(d->rx.early);
	workers_free(d);
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
		return &d->rx.open.up;
	}
	abort();
}

int data_fd(struct data *d, enum data_way way)
{
	return data_line(d, way)->fd;
}

static bool look_go_on(struct data *d, struct data_look *l)
{
	struct data_command *command = d->runners[DATA_TX].runs ? ring_reserve(d->tx.down) : NULL;

	if (!command)
		return false;
	command->look = l;
	ring_commit(d->tx.down);
	kick(d, DATA_TX);
	return true;
}

/* What there is no room to go on with is told as far as it has come. */
static void looked(struct data *d, struct data_look *l)
{
	struct data_look seen = *l;

	if (l->more && look_go_on(d, l))
		return;
	/* Who is told may ask for another look. */
	*l = (struct data_look){ 0 };
	seen.done(seen.ctx, &seen.look);
	look_free(&seen);
}

bool data_look(struct data *d, bool held, data_look_fn done, void *ctx)
{
	struct data_look *l = &d->looks[held];

	if (l->done)
		return true;
	if (held)
		l->look.held = xcalloc(OUTBOUND_HELD_MAX, sizeof(*l->look.held));
	else
		l->look.flows = xcalloc(FLOW_CACHE_SIZE, sizeof(*l->look.flows));
	l->done = done;
	l->ctx = ctx;
	if (look_go_on(d, l))
		return true;
	look_free(l);
	return false;
}

static void deliver(struct data *d, const struct data_note *note)
{
	struct data_ike ike = { note->from, note->to, slice(note->bytes, note->len) };

	switch (note->type) {
	case DATA_NOTE_EVENT:
		d->ops->event(d->ops->ctx, &note->event);
		break;
	case DATA_NOTE_IKE:
		d->ops->ike(d->ops->ctx, &ike);
		break;
	case DATA_NOTE_LOOK:
		looked(d, note->look);
		break;
	}
}

/* Hands up to `most` notes of a line to the ops; false: there may be more. */
static bool line_take(struct data *d, struct data_line *l, struct runner *w, unsigned most)
{
	const struct data_note *note;
	unsigned left = most;
	uint64_t full;

	for (; left && (note = ring_peek(l->ring)); left--) {
		deliver(d, note);
		ring_release(l->ring);
	}
	full = atomic_load_explicit(&l->full, memory_order_relaxed);
	/* Whoever found it full asks again, now that there is room. */
	if (full != w->full_seen)
		runner_kick(w);
	w->full_seen = full;
	return left != 0;
}

void data_take(struct data *d, enum data_way way)
{
	struct data_line *l = data_line(d, way);
	eventfd_t n;
	bool all;

	eventfd_read(l->fd, &n);
	all = line_take(d, l, &d->runners[way], way == DATA_TX ? DATA_TX_NOTES : DATA_RX_NOTES);
	for (unsigned i = 0; way == DATA_RX && i < d->nworkers; i++)
		all &= line_take(d, &d->workers[i].open.up, &d->worker_runners[i],
				 DATA_WORKER_NOTES);
	/* A ring that is filled as fast as it is emptied must not keep the loop from all else. */
	if (!all)
		eventfd_write(l->fd, 1);
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

	if (rc == 0 && d->dispatch)
		dispatch_assign(d->dispatch, esp_in_config(in)->spi);
	if (classifier_spi_offered(d->classifier, esp_in_config(in)->spi))
		kick(d, DATA_RX);
	return rc;
}

/* One for which there was no place leaves that of its twin alone. */
static void remove_spi(struct data *d, const struct esp_in *in)
{
	uint32_t spi = esp_in_config(in)->spi;

	if (classifier_find_spi(d->classifier, spi) != in)
		return;
	if (d->dispatch)
		dispatch_forget(d->dispatch, spi);
	classifier_remove_spi(d->classifier, spi);
}

void data_retire(struct data *d, struct esp_in *in, struct esp_out *out)
{
	if (in)
		remove_spi(d, in);
	classifier_retire_in(d->classifier, in);
	classifier_retire_out(d->classifier, out);
	kick_all_for_answer(d);
}

void data_retire_path(struct data *d, struct path *p)
{
	classifier_retire_path(d->classifier, p);
	kick_all_for_answer(d);
}

void data_retire_limit(struct data *d, struct esp_limit *l)
{
	classifier_retire_limit(d->classifier, l);
	kick_all_for_answer(d);
}

void data_probe(struct data *d, struct esp_out *out, const void *ip, size_t n)
{
	struct data_command *command = NULL;

	if (n > ESP_PROBE_MAX)
		abort();
	/* Without the thread nothing would keep the SA alive until the command is taken. */
	if (d->runners[DATA_TX].runs)
		command = ring_reserve(d->tx.down);
	if (!command) {
		drop_count(&d->drops, DROP_PROBE_LOST);
		return;
	}
	command->look = NULL;
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
	kick_all_for_answer(d);
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
	unsigned n = 0;

	view->drops[n++] = outbound_drops(d->tx.engine);
	view->drops[n++] = &d->tx.drops;
	view->drops[n++] = &d->rx.open.drops;
	view->drops[n++] = &d->drops;
	if (!d->dispatch) {
		view->drops[n++] = inbound_drops(d->rx.open.engine);
		return;
	}
	view->drops[n++] = dispatch_drops(d->dispatch);
	for (unsigned i = 0; i < d->nworkers; i++) {
		view->drops[n++] = inbound_drops(d->workers[i].open.engine);
		view->drops[n++] = &d->workers[i].open.drops;
	}
}
