/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sockets and time around the engine. Internal to doctor/. */
#ifndef GODWIT_DOCTOR_AIR_H
#define GODWIT_DOCTOR_AIR_H

#include <stdio.h>

#include "doctor/engine.h"
#include "net/net.h"

struct air {
	struct net_socket socket[DOCTOR_PORTS];
	int taken[DOCTOR_PORTS]; /* errno with which the port of its own was refused; 0: we have it */
	void *arena;
	struct net_intake intake;
	struct batch batch; /* views of the intake */
};

/* Opens both sockets, on ports of their own or, with `any` or where they cannot be had, on others. 0 or
 * a negative enum err. */
int air_open(struct air *a, bool any);
void air_close(struct air *a);
/* Runs the engine until it is over. What it does is shown on `show` if that is a terminal; NULL: nowhere. */
void air_run(struct air *a, struct doctor *d, FILE *show);

#endif
