/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/runtime.h"

#include <stdlib.h>

#include "base/mem.h"

/* How many batches one wake-up may handle before others have their turn. */
#define BATCHES_PER_WAKE 8
#define REPLY_MAX 2048

struct data {
	struct host *host;
	const struct data_ops *ops;
	struct classifier *classifier;
	struct inbound *inbound;
	struct outbound *outbound;
	struct batch in; /* datagrams that came */
	struct batch out; /* packets from the TUN, then sealed */
	struct batch replies; /* what outbound answers to the TUN */
	unsigned unsent; /* packets at the end of `out` that wait for a full socket */
	struct drops drops; /* what the system refused */
};

static void data_arena(struct batch *b, size_t size)
{
	batch_init(b, xcalloc(1, size), size);
}

struct data *data_new(struct host *host, const struct data_ops *ops)
{
	struct data *d = xcalloc(1, sizeof(*d));

	d->host = host;
	d->ops = ops;
	d->classifier = classifier_new();
	d->inbound = inbound_new(d->classifier);
	d->outbound = outbound_new(d->classifier);
	data_arena(&d->in, NET_BATCH_ARENA);
	data_arena(&d->out, DATA_TUN_ARENA);
	data_arena(&d->replies, (size_t)BATCH_MAX * REPLY_MAX);
	return d;
}

void data_free(struct data *d)
{
	if (!d)
		return;
	inbound_free(d->inbound);
	outbound_free(d->outbound);
	classifier_free(d->classifier);
	free(d->in.arena);
	free(d->out.arena);
	free(d->replies.arena);
	free(d);
}

struct classifier *data_classifier(struct data *d)
{
	return d->classifier;
}

static void data_write_tun(struct data *d, struct batch *b)
{
	for (unsigned i = 0; i < b->n; i++)
		if (b->pkts[i].kind == PKT_INNER && tun_write(&d->host->tun, &b->pkts[i]) != 0)
			drop_count(&d->drops, DROP_TUN_WRITE_FAILED);
}

static void data_report(struct data *d)
{
	struct data_event ev;

	while (inbound_output(d->inbound, &ev))
		d->ops->event(d->ops->ctx, &ev);
	while (outbound_output(d->outbound, &ev))
		d->ops->event(d->ops->ctx, &ev);
}

/* The engines know the sockets by their port of the RFCs, whatever port they could get. */
static uint16_t data_port(const struct data *d, const struct net_udp *u)
{
	return u == &d->host->ike ? IKE_PORT : IKE_NATT_PORT;
}

void data_udp_ready(struct data *d, struct net_udp *u)
{
	for (int turn = 0; turn < BATCHES_PER_WAKE; turn++) {
		batch_reset(&d->in);
		if (net_udp_recv(u, &d->in) <= 0)
			break;
		for (unsigned i = 0; i < d->in.n; i++)
			d->in.pkts[i].to.port = data_port(d, u);
		inbound_run(d->inbound, runtime_now(), &d->in);
		data_write_tun(d, &d->in);
		for (unsigned i = 0; i < d->in.n; i++)
			if (d->in.pkts[i].kind == PKT_IKE)
				d->ops->ike(d->ops->ctx, &d->in.pkts[i]);
		data_report(d);
	}
}

/* What the socket refused since its counters were `before`. */
static void data_count_failed(struct data *d, const struct net_stats *before)
{
	uint64_t too_big = d->host->natt.stats.too_big - before->too_big;

	d->drops.n[DROP_SEND_FAILED] += d->host->natt.stats.failed - before->failed - too_big;
	d->drops.n[DROP_TOO_BIG] += too_big;
	if (too_big)
		outbound_path_mtu(d->outbound);
}

/* Sends what is sealed in `out`, from `first` on. */
static void data_send(struct data *d, unsigned first)
{
	struct net_stats before = d->host->natt.stats;
	unsigned n = d->out.n - first;

	d->unsent = n - net_udp_send_batch(&d->host->natt, d->out.pkts + first, n);
	data_count_failed(d, &before);
}

/* Packets that are gone are taken out, so that what is left can be sent in one go. */
static void data_close_ranks(struct batch *b)
{
	unsigned n = 0;

	for (unsigned i = 0; i < b->n; i++)
		if (b->pkts[i].kind == PKT_SEALED)
			b->pkts[n++] = b->pkts[i];
	b->n = n;
}

bool data_tun_ready(struct data *d)
{
	for (int turn = 0; turn < BATCHES_PER_WAKE && !d->unsent; turn++) {
		int n;

		batch_reset(&d->out);
		batch_reset(&d->replies);
		n = tun_read(&d->host->tun, &d->out, ESP_HEADROOM, ESP_TAILROOM);
		if (n <= 0)
			return n == 0;
		outbound_run(d->outbound, runtime_now(), &d->out, &d->replies);
		data_close_ranks(&d->out);
		data_send(d, 0);
		data_write_tun(d, &d->replies);
		data_report(d);
	}
	return true;
}

bool data_blocked(const struct data *d)
{
	return d->unsent > 0;
}

void data_unblock(struct data *d)
{
	if (d->unsent)
		data_send(d, d->out.n - d->unsent);
}

void data_retire(struct data *d, struct esp_in *in, struct esp_out *out)
{
	/* Where a sealed packet goes is written in its SA. */
	data_unblock(d);
	d->drops.n[DROP_SEND_FAILED] += d->unsent;
	d->unsent = 0;
	if (in)
		classifier_remove_spi(d->classifier, esp_in_config(in)->spi);
	esp_in_free(in);
	esp_out_free(out);
}

void data_view(const struct data *d, struct control_view *view)
{
	view->drops[0] = inbound_drops(d->inbound);
	view->drops[1] = outbound_drops(d->outbound);
	view->drops[2] = &d->drops;
}
