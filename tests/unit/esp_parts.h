/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the tests of esp/ are made of: SA configurations with known keys, inner packets, batches,
 * and ESP packets forged from any plaintext with the same keys.
 */
#ifndef GODWIT_TESTS_ESP_PARTS_H
#define GODWIT_TESTS_ESP_PARTS_H

#include <stdlib.h>

#include "crypto/crypto.h"
#include "esp/esp.h"
#include "packet/packet.h"

static const struct esp_suite suite_gcm = { ESP_CIPHER_AES_GCM_16, 128, ESP_INTEG_NONE };
static const struct esp_suite suite_cbc = { ESP_CIPHER_AES_CBC, 256, ESP_INTEG_HMAC_SHA2_256_128 };

static inline struct addr parts_addr(const char *text)
{
	struct addr a;

	if (!addr_parse(text, &a))
		abort();
	return a;
}

static inline struct ts parts_ts(const char *text)
{
	struct prefix p;

	if (!prefix_parse(text, &p))
		abort();
	return ts_from_prefix(&p);
}

static inline struct ts_pair parts_pair(const char *local, const char *remote)
{
	return (struct ts_pair){ parts_ts(local), parts_ts(remote) };
}

/* Key bytes 0x20, 0x21 …: enough for any suite. */
static inline struct slice parts_keymat(const struct esp_suite *suite)
{
	static uint8_t bytes[160];

	for (unsigned i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(0x20 + i);
	return slice(bytes, esp_suite_keymat(suite));
}

static inline struct esp_sa_config parts_config(const struct esp_suite *suite, uint32_t spi)
{
	return (struct esp_sa_config){
		.spi = spi,
		.suite = *suite,
		.keymat = parts_keymat(suite),
		.ts = parts_pair("10.1.0.0/16", "10.2.0.0/16"),
		.slot = 3,
		.epoch = 1,
		.first_sequence = 1,
	};
}

static inline struct rng *parts_rng(void)
{
	static struct rng_seed seed;
	static struct rng rng;

	rng = rng_seeded(&seed, 7);
	return &rng;
}

static inline struct esp_out *parts_out(struct esp_sa_config config)
{
	struct esp_out *sa = esp_out_new(&config, parts_rng());

	if (!sa)
		abort();
	return sa;
}

static inline struct esp_in *parts_in(struct esp_sa_config config)
{
	struct esp_in *sa = esp_in_new(&config, parts_rng());

	if (!sa)
		abort();
	return sa;
}

/* A batch with an arena of its own. */
struct parts_batch {
	struct batch b;
	uint8_t arena[BATCH_MAX * 2048];
};

static inline struct batch *parts_batch(struct parts_batch *pb)
{
	batch_init(&pb->b, pb->arena, sizeof(pb->arena));
	return &pb->b;
}

/* Appends a packet with these bytes, and all the room that sealing needs. */
static inline struct pkt *parts_take(struct batch *b, struct slice bytes)
{
	struct pkt *p = batch_take(b, ESP_HEADROOM, (uint32_t)bytes.n, ESP_TAILROOM);

	if (!p)
		abort();
	memcpy(pkt_data(p), bytes.p, bytes.n);
	return p;
}

/* An IPv4 packet of len bytes (20 at least) with one payload byte repeated. */
static inline struct slice parts_ip4(uint8_t *buf, const char *src, const char *dst, uint8_t proto,
				     uint16_t len)
{
	struct addr s = parts_addr(src), d = parts_addr(dst);

	memset(buf, 0x5a, len);
	memset(buf, 0, PACKET_IP4_HEADER);
	buf[0] = 0x45;
	put_be16(buf + 2, len);
	buf[8] = 64;
	buf[9] = proto;
	memcpy(buf + 12, s.b, 4);
	memcpy(buf + 16, d.b, 4);
	put_be16(buf + 10, packet_checksum(slice(buf, PACKET_IP4_HEADER)));
	return slice(buf, len);
}

static inline struct slice parts_udp4(uint8_t *buf, const char *src, const char *dst,
				      uint16_t dport, uint16_t len)
{
	parts_ip4(buf, src, dst, PACKET_UDP, len);
	put_be16(buf + 20, 4660);
	put_be16(buf + 22, dport);
	put_be16(buf + 24, (uint16_t)(len - 20));
	return slice(buf, len);
}

/* A TCP segment without options; its checksum is not right. */
static inline struct slice parts_tcp4(uint8_t *buf, const char *src, const char *dst,
				      uint16_t sport, uint8_t flags, uint32_t sequence)
{
	const uint16_t len = PACKET_IP4_HEADER + PACKET_TCP_HEADER;

	parts_ip4(buf, src, dst, PACKET_TCP, len);
	put_be16(buf + 20, sport);
	put_be16(buf + 22, 443);
	put_be32(buf + 24, sequence);
	buf[32] = 0x50;
	buf[33] = flags;
	return slice(buf, len);
}

static inline struct slice parts_udp6(uint8_t *buf, const char *src, const char *dst, uint16_t len)
{
	struct addr s = parts_addr(src), d = parts_addr(dst);

	memset(buf, 0x5a, len);
	memset(buf, 0, PACKET_IP6_HEADER);
	buf[0] = 0x60;
	put_be16(buf + 4, (uint16_t)(len - PACKET_IP6_HEADER));
	buf[6] = PACKET_UDP;
	buf[7] = 64;
	memcpy(buf + 8, s.b, 16);
	memcpy(buf + 24, d.b, 16);
	put_be16(buf + 44, (uint16_t)(len - PACKET_IP6_HEADER));
	return slice(buf, len);
}

/*
 * An ESP packet whose decrypted text, trailer included, is exactly `text`; text.n must suit the
 * cipher. Independent of esp_seal.
 */
static inline struct pkt *parts_forge(struct batch *b, const struct esp_sa_config *c,
				      uint32_t sequence, struct slice text)
{
	struct aead *a = aead_new(&c->suite, c->keymat, parts_rng());
	const struct esp_sizes *s = aead_sizes(a);
	struct pkt *p = batch_take(b, ESP_HEADROOM, (uint32_t)(8U + s->iv + text.n + s->icv), 0);
	uint8_t *d = p ? pkt_data(p) : NULL;

	if (!d)
		abort();
	put_be32(d, c->spi);
	put_be32(d + 4, sequence);
	memcpy(d + 8 + s->iv, text.p, text.n);
	if (aead_seal(a, sequence, slice(d, 8), d + 8, text.n) != 0)
		abort();
	aead_free(a);
	return p;
}

/* The same with a right trailer behind `inner` (1500 bytes at most). */
static inline struct pkt *parts_wrap(struct batch *b, const struct esp_sa_config *c,
				     uint32_t sequence, struct slice inner, uint8_t next_header)
{
	uint8_t text[1600];
	size_t n = inner.n;
	struct esp_sizes s;

	if (!esp_suite_sizes(&c->suite, &s))
		abort();
	memcpy(text, inner.p, inner.n);
	for (uint8_t pad = 1; (n + 2) % s.align != 0; pad++)
		text[n++] = pad;
	text[n] = (uint8_t)(n - inner.n);
	text[n + 1] = next_header;
	return parts_forge(b, c, sequence, slice(text, n + 2));
}

#endif
