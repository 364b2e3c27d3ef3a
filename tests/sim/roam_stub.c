#include "tests/sim/roam.h"
const struct roam_scenario roam_lossies[1], roam_foreigns[1], roam_sleeps[1], roam_crowds[1];
const unsigned nroam_lossies = 0, nroam_foreigns = 0, nroam_sleeps = 0, nroam_crowds = 0;
