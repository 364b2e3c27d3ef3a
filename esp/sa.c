/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>

#include "base/cells.h"
#include "base/mem.h"
#include "esp/sa.h"

#define TRAILER 2 /* pad length and next header */

static struct aead *sa_aead(const struct esp_sa_config *config, struct rng *rng)
{
	if (config->spi < ESP_SPI_MIN || config->slot >= CLASSIFIER_SLOTS)
		return NULL;
	return aead_new(&config->suite, config->keymat, rng);
}

/* The number stands alone: nothing else is published with it. */
void esp_out_set_mtu(struct esp_out *sa, uint32_t mtu)
{
	atomic_store_explicit(&sa->mtu, mtu, memory_order_relaxed);
}

void esp_in_set_mtu(struct esp_in *sa, uint32_t mtu)
{
	atomic_store_explicit(&sa->mtu, mtu, memory_order_relaxed);
}

uint32_t esp_mtu_limit(const _Atomic uint32_t *mtu, enum family f)
{
	uint32_t fits = atomic_load_explicit(mtu, memory_order_relaxed);
	uint32_t least = f == FAMILY_IP6 ? ESP_MTU_MIN6 : ESP_MTU_MIN4;

	if (fits == 0)
		return UINT32_MAX;
	return fits > least ? fits : least;
}

/* The number that comes when so many packets have gone out. */
static uint64_t sequence_behind(uint64_t first, uint64_t packets)
{
	uint64_t end = (uint64_t)UINT32_MAX + 1;

	return packets && packets < end - first ? first + packets : end;
}

struct esp_out *esp_out_new(const struct esp_sa_config *config, struct rng *rng)
{
	struct aead *aead = sa_aead(config, rng);
	struct esp_out *sa;

	if (!aead)
		return NULL;
	sa = cells_take(sizeof(*sa));
	sa->config = *config;
	sa->config.keymat = SLICE_NONE;
	sa->aead = aead;
	sa->sequence = config->first_sequence ? config->first_sequence : 1;
	sa->near_sequence = config->near.packets ?
				    sequence_behind(sa->sequence, config->near.packets) :
				    UINT64_MAX;
	sa->last_sequence = sequence_behind(sa->sequence, config->most.packets) - 1;
	sa->near_bytes = config->near.bytes ? config->near.bytes : UINT64_MAX;
	sa->most_bytes = config->most.bytes ? config->most.bytes : UINT64_MAX;
	esp_out_set_mtu(sa, config->mtu);
	atomic_init(&sa->path, &sa->config.path);
	return sa;
}

struct esp_in *esp_in_new(const struct esp_sa_config *config, struct rng *rng)
{
	struct aead *aead = sa_aead(config, rng);
	struct esp_in *sa;

	if (!aead)
		return NULL;
	sa = cells_take(sizeof(*sa));
	sa->config = *config;
	sa->config.keymat = SLICE_NONE;
	sa->aead = aead;
	sa->from = path_esp_remote(&config->path);
	esp_in_set_mtu(sa, config->mtu);
	return sa;
}

const struct path *esp_out_path(const struct esp_out *sa)
{
	return atomic_load_explicit(&sa->path, memory_order_relaxed);
}

/* NULL: it is the one that it began with. */
static struct path *moved_path(struct esp_out *sa, const struct path *path)
{
	return path == &sa->config.path ? NULL : (struct path *)(uintptr_t)path;
}

struct path *esp_out_move(struct esp_out *sa, const struct path *path)
{
	struct path *to = xcalloc(1, sizeof(*to));

	*to = *path;
	return moved_path(sa, atomic_exchange_explicit(&sa->path, to, memory_order_acq_rel));
}

/* Release: who sees it sees what is in it. */
void esp_out_set_limit(struct esp_out *sa, struct esp_limit *l)
{
	atomic_store_explicit(&sa->limit, l, memory_order_release);
}

void esp_in_set_limit(struct esp_in *sa, struct esp_limit *l)
{
	atomic_store_explicit(&sa->limit, l, memory_order_release);
}

/* Relaxed: nothing is published with it. */
void esp_in_await(struct esp_in *sa)
{
	atomic_store_explicit(&sa->awaited, true, memory_order_relaxed);
}

void esp_out_free(struct esp_out *sa)
{
	if (!sa)
		return;
	free(moved_path(sa, esp_out_path(sa)));
	aead_free(sa->aead);
	cells_give(sa, sizeof(*sa));
}

void esp_in_free(struct esp_in *sa)
{
	if (!sa)
		return;
	aead_free(sa->aead);
	cells_give(sa, sizeof(*sa));
}

const struct esp_sa_config *esp_out_config(const struct esp_out *sa)
{
	return &sa->config;
}

const struct esp_sa_config *esp_in_config(const struct esp_in *sa)
{
	return &sa->config;
}

const struct esp_counters *esp_out_counters(const struct esp_out *sa)
{
	return &sa->counters;
}

const struct esp_counters *esp_in_counters(const struct esp_in *sa)
{
	return &sa->counters;
}

uint32_t esp_in_sequence(const struct esp_in *sa)
{
	return window_top(&sa->window);
}

int esp_in_owner(const struct esp_in *sa)
{
	return (int)atomic_load_explicit(&sa->worker, memory_order_relaxed) - 1;
}

/* Release: who sees it here has seen it in `packets`. */
void esp_count_own(struct esp_counters *c)
{
	uint64_t v = atomic_load_explicit(&c->own, memory_order_relaxed);

	atomic_store_explicit(&c->own, v + 1, memory_order_release);
}

uint64_t esp_counters_data(const struct esp_counters *c)
{
	/* Acquire pairs with esp_count_own: less than this is not read from `packets`. */
	uint64_t own = atomic_load_explicit(&c->own, memory_order_acquire);

	return atomic_load_explicit(&c->packets, memory_order_relaxed) - own;
}

static uint32_t sa_padding(const struct esp_sizes *s, uint32_t len)
{
	return (s->align - (len + TRAILER) % s->align) % s->align;
}

/* Relaxed: the SA is whole by its publication, and nobody has written to it before its worker. */
uint32_t esp_in_worker(struct esp_in *sa, uint32_t worker)
{
	uint32_t has = atomic_load_explicit(&sa->worker, memory_order_relaxed);

	if (has == 0 &&
	    atomic_compare_exchange_strong_explicit(&sa->worker, &has, worker + 1,
						    memory_order_relaxed, memory_order_relaxed))
		return worker;
	return has - 1;
}

uint32_t esp_sealed_length(const struct esp_out *sa, uint32_t len)
{
	const struct esp_sizes *s = aead_sizes(sa->aead);

	return ESP_HEADER + s->iv + len + sa_padding(s, len) + TRAILER + s->icv;
}

static void sa_put_trailer(struct pkt *p, uint32_t padding, uint8_t next_header, uint8_t icv)
{
	uint8_t *t = pkt_put(p, padding + TRAILER + icv);

	for (uint32_t i = 0; i < padding; i++)
		t[i] = (uint8_t)(i + 1);
	t[padding] = (uint8_t)padding;
	t[padding + 1] = next_header;
}

int esp_seal(struct esp_out *sa, struct pkt *p, uint8_t next_header)
{
	const struct esp_sizes *s = aead_sizes(sa->aead);
	uint32_t inner = p->len;
	uint32_t padding = sa_padding(s, inner);
	uint64_t sequence = sa->sequence;
	uint8_t *head;

	if (sequence > sa->last_sequence)
		return ERR_EXHAUSTED;
	sa->sequence++;
	sa_put_trailer(p, padding, next_header, s->icv);
	head = pkt_push(p, (uint32_t)ESP_HEADER + s->iv);
	put_be32(head, sa->config.spi);
	put_be32(head + 4, (uint32_t)sequence);
	/* What failed to be sealed is still plaintext: it must never go on. */
	if (aead_seal(sa->aead, sequence, slice(head, ESP_HEADER), head + ESP_HEADER,
		      inner + padding + TRAILER) != 0)
		abort();
	p->path = atomic_load_explicit(&sa->path, memory_order_acquire);
	counter_add(&sa->counters.packets, 1);
	counter_add(&sa->counters.bytes, inner);
	return 0;
}

/* RFC 4303 section 2.4: the padding counts 1, 2, 3 …. What is left is the payload. */
static bool sa_take_trailer(struct pkt *p, uint8_t *next_header)
{
	struct slice text = pkt_slice(p);
	uint32_t padding, payload;

	if (text.n < TRAILER)
		return false;
	*next_header = text.p[text.n - 1];
	padding = text.p[text.n - 2];
	if (padding > text.n - TRAILER)
		return false;
	payload = (uint32_t)text.n - TRAILER - padding;
	for (uint32_t i = 0; i < padding; i++)
		if (text.p[payload + i] != i + 1)
			return false;
	pkt_trim(p, payload);
	return true;
}

static int sa_refuse(enum drop *why, enum drop reason, int err)
{
	*why = reason;
	return err;
}

int esp_open(struct esp_in *sa, struct pkt *p, uint8_t *next_header, enum drop *why)
{
	const struct esp_sizes *s = aead_sizes(sa->aead);
	uint32_t around = (uint32_t)ESP_HEADER + s->iv + s->icv;
	uint8_t *head = pkt_data(p);
	uint32_t spi, sequence;
	struct rd r;

	rd_init(&r, pkt_slice(p));
	spi = rd_u32(&r);
	sequence = rd_u32(&r);
	if (r.bad || p->len < around + s->align || (p->len - around) % s->align != 0)
		return sa_refuse(why, DROP_ESP_LENGTH, ERR_MALFORMED);
	if (spi != sa->config.spi)
		return sa_refuse(why, DROP_UNKNOWN_SPI, ERR_UNEXPECTED);
	if (!window_check(&sa->window, sequence)) {
		counter_add(&sa->counters.replays, 1);
		return sa_refuse(why, DROP_REPLAY, ERR_REPLAY);
	}
	if (aead_open(sa->aead, slice(head, ESP_HEADER), head + ESP_HEADER, p->len - around) != 0) {
		counter_add(&sa->counters.auth_failures, 1);
		return sa_refuse(why, DROP_ICV, ERR_AUTH);
	}
	sa->newest = sequence > window_top(&sa->window);
	window_accept(&sa->window, sequence);
	pkt_pull(p, (uint32_t)ESP_HEADER + s->iv);
	pkt_trim(p, p->len - s->icv);
	if (!sa_take_trailer(p, next_header))
		return sa_refuse(why, DROP_ESP_PADDING, ERR_MALFORMED);
	counter_add(&sa->counters.packets, 1);
	counter_add(&sa->counters.bytes, p->len);
	return 0;
}
