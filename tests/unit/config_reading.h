/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads a configuration from a text, and keeps what it gave and what was said of it. */
#ifndef GODWIT_TESTS_UNIT_CONFIG_READING_H
#define GODWIT_TESTS_UNIT_CONFIG_READING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "client/config.h"

#define GATEWAY "[gateway]\naddress = vpn.example.com\n"
#define AUTH "[auth]\npsk = \"sesame\"\n"
#define TUNNEL "[tunnel]\naddress = 10.98.0.1\nremote = 10.99.0.0/24\n"
#define MINIMAL GATEWAY AUTH TUNNEL

struct reading {
	int result;
	struct config *c;
	char *said;
};

static inline struct reading read_source(struct config_source source, const char *text, size_t n)
{
	struct reading r = { 0 };
	size_t size;
	FILE *err = open_memstream(&r.said, &size);

	assert_non_null(err);
	source.text = malloc(n + 1);
	assert_non_null(source.text);
	source.n = n;
	memcpy(source.text, text, n);
	r.result = config_parse(&source, &r.c, err);
	free(source.text);
	fclose(err);
	assert_int_equal(r.result == 0, r.c != NULL);
	return r;
}

/* As a file of ours that is for us alone, without anything that it names. */
static inline struct reading read_bytes(const char *text, size_t n)
{
	struct config_source source = { .file = "vpn.conf", .owner = geteuid(), .mode = 0600 };

	return read_source(source, text, n);
}

static inline void reading_free(struct reading *r)
{
	config_free(r->c);
	free(r->said);
	assert_int_equal(secret_pool_used(), 0);
}

static inline void expect_said(const char *text, size_t n, const char *said)
{
	struct reading r = read_bytes(text, n);

	assert_string_equal(r.said, said);
	assert_int_equal(r.result, strstr(said, "warning") || !said[0] ? 0 : ERR_CONFIG);
	reading_free(&r);
}

static inline struct reading read_good(const char *text)
{
	struct reading r = read_bytes(text, strlen(text));

	assert_string_equal(r.said, "");
	assert_int_equal(r.result, 0);
	return r;
}

static inline void assert_secret(const struct secret *s, const char *text)
{
	assert_int_equal(s->n, strlen(text));
	assert_memory_equal(s->p, text, strlen(text));
}

static inline void assert_psk(const struct config *c, const char *psk)
{
	assert_secret(&c->session.ike.psk, psk);
}

static inline void assert_pair(const struct ts_pair *ts, const char *local, const char *remote)
{
	char buf[TS_TEXT_MAX];

	assert_string_equal(ts_text(&ts->local, buf), local);
	assert_string_equal(ts_text(&ts->remote, buf), remote);
}

#endif
