/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <dirent.h>
#include <jansson.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/utf8.h"
#include "client/client.h"
#include "cmd/complete.h"

static void offer_name(void *ctx, const char *name)
{
	completions_add(ctx, name, NULL, false);
}

static bool is_directory(int fd, const struct dirent *entry)
{
	struct stat st;

	return fstatat(fd, entry->d_name, &st, 0) == 0 && S_ISDIR(st.st_mode);
}

/* Anybody may have made a file: its name is shown on a terminal. */
static bool is_shown(const char *name)
{
	for (unsigned n; *name; name += n)
		if (!utf8_is_shown(utf8_take(name, &n)))
			return false;
	return true;
}

/* What is in the directory of a path as it has been typed so far. */
static void offer_files(const char *path, bool directories_only, struct completions *out)
{
	const char *slash = strrchr(path, '/');
	char text[4096];
	int n = slash ? (int)(slash - path) + 1 : 0;
	struct dirent *entry;
	DIR *dir;

	snprintf(text, sizeof(text), "%.*s", n, path);
	dir = opendir(n ? text : ".");
	while (dir && (entry = readdir(dir))) {
		bool directory = is_directory(dirfd(dir), entry);

		/* Who wants what is hidden begins it with its dot. */
		if ((entry->d_name[0] == '.' && path[n] != '.') ||
		    strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
		    !is_shown(entry->d_name) || (directories_only && !directory))
			continue;
		snprintf(text, sizeof(text), "%.*s%s%s", n, path, entry->d_name,
			 directory ? "/" : "");
		completions_add(out, text, NULL, directory);
	}
	if (dir)
		closedir(dir);
}

static void offer_configured(struct completions *out)
{
	DIR *dir = opendir(COMMAND_CONFIG_DIRECTORY);
	struct dirent *entry;
	char name[256];

	while (dir && (entry = readdir(dir))) {
		size_t n = strlen(entry->d_name);

		/* The gateway's file is for another command. */
		if (n <= 5 || n >= sizeof(name) || strcmp(entry->d_name + n - 5, ".conf") != 0 ||
		    entry->d_name[0] == '.' || strcmp(entry->d_name, "gateway.conf") == 0)
			continue;
		memcpy(name, entry->d_name, n - 5);
		name[n - 5] = '\0';
		if (client_name_ok(name))
			completions_add(out, name, NULL, false);
	}
	if (dir)
		closedir(dir);
}

static void offer_tunnels(const char *connection, struct completions *out)
{
	char *answer = NULL, *complaint = NULL;
	size_t size;
	FILE *err = open_memstream(&complaint, &size);
	json_t *status, *tunnels;

	client_request(connection, "{\"cmd\":\"status\"}", &answer, err);
	status = answer ? json_loads(answer, 0, NULL) : NULL;
	tunnels = json_object_get(status, "tunnels");
	for (size_t i = 0; i < json_array_size(tunnels); i++) {
		const json_t *t = json_array_get(tunnels, i);
		const char *name = json_string_value(json_object_get(t, "name"));

		if (name)
			completions_add(out, name,
					json_string_value(json_object_get(t, "remote_ts")), false);
	}
	json_decref(status);
	fclose(err);
	free(complaint);
	free(answer);
}

static void offer_interfaces(struct completions *out)
{
	struct if_nameindex *list = if_nameindex();

	for (unsigned i = 0; list && list[i].if_name; i++)
		completions_add(out, list[i].if_name, NULL, false);
	if (list)
		if_freenameindex(list);
}

static void system_offer(void *ctx, enum word_kind kind, const char *connection, const char *word,
			 struct completions *out)
{
	(void)ctx;
	switch (kind) {
	case WORD_NONE:
	case WORD_LITERAL:
	case WORD_COMMAND:
	case WORD_HOST:
		break;
	case WORD_CONNECTION:
		client_running(offer_name, out);
		break;
	case WORD_CONFIGURATION:
		offer_configured(out);
		break;
	case WORD_FILE:
	case WORD_DIRECTORY:
		offer_files(word, kind == WORD_DIRECTORY, out);
		break;
	case WORD_TUNNEL:
		offer_tunnels(connection, out);
		break;
	case WORD_INTERFACE:
		offer_interfaces(out);
		break;
	}
}

struct complete_names complete_system(const char *used)
{
	return (struct complete_names){ .offer = system_offer, .used = used };
}
