/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/data.h"

#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>

/* How many batches one wake-up may handle before others have their turn. */
#define BATCHES_PER_WAKE 8
/* Where no more than this comes at once, it is not worth to look for more: epoll tells of it. */
#define FEW 4
/* How many batches of what is held come before one from the TUN: all, unless others would starve. */
#define RELEASES_PER_TURN 20
#define WAIT_MAX_MS 60000
#define PATIENCE (100 * VTIME_MS) /* with a full socket */

/* ---- up to control ---- */

void data_line_wake(struct data_line *l)
{
	if (!l->news)
		return;
	l->news = false;
	eventfd_write(l->fd, 1);
}

/* The place of the next note. NULL when there is none: control hears of it, and asks again. */
static struct data_note *line_reserve(struct data_line *l)
{
	struct data_note *note = ring_reserve(l->ring);

	if (!note) {
		/* Relaxed: one writer, and the eventfd orders it for control. */
		uint64_t n = atomic_load_explicit(&l->full, memory_order_relaxed);

		atomic_store_explicit(&l->full, n + 1, memory_order_relaxed);
		l->news = true;
	}
	return note;
}

static void line_commit(struct data_line *l)
{
	ring_commit(l->ring);
	l->news = true;
}

/* Milliseconds, as epoll_wait has them. */
static int wait_until(vtime deadline)
{
	vtime wait;

	if (deadline == VTIME_NEVER)
		return -1;
	wait = vtime_until(runtime_now(), deadline) / VTIME_MS;
	return wait < WAIT_MAX_MS ? (int)wait + 1 : WAIT_MAX_MS;
}

/* An event leaves its engine only when there is room for it: none is lost here. */
void data_tx_report(struct data_tx *t)
{
	struct data_note *note;

	for (unsigned i = 0; i < ARRAY_SIZE(t->looked); i++) {
		if (!t->looked[i] || !(note = line_reserve(&t->up)))
			continue;
		note->type = DATA_NOTE_LOOK;
		note->look = t->looked[i];
		t->looked[i] = NULL;
		line_commit(&t->up);
	}
	while ((note = line_reserve(&t->up)) && outbound_output(t->engine, &note->event)) {
		note->type = DATA_NOTE_EVENT;
		line_commit(&t->up);
	}
}

void data_open_report(struct data_open *o)
{
	struct data_note *note;

	while (o->engine && (note = line_reserve(&o->up)) &&
	       inbound_output(o->engine, &note->event)) {
		note->type = DATA_NOTE_EVENT;
		line_commit(&o->up);
	}
}

/* ---- tx ---- */

static void tx_reply(struct data_tx *t)
{
	for (unsigned i = 0; i < t->replies.n; i++)
		if (t->replies.pkts[i].kind == PKT_INNER &&
		    tun_write(t->tun, pkt_slice(&t->replies.pkts[i])) != 0)
			drop_count(&t->drops, DROP_TUN_WRITE_FAILED);
}

/* Packets that are gone are taken out, so that what is left can be sent in one go. */
static void close_ranks(struct batch *b)
{
	unsigned n = 0;

	for (unsigned i = 0; i < b->n; i++)
		if (b->pkts[i].kind == PKT_SEALED)
			b->pkts[n++] = b->pkts[i];
	b->n = n;
}

static struct net_socket *tx_socket(struct data_tx *t, const struct pkt *p)
{
	switch (p->path->encapsulation) {
	case ENCAPSULATION_UDP:
	case ENCAPSULATION_TCP: /* not spoken: no path has it */
		break;
	case ENCAPSULATION_ESP:
		return &t->esp;
	case ENCAPSULATION_CISCO_UDP:
		return &t->cisco;
	}
	return &t->natt;
}

/* How many packets, from the first on, go out of the same socket. */
static unsigned tx_same(const struct pkt *pkts, unsigned n)
{
	unsigned i = 1;

	while (i < n && pkts[i].path->encapsulation == pkts[0].path->encapsulation)
		i++;
	return i;
}

/* Packets of one socket; how many are done with. */
static unsigned tx_send_same(struct data_tx *t, const struct pkt *pkts, unsigned n)
{
	struct net_socket *s = tx_socket(t, pkts);
	struct net_stats before = s->stats;
	unsigned done = net_socket_send_batch(s, pkts, n);
	uint64_t too_big = s->stats.too_big - before.too_big;

	drop_add(&t->drops, DROP_SEND_FAILED, s->stats.failed - before.failed - too_big);
	drop_add(&t->drops, DROP_TOO_BIG, too_big);
	if (too_big)
		outbound_path_mtu(t->engine);
	return done;
}

/* Sends packets from `first` on, and returns the first one that its socket has no room for. */
static unsigned tx_send(struct data_tx *t, unsigned first)
{
	while (first < t->out.n) {
		const struct pkt *pkts = t->out.pkts + first;
		unsigned same = tx_same(pkts, t->out.n - first);
		unsigned done = tx_send_same(t, pkts, same);

		first += done;
		if (done < same)
			break;
	}
	return first;
}

/* Only the socket of the packet that is next: another may well have room. */
static void tx_wait_for_room(struct data_tx *t, const struct pkt *next, vtime until)
{
	struct pollfd p = { .fd = tx_socket(t, next)->full, .events = POLLOUT };

	poll(&p, 1, (int)(vtime_until(runtime_now(), until) / VTIME_MS) + 1);
}

/* Nothing of the batch is left afterwards: its packets' paths lie in SAs that may be retired. */
static void tx_send_all(struct data_tx *t)
{
	unsigned next = tx_send(t, 0);
	vtime until;

	if (next == t->out.n)
		return;
	until = vtime_add(runtime_now(), PATIENCE);
	while (next < t->out.n && runtime_now() < until) {
		tx_wait_for_room(t, &t->out.pkts[next], until);
		next = tx_send(t, next);
	}
	drop_add(&t->drops, DROP_SEND_FAILED, t->out.n - next);
}

static void tx_probe(struct data_tx *t, vtime now, const struct data_command *command)
{
	const vtime ends = esp_out_config(command->out)->ends;

	/* The host may have slept since it was given. */
	if (ends && ends <= now)
		drop_add(&t->drops, DROP_PROBE_LOST, 1);
	else
		outbound_probe(t->engine, command->out, command->bytes, command->n, &t->out);
}

static void tx_look(struct data_tx *t, struct data_look *l)
{
	l->more = outbound_look_at(t->engine, &l->look);
	t->looked[l->look.held != NULL] = l;
}

/* As many commands as a batch takes; how many. */
static unsigned tx_commands(struct data_tx *t)
{
	const struct data_command *command;
	vtime now = runtime_now();
	unsigned n = 0;

	batch_reset(&t->out);
	for (; n < BATCH_MAX && (command = ring_peek(t->down)); n++) {
		if (command->look)
			tx_look(t, command->look);
		else
			tx_probe(t, now, command);
		ring_release(t->down);
	}
	tx_send_all(t);
	return n;
}

/*
 * The ring is looked at between seeing a publication and passing it: an SA in a command was retired
 * behind it, if at all, so that whoever sees the retirement sees the command. What was there when we
 * looked is no more than the ring holds.
 */
void data_tx_pass(struct data_tx *t)
{
	uint64_t newest = classifier_newest(t->classifier);
	unsigned n, done = 0;

	do {
		n = tx_commands(t);
		done += n;
	} while (n && done < DATA_COMMANDS);
	batch_reset(&t->out);
	classifier_pass_to(t->reader, newest);
}

static void tx_begin(struct data_tx *t)
{
	data_tx_pass(t);
	batch_reset(&t->out);
	batch_reset(&t->replies);
}

static void tx_finish(struct data_tx *t)
{
	close_ranks(&t->out);
	tx_send_all(t);
	tx_reply(t);
	data_tx_report(t);
	data_line_wake(&t->up);
}

void data_tx_release(struct data_tx *t)
{
	t->more = false;
	for (int turn = 0; turn < RELEASES_PER_TURN; turn++) {
		if (outbound_deadline(t->engine) == VTIME_NEVER)
			return;
		tx_begin(t);
		t->more = outbound_release(t->engine, runtime_now(), &t->out, &t->replies);
		tx_finish(t);
		if (!t->more)
			return;
	}
}

int data_tx_wait(const struct data_tx *t)
{
	return t->more ? 0 : wait_until(outbound_deadline(t->engine));
}

bool data_tx_run(struct data_tx *t)
{
	/* The device does not tell of what has been read already. */
	for (int turn = 0; turn < BATCHES_PER_WAKE || tun_intake_waits(&t->intake); turn++) {
		int n;

		data_tx_release(t);
		tx_begin(t);
		n = tun_read(t->tun, &t->intake, &t->out, ESP_HEADROOM, ESP_TAILROOM);
		if (n <= 0)
			return n == 0;
		outbound_run(t->engine, runtime_now(), &t->out, &t->replies);
		tx_finish(t);
		if (n < FEW && !tun_intake_waits(&t->intake))
			return true;
	}
	return true;
}

/* ---- opening, on rx or on a worker ---- */

/* Nothing of what has arrived for this device is needed afterwards. */
static void open_write_out(struct data_open *o, struct data_out *out)
{
	while (coalesce_output(&out->joined, &o->write))
		drop_add(&o->drops, DROP_TUN_WRITE_FAILED,
			 tun_write_run(out->tun, &o->write, &out->takes));
	coalesce_begin(&out->joined, out->takes);
}

static void open_write(struct data_open *o)
{
	for (unsigned i = 0; i < o->nouts; i++)
		open_write_out(o, &o->outs[i]);
}

static struct data_out *open_out(const struct data_open *o, vtime now, struct slice packet)
{
	return &o->outs[o->servers ? 1 + servers_choose(o->servers, now, packet) : 0];
}

/* Written later, with what else has arrived, where the device takes many in one piece. */
static void open_give(struct data_open *o, vtime now, struct slice packet)
{
	struct data_out *out = open_out(o, now, packet);

	if (!out->tun->vnet) {
		if (tun_write(out->tun, packet) != 0)
			drop_count(&o->drops, DROP_TUN_WRITE_FAILED);
	} else if (!coalesce_add(&out->joined, packet)) {
		open_write_out(o, out);
		coalesce_add(&out->joined, packet);
	}
}

static void open_pass_on(struct data_open *o, vtime now)
{
	for (unsigned i = 0; i < o->in.n; i++)
		if (o->in.pkts[i].kind == PKT_INNER)
			open_give(o, now, pkt_slice(&o->in.pkts[i]));
}

static void open_batch(struct data_open *o)
{
	vtime now = runtime_now();

	inbound_run(o->engine, now, &o->in);
	open_pass_on(o, now);
}

static void open_tell(struct data_open *o)
{
	data_open_report(o);
	data_line_wake(&o->up);
}

/* ---- rx ---- */

static void rx_ike(struct data_open *o, const struct pkt *p)
{
	struct data_note *note;

	if (p->len > IKE_MESSAGE_MAX) {
		drop_count(&o->drops, DROP_IKE_TOO_LONG);
		return;
	}
	note = line_reserve(&o->up);
	if (!note) {
		drop_count(&o->drops, DROP_IKE_QUEUE_FULL);
		return;
	}
	note->type = DATA_NOTE_IKE;
	note->from = p->from;
	note->to = p->to;
	note->len = p->len;
	memcpy(note->bytes, pkt_data(p), p->len);
	line_commit(&o->up);
}

/* The engines know the sockets by the ports of the RFCs, whatever ports they could get. */
static uint16_t rx_port(const struct data_rx *r, const struct net_socket *s)
{
	return s == &r->ike ? IKE_PORT : s == &r->natt ? IKE_NATT_PORT : ESP_PORT_BARE;
}

/* An intake may be more than a lane holds: the workers begin while the rest is passed on. */
static void rx_hand_over(struct data_rx *r)
{
	for (uint32_t news = dispatch_flush(r->dispatch); news; news &= news - 1)
		eventfd_write(r->worker_kicks[__builtin_ctz(news)], 1);
}

static void rx_batch(struct data_rx *r, uint16_t port)
{
	struct batch *in = &r->open.in;

	for (unsigned i = 0; i < in->n; i++)
		in->pkts[i].to.port = port;
	if (r->dispatch) {
		dispatch_run(r->dispatch, runtime_now(), in);
		rx_hand_over(r);
	} else {
		open_batch(&r->open);
	}
	for (unsigned i = 0; i < in->n; i++)
		if (in->pkts[i].kind == PKT_IKE)
			rx_ike(&r->open, &in->pkts[i]);
}

static bool rx_release(struct data_rx *r)
{
	struct data_open *o = &r->open;
	vtime now = runtime_now();
	bool more;

	if (r->dispatch)
		return dispatch_release(r->dispatch, now, &o->in);
	more = inbound_release(o->engine, now, &o->in);
	open_pass_on(o, now);
	return more;
}

/* The packets are written before anything else comes to lie where they are. */
void data_rx_release(struct data_rx *r)
{
	bool more = early_waits(r->early);

	while (more) {
		classifier_pass(r->open.classifier, r->open.reader);
		batch_reset(&r->open.in);
		more = rx_release(r);
		if (r->dispatch)
			rx_hand_over(r);
		else
			open_write(&r->open);
		open_tell(&r->open);
	}
}

int data_rx_wait(const struct data_rx *r)
{
	return early_waits(r->early) ? wait_until(early_deadline(r->early)) : -1;
}

/* Receives, and opens or passes on, as much as one call gives. True when there may be more. */
static bool rx_intake(struct data_rx *r, struct net_socket *s, enum family f)
{
	struct data_open *o = &r->open;
	uint16_t port = rx_port(r, s);

	if (net_socket_recv(s, f, &r->intake) <= 0)
		return false;
	drop_add(&o->drops, DROP_RECEIVE_LOST, r->intake.lost);
	while (net_intake_take(&r->intake, &o->in)) {
		classifier_pass(o->classifier, o->reader);
		rx_batch(r, port);
		open_tell(o);
	}
	if (!r->dispatch)
		open_write(o);
	return r->intake.n >= FEW || r->intake.large;
}

vtime data_rx_run(struct data_rx *r, struct net_socket *s, enum family f)
{
	vtime woken = s->raw ? runtime_now() : 0;
	unsigned n = 0;

	for (int turn = 0; turn < BATCHES_PER_WAKE; turn++) {
		bool more;

		data_rx_release(r);
		more = rx_intake(r, s, f);
		n += r->intake.n;
		if (!more)
			return s->raw ? net_gather(&r->gather, woken, n, runtime_now()) : 0;
	}
	return 0;
}

/* ---- a worker ---- */

bool data_worker_run(struct data_worker *w)
{
	struct data_open *o = &w->open;

	classifier_pass(o->classifier, o->reader);
	if (dispatch_take(w->dispatch, w->number, &o->in) == 0)
		return false;
	open_batch(o);
	open_write(o);
	dispatch_done(w->dispatch, w->number);
	open_tell(o);
	return true;
}
