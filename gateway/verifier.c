/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/verifier.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/mem.h"

#define PASSWORD_MAX 512

struct question {
	uint32_t id;
	bool ok;
	char user[USERS_NAME_MAX];
	size_t n;
	uint8_t password[PASSWORD_MAX];
};

struct verifier {
	const struct users *users;
	pthread_t thread;
	pthread_mutex_t lock; /* of all that follows */
	pthread_cond_t more;
	bool end;
	int fd;
	/* A ring: those that are answered come first, then those that wait. */
	unsigned first, answered, waiting;
	struct question ring[VERIFIER_QUEUE];
};

static struct question *question_at(struct verifier *v, unsigned k)
{
	return &v->ring[(v->first + k) % VERIFIER_QUEUE];
}

static void *run(void *arg)
{
	struct verifier *v = arg;
	const uint64_t one = 1;

	pthread_mutex_lock(&v->lock);
	while (!v->end) {
		struct question *q = question_at(v, v->answered);

		if (v->waiting == 0) {
			pthread_cond_wait(&v->more, &v->lock);
			continue;
		}
		pthread_mutex_unlock(&v->lock);
		/* Nobody else touches a question that waits. */
		q->ok = users_check(v->users, q->user, slice(q->password, q->n));
		wipe(q->password, sizeof(q->password));
		pthread_mutex_lock(&v->lock);
		v->answered++;
		v->waiting--;
		if (write(v->fd, &one, sizeof(one)) < 0)
			errno = 0; /* it is readable already */
	}
	pthread_mutex_unlock(&v->lock);
	return NULL;
}

struct verifier *verifier_new(const struct users *users)
{
	struct verifier *v = xcalloc(1, sizeof(*v));
	sigset_t all, before;
	int rc;

	v->users = users;
	v->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	pthread_mutex_init(&v->lock, NULL);
	pthread_cond_init(&v->more, NULL);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = v->fd < 0 ? errno : pthread_create(&v->thread, NULL, run, v);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc == 0)
		return v;
	if (v->fd >= 0)
		close(v->fd);
	free(v);
	errno = rc;
	return NULL;
}

void verifier_free(struct verifier *v)
{
	if (!v)
		return;
	pthread_mutex_lock(&v->lock);
	v->end = true;
	pthread_cond_signal(&v->more);
	pthread_mutex_unlock(&v->lock);
	pthread_join(v->thread, NULL);
	close(v->fd);
	wipe(v->ring, sizeof(v->ring));
	pthread_mutex_destroy(&v->lock);
	pthread_cond_destroy(&v->more);
	free(v);
}

int verifier_fd(const struct verifier *v)
{
	return v->fd;
}

bool verifier_ask(struct verifier *v, uint32_t id, const char *user, struct slice password)
{
	struct question *q;
	bool room;

	if (strlen(user) >= USERS_NAME_MAX || password.n > PASSWORD_MAX)
		return false;
	pthread_mutex_lock(&v->lock);
	room = v->answered + v->waiting < VERIFIER_QUEUE;
	if (room) {
		q = question_at(v, v->answered + v->waiting);
		q->id = id;
		strcpy(q->user, user);
		memcpy(q->password, password.p, password.n);
		q->n = password.n;
		v->waiting++;
		pthread_cond_signal(&v->more);
	}
	pthread_mutex_unlock(&v->lock);
	return room;
}

bool verifier_take(struct verifier *v, uint32_t *id, bool *ok)
{
	uint64_t times;
	bool any;

	pthread_mutex_lock(&v->lock);
	any = v->answered > 0;
	if (any) {
		*id = question_at(v, 0)->id;
		*ok = question_at(v, 0)->ok;
		v->first = (v->first + 1) % VERIFIER_QUEUE;
		v->answered--;
	} else if (read(v->fd, &times, sizeof(times)) < 0) {
		errno = 0; /* it was not readable */
	}
	pthread_mutex_unlock(&v->lock);
	return any;
}
