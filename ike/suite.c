/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ike/ike.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#define WHY_MAX IKE_WHY_MAX
#define WORD_MAX 32

/* A proposal as written, as far as it has been read. */
struct parsed {
	bool ike; /* for phase 1, else for ESP */
	bool has_cipher, has_hash, has_prf, has_group;
	enum esp_cipher cipher;
	uint16_t key_bits;
	char cipher_word[WORD_MAX];
	enum hash_alg hash;
	char hash_word[WORD_MAX];
	enum hash_alg prf;
	char prf_word[WORD_MAX];
	enum dh_group group;
	char *why;
};

static int complain(int err, char *why, const char *word, const char *what)
{
	snprintf(why, WHY_MAX, "%s: %s", word, what);
	return err;
}

static int no_such(char *why, const char *word)
{
	snprintf(why, WHY_MAX, "\"%s\": no such algorithm", word);
	return ERR_CONFIG;
}

/* ---- words ---- */

/*
 * Words stand between single hyphens, or between blanks and commas as routers show them. The next
 * one, and *at behind it; *at is NULL at the end.
 */
static void word_next(const char **at, char word[WORD_MAX])
{
	static const char blank[] = " \t,";
	const char *text = *at;
	size_t n = strcspn(text, "- \t,");

	/* What is too long is no word of ours, nor is its beginning. */
	snprintf(word, WORD_MAX, "%.*s", (int)(n < WORD_MAX ? n : 0), text);
	text += n;
	if (*text == '-') {
		text++;
	} else {
		text += strspn(text, blank);
		if (!*text)
			text = NULL;
	}
	*at = text;
}

static bool is_word(const char *word, const char *what)
{
	return strcasecmp(word, what) == 0;
}

static bool begins_with(const char *word, const char *what)
{
	return strncasecmp(word, what, strlen(what)) == 0;
}

/* A whole decimal number of at most three digits. */
static bool number_of(const char *word, unsigned *out)
{
	size_t n = strspn(word, "0123456789");

	if (n == 0 || n > 3 || word[n])
		return false;
	*out = (unsigned)strtoul(word, NULL, 10);
	return true;
}

/* A number as the next word; *at moves behind it only then. */
static bool word_number(const char **at, unsigned *out)
{
	const char *behind = *at;
	char word[WORD_MAX];

	if (!behind)
		return false;
	word_next(&behind, word);
	if (!number_of(word, out))
		return false;
	*at = behind;
	return true;
}

/* ---- what is known and not spoken ---- */

static const char only_v2[] = "IKEv1 has no number for it, only IKEv2 has: use ecp256 or ecp384";
static const char weak_group[] = "too weak: use modp2048, ecp256 or ecp384";
static const char other_group[] = "not supported: use modp3072, ecp256 or ecp384";
static const char no_kem[] = "IKEv1 cannot carry it, only IKEv2 can: use ecp256 or ecp384";

/* Groups by number and name; those we do not speak say why. */
static const struct group_row {
	const char *name;
	unsigned number; /* enum dh_group for ours */
	const char *refusal;
} group_rows[] = {
	{ "modp768", 1, weak_group },
	{ "modp1024", 2, NULL },
	{ "modp1536", 5, NULL },
	{ "modp2048", 14, NULL },
	{ "modp3072", 15, NULL },
	{ "modp4096", 16, NULL },
	{ "modp6144", 17, other_group },
	{ "modp8192", 18, other_group },
	{ "ecp256", 19, NULL },
	{ "ecp384", 20, NULL },
	{ "ecp521", 21, NULL },
	{ "modp1024s160", 22, weak_group },
	{ "modp2048s224", 23, other_group },
	{ "modp2048s256", 24, other_group },
	{ "ecp192", 25, weak_group },
	{ "ecp224", 26, other_group },
	{ "ecp224bp", 27, other_group },
	{ "ecp256bp", 28, other_group },
	{ "ecp384bp", 29, other_group },
	{ "ecp512bp", 30, other_group },
	{ "curve25519", 31, only_v2 },
	{ "x25519", 31, only_v2 },
	{ "curve448", 32, only_v2 },
	{ "x448", 32, only_v2 },
	{ "mlkem512", 35, no_kem },
	{ "mlkem768", 36, no_kem },
	{ "mlkem1024", 37, no_kem },
};

static const struct refusal {
	const char *begins; /* no letter follows */
	const char *ike, *esp; /* esp NULL: the same */
} refusals[] = {
	{ "chacha20poly1305", "IKEv1 has no AEAD for IKE itself: use aes128 or aes256 with a hash",
	  "IKEv1 has no number for ChaCha20-Poly1305, only IKEv2 has: use aes256gcm16" },
	{ "des", "too weak: use aes128 or aes256", "too weak: use aes128gcm16 or aes128-sha256" },
	{ "ah", "AH is not supported", "AH is not supported: it does not pass any NAT; use ESP" },
	{ "comp", "compression is not supported", "compression is not supported" },
	{ "lifetime", "belongs in a key of its own: lifetime in [ike]",
	  "belongs in a key of its own: keylife in [esp]" },
	{ "esn", "belongs to ESP, leave it out",
	  "extended sequence numbers are not supported: leave it out" },
	{ "aesxcbc", "not supported: use sha1, sha256, sha384 or sha512", NULL },
	{ "aescmac", "not supported: use sha1, sha256, sha384 or sha512", NULL },
	{ "sha256_96", "not supported: use sha1, sha256, sha384 or sha512", NULL },
	{ "sha1_160", "not supported: use sha1, sha256, sha384 or sha512", NULL },
	{ "md5_128", "not supported: use sha1, sha256, sha384 or sha512", NULL },
	{ "prfaesxcbc", "IKEv1 takes its prf from the hash: leave it out", NULL },
	{ "prfaescmac", "IKEv1 takes its prf from the hash: leave it out", NULL },
	{ "blowfish", "not supported: use aes128 or aes256", "not supported: use aes256gcm16" },
	{ "cast", "not supported: use aes128 or aes256", "not supported: use aes256gcm16" },
	{ "camellia", "not supported: use aes128 or aes256", "not supported: use aes256gcm16" },
	{ "serpent", "not supported: use aes128 or aes256", "not supported: use aes256gcm16" },
	{ "twofish", "not supported: use aes128 or aes256", "not supported: use aes256gcm16" },
	{ "seed", "not supported: use aes128 or aes256", "not supported: use aes256gcm16" },
	{ "seal", "not supported: use aes128 or aes256", "not supported: use aes256gcm16" },
	{ "gmac", "not supported: use aes128 or aes256", "not supported: use aes128gcm16" },
	{ "aes", "not supported: use aes128, aes192 or aes256",
	  "not supported: use aes128gcm16, aes256gcm16, aes128 or aes256" },
};

static int refuse_known(const struct parsed *p, const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		const struct refusal *r = &refusals[i];

		if (begins_with(word, r->begins) &&
		    !isalpha((unsigned char)word[strlen(r->begins)]))
			return complain(ERR_UNSUPPORTED, p->why, word,
					p->ike || !r->esp ? r->ike : r->esp);
	}
	return no_such(p->why, word);
}

/* ---- ciphers ---- */

static const struct mode_row {
	const char *text; /* behind "aes" and its bits */
	enum esp_cipher cipher;
} modes[] = {
	{ "", ESP_CIPHER_AES_CBC },	     { "ctr", ESP_CIPHER_AES_CTR },
	{ "gcm", ESP_CIPHER_AES_GCM_16 },    { "gcm16", ESP_CIPHER_AES_GCM_16 },
	{ "gcm128", ESP_CIPHER_AES_GCM_16 }, { "gcm12", ESP_CIPHER_AES_GCM_12 },
	{ "gcm96", ESP_CIPHER_AES_GCM_12 },  { "gcm8", ESP_CIPHER_AES_GCM_8 },
	{ "gcm64", ESP_CIPHER_AES_GCM_8 },
};

static bool is_aes_bits(unsigned bits)
{
	return bits == 128 || bits == 192 || bits == 256;
}

/* "aes", "aes256", "aes128gcm16", "aes256ctr". */
static bool aes_word(const char *word, enum esp_cipher *cipher, uint16_t *bits)
{
	const char *rest = word + 3;
	char *mode;
	unsigned long n = 128;

	if (!begins_with(word, "aes"))
		return false;
	if (!*rest) {
		*cipher = ESP_CIPHER_AES_CBC;
		*bits = (uint16_t)n;
		return true;
	}
	if (!isdigit((unsigned char)*rest))
		return false;
	n = strtoul(rest, &mode, 10);
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		if (!is_word(mode, modes[i].text))
			continue;
		*cipher = modes[i].cipher;
		*bits = n <= UINT16_MAX ? (uint16_t)n : 0;
		return is_aes_bits(*bits);
	}
	return false;
}

/* A router writes the length of the key as a word of its own: "aes 256", "gcm 256". */
static int cipher_bits(const struct parsed *p, const char *word, const char **at, uint16_t *bits)
{
	unsigned n;

	if (!word_number(at, &n))
		return 0;
	if (!is_aes_bits(n))
		return complain(ERR_CONFIG, p->why, word, "its key has 128, 192 or 256 bits");
	*bits = (uint16_t)n;
	return 0;
}

static int cipher_take(struct parsed *p, const char *word, enum esp_cipher cipher, uint16_t bits)
{
	if (p->has_cipher)
		return complain(ERR_CONFIG, p->why, word, "a second one of its kind");
	p->has_cipher = true;
	p->cipher = cipher;
	p->key_bits = bits;
	snprintf(p->cipher_word, WORD_MAX, "%s", word);
	return 0;
}

/* 1: it is no cipher. */
static int word_cipher(struct parsed *p, const char *word, const char **at)
{
	enum esp_cipher cipher;
	uint16_t bits = 128;
	int err;

	if (is_word(word, "3des"))
		return cipher_take(p, word, ESP_CIPHER_3DES_CBC, DES3_KEY_BITS);
	if (is_word(word, "null"))
		return cipher_take(p, word, ESP_CIPHER_NULL, 0);
	if (is_word(word, "gcm"))
		cipher = ESP_CIPHER_AES_GCM_16;
	else if (!aes_word(word, &cipher, &bits))
		return 1;
	if (is_word(word, "aes") || is_word(word, "gcm")) {
		err = cipher_bits(p, word, at, &bits);
		if (err)
			return err;
	}
	return cipher_take(p, word, cipher, bits);
}

/* ---- hashes ---- */

static bool hash_of(const char *word, enum hash_alg *out)
{
	static const struct {
		const char *text;
		enum hash_alg alg;
	} hashes[] = {
		{ "sha", HASH_SHA1 },	     { "sha1", HASH_SHA1 },
		{ "sha256", HASH_SHA2_256 }, { "sha2_256", HASH_SHA2_256 },
		{ "sha384", HASH_SHA2_384 }, { "sha2_384", HASH_SHA2_384 },
		{ "sha512", HASH_SHA2_512 }, { "sha2_512", HASH_SHA2_512 },
		{ "md5", HASH_MD5 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(hashes); i++) {
		if (is_word(word, hashes[i].text)) {
			*out = hashes[i].alg;
			return true;
		}
	}
	return false;
}

/* 1: it is no hash. */
static int word_hash(struct parsed *p, const char *word)
{
	enum hash_alg alg;

	if (begins_with(word, "prf") && hash_of(word + 3, &alg)) {
		if (!p->ike)
			return complain(ERR_CONFIG, p->why, word, "belongs to IKE, leave it out");
		if (p->has_prf)
			return complain(ERR_CONFIG, p->why, word, "a second one of its kind");
		p->has_prf = true;
		p->prf = alg;
		snprintf(p->prf_word, WORD_MAX, "%s", word);
		return 0;
	}
	if (!hash_of(word, &alg))
		return 1;
	if (p->has_hash)
		return complain(ERR_CONFIG, p->why, word, "a second one of its kind");
	p->has_hash = true;
	p->hash = alg;
	snprintf(p->hash_word, WORD_MAX, "%s", word);
	return 0;
}

/* ---- groups ---- */

/* "modp2048", "dh14", "group14"; NULL when it is none. */
static const struct group_row *group_find(const char *word)
{
	unsigned number = 0;
	bool numbered = (begins_with(word, "dh") && number_of(word + 2, &number)) ||
			(begins_with(word, "group") && number_of(word + 5, &number));

	for (size_t i = 0; i < ARRAY_SIZE(group_rows); i++)
		if (numbered ? group_rows[i].number == number : is_word(word, group_rows[i].name))
			return &group_rows[i];
	return NULL;
}

static int group_take(const char *word, enum dh_group *out, char *why)
{
	/* strongSwan's name for a further key exchange. */
	bool further = begins_with(word, "ke1_");
	const struct group_row *row = group_find(further ? word + 4 : word);

	if (!row)
		return 1;
	if (row->refusal || further)
		return complain(ERR_UNSUPPORTED, why, word, row->refusal ? row->refusal : no_kem);
	*out = (enum dh_group)row->number;
	return 0;
}

/* 1: it is no group. */
static int word_group(struct parsed *p, const char *word, const char **at)
{
	char named[WORD_MAX];
	enum dh_group group;
	unsigned number;
	int err;

	if (is_word(word, "group")) {
		if (!word_number(at, &number))
			return complain(ERR_CONFIG, p->why, word, "the number is missing");
		snprintf(named, sizeof(named), "group%u", number);
		word = named;
	}
	err = group_take(word, &group, p->why);
	if (err == 1 && word == named)
		return no_such(p->why, named);
	if (err)
		return err;
	if (p->has_group)
		return complain(ERR_CONFIG, p->why, word, "a second one of its kind");
	p->has_group = true;
	p->group = group;
	return 0;
}

/* ---- what says nothing new ---- */

/* 1: it does say something. */
static int word_filler(const struct parsed *p, const char *word, const char **at)
{
	static const char *const labels[] = { "encr", "encryption", "hash", "integrity" };
	char next[WORD_MAX];

	if (is_word(word, "noesn") || is_word(word, "hmac"))
		return 0;
	if (is_word(word, "esp"))
		return p->ike ? complain(ERR_CONFIG, p->why, word, "belongs in [esp]") : 0;
	for (size_t i = 0; p->ike && i < ARRAY_SIZE(labels); i++)
		if (is_word(word, labels[i]))
			return 0;
	if (!p->ike || !is_word(word, "authentication"))
		return 1;
	for (size_t i = 0; i < 2; i++) {
		if (*at)
			word_next(at, next);
		else
			next[0] = '\0';
		if (!is_word(next, i == 0 ? "pre" : "share"))
			return complain(ERR_UNSUPPORTED, p->why, word,
					"only pre-share is supported");
	}
	return 0;
}

static int parse(const char *text, struct parsed *p, bool ike, char *why)
{
	const char *at = text;

	*p = (struct parsed){ .ike = ike, .why = why };
	while (at) {
		size_t n = strcspn(at, "- \t,");
		const char *begin = at;
		char word[WORD_MAX];
		int err;

		word_next(&at, word);
		if (!word[0]) {
			snprintf(why, WHY_MAX, "\"%.*s\": no such algorithm",
				 (int)(n < 60 ? n : 60), begin);
			return ERR_CONFIG;
		}
		err = word_filler(p, word, &at);
		if (err == 1)
			err = word_cipher(p, word, &at);
		if (err == 1)
			err = word_hash(p, word);
		if (err == 1)
			err = word_group(p, word, &at);
		if (err == 1)
			err = refuse_known(p, word);
		if (err)
			return err;
	}
	return 0;
}

/* ---- suites ---- */

/* What phase 1 of IKEv1 can have (RFC 2409 appendix A). */
static int ike_cipher_of(const struct parsed *p, enum ike_cipher *out)
{
	switch (p->cipher) {
	case ESP_CIPHER_AES_CBC:
		*out = IKE_CIPHER_AES_CBC;
		return 0;
	case ESP_CIPHER_3DES_CBC:
		*out = IKE_CIPHER_3DES_CBC;
		return 0;
	case ESP_CIPHER_AES_GCM_16:
	case ESP_CIPHER_AES_GCM_12:
	case ESP_CIPHER_AES_GCM_8:
		return complain(
			ERR_UNSUPPORTED, p->why, p->cipher_word,
			"IKEv1 has no AEAD for IKE itself: use aes128 or aes256 with a hash");
	case ESP_CIPHER_AES_CTR:
		return complain(ERR_UNSUPPORTED, p->why, p->cipher_word,
				"IKEv1 has no AES-CTR for IKE itself: use aes128 or aes256");
	case ESP_CIPHER_NULL:
		return complain(ERR_UNSUPPORTED, p->why, p->cipher_word,
				"IKE itself is always encrypted: use aes128 or aes256");
	}
	return ERR_UNSUPPORTED;
}

static int check_prf(const struct parsed *p)
{
	if (!p->has_prf || p->prf == p->hash)
		return 0;
	snprintf(p->why, WHY_MAX,
		 "%s: IKEv1 takes its prf from the hash, which is %s here: leave it out",
		 p->prf_word, hash_name(p->hash));
	return ERR_UNSUPPORTED;
}

int ike_suite_parse(const char *text, struct ike_suite *out, char why[WHY_MAX])
{
	enum ike_cipher cipher = IKE_CIPHER_AES_CBC;
	struct parsed p;
	int err = parse(text, &p, true, why);

	if (!err && p.has_cipher)
		err = ike_cipher_of(&p, &cipher);
	if (err)
		return err;
	if (!p.has_cipher)
		return complain(ERR_CONFIG, why, "no cipher", "add aes128 or aes256");
	if (!p.has_hash)
		return complain(ERR_CONFIG, why, "no hash", "add sha256 or sha384");
	if (!p.has_group)
		return complain(ERR_CONFIG, why, "no Diffie-Hellman group",
				"add modp2048, ecp256 or ecp384");
	err = check_prf(&p);
	if (!err)
		*out = (struct ike_suite){ cipher, p.key_bits, p.hash, p.group };
	return err;
}

bool ike_suite_continues(const char *text)
{
	static const char *const labels[] = { "hash", "integrity", "group", "authentication" };

	for (size_t i = 0; i < ARRAY_SIZE(labels); i++)
		if (begins_with(text, labels[i]) && strchr(" \t", text[strlen(labels[i])]) &&
		    text[strlen(labels[i])])
			return true;
	return false;
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
	case HASH_MD5:
		return ESP_INTEG_HMAC_MD5_96;
	}
	return ESP_INTEG_NONE;
}

static bool is_gcm(enum esp_cipher cipher)
{
	return cipher == ESP_CIPHER_AES_GCM_16 || cipher == ESP_CIPHER_AES_GCM_12 ||
	       cipher == ESP_CIPHER_AES_GCM_8;
}

int esp_suite_parse(const char *text, struct esp_suite *out, enum dh_group *pfs, char why[WHY_MAX])
{
	struct parsed p;
	int err = parse(text, &p, false, why);

	if (err)
		return err;
	if (!p.has_cipher)
		return complain(ERR_CONFIG, why, "no cipher", "add aes128gcm16 or aes128-sha256");
	if (is_gcm(p.cipher) && p.has_hash)
		return complain(ERR_CONFIG, why, p.hash_word,
				"AES-GCM has its own integrity check, leave the hash out");
	if (!is_gcm(p.cipher) && !p.has_hash)
		return complain(ERR_CONFIG, why, p.cipher_word,
				"needs an integrity check: add sha256");
	*out = (struct esp_suite){ p.cipher, p.key_bits,
				   p.has_hash ? integ_of(p.hash) : ESP_INTEG_NONE };
	if (esp_suite_keymat(out) == 0)
		return complain(ERR_UNSUPPORTED, why, p.cipher_word,
				"the crypto library of this build cannot do it: use aes128gcm16");
	*pfs = p.has_group ? p.group : DH_NONE;
	return 0;
}

int dh_group_parse(const char *text, enum dh_group *out, char why[WHY_MAX])
{
	char named[WORD_MAX];
	unsigned number;
	int err;

	if (number_of(text, &number) ||
	    (begins_with(text, "group ") && number_of(text + 6, &number))) {
		snprintf(named, sizeof(named), "group%u", number);
		err = group_take(named, out, why);
	} else {
		err = group_take(text, out, why);
	}
	if (err != 1)
		return err;
	snprintf(why, WHY_MAX, "no such group");
	return ERR_CONFIG;
}

const char *ike_suite_name(const struct ike_suite *s, char buf[48])
{
	if (s->cipher == IKE_CIPHER_3DES_CBC)
		snprintf(buf, 48, "3des-%s-%s", hash_name(s->hash), dh_group_name(s->group));
	else
		snprintf(buf, 48, "aes%u-%s-%s", s->key_bits, hash_name(s->hash),
			 dh_group_name(s->group));
	return buf;
}

/* ---- weakness ---- */

bool dh_group_is_weak(enum dh_group group)
{
	return group == DH_MODP_1024 || group == DH_MODP_1536;
}

static const char *weak_join(char buf[IKE_WEAK_MAX], const char *const *names, size_t n)
{
	size_t at = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < n; i++)
		if (names[i])
			at += (size_t)snprintf(buf + at, IKE_WEAK_MAX - at, "%s%s", at ? ", " : "",
					       names[i]);
	return buf;
}

const char *ike_suite_weak(const struct ike_suite *s, char buf[IKE_WEAK_MAX])
{
	const char *const names[] = {
		s->cipher == IKE_CIPHER_3DES_CBC ? "3des" : NULL,
		s->hash == HASH_MD5 ? "md5" : NULL,
		dh_group_is_weak(s->group) ? dh_group_name(s->group) : NULL,
	};

	return weak_join(buf, names, ARRAY_SIZE(names));
}

const char *esp_suite_weak(const struct esp_suite *s, char buf[IKE_WEAK_MAX])
{
	const char *const names[] = {
		s->cipher == ESP_CIPHER_3DES_CBC ? "3des" : NULL,
		s->cipher == ESP_CIPHER_NULL ? "null (no encryption)" : NULL,
		s->integ == ESP_INTEG_HMAC_MD5_96 ? "md5" : NULL,
	};

	return weak_join(buf, names, ARRAY_SIZE(names));
}
