/* How far a function of one number is from the truth, over a range of inputs.
 *
 * Compiled by elementary_error.py, which defines
 *     REAL, BITS, DIGITS, SMALLEST_NORMAL, LARGEST: the floating-point type and its unsigned twin of the same size,
 *     WIDE: a type with more digits, in which the truth is computed,
 *     FUNCTION, TRUTH: what is measured, and the function of libm that gives the truth,
 *     LOW, HIGH: the inputs between which sample() draws half of its numbers,
 *     HIGHEST: the highest input that FUNCTION takes,
 * and puts the functions of a generated file into functions.h. */

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "functions.h"

/* The largest error, in units of the last place of the truth, and where; how many results are no number, infinite or
 * zero where they should not be, or the other way round, and one such input. */
typedef struct {
    double worst;
    double worst_at;
    uint64_t wrong;
    double wrong_at;
} report;

/* The error of a result; negative where it is wrong altogether. A result below the smallest normal number may be 0. */
static double error_of(REAL result, WIDE truth)
{
    if (truth != truth || result != result) {
        return truth != truth && result != result ? 0.0 : -1.0;
    }
    if (truth > LARGEST || truth < -LARGEST || result > LARGEST || result < -LARGEST) {
        const int is_near = truth * (result > 0 ? 1 : -1) >= LARGEST;
        return is_near ? 0.0 : -1.0;
    }
    const WIDE size = truth < 0 ? -truth : truth;
    if (size < SMALLEST_NORMAL && result == 0) {
        return 0.0;
    }
    int exponent;
    frexpl((long double)(size < SMALLEST_NORMAL ? SMALLEST_NORMAL : size), &exponent);
    const WIDE difference = result - truth;
    return (double)ldexpl((long double)(difference < 0 ? -difference : difference), DIGITS - exponent);
}

static void look_at(REAL x, report *found)
{
    if (x > HIGHEST) {
        return;
    }
    const REAL result = FUNCTION(x);
    const WIDE truth = TRUTH((WIDE)x);
    const WIDE size = truth < 0 ? -truth : truth;
    const WIDE difference = result > truth ? result - truth : truth - result;
    /* Less than the worst so far, whatever the unit in the last place: that is more than size / 2^DIGITS. */
    if (size >= SMALLEST_NORMAL && size <= LARGEST && difference <= (WIDE)found->worst * size / (1ULL << DIGITS)) {
        return;
    }
    const double error = error_of(result, truth);
    if (error < 0.0) {
        found->wrong++;
        found->wrong_at = (double)x;
    } else if (error > found->worst) {
        found->worst = error;
        found->worst_at = (double)x;
    }
}

/* Every number from the one with the bits `first` on. */
report sweep(uint64_t first, uint64_t count)
{
    report found = {0.0, 0.0, 0, 0.0};
    for (uint64_t k = 0; k < count; k++) {
        const BITS bits = (BITS)(first + k);
        REAL x;
        memcpy(&x, &bits, sizeof x);
        look_at(x, &found);
    }
    return found;
}

/* The next 64 random bits: splitmix64 (Steele, Lea and Flood, OOPSLA 2014). */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

/* Numbers drawn at random: one half has random bits, the other lies between LOW and HIGH. */
report sample(uint64_t seed, uint64_t count)
{
    report found = {0.0, 0.0, 0, 0.0};
    uint64_t state = seed;
    for (uint64_t k = 0; k < count; k++) {
        const uint64_t random = next_random(&state);
        const BITS bits = (BITS)random;
        REAL x;
        memcpy(&x, &bits, sizeof x);
        if (k % 2 == 0) {
            x = (REAL)(LOW + (HIGH - LOW) * ((double)(random >> 11) * 0x1p-53));
        }
        look_at(x, &found);
    }
    return found;
}
