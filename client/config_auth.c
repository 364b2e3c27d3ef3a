/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/config_impl.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "client/psk.h"
#include "client/service.h"

#define KEYS(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define PSK_KEYS KEYS("psk", "psk-file", "psk-fd", "psk-command")
#define PASSWORD_KEYS KEYS("password", "password-file", "password-fd")

/* ---- credentials ---- */

/* Of a service manager, in the order of enum config_given: called as the keys that they stand in for. */
static const char *const given_keys[GIVENS] = { "psk", "password", "key", "pkcs12",
						"key-password" };

static void take_credential(struct config_reader *r, enum config_given which)
{
	r->given[which] = service_credential(given_keys[which]);
}

static bool any_is_set(const struct config_reader *r, const char *const *keys)
{
	for (; *keys; keys++)
		if (config_is_set(r, "auth", *keys))
			return true;
	return false;
}

/* What the configuration says itself counts before them; what it has no use for is not looked at. */
static void take_credentials(struct config_reader *r)
{
	const struct config_draft *d = &r->draft;
	bool own = d->method == IKE_AUTH_RSA;

	if (!r->source->fetch)
		return;
	if (!own && d->method != IKE_AUTH_HYBRID && !any_is_set(r, PSK_KEYS))
		take_credential(r, GIVEN_PSK);
	if ((d->xauth || d->method == IKE_AUTH_HYBRID) && !any_is_set(r, PASSWORD_KEYS) &&
	    !config_is_set(r, "auth", "password-command") && !d->interactive)
		take_credential(r, GIVEN_PASSWORD);
	if (own && config_is_set(r, "auth", "certificate") && !any_is_set(r, KEYS("key", "pkcs12")))
		take_credential(r, GIVEN_KEY);
	if (own && !any_is_set(r, KEYS("certificate", "key", "pkcs12")))
		take_credential(r, GIVEN_PKCS12);
	if (own && !config_is_set(r, "auth", "key-password"))
		take_credential(r, GIVEN_KEY_PASSWORD);
}

/* ---- which keys go together ---- */

/* The one of these keys that is set, or NULL; more than one is too much. */
static const char *one_of(struct config_reader *r, const char *const *keys)
{
	const char *first = NULL;
	char place[CONFIG_PLACE_TEXT_MAX];

	for (; *keys; keys++) {
		if (!config_is_set(r, "auth", *keys))
			continue;
		if (first)
			config_complain(
				r, config_key_place(r, "auth", *keys),
				"[auth] %s stands beside %s in %s; keep one of them", *keys, first,
				config_place_text(config_key_place(r, "auth", first), place));
		else
			first = *keys;
	}
	return first;
}

static const char *method_name(const struct config_reader *r)
{
	return option_find("auth", "method")->words[r->draft.method].word;
}

/* What is missing may be what was misspelt. */
static void complain_of_missing(struct config_reader *r, const char *key, const char *text)
{
	if (!r->unknown)
		config_complain(r, config_value_place(r, "auth", key, 0), "%s", text);
}

static void settle_psk(struct config_reader *r)
{
	const char *psk = one_of(r, PSK_KEYS);

	if (!psk)
		psk = r->given[GIVEN_PSK];
	if (r->draft.method == IKE_AUTH_RSA)
		config_refuse_keys(r, "auth", PSK_KEYS,
				   "is of no use with method = certificate; remove it");
	else if (r->draft.method == IKE_AUTH_PSK && !psk && r->source->may_ask)
		r->draft.config->psk_asked = true;
	else if (r->draft.method == IKE_AUTH_PSK && !psk)
		complain_of_missing(
			r, "psk", "no pre-shared key; set psk, psk-file or psk-command in [auth]");
}

static void settle_own_certificate(struct config_reader *r)
{
	bool certificate = config_is_set(r, "auth", "certificate");
	bool key = config_is_set(r, "auth", "key") || r->given[GIVEN_KEY];

	if (config_is_set(r, "auth", "pkcs12"))
		config_refuse_keys(r, "auth", KEYS("certificate", "key"),
				   "stands beside pkcs12, which has both in it; keep one of them");
	else if (r->given[GIVEN_PKCS12])
		return;
	else if (!certificate && !key)
		complain_of_missing(
			r, "method",
			"[auth] method = certificate needs our own: set certificate and "
			"key, or pkcs12");
	else if (!key)
		complain_of_missing(r, "certificate",
				    "[auth] certificate needs its private key: set key");
	else if (!certificate)
		complain_of_missing(
			r, "key",
			"[auth] key is of no use without its certificate: set certificate");
}

static void settle_certificates(struct config_reader *r)
{
	if (r->draft.method == IKE_AUTH_PSK) {
		config_refuse_keys(
			r, "auth",
			KEYS("ca", "certificate", "key", "pkcs12", "key-password", "crl"),
			"is of no use with method = psk; remove it, or choose method = certificate "
			"or hybrid");
		return;
	}
	if (r->draft.method == IKE_AUTH_RSA)
		settle_own_certificate(r);
	else
		config_refuse_keys(
			r, "auth", KEYS("certificate", "key", "pkcs12", "key-password"),
			"is of no use with method = hybrid, where the gateway alone has a "
			"certificate; remove it");
	if (!config_is_set(r, "auth", "ca")) {
		char text[200];

		snprintf(text, sizeof(text),
			 "[auth] method = %s needs ca: the certificates of those who vouch for the "
			 "gateway",
			 method_name(r));
		complain_of_missing(r, "method", text);
	}
}

static void settle_user(struct config_reader *r)
{
	const struct config_draft *d = &r->draft;
	struct session_config *s = &d->config->session;
	bool hybrid = d->method == IKE_AUTH_HYBRID;
	const char *password = one_of(r, PASSWORD_KEYS);

	s->ike.xauth = d->xauth || hybrid;
	if (hybrid && !d->xauth && config_is_set(r, "auth", "xauth"))
		complain_of_missing(r, "xauth",
				    "[auth] xauth = no does not go with method = hybrid, which is "
				    "about the user's password; remove it");
	if (!s->ike.xauth) {
		config_refuse_keys(r, "auth",
				   KEYS("username", "password", "password-file", "password-fd",
					"password-command", "domain"),
				   "is of no use without a user: set xauth = yes, or remove it");
		if (d->interactive)
			complain_of_missing(r, "interactive",
					    "[auth] interactive is of no use without a user: set "
					    "xauth = yes, or remove it");
	}
	if (s->ike.xauth && d->interactive && password)
		config_warn(r, config_key_place(r, "auth", password),
			    "[auth] %s is not used, since interactive = yes asks each time",
			    password);
	snprintf(s->username, sizeof(s->username), "%s", d->username ? d->username : "");
	snprintf(s->user_domain, sizeof(s->user_domain), "%s", d->domain ? d->domain : "");
	s->ask_always = d->interactive;
	if (d->password)
		secret_set(&s->password, SLICE_STR(d->password));
	if (d->password_command)
		d->config->password_command = xstrdup(d->password_command);
}

/* ---- who may read and write the file ---- */

/* Of keys with their sections, the first that is set in the file: its place. NOWHERE: none. */
static struct config_place first_set(const struct config_reader *r, const char *const *keys)
{
	for (; *keys; keys++) {
		const char *section = strcmp(*keys, "script") == 0 ? "hooks" : "auth";

		if (config_is_set(r, section, *keys) &&
		    config_key_place(r, section, *keys).line != CONFIG_ARGV)
			return config_key_place(r, section, *keys);
	}
	return CONFIG_NOWHERE;
}

static void check_permissions(struct config_reader *r)
{
	const struct config_source *s = r->source;
	struct config_place secret = first_set(r, KEYS("psk", "password", "key-password"));
	struct config_place command =
		first_set(r, KEYS("psk-command", "password-command", "script"));

	if (secret.line && (s->mode & 077))
		config_complain(r, secret,
				"the file holds a secret and is open to others (mode %04o); run: "
				"chmod 600 %s",
				(unsigned)s->mode & 07777, s->file);
	if (!command.line)
		return;
	if (s->mode & 022)
		config_complain(r, command,
				"others can change the command (mode %04o); run: chmod go-w %s",
				(unsigned)s->mode & 07777, s->file);
	if (s->owner != 0 && s->owner != geteuid())
		config_complain(
			r, command,
			"the command is uid %u's, who owns the file, and would run as uid %u; run: "
			"chown %u %s",
			(unsigned)s->owner, (unsigned)geteuid(), (unsigned)geteuid(), s->file);
}

void config_settle_auth(struct config_reader *r)
{
	r->draft.config->session.ike.auth = (enum ike_auth)r->draft.method;
	check_permissions(r);
	/* What goes together is not known then. */
	if (config_is_refused(r, "auth", "method") || config_is_refused(r, "auth", "xauth"))
		return;
	take_credentials(r);
	settle_psk(r);
	settle_certificates(r);
	settle_user(r);
}

/* ---- what comes from elsewhere ---- */

static void fetch_from_file(struct config_reader *r, const char *key, const char *file,
			    struct secret *out)
{
	char why[PSK_WHY_MAX] = "";
	char *path = config_beside(r, "auth", key, file);

	if (psk_from_file(path, out, why) != 0)
		config_complain(r, config_value_place(r, "auth", key, 0), "[auth] %s: %s %s", key,
				path, why);
	free(path);
}

static void fetch_from_fd(struct config_reader *r, const char *key, unsigned fd, struct secret *out)
{
	char why[PSK_WHY_MAX] = "";

	if (psk_from_fd((int)fd, PSK_FD_TIMEOUT_MS, out, why) != 0)
		config_complain(r, config_value_place(r, "auth", key, 0), "[auth] %s: it %s", key,
				why);
}

static void fetch_credential(struct config_reader *r, enum config_given which, struct secret *out)
{
	char why[PSK_WHY_MAX] = "";

	if (r->given[which] && psk_from_file(r->given[which], out, why) != 0)
		config_complain(r, CONFIG_NOWHERE, "the credential %s: it %s", given_keys[which],
				why);
}

static void fetch_secrets(struct config_reader *r)
{
	const struct config_draft *d = &r->draft;
	struct session_config *s = &d->config->session;
	char why[PSK_WHY_MAX] = "";

	if (d->psk_file)
		fetch_from_file(r, "psk-file", d->psk_file, &s->ike.psk);
	else if (d->psk_fd)
		fetch_from_fd(r, "psk-fd", d->psk_fd, &s->ike.psk);
	else if (d->psk_command &&
		 psk_from_command(d->psk_command, PSK_COMMAND_TIMEOUT_MS, &s->ike.psk, why) != 0)
		config_complain(r, config_value_place(r, "auth", "psk-command", 0),
				"[auth] psk-command: it %s", why);
	fetch_credential(r, GIVEN_PSK, &s->ike.psk);
	if (d->password_file)
		fetch_from_file(r, "password-file", d->password_file, &s->password);
	else if (d->password_fd)
		fetch_from_fd(r, "password-fd", d->password_fd, &s->password);
	fetch_credential(r, GIVEN_PASSWORD, &s->password);
}

/* The files of certificates, in the order of struct credentials_source. */
enum credentials_file {
	FILE_CA,
	FILE_CERTIFICATE,
	FILE_KEY,
	FILE_PKCS12,
	FILE_CRL,
	FILES
};

static const char *const file_keys[FILES] = { "ca", "certificate", "key", "pkcs12", "crl" };

/* The complaint names the file it is about: the longest name, since one may begin another. */
static const char *key_complained_of(char *const paths[FILES], const char *why)
{
	const char *key = "method";
	size_t longest = 0;

	for (unsigned i = 0; i < FILES; i++) {
		if (paths[i] && strlen(paths[i]) > longest && strstr(why, paths[i])) {
			longest = strlen(paths[i]);
			key = file_keys[i];
		}
	}
	return key;
}

static void fetch_credentials(struct config_reader *r)
{
	const struct config_draft *d = &r->draft;
	const char *const files[FILES] = {
		d->ca,
		d->certificate,
		r->given[GIVEN_KEY] ? r->given[GIVEN_KEY] : d->key,
		r->given[GIVEN_PKCS12] ? r->given[GIVEN_PKCS12] : d->pkcs12,
		d->crl,
	};
	struct secret password = { 0 };
	char *paths[FILES] = { NULL };
	char why[CERT_WHY_MAX] = "";
	struct credentials_source source = { 0 };
	const char *key;

	fetch_credential(r, GIVEN_KEY_PASSWORD, &password);
	source.password = d->key_password ? SLICE_STR(d->key_password) : secret_slice(&password);
	for (unsigned i = 0; i < FILES; i++)
		paths[i] = files[i] ? config_beside(r, "auth", file_keys[i], files[i]) : NULL;
	source.ca = paths[FILE_CA];
	source.certificate = paths[FILE_CERTIFICATE];
	source.key = paths[FILE_KEY];
	source.pkcs12 = paths[FILE_PKCS12];
	source.crl = paths[FILE_CRL];
	if (crypto_init() != 0)
		config_complain(r, CONFIG_NOWHERE, "the cryptographic library does not start");
	else if (credentials_load(&source, &d->config->credentials, why) != 0) {
		key = key_complained_of(paths, why);
		config_complain(r, config_value_place(r, "auth", key, 0), "[auth] %s: %s", key,
				why);
	}
	d->config->session.ike.credentials = d->config->credentials;
	secret_free(&password);
	for (unsigned i = 0; i < FILES; i++)
		free(paths[i]);
}

void config_fetch_auth(struct config_reader *r)
{
	fetch_secrets(r);
	if (r->draft.method != IKE_AUTH_PSK)
		fetch_credentials(r);
}
