/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An examination in words. Internal to doctor/. */
#ifndef GODWIT_DOCTOR_REPORT_H
#define GODWIT_DOCTOR_REPORT_H

#include <stdio.h>

#include "doctor/verdict.h"

void report_text(const struct examination *x, const struct verdict *v, FILE *out);
/* One JSON object in lines; docs/doctor.md names its keys. */
void report_json(const struct examination *x, const struct verdict *v, FILE *out);

/* Words for programs: "answer", "silence", "port-closed" … */
const char *report_reach_name(enum doctor_reach reach);
/* "arrive", "lost" …; NULL: not asked. */
const char *report_size_name(enum doctor_size size);

#endif
