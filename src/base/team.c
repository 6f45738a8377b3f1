#include "base/team.h"

/* A core does 1 to 8 operations a nanosecond. A larger team takes longer to wake and to gather. */
static const double ENOUGH_FOR_TWO = 100e3;
static const double ENOUGH_FOR_EACH_MORE = 5e3;

int dnmf_team(int threads, double operations) {
  const double enough = ENOUGH_FOR_TWO + ENOUGH_FOR_EACH_MORE * (threads - 2);
  return threads < 2 || !(operations >= enough) ? 1 : threads; /* NaN: alone */
}
