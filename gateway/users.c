/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/users.h"

#include <crypt.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/private.h"

#define LINE_MAX_BYTES (USERS_NAME_MAX + USERS_HASH_MAX + 2)
#define PREFIX "$y$"
#define SEED_BYTES 32
#define PASSWORD_MAX 512

_Static_assert(USERS_HASH_MAX >= CRYPT_OUTPUT_SIZE, "every hash fits");

struct user {
	char name[USERS_NAME_MAX];
	char hash[USERS_HASH_MAX];
};

struct users {
	unsigned n;
	struct user *user;
	char nobody[USERS_HASH_MAX]; /* nobody's hash, for names that there are not */
};

/* ---- reading ---- */

static int fail(char why[USERS_WHY_MAX], int err, const char *file, unsigned line, const char *text)
{
	if (line)
		snprintf(why, USERS_WHY_MAX, "%.120s, line %u: %s", file, line, text);
	else
		snprintf(why, USERS_WHY_MAX, "%.120s: %s", file, text);
	return err;
}

static FILE *file_open(const char *file, int *err, char why[USERS_WHY_MAX])
{
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;
	FILE *f;

	if (fd < 0 || fstat(fd, &st) != 0) {
		*err = fail(why, errno == EACCES ? ERR_PERMISSION : ERR_SYSTEM, file, 0,
			    strerror(errno));
	} else if (!S_ISREG(st.st_mode)) {
		*err = fail(why, ERR_CONFIG, file, 0, "not a regular file");
	} else if (!mode_is_private(&st)) {
		*err = fail(why, ERR_CONFIG, file, 0, "it is open to others; run chmod 600 on it");
	} else if ((f = fdopen(fd, "r"))) {
		return f;
	} else {
		*err = fail(why, ERR_SYSTEM, file, 0, strerror(errno));
	}
	if (fd >= 0)
		close(fd);
	return NULL;
}

/* What takes a machine microseconds to try is no protection. */
static bool is_slow(const char *hash)
{
	static const char *const slow[] = { "$y$",  "$gy$", "$7$", "$2b$",
					    "$2y$", "$2a$", "$6$", "$5$" };

	for (size_t i = 0; i < sizeof(slow) / sizeof(slow[0]); i++)
		if (strncmp(hash, slow[i], strlen(slow[i])) == 0)
			return crypt_checksalt(hash) != CRYPT_SALT_INVALID;
	return false;
}

static const struct user *user_find(const struct users *u, const char *name)
{
	for (unsigned i = 0; i < u->n; i++)
		if (strcmp(u->user[i].name, name) == 0)
			return &u->user[i];
	return NULL;
}

/* The line without its end. NULL: it is good; else what is wrong with it. */
static const char *line_take(struct users *u, char *line)
{
	char *colon = strchr(line, ':');

	if (line[0] == '\0' || line[0] == '#')
		return NULL;
	if (!colon || colon == line)
		return "not name:hash";
	*colon = '\0';
	if (strlen(line) >= USERS_NAME_MAX || strlen(colon + 1) >= USERS_HASH_MAX)
		return "too long";
	if (!is_slow(colon + 1))
		return "no hash of crypt(3) that is slow enough: make one with godwit gateway --hash";
	if (user_find(u, line))
		return "this name has come before";
	if (u->n == USERS_MAX)
		return "more users than there may be";
	strcpy(u->user[u->n].name, line);
	strcpy(u->user[u->n].hash, colon + 1);
	u->n++;
	return NULL;
}

static int lines_read(struct users *u, FILE *f, const char *file, char why[USERS_WHY_MAX])
{
	char line[LINE_MAX_BYTES];

	for (unsigned number = 1; fgets(line, sizeof(line), f); number++) {
		size_t n = strcspn(line, "\n");
		const char *wrong;

		if (line[n] != '\n' && !feof(f))
			return fail(why, ERR_CONFIG, file, number, "too long");
		line[n] = '\0';
		wrong = line_take(u, line);
		wipe(line, sizeof(line));
		if (wrong)
			return fail(why, ERR_CONFIG, file, number, wrong);
	}
	return ferror(f) ? fail(why, ERR_SYSTEM, file, 0, "cannot be read") : 0;
}

/* Any hash of the costs that ours have, whose password nobody knows. */
static int nobody_make(struct users *u, char why[USERS_WHY_MAX])
{
	static const char seed[SEED_BYTES] = "it is never given out";

	if (u->n) {
		snprintf(u->nobody, sizeof(u->nobody), "%s", u->user[0].hash);
		return 0;
	}
	if (crypt_gensalt_rn(PREFIX, 0, seed, SEED_BYTES, u->nobody, sizeof(u->nobody)))
		return 0;
	return fail(why, ERR_SYSTEM, "crypt(3)", 0, "the system's does not know yescrypt");
}

int users_load(const char *file, struct users **out, char why[USERS_WHY_MAX])
{
	struct users *u = xcalloc(1, sizeof(*u));
	int err = 0;
	FILE *f = file_open(file, &err, why);

	u->user = xcalloc(USERS_MAX, sizeof(*u->user));
	if (f) {
		err = lines_read(u, f, file, why);
		fclose(f);
	}
	if (!err)
		err = nobody_make(u, why);
	if (err) {
		users_free(u);
		return err;
	}
	*out = u;
	return 0;
}

void users_free(struct users *u)
{
	if (!u)
		return;
	wipe(u->user, USERS_MAX * sizeof(*u->user));
	free(u->user);
	free(u);
}

unsigned users_count(const struct users *u)
{
	return u->n;
}

/* ---- checking ---- */

/* crypt(3) with memory of its own: NULL when it fails. To be freed with data_free. */
static const char *hash_of(struct slice password, const char *setting, struct crypt_data *data)
{
	char text[PASSWORD_MAX + 1];
	const char *hash;

	if (password.n > PASSWORD_MAX || memchr(password.p, 0, password.n))
		return NULL;
	memcpy(text, password.p, password.n);
	text[password.n] = '\0';
	hash = crypt_rn(text, setting, data, (int)sizeof(*data));
	wipe(text, sizeof(text));
	return hash;
}

static void data_free(struct crypt_data *data)
{
	wipe(data, sizeof(*data));
	free(data);
}

bool users_check(const struct users *u, const char *name, struct slice password)
{
	const struct user *user = user_find(u, name);
	const char *want = user ? user->hash : u->nobody;
	struct crypt_data *data = xcalloc(1, sizeof(*data));
	const char *hash = password.p ? hash_of(password, want, data) : NULL;
	bool same = hash && ct_equal(SLICE_STR(hash), SLICE_STR(want));

	data_free(data);
	return user && same;
}

int users_hash(struct slice password, struct rng *rng, char out[USERS_HASH_MAX])
{
	struct crypt_data *data = xcalloc(1, sizeof(*data));
	char seed[SEED_BYTES], setting[CRYPT_GENSALT_OUTPUT_SIZE];
	const char *hash = NULL;

	rng_fill(rng, seed, sizeof(seed));
	if (crypt_gensalt_rn(PREFIX, 0, seed, sizeof(seed), setting, sizeof(setting)))
		hash = hash_of(password, setting, data);
	if (hash)
		snprintf(out, USERS_HASH_MAX, "%s", hash);
	data_free(data);
	return hash ? 0 : ERR_SYSTEM;
}
