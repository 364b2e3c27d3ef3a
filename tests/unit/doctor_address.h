/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What all tests of the doctor have in common. */
#ifndef GODWIT_TESTS_UNIT_DOCTOR_ADDRESS_H
#define GODWIT_TESTS_UNIT_DOCTOR_ADDRESS_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "doctor/engine.h"

static inline struct addr address(const char *text)
{
	struct addr a;

	assert_true(addr_parse(text, &a));
	return a;
}

#endif
