/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/secret.h"
#include "cmd/cmd.h"
#include "cmd/vpnc.h"

#define SIZE_MAX_IMPORT 65536
#define BACKUP_MAX 1024

static const char program[] = "godwit import";

/* ---- in ---- */

static bool complain(const char *file, const char *why)
{
	fprintf(stderr, "%s: %s: %s\n", program, file, why);
	return false;
}

/* The whole file with a NUL behind it; NULL after one line on stderr. Its room is SIZE_MAX_IMPORT. */
static char *slurp(const char *file)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	char *text = xcalloc(SIZE_MAX_IMPORT, 1);
	const char *why = NULL;
	size_t n = 0;
	ssize_t got = 1;

	while (fd >= 0 && n < SIZE_MAX_IMPORT && got > 0) {
		got = read(fd, text + n, SIZE_MAX_IMPORT - n);
		n += got > 0 ? (size_t)got : 0;
	}
	if (fd < 0 || got < 0)
		why = strerror(errno);
	else if (n == SIZE_MAX_IMPORT)
		why = "too large for a configuration";
	else if (strlen(text) != n)
		why = "not a text: it has a zero byte in it";
	if (fd >= 0)
		close(fd);
	if (!why)
		return text;
	complain(file, why);
	wipe(text, SIZE_MAX_IMPORT);
	free(text);
	return NULL;
}

static bool is_vpn_conf(const char *text)
{
	return strncmp(text, "[gateway]", 9) == 0 || strstr(text, "\n[gateway]") != NULL;
}

/* vpnc's own file; its reader wants a descriptor, since it must be careful with standard input. */
static bool read_vpnc(struct vpnc_settings *s, const char *file)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	bool good;

	if (fd < 0)
		return complain(file, strerror(errno));
	good = vpnc_read_fd(s, fd, file, stderr);
	close(fd);
	return good;
}

static bool read_pcf(struct vpnc_settings *s, char *text)
{
	char backup[BACKUP_MAX], all[2 * BACKUP_MAX];

	if (!pcf_read(s, text, backup, sizeof(backup), stderr))
		return false;
	if (!backup[0] || !vpnc_is_set(s, VPNC_GATEWAY))
		return true;
	snprintf(all, sizeof(all), "%.*s%s", BACKUP_MAX, s->value[VPNC_GATEWAY], backup);
	vpnc_set(s, VPNC_GATEWAY, all, strlen(all));
	return true;
}

static bool read_any(struct vpnc_settings *s, const char *file)
{
	static const char mark[] = "\xef\xbb\xbf";
	char *text = slurp(file), *begin = text;
	bool good;

	if (!text)
		return false;
	if (strncmp(begin, mark, strlen(mark)) == 0)
		begin += strlen(mark);
	if (is_vpn_conf(begin))
		good = complain(file, "this is a vpn.conf already");
	else if (pcf_is(begin))
		good = read_pcf(s, begin);
	else
		good = read_vpnc(s, file);
	wipe(text, SIZE_MAX_IMPORT);
	free(text);
	return good && vpnc_reveal(s, stderr);
}

/* ---- out ---- */

static bool write_all(int fd, const struct conf_text *t)
{
	size_t n = 0;

	while (n < t->n) {
		ssize_t put = write(fd, t->p + n, t->n - n);

		if (put < 0 && errno != EINTR)
			return false;
		n += put > 0 ? (size_t)put : 0;
	}
	return true;
}

/* There may be secrets in it, and perhaps in what it would write over. */
static bool write_file(const char *file, const struct conf_text *t)
{
	int fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	bool good;

	if (fd < 0 && errno == EEXIST)
		return complain(file, "it is there already, and not written over");
	if (fd < 0)
		return complain(file, strerror(errno));
	good = write_all(fd, t) && fsync(fd) == 0;
	if (!good)
		complain(file, strerror(errno));
	close(fd);
	if (!good)
		unlink(file);
	return good;
}

int run_import(const struct command_args *args)
{
	struct vpnc_settings s = { .program = program };
	const char *out_file = args->values[0];
	struct conf_text text = { 0 };
	bool good;

	conf_comment(&text, "made by godwit import; godwit check says what it would do");
	good = read_any(&s, args->word[0]) && vpnc_map(&s, VPNC_MAP_IMPORT, &text, stderr);
	if (good && out_file)
		good = write_file(out_file, &text);
	else if (good && !write_all(STDOUT_FILENO, &text))
		good = complain("standard output", strerror(errno));
	conf_free(&text);
	vpnc_settings_free(&s);
	return good ? EXIT_CODE_OK : EXIT_CODE_USAGE;
}
