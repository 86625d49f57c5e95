/* Names whose alphabetical order is the order of arrival (spec/smx.md 2). */
#include "spool/spool.h"

enum { TIME_DIGITS = 11, RANDOM_DIGITS = 5, BITS = 5 };

void spool_name_write(int64_t time, uint32_t random, char out[17])
{
    static const char alphabet[] = SPOOL_NAME_ALPHABET;
    uint64_t bits = (uint64_t)time;
    for (int i = TIME_DIGITS - 1; i >= 0; i--, bits >>= BITS)
        out[i] = alphabet[bits & 31];
    for (int i = TIME_DIGITS + RANDOM_DIGITS - 1; i >= TIME_DIGITS; i--, random >>= BITS)
        out[i] = alphabet[random & 31];
    out[TIME_DIGITS + RANDOM_DIGITS] = '\0';
}
