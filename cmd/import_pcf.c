/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/bytes.h"
#include "cmd/vpnc.h"

/* A .pcf on its way. Values are borrowed from the text, which ends with the file. */
struct pcf {
	struct vpnc_settings *s;
	FILE *err;
	char *backup;
	size_t backup_size;
	const char *backup_servers;
	const char *tcp_port;
	bool backup_enabled;
	bool nat, nat_known;
	bool over_tcp;
	bool forget_password;
	bool failed;
};

static void note(const struct pcf *p, const char *key, const char *text)
{
	fprintf(p->err, "%s: %s: %s\n", p->s->program, key, text);
}

static void take(struct pcf *p, enum vpnc_setting which, const char *value)
{
	vpnc_set(p->s, which, value, strlen(value));
}

static void on_gateway(struct pcf *p, const char *value)
{
	take(p, VPNC_GATEWAY, value);
}

static void on_group(struct pcf *p, const char *value)
{
	take(p, VPNC_ID, value);
}

static void on_group_password(struct pcf *p, const char *value)
{
	take(p, VPNC_SECRET, value);
}

static void on_hidden_group_password(struct pcf *p, const char *value)
{
	take(p, VPNC_HIDDEN_SECRET, value);
}

static void on_user(struct pcf *p, const char *value)
{
	take(p, VPNC_USERNAME, value);
}

static void on_user_password(struct pcf *p, const char *value)
{
	take(p, VPNC_PASSWORD, value);
}

static void on_hidden_user_password(struct pcf *p, const char *value)
{
	take(p, VPNC_HIDDEN_PASSWORD, value);
}

static void on_save_password(struct pcf *p, const char *value)
{
	p->forget_password = strcmp(value, "0") == 0;
}

static void on_domain(struct pcf *p, const char *value)
{
	take(p, VPNC_DOMAIN, value);
}

static void on_auth_type(struct pcf *p, const char *value)
{
	static const char *const modes[][2] = { { "1", "psk" },
						{ "3", "cert" },
						{ "5", "hybrid" } };

	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		if (strcmp(value, modes[i][0]) != 0)
			continue;
		take(p, VPNC_AUTH_MODE, modes[i][1]);
		return;
	}
	note(p, "AuthType", "must be 1 (group password), 3 (certificate) or 5 (hybrid)");
	p->failed = true;
}

static void on_dh_group(struct pcf *p, const char *value)
{
	char name[16];

	snprintf(name, sizeof(name), "dh%.8s", value);
	take(p, VPNC_DH, name);
}

static void on_nat(struct pcf *p, const char *value)
{
	p->nat_known = true;
	p->nat = strcmp(value, "0") != 0;
}

static void on_tunneling_mode(struct pcf *p, const char *value)
{
	p->over_tcp = strcmp(value, "0") != 0;
}

static void on_tcp_port(struct pcf *p, const char *value)
{
	p->tcp_port = value;
}

static void on_backup_servers(struct pcf *p, const char *value)
{
	p->backup_servers = value;
}

static void on_backup(struct pcf *p, const char *value)
{
	p->backup_enabled = strcmp(value, "0") != 0;
}

static void on_peer_timeout(struct pcf *p, const char *value)
{
	take(p, VPNC_DPD_IDLE, value);
}

static void on_local_lan(struct pcf *p, const char *value)
{
	if (strcmp(value, "0") != 0)
		note(p, "EnableLocalLAN",
		     "what the gateway leaves out of the tunnel stays out; for more write "
		     "exclude = PREFIX in [tunnel]");
}

static void on_legacy_port(struct pcf *p, const char *value)
{
	take(p, VPNC_LOCAL_PORT, strcmp(value, "0") != 0 ? "500" : "0");
}

static void on_single_des(struct pcf *p, const char *value)
{
	if (strcmp(value, "0") != 0)
		take(p, VPNC_SINGLE_DES, "");
}

static void on_verify_dn(struct pcf *p, const char *value)
{
	(void)value;
	note(p, "VerifyCertDN",
	     "not carried over; write the gateway's name as identity in "
	     "[gateway]");
}

/* What has no meaning here, whatever its value is. */
static void on_nothing(struct pcf *p, const char *value)
{
	(void)p;
	(void)value;
}

static void on_certificate(struct pcf *p, const char *value)
{
	(void)value;
	note(p, "CertName",
	     "a certificate in Windows' store is exported there, with its key, to a "
	     ".p12 file");
}

static const struct pcf_key {
	const char *name;
	void (*take)(struct pcf *p, const char *value);
} keys[] = {
	{ "Description", on_nothing },
	{ "Host", on_gateway },
	{ "AuthType", on_auth_type },
	{ "GroupName", on_group },
	{ "GroupPwd", on_group_password },
	{ "enc_GroupPwd", on_hidden_group_password },
	{ "Username", on_user },
	{ "UserPassword", on_user_password },
	{ "enc_UserPassword", on_hidden_user_password },
	{ "SaveUserPassword", on_save_password },
	{ "NTDomain", on_domain },
	{ "DHGroup", on_dh_group },
	{ "EnableNat", on_nat },
	{ "TunnelingMode", on_tunneling_mode },
	{ "TcpTunnelingPort", on_tcp_port },
	{ "BackupServer", on_backup_servers },
	{ "EnableBackup", on_backup },
	{ "PeerTimeout", on_peer_timeout },
	{ "EnableLocalLAN", on_local_lan },
	{ "UseLegacyIKEPort", on_legacy_port },
	{ "SingleDES", on_single_des },
	{ "VerifyCertDN", on_verify_dn },
	{ "CertName", on_certificate },
	{ "CertPath", on_nothing },
	{ "CertSubjectName", on_nothing },
	{ "CertSerialHash", on_nothing },
	{ "CertStore", on_nothing },
	{ "SendCertChain", on_nothing },
	{ "EnableSplitDNS", on_nothing },
	{ "ISPConnectType", on_nothing },
	{ "MSLogonType", on_nothing },
	{ "EnableMSLogon", on_nothing },
};

static bool is_off(const char *value)
{
	return value[0] == '\0' || strcmp(value, "0") == 0;
}

static void take_pair(struct pcf *p, const char *key, const char *value)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		if (strcasecmp(keys[i].name, key) != 0)
			continue;
		if (value[0])
			keys[i].take(p, value);
		return;
	}
	if (!is_off(value))
		note(p, key, "not carried over");
}

static char *trim(char *text)
{
	size_t n;

	text += strspn(text, " \t");
	n = strlen(text);
	while (n > 0 && strchr(" \t\r", text[n - 1]))
		text[--n] = '\0';
	return text;
}

static void take_line(struct pcf *p, char *line)
{
	char *equals = strchr(line, '=');

	line = trim(line);
	if (line[0] == '!')
		line++;
	if (line[0] == '\0' || line[0] == '[' || line[0] == ';' || line[0] == '#')
		return;
	if (!equals) {
		note(p, "a line without =", "not carried over");
		return;
	}
	*equals = '\0';
	take_pair(p, trim(line), trim(equals + 1));
}

/* Cisco writes them with commas, with or without blanks. */
static void settle_backup(struct pcf *p)
{
	size_t n = 0;

	if (!p->backup_servers)
		return;
	if (!p->backup_enabled) {
		note(p, "BackupServer", "not carried over, since EnableBackup is off");
		return;
	}
	for (const char *c = p->backup_servers + strspn(p->backup_servers, " ,");
	     *c && n + 3 < p->backup_size;) {
		size_t len = strcspn(c, " ,");

		if (n + len + 3 > p->backup_size)
			break;
		n += (size_t)snprintf(p->backup + n, p->backup_size - n, ", %.*s", (int)len, c);
		c += len;
		c += strspn(c, " ,");
	}
}

static void settle_transport(struct pcf *p)
{
	if (p->over_tcp)
		fprintf(p->err,
			"%s: TunnelingMode: IPsec over TCP (port %s) is not supported; the tunnel "
			"goes over UDP\n",
			p->s->program, p->tcp_port ? p->tcp_port : "10000");
	else if (p->nat_known && !p->nat)
		take(p, VPNC_NATT_MODE, "none");
}

/* A hidden password is the newer one: the client that hides it empties the clear one. */
static void settle_passwords(struct pcf *p)
{
	if (vpnc_is_set(p->s, VPNC_HIDDEN_SECRET))
		vpnc_unset(p->s, VPNC_SECRET);
	if (vpnc_is_set(p->s, VPNC_HIDDEN_PASSWORD))
		vpnc_unset(p->s, VPNC_PASSWORD);
	if (!p->forget_password)
		return;
	if (vpnc_is_set(p->s, VPNC_PASSWORD) || vpnc_is_set(p->s, VPNC_HIDDEN_PASSWORD))
		note(p, "UserPassword", "not carried over, since SaveUserPassword is off");
	vpnc_unset(p->s, VPNC_PASSWORD);
	vpnc_unset(p->s, VPNC_HIDDEN_PASSWORD);
}

bool pcf_is(const char *text)
{
	for (;;) {
		size_t n;

		text += strspn(text, " \t\r\n");
		n = strcspn(text, "\n");
		if (n == 0)
			return false;
		if (text[0] == '[')
			return strncasecmp(text, "[main]", 6) == 0;
		if (text[0] != ';' && text[0] != '#') {
			size_t key = strspn(text,
					    "!ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuv"
					    "wxyz0123456789_-");

			return key > 0 && text[key] == '=';
		}
		text += n;
	}
}

bool pcf_read(struct vpnc_settings *s, char *text, char *backup, size_t size, FILE *err)
{
	struct pcf p = { .s = s, .err = err, .backup = backup, .backup_size = size };
	char *next;

	backup[0] = '\0';
	for (char *line = text; line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		take_line(&p, line);
	}
	settle_backup(&p);
	settle_transport(&p);
	settle_passwords(&p);
	return !p.failed;
}
