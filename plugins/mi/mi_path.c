#include "plugins/mi/mi_path.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#define SOCKET_PATH_MAX (sizeof(((struct sockaddr_un *)0)->sun_path) - 1)
_Static_assert(SOCKET_PATH_MAX == 107, "the text below says so");

/* Does something other than a socket, or a FIFO, stand there? What is there at the real start is looked at again then. */
static bool is_taken(const char *path, mode_t wanted)
{
	struct stat st;

	return lstat(path, &st) == 0 && (st.st_mode & S_IFMT) != wanted;
}

static bool ends_in_slash(const char *path)
{
	size_t len = strlen(path);

	return len > 0 && path[len - 1] == '/';
}

const char *mi_check_socket(const char *path)
{
	if (*path == '\0')
		return NULL;
	if (*path != '/' || ends_in_slash(path) || strlen(path) > SOCKET_PATH_MAX)
		return "the absolute path of a socket, at most 107 characters, or \"\" for none";
	if (is_taken(path, S_IFSOCK))
		return "a path where nothing stands yet, or a socket of an earlier run: what is there is no socket";
	return NULL;
}

const char *mi_check_fifo(const char *path)
{
	if (*path == '\0')
		return NULL;
	if (*path != '/' || ends_in_slash(path) || strlen(path) >= PATH_MAX)
		return "the absolute path of a FIFO, or \"\" for none";
	if (is_taken(path, S_IFIFO))
		return "a path where nothing stands yet, or a FIFO of an earlier run: what is there is no FIFO";
	return NULL;
}

const char *mi_check_folder(const char *path)
{
	struct stat st;

	if (*path != '/' || strlen(path) >= PATH_MAX - 256)
		return "the absolute path of a folder";
	if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode))
		return "a folder that exists";
	return NULL;
}

void mi_make_folder(const char *path)
{
	char *copy = strdup(path);

	if (copy)
		(void)mkdir(dirname(copy), 0755);
	free(copy);
}

void mi_log_failure(struct log_source *log, const char *what, const char *path, int err)
{
	char *copy = strdup(path);
	const char *folder = copy ? dirname(copy) : "its folder";

	if (err == -ENOENT || err == -EACCES || err == -EPERM || err == -EROFS)
		LOG(log, LOG_L_ERR, "%s: cannot make %s: %s; uid %ld must be able to write to %s (as root once: install -d -o USER %s; "
			"with systemd: RuntimeDirectory)", what, path, strerror(-err), (long)geteuid(), folder, folder);
	else
		LOG(log, LOG_L_ERR, "%s: cannot make %s: %s", what, path, strerror(-err));
	free(copy);
}

void mi_unlink_own(const char *path, const struct stat *st)
{
	struct stat now;

	if (lstat(path, &now) == 0 && now.st_dev == st->st_dev && now.st_ino == st->st_ino)
		(void)unlink(path);
}
