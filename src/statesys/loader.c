#include "loader.h"
bool loader_open(struct site *site, struct loader **out, struct error *err) { (void)site; (void)err; *out = NULL; return true; }
bool loader_start(struct loader *loader, struct error *err) { (void)loader; (void)err; return true; }
void loader_stop(struct loader *loader) { (void)loader; }
