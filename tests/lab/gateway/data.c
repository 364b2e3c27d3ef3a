/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>

#include "base/mem.h"
#include "esp/esp.h"
#include "packet/packet.h"
#include "tests/lab/gateway/gateway.h"
#include "tests/sim/inner.h"

#define PAIRS_MAX 64
#define ROOM 17000
#define NEXT_IP4 4

struct pair {
	uint32_t spi_in; /* 0: none */
	uint32_t spi_out;
	unsigned owner;
	struct esp_in *in;
	struct esp_out *out;
	vtime installed_at;
	unsigned lost; /* before that */
	bool used;
};

struct lab_data {
	struct lab *lab;
	struct pair pairs[PAIRS_MAX];
	uint8_t open_room[ROOM];
	uint8_t seal_room[ROOM];
};

static void pair_make(struct pair *p, const struct ike_child *child)
{
	struct esp_sa_config config = {
		.spi = child->spi_in,
		.suite = child->suite,
		.keymat = secret_slice(&child->keymat_in),
		.ts = child->ts,
		.epoch = 1,
	};

	p->spi_in = child->spi_in;
	p->spi_out = child->spi_out;
	p->in = esp_in_new(&config, crypto_rng());
	config.spi = child->spi_out;
	config.keymat = secret_slice(&child->keymat_out);
	p->out = esp_out_new(&config, crypto_rng());
}

static void pair_drop(struct pair *p)
{
	esp_in_free(p->in);
	esp_out_free(p->out);
	*p = (struct pair){ 0 };
}

/* The pair of this child; new where there is none. NULL: there is no room. */
static struct pair *pair_of(struct lab_data *d, const struct ike_child *child)
{
	struct pair *free = NULL;

	for (unsigned i = 0; i < PAIRS_MAX; i++) {
		if (d->pairs[i].spi_in == child->spi_in)
			return &d->pairs[i];
		if (!d->pairs[i].spi_in)
			free = &d->pairs[i];
	}
	if (free)
		pair_make(free, child);
	else
		lab_say("no room for a pair");
	return free;
}

void lab_data_add(struct lab_data *d, const struct ike_child *child, unsigned owner)
{
	struct pair *p = pair_of(d, child);

	if (!p)
		return;
	p->owner = owner;
	p->installed_at = vtime_add(lab_now(), d->lab->options.late);
}

void lab_data_remove(struct lab_data *d, uint32_t spi_out)
{
	for (unsigned i = 0; i < PAIRS_MAX; i++)
		if (d->pairs[i].spi_in && d->pairs[i].spi_out == spi_out)
			pair_drop(&d->pairs[i]);
}

void lab_data_remove_of(struct lab_data *d, unsigned owner)
{
	for (unsigned i = 0; i < PAIRS_MAX; i++)
		if (d->pairs[i].spi_in && d->pairs[i].owner == owner)
			pair_drop(&d->pairs[i]);
}

void lab_data_forget(struct lab_data *d)
{
	for (unsigned i = 0; i < PAIRS_MAX; i++)
		pair_drop(&d->pairs[i]);
}

/* ---- packets ---- */

static void send_sealed(struct lab_data *d, struct pair *p, struct net_socket *s,
			const struct endpoint *from, const struct endpoint *to, struct slice inner)
{
	struct batch b;
	struct pkt *out;

	batch_init(&b, d->seal_room, sizeof(d->seal_room));
	out = batch_take(&b, ESP_HEADROOM, (uint32_t)inner.n, ESP_TAILROOM);
	memcpy(pkt_data(out), inner.p, inner.n);
	if (esp_seal(p->out, out, NEXT_IP4) == 0)
		lab_send(d->lab, s, from, to, pkt_slice(out));
}

/* Echo requests that nobody has asked for. */
void lab_data_early(struct lab_data *d, const struct ike_child *child, const struct path *path)
{
	struct pair *p = pair_of(d, child);
	uint8_t ip[28] = { 0x45, 0, 0, 28, 0, 0, 0, 0, 64, 1 };

	memcpy(ip + 12, child->ts.local.lo.b, 4);
	memcpy(ip + 16, child->ts.remote.lo.b, 4);
	ip[15]++;
	put_be16(ip + 10, packet_checksum(slice(ip, 20)));
	ip[20] = 8;
	put_be16(ip + 22, packet_checksum(slice(ip + 20, 8)));
	for (unsigned i = 0; p && i < d->lab->options.early; i++)
		send_sealed(d, p, &d->lab->natt, &path->local, &path->remote, SLICE_OF(ip));
	lab_say("sent %u packets before message 2", d->lab->options.early);
}

static struct pair *find(struct lab_data *d, struct slice esp)
{
	for (unsigned i = 0; i < PAIRS_MAX && esp.n > ESP_HEADER; i++)
		if (d->pairs[i].spi_in && d->pairs[i].spi_in == get_be32(esp.p))
			return &d->pairs[i];
	return NULL;
}

static const char *carrier(const struct lab *lab, const struct net_socket *s)
{
	if (s == &lab->cisco)
		return "cisco-udp";
	return s == &lab->esp ? "esp" : "udp";
}

static void answer(struct lab_data *d, struct pair *p, struct net_socket *s, const struct pkt *came,
		   struct pkt *opened)
{
	char text[ENDPOINT_TEXT_MAX];

	if (!p->used)
		lab_say("data by %s from %s", carrier(d->lab, s), endpoint_text(&came->from, text));
	p->used = true;
	if (inner_answer(pkt_data(opened), opened->len))
		send_sealed(d, p, s, &came->to, &came->from, pkt_slice(opened));
}

void lab_data_datagram(struct lab_data *d, struct net_socket *s, const struct pkt *came)
{
	struct pair *p = find(d, pkt_slice(came));
	uint8_t next_header;
	struct batch b;
	struct pkt *opened;
	enum drop why;

	if (!p)
		return;
	if (lab_now() < p->installed_at) {
		lab_say("lost %u", ++p->lost);
		return;
	}
	batch_init(&b, d->open_room, sizeof(d->open_room));
	opened = batch_take(&b, 0, came->len, 0);
	memcpy(pkt_data(opened), pkt_data(came), came->len);
	if (esp_open(p->in, opened, &next_header, &why) == 0 && next_header == NEXT_IP4)
		answer(d, p, s, came, opened);
}

struct lab_data *lab_data_new(struct lab *lab)
{
	struct lab_data *d = xcalloc(1, sizeof(*d));

	d->lab = lab;
	return d;
}

void lab_data_free(struct lab_data *d)
{
	lab_data_forget(d);
	free(d);
}
