/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/client.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/runtime.h"

static bool state_is_valid(void *ctx, const char *line)
{
	char record[DNS_RECORD_MAX];
	struct tun_state s;

	(void)ctx;
	return tun_state_parse(line, &s) == 0 || dns_journal_record(line, record);
}

/* While the connection runs the attendant does it, who may. */
static bool record_undo(const struct host_undo *u, const char *record)
{
	return u->running ? u->record_done : dns_resolvconf_repair(record) == 0;
}

static bool state_undo(void *ctx, const char *line)
{
	const struct host_undo *u = ctx;
	char record[DNS_RECORD_MAX];
	struct tun_state s;

	if (dns_journal_record(line, record))
		return record_undo(u, record);
	return tun_state_parse(line, &s) == 0 && tun_state_del(u->netlink, &s) == 0;
}

int host_undo_lines(struct journal *j, struct host_undo *u)
{
	return journal_undo(j, state_is_valid, state_undo, u);
}

int host_undo_journal(struct journal *j, struct host_undo *u, const char *name, FILE *err)
{
	int n = host_undo_lines(j, u);

	if (n == ERR_MALFORMED)
		fprintf(err,
			"godwit: %s/%s/%s is damaged; undo by hand what ip rule and ip route "
			"show of protocol %d, and tables of nft that begin with godwit_, then remove it\n",
			rundir_path(), name, RUNDIR_JOURNAL, TUN_RT_PROTOCOL);
	else if (n == ERR_UNEXPECTED)
		fprintf(err,
			"godwit: %s/%s/%s tells of another network namespace; run godwit "
			"disconnect %s there, or remove the file if that is gone\n",
			rundir_path(), name, RUNDIR_JOURNAL, name);
	else if (n < 0)
		fprintf(err,
			"godwit: routes, rules or DNS of %s are left behind: %s; as root: "
			"godwit disconnect %s\n",
			name, strerror(errno), name);
	return n;
}

/* 1 when there was something to put right, 0 when not (or it runs), or a negative enum err. */
static int repair_one(const char *name, struct tun_netlink *netlink, FILE *err)
{
	struct host_undo undo = { .netlink = netlink };
	struct journal j;
	int dir = rundir_open(name);
	int n;

	if (dir < 0 && errno == EACCES) {
		fprintf(err, "godwit: %s/%s: %s; run this as root\n", rundir_path(), name,
			strerror(errno));
		return ERR_PERMISSION;
	}
	if (dir < 0)
		return 0;
	n = journal_open(dir, false, &j);
	if (n == 0) {
		n = host_undo_journal(&j, &undo, name, err);
		if (n >= 0) {
			n = 1;
			unlinkat(dir, RUNDIR_CONTROL, 0);
		}
		journal_close(&j);
	} else if (n == ERR_PERMISSION) {
		fprintf(err, "godwit: %s/%s/%s is not ours: it is ignored\n", rundir_path(), name,
			RUNDIR_JOURNAL);
	} else {
		n = 0;
	}
	close(dir);
	rundir_remove(name);
	return n;
}

int client_repair(const char *name, FILE *err)
{
	struct tun_netlink netlink;
	struct rundir_list list;
	int n = 0, failed = 0;

	if (tun_netlink_open(&netlink) != 0) {
		fprintf(err, "godwit: cannot talk to the kernel: %s\n", strerror(errno));
		return ERR_SYSTEM;
	}
	rundir_list(&list);
	for (unsigned i = 0; i < list.n; i++) {
		int one;

		if (name && strcmp(name, list.names[i]) != 0)
			continue;
		one = repair_one(list.names[i], &netlink, err);
		if (one < 0)
			failed = one;
		else
			n += one;
	}
	tun_netlink_close(&netlink);
	return failed ? failed : n;
}

/*
 * Something was left in this directory by a process that is gone, or that holds the lock still and
 * is about to be: one that was just killed gives no answer.
 */
static bool is_left_over(const char *name)
{
	int dir = rundir_open(name);
	int fd = dir < 0 ? -1 :
			   openat(dir, RUNDIR_JOURNAL,
				  O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;
	bool left = fd >= 0 && fstat(fd, &st) == 0 && st.st_size > 0 &&
		    (flock(fd, LOCK_EX | LOCK_NB) == 0 || !request_is_answered(name));

	if (fd >= 0)
		close(fd);
	if (dir >= 0)
		close(dir);
	return left;
}

void host_repair_others(struct host *h, FILE *notes, FILE *err)
{
	struct rundir_list list;

	rundir_list(&list);
	for (unsigned i = 0; i < list.n; i++)
		if (strcmp(list.names[i], h->config->name) != 0 && is_left_over(list.names[i]) &&
		    repair_one(list.names[i], &h->netlink, err) > 0 && notes)
			fprintf(notes, "undid what %s had left behind\n", list.names[i]);
}
