/* The decision hidden here: the calendar, done without the C library, whose functions take a lock for the time zone. */
#include "report/report.h"

/* A star counts as 0 where stars are allowed. */
static bool to_digits(const char *at, size_t count, bool stars, int *out)
{
    int value = 0;
    for (size_t i = 0; i < count; i++) {
        const bool star = stars && at[i] == '*';
        if (!star && (at[i] < '0' || at[i] > '9'))
            return false;
        value = value * 10 + (star ? 0 : at[i] - '0');
    }
    *out = value;
    return true;
}

/* Since 1970-01-01; a year that begins in March has its leap day at its end. */
static int64_t count_days(int year, int month, int day)
{
    const int64_t years = month > 2 ? year : year - 1;
    const int64_t months = (month + 9) % 12;
    return years * 365 + years / 4 - years / 100 + years / 400 + (months * 306 + 5) / 10 + day - 1 - 719468;
}

static int days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return days[month - 1] + (month == 2 && leap);
}

int64_t report_time(struct span text)
{
    int year, month, day, hour, minute, second, fraction, offset;
    const char *at = text.at;
    if (text.len != 25 || at[14] != '.' || (at[21] != '+' && at[21] != '-') || !to_digits(at, 4, false, &year) ||
        !to_digits(at + 4, 2, false, &month) || !to_digits(at + 6, 2, false, &day) ||
        !to_digits(at + 8, 2, false, &hour) || !to_digits(at + 10, 2, false, &minute) ||
        !to_digits(at + 12, 2, false, &second) || !to_digits(at + 15, 6, true, &fraction) ||
        !to_digits(at + 22, 3, true, &offset))
        return REPORT_NO_TIME;
    if (year < 1 || month < 1 || month > 12 || day < 1 || day > days_in_month(year, month) || hour > 23 ||
        minute > 59 || second > 59)
        return REPORT_NO_TIME;
    const int64_t minutes = (count_days(year, month, day) * 24 + hour) * 60 + minute;
    return ((minutes - (at[21] == '+' ? offset : -offset)) * 60 + second) * 1000000 + fraction;
}
