/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A kernel that does not have something: from now on this process is refused it. */
#ifndef GODWIT_TESTS_UNIT_REFUSE_H
#define GODWIT_TESTS_UNIT_REFUSE_H

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

enum refuse_when {
	REFUSE_EQUAL,
	REFUSE_AT_LEAST,
	REFUSE_BITS, /* one of them is set */
};

/*
 * The system call of this number fails with `error` when the low half of its argument `arg` is so.
 * For the rest of the process: to be called in a child.
 */
static inline void refuse(int call, unsigned arg, enum refuse_when when, uint32_t value, int error)
{
	static const uint16_t jumps[] = { BPF_JEQ, BPF_JGE, BPF_JSET };
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)call, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 (uint32_t)(offsetof(struct seccomp_data, args) + 8 * arg)),
		BPF_JUMP(BPF_JMP | jumps[when] | BPF_K, value, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = ARRAY_SIZE(code), .filter = code };

	assert_int_equal(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	assert_int_equal(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

#endif
