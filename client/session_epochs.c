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
/* At the pace of the last look: so often at least until a limit is reached, and no faster than. */
#define WATCH_LEAST (50 * VTIME_MS)
#define WATCH_FAR (3600 * VTIME_S) /* what is farther off is not looked at for its own sake */

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

static void retire(struct session *s, struct tunnel *t, unsigned place)
{
	struct session_epoch *e = &t->epoch[place];
	struct session_effect *fx;

	log_ev(s->log, LOG_INFO, "epoch gone", log_hex("spi_in", 4, e->child.spi_in),
	       log_hex("spi_out", 4, e->child.spi_out));
	ike_child_free(&e->child);
	fx = session_effect_add(s, SESSION_EFFECT_RETIRE);
	fx->retire.in = e->in;
	fx->retire.out = e->out;
	*e = (struct session_epoch){ 0 };
	epochs_remove(&t->epochs, place);
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

/* Data is sent on the right one before any is taken away. */
void session_epochs_follow(struct session *s, vtime now, unsigned slot)
{
	struct tunnel *t = &s->tunnels[slot];
	int current = epochs_current(&t->epochs);

	publish(s, slot);
	if (!is_on_trial(t, t->prober.fresh))
		prober_end(&t->prober, t->prober.fresh);
	prober_watch(&t->prober, now, current < 0 ? 0 : t->epochs.epoch[current].id);
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

uint64_t session_epochs_carried(const struct session *s, unsigned slot)
{
	const struct tunnel *t = &s->tunnels[slot];
	uint64_t n = 0;

	for (unsigned k = 0; k < EPOCHS_MAX; k++)
		if (t->epoch[k].in)
			n += esp_counters_data(esp_in_counters(t->epoch[k].in)) +
			     esp_counters_data(esp_out_counters(t->epoch[k].out));
	return n;
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

/* True when something came on it since the last look; *back: data goes out on it again. */
static bool listen(struct tunnel *t, vtime now, unsigned k, bool *back)
{
	struct session_epoch *e = &t->epoch[k];
	uint64_t heard = e->in ? count_of(&esp_in_counters(e->in)->packets) : 0;
	bool more = heard != e->heard;

	e->heard = heard;
	if (more)
		*back |= epochs_heard(&t->epochs, now, t->epochs.epoch[k].id);
	return more;
}

bool session_epochs_listen(struct session *s, vtime now, unsigned slot)
{
	bool heard = false, back = false;

	for (unsigned k = 0; k < EPOCHS_MAX; k++)
		heard |= listen(&s->tunnels[slot], now, k, &back);
	if (back)
		session_epochs_follow(s, now, slot);
	if (heard) {
		s->heard_at = now;
		session_climb(s, LADDER_HEARD);
	}
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

static bool is_gcm(const struct esp_suite *suite)
{
	return suite->cipher == ESP_CIPHER_AES_GCM_16 || suite->cipher == ESP_CIPHER_AES_GCM_12 ||
	       suite->cipher == ESP_CIPHER_AES_GCM_8;
}

static void set_limits(const struct session *s, struct session_epoch *e)
{
	uint64_t used = s->config->first_sequence ? s->config->first_sequence - 1 : 0;

	e->packets_max = SEQUENCES_MAX - used;
	if (is_gcm(&e->child.suite) && e->packets_max > GCM_PACKETS_MAX)
		e->packets_max = GCM_PACKETS_MAX;
	e->bytes_max = e->child.keylife_bytes ? e->child.keylife_bytes : UINT64_MAX;
	if (e->child.suite.cipher == ESP_CIPHER_3DES_CBC && e->bytes_max > SMALL_BLOCK_BYTES_MAX)
		e->bytes_max = SMALL_BLOCK_BYTES_MAX;
	if (s->config->keylife_bytes && s->config->keylife_bytes < e->bytes_max)
		e->bytes_max = s->config->keylife_bytes;
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
	e->in = in ? in : session_inbound_new(s, slot, &e->child);
	e->out = esp_out_new(&out, s->rng);
	assert(e->out);
	set_limits(s, e);
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

static void log_event(struct session *s, const struct session_epoch *e, enum epoch_event event)
{
	static const char *const text[] = {
		[EPOCH_EVENT_PROVED] = "epoch proved",
		[EPOCH_EVENT_ANSWERED] = "the gateway has this epoch",
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
		       log_hex("spi_in", 4, e->child.spi_in));
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
	log_event(s, &t->epoch[place], event);
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

bool session_epochs_doubtful(const struct session *s)
{
	for (unsigned i = 0; i < s->net.ntunnels; i++)
		for (unsigned k = 0; k < EPOCHS_MAX; k++) {
			const struct epoch *e = &s->tunnels[i].epochs.epoch[k];

			if (e->state == EPOCH_CURRENT && e->doubted && !e->back && !e->spent)
				return true;
		}
	return false;
}

bool session_epochs_usable(const struct session *s)
{
	for (unsigned i = 0; i < s->net.ntunnels; i++)
		if (epochs_usable(&s->tunnels[i].epochs))
			return true;
	return false;
}

/* ---- time and counters ---- */

/* Half of the time until `left` are used up at the pace of `more` in `passed`. */
static vtime half_way(vtime passed, uint64_t left, uint64_t more)
{
	double half = (double)passed * (double)left / (double)more / 2;

	return half < (double)WATCH_FAR ? (vtime)half : VTIME_NEVER;
}

/*
 * Renews an epoch that is near a limit, or stops it at the limit. Returns when to look again: half
 * of the time that is left at the pace since the last look.
 */
static vtime limit(struct session *s, vtime now, unsigned slot, unsigned k)
{
	struct session_epoch *e = &s->tunnels[slot].epoch[k];
	const struct esp_counters *c = esp_out_counters(e->out);
	uint64_t packets = count_of(&c->packets), bytes = count_of(&c->bytes);
	uint64_t more[] = { packets - e->packets, bytes - e->bytes };
	uint64_t used[] = { packets, bytes }, max[] = { e->packets_max, e->bytes_max };
	vtime passed = now - s->watched_at, soonest = VTIME_NEVER;
	uint32_t id = s->tunnels[slot].epochs.epoch[k].id;

	e->packets = packets;
	e->bytes = bytes;
	for (unsigned i = 0; i < ARRAY_SIZE(used); i++) {
		uint64_t due = max[i] / 100 * LIMIT_PER_CENT;

		if (used[i] >= max[i])
			session_epoch_event(s, now, slot, id, EPOCH_EVENT_EXHAUSTED);
		else if (used[i] >= due && !s->tunnels[slot].epochs.epoch[k].renewed)
			session_epoch_event(s, now, slot, id, EPOCH_EVENT_REKEY);
		if (more[i] && used[i] < max[i])
			soonest = vtime_min(
				soonest, half_way(passed, (used[i] < due ? due : max[i]) - used[i],
						  more[i]));
	}
	return soonest;
}

void session_epochs_watch(struct session *s, vtime now, vtime *soonest)
{
	vtime wait = VTIME_NEVER;

	for (unsigned i = 0; i < s->net.ntunnels; i++) {
		session_epochs_listen(s, now, i);
		for (unsigned k = 0; k < EPOCHS_MAX; k++)
			if (s->tunnels[i].epoch[k].in &&
			    s->tunnels[i].epochs.epoch[k].state == EPOCH_CURRENT)
				wait = vtime_min(wait, limit(s, now, i, k));
	}
	*soonest = wait > WATCH_LEAST ? wait : WATCH_LEAST;
}

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
