/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whole IP packets, built by scapy 2.5 with all checksums in place, and what reads them. */
#ifndef GODWIT_TESTS_UNIT_PACKETS_H
#define GODWIT_TESTS_UNIT_PACKETS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/bytes.h"

/* 10.9.0.1:40000 to 192.0.2.80:80, SYN */
#define SYN4                                                                                       \
	"4500002c123440003f065d3e0a090001c00002509c4000500102030400000000600220000b9a0000"         \
	"02040550"
/* fd00::1 port 5353 to 2001:db8::80 port 53, "hello" */
#define UDP6                                                                                       \
	"60000000000d113ffd00000000000000000000000000000120010db800000000000000000000008014"       \
	"e90035000d7ba968656c6c6f"
/* Router alert option; UDP 1000 to 2000 */
#define OPTIONS4 "46000021000100004011196d0a090001c00002509404000003e807d00009afc978"
/* Offset 16 */
#define LATER4 "4500001c000100024006ae7f0a090001c00002503132333435363738"
#define LATER6                                                                                     \
	"6000000000102c40fd00000000000000000000000000000120010db8000000000000000000000080"         \
	"11000018000000053132333435363738"
/* Hop-by-hop, destination, routing and (first) fragment header; TCP 1 to 2 */
#define EXTENDED6                                                                                  \
	"6000000000440040fd00000000000000000000000000000120010db80000000000000000000000"           \
	"803c000104000000002b000104000000002c02020100000000fd000000000000000000000000000"          \
	"00906000001000000050001000200000000000000005002200095d40000"
#define AH6                                                                                        \
	"6000000000103340fd00000000000000000000000000000120010db80000000000000000000000800600"     \
	"0000000000010000000131323334"
#define PROHIBITED4 "450000480000400040016e5bc00002500a090001030dc96b00000000" SYN4
#define TOO_BIG4 "450000480000400040016e5bc00002500a0900010304c41000000564" SYN4
#define PROHIBITED6                                                                                \
	"60000000003d3a4020010db8000000000000000000000080fd000000000000000000000000000"            \
	"0010101621e00000000" UDP6
#define TOO_BIG6                                                                                   \
	"60000000003d3a4020010db8000000000000000000000080fd000000000000000000000000000001"         \
	"02005c1f00000500" UDP6
/* id 0xbeef, sequence 7, "godwit!" */
#define ECHO4 "4500002300004000400126cf0a0900010a0100010800e2adbeef0007676f6477697421"
#define ECHO6                                                                                      \
	"60000000000f3a40fd000000000000000000000000000001fd01000000000000000000000000000180"       \
	"00705fbeef0007676f6477697421"
#define REPLY4 "45000023004d00003c016a820a0100010a0900010000eaadbeef0007676f6477697421"
#define REPLY6                                                                                     \
	"60000000000f3a3cfd010000000000000000000000000001fd0000000000000000000000000000018"        \
	"1006f5fbeef0007676f6477697421"

struct packet_bytes {
	uint8_t b[256];
	size_t n;
};

static inline unsigned hex_digit(char c)
{
	return c <= '9' ? (unsigned)(c - '0') : (unsigned)(c - 'a') + 10;
}

static inline struct packet_bytes unhex(const char *hex)
{
	struct packet_bytes out = { .n = strlen(hex) / 2 };

	assert_true(strlen(hex) % 2 == 0 && out.n <= sizeof(out.b));
	for (size_t i = 0; i < out.n; i++)
		out.b[i] = (uint8_t)(hex_digit(hex[2 * i]) << 4 | hex_digit(hex[2 * i + 1]));
	return out;
}

#define BYTES(p) slice((p).b, (p).n)

#endif
