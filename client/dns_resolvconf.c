/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/dns.h"

#include <assert.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "client/run.h"

#define LIMIT_MS 10000
#define SUFFIX ".godwit"
#define RECORD_CHARS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."
#define SEARCH_MAX 6 /* older C libraries have room for no more */

static_assert(DNS_WHY_MAX == RUN_WHY_MAX, "a run's complaint is one of ours");

/* ---- the record ---- */

bool dns_resolvconf_record(const struct dns_host *h, const char *device, char out[DNS_RECORD_MAX])
{
	int n = snprintf(out, DNS_RECORD_MAX, "%s%s" SUFFIX, h->resolvconf_prefix, device);

	return n > 0 && n < DNS_RECORD_MAX && dns_resolvconf_record_ok(out);
}

bool dns_resolvconf_record_ok(const char *record)
{
	size_t n = strnlen(record, DNS_RECORD_MAX);

	return n > sizeof(SUFFIX) - 1 && n < DNS_RECORD_MAX && record[0] != '-' &&
	       record[0] != '.' && strspn(record, RECORD_CHARS) == n &&
	       strcmp(record + n - (sizeof(SUFFIX) - 1), SUFFIX) == 0;
}

char *dns_resolvconf_text(const struct dns_plan *p)
{
	char buf[ADDR_TEXT_MAX], *text = NULL;
	unsigned nsearch = 0;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return xstrdup("");
	for (uint32_t i = 0; i < p->ndomains && nsearch < SEARCH_MAX; i++)
		if (p->domains[i].search)
			fprintf(f, "%s%s", nsearch++ ? " " : "search ", p->domains[i].name);
	if (nsearch)
		fprintf(f, "\n");
	for (uint32_t i = 0; i < p->nservers; i++)
		fprintf(f, "nameserver %s\n", addr_text(&p->servers[i], buf));
	fclose(f);
	return text;
}

/* ---- the program ---- */

static int resolvconf(const char *command, const char *record, const char *input,
		      char why[DNS_WHY_MAX])
{
	char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	char *vars[] = { path, NULL };
	struct run r = {
		.command = command,
		.argument = record,
		.input = input,
		.vars = vars,
		.limit_ms = LIMIT_MS,
		.owner = -1,
	};

	return run_command(&r, why);
}

static bool record_ok(const char *record, char why[DNS_WHY_MAX])
{
	bool ok = dns_resolvconf_record_ok(record);

	if (!ok)
		snprintf(why, DNS_WHY_MAX, "a record cannot have that name");
	return ok;
}

/* openresolv knows servers that are to be the only ones; Debian's takes no notice of that word. */
int dns_resolvconf_add(const char *program, const char *record, const struct dns_plan *p,
		       char why[DNS_WHY_MAX])
{
	char command[DNS_PATH_MAX + 40], *text;
	int err;

	if (!record_ok(record, why))
		return ERR_MALFORMED;
	text = dns_resolvconf_text(p);
	snprintf(command, sizeof(command), "exec %s -a \"$1\"%s", program,
		 dns_plan_is_everything(p) ? " -x" : "");
	err = resolvconf(command, record, text, why);
	free(text);
	return err;
}

/* Where there is no such record that is not an error. */
int dns_resolvconf_del(const char *program, const char *record, char why[DNS_WHY_MAX])
{
	char command[DNS_PATH_MAX + 40];

	if (!record_ok(record, why))
		return ERR_MALFORMED;
	snprintf(command, sizeof(command), "exec %s -d \"$1\" -f", program);
	return resolvconf(command, record, NULL, why);
}

int dns_resolvconf_repair(const char *record)
{
	struct dns_host host = { 0 };
	char why[DNS_WHY_MAX];

	dns_host_files("", &host);
	return host.resolvconf[0] ? dns_resolvconf_del(host.resolvconf, record, why) : 0;
}
