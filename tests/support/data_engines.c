/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/support/data_engines.h"

#define ARENA 16384

void data_engines_init(struct data_engines *d, size_t hold_bytes, data_engines_send send, void *ctx)
{
	const struct outbound_config hold = { hold_bytes, 30 * VTIME_S };

	d->classifier = classifier_new();
	d->outbound = outbound_new(d->classifier, &hold);
	d->inbound = inbound_new(d->classifier);
	d->early = early_new(d->classifier, &d->early_drops);
	inbound_set_early(d->inbound, d->early);
	d->send = send;
	d->ctx = ctx;
}

void data_engines_free(struct data_engines *d)
{
	outbound_free(d->outbound);
	inbound_free(d->inbound);
	early_free(d->early);
	classifier_free(d->classifier);
}

/* ---- what goes out ---- */

void data_engines_send_batch(const struct data_engines *d, const struct batch *b)
{
	for (unsigned i = 0; i < b->n; i++) {
		const struct pkt *p = &b->pkts[i];
		struct endpoint from, to;

		if (p->kind != PKT_SEALED)
			continue;
		from = p->path->local;
		to = path_esp_remote(p->path);
		if (p->path->encapsulation == ENCAPSULATION_ESP)
			from.port = to.port = ESP_PORT_BARE;
		d->send(d->ctx, &from, &to, pkt_slice(p));
	}
}

void data_engines_release(struct data_engines *d, vtime now)
{
	uint8_t arena[ARENA], reply_arena[ARENA];
	struct batch b, replies;
	bool more = true;

	while (more) {
		batch_init(&b, arena, sizeof(arena));
		batch_init(&replies, reply_arena, sizeof(reply_arena));
		more = outbound_release(d->outbound, now, &b, &replies);
		data_engines_send_batch(d, &b);
	}
}

void data_engines_send_inner(struct data_engines *d, vtime now, struct slice ip)
{
	uint8_t arena[ARENA], reply_arena[ARENA];
	struct batch b, replies;

	data_engines_release(d, now);
	batch_init(&b, arena, sizeof(arena));
	batch_init(&replies, reply_arena, sizeof(reply_arena));
	memcpy(pkt_data(batch_take(&b, ESP_HEADROOM, (uint32_t)ip.n, ESP_TAILROOM)), ip.p, ip.n);
	outbound_run(d->outbound, now, &b, &replies);
	data_engines_send_batch(d, &b);
}

/* ---- effects ---- */

/* As tx does, which takes it before anything else. */
static void probe(struct data_engines *d, const struct session_effect *fx)
{
	uint8_t arena[ARENA];
	struct batch b;

	batch_init(&b, arena, sizeof(arena));
	if (outbound_probe(d->outbound, fx->probe.out, fx->probe.bytes, fx->probe.n, &b))
		data_engines_send_batch(d, &b);
}

static void retire(struct data_engines *d, const struct session_effect *fx)
{
	if (fx->retire.in)
		classifier_remove_spi(d->classifier, esp_in_config(fx->retire.in)->spi);
	esp_in_free(fx->retire.in);
	esp_out_free(fx->retire.out);
}

static bool withdraw(struct data_engines *d, uint32_t spi)
{
	bool offered = classifier_spi_offered(d->classifier, spi);

	classifier_withdraw_spi(d->classifier, spi);
	return offered;
}

bool data_engines_effect(struct data_engines *d, const struct session_effect *fx)
{
	if (fx->type == SESSION_EFFECT_PUBLISH_RULES) {
		classifier_rules_free(classifier_publish_view(d->classifier, &fx->rules));
	} else if (fx->type == SESSION_EFFECT_PUBLISH_SLOT) {
		classifier_set_current(d->classifier, fx->slot.slot, fx->slot.out);
		if (fx->slot.next)
			classifier_set_next(d->classifier, fx->slot.slot, fx->slot.next);
	} else if (fx->type == SESSION_EFFECT_PUBLISH_SPI) {
		return classifier_add_spi(d->classifier, fx->in) == 0;
	} else if (fx->type == SESSION_EFFECT_OFFER_SPI) {
		classifier_offer_spi(d->classifier, fx->offer.spi);
	} else if (fx->type == SESSION_EFFECT_WITHDRAW_SPI) {
		return withdraw(d, fx->offer.spi);
	} else if (fx->type == SESSION_EFFECT_REFUSE_SLOT) {
		classifier_set_refused(d->classifier, fx->refuse.slot, fx->refuse.until);
	} else if (fx->type == SESSION_EFFECT_PROBE) {
		probe(d, fx);
	} else if (fx->type == SESSION_EFFECT_PROBE_KEY) {
		classifier_set_probe_key(d->classifier, &fx->probe_key);
	} else if (fx->type == SESSION_EFFECT_RETIRE) {
		retire(d, fx);
	} else if (fx->type == SESSION_EFFECT_RETIRE_PATH) {
		classifier_retire_path(d->classifier, fx->old_path);
	} else if (fx->type == SESSION_EFFECT_RETIRE_LIMIT) {
		classifier_retire_limit(d->classifier, fx->old_limit);
	}
	return true;
}

/* ---- what comes in ---- */

struct pkt *data_engines_receive(struct data_engines *d, vtime now, const struct endpoint *from,
				 const struct endpoint *to, struct slice bytes, struct batch *b)
{
	struct pkt *p = batch_take(b, 0, (uint32_t)bytes.n, 0);

	memcpy(pkt_data(p), bytes.p, bytes.n);
	p->from = *from;
	p->to = *to;
	inbound_run(d->inbound, now, b);
	return p;
}

void data_engines_release_early(struct data_engines *d, vtime now,
				void (*take)(void *ctx, const struct pkt *p), void *ctx)
{
	struct batch b;
	bool more = true;

	while (more) {
		batch_init(&b, NULL, 0);
		more = inbound_release(d->inbound, now, &b);
		for (unsigned i = 0; i < b.n; i++)
			if (b.pkts[i].kind == PKT_INNER)
				take(ctx, &b.pkts[i]);
	}
}

vtime data_engines_deadline(const struct data_engines *d)
{
	return vtime_min(inbound_deadline(d->inbound), outbound_deadline(d->outbound));
}

bool data_engines_output(struct data_engines *d, struct data_event *out)
{
	return outbound_output(d->outbound, out) || inbound_output(d->inbound, out);
}
