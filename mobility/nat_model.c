/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mobility/nat_model.h"

static vtime times(vtime length, vtime n)
{
	return n && length > VTIME_NEVER / n ? VTIME_NEVER : length * n;
}

static vtime longer(vtime a, vtime b)
{
	return a > b ? a : b;
}

/* An item that may carry nothing more is waited for until it expires. */
static vtime least_pingtime(const struct nat_model *model)
{
	vtime n = model->nout ? model->nout : 1;

	return model->tout / n + (model->tout % n != 0);
}

static unsigned least_tries(const struct nat_model *model, vtime pingtime)
{
	vtime tries = times(model->tout, model->clients) / longer(pingtime, 1) + 1;

	return tries > UINT32_MAX ? UINT32_MAX : (unsigned)tries;
}

unsigned nat_model_check(const struct nat_model *model, const struct prober_config *config,
			 struct nat_model_advice *advice)
{
	vtime round = times(config->pingtime2, (vtime)config->pingtries2 + 1);
	unsigned faults = 0;

	advice->pingtime = least_pingtime(model);
	advice->pingtries = least_tries(model, longer(config->pingtime, advice->pingtime));
	advice->maxidle = model->tei;
	advice->maxidle_lossy = model->tei > round ? model->tei - round : 0;
	if (config->pingtime < advice->pingtime)
		faults |= NAT_MODEL_PINGTIME;
	if (config->pingtries < advice->pingtries)
		faults |= NAT_MODEL_PINGTRIES;
	if (config->maxidle == 0 || config->maxidle >= model->tei)
		faults |= NAT_MODEL_MAXIDLE;
	return faults;
}
