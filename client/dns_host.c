/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/dns.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX 16384 /* of which so much is read */
#define BLANKS " \t\r\n"

static const char *file_read(const char *root, const char *path, char text[FILE_MAX])
{
	char whole[PATH_MAX];
	size_t n = 0;
	FILE *f;

	snprintf(whole, sizeof(whole), "%s%s", root, path);
	f = fopen(whole, "re");
	if (f) {
		n = fread(text, 1, FILE_MAX - 1, f);
		fclose(f);
	}
	text[n] = '\0';
	return text;
}

/* ---- resolved ---- */

static bool is_resolveds(const char *server)
{
	return strcmp(server, "127.0.0.53") == 0 || strcmp(server, "127.0.0.54") == 0;
}

/* A line's first word is `key`, and one of those behind it fits. */
static bool has_word(char *text, const char *key, bool (*fits)(const char *word))
{
	char *lines = NULL, *words = NULL;

	for (char *line = strtok_r(text, "\n", &lines); line; line = strtok_r(NULL, "\n", &lines)) {
		char *word;

		line[strcspn(line, "#;")] = '\0';
		word = strtok_r(line, BLANKS, &words);
		if (!word || strcmp(word, key) != 0)
			continue;
		while ((word = strtok_r(NULL, BLANKS, &words)))
			if (fits(word))
				return true;
	}
	return false;
}

static bool is_nss_resolve(const char *word)
{
	return strcmp(word, "resolve") == 0;
}

static bool leads_to_resolved(const char *root)
{
	char path[PATH_MAX], to[PATH_MAX], text[FILE_MAX];
	ssize_t n;

	snprintf(path, sizeof(path), "%s/etc/resolv.conf", root);
	n = readlink(path, to, sizeof(to) - 1);
	to[n > 0 ? n : 0] = '\0';
	if (strstr(to, "run/systemd/resolve/"))
		return true;
	file_read(root, "/etc/resolv.conf", text);
	if (has_word(text, "nameserver", is_resolveds))
		return true;
	file_read(root, "/etc/nsswitch.conf", text);
	return has_word(text, "hosts:", is_nss_resolve);
}

/* ---- resolvconf ---- */

static void find_resolvconf(const char *root, struct dns_host *out)
{
	static const char *const places[] = { "/usr/sbin/resolvconf", "/sbin/resolvconf",
					      "/usr/bin/resolvconf", "/bin/resolvconf",
					      "/usr/local/sbin/resolvconf" };
	char path[PATH_MAX], to[PATH_MAX];
	const char *base;
	ssize_t n;

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		snprintf(path, sizeof(path), "%s%s", root, places[i]);
		if (access(path, X_OK) != 0)
			continue;
		snprintf(out->resolvconf, sizeof(out->resolvconf), "%s", places[i]);
		n = readlink(path, to, sizeof(to) - 1);
		to[n > 0 ? n : 0] = '\0';
		base = strrchr(to, '/') ? strrchr(to, '/') + 1 : to;
		out->resolvconf_is_resolved = strcmp(base, "resolvectl") == 0;
		return;
	}
}

/*
 * Debian's resolvconf sorts records by a list of patterns, and openresolv by one of its own. Tunnels come
 * first in both, by the names that theirs have.
 */
static const char *prefix_of(const char *root, bool resolved)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/etc/resolvconf/interface-order", root);
	if (access(path, R_OK) == 0)
		return "tun.";
	/* It finds our device by what stands before the dot. */
	return resolved ? "" : "vpn.";
}

/* ---- all of it ---- */

void dns_host_files(const char *root, struct dns_host *out)
{
	out->through_resolved = leads_to_resolved(root);
	find_resolvconf(root, out);
	out->resolvconf_prefix = prefix_of(root, out->resolvconf_is_resolved);
}

bool dns_host_is_elsewhere(uint32_t pid)
{
	struct stat its, ours;
	char path[40];

	snprintf(path, sizeof(path), "/proc/%u/ns/net", pid);
	return stat(path, &its) == 0 && stat("/proc/self/ns/net", &ours) == 0 &&
	       (its.st_dev != ours.st_dev || its.st_ino != ours.st_ino);
}

void dns_host_look(enum dns_wish wish, struct dns_host *out)
{
	*out = (struct dns_host){ 0 };
	dns_host_files("", out);
	out->inside = dns_host_is_elsewhere(1);
	if (wish == DNS_RESOLVED || (wish == DNS_AUTO && out->through_resolved))
		dns_resolved_look(&out->resolved, &out->elsewhere);
}

static enum dns_manager choose_by_itself(const struct dns_host *h, bool script, const char **why)
{
	if (h->through_resolved && h->resolved && !h->elsewhere)
		return DNS_BY_RESOLVED;
	/* What it writes is the host's, whose names are not asked from here. */
	if (h->resolvconf[0] && !h->resolvconf_is_resolved && !h->inside)
		return DNS_BY_RESOLVCONF;
	if (script)
		return DNS_BY_SCRIPT;
	*why = h->elsewhere || (h->resolvconf[0] && h->inside) ?
		       "this network namespace is not the one that the host's names are asked from" :
	       h->through_resolved && !h->resolved ?
		       "programs here ask systemd-resolved, which is not on the system's bus" :
		       "neither systemd-resolved nor resolvconf looks after names here";
	return DNS_BY_NONE;
}

enum dns_manager dns_choose(enum dns_wish wish, const struct dns_host *h, bool script,
			    const char **why)
{
	*why = NULL;
	switch (wish) {
	case DNS_AUTO:
		return choose_by_itself(h, script, why);
	case DNS_NONE:
		break;
	case DNS_SCRIPT:
		return DNS_BY_SCRIPT;
	case DNS_RESOLVED:
		if (!h->elsewhere)
			return DNS_BY_RESOLVED;
		*why = "systemd-resolved is in another network namespace";
		break;
	case DNS_RESOLVCONF:
		if (h->resolvconf[0])
			return DNS_BY_RESOLVCONF;
		*why = "there is no resolvconf";
		break;
	}
	return DNS_BY_NONE;
}
