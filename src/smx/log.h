/*
 * smx log [-f] [--json] FILE: the records of a CMTrace log, of either format, as people read them.
 *
 * Returns the exit status: 0, 64 for wrong usage, 66 when there is nothing to read, 74 when the output failed.
 * With -f it returns only on a failure. What stands in the file may come from anybody: nothing of it reaches the
 * terminal as a control.
 */
#ifndef SMX_LOG_H
#define SMX_LOG_H

int verb_log(int argc, char **argv);

#endif
