#include "operation.h"
bool operation_open(struct site *site, struct operation **out, struct error *err) { (void)site; (void)err; *out = NULL; return true; }
struct admin_pages operation_pages(struct operation *operation) { (void)operation; return (struct admin_pages){0}; }
void operation_close(struct operation *operation) { (void)operation; }
