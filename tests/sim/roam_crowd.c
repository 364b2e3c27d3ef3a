#include "tests/sim/roam.h"
const struct roam_scenario roam_crowds[1];
const unsigned nroam_crowds = 0;
