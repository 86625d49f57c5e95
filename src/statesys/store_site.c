/* The decision hidden here: which rows are ours to write at every start (names, the site as configured) and which are
 * the admin's once they are there (the settings of STATE_MESSAGE_SYSTEM). A name taken out of the tables stays. */
#include "report/topic.h"
#include "store_batch.h"
#include "store_schema.h"

static const struct db_statement upsert_topic = {
    .sql = "INSERT INTO SR_TopicTypes (TopicType, Symbol, Description, SerialKind) "
           "@rows ON CONFLICT (TopicType) DO UPDATE SET Symbol = excluded.Symbol, Description = excluded.Description, "
           "SerialKind = excluded.SerialKind WHERE SR_TopicTypes.Symbol <> excluded.Symbol "
           "OR SR_TopicTypes.Description <> excluded.Description OR SR_TopicTypes.SerialKind <> excluded.SerialKind",
    .input = {{"TopicType", DB_INTEGER}, {"Symbol", DB_TEXT}, {"Description", DB_TEXT}, {"SerialKind", DB_TEXT}},
    .input_count = 4,
};
static const struct db_statement upsert_state_name = {
    .sql = "INSERT INTO SR_StateNames (TopicType, StateID, StateName, StateDescription) "
           "SELECT i.TopicType, i.StateID, i.StateName, i.StateName FROM @input i WHERE true "
           "ON CONFLICT (TopicType, StateID) DO UPDATE SET StateName = excluded.StateName, "
           "StateDescription = excluded.StateDescription WHERE SR_StateNames.StateName <> excluded.StateName",
    .input = {{"TopicType", DB_INTEGER}, {"StateID", DB_INTEGER}, {"StateName", DB_TEXT}},
    .input_count = 3,
};
static const struct db_statement update_site = {
    .sql = "UPDATE SMSData SET ThisSiteCode = i.Code, ThisSiteName = i.Name, ParentSiteCode = i.Parent FROM @input i",
    .input = {{"Code", DB_TEXT}, {"Name", DB_TEXT}, {"Parent", DB_TEXT}},
    .input_count = 3,
};
static const struct db_statement insert_site = {
    .sql = "INSERT INTO SMSData (ThisSiteCode, ThisSiteName, ParentSiteCode) SELECT i.Code, i.Name, i.Parent "
           "FROM @input i WHERE NOT EXISTS (SELECT 1 FROM SMSData)",
    .input = {{"Code", DB_TEXT}, {"Name", DB_TEXT}, {"Parent", DB_TEXT}},
    .input_count = 3,
};
static const struct db_statement upsert_definition = {
    .sql = "INSERT INTO SC_SiteDefinition (SiteNumber, SiteCode, SiteName, ParentSiteCode) "
           "SELECT 1, i.Code, i.Name, i.Parent FROM @input i WHERE true ON CONFLICT (SiteNumber) DO UPDATE "
           "SET SiteCode = excluded.SiteCode, SiteName = excluded.SiteName, ParentSiteCode = excluded.ParentSiteCode",
    .input = {{"Code", DB_TEXT}, {"Name", DB_TEXT}, {"Parent", DB_TEXT}},
    .input_count = 3,
};
static const struct db_statement insert_component = {
    .sql = "INSERT INTO SC_Component (ID, SiteNumber, ComponentName) VALUES (1, 1, 'SMS_STATE_SYSTEM') "
           "ON CONFLICT DO NOTHING",
};
static const struct db_statement insert_property = {
    .sql = "INSERT INTO SC_Component_Property (ComponentID, SiteNumber, Name, Value1, Value2, Value3) "
           "SELECT 1, 1, i.Name, i.Value1, i.Value2, i.Value3 FROM @input i WHERE true ON CONFLICT DO NOTHING",
    .input = {{"Name", DB_TEXT}, {"Value1", DB_TEXT}, {"Value2", DB_TEXT}, {"Value3", DB_INTEGER}},
    .input_count = 4,
};

/* spec/statesys.md 2; the two blanks stand in the original too. */
static const struct property {
    const char *name;
    const char *value1;
    const char *value2;
    int value3;
} properties[] = {
    {"Heartbeat Msg Interval", "", "", 60},
    {"Inbox Polling Interval", "", "", 900},
    {"Loader Chunk Size", "", "", 256},
    {"Loader Threads", "", "", 4},
    {"Max Chunks Fetched", "", "", 100},
    {"Min Missing Message Age", "", "", 2880},
    {"Resync Check Interval", "", "", 15},
    {"Retry Config", "REG_SZ", "<Config><Retry PatternID=\"0\"  RetryQueue=\"0\">7200,28800,86400</Retry></Config>", 0},
};

static struct db_value text(const char *value)
{
    return (struct db_value){.text = span_of(value)};
}

static bool run(struct db *db, const struct db_statement *statement, const struct db_value *values, struct error *err)
{
    return db_run(db, statement, (struct db_rows){values, 1}, (struct db_reader){NULL, NULL}, NULL, err);
}

static bool write_topics(struct db *db, struct arena *arena, struct error *err)
{
    struct store_batch batch;
    store_batch_init(&batch, db, &upsert_topic, topic_count(), arena);
    for (size_t i = 0; i < topic_count(); i++) {
        const struct topic_type *topic = topic_at(i);
        struct db_value *row = store_batch_row(&batch, err);
        if (row == NULL)
            return false;
        row[0] = store_integer(topic->type);
        row[1] = text(topic->symbol);
        row[2] = text(topic->description);
        row[3] = text(topic->serial);
    }
    return store_batch_flush(&batch, err);
}

static bool write_state_names(struct db *db, struct arena *arena, struct error *err)
{
    struct store_batch batch;
    store_batch_init(&batch, db, &upsert_state_name, topic_state_count(), arena);
    for (size_t i = 0; i < topic_state_count(); i++) {
        const struct state_name *state = topic_state_at(i);
        struct db_value *row = store_batch_row(&batch, err);
        if (row == NULL)
            return false;
        row[0] = store_integer(state->topic_type);
        row[1] = store_integer(state->state);
        row[2] = text(state->name);
    }
    return store_batch_flush(&batch, err);
}

static bool write_names(struct db *db, struct error *err)
{
    enum { MOST_MEMORY = 4 * 1024 * 1024 };
    struct arena *arena = arena_open(MOST_MEMORY, NULL);
    if (arena == NULL)
        return error_set(err, ERROR_NO_MEMORY, "the system refused memory for the names of states");
    const bool written = write_topics(db, arena, err) && write_state_names(db, arena, err);
    arena_close(arena);
    return written;
}

static bool write_properties(struct db *db, struct error *err)
{
    bool written = run(db, &insert_component, NULL, err);
    for (size_t i = 0; i < sizeof properties / sizeof properties[0] && written; i++) {
        const struct property *property = &properties[i];
        const struct db_value row[] = {text(property->name), text(property->value1), text(property->value2),
                                       store_integer(property->value3)};
        written = run(db, &insert_property, row, err);
    }
    return written;
}

bool store_site_write(struct db *db, const struct store_settings *settings, struct error *err)
{
    const struct db_value row[] = {text(settings->site_code), text(settings->site_name),
                                   store_optional(span_of(settings->parent_site), 3)};
    return write_names(db, err) && run(db, &update_site, row, err) && run(db, &insert_site, row, err) &&
           run(db, &upsert_definition, row, err) && write_properties(db, err);
}
