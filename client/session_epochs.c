/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <assert.h>

#include "client/session_impl.h"
#include "mobility/backoff.h"

/* Renewal begins when this much of an SA's numbers or bytes is used up. */
#define LIMIT_PER_CENT 75
#define SEQUENCES_MAX UINT32_MAX
#define GCM_PACKETS_MAX ((uint64_t)1 << 31)
#define SMALL_BLOCK_BYTES_MAX ((uint64_t)32 << 30) /* 64-bit blocks collide early (Sweet32) */
#define SETTLE_MOVE 20 /* to move an SA takes a gateway a part of the time that making it does */
#define LOOK_AGAIN VTIME_S /* what came as it was put into doubt is in the counters by then */

static uint64_t count_of(const _Atomic uint64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

/* ---- what data threads see ---- */

/* When the epoch that is current may be used; 0: it may, or there is none. */
static vtime settles_at(const struct tunnel *t)
{
	int current = epochs_current(&t->epochs);

	return current < 0 || t->published ? 0 : t->epoch[current].settles_at;
}

static void publish(struct session *s, unsigned slot)
{
	struct tunnel *t = &s->tunnels[slot];
	int current = epochs_current(&t->epochs), next = epochs_next(&t->epochs);
	bool held = session_roam_holds(s);
	struct esp_out *out = current < 0 || settles_at(t) || held ? NULL : t->epoch[current].out;
	struct esp_out *proved = next < 0 || held ? NULL : t->epoch[next].out;
	struct session_effect *fx;

	if (out == t->published && proved == t->published_next)
		return;
	t->published = out;
	t->published_next = proved;
	fx = session_effect_add(s, SESSION_EFFECT_PUBLISH_SLOT);
	fx->slot.slot = slot;
	fx->slot.out = out;
	fx->slot.next = proved;
}

/* When a packet of the host's, or for it, last came or went on it. */
static vtime active_at(const struct session_epoch *e)
{
	vtime in = e->in ? count_of(&esp_in_counters(e->in)->data_at) : 0;
	vtime out = e->out ? count_of(&esp_out_counters(e->out)->data_at) : 0;

	return in > out ? in : out;
}

static void retire(struct session *s, struct tunnel *t, unsigned place)
{
	struct session_epoch *e = &t->epoch[place];
	struct session_effect *fx;

	if (active_at(e) > t->active_at)
		t->active_at = active_at(e);
	ike_child_free(&e->child);
	fx = session_effect_add(s, SESSION_EFFECT_RETIRE);
	fx->retire.in = e->in;
	fx->retire.out = e->out;
	*e = (struct session_epoch){ 0 };
	epochs_remove(&t->epochs, place);
}

/* It carries nothing unless something comes on it. */
static bool is_doubtful(const struct epoch *e)
{
	return e->state == EPOCH_CURRENT && e->doubted && !e->back && !e->spent;
}

/* Whether it works is still of interest. */
static bool is_on_trial(const struct tunnel *t, uint32_t id)
{
	for (unsigned k = 0; k < EPOCHS_MAX; k++) {
		const struct epoch *e = &t->epochs.epoch[k];

		if (e->id == id && (e->state == EPOCH_PROBING || e->state == EPOCH_CURRENT))
			return true;
	}
	return false;
}

/*
 * Nobody looks at what is in doubt: it is told of when something comes on it. What came at this very
 * moment may not be.
 */
static void await_doubtful(struct session *s, vtime now, struct tunnel *t)
{
	for (unsigned k = 0; k < EPOCHS_MAX; k++) {
		bool was = t->epoch[k].awaited;

		t->epoch[k].awaited = is_doubtful(&t->epochs.epoch[k]);
		if (was || !t->epoch[k].awaited)
			continue;
		esp_in_await(t->epoch[k].in);
		s->look_at = vtime_min(s->look_at, vtime_add(now, LOOK_AGAIN));
	}
}

/* Data is sent on the right one before any is taken away. */
void session_epochs_follow(struct session *s, vtime now, unsigned slot)
{
	struct tunnel *t = &s->tunnels[slot];
	int current = epochs_current(&t->epochs);

	publish(s, slot);
	if (!is_on_trial(t, t->prober.fresh))
		prober_end(&t->prober, t->prober.fresh);
	prober_watch(&t->prober, now, current < 0 ? 0 : t->epochs.epoch[current].id);
	await_doubtful(s, now, t);
	session_tell_epochs(s, slot);
	for (unsigned k = 0; k < EPOCHS_MAX; k++)
		if (t->epochs.epoch[k].state == EPOCH_DEAD)
			retire(s, t, k);
}

void session_epochs_release(struct session *s, vtime now, unsigned slot)
{
	struct tunnel *t = &s->tunnels[slot];
	int current = epochs_current(&t->epochs);

	if (current >= 0 && !settles_at(t) && s->config->settle)
		t->epoch[current].settles_at = vtime_add(now, s->config->settle / SETTLE_MOVE);
	session_epochs_follow(s, now, slot);
}

void session_goodbye(struct session *s, uint32_t spi)
{
	unsigned at = (s->first_goodbye + s->ngoodbyes) % SESSION_GOODBYES_MAX;

	if (s->ngoodbyes == SESSION_GOODBYES_MAX)
		return;
	s->goodbyes[at] = spi;
	s->ngoodbyes++;
}

void session_epochs_close(struct session *s, unsigned slot, bool goodbye)
{
	struct tunnel *t = &s->tunnels[slot];

	for (unsigned k = 0; k < EPOCHS_MAX; k++) {
		if (t->epochs.epoch[k].state == EPOCH_FREE)
			continue;
		if (goodbye && !t->epochs.epoch[k].deleted)
			session_goodbye(s, t->epoch[k].child.spi_in);
		t->epochs.epoch[k].state = EPOCH_DEAD;
	}
	session_epochs_follow(s, 0, slot);
}

void session_epochs_retire(struct session *s, bool goodbye)
{
	for (unsigned i = 0; i < s->net.ntunnels; i++)
		session_epochs_close(s, i, goodbye);
}

void session_epochs_stop(struct session *s, vtime now, unsigned slot)
{
	struct tunnel *t = &s->tunnels[slot];

	for (unsigned k = 0; k < EPOCHS_MAX; k++)
		if (t->epochs.epoch[k].state == EPOCH_PROBING ||
		    t->epochs.epoch[k].state == EPOCH_CURRENT)
			epochs_event(&t->epochs, now, t->epochs.epoch[k].id, EPOCH_EVENT_EXHAUSTED);
	session_epochs_follow(s, now, slot);
}

vtime session_epochs_active_at(const struct session *s, unsigned slot)
{
	const struct tunnel *t = &s->tunnels[slot];
	vtime last = 0;

	for (unsigned k = 0; k < EPOCHS_MAX; k++)
		if (active_at(&t->epoch[k]) > last)
			last = active_at(&t->epoch[k]);
	return last;
}

bool session_epochs_none(const struct session *s, unsigned slot)
{
	for (unsigned k = 0; k < EPOCHS_MAX; k++)
		if (s->tunnels[slot].epochs.epoch[k].state != EPOCH_FREE)
			return false;
	return true;
}

bool session_spi_taken(const struct session *s, uint32_t spi)
{
	for (unsigned i = 0; i < s->net.ntunnels; i++)
		for (unsigned k = 0; k < EPOCHS_MAX; k++)
			if (s->tunnels[i].epoch[k].in && s->tunnels[i].epoch[k].child.spi_in == spi)
				return true;
	return false;
}

/*
 * True when something came on it since the last look: *at, when; *back, data goes out on it again. The
 * time is written behind the number, and one of before the last look is not that of the newest packet.
 */
static bool listen(struct tunnel *t, vtime now, unsigned k, vtime *at, bool *back)
{
	struct session_epoch *e = &t->epoch[k];
	const struct esp_counters *c = e->in ? esp_in_counters(e->in) : NULL;
	uint64_t heard = c ? count_of(&c->packets) : 0;
	bool more = heard != e->heard;
	vtime when = c ? count_of(&c->heard_at) : 0;

	if (more) {
		when = when > e->looked_at && when < now ? when : now;
		*back |= epochs_heard(&t->epochs, when, t->epochs.epoch[k].id);
		*at = when > *at ? when : *at;
	}
	e->heard = heard;
	e->looked_at = now;
	return more;
}

bool session_epochs_listen(struct session *s, vtime now, unsigned slot)
{
	bool heard = false, back = false;

	for (unsigned k = 0; k < EPOCHS_MAX; k++)
		heard |= listen(&s->tunnels[slot], now, k, &s->heard_at, &back);
	if (back)
		session_epochs_follow(s, now, slot);
	if (heard)
		session_climb(s, LADDER_HEARD);
	return heard;
}

bool session_epochs_hear(struct session *s, vtime now)
{
	bool heard = false;

	for (unsigned i = 0; i < s->net.ntunnels; i++)
		heard |= session_epochs_listen(s, now, i);
	return heard;
}

/* ---- installing ---- */

static struct esp_sa_config sa_config(const struct session *s, unsigned slot,
				      const struct ike_child *child, bool inbound)
{
	return (struct esp_sa_config){
		.spi = inbound ? child->spi_in : child->spi_out,
		.suite = child->suite,
		.keymat = secret_slice(inbound ? &child->keymat_in : &child->keymat_out),
		.ts = session_ts_use(&s->net.tunnels[slot], &child->ts),
		.path = s->path,
		.slot = slot,
		.epoch = child->id,
		.first_sequence = s->config->first_sequence,
		.mtu = session_mtu_inner(s, &child->suite),
	};
}

/* The smaller of two limits, of which 0 is none. */
static uint64_t less(uint64_t a, uint64_t b)
{
	return !a || (b && b < a) ? b : a;
}

static bool is_gcm(const struct esp_suite *suite)
{
	return suite->cipher == ESP_CIPHER_AES_GCM_16 || suite->cipher == ESP_CIPHER_AES_GCM_12 ||
	       suite->cipher == ESP_CIPHER_AES_GCM_8;
}

/* Of `most`: so much that renewal begins. */
static struct esp_quota near_of(const struct esp_quota *most)
{
	return (struct esp_quota){ most->packets / 100 * LIMIT_PER_CENT,
				   most->bytes / 100 * LIMIT_PER_CENT };
}

/* What may be sent on it. */
static struct esp_quota limits(const struct session *s, const struct ike_child *child)
{
	uint64_t used = s->config->first_sequence ? s->config->first_sequence - 1 : 0;
	struct esp_quota most = { SEQUENCES_MAX - used, child->keylife_bytes };

	if (is_gcm(&child->suite) && most.packets > GCM_PACKETS_MAX)
		most.packets = GCM_PACKETS_MAX;
	if (child->suite.cipher == ESP_CIPHER_3DES_CBC)
		most.bytes = less(most.bytes, SMALL_BLOCK_BYTES_MAX);
	most.bytes = less(most.bytes, s->config->keylife_bytes);
	return most;
}

struct esp_in *session_inbound_new(struct session *s, unsigned slot, const struct ike_child *child)
{
	struct esp_sa_config config = sa_config(s, slot, child, true);
	struct esp_in *in = esp_in_new(&config, s->rng);
	struct session_effect *fx;

	/* IKE accepted a suite that we offered, with key material of its length. */
	assert(in);
	fx = session_effect_add(s, SESSION_EFFECT_PUBLISH_SPI);
	fx->in = in;
	return in;
}

static void make_sas(struct session *s, unsigned slot, struct session_epoch *e, vtime ends,
		     struct esp_in *in)
{
	struct esp_sa_config out = sa_config(s, slot, &e->child, false);
	struct session_effect *fx;

	out.ends = ends;
	out.most = limits(s, &e->child);
	out.near = near_of(&out.most);
	e->in = in ? in : session_inbound_new(s, slot, &e->child);
	e->out = esp_out_new(&out, s->rng);
	assert(e->out);
	if (s->keylog) {
		fx = session_effect_add(s, SESSION_EFFECT_KEYS);
		fx->keys.child = &e->child;
		fx->keys.path = s->path;
	}
}

static void make_room(struct session *s, vtime now, unsigned slot)
{
	uint32_t id;

	session_epochs_listen(s, now, slot);
	id = epochs_evictable(&s->tunnels[slot].epochs);
	if (id)
		session_epoch_event(s, now, slot, id, EPOCH_EVENT_EVICTED);
}

/* A gateway of our kind has its SA before its answer leaves, so before we have ours. */
static bool is_there_first(struct session *s)
{
	const struct session_ike *ike = session_ike_main(s);

	return !s->config->settle || (ike && ike->own);
}

void session_epoch_install(struct session *s, vtime now, unsigned slot, struct ike_child *child,
			   struct esp_in *in)
{
	struct tunnel *t = &s->tunnels[slot];
	struct epoch_life life = session_life(s, now, child->keylife_s);
	struct ts_pair agreed = session_ts_use(&s->net.tunnels[slot], &child->ts);
	vtime usable = now;
	int place;

	make_room(s, now, slot);
	session_probes_prepare(s, slot, &agreed);
	place = epochs_install(&t->epochs, now, child->id, &life);
	/* One epoch at most carries data, so that one at least of the others could go. */
	assert(place >= 0);
	t->epoch[place] = (struct session_epoch){ .child = *child };
	make_sas(s, slot, &t->epoch[place], life.expires_at, in);
	if (!in && !is_there_first(s))
		usable = t->epoch[place].settles_at = vtime_add(now, s->config->settle);
	session_mtu_update(s, now);
	session_epochs_follow(s, now, slot);
	/* Its first packet was told of when there was no epoch yet. */
	if (in && count_of(&esp_in_counters(in)->packets))
		session_epoch_event(s, now, slot, child->id, EPOCH_EVENT_PROVED);
	session_probes_begin(s, now, slot, child->id, usable);
}

/* ---- what happens to them ---- */

/* Its place; -1: it is gone. */
static int place_of(const struct tunnel *t, uint32_t id)
{
	for (int k = 0; k < EPOCHS_MAX; k++)
		if (t->epochs.epoch[k].state != EPOCH_FREE && t->epochs.epoch[k].id == id)
			return k;
	return -1;
}

const struct session_epoch *session_epoch_find(const struct tunnel *t, uint32_t id)
{
	int place = place_of(t, id);

	return place < 0 ? NULL : &t->epoch[place];
}

bool session_epoch_is_proved(const struct tunnel *t, uint32_t id)
{
	int place = place_of(t, id);

	return place >= 0 && t->epochs.epoch[place].proved;
}

bool session_epochs_on_trial(const struct tunnel *t)
{
	int next = epochs_next(&t->epochs);

	return next >= 0 && t->epochs.epoch[next].id == t->prober.fresh;
}

bool session_epochs_await(const struct tunnel *t)
{
	return epochs_current(&t->epochs) < 0 && session_epochs_on_trial(t);
}

/* A peer that deletes all that it is given must not have us negotiate as fast as it can. */
static void note_deleted(struct session *s, vtime now, struct tunnel *t, vtime since)
{
	t->brief = now - since < SESSION_EPOCH_LASTS ? t->brief + 1 : 0;
	if (t->brief > 1)
		t->rest_until = vtime_add(now, backoff_wait(t->brief - 1, s->rng));
}

static void log_event(struct session *s, unsigned slot, const struct session_epoch *e,
		      enum epoch_event event)
{
	static const char *const text[] = {
		[EPOCH_EVENT_PROVED] = "epoch proved",
		[EPOCH_EVENT_ANSWERED] = "the gateway has this epoch",
		[EPOCH_EVENT_EVICTED] = "epoch gives its place to another",
		[EPOCH_EVENT_UNPROVED] = "epoch given up: its pings were not answered",
		[EPOCH_EVENT_SILENT] = "epoch silent: its pings were not answered",
		[EPOCH_EVENT_DELETED] = "the gateway deleted an epoch",
		[EPOCH_EVENT_EXHAUSTED] = "epoch used up",
		[EPOCH_EVENT_EXPIRED] = "epoch expired",
		[EPOCH_EVENT_OVERDUE] = "epoch used without proof",
		[EPOCH_EVENT_REKEY] = "epoch to be renewed",
	};

	if (event < ARRAY_SIZE(text) && text[event])
		log_ev(s->log, event == EPOCH_EVENT_PROVED ? LOG_DEBUG : LOG_INFO, text[event],
		       log_u64("tunnel", slot), log_hex("spi_in", 4, e->child.spi_in));
}

void session_epoch_event(struct session *s, vtime now, unsigned slot, uint32_t id,
			 enum epoch_event event)
{
	struct tunnel *t = &s->tunnels[slot];
	int place = slot < s->net.ntunnels ? place_of(t, id) : -1;
	unsigned actions;
	vtime since;
	bool proved;

	if (place < 0)
		return;
	since = t->epochs.epoch[place].since;
	log_event(s, slot, &t->epoch[place], event);
	if (event == EPOCH_EVENT_PROVED)
		t->epoch[place].settles_at = 0;
	proved = t->epochs.epoch[place].proved;
	actions = epochs_event(&t->epochs, now, id, event);
	if (actions & EPOCH_DELETE)
		session_goodbye(s, t->epoch[place].child.spi_in);
	session_epochs_follow(s, now, slot);
	if (event == EPOCH_EVENT_PROVED) {
		session_probes_proved(s, slot, id);
		session_proved(s, now);
	}
	if (!(actions & EPOCH_NEGOTIATE) || (event == EPOCH_EVENT_SILENT && t->prober.fresh))
		return;
	if (event == EPOCH_EVENT_DELETED)
		note_deleted(s, now, t, since);
	if (event == EPOCH_EVENT_DELETED && !proved && s->state == SESSION_UP)
		session_count_failure(s, now);
	/* What is on demand waits for the next packet that needs it. */
	if (!s->net.slots[slot].on_demand || t->demanded || epochs_current(&t->epochs) >= 0)
		session_negotiate(s, now, slot);
}

void session_epoch_heard(struct session *s, vtime now, const struct data_event *ev)
{
	struct tunnel *t = &s->tunnels[ev->slot];
	int place = ev->slot < s->net.ntunnels ? place_of(t, ev->epoch) : -1;

	if (place < 0)
		return;
	t->epoch[place].awaited = false;
	session_epochs_listen(s, now, ev->slot);
	session_epochs_follow(s, now, ev->slot);
}

void session_child_deleted(struct session *s, vtime now, uint32_t spi_out)
{
	for (unsigned i = 0; i < s->net.ntunnels; i++) {
		struct tunnel *t = &s->tunnels[i];

		for (unsigned k = 0; k < EPOCHS_MAX; k++)
			if (t->epoch[k].out && t->epoch[k].child.spi_out == spi_out)
				session_epoch_event(s, now, i, t->epochs.epoch[k].id,
						    EPOCH_EVENT_DELETED);
	}
	for (unsigned k = 0; k < SESSION_NEGOTIATIONS_MAX; k++)
		if (s->negotiations[k].in && s->negotiations[k].spi_out == spi_out)
			s->negotiations[k].deleted = true;
}

void session_epochs_doubt(struct session *s, vtime now, bool lost)
{
	for (unsigned i = 0; i < s->net.ntunnels; i++) {
		session_epochs_listen(s, now, i);
		if (lost)
			epochs_doubt(&s->tunnels[i].epochs);
		else
			epochs_supersede(&s->tunnels[i].epochs);
		session_epochs_follow(s, now, i);
	}
}

bool session_epochs_usable(const struct session *s)
{
	for (unsigned i = 0; i < s->net.ntunnels; i++)
		if (epochs_usable(&s->tunnels[i].epochs))
			return true;
	return false;
}

/* ---- time ---- */

vtime session_epochs_due_at(const struct session *s)
{
	vtime first = VTIME_NEVER;

	for (unsigned i = 0; i < s->net.ntunnels; i++) {
		const struct tunnel *t = &s->tunnels[i];

		first = vtime_min(first, epochs_deadline(&t->epochs));
		if (settles_at(t))
			first = vtime_min(first, settles_at(t));
	}
	return first;
}

/* The gateway has had time to make it, too. */
static void settled(struct session *s, vtime now, unsigned slot)
{
	struct tunnel *t = &s->tunnels[slot];

	if (!settles_at(t) || settles_at(t) > now)
		return;
	t->epoch[epochs_current(&t->epochs)].settles_at = 0;
	session_epochs_follow(s, now, slot);
}

void session_epochs_due(struct session *s, vtime now)
{
	enum epoch_event event;
	uint32_t id;

	for (unsigned i = 0; i < s->net.ntunnels; i++) {
		struct tunnel *t = &s->tunnels[i];

		session_epochs_listen(s, now, i);
		while (epochs_due(&t->epochs, now, &id, &event))
			session_epoch_event(s, now, i, id, event);
		settled(s, now, i);
	}
}

void session_tunnels_wipe(struct session *s)
{
	for (unsigned i = 0; i < s->net.ntunnels; i++) {
		for (unsigned k = 0; k < EPOCHS_MAX; k++) {
			secret_free(&s->tunnels[i].epoch[k].child.keymat_in);
			secret_free(&s->tunnels[i].epoch[k].child.keymat_out);
		}
	}
}
