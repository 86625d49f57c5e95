/*
 * The verbs of smx, one file each. Each takes its own arguments (argv[0] is the verb) and returns an exit status of
 * sysexits(3). What stands in a file or an answer may come from anybody: nothing of it reaches the terminal as a control.
 */
#ifndef SMX_VERBS_H
#define SMX_VERBS_H

int verb_inspect(int argc, char **argv);
int verb_send(int argc, char **argv);
int verb_log(int argc, char **argv);
int verb_query(int argc, char **argv);
int verb_client(int argc, char **argv);
int verb_gaps(int argc, char **argv);
int verb_resync(int argc, char **argv);
int verb_name(int argc, char **argv);
int verb_trace(int argc, char **argv);
int verb_spool(int argc, char **argv);
int verb_status(int argc, char **argv);
int verb_top(int argc, char **argv);
int verb_key(int argc, char **argv);
int verb_simulate(int argc, char **argv);

#endif
