/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <assert.h>

#include "client/mtu.h"
#include "gateway/gateway_impl.h"

#define LIMIT_PER_CENT 75 /* of an SA's numbers or bytes: renewal begins */
#define SEQUENCES_MAX UINT32_MAX
#define GCM_PACKETS_MAX ((uint64_t)1 << 31)
#define SMALL_BLOCK_BYTES_MAX ((uint64_t)32 << 30) /* 64-bit blocks collide early (Sweet32) */
#define SPI_MIN 0x10000

static uint64_t count_of(const _Atomic uint64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

/* ---- SPIs ---- */

static bool spi_used(const struct gateway *g, vtime now, uint32_t spi)
{
	for (unsigned k = 0; k < SPIS_MAX; k++)
		if (g->spis[k].spi == spi && now - g->spis[k].at < SPI_AGE)
			return true;
	return false;
}

uint32_t spi_choose(struct gateway *g, vtime now)
{
	uint32_t spi;

	do {
		spi = rng_u32(g->rng);
	} while (spi < SPI_MIN || spi_used(g, now, spi));
	g->spis[g->first_spi] = (struct gateway_spi){ spi, now };
	g->first_spi = (g->first_spi + 1) % SPIS_MAX;
	return spi;
}

static bool sends_with(const struct gateway_tunnel *t, uint32_t spi_out)
{
	for (unsigned k = 0; k < EPOCHS_MAX; k++)
		if (t->epoch[k].out && t->epoch[k].child.spi_out == spi_out)
			return true;
	return false;
}

bool epoch_twin(const struct gateway *g, const struct gateway_peer *p, uint32_t spi_out)
{
	for (unsigned slot = 0; slot < g->tunnels_end && spi_out; slot++) {
		const struct gateway_tunnel *t = g->tunnels[slot];

		/* The rarest first: ten thousand clients are gone through for each offer. */
		if (t && sends_with(t, spi_out) && t->peer && t->peer != p &&
		    addr_eq(&t->peer->path.remote.addr, &p->path.remote.addr))
			return true;
	}
	return false;
}

/* ---- what data threads see ---- */

/* The client's packet must have gone through its NAT (or what may be one) before ours can. */
static bool waits_for_packet(const struct gateway_peer *p)
{
	return p->path.encapsulation == ENCAPSULATION_ESP && (p->nat != NAT_NONE || !p->natt);
}

static void publish(struct gateway *g, unsigned slot)
{
	struct gateway_tunnel *t = g->tunnels[slot];
	int current = epochs_current(&t->epochs), next = epochs_next(&t->epochs);
	struct esp_out *out = current < 0 ? NULL : t->epoch[current].out;
	struct esp_out *proved = next < 0 ? NULL : t->epoch[next].out;
	struct session_effect *fx;

	if (current >= 0 && !t->epochs.epoch[current].proved && waits_for_packet(t->peer)) {
		proved = out;
		out = NULL;
	}
	if (out == t->published && proved == t->published_next)
		return;
	t->published = out;
	t->published_next = proved;
	fx = gateway_effect_add(g, SESSION_EFFECT_PUBLISH_SLOT);
	fx->slot.slot = slot;
	fx->slot.out = out;
	fx->slot.next = proved;
}

static void retire(struct gateway *g, struct gateway_tunnel *t, unsigned place)
{
	struct gateway_epoch *e = &t->epoch[place];
	struct session_effect *fx = gateway_effect_add(g, SESSION_EFFECT_RETIRE);

	t->peer->gone_in += count_of(&esp_in_counters(e->in)->bytes);
	t->peer->gone_out += count_of(&esp_out_counters(e->out)->bytes);
	ike_child_free(&e->child);
	fx->retire.in = e->in;
	fx->retire.out = e->out;
	*e = (struct gateway_epoch){ 0 };
	epochs_remove(&t->epochs, place);
}

/* It carries nothing unless something comes on it. */
static bool is_doubtful(const struct epoch *e)
{
	return e->state == EPOCH_CURRENT && e->doubted && !e->back && !e->spent;
}

/* Data is sent on the right one before any is taken away. */
static void follow(struct gateway *g, unsigned slot)
{
	struct gateway_tunnel *t = g->tunnels[slot];

	publish(g, slot);
	for (unsigned k = 0; k < EPOCHS_MAX; k++) {
		if (is_doubtful(&t->epochs.epoch[k]))
			esp_in_await(t->epoch[k].in);
		if (t->epochs.epoch[k].state == EPOCH_DEAD)
			retire(g, t, k);
	}
}

void epochs_close(struct gateway *g, unsigned slot)
{
	struct gateway_tunnel *t = g->tunnels[slot];

	for (unsigned k = 0; k < EPOCHS_MAX; k++)
		if (t->epochs.epoch[k].state != EPOCH_FREE)
			t->epochs.epoch[k].state = EPOCH_DEAD;
	follow(g, slot);
}

void epochs_moved(struct gateway *g, unsigned slot)
{
	epochs_doubt(&g->tunnels[slot]->epochs);
	follow(g, slot);
}

bool epochs_none(const struct gateway_tunnel *t)
{
	for (unsigned k = 0; k < EPOCHS_MAX; k++)
		if (t->epochs.epoch[k].state != EPOCH_FREE)
			return false;
	return true;
}

/*
 * When something came on it last, if something did since the last look; else 0. The time is written
 * behind the number, and one of before the last look is not that of the newest packet.
 */
static vtime listen(struct gateway_tunnel *t, vtime now, unsigned k)
{
	struct gateway_epoch *e = &t->epoch[k];
	const struct esp_counters *c = e->in ? esp_in_counters(e->in) : NULL;
	uint64_t heard = c ? count_of(&c->packets) : 0;
	vtime when = c ? count_of(&c->heard_at) : 0, before = e->looked_at;
	bool more = heard != e->heard;

	e->heard = heard;
	e->looked_at = now;
	if (!more)
		return 0;
	when = when > before && when < now ? when : now;
	epochs_heard(&t->epochs, when, t->epochs.epoch[k].id);
	return when;
}

static vtime listen_all(struct gateway_tunnel *t, vtime now)
{
	vtime last = 0;

	for (unsigned k = 0; k < EPOCHS_MAX; k++) {
		vtime at = listen(t, now, k);

		last = at > last ? at : last;
	}
	return last;
}

/* ---- installing ---- */

static struct esp_sa_config sa_config(const struct gateway *g, unsigned slot,
				      const struct ike_child *child, bool inbound)
{
	const struct gateway_peer *p = g->tunnels[slot]->peer;
	unsigned mtu = mtu_inner(g->config->path_mtu, p->path.remote.addr.family,
				 p->path.encapsulation, &child->suite);

	return (struct esp_sa_config){
		.spi = inbound ? child->spi_in : child->spi_out,
		.suite = child->suite,
		.keymat = secret_slice(inbound ? &child->keymat_in : &child->keymat_out),
		.ts = child->ts,
		.path = p->path,
		.slot = slot,
		.epoch = child->id,
		.mtu = mtu ? mtu : 1,
	};
}

struct esp_in *epoch_inbound_new(struct gateway *g, unsigned slot, const struct ike_child *child)
{
	struct esp_sa_config config = sa_config(g, slot, child, true);
	struct esp_in *in = esp_in_new(&config, g->rng);

	/* IKE accepted a suite of ours, with key material of its length. */
	assert(in);
	roam_limit(g->tunnels[slot]->peer, in, NULL);
	gateway_effect_add(g, SESSION_EFFECT_PUBLISH_SPI)->in = in;
	return in;
}

/* What may be sent on it. */
static struct esp_quota limits(const struct ike_child *child)
{
	enum esp_cipher c = child->suite.cipher;
	bool gcm = c == ESP_CIPHER_AES_GCM_16 || c == ESP_CIPHER_AES_GCM_12 ||
		   c == ESP_CIPHER_AES_GCM_8;
	struct esp_quota most = { gcm ? GCM_PACKETS_MAX : SEQUENCES_MAX, child->keylife_bytes };

	if (c == ESP_CIPHER_3DES_CBC && (!most.bytes || most.bytes > SMALL_BLOCK_BYTES_MAX))
		most.bytes = SMALL_BLOCK_BYTES_MAX;
	return most;
}

/* Of `most`: so much that renewal begins. */
static struct esp_quota near_of(const struct esp_quota *most)
{
	return (struct esp_quota){ most->packets / 100 * LIMIT_PER_CENT,
				   most->bytes / 100 * LIMIT_PER_CENT };
}

static void make_room(struct gateway *g, vtime now, unsigned slot)
{
	uint32_t id;

	listen_all(g->tunnels[slot], now);
	id = epochs_evictable(&g->tunnels[slot]->epochs);
	if (id)
		epoch_event(g, now, slot, id, EPOCH_EVENT_EVICTED);
}

void epoch_install(struct gateway *g, vtime now, unsigned slot, struct ike_child *child,
		   struct esp_in *in)
{
	struct gateway_tunnel *t = g->tunnels[slot];
	struct epoch_life life = gateway_life(g, now, child->keylife_s);
	struct esp_sa_config out = sa_config(g, slot, child, false);
	struct gateway_epoch *e;
	uint32_t id = child->id;
	int place;

	out.ends = life.expires_at;
	out.most = limits(child);
	out.near = near_of(&out.most);
	make_room(g, now, slot);
	place = epochs_install(&t->epochs, now, id, &life);
	/* One epoch at most carries data, so that one at least of the others could go. */
	assert(place >= 0);
	e = &t->epoch[place];
	*e = (struct gateway_epoch){ .child = *child };
	e->in = in ? in : epoch_inbound_new(g, slot, child);
	e->out = esp_out_new(&out, g->rng);
	assert(e->out);
	roam_limit(t->peer, e->in, e->out);
	secret_free(&e->child.keymat_in);
	secret_free(&e->child.keymat_out);
	follow(g, slot);
	/* Its first packet was told of when there was no epoch yet. */
	if (in && count_of(&esp_in_counters(in)->packets))
		epoch_event(g, now, slot, id, EPOCH_EVENT_PROVED);
}

/* ---- what happens to them ---- */

static struct gateway_epoch *epoch_find(struct gateway_tunnel *t, uint32_t id)
{
	for (unsigned k = 0; k < EPOCHS_MAX; k++)
		if (t->epochs.epoch[k].state != EPOCH_FREE && t->epochs.epoch[k].id == id)
			return &t->epoch[k];
	return NULL;
}

/*
 * Renewing is the client's business unless it fails to; what it has deleted or let expire it does
 * not want, and a packet that needs it asks anew.
 */
static bool is_ours_to_renew(enum epoch_event event)
{
	return event == EPOCH_EVENT_REKEY || event == EPOCH_EVENT_EXHAUSTED;
}

void epoch_event(struct gateway *g, vtime now, unsigned slot, uint32_t id, enum epoch_event event)
{
	struct gateway_tunnel *t = slot < TUNNELS_MAX ? g->tunnels[slot] : NULL;
	struct gateway_epoch *e = t && t->peer ? epoch_find(t, id) : NULL;
	unsigned actions;

	if (!e)
		return;
	actions = epochs_event(&t->epochs, now, id, event);
	if (actions & EPOCH_DELETE)
		peer_goodbye(g, t->peer, e->child.spi_in);
	if (event == EPOCH_EVENT_PROVED)
		peer_heard(g, now, t->peer);
	gateway_due(g, vtime_add(now, TICK));
	follow(g, slot);
	if ((actions & EPOCH_NEGOTIATE) && is_ours_to_renew(event))
		tunnel_negotiate(g, now, slot);
}

void epoch_deleted(struct gateway *g, vtime now, struct gateway_peer *p, uint32_t spi_out)
{
	for (unsigned n = 0; n < p->nslots; n++) {
		struct gateway_tunnel *t = g->tunnels[p->slots[n]];

		for (unsigned k = 0; k < EPOCHS_MAX; k++)
			if (t->epoch[k].out && t->epoch[k].child.spi_out == spi_out)
				epoch_event(g, now, p->slots[n], t->epochs.epoch[k].id,
					    EPOCH_EVENT_DELETED);
	}
	for (unsigned k = 0; k < PEER_NEGOTIATIONS_MAX; k++)
		if (p->negotiations[k].in && p->negotiations[k].spi_out == spi_out)
			p->negotiations[k].deleted = true;
}

/* ---- time and counters ---- */

vtime epochs_tick(struct gateway *g, vtime now, unsigned slot)
{
	struct gateway_tunnel *t = g->tunnels[slot];
	vtime heard = listen_all(t, now);
	enum epoch_event event;
	uint32_t id;

	while (epochs_due(&t->epochs, now, &id, &event))
		epoch_event(g, now, slot, id, event);
	/* What was in doubt may have been heard of. */
	follow(g, slot);
	return heard;
}

void epochs_await(const struct gateway_tunnel *t)
{
	for (unsigned k = 0; k < EPOCHS_MAX; k++)
		if (t->epoch[k].in)
			esp_in_await(t->epoch[k].in);
}

void epoch_heard(struct gateway *g, vtime now, unsigned slot)
{
	struct gateway_tunnel *t = slot < TUNNELS_MAX ? g->tunnels[slot] : NULL;
	vtime heard = t && t->peer ? listen_all(t, now) : 0;

	if (!heard)
		return;
	peer_heard(g, heard, t->peer);
	follow(g, slot);
}
