/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "esp/servers.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/siphash.h"
#include "packet/packet.h"

#define WAYS 8
#define SETS (SERVERS_FLOWS / WAYS)
#define SWEPT_PER_S (SETS / SERVERS_SWEEP_S)
#define KEY_MAX 40
#define IP6_FRAGMENT_ID 4 /* bytes, at the end of the header */

/* In which an entry is: what it is worth, and for how long. */
enum life {
	LIFE_FREE,
	LIFE_NEW,
	LIFE_STREAM,
	LIFE_KEPT,
	LIFE_ENDED,
	LIFE_NOTE, /* of fragments: not a flow */
};

static const uint32_t life_s[] = {
	[LIFE_NEW] = 30,  [LIFE_STREAM] = 2 * 3600 + 4 * 60, [LIFE_KEPT] = 300, [LIFE_ENDED] = 120,
	[LIFE_NOTE] = 30,
};

/* What a key is of: they have no other in common. */
enum key_kind {
	KEY_FLOW,
	KEY_PAIR, /* fragments between two addresses */
	KEY_DATAGRAM, /* fragments of one datagram */
};

/*
 * An entry, as it is in its atomic word: 34 bits that tell its flow from others of its set, 3 of
 * life, 5 of server, 22 of the second in which it was last seen.
 */
#define TIME_BITS 22
#define SERVER_BITS 5
#define LIFE_BITS 3
#define TAG_BITS 34
#define TIME_MASK ((1U << TIME_BITS) - 1)

static_assert(TIME_BITS + SERVER_BITS + LIFE_BITS + TAG_BITS == 64, "an entry is a word");
static_assert(SERVERS_MAX <= 1 << SERVER_BITS, "and names any server");

struct entry {
	uint64_t tag;
	enum life life;
	unsigned server;
	uint32_t seen;
};

struct set {
	_Alignas(64) _Atomic uint64_t ways[WAYS];
};

struct service {
	struct addr lo, hi;
	uint8_t len;
	uint32_t members; /* bits, by server */
	_Atomic uint32_t turn;
};

struct server {
	_Alignas(64) _Atomic uint64_t flows;
	_Atomic uint64_t live;
	_Atomic uint64_t packets;
	_Atomic uint64_t bytes;
};

struct servers {
	enum dispatch_select select;
	unsigned nservices;
	struct service services[SERVERS_MAX]; /* longer prefixes first */
	struct siphash_key key;
	_Atomic uint32_t there; /* bits */
	_Atomic uint32_t swept_at; /* second */
	_Atomic uint32_t swept; /* the next set */
	void *memory; /* in which all this lies */
	struct server servers[SERVERS_MAX];
	struct set sets[SETS];
};

/* A packet whose service is known. */
struct asked {
	struct servers *s;
	struct service *service;
	uint32_t there; /* of its servers */
	uint32_t now; /* s */
};

static bool service_has(const struct service *service, const struct addr *a)
{
	return addr_cmp(&service->lo, a) <= 0 && addr_cmp(a, &service->hi) <= 0;
}

/* ---- entries ---- */

static uint64_t pack(const struct entry *e)
{
	return e->tag << (LIFE_BITS + SERVER_BITS + TIME_BITS) |
	       (uint64_t)e->life << (SERVER_BITS + TIME_BITS) | (uint64_t)e->server << TIME_BITS |
	       e->seen;
}

static struct entry unpack(uint64_t word)
{
	return (struct entry){
		.tag = word >> (LIFE_BITS + SERVER_BITS + TIME_BITS),
		.life = (enum life)(word >> (SERVER_BITS + TIME_BITS) & ((1U << LIFE_BITS) - 1)),
		.server = (unsigned)(word >> TIME_BITS) & ((1U << SERVER_BITS) - 1),
		.seen = (uint32_t)word & TIME_MASK,
	};
}

static bool is_live(const struct entry *e)
{
	return e->life == LIFE_NEW || e->life == LIFE_STREAM || e->life == LIFE_KEPT;
}

/* Seconds; 0: it counts for nothing any more. */
static uint32_t time_left(const struct entry *e, uint32_t now)
{
	uint32_t age = (now - e->seen) & TIME_MASK;

	if (e->life == LIFE_FREE)
		return 0;
	/* Another thread's clock was read later. */
	if (age > TIME_MASK / 2)
		age = 0;
	return age < life_s[e->life] ? life_s[e->life] - age : 0;
}

/* Whoever changes an entry keeps the count of what lives. False: somebody else was quicker. */
static bool entry_set(struct servers *s, _Atomic uint64_t *way, uint64_t was, uint64_t is)
{
	const struct entry before = unpack(was), after = unpack(is);

	if (!atomic_compare_exchange_strong_explicit(way, &was, is, memory_order_relaxed,
						     memory_order_relaxed))
		return false;
	if (is_live(&before))
		atomic_fetch_sub_explicit(&s->servers[before.server].live, 1, memory_order_relaxed);
	if (is_live(&after))
		atomic_fetch_add_explicit(&s->servers[after.server].live, 1, memory_order_relaxed);
	return true;
}

static struct set *set_of(struct servers *s, uint64_t hash)
{
	return &s->sets[hash % SETS];
}

static uint64_t tag_of(uint64_t hash)
{
	return hash >> (64 - TAG_BITS);
}

/* The entry of this hash; NULL: there is none, or only what has expired. */
static _Atomic uint64_t *entry_find(const struct asked *a, uint64_t hash, struct entry *out)
{
	struct set *set = set_of(a->s, hash);

	for (unsigned i = 0; i < WAYS; i++) {
		*out = unpack(atomic_load_explicit(&set->ways[i], memory_order_relaxed));
		if (out->tag == tag_of(hash) && time_left(out, a->now))
			return &set->ways[i];
	}
	return NULL;
}

/*
 * In place of what has the least time left. False: somebody else has changed that, or has just made the
 * same entry.
 */
static bool entry_add(const struct asked *a, const struct entry *e, struct set *set)
{
	uint32_t least = UINT32_MAX;
	unsigned victim = 0;
	uint64_t was = 0;

	for (unsigned i = 0; i < WAYS && least; i++) {
		uint64_t word = atomic_load_explicit(&set->ways[i], memory_order_relaxed);
		const struct entry there = unpack(word);
		uint32_t left = time_left(&there, a->now);

		if (left && there.tag == e->tag)
			return false;
		if (left >= least)
			continue;
		least = left;
		victim = i;
		was = word;
	}
	return entry_set(a->s, &set->ways[victim], was, pack(e));
}

static void sweep_set(struct servers *s, struct set *set, uint32_t now)
{
	for (unsigned i = 0; i < WAYS; i++) {
		uint64_t word = atomic_load_explicit(&set->ways[i], memory_order_relaxed);
		const struct entry e = unpack(word);

		if (e.life != LIFE_FREE && !time_left(&e, now))
			entry_set(s, &set->ways[i], word, 0);
	}
}

/* As much as is due by the time that has passed: all of them in SERVERS_SWEEP_S. */
static void sweep(struct servers *s, uint32_t now)
{
	uint32_t last = atomic_load_explicit(&s->swept_at, memory_order_relaxed);
	uint32_t passed = now - last, n, first;

	/* One thread does it, and not by a clock that was read earlier. */
	if (passed == 0 || passed > UINT32_MAX / 2 ||
	    !atomic_compare_exchange_strong_explicit(&s->swept_at, &last, now, memory_order_relaxed,
						     memory_order_relaxed))
		return;
	n = passed < SERVERS_SWEEP_S ? passed * SWEPT_PER_S : SETS;
	first = atomic_fetch_add_explicit(&s->swept, n, memory_order_relaxed);
	for (uint32_t i = 0; i < n; i++)
		sweep_set(s, &s->sets[(first + i) % SETS], now);
}

/* ---- choosing ---- */

static unsigned count_bits(uint32_t v)
{
	return (unsigned)__builtin_popcount(v);
}

/* Its n-th bit, n < their number. */
static unsigned nth_bit(uint32_t v, unsigned n)
{
	while (n--)
		v &= v - 1;
	return (unsigned)__builtin_ctz(v);
}

/* Of an entry that comes and goes at once the end may be counted first: below 0 for a moment. */
static int64_t live_of(const struct servers *s, unsigned server)
{
	return (int64_t)atomic_load_explicit(&s->servers[server].live, memory_order_relaxed);
}

static unsigned choose_new(const struct asked *a)
{
	unsigned n = count_bits(a->there);
	uint32_t turn = atomic_fetch_add_explicit(&a->service->turn, 1, memory_order_relaxed);
	unsigned best = nth_bit(a->there, turn % n);

	switch (a->s->select) {
	case DISPATCH_ROUND_ROBIN:
		break;
	case DISPATCH_LEAST_LOAD:
		for (unsigned i = 1; i < n; i++) {
			unsigned other = nth_bit(a->there, (turn + i) % n);

			if (live_of(a->s, other) < live_of(a->s, best))
				best = other;
		}
		break;
	}
	return best;
}

static bool is_there(const struct asked *a, unsigned server)
{
	return a->there >> server & 1;
}

/* The server of a new entry, which another thread may just have made. */
static unsigned flow_begin(const struct asked *a, uint64_t hash, enum life life)
{
	struct entry e = { tag_of(hash), life, 0, a->now & TIME_MASK }, there;

	sweep(a->s, a->now);
	e.server = choose_new(a);
	for (unsigned tries = 0; tries < WAYS; tries++) {
		if (entry_add(a, &e, set_of(a->s, hash))) {
			atomic_fetch_add_explicit(&a->s->servers[e.server].flows, 1,
						  memory_order_relaxed);
			return e.server;
		}
		if (entry_find(a, hash, &there) && is_there(a, there.server))
			return there.server;
	}
	return e.server;
}

/* What an entry becomes by its next packet; LIFE_FREE: that is another flow. */
static enum life life_next(enum life life, bool tcp, uint8_t flags)
{
	if (life == LIFE_FREE || life == LIFE_NOTE)
		return life;
	if (!tcp)
		return LIFE_KEPT;
	if (flags & (PACKET_TCP_FIN | PACKET_TCP_RST))
		return LIFE_ENDED;
	if (life == LIFE_ENDED)
		return flags & PACKET_TCP_SYN ? LIFE_FREE : LIFE_ENDED;
	return flags & PACKET_TCP_SYN ? life : LIFE_STREAM;
}

static unsigned flow_server(const struct asked *a, uint64_t hash, bool tcp, uint8_t flags)
{
	bool ends = tcp && flags & (PACKET_TCP_FIN | PACKET_TCP_RST);
	struct entry e;
	_Atomic uint64_t *way = entry_find(a, hash, &e);
	uint64_t was = pack(&e);

	if (!way)
		return flow_begin(a, hash, ends ? LIFE_ENDED : LIFE_NEW);
	e.life = life_next(e.life, tcp, flags);
	e.seen = a->now & TIME_MASK;
	if (is_there(a, e.server) && e.life != LIFE_FREE) {
		/* Nothing is lost where another thread has changed it: it has seen a packet, too. */
		if (pack(&e) != was)
			entry_set(a->s, way, was, pack(&e));
		return e.server;
	}
	entry_set(a->s, way, was, 0);
	return flow_begin(a, hash, ends ? LIFE_ENDED : LIFE_NEW);
}

/* ---- keys ---- */

static uint64_t key_hash(const struct asked *a, enum key_kind kind, const struct tuple *t,
			 uint32_t more)
{
	uint8_t buf[KEY_MAX];
	struct wr w;

	wr_init(&w, buf, sizeof(buf));
	wr_u8(&w, (uint8_t)kind);
	wr_u8(&w, t->proto);
	wr_u32(&w, more);
	wr_slice(&w, addr_bytes(&t->src));
	wr_slice(&w, addr_bytes(&t->dst));
	return siphash(&a->s->key, wr_done(&w));
}

static uint64_t flow_hash_of(const struct asked *a, const struct tuple *t)
{
	return key_hash(a, KEY_FLOW, t, (uint32_t)t->sport << 16 | t->dport);
}

static bool has_ports(uint8_t proto)
{
	return proto == PACKET_TCP || proto == PACKET_UDP || proto == PACKET_SCTP ||
	       proto == PACKET_UDPLITE;
}

static bool is_echo(uint8_t proto, uint8_t type)
{
	return proto == PACKET_ICMP ? type == 8 : proto == PACKET_ICMP6 && type == 128;
}

/* Those that quote a packet: RFC 792, RFC 4443 section 2.1. */
static bool is_error(uint8_t proto, uint8_t type)
{
	if (proto == PACKET_ICMP)
		return type == 3 || type == 4 || type == 11 || type == 12;
	return proto == PACKET_ICMP6 && type < 128;
}

/* What of the upper layer tells flows apart, as far as it is there; its TCP flags in *flags. */
static void upper_read(struct slice upper, struct tuple *t, uint8_t *flags)
{
	uint32_t first;
	struct rd r;

	*flags = 0;
	rd_init(&r, upper);
	first = rd_u32(&r);
	if (has_ports(t->proto)) {
		t->sport = (uint16_t)(first >> 16);
		t->dport = (uint16_t)first;
	} else if (is_echo(t->proto, (uint8_t)(first >> 24))) {
		t->sport = rd_u16(&r);
	}
	if (t->proto != PACKET_TCP)
		return;
	rd_slice(&r, 9);
	*flags = rd_u8(&r);
}

/* ---- ICMP errors ---- */

/* The flow that is quoted, as its own packets go; false: there is none. */
static bool quoted_tuple(struct slice quote, struct tuple *out)
{
	struct tuple t = { 0 };
	uint8_t version, flags, words;
	struct rd r;

	rd_init(&r, quote);
	version = rd_u8(&r);
	words = version & 15;
	if (version >> 4 == 4 && words >= PACKET_IP4_HEADER / 4) {
		rd_slice(&r, 8);
		t.proto = rd_u8(&r);
		rd_u16(&r);
		addr_from_bytes(rd_slice(&r, 4), &t.src);
		addr_from_bytes(rd_slice(&r, 4), &t.dst);
		rd_slice(&r, 4U * words - PACKET_IP4_HEADER);
	} else if (version >> 4 == 6) {
		rd_slice(&r, 5);
		t.proto = rd_u8(&r);
		rd_u8(&r);
		addr_from_bytes(rd_slice(&r, 16), &t.src);
		addr_from_bytes(rd_slice(&r, 16), &t.dst);
	} else {
		return false;
	}
	if (r.bad)
		return false;
	upper_read(rd_rest(&r), &t, &flags);
	*out = (struct tuple){
		.src = t.dst, .dst = t.src, .proto = t.proto, .sport = t.dport, .dport = t.sport
	};
	return true;
}

/* The server whose packet is told of, or SERVERS_NONE: it is not known, or this is no such error. */
static int error_server(const struct asked *a, uint8_t proto, struct slice upper)
{
	struct tuple quoted;
	struct entry e;
	struct rd r;

	rd_init(&r, upper);
	if (!is_error(proto, rd_u8(&r)))
		return SERVERS_NONE;
	rd_slice(&r, 7);
	if (r.bad || !quoted_tuple(rd_rest(&r), &quoted) || !service_has(a->service, &quoted.dst) ||
	    !entry_find(a, flow_hash_of(a, &quoted), &e) || !is_there(a, e.server))
		return SERVERS_NONE;
	return (int)e.server;
}

/* ---- fragments ---- */

static void note(const struct asked *a, uint64_t hash, unsigned server)
{
	const struct entry is = { tag_of(hash), LIFE_NOTE, server, a->now & TIME_MASK };
	struct entry was;
	_Atomic uint64_t *way = entry_find(a, hash, &was);

	/* In a race any of them will do. */
	if (way)
		entry_set(a->s, way, pack(&was), pack(&is));
	else
		entry_add(a, &is, set_of(a->s, hash));
}

static bool noted(const struct asked *a, uint64_t hash, unsigned *server)
{
	struct entry e;

	if (!entry_find(a, hash, &e) || !is_there(a, e.server))
		return false;
	*server = e.server;
	return true;
}

/* IPv6: of a fragment header that stands last, as it does where there are no more options. */
static uint32_t fragment_id(struct slice packet, const struct packet_layout *l)
{
	if (l->src.family == FAMILY_IP4)
		return get_be16(packet.p + 4);
	return get_be32(packet.p + l->upper - IP6_FRAGMENT_ID);
}

static unsigned fragment_server(const struct asked *a, struct slice packet,
				const struct packet_layout *l)
{
	struct tuple t = { .src = l->src, .dst = l->dst, .proto = l->proto };
	uint64_t datagram = key_hash(a, KEY_DATAGRAM, &t, fragment_id(packet, l));
	uint64_t pair = key_hash(a, KEY_PAIR, &t, 0);
	unsigned server;
	uint8_t flags;

	if (noted(a, datagram, &server))
		return server;
	if (!l->later) {
		upper_read(slice(packet.p + l->upper, l->length - l->upper), &t, &flags);
		server = flow_server(a, flow_hash_of(a, &t), t.proto == PACKET_TCP, flags);
		note(a, pair, server);
	} else if (!noted(a, pair, &server)) {
		server = flow_server(a, flow_hash_of(a, &t), false, 0);
	}
	note(a, datagram, server);
	return server;
}

/* ---- packets ---- */

static unsigned whole_server(const struct asked *a, struct slice packet,
			     const struct packet_layout *l)
{
	struct slice upper = slice(packet.p + l->upper, l->length - l->upper);
	struct tuple t = { .src = l->src, .dst = l->dst, .proto = l->proto };
	int error = error_server(a, l->proto, upper);
	uint8_t flags;

	if (error != SERVERS_NONE)
		return (unsigned)error;
	upper_read(upper, &t, &flags);
	return flow_server(a, flow_hash_of(a, &t), t.proto == PACKET_TCP, flags);
}

static struct service *service_of(struct servers *s, const struct addr *dst)
{
	for (unsigned i = 0; i < s->nservices; i++)
		if (service_has(&s->services[i], dst))
			return &s->services[i];
	return NULL;
}

int servers_choose(struct servers *s, vtime now, struct slice packet)
{
	struct packet_layout l;
	struct asked a = { .s = s, .now = (uint32_t)(now / VTIME_S) };
	unsigned server;

	if (packet_parse(packet, &l) != 0)
		return SERVERS_NONE;
	a.service = service_of(s, &l.dst);
	if (!a.service)
		return SERVERS_NONE;
	/* Relaxed: nothing but the bits themselves is read on their account. */
	a.there = a.service->members & atomic_load_explicit(&s->there, memory_order_relaxed);
	if (!a.there)
		return SERVERS_NONE;
	server = l.fragment ? fragment_server(&a, packet, &l) : whole_server(&a, packet, &l);
	atomic_fetch_add_explicit(&s->servers[server].packets, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&s->servers[server].bytes, l.length, memory_order_relaxed);
	return (int)server;
}

/* ---- control ---- */

/* Behind those that are longer. */
static struct service *service_add(struct servers *s, const struct prefix *p)
{
	struct service is = { .len = p->len };
	unsigned at = 0;

	prefix_range(p, &is.lo, &is.hi);
	for (unsigned i = 0; i < s->nservices; i++)
		if (s->services[i].len == is.len && addr_eq(&s->services[i].lo, &is.lo))
			return &s->services[i];
	while (at < s->nservices && s->services[at].len >= is.len)
		at++;
	memmove(&s->services[at + 1], &s->services[at],
		(s->nservices++ - at) * sizeof(s->services[0]));
	s->services[at] = is;
	return &s->services[at];
}

/* Entries of a set are to lie in one line of the cache. */
static void *line_up(void *p)
{
	uintptr_t line = _Alignof(struct servers);

	return (char *)p + (line - (uintptr_t)p % line) % line;
}

struct servers *servers_new(const struct servers_config *config, struct rng *rng)
{
	void *memory = xcalloc(1, sizeof(struct servers) + _Alignof(struct servers));
	struct servers *s = line_up(memory);

	if (config->n > SERVERS_MAX)
		abort();
	s->memory = memory;
	s->select = config->select;
	rng_fill(rng, &s->key, sizeof(s->key));
	for (unsigned i = 0; i < config->n; i++) {
		service_add(s, &config->service[i])->members |= 1U << i;
		servers_set_there(s, i, true);
	}
	return s;
}

void servers_free(struct servers *s)
{
	if (s)
		free(s->memory);
}

void servers_set_there(struct servers *s, unsigned server, bool there)
{
	if (there)
		atomic_fetch_or_explicit(&s->there, 1U << server, memory_order_relaxed);
	else
		atomic_fetch_and_explicit(&s->there, ~(1U << server), memory_order_relaxed);
}

bool servers_there(const struct servers *s, unsigned server)
{
	return atomic_load_explicit(&s->there, memory_order_relaxed) >> server & 1;
}

struct servers_counters servers_counters(const struct servers *s, unsigned server)
{
	const struct server *of = &s->servers[server];
	int64_t live = live_of(s, server);

	return (struct servers_counters){
		.flows = atomic_load_explicit(&of->flows, memory_order_relaxed),
		.live = live > 0 ? (uint64_t)live : 0,
		.packets = atomic_load_explicit(&of->packets, memory_order_relaxed),
		.bytes = atomic_load_explicit(&of->bytes, memory_order_relaxed),
	};
}
