/* The decision hidden here: a heap with the last of the kept names on top, which makes room for a name before it. */
#include "inbox_order.h"

#include "base/sys.h"

void inbox_order_init(struct inbox_order *order, size_t most)
{
    *order = (struct inbox_order){.most = most};
}

void inbox_order_fini(struct inbox_order *order)
{
    for (size_t i = 0; i < order->count; i++)
        sys.release(order->names[i]);
    sys.release(order->names);
    inbox_order_init(order, order->most);
}

static unsigned char upper(char c)
{
    return (unsigned char)(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
}

/* Names that differ in case alone are in the order of their bytes: every reader sees the same order. */
bool inbox_order_is_before(const char *a, const char *b)
{
    size_t i = 0;
    while (a[i] != '\0' && upper(a[i]) == upper(b[i]))
        i++;
    return upper(a[i]) != upper(b[i]) ? upper(a[i]) < upper(b[i]) : strcmp(a, b) < 0;
}

static void swap(struct inbox_order *order, size_t i, size_t j)
{
    char *name = order->names[i];
    order->names[i] = order->names[j];
    order->names[j] = name;
}

static void sift_up(struct inbox_order *order, size_t i)
{
    for (; i > 0 && inbox_order_is_before(order->names[(i - 1) / 2], order->names[i]); i = (i - 1) / 2)
        swap(order, i, (i - 1) / 2);
}

/* Among the first `count`. */
static void sift_down(struct inbox_order *order, size_t count)
{
    for (size_t i = 0, child; (child = 2 * i + 1) < count; i = child) {
        if (child + 1 < count && inbox_order_is_before(order->names[child], order->names[child + 1]))
            child++;
        if (!inbox_order_is_before(order->names[i], order->names[child]))
            return;
        swap(order, i, child);
    }
}

static bool make_room(struct inbox_order *order, struct error *err)
{
    enum { FIRST_ROOM = 64 };
    if (order->count < order->room)
        return true;
    const size_t room = order->room == 0 ? FIRST_ROOM : order->room * 2;
    char **names = sys.reallocate(order->names, room * sizeof *names);
    if (names == NULL)
        return error_set(err, ERROR_NO_MEMORY, "no memory for %zu names of files", room);
    order->names = names;
    order->room = room;
    return true;
}

bool inbox_order_add(struct inbox_order *order, const char *name, struct error *err)
{
    const bool full = order->count == order->most;
    if (full && (order->most == 0 || !inbox_order_is_before(name, order->names[0])))
        return true;
    const size_t size = strlen(name) + 1;
    if (!full && !make_room(order, err))
        return false;
    char *kept = sys.allocate(size);
    if (kept == NULL)
        return error_set(err, ERROR_NO_MEMORY, "no memory for the name of a file");
    memcpy(kept, name, size);
    if (full) {
        sys.release(order->names[0]);
        order->names[0] = kept;
        sift_down(order, order->count);
    } else {
        order->names[order->count] = kept;
        sift_up(order, order->count++);
    }
    return true;
}

void inbox_order_sort(struct inbox_order *order)
{
    for (size_t left = order->count; left > 1; left--) {
        swap(order, 0, left - 1);
        sift_down(order, left - 1);
    }
}
