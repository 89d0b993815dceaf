/**
 * @file mi_path.h  Where the control socket and the FIFO stand in the file system.
 *
 * Start-up and end; control thread.
 */
#pragma once

#include <stdbool.h>
#include <sys/stat.h>

#include "core/base/log.h"

/** conf_param.check: NULL, or what would be right. Empty text is fine: none. */
const char *mi_check_socket(const char *path);
const char *mi_check_fifo(const char *path);
const char *mi_check_folder(const char *path);

/** Make the folder that path lies in, when it is missing. A failure is told by whoever creates path then. */
void mi_make_folder(const char *path);
/** One line that says how to help, after a failure to create path. */
void mi_log_failure(struct log_source *log, const char *what, const char *path, int err);
/** Remove path when it still is the file that st describes. */
void mi_unlink_own(const char *path, const struct stat *st);
