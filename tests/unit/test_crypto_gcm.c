/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The choice of a library for AES-GCM, with libraries that are wrong or slow in many ways. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/err.h"
#include "crypto/gcm.h"

/* wolfSSL with a fault. */
enum fault {
	FAULT_NONE,
	FAULT_ICV, /* its last byte */
	FAULT_TEXT, /* with 256 bits keys only */
	FAULT_LONG, /* the last byte of texts that do not end with a block, from 1024 on */
	FAULT_SHORT_ICV, /* not the beginning of the long one */
	FAULT_OPEN_TEXT,
	FAULT_REFUSES,
	FAULT_TRUSTS, /* opens anything */
	FAULT_AAD, /* is not looked at */
	FAULT_KEY, /* works, with another key */
	FAULTS,
};

struct state {
	size_t key;
	_Alignas(64) uint8_t wolfssl[];
};

static enum fault fault;
static uint64_t now;
static uint64_t own_ns, other_ns; /* for a packet, either way */
static unsigned clock_calls;

static uint64_t fake_clock(void)
{
	clock_calls++;
	return now;
}

static const struct gcm_calls *wolfssl;

static struct slice fake_aad(struct slice aad)
{
	return fault == FAULT_AAD ? SLICE_NONE : aad;
}

static void fake_seal(void *state, const uint8_t nonce[GCM_NONCE], struct slice aad, uint8_t *text,
		      size_t n, size_t icv)
{
	struct state *s = state;

	now += other_ns;
	wolfssl->seal(s->wolfssl, nonce, fake_aad(aad), text, n, icv);
	if (fault == FAULT_ICV || (fault == FAULT_SHORT_ICV && icv < 16))
		text[n + icv - 1] ^= 1;
	if ((fault == FAULT_TEXT && n > 0 && s->key == 32) ||
	    (fault == FAULT_LONG && n >= 1024 && n % 16 != 0))
		text[n - 1] ^= 1;
}

static int fake_open(void *state, const uint8_t nonce[GCM_NONCE], struct slice aad, uint8_t *text,
		     size_t n, size_t icv)
{
	struct state *s = state;
	int err = wolfssl->open(s->wolfssl, nonce, fake_aad(aad), text, n, icv);

	now += other_ns;
	if (fault == FAULT_OPEN_TEXT && n > 0)
		text[0] ^= 0x80;
	if (fault == FAULT_REFUSES)
		return ERR_AUTH;
	return fault == FAULT_TRUSTS ? 0 : err;
}

static void own_seal(void *state, const uint8_t nonce[GCM_NONCE], struct slice aad, uint8_t *text,
		     size_t n, size_t icv)
{
	now += own_ns;
	wolfssl->seal(state, nonce, aad, text, n, icv);
}

static int own_open(void *state, const uint8_t nonce[GCM_NONCE], struct slice aad, uint8_t *text,
		    size_t n, size_t icv)
{
	now += own_ns;
	return wolfssl->open(state, nonce, aad, text, n, icv);
}

static const struct gcm_calls *fake_start(void *state, struct slice key)
{
	static const struct gcm_calls calls = { fake_seal, fake_open };
	struct state *s = state;
	uint8_t bytes[32];

	s->key = key.n;
	memcpy(bytes, key.p, key.n);
	if (fault == FAULT_KEY)
		bytes[key.n - 1] ^= 1;
	wolfssl = gcm_wolfssl.start(s->wolfssl, slice(bytes, key.n));
	return &calls;
}

static void fake_stop(void *state)
{
	struct state *s = state;

	gcm_wolfssl.stop(s->wolfssl);
}

static const struct gcm_calls *own_start(void *state, struct slice key)
{
	static const struct gcm_calls calls = { own_seal, own_open };

	wolfssl = gcm_wolfssl.start(state, key);
	return &calls;
}

static struct gcm_library own_library(void)
{
	struct gcm_library l = gcm_wolfssl;

	l.start = own_start;
	return l;
}

static struct gcm_library fake_library(void)
{
	return (struct gcm_library){
		.name = "fake",
		.size = sizeof(struct state) + gcm_wolfssl.size,
		.start = fake_start,
		.ahead = gcm_wolfssl.ahead,
		.stop = fake_stop,
	};
}

static enum gcm_verdict judge(enum fault f, uint64_t own, uint64_t other)
{
	const struct gcm_library a = own_library(), b = fake_library();

	fault = f;
	own_ns = own;
	other_ns = other;
	return gcm_judge(&a, &b, fake_clock);
}

static void test_faster(void **state)
{
	assert_int_equal(judge(FAULT_NONE, 450, 130), GCM_FASTER);
	assert_int_equal(judge(FAULT_NONE, 500, 399), GCM_FASTER);
}

static void test_not_clearly_faster(void **state)
{
	assert_int_equal(judge(FAULT_NONE, 500, 400), GCM_SLOWER);
	assert_int_equal(judge(FAULT_NONE, 500, 500), GCM_SLOWER);
	assert_int_equal(judge(FAULT_NONE, 450, 900), GCM_SLOWER);
	/* A clock that stands still proves nothing. */
	assert_int_equal(judge(FAULT_NONE, 0, 0), GCM_SLOWER);
}

/* However fast it is; and its speed is then not asked for. */
static void test_every_fault_is_found(void **state)
{
	for (int f = FAULT_NONE + 1; f < FAULTS; f++) {
		clock_calls = 0;
		assert_int_equal(judge((enum fault)f, 450, 1), GCM_WRONG);
		assert_int_equal(clock_calls, 0);
	}
}

/* Whom to trust is the published vectors' affair. */
static void test_wrong_alike(void **state)
{
	const struct gcm_library both = fake_library();

	fault = FAULT_KEY;
	assert_int_equal(gcm_judge(&both, &both, fake_clock), GCM_WRONG);
}

static void test_absent(void **state)
{
	assert_int_equal(gcm_judge(&gcm_wolfssl, NULL, fake_clock), GCM_ABSENT);
}

/* The real one, if it can run here, is right, whatever its speed. */
static void test_libipsecmb_is_right(void **state)
{
	const struct gcm_library *real = gcm_ipsecmb();
	const struct gcm_library own = own_library();

	if (!real)
		skip();
	own_ns = 1;
	assert_int_equal(gcm_judge(&own, real, fake_clock), GCM_FASTER);
}

static unsigned warnings, lines;
static char line[512];

static void note(void *ctx, const struct log_event *ev)
{
	warnings += ev->level == LOG_WARN;
	lines++;
	log_format(ev, line, sizeof(line));
}

static const struct log noted = { .level = LOG_DEBUG, .sink = note };

/* How many warnings there are of what was chosen; the last line names it. */
static unsigned log_of_choice(void)
{
	warnings = lines = 0;
	crypto_log(&noted);
	assert_int_equal(lines, 1 + warnings);
	assert_non_null(strstr(line, crypto_gcm_name()));
	return warnings;
}

static void test_log(void **state)
{
	for (enum gcm_verdict v = GCM_ABSENT; v <= GCM_FASTER; v++) {
		warnings = lines = 0;
		gcm_log(&noted, "somebody", v);
		assert_int_equal(warnings, v == GCM_WRONG);
		assert_int_equal(lines, 1 + warnings);
		assert_non_null(strstr(line, "somebody"));
	}
}

static void test_choice(void **state)
{
	const struct gcm_library *chosen;

	assert_ptr_equal(gcm_chosen(), &gcm_wolfssl);
	assert_int_equal(crypto_init(), 0);
	chosen = gcm_chosen();
	assert_true(chosen == &gcm_wolfssl || (chosen && chosen == gcm_ipsecmb()));
	assert_string_equal(crypto_gcm_name(), chosen->name);
	assert_int_equal(log_of_choice(), 0);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(crypto_init(), 0);
		assert_ptr_equal(gcm_chosen(), chosen);
	}
}

/* What one library sealed, the other one opens, in SAs that differ in nothing else. */
static void one_seals_other_opens(const struct gcm_library *seals, const struct gcm_library *opens,
				  struct rng *rng)
{
	static const enum esp_cipher ciphers[] = { ESP_CIPHER_AES_GCM_16, ESP_CIPHER_AES_GCM_12,
						   ESP_CIPHER_AES_GCM_8 };

	for (unsigned i = 0; i < 2000; i++) {
		const struct esp_suite suite = { ciphers[i % 3], (uint16_t)(128 + 64 * (i / 3 % 3)),
						 ESP_INTEG_NONE };
		uint8_t keymat[36], aad[12], plain[2000], text[8 + 2000 + 16];
		size_t n = 4 * rng_below(rng, 501), keymat_n = esp_suite_keymat(&suite);
		struct slice header = slice(aad, i % 2 ? 8 : 12);
		struct aead *a, *b;

		if (keymat_n == 0)
			continue;
		rng_fill(rng, keymat, sizeof(keymat));
		rng_fill(rng, aad, sizeof(aad));
		rng_fill(rng, plain, n);
		memcpy(text + 8, plain, n);
		a = aead_new_by(seals, &suite, slice(keymat, keymat_n), NULL);
		b = aead_new_by(opens, &suite, slice(keymat, keymat_n), NULL);
		assert_int_equal(aead_seal(a, rng_u64(rng), header, text, n), 0);
		assert_int_equal(aead_open(b, header, text, n), 0);
		assert_memory_equal(text + 8, plain, n);
		aead_free(a);
		aead_free(b);
	}
	assert_int_equal(secret_pool_used(), 0);
}

static void test_both_understand_each_other(void **state)
{
	const struct gcm_library *other = gcm_ipsecmb();
	struct rng_seed seed;
	struct rng rng = rng_seeded(&seed, 4106);

	if (!other)
		skip();
	one_seals_other_opens(&gcm_wolfssl, other, &rng);
	one_seals_other_opens(other, &gcm_wolfssl, &rng);
}

/* Nothing of a key is left where it was, in either library. */
static void test_freed_is_wiped(void **state)
{
	const struct gcm_library *libraries[] = { &gcm_wolfssl, gcm_ipsecmb() };
	const struct esp_suite suite = { ESP_CIPHER_AES_GCM_16, 128, ESP_INTEG_NONE };
	uint8_t keymat[20], aad[8] = { 1 }, text[8 + 64 + 16] = { 0 };

	memset(keymat, 0x5a, sizeof(keymat));
	for (size_t i = 0; i < ARRAY_SIZE(libraries) && libraries[i]; i++) {
		struct aead *a = aead_new_by(libraries[i], &suite, SLICE_OF(keymat), NULL);
		const uint8_t *bytes = (const uint8_t *)a;
		size_t size = libraries[i]->size;

		assert_int_equal(aead_seal(a, 1, SLICE_OF(aad), text, 64), 0);
		assert_non_null(memmem(bytes, size, keymat, 16));
		aead_free(a);
		/* The pool keeps its pages. */
		for (size_t at = 0; at < size; at++)
			assert_int_equal(bytes[at], 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_choice),
		cmocka_unit_test(test_faster),
		cmocka_unit_test(test_not_clearly_faster),
		cmocka_unit_test(test_every_fault_is_found),
		cmocka_unit_test(test_wrong_alike),
		cmocka_unit_test(test_absent),
		cmocka_unit_test(test_log),
		cmocka_unit_test(test_libipsecmb_is_right),
		cmocka_unit_test(test_both_understand_each_other),
		cmocka_unit_test(test_freed_is_wiped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
