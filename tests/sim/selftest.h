/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Does the world do what its settings say? */
#ifndef GODWIT_SIM_SELFTEST_H
#define GODWIT_SIM_SELFTEST_H

#include <stdbool.h>

/* Prints what is wrong; false when something is. */
bool selftest(void);

#endif
