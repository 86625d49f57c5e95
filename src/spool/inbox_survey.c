/* The decision hidden here: how long files wait is asked of the first thousand met, and behind them of those whose name
 * is the smallest so far: names of the relay rise with time, so among millions few are asked and the oldest is. */
#include "inbox_place.h"

#include "base/sys.h"

#include <fcntl.h>

enum { ASKED_AT_LEAST = 1000 };

struct survey {
    const struct inbox_place *place;
    uint64_t most;
    struct inbox_survey found;
    char smallest[NAME_MAX + 1];
};

static void note_age(struct survey *survey, const char *name)
{
    struct stat status;
    if (sys.fstatat(survey->place->fd, name, &status, AT_SYMLINK_NOFOLLOW) != 0)
        return; /* somebody took it meanwhile */
    const int64_t modified = (int64_t)status.st_mtim.tv_sec * 1000000 + status.st_mtim.tv_nsec / 1000;
    if (modified < survey->found.oldest)
        survey->found.oldest = modified;
}

/* False: enough. */
static bool note_file(void *owner, const char *name, struct error *err)
{
    struct survey *survey = owner;
    (void)err;
    if (!inbox_name_counts(name))
        return true;
    const bool smallest = survey->found.count == 0 || strcmp(name, survey->smallest) < 0;
    if (smallest)
        memcpy(survey->smallest, name, strlen(name) + 1);
    if (smallest || survey->found.count < ASKED_AT_LEAST)
        note_age(survey, name);
    return ++survey->found.count < survey->most;
}

bool inbox_survey(const char *directory, uint64_t most, struct inbox_survey *out, struct error *err)
{
    struct inbox_place place = {.path = directory};
    struct survey survey = {.place = &place, .most = most, .found = {.oldest = INT64_MAX}};
    place.fd = sys.openat(AT_FDCWD, directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    if (place.fd < 0)
        return error_os(err, "cannot open the directory '%s'", directory);
    const bool ended = inbox_place_scan(&place, (struct inbox_visitor){note_file, &survey}, err);
    inbox_place_close(&place);
    if (!ended && survey.found.count < most)
        return false;
    *out = survey.found;
    return true;
}
