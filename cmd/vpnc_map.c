/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cmd/vpnc.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/secret.h"

#define NAME_MAX_CONNECTION 64
#define LIST_MAX 512

struct map {
	const struct vpnc_settings *s;
	enum vpnc_map_for purpose;
	struct conf_text *out;
	FILE *err;
	bool failed;
};

__attribute__((format(printf, 2, 3))) static void refuse(struct map *m, const char *format, ...)
{
	va_list args;

	if (m->failed)
		return;
	m->failed = true;
	fprintf(m->err, "%s: ", m->s->program);
	va_start(args, format);
	vfprintf(m->err, format, args);
	va_end(args);
	fputc('\n', m->err);
}

static void note(const struct map *m, const char *text)
{
	fprintf(m->err, "%s: %s\n", m->s->program, text);
}

static bool is_set(const struct map *m, enum vpnc_setting which)
{
	return vpnc_is_set(m->s, which);
}

static bool is(const struct map *m, enum vpnc_setting which, const char *value)
{
	const char *set = vpnc_value(m->s, which);

	return set && strcasecmp(set, value) == 0;
}

/* What vpnc would do is written for it; for a file only what somebody has said. */
static bool wanted(const struct map *m, enum vpnc_setting which)
{
	return m->purpose == VPNC_MAP_RUN || is_set(m, which);
}

static void copy(const struct map *m, const char *section, const char *key, enum vpnc_setting which)
{
	if (is_set(m, which))
		conf_set(m->out, section, key, m->s->value[which]);
}

/* A decimal number up to max. */
static bool number(struct map *m, enum vpnc_setting which, unsigned long max, unsigned long *out)
{
	const char *text = vpnc_value(m->s, which);
	size_t n = strspn(text, "0123456789");

	*out = strtoul(text, NULL, 10);
	if (n > 0 && n < 10 && text[n] == '\0' && *out <= max)
		return true;
	refuse(m, "%s must be a number from 0 to %lu, not '%s'", vpnc_options[which].keyword, max,
	       text);
	return false;
}

/* ---- groups and proposals ---- */

static const struct group {
	const char *name; /* vpnc's */
	const char *group; /* NULL: not to be had */
	bool weak;
	const char *why;
} groups[] = {
	{ "dh1", NULL, true, "768 bits are broken; dh14 and up are safe" },
	{ "dh2", "modp1024", true, NULL },
	{ "dh5", "modp1536", true, NULL },
	{ "dh14", "modp2048", false, NULL },
	{ "dh15", "modp3072", false, NULL },
	{ "dh16", "modp4096", false, NULL },
	{ "dh17", NULL, false, "the largest is dh16" },
	{ "dh18", NULL, false, "the largest is dh16" },
};

static const struct group *find_group(struct map *m, enum vpnc_setting which)
{
	const char *name = vpnc_value(m->s, which);

	for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
		if (strcasecmp(groups[i].name, name) != 0)
			continue;
		if (groups[i].group)
			return &groups[i];
		refuse(m, "%s \"%s\" unsupported: %s", vpnc_options[which].keyword, name,
		       groups[i].why);
		return NULL;
	}
	refuse(m, "%s \"%s\" unsupported; there are dh2, dh5, dh14, dh15 and dh16%s",
	       vpnc_options[which].keyword, name, which == VPNC_PFS ? ", nopfs and server" : "");
	return NULL;
}

enum need {
	NEED_NOTHING = 0,
	NEED_WEAK_ENCRYPTION = 1,
	NEED_WEAK_AUTHENTICATION = 2,
	NEED_NO_ENCRYPTION = 4,
};

struct offer {
	const char *name;
	unsigned needs;
};

/* What vpnc offers, the strongest first, and better ones in front. */
static const struct offer ike_offers[] = {
	{ "aes256-sha512", NEED_NOTHING },
	{ "aes256-sha256", NEED_NOTHING },
	{ "aes192-sha256", NEED_NOTHING },
	{ "aes128-sha256", NEED_NOTHING },
	{ "aes256-sha1", NEED_NOTHING },
	{ "aes192-sha1", NEED_NOTHING },
	{ "aes128-sha1", NEED_NOTHING },
	{ "3des-sha1", NEED_WEAK_ENCRYPTION },
	{ "aes256-md5", NEED_WEAK_AUTHENTICATION },
	{ "aes192-md5", NEED_WEAK_AUTHENTICATION },
	{ "aes128-md5", NEED_WEAK_AUTHENTICATION },
	{ "3des-md5", NEED_WEAK_ENCRYPTION | NEED_WEAK_AUTHENTICATION },
};

static const struct offer esp_offers[] = {
	{ "aes256gcm16", NEED_NOTHING },
	{ "aes128gcm16", NEED_NOTHING },
	{ "aes256-sha256", NEED_NOTHING },
	{ "aes192-sha256", NEED_NOTHING },
	{ "aes128-sha256", NEED_NOTHING },
	{ "aes256-sha1", NEED_NOTHING },
	{ "aes192-sha1", NEED_NOTHING },
	{ "aes128-sha1", NEED_NOTHING },
	{ "3des-sha1", NEED_WEAK_ENCRYPTION },
	{ "aes256-md5", NEED_WEAK_AUTHENTICATION },
	{ "aes192-md5", NEED_WEAK_AUTHENTICATION },
	{ "aes128-md5", NEED_WEAK_AUTHENTICATION },
	{ "3des-md5", NEED_WEAK_ENCRYPTION | NEED_WEAK_AUTHENTICATION },
	{ "null-sha1", NEED_NO_ENCRYPTION },
	{ "null-md5", NEED_NO_ENCRYPTION | NEED_WEAK_AUTHENTICATION },
};

static unsigned allowed(const struct map *m)
{
	unsigned all = 0;

	if (is_set(m, VPNC_WEAK_ENCRYPTION) || is_set(m, VPNC_SINGLE_DES))
		all |= NEED_WEAK_ENCRYPTION;
	if (is_set(m, VPNC_WEAK_AUTHENTICATION))
		all |= NEED_WEAK_AUTHENTICATION;
	if (is_set(m, VPNC_NO_ENCRYPTION))
		all |= NEED_NO_ENCRYPTION;
	return all;
}

/* The offers that are allowed, each with the suffix behind it. True when there is a weak one. */
static bool list_offers(const struct offer *offers, size_t n, unsigned may, const char *suffix,
			char list[LIST_MAX])
{
	size_t used = 0;
	bool weak = false;

	for (size_t i = 0; i < n; i++) {
		if (offers[i].needs & ~may)
			continue;
		used += (size_t)snprintf(list + used, LIST_MAX - used, "%s%s%s", used ? ", " : "",
					 offers[i].name, suffix);
		weak |= offers[i].needs != NEED_NOTHING;
	}
	return weak;
}

static void map_ike(struct map *m)
{
	const struct group *group;
	char list[LIST_MAX], suffix[16];
	unsigned long dpd;
	bool weak;

	if (is(m, VPNC_DH, "nopfs")) {
		refuse(m, "IKE DH Group must not be nopfs");
		return;
	}
	group = find_group(m, VPNC_DH);
	if (!group)
		return;
	snprintf(suffix, sizeof(suffix), "-%s", group->group);
	weak = list_offers(ike_offers, ARRAY_SIZE(ike_offers), allowed(m), suffix, list);
	conf_set(m->out, "ike", "proposals", list);
	if (weak || group->weak)
		conf_set(m->out, "ike", "allow-weak", "yes");
	if (!wanted(m, VPNC_DPD_IDLE) || !number(m, VPNC_DPD_IDLE, 86400, &dpd))
		return;
	if (dpd > 0 && dpd < 10)
		dpd = 10;
	if (dpd == 0)
		conf_set(m->out, "ike", "dpd", "0");
	else
		conf_setf(m->out, "ike", "dpd", "%lus", dpd);
}

static void map_encapsulation(struct map *m)
{
	static const char *const modes[][2] = {
		{ "natt", "auto" },
		{ "force-natt", "udp" },
		{ "none", "esp" },
		{ "cisco-udp", "cisco-udp" },
	};

	if (!wanted(m, VPNC_NATT_MODE))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		if (!is(m, VPNC_NATT_MODE, modes[i][0]))
			continue;
		conf_set(m->out, "esp", "encapsulation", modes[i][1]);
		return;
	}
	refuse(m, "unknown nat traversal mode %s; known modes: natt none force-natt cisco-udp",
	       vpnc_value(m->s, VPNC_NATT_MODE));
}

static void map_esp(struct map *m)
{
	const struct group *group = NULL;
	char list[LIST_MAX];
	bool weak = list_offers(esp_offers, ARRAY_SIZE(esp_offers), allowed(m), "", list);

	conf_set(m->out, "esp", "proposals", list);
	if (is(m, VPNC_PFS, "nopfs")) {
		conf_set(m->out, "esp", "pfs", "no");
	} else if (is(m, VPNC_PFS, "server")) {
		conf_set(m->out, "esp", "pfs", "server");
	} else {
		group = find_group(m, VPNC_PFS);
		if (!group)
			return;
		conf_set(m->out, "esp", "pfs", group->group);
	}
	if (weak || (group && group->weak))
		conf_set(m->out, "esp", "allow-weak", "yes");
	map_encapsulation(m);
}

/* ---- the gateway ---- */

static bool find_address(const char *text, struct addr *out)
{
	struct addrinfo hints = { .ai_family = AF_INET, .ai_socktype = SOCK_DGRAM }, *found;
	const struct sockaddr_in *in;

	if (addr_parse(text, out))
		return true;
	if (getaddrinfo(text, NULL, &hints, &found) != 0)
		return false;
	in = (const struct sockaddr_in *)(const void *)found->ai_addr;
	addr_from_bytes(slice(&in->sin_addr, sizeof(in->sin_addr)), out);
	freeaddrinfo(found);
	return true;
}

/*
 * With the group's password vpnc believes whoever knows it; a certificate must be for the gateway by
 * the name that was asked for, or else for its address.
 */
static void map_peer(struct map *m)
{
	const char *gateway = m->s->value[VPNC_GATEWAY];
	struct addr a;

	if (is(m, VPNC_AUTH_MODE, "psk"))
		conf_set(m->out, "gateway", "identity", "any");
	else if (!addr_parse(gateway, &a) && !strchr(gateway, ','))
		conf_set(m->out, "gateway", "identity", gateway);
}

static void map_local(struct map *m)
{
	const char *text = vpnc_value(m->s, VPNC_LOCAL_ADDR);
	char shown[ADDR_TEXT_MAX];
	struct addr a;
	unsigned long port;

	if (wanted(m, VPNC_LOCAL_PORT) && number(m, VPNC_LOCAL_PORT, 65535, &port))
		conf_setf(m->out, "gateway", "local-port", "%lu", port);
	if (!find_address(text, &a))
		refuse(m, "unknown host `%s'", text);
	else if (!addr_is_unspecified(&a))
		conf_set(m->out, "gateway", "local-address", addr_text(&a, shown));
}

static void map_gateway(struct map *m, const char *mode)
{
	static const char *const vendors[] = { "cisco", "netscreen", "fortigate" };
	const char *vendor = NULL;
	unsigned long port;

	conf_set(m->out, "gateway", "address", m->s->value[VPNC_GATEWAY]);
	conf_set(m->out, "gateway", "version", "ikev1");
	conf_set(m->out, "gateway", "mode", mode);
	for (size_t i = 0; i < ARRAY_SIZE(vendors); i++)
		if (is(m, VPNC_VENDOR, vendors[i]))
			vendor = vendors[i];
	if (vendor)
		conf_set(m->out, "gateway", "vendor", vendor);
	else
		refuse(m, "unknown vendor %s; known vendors: cisco netscreen fortigate",
		       vpnc_value(m->s, VPNC_VENDOR));
	map_peer(m);
	map_local(m);
	if (number(m, VPNC_UDP_PORT, 65535, &port) && port > 0 &&
	    is(m, VPNC_NATT_MODE, "cisco-udp"))
		conf_setf(m->out, "gateway", "cisco-port", "%lu", port);
	if (wanted(m, VPNC_APPLICATION_VERSION))
		conf_set(m->out, "gateway", "application-version",
			 vpnc_value(m->s, VPNC_APPLICATION_VERSION));
}

/* ---- who we are ---- */

static void map_identity(struct map *m)
{
	const char *id = m->s->value[VPNC_ID];

	if (!id)
		note(m, "IPSec ID is missing: put the group's name as identity = keyid:NAME in "
			"[auth]");
	else if (is(m, VPNC_VENDOR, "netscreen"))
		conf_setf(m->out, "auth", "identity", "email:%s", id);
	else
		conf_setf(m->out, "auth", "identity", "keyid:%s", id);
}

static void map_psk(struct map *m)
{
	if (is_set(m, VPNC_SECRET) && m->s->value[VPNC_SECRET][0]) {
		copy(m, "auth", "psk", VPNC_SECRET);
	} else if (is(m, VPNC_AUTH_MODE, "psk")) {
		note(m, "the group's password is missing: put it in one line into group.psk beside "
			"the file, mode 600");
		conf_set(m->out, "auth", "psk-file", "group.psk");
	}
}

/* A word of the shell that is this text. */
static bool shell_quote(const char *text, char *out, size_t size)
{
	size_t n = 0;

	for (out[n++] = '\''; *text; text++) {
		if (n + 6 > size)
			return false;
		if (*text == '\'')
			n += (size_t)snprintf(out + n, size - n, "'\\''");
		else
			out[n++] = *text;
	}
	out[n++] = '\'';
	out[n] = '\0';
	return true;
}

static void map_helper(struct map *m)
{
	char path[PATH_MAX], word[2048], command[sizeof(word) + 16];

	if (!realpath(m->s->value[VPNC_PASSWORD_HELPER], path)) {
		refuse(m, "can't run password helper program: there is no %s",
		       m->s->value[VPNC_PASSWORD_HELPER]);
	} else if (!shell_quote(path, word, sizeof(word))) {
		refuse(m, "the password helper's name is too long");
	} else {
		snprintf(command, sizeof(command), "exec %s \"$1\"", word);
		conf_set(m->out, "auth", "password-command", command);
	}
}

/* A helper is run each time that a password is needed, which is what `interactive` is about. */
static void map_password(struct map *m)
{
	bool helper = is_set(m, VPNC_PASSWORD_HELPER);
	bool interactive = is_set(m, VPNC_XAUTH_INTERACTIVE);
	bool password = is_set(m, VPNC_PASSWORD) && m->s->value[VPNC_PASSWORD][0];

	if (password && !interactive) {
		copy(m, "auth", "password", VPNC_PASSWORD);
		if (helper)
			note(m, "Password helper: not used for the user, whose password is set");
	} else if (helper) {
		map_helper(m);
	} else if (interactive) {
		conf_set(m->out, "auth", "interactive", "yes");
	}
}

static void map_user(struct map *m)
{
	conf_set(m->out, "auth", "xauth", "yes");
	copy(m, "auth", "username", VPNC_USERNAME);
	map_password(m);
	copy(m, "auth", "domain", VPNC_DOMAIN);
}

/* From the directory where we are, which is another one in the background. */
static void map_ca(struct map *m)
{
	const char *name = vpnc_value(m->s, is_set(m, VPNC_CA_FILE) ? VPNC_CA_FILE : VPNC_CA_DIR);
	char path[PATH_MAX];

	if (realpath(name, path))
		conf_set(m->out, "auth", "ca", path);
	else if (m->purpose == VPNC_MAP_IMPORT)
		conf_set(m->out, "auth", "ca", name);
	else
		refuse(m, "%s: %s: %s", is_set(m, VPNC_CA_FILE) ? "CA-File" : "CA-Dir", name,
		       strerror(errno));
}

static void map_certificate(struct map *m)
{
	if (m->purpose == VPNC_MAP_RUN) {
		refuse(m, "IKE Authmode cert needs a certificate, for which a vpnc file has no "
			  "keyword; write a vpn.conf: godwit import begins one");
		return;
	}
	note(m, "the certificate is not in the file: put it with its key beside the new file, as "
		"client.p12");
	conf_set(m->out, "auth", "pkcs12", "client.p12");
	map_ca(m);
}

static void map_auth(struct map *m)
{
	static const char *const methods[][2] = {
		{ "psk", "psk" },
		{ "hybrid", "hybrid" },
		{ "cert", "certificate" },
	};
	const char *method = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(methods); i++)
		if (is(m, VPNC_AUTH_MODE, methods[i][0]))
			method = methods[i][1];
	if (!method) {
		refuse(m, "unknown authentication mode %s; known modes: psk hybrid",
		       vpnc_value(m->s, VPNC_AUTH_MODE));
		return;
	}
	conf_set(m->out, "auth", "method", method);
	if (strcmp(method, "certificate") == 0) {
		map_certificate(m);
	} else {
		map_identity(m);
		map_psk(m);
	}
	if (strcmp(method, "hybrid") == 0)
		map_ca(m);
	map_user(m);
}

/* ---- the tunnel ---- */

/* "10.0.0.0/8" or "10.0.0.0/255.0.0.0"; a mask must have no holes. */
static bool take_network(const char *text, struct prefix *out)
{
	const char *slash = strchr(text, '/');
	char plain[PREFIX_TEXT_MAX];
	struct addr mask;
	unsigned len = 0;

	if (!slash || !strchr(slash, '.'))
		return slash && prefix_parse(text, out);
	if (!addr_parse(slash + 1, &mask) || mask.family != FAMILY_IP4)
		return false;
	while (len < 32 && mask.b[len / 8] & (0x80 >> len % 8))
		len++;
	for (unsigned i = len; i < 32; i++)
		if (mask.b[i / 8] & (0x80 >> i % 8))
			return false;
	snprintf(plain, sizeof(plain), "%.*s/%u", (int)(slash - text), text, len);
	return prefix_parse(plain, out);
}

static void map_remote(struct map *m)
{
	const char *text = vpnc_value(m->s, VPNC_TARGET_NETWORK);
	char shown[PREFIX_TEXT_MAX];
	struct prefix network;

	if (!take_network(text, &network))
		refuse(m,
		       "IPSEC target network must be like 10.0.0.0/8 or 10.0.0.0/255.0.0.0, not "
		       "'%s'",
		       text);
	else if (network.len > 0)
		conf_set(m->out, "tunnel", "remote", prefix_text(&network, shown));
}

static void map_device(struct map *m)
{
	char name[IF_NAMESIZE];
	unsigned i = 0;

	if (is_set(m, VPNC_IFNAME)) {
		copy(m, "tunnel", "device", VPNC_IFNAME);
		return;
	}
	if (m->purpose == VPNC_MAP_IMPORT)
		return;
	do
		snprintf(name, sizeof(name), "tun%u", i++);
	while (if_nametoindex(name) != 0);
	conf_set(m->out, "tunnel", "device", name);
}

static void map_tunnel(struct map *m)
{
	unsigned long mtu;

	if (is(m, VPNC_IFMODE, "tap"))
		refuse(m,
		       "interface mode tap is not supported: an IPsec tunnel carries IP packets, "
		       "no Ethernet frames; take tun");
	else if (!is(m, VPNC_IFMODE, "tun"))
		refuse(m, "unknown interface mode %s; known mode: tun",
		       vpnc_value(m->s, VPNC_IFMODE));
	conf_set(m->out, "tunnel", "address", "config");
	map_remote(m);
	map_device(m);
	if (number(m, VPNC_IFMTU, 65535, &mtu) && mtu > 0) {
		if (mtu < 576 || mtu > 9000)
			refuse(m, "Interface MTU must be 0 or from 576 to 9000, not %lu", mtu);
		conf_setf(m->out, "tunnel", "mtu", "%lu", mtu);
	}
}

static void map_script(struct map *m)
{
	static const char *const places[] = { "/etc/vpnc/vpnc-script",
					      "/usr/share/vpnc-scripts/vpnc-script" };
	const char *script = m->s->value[VPNC_SCRIPT];

	for (size_t i = 0; i < ARRAY_SIZE(places) && !script; i++)
		if (access(places[i], X_OK) == 0)
			script = places[i];
	if (script) {
		conf_set(m->out, "tunnel", "routes", "script");
		conf_set(m->out, "hooks", "script", script);
		/* It does as the caller expects, who may be NetworkManager. */
		if (m->purpose == VPNC_MAP_RUN)
			conf_set(m->out, "dns", "manage", "script");
	} else if (m->purpose == VPNC_MAP_RUN) {
		refuse(m, "there is neither %s nor %s, and no Script is set", places[0], places[1]);
	} else {
		note(m, "there is no vpnc-script here, so that nothing sets the gateway's DNS "
			"servers; name one as script in [hooks]");
	}
}

/* ---- all of it ---- */

static void note_single_des(const struct map *m)
{
	if (is_set(m, VPNC_SINGLE_DES))
		note(m, "Enable Single DES: single DES is broken and not offered; 3DES is, as by "
			"Enable weak encryption");
}

/* What concerns one call, and not the connection. */
static void note_calls(const struct map *m)
{
	if (is_set(m, VPNC_NO_DETACH))
		note(m, "No Detach: not a matter of the file; godwit connect has --no-detach");
	if (is_set(m, VPNC_PIDFILE))
		note(m, "Pidfile: not carried over; godwit status and disconnect need none");
	if (is_set(m, VPNC_DEBUG))
		note(m, "Debug: not a matter of the file; godwit connect has --verbose");
	if (is_set(m, VPNC_NONINTERACTIVE))
		note(m, "Noninteractive: not carried over; without a terminal nothing is asked");
}

bool vpnc_map(const struct vpnc_settings *s, enum vpnc_map_for purpose, struct conf_text *out,
	      FILE *err)
{
	struct map m = { .s = s, .purpose = purpose, .out = out, .err = err };
	unsigned long debug;

	if (!vpnc_is_set(s, VPNC_GATEWAY)) {
		refuse(&m, "missing IPSec gateway address");
		return false;
	}
	number(&m, VPNC_DEBUG, 999, &debug);
	map_gateway(&m, is(&m, VPNC_AUTH_MODE, "cert") ? "main" : "aggressive");
	map_auth(&m);
	map_ike(&m);
	map_esp(&m);
	map_tunnel(&m);
	map_script(&m);
	if (out->unfit)
		refuse(&m, "the value for %s has a control character in it", out->unfit);
	if (!m.failed)
		note_single_des(&m);
	if (!m.failed && purpose == VPNC_MAP_IMPORT)
		note_calls(&m);
	return !m.failed;
}

void vpnc_connection_name(const char *pid_file, char *out, size_t size)
{
	const char *base = strrchr(pid_file, '/') ? strrchr(pid_file, '/') + 1 : pid_file;
	size_t n = strlen(base), used = 0;

	if (n > 4 && strcmp(base + n - 4, ".pid") == 0)
		n -= 4;
	if (n == 0 || !isalnum((unsigned char)base[0]))
		used = (size_t)snprintf(out, size, "vpnc");
	for (size_t i = 0; i < n && used + 1 < size && used < NAME_MAX_CONNECTION; i++)
		out[used++] = isalnum((unsigned char)base[i]) || strchr("-_.", base[i]) ? base[i] :
											  '_';
	out[used] = '\0';
}
