/*
 * What libraries make of a damaged file may be a crash, or a search without end. Between enter and leave either ends
 * the process with one message that names the file, and exit status 1.
 */
#ifndef DNMF_STORE_GUARD_H
#define DNMF_STORE_GUARD_H

/* Processor seconds, of the whole process, that looking for something in a file may take. */
enum { DNMF_GUARD_LOOK_SECONDS = 60, DNMF_GUARD_NO_LIMIT = 0 };

/* Brackets on the same thread, which may lie within each other; of limits the inner one counts. Without memory for the
 * guard nothing is guarded. local */
void dnmf_guard_enter(const char *path, int seconds);
void dnmf_guard_leave(void);

#endif
