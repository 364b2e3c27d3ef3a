/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Datagrams through the inbound engine with two SAs, whose keys are known here, so that inputs get
 * past the ICV as well. An input is a row of packets, each
 *
 *	byte 0     what to make of the bytes, modulo 4: see enum mode
 *	byte 1     bits 0-1 outer ECN, bit 2 from another port, bit 3 to port 500, bit 4 bare
 *	byte 2-3   the sequence number of a sealed packet
 *	byte 4-5   how many bytes follow (or all that are left)
 */
#include "tests/unit/esp_parts.h"

#define SPI_GCM 0x1000
#define SPI_CBC 0x2000
#define BYTES_MAX 2000

enum mode {
	MODE_DATAGRAM, /* the bytes are the UDP payload */
	MODE_KNOWN_SPI, /* they follow the first SA's SPI */
	MODE_SEAL_GCM, /* they are the text, trailer included, that the ICV protects */
	MODE_SEAL_CBC,
};

struct target {
	struct classifier *classifier;
	struct inbound *inbound;
	struct esp_sa_config config[2];
	struct esp_in *sa[2];
	unsigned packets;
	unsigned passed; /* neither dropped nor counted */
};

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void target_new(struct target *t)
{
	*t = (struct target){ .classifier = classifier_new() };
	t->inbound = inbound_new(t->classifier);
	t->config[0] = parts_config(&suite_gcm, SPI_GCM);
	t->config[1] = parts_config(&suite_cbc, SPI_CBC);
	t->config[1].ts = parts_pair("2001:db8:1::/48", "::/0");
	for (unsigned i = 0; i < 2; i++) {
		t->sa[i] = parts_in(t->config[i]);
		must(classifier_add_spi(t->classifier, t->sa[i]) == 0);
	}
}

static void target_free(struct target *t)
{
	inbound_free(t->inbound);
	classifier_free(t->classifier);
	esp_in_free(t->sa[0]);
	esp_in_free(t->sa[1]);
	must(secret_pool_used() == 0);
}

/* What may be written to the TUN is a whole packet within the selectors of one of the SAs. */
static void check_inner(const struct target *t, const struct pkt *p)
{
	struct tuple tuple;
	uint32_t length;

	must(packet_tuple_length(pkt_slice(p), &tuple, &length) == 0);
	must(length == p->len);
	must(ts_pair_match_in(&t->config[0].ts, &tuple) ||
	     ts_pair_match_in(&t->config[1].ts, &tuple));
}

/* The datagram in a block of exactly its size, alone in a batch. */
static void target_run(struct target *t, struct slice datagram, uint8_t flags)
{
	static struct batch b;
	uint8_t *own = malloc(datagram.n ? datagram.n : 1);
	struct pkt *p = &b.pkts[0];
	struct data_event e;

	must(own != NULL);
	if (datagram.n)
		memcpy(own, datagram.p, datagram.n);
	b.n = 1;
	*p = (struct pkt){
		.base = own,
		.size = (uint32_t)datagram.n,
		.len = (uint32_t)datagram.n,
		.from = { parts_addr("192.0.2.1"), flags & 4 ? 4501 : 4500 },
		.to = { parts_addr("192.0.2.2"), flags & 8  ? 500 :
						 flags & 16 ? ESP_PORT_BARE :
							      4500 },
		.ecn = flags & 3,
	};
	inbound_run(t->inbound, 0, &b);
	t->packets++;
	must(p->kind == PKT_INNER || p->kind == PKT_IKE || p->kind == PKT_GONE);
	t->passed += p->kind != PKT_GONE;
	if (p->kind == PKT_INNER)
		check_inner(t, p);
	/* Sometimes nobody fetches the events. */
	while (flags & 0x80 && inbound_output(t->inbound, &e))
		must(e.type <= DATA_PROBE_REPLY);
	free(own);
}

static void target_seal(struct target *t, unsigned which, uint16_t sequence, struct slice text,
			uint8_t flags)
{
	static uint8_t arena[BYTES_MAX + 256];
	static uint8_t padded[BYTES_MAX + 16];
	struct esp_sizes s;
	struct batch b;
	size_t n;

	must(esp_suite_sizes(&t->config[which].suite, &s));
	n = (text.n + s.align - 1) / s.align * s.align;
	/* In front, so that the trailer is the input's last bytes. */
	memset(padded, 0x45, n - text.n);
	if (text.n)
		memcpy(padded + n - text.n, text.p, text.n);
	batch_init(&b, arena, sizeof(arena));
	target_run(t, pkt_slice(parts_forge(&b, &t->config[which], sequence, slice(padded, n))),
		   flags);
}

static void target_packet(struct target *t, struct rd *r)
{
	uint8_t bytes[4 + BYTES_MAX] = { 0, 0, SPI_GCM >> 8, SPI_GCM & 0xff };
	enum mode mode = rd_u8(r) % 4;
	uint8_t flags = rd_u8(r);
	uint16_t sequence = rd_u16(r);
	size_t n = rd_u16(r) % (BYTES_MAX + 1);
	struct slice s = rd_slice(r, n < rd_left(r) ? n : rd_left(r));

	switch (mode) {
	case MODE_DATAGRAM:
		target_run(t, s, flags);
		break;
	case MODE_KNOWN_SPI:
		if (s.n)
			memcpy(bytes + 4, s.p, s.n);
		target_run(t, slice(bytes, 4 + s.n), flags);
		break;
	case MODE_SEAL_GCM:
		target_seal(t, 0, sequence, s, flags);
		break;
	case MODE_SEAL_CBC:
		target_seal(t, 1, sequence, s, flags);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned dropped = 0;
	struct target t;
	struct rd r;

	must(crypto_init() == 0);
	target_new(&t);
	rd_init(&r, slice(data, size));
	while (rd_left(&r) > 0 && t.packets < 200)
		target_packet(&t, &r);
	for (unsigned i = 0; i < DROP_COUNT; i++)
		dropped += (unsigned)inbound_drops(t.inbound)->n[i];
	must(dropped + t.passed == t.packets);
	target_free(&t);
	return 0;
}
