/*
 * Which files the relay keeps for itself when it gives up the others (base/sandbox.h): what its settings name, and no more.
 *
 * Calling sequence: confine_files before there are threads; it makes the directories that it needs. What the settings name
 * later, at a reload, must lie below these.
 */
#ifndef MPRELAY_CONFINE_H
#define MPRELAY_CONFINE_H

#include "base/sandbox.h"
#include "generation.h"

/* `config_file` may be NULL. */
bool confine_files(const struct settings *settings, const char *logs, const char *config_file, struct sandbox *sandbox,
                   struct error *err) MUST_CHECK;

#endif
