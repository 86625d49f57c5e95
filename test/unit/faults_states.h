/*
 * Every state in which a power cut could have left the directories (faults_power.h), one after the other, and each as
 * real directories and files, so that the real recovery can be run on it.
 *
 * The loop: power_replay each event in turn; after it states_each, which calls `look` for state after state; there
 * states_key tells states apart, and states_build makes the one in hand.
 *
 * Where the open places leave at most STATES_EVERY states, each of them is looked at. Where they leave more, their
 * number grows with 2 to the power of the places, and it is argued:
 * - What becomes of a record depends on what the journal holds, on what its own name holds, and on whether the file
 *   behind that name is as before, as after or torn. Names and files of other records do not matter to it: the recovery
 *   publishes, or finds to be there, each record for itself. So each content of the journal is combined with columns,
 *   in which all names and files change together, so many that each name is in one of them with each content of its
 *   file.
 * - A journal of more than STATES_EVERY contents has a batch of several blocks in flight, or is being made. A batch
 *   counts only if all of its blocks are there (test_journal_found.c tries each subset), and what it is written over is
 *   harmed by any one of them. So it is looked at with all blocks old, all new, each alone old, each alone new, and
 *   some at random.
 * - Hidden names are read by nobody and only swept: they are all there, or all not there.
 */
#ifndef TEST_FAULTS_STATES_H
#define TEST_FAULTS_STATES_H

#include "faults_power.h"

enum { STATES_EVERY = 64, STATES_DRAWN = 8 };

enum states_kind {
    STATES_JOURNAL, /* a block of a file that is written in place */
    STATES_FILE,    /* a block of another file */
    STATES_NAME,
    STATES_DIRECTORY, /* the name of one */
    STATES_HIDDEN,    /* a name that no reader takes: all as before, or all as after */
    STATES_KINDS,
};

struct states_set {
    struct power_place *places[POWER_MOST];
    size_t count;
};

static struct {
    struct states_set open[STATES_KINDS];
    uint64_t seed;
    double every; /* how many states there are, also those that are argued only */
} states = {.seed = 1};

static inline size_t states_draw(size_t bound)
{
    states.seed = states.seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (size_t)(states.seed >> 33) % bound;
}

/* ---- what is open ---- */

/* What it may hold; a block may also be torn. */
static inline size_t states_options(const struct power_place *place)
{
    return place->name == NULL ? place->count + 1 : place->count;
}

static inline enum states_kind states_kind_of(const struct power_place *place)
{
    if (place->name == NULL)
        return recording.objects[place->owner].in_place ? STATES_JOURNAL : STATES_FILE;
    for (size_t i = 0; i < place->count; i++)
        if (place->versions[i].object >= 0 && recording.objects[place->versions[i].object].is_directory)
            return STATES_DIRECTORY;
    return place->name[0] == '.' ? STATES_HIDDEN : STATES_NAME;
}

/* A file that has a name, or may have one. */
static inline bool states_can_be_seen(const struct power_place *block)
{
    for (size_t i = 0; i < power.place_count; i++)
        for (size_t k = 0; power.places[i].name != NULL && k < power.places[i].count; k++)
            if (power.places[i].versions[k].object == block->owner)
                return true;
    return false;
}

static inline void states_collect(void)
{
    for (int kind = 0; kind < STATES_KINDS; kind++)
        states.open[kind].count = 0;
    for (size_t i = 0; i < power.place_count; i++) {
        struct power_place *place = &power.places[i];
        place->chosen = place->count - 1;
        if (!power_is_open(place) || (place->name == NULL && !states_can_be_seen(place)))
            continue;
        struct states_set *set = &states.open[states_kind_of(place)];
        set->places[set->count++] = place;
    }
}

static inline double states_product(const struct states_set *set)
{
    double product = 1;
    for (size_t i = 0; i < set->count; i++)
        product *= (double)states_options(set->places[i]);
    return product;
}

/* ---- choosing ---- */

/* The states of a set are numbered, by one digit for each place; what is left of the number is for the next set. */
static inline size_t states_choose_digits(struct states_set *set, size_t number)
{
    for (size_t i = 0; i < set->count; i++) {
        struct power_place *place = set->places[i];
        place->chosen = number % states_options(place);
        number /= states_options(place);
    }
    return number;
}

static inline void states_choose_hidden(bool after)
{
    for (size_t i = 0; i < states.open[STATES_HIDDEN].count; i++) {
        struct power_place *place = states.open[STATES_HIDDEN].places[i];
        place->chosen = after ? place->count - 1 : POWER_DURABLE;
    }
}

static inline void states_choose_all(struct states_set *set, bool after)
{
    for (size_t i = 0; i < set->count; i++)
        set->places[i]->chosen = after ? set->places[i]->count - 1 : POWER_DURABLE;
}

static inline size_t states_count_journals(struct states_set *set)
{
    return states_product(set) <= STATES_EVERY ? (size_t)states_product(set) : 2 + 2 * set->count + STATES_DRAWN;
}

static inline void states_choose_journal(struct states_set *set, size_t number)
{
    if (states_product(set) <= STATES_EVERY) {
        (void)states_choose_digits(set, number);
        return;
    }
    states_choose_all(set, number % 2 == 0);
    if (number >= 2 && number < 2 + 2 * set->count) {
        struct power_place *alone = set->places[number / 2 - 1];
        alone->chosen = number % 2 == 0 ? POWER_DURABLE : alone->count - 1;
    }
    for (size_t i = 0; number >= 2 + 2 * set->count && i < set->count; i++)
        set->places[i]->chosen = states_draw(states_options(set->places[i]));
}

static inline size_t states_most_options(const struct states_set *set)
{
    size_t most = 1;
    for (size_t i = 0; i < set->count; i++)
        most = states_options(set->places[i]) > most ? states_options(set->places[i]) : most;
    return most;
}

/* In the last one the directories are as before, and all else is as after. */
static inline void states_choose_column(size_t column, size_t count)
{
    const size_t contents = states_most_options(&states.open[STATES_FILE]);
    struct states_set *files = &states.open[STATES_FILE];
    struct states_set *names = &states.open[STATES_NAME];
    for (size_t i = 0; i < files->count; i++)
        files->places[i]->chosen = column % contents % states_options(files->places[i]);
    for (size_t i = 0; i < names->count; i++)
        names->places[i]->chosen = column / contents % states_options(names->places[i]);
    states_choose_all(&states.open[STATES_DIRECTORY], column + 1 < count);
    states_choose_hidden(column % 2 == 0);
    if (column + 1 == count)
        states_choose_all(names, true);
}

/* ---- all of them ---- */

static inline void states_each_product(size_t product, void (*look)(void))
{
    for (size_t i = 0; i < 2 * product; i++) {
        size_t number = i / 2;
        for (int kind = 0; kind < STATES_HIDDEN; kind++)
            number = states_choose_digits(&states.open[kind], number);
        states_choose_hidden(i % 2 == 0);
        look();
    }
}

static inline void states_each_argued(void (*look)(void))
{
    struct states_set *journal = &states.open[STATES_JOURNAL];
    const size_t journals = states_count_journals(journal);
    const size_t columns =
        states_most_options(&states.open[STATES_FILE]) * states_most_options(&states.open[STATES_NAME]) + 1;
    for (size_t i = 0; i < journals; i++) {
        states_choose_journal(journal, i);
        for (size_t column = 0; column < columns; column++) {
            states_choose_column(column, columns);
            look();
        }
    }
}

static inline void states_each(void (*look)(void))
{
    double product = 1;
    states_collect();
    for (int kind = 0; kind < STATES_HIDDEN; kind++)
        product *= states_product(&states.open[kind]);
    states.every += product * states_product(&states.open[STATES_HIDDEN]);
    if (product <= STATES_EVERY)
        states_each_product((size_t)product, look);
    else
        states_each_argued(look);
}

/* The one in which all that was not synced is lost. */
static inline void states_choose_lost(void)
{
    states_collect();
    for (int kind = 0; kind < STATES_KINDS; kind++)
        states_choose_all(&states.open[kind], false);
}

/* Any one of them. */
static inline void states_choose_any(void)
{
    states_collect();
    for (int kind = 0; kind < STATES_KINDS; kind++)
        for (size_t i = 0; i < states.open[kind].count; i++) {
            struct power_place *place = states.open[kind].places[i];
            place->chosen = states_draw(states_options(place));
        }
}

/* ---- the state in hand ---- */

/* What the block holds; where it is torn, first the newest bytes and then those before them, in `torn`. */
static inline struct power_version states_hold(const struct power_place *place, char torn[POWER_BLOCK])
{
    if (place->chosen < place->count)
        return place->versions[place->chosen];
    const struct power_version *after = power_newest(place);
    const struct power_version *before = after - 1;
    const size_t len = after->len == 0 ? 0 : (size_t)(after->key % after->len);
    struct power_version hold = {.object = RECORDING_NOTHING, .bytes = torn, .len = before->len};
    if (before->len > 0)
        memcpy(torn, before->bytes, before->len);
    if (len > 0)
        memcpy(torn, after->bytes, len);
    hold.len = len > hold.len ? len : hold.len;
    hold.key = power_hash(torn, hold.len, hold.len);
    return hold;
}

static inline uint64_t states_key_of_file(int object)
{
    char torn[POWER_BLOCK];
    uint64_t key = 0;
    for (const struct power_place *block = power_first(object); block != NULL; block = power_next(block)) {
        const struct power_version hold = states_hold(block, torn);
        key += hold.len == 0 ? 0 : (block->key ^ hold.key) * UINT64_C(0x9E3779B97F4A7C15);
    }
    return key;
}

static inline uint64_t states_key_of_name(const struct power_place *name);

/* Two states with the same key are the same directories and files, but for hidden ones: nobody reads them. */
static inline uint64_t states_key(int directory)
{
    uint64_t key = 1;
    for (const struct power_place *name = power_first(directory); name != NULL; name = power_next(name))
        if (name->name[0] != '.' && name->versions[name->chosen].object != RECORDING_NOTHING)
            key += states_key_of_name(name);
    return key ^ key >> 29;
}

static inline uint64_t states_key_of_name(const struct power_place *name)
{
    const int object = name->versions[name->chosen].object;
    const uint64_t below = recording.objects[object].is_directory ? states_key(object) : states_key_of_file(object);
    return (name->key ^ (below + 1) * UINT64_C(0xBF58476D1CE4E5B9)) * UINT64_C(0x9E3779B97F4A7C15);
}

/* A block of zeros is left out, as a hole. */
static inline bool states_is_hole(const struct power_version *hold)
{
    return hold->len == POWER_BLOCK && hold->bytes[0] == 0 &&
           memcmp(hold->bytes, hold->bytes + 1, POWER_BLOCK - 1) == 0;
}

static inline void states_build_file(int object, const char *path)
{
    off_t end = 0;
    char torn[POWER_BLOCK];
    const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    assert(fd >= 0);
    for (const struct power_place *block = power_first(object); block != NULL; block = power_next(block)) {
        const struct power_version hold = states_hold(block, torn);
        if (hold.len == 0)
            continue;
        end = (off_t)(block->at + hold.len) > end ? (off_t)(block->at + hold.len) : end;
        if (!states_is_hole(&hold) && pwrite(fd, hold.bytes, hold.len, (off_t)block->at) != (ssize_t)hold.len)
            abort();
    }
    if (ftruncate(fd, end) != 0)
        abort();
    (void)close(fd);
}

/* All that is below a directory of the recording, into one that is there and empty. */
static inline void states_build(int directory, const char *path)
{
    for (const struct power_place *name = power_first(directory); name != NULL; name = power_next(name)) {
        const int object = name->versions[name->chosen].object;
        char below[512];
        (void)snprintf(below, sizeof below, "%.400s/%s", path, name->name);
        if (object == RECORDING_NOTHING)
            continue;
        if (!recording.objects[object].is_directory) {
            states_build_file(object, below);
            continue;
        }
        if (mkdir(below, 0750) != 0)
            abort();
        states_build(object, below);
    }
}

#endif
