/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/runtime.h"

#include <cap-ng.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#define NOBODY 65534

struct priv_user priv_user(void)
{
	struct passwd *pw;
	bool own;

	if (geteuid() != 0)
		return (struct priv_user){ geteuid(), getegid(), false };
	pw = getpwnam("godwit");
	own = pw && pw->pw_uid != 0;
	if (!pw)
		pw = getpwnam("nobody");
	if (!pw || pw->pw_uid == 0)
		return (struct priv_user){ NOBODY, NOBODY, false };
	return (struct priv_user){ pw->pw_uid, pw->pw_gid, own };
}

bool priv_may_connect(void)
{
	return capng_get_caps_process() == 0 &&
	       capng_have_capability(CAPNG_EFFECTIVE, CAP_NET_ADMIN);
}

void priv_prepare(void)
{
	struct rlimit none = { 0, 0 };
	struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };

	setrlimit(RLIMIT_CORE, &none);
	prctl(PR_SET_DUMPABLE, 0);
	/* Without root it may be refused; secret_pool_locked() tells what came of it. */
	setrlimit(RLIMIT_MEMLOCK, &all);
}

/* What the kernel says we hold now, against what we meant to keep. */
static bool priv_is_dropped(const struct priv_user *user)
{
	uid_t ruid, euid, suid;

	if (getresuid(&ruid, &euid, &suid) != 0 || ruid != user->uid || euid != user->uid ||
	    suid != user->uid)
		return false;
	if (capng_get_caps_process() != 0)
		return false;
	for (unsigned cap = 0; cap <= CAP_LAST_CAP; cap++) {
		bool kept = cap == CAP_NET_ADMIN;

		if (capng_have_capability(CAPNG_EFFECTIVE, cap) != kept ||
		    capng_have_capability(CAPNG_PERMITTED, cap) != kept ||
		    capng_have_capability(CAPNG_INHERITABLE, cap) ||
		    capng_have_capability(CAPNG_AMBIENT, cap))
			return false;
	}
	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 &&
	       prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0;
}

int priv_drop(const struct priv_user *user)
{
	int failed;

	capng_clear(CAPNG_SELECT_ALL);
	if (capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_NET_ADMIN) != 0)
		return ERR_PERMISSION;
	if (geteuid() != user->uid)
		failed = capng_change_id((int)user->uid, (int)user->gid,
					 CAPNG_DROP_SUPP_GRP | CAPNG_CLEAR_BOUNDING);
	else
		failed = capng_apply(CAPNG_SELECT_CAPS);
	if (failed || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return ERR_PERMISSION;
	/* A change of user sets it anew. */
	prctl(PR_SET_DUMPABLE, 0);
	return priv_is_dropped(user) ? 0 : ERR_PERMISSION;
}
