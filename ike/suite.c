/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ike/ike.h"

#include <stdio.h>
#include <strings.h>

#define WHY_MAX 160
#define WORD_MAX 32

enum word_kind {
	WORD_CBC,
	WORD_GCM,
	WORD_HASH,
	WORD_GROUP,
	WORD_NOTHING, /* says what is so anyway */
	/* known, not spoken */
	WORD_OTHER_CIPHER,
	WORD_OTHER_HASH,
	WORD_OTHER_GROUP,
	WORD_PRF,
	WORD_ESN,
};

struct word {
	const char *text;
	enum word_kind kind;
	unsigned value; /* key bits, enum hash_alg or enum dh_group */
};

static const struct word words[] = {
	{ "aes", WORD_CBC, 128 },
	{ "aes128", WORD_CBC, 128 },
	{ "aes192", WORD_CBC, 192 },
	{ "aes256", WORD_CBC, 256 },
	{ "aes128gcm", WORD_GCM, 128 },
	{ "aes192gcm", WORD_GCM, 192 },
	{ "aes256gcm", WORD_GCM, 256 },
	{ "aes128gcm16", WORD_GCM, 128 },
	{ "aes192gcm16", WORD_GCM, 192 },
	{ "aes256gcm16", WORD_GCM, 256 },
	{ "aes128gcm128", WORD_GCM, 128 },
	{ "aes192gcm128", WORD_GCM, 192 },
	{ "aes256gcm128", WORD_GCM, 256 },
	{ "sha", WORD_HASH, HASH_SHA1 },
	{ "sha1", WORD_HASH, HASH_SHA1 },
	{ "sha256", WORD_HASH, HASH_SHA2_256 },
	{ "sha2_256", WORD_HASH, HASH_SHA2_256 },
	{ "sha384", WORD_HASH, HASH_SHA2_384 },
	{ "sha2_384", WORD_HASH, HASH_SHA2_384 },
	{ "sha512", WORD_HASH, HASH_SHA2_512 },
	{ "sha2_512", WORD_HASH, HASH_SHA2_512 },
	{ "modp2048", WORD_GROUP, DH_MODP_2048 },
	{ "ecp256", WORD_GROUP, DH_ECP_256 },
	{ "ecp384", WORD_GROUP, DH_ECP_384 },
	{ "noesn", WORD_NOTHING, 0 },
	{ "3des", WORD_OTHER_CIPHER, 0 },
	{ "des", WORD_OTHER_CIPHER, 0 },
	{ "null", WORD_OTHER_CIPHER, 0 },
	{ "blowfish", WORD_OTHER_CIPHER, 0 },
	{ "cast128", WORD_OTHER_CIPHER, 0 },
	{ "camellia", WORD_OTHER_CIPHER, 0 },
	{ "camellia128", WORD_OTHER_CIPHER, 0 },
	{ "camellia256", WORD_OTHER_CIPHER, 0 },
	{ "serpent", WORD_OTHER_CIPHER, 0 },
	{ "twofish", WORD_OTHER_CIPHER, 0 },
	{ "chacha20poly1305", WORD_OTHER_CIPHER, 0 },
	{ "aes128ctr", WORD_OTHER_CIPHER, 0 },
	{ "aes256ctr", WORD_OTHER_CIPHER, 0 },
	{ "aes128ccm16", WORD_OTHER_CIPHER, 0 },
	{ "aes256ccm16", WORD_OTHER_CIPHER, 0 },
	{ "aes128gcm8", WORD_OTHER_CIPHER, 0 },
	{ "aes128gcm12", WORD_OTHER_CIPHER, 0 },
	{ "aes256gcm8", WORD_OTHER_CIPHER, 0 },
	{ "aes256gcm12", WORD_OTHER_CIPHER, 0 },
	{ "aes128gmac", WORD_OTHER_CIPHER, 0 },
	{ "aes256gmac", WORD_OTHER_CIPHER, 0 },
	{ "md5", WORD_OTHER_HASH, 0 },
	{ "md5_128", WORD_OTHER_HASH, 0 },
	{ "sha1_160", WORD_OTHER_HASH, 0 },
	{ "sha256_96", WORD_OTHER_HASH, 0 },
	{ "aesxcbc", WORD_OTHER_HASH, 0 },
	{ "aescmac", WORD_OTHER_HASH, 0 },
	{ "modp768", WORD_OTHER_GROUP, 0 },
	{ "modp1024", WORD_OTHER_GROUP, 0 },
	{ "modp1536", WORD_OTHER_GROUP, 0 },
	{ "modp3072", WORD_OTHER_GROUP, 0 },
	{ "modp4096", WORD_OTHER_GROUP, 0 },
	{ "modp6144", WORD_OTHER_GROUP, 0 },
	{ "modp8192", WORD_OTHER_GROUP, 0 },
	{ "modp1024s160", WORD_OTHER_GROUP, 0 },
	{ "modp2048s224", WORD_OTHER_GROUP, 0 },
	{ "modp2048s256", WORD_OTHER_GROUP, 0 },
	{ "ecp192", WORD_OTHER_GROUP, 0 },
	{ "ecp224", WORD_OTHER_GROUP, 0 },
	{ "ecp521", WORD_OTHER_GROUP, 0 },
	{ "ecp256bp", WORD_OTHER_GROUP, 0 },
	{ "ecp384bp", WORD_OTHER_GROUP, 0 },
	{ "ecp512bp", WORD_OTHER_GROUP, 0 },
	{ "curve25519", WORD_OTHER_GROUP, 0 },
	{ "x25519", WORD_OTHER_GROUP, 0 },
	{ "curve448", WORD_OTHER_GROUP, 0 },
	{ "x448", WORD_OTHER_GROUP, 0 },
	{ "prfmd5", WORD_PRF, 0 },
	{ "prfsha1", WORD_PRF, 0 },
	{ "prfsha256", WORD_PRF, 0 },
	{ "prfsha384", WORD_PRF, 0 },
	{ "prfsha512", WORD_PRF, 0 },
	{ "prfaesxcbc", WORD_PRF, 0 },
	{ "prfaescmac", WORD_PRF, 0 },
	{ "esn", WORD_ESN, 0 },
};

/* A proposal as written, word by word; NULL: not there. */
struct parsed {
	const struct word *cipher;
	const struct word *hash;
	const struct word *group;
};

static int complain(int err, char *why, const char *word, const char *what)
{
	snprintf(why, WHY_MAX, "%s: %s", word, what);
	return err;
}

static const struct word *word_find(const char *text)
{
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strcasecmp(words[i].text, text) == 0)
			return &words[i];
	return NULL;
}

/* What to say of a word we know and do not speak; NULL when we do. */
static const char *word_advice(const struct word *w, bool ike)
{
	switch (w->kind) {
	case WORD_GCM:
		return ike ? "AES-GCM for IKE itself is not supported with IKEv1: use aes128 or "
			     "aes256 with a hash" :
			     NULL;
	case WORD_OTHER_CIPHER:
		return ike ? "not supported (yet): use aes128, aes192 or aes256" :
			     "not supported (yet): use aes128gcm16, aes256gcm16, aes128 or aes256";
	case WORD_OTHER_HASH:
		return "not supported (yet): use sha1, sha256, sha384 or sha512";
	case WORD_OTHER_GROUP:
		return "not supported (yet): use modp2048, ecp256 or ecp384";
	case WORD_PRF:
		return "not supported: IKEv1 takes its prf from the hash, leave it out";
	case WORD_ESN:
		return "extended sequence numbers are not supported (yet): leave it out";
	case WORD_CBC:
	case WORD_HASH:
	case WORD_GROUP:
	case WORD_NOTHING:
		break;
	}
	return NULL;
}

static int word_take(const struct word *w, struct parsed *p, bool ike, char *why)
{
	const char *advice = word_advice(w, ike);
	const struct word **slot;

	if (advice)
		return complain(ERR_UNSUPPORTED, why, w->text, advice);
	if (w->kind == WORD_NOTHING)
		return 0;
	slot = w->kind == WORD_HASH ? &p->hash : w->kind == WORD_GROUP ? &p->group : &p->cipher;
	if (*slot)
		return complain(ERR_CONFIG, why, w->text, "a second one of its kind");
	*slot = w;
	return 0;
}

static int parse_words(const char *text, struct parsed *p, bool ike, char *why)
{
	char buf[WORD_MAX];

	*p = (struct parsed){ 0 };
	for (;;) {
		size_t n = strcspn(text, "-");
		const struct word *w;
		int err;

		snprintf(buf, sizeof(buf), "%.*s", n < sizeof(buf) ? (int)n : 0, text);
		w = word_find(buf);
		if (!w) {
			snprintf(why, WHY_MAX, "\"%.*s\": no such algorithm", n < 60 ? (int)n : 60,
				 text);
			return ERR_CONFIG;
		}
		err = word_take(w, p, ike, why);
		if (err)
			return err;
		if (!text[n])
			return 0;
		text += n + 1;
	}
}

int ike_suite_parse(const char *text, struct ike_suite *out, char why[WHY_MAX])
{
	struct parsed p;
	int err = parse_words(text, &p, true, why);

	if (err)
		return err;
	if (!p.cipher)
		return complain(ERR_CONFIG, why, "no cipher", "add aes128 or aes256");
	if (!p.hash)
		return complain(ERR_CONFIG, why, "no hash", "add sha256 or sha384");
	if (!p.group)
		return complain(ERR_CONFIG, why, "no Diffie-Hellman group",
				"add modp2048, ecp256 or ecp384");
	*out = (struct ike_suite){ (uint16_t)p.cipher->value, (enum hash_alg)p.hash->value,
				   (enum dh_group)p.group->value };
	return 0;
}

static enum esp_integ integ_of(enum hash_alg hash)
{
	switch (hash) {
	case HASH_SHA1:
		return ESP_INTEG_HMAC_SHA1_96;
	case HASH_SHA2_256:
		return ESP_INTEG_HMAC_SHA2_256_128;
	case HASH_SHA2_384:
		return ESP_INTEG_HMAC_SHA2_384_192;
	case HASH_SHA2_512:
		return ESP_INTEG_HMAC_SHA2_512_256;
	}
	return ESP_INTEG_NONE;
}

int esp_suite_parse(const char *text, struct esp_suite *out, enum dh_group *pfs, char why[WHY_MAX])
{
	struct parsed p;
	int err = parse_words(text, &p, false, why);

	if (err)
		return err;
	if (!p.cipher)
		return complain(ERR_CONFIG, why, "no cipher", "add aes128gcm16 or aes128-sha256");
	if (p.cipher->kind == WORD_GCM && p.hash)
		return complain(ERR_CONFIG, why, p.hash->text,
				"AES-GCM has its own integrity check, leave the hash out");
	if (p.cipher->kind == WORD_CBC && !p.hash)
		return complain(ERR_CONFIG, why, p.cipher->text,
				"needs an integrity check: add sha256");
	out->cipher = p.hash ? ESP_CIPHER_AES_CBC : ESP_CIPHER_AES_GCM_16;
	out->key_bits = (uint16_t)p.cipher->value;
	out->integ = p.hash ? integ_of((enum hash_alg)p.hash->value) : ESP_INTEG_NONE;
	*pfs = p.group ? (enum dh_group)p.group->value : DH_NONE;
	return 0;
}

int dh_group_parse(const char *text, enum dh_group *out)
{
	static const struct {
		const char *text;
		enum dh_group group;
	} numbers[] = { { "14", DH_MODP_2048 }, { "19", DH_ECP_256 }, { "20", DH_ECP_384 } };
	const struct word *w = word_find(text);

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		if (strcmp(numbers[i].text, text) == 0) {
			*out = numbers[i].group;
			return 0;
		}
	}
	if (!w)
		return ERR_CONFIG;
	if (w->kind != WORD_GROUP)
		return w->kind == WORD_OTHER_GROUP ? ERR_UNSUPPORTED : ERR_CONFIG;
	*out = (enum dh_group)w->value;
	return 0;
}

const char *ike_suite_name(const struct ike_suite *s, char buf[48])
{
	snprintf(buf, 48, "aes%u-%s-%s", s->key_bits, hash_name(s->hash), dh_group_name(s->group));
	return buf;
}
