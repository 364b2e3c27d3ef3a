/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What can be done with this configuration, but had better not, and why. */
#include <ctype.h>
#include <stdarg.h>
#include <sys/stat.h>

#include "client/check_impl.h"
#include "client/options.h"

#define PSK_BITS_GOOD 80
#define KEYLIFE_LONG_S 86400u
#define KEYLIFE_SHORT_S 300u
#define CAS_MANY 20

__attribute__((format(printf, 3, 4))) static void warn(const struct config *c, FILE *err,
						       const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fprintf(err, "%s: warning: ", c->file);
	vfprintf(err, format, args);
	fputc('\n', err);
	va_end(args);
}

/* ---- the key ---- */

/* Tenths of a bit that a character is worth which is drawn from so many kinds. */
static unsigned bits_each(bool letters, bool capitals, bool digits, bool others)
{
	unsigned n = 26u * letters + 26u * capitals + 10u * digits + 32u * others;

	return n <= 10 ? 33 : n <= 26 ? 47 : n <= 36 ? 52 : n <= 52 ? 57 : n <= 62 ? 60 : 65;
}

/*
 * How many bits a guesser has to find at best. Letters, and at most four digits behind them, are taken
 * for words, of which a letter is worth two bits.
 */
unsigned check_psk_bits(struct slice psk)
{
	bool letters = false, capitals = false, digits = false, others = false;
	bool blanks = false;
	bool seen[256] = { false };
	unsigned kinds = 0;
	size_t tail = 0;

	for (size_t i = 0; i < psk.n; i++) {
		uint8_t c = psk.p[i];

		letters |= islower(c) != 0;
		capitals |= isupper(c) != 0;
		digits |= isdigit(c) != 0;
		others |= !isalnum(c) && !strchr(" -_.", c);
		blanks |= !isalnum(c);
		tail = isdigit(c) ? tail + 1 : 0;
		kinds += !seen[c];
		seen[c] = true;
	}
	digits = false;
	for (size_t i = 0; i < psk.n - tail; i++)
		digits |= isdigit(psk.p[i]) != 0;
	if (!digits && !others && tail <= 4 && psk.n > tail)
		return (unsigned)(2 * (psk.n - tail) + 3 * tail);
	digits |= tail > 0;
	others |= blanks;
	/* "aaaaaaaa" is long, and not much. */
	if (kinds * 2 < psk.n && kinds < 8)
		return (unsigned)(kinds * bits_each(letters, capitals, digits, others) / 10);
	return (unsigned)(psk.n * bits_each(letters, capitals, digits, others) / 10);
}

static void warn_psk(const struct config *c, FILE *err)
{
	const struct ike_config *ike = &c->session.ike;
	unsigned bits;

	if (ike->auth != IKE_AUTH_PSK)
		return;
	if (ike->mode == IKE_MODE_AGGRESSIVE)
		warn(c, err,
		     "[gateway] mode = aggressive with a pre-shared key: whoever watches one "
		     "connection can try passwords for the key at leisure; prefer method = "
		     "certificate or hybrid, or a long random key");
	bits = check_psk_bits(secret_slice(&ike->psk));
	if (ike->psk.n && bits < PSK_BITS_GOOD)
		warn(c, err,
		     "[auth] psk is worth about %u bits, and can be guessed%s; one of 128 bits and "
		     "more is made by: openssl rand -base64 24",
		     bits,
		     ike->mode == IKE_MODE_AGGRESSIVE ?
			     " offline by whoever has seen one connection" :
			     " by whoever plays the gateway once");
	if (ike->xauth)
		warn(c, err,
		     "[auth] xauth with a pre-shared key: all who know the key can play the gateway "
		     "and take the user's password; method = hybrid or certificate proves the "
		     "gateway first");
	else if (ike->remote_any)
		warn(c, err,
		     "[gateway] identity = any: all who know the key can play the gateway; name it");
}

/* ---- what is offered ---- */

struct reason {
	const char *word;
	const char *why;
};

static const struct reason reasons[] = {
	{ "3des",
	  "its blocks are so short that they repeat after some gigabytes, and tell then what "
	  "was in them" },
	{ "md5", "what bears the same sum can be made at will" },
	{ "modp1024", "its keys can be computed by who can afford it, once for all that use it" },
	{ "modp1536", "its keys may be computed by who can afford it, once for all that use it" },
	{ "null", "it does not encrypt: the data can be read on the way" },
};

/* weak: the words of a suite, "3des, md5". Each is told of once. */
static void warn_weak(const struct config *c, const char *section, const char *weak, unsigned *told,
		      FILE *err)
{
	for (unsigned i = 0; i < ARRAY_SIZE(reasons); i++) {
		if (!strstr(weak, reasons[i].word) || *told & 1u << i)
			continue;
		*told |= 1u << i;
		warn(c, err, "[%s] %s: %s; take it out if the gateway can do better", section,
		     reasons[i].word, reasons[i].why);
	}
}

static void warn_child(const struct config *c, const char *section,
		       const struct ike_child_config *child, unsigned *told, FILE *err)
{
	char weak[IKE_WEAK_MAX];

	for (unsigned i = 0; i < child->nsuites; i++)
		warn_weak(c, section, esp_suite_weak(&child->suites[i], weak), told, err);
	if (dh_group_is_weak(child->pfs))
		warn_weak(c, section, dh_group_name(child->pfs), told, err);
}

static void warn_suites(const struct config *c, FILE *err)
{
	const struct ike_config *ike = &c->session.ike;
	const struct ike_child_config *child = &c->session.child;
	unsigned told_ike = 0, told_esp = 0, sha1_ike = 0, sha1_esp = 0;
	char weak[IKE_WEAK_MAX], section[SESSION_RULE_NAME_MAX + 8];

	for (unsigned i = 0; i < ike->nsuites; i++) {
		warn_weak(c, "ike", ike_suite_weak(&ike->suites[i], weak), &told_ike, err);
		sha1_ike += ike->suites[i].hash == HASH_SHA1;
	}
	for (unsigned i = 0; i < child->nsuites; i++)
		sha1_esp += child->suites[i].integ == ESP_INTEG_HMAC_SHA1_96;
	warn_child(c, "esp", child, &told_esp, err);
	/* What a rule has from [esp] has been told of. */
	for (unsigned i = 0; i < c->session.nrules; i++) {
		const struct session_rule *rule = &c->session.rules[i];

		snprintf(section, sizeof(section), "policy %s", rule->name);
		if (rule->action == POLICY_PROTECT)
			warn_child(c, section, &rule->child, &told_esp, err);
	}
	if (sha1_ike == ike->nsuites || sha1_esp == child->nsuites)
		warn(c, err,
		     "[%s] sha1 alone is offered: it still holds as it is used here, but is on its way "
		     "out; offer sha256 before it",
		     sha1_ike == ike->nsuites ? "ike" : "esp");
}

static void warn_keys(const struct config *c, FILE *err)
{
	const struct session_config *s = &c->session;
	char life[16];

	if (s->child.pfs == DH_NONE && !s->pfs_as_config)
		warn(c, err,
		     "[esp] pfs = no: who comes to know IKE's keys, once, can read all data that was "
		     "under keys made from them");
	if (s->child.keylife_s > KEYLIFE_LONG_S)
		warn(c, err,
		     "[esp] keylife = %s: who comes to know a key can read all of that time",
		     duration_text(s->child.keylife_s, life));
	if (s->child.keylife_s < KEYLIFE_SHORT_S)
		warn(c, err,
		     "[esp] keylife = %s: keys are negotiated all the time, and packets wait where one "
		     "of these goes wrong",
		     duration_text(s->child.keylife_s, life));
}

/* ---- where it goes, and who is believed ---- */

static void warn_leak(const struct config *c, FILE *err)
{
	const struct session_config *s = &c->session;
	bool all4 = check_is_covered(s, FAMILY_IP4), all6 = check_is_covered(s, FAMILY_IP6);

	if (all4 != all6 && s->fallback == POLICY_BYPASS)
		warn(c, err,
		     "[tunnel] remote has all of IPv%d, but IPv%d leaves in the clear beside the "
		     "tunnel; default = discard refuses it, %s takes it along",
		     all4 ? 4 : 6, all4 ? 6 : 4, all4 ? "::/0" : "0.0.0.0/0");
}

static void warn_authorities(const struct config *c, FILE *err)
{
	unsigned n = 0;

	if (c->session.ike.auth == IKE_AUTH_PSK || !c->credentials)
		return;
	while (credentials_root(c->credentials, n).n)
		n++;
	if (n > CAS_MANY)
		warn(c, err,
		     "[auth] ca has %u authorities, each of which can vouch for another gateway; name "
		     "the one that issued the gateway's certificate",
		     n);
}

static void warn_file(const struct config *c, FILE *err)
{
	struct stat st;

	if (stat(c->file, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 022))
		warn(c, err, "others can change this file (mode %04o); run: chmod go-w %s",
		     (unsigned)st.st_mode & 07777, c->file);
}

/* Whether a NAT is in between is known when the tunnel is up: here it is said wherever ESP may be
 * bare. */
static void warn_nat(const struct config *c, FILE *err)
{
	char text[SESSION_WARNING_MAX];

	if (c->session.ike.transport == IKE_TRANSPORT_UDP)
		return;
	for (unsigned fault = NAT_MODEL_PINGTIME; fault <= NAT_MODEL_MAXIDLE; fault <<= 1)
		if (session_nat_warning(&c->session, (enum nat_model_fault)fault, text))
			warn(c, err, "%s", text);
}

void check_warn(const struct config *c, FILE *err)
{
	warn_psk(c, err);
	warn_suites(c, err);
	warn_keys(c, err);
	warn_leak(c, err);
	warn_authorities(c, err);
	warn_file(c, err);
	warn_nat(c, err);
}
