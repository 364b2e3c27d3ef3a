/* SPDX-License-Identifier: GPL-2.0-or-later */
/* IP addresses, endpoints (address and port), prefixes, and the path between two endpoints. */
#ifndef GODWIT_BASE_ADDR_H
#define GODWIT_BASE_ADDR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

enum family {
	FAMILY_NONE = 0,
	FAMILY_IP4 = 4,
	FAMILY_IP6 = 6,
};

/* b holds 4 or 16 bytes in network order; the rest of b is zero, so that == on all bytes works. */
struct addr {
	enum family family;
	uint8_t b[16];
};

struct endpoint {
	struct addr addr;
	uint16_t port; /* host order */
};

struct prefix {
	struct addr addr; /* as written: host bits may be set */
	uint8_t len;
};

#define ADDR_TEXT_MAX 48 /* an IPv6 address and its NUL */
#define ENDPOINT_TEXT_MAX 56 /* [v6]:port */
#define PREFIX_TEXT_MAX 52

/* How ESP is carried. */
enum encapsulation {
	ENCAPSULATION_UDP, /* RFC 3948 */
	ENCAPSULATION_ESP, /* protocol 50 */
	ENCAPSULATION_CISCO_UDP,
	ENCAPSULATION_TCP,
};

/*
 * Where the tunnel talks: a value. `generation` grows with every change and is never used twice,
 * so that an answer to something sent on an older path can be told.
 */
struct path {
	struct endpoint local;
	struct endpoint remote;
	enum encapsulation encapsulation;
	uint16_t data_port; /* CISCO_UDP: the peer's, for ESP; 0: that of `remote`, as for IKE */
	uint32_t generation;
};

/* The number of bytes of an address of this family: 4, 16, or 0 for none. */
size_t family_size(enum family f);
bool addr_parse(const char *text, struct addr *out);
/* From 4 or 16 raw bytes; false for any other length. */
bool addr_from_bytes(struct slice s, struct addr *out);
struct slice addr_bytes(const struct addr *a);
bool addr_eq(const struct addr *a, const struct addr *b);
bool addr_is_in(const struct addr *list, size_t n, const struct addr *a);
/* <0, 0, >0; IPv4 sorts before IPv6. */
int addr_cmp(const struct addr *a, const struct addr *b);
/* True for an address a host may have: not none, unspecified, multicast, broadcast or loopback. */
bool addr_is_host(const struct addr *a);
bool addr_is_unspecified(const struct addr *a);
/* Writes at most ADDR_TEXT_MAX bytes and returns buf. */
const char *addr_text(const struct addr *a, char buf[ADDR_TEXT_MAX]);

bool endpoint_eq(const struct endpoint *a, const struct endpoint *b);
const char *endpoint_text(const struct endpoint *e, char buf[ENDPOINT_TEXT_MAX]);

/* "10.0.0.0/8", or an address alone (full length). False for anything else. */
bool prefix_parse(const char *text, struct prefix *out);
/* First and last address of the prefix; host bits are ignored. */
void prefix_range(const struct prefix *p, struct addr *lo, struct addr *hi);
bool prefix_contains(const struct prefix *p, const struct addr *a);
const char *prefix_text(const struct prefix *p, char buf[PREFIX_TEXT_MAX]);

/* Where ESP goes to, and comes from: of the peer. Raw ESP has no port: 0. */
struct endpoint path_esp_remote(const struct path *p);
/* "udp", "esp", "cisco-udp", "tcp": the words of the configuration and of status. */
const char *encapsulation_name(enum encapsulation e);

#endif
