/*
 * The way of a block to the file: a bounded buffer in memory and the thread that writes it. See log_writer.c.
 * For log.c only. Any thread may call.
 */
#ifndef BASE_LOG_WRITER_H
#define BASE_LOG_WRITER_H

#include "log_text.h"

/* A block that fits here fits into any empty buffer. */
enum { LOG_BLOCK_MOST = 512 * 1024 };

/* What log_open was told; before that, the program's name in the CCM format. */
const struct log_style *log_writer_style(void);

/* The number of the calling thread, as top and gdb show it. */
uint64_t log_writer_thread(void);

/* Takes a copy of the block, or writes it to standard error while no log is open. */
void log_writer_take(struct span block, unsigned records);

#endif
