/* The decision hidden here: numbers are read as text, because SQLite keeps whatever an admin has written there. */
#include "store_chunk.h"

static const struct db_statement find_properties = {
    .sql = "SELECT p.Name, p.Value1, p.Value2, CAST(p.Value3 AS VARCHAR(64)) FROM SC_Component_Property p "
           "JOIN SC_Component c ON c.ID = p.ComponentID WHERE c.ComponentName = 'SMS_STATE_SYSTEM' "
           "AND p.SiteNumber = 1",
    .output = {DB_TEXT, DB_TEXT, DB_TEXT, DB_TEXT},
    .output_count = 4,
};
static const struct db_statement write_property = {
    .sql = "INSERT INTO SC_Component_Property (ComponentID, SiteNumber, Name, Value1, Value2, Value3) "
           "SELECT c.ID, 1, i.Name, i.Value1, i.Value2, i.Value3 FROM @input i "
           "JOIN SC_Component c ON c.ComponentName = 'SMS_STATE_SYSTEM' WHERE true "
           "ON CONFLICT (ComponentID, SiteNumber, Name) DO UPDATE SET Value1 = excluded.Value1, "
           "Value2 = excluded.Value2, Value3 = excluded.Value3",
    .input = {{"Name", DB_TEXT}, {"Value1", DB_TEXT}, {"Value2", DB_TEXT}, {"Value3", DB_INTEGER}},
    .input_count = 4,
};

struct listener {
    void (*each)(void *owner, const struct store_property *property);
    void *owner;
};

static void tell_property(void *owner, const struct db_value *row)
{
    const struct listener *listener = owner;
    const struct store_property property = {row[0].text, row[1].text, row[2].text, row[3].text};
    listener->each(listener->owner, &property);
}

bool store_read_properties(struct store *store, void (*each)(void *owner, const struct store_property *property),
                           void *owner, struct error *err)
{
    struct listener listener = {each, owner};
    return db_run(store_db(store), &find_properties, (struct db_rows){NULL, 0},
                  (struct db_reader){tell_property, &listener}, NULL, err);
}

static bool write_row(void *owner, struct db *db, struct error *err)
{
    return db_run(db, &write_property, (struct db_rows){owner, 1}, (struct db_reader){NULL, NULL}, NULL, err);
}

bool store_write_property(struct store *store, const char *name, const char *value1, const char *value2, int64_t value3,
                          struct error *err)
{
    struct db_value row[] = {store_text(span_of(name), SIZE_MAX), store_text(span_of(value1), SIZE_MAX),
                             store_text(span_of(value2), SIZE_MAX), store_integer(value3)};
    return store_transact(store, write_row, row, err);
}
