/* Gives the files of a corpus, or those named on the command line, to a fuzz target. */
#include <dirent.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

#define INPUT_MAX ((size_t)1 << 20)

static unsigned replayed;

static int replay(const char *path)
{
	FILE *f = fopen(path, "rb");
	uint8_t *all = malloc(INPUT_MAX), *exact;
	size_t len;

	if (!f || !all) {
		perror(path);
		free(all);
		if (f)
			(void)fclose(f);
		return -1;
	}
	len = fread(all, 1, INPUT_MAX, f);
	(void)fclose(f);
	/* Exactly as long as the input: a read behind it is seen by sanitizers and
	 * valgrind. */
	exact = malloc(len ? len : 1);
	if (!exact)
		abort();
	memcpy(exact, all, len);
	free(all);
	(void)LLVMFuzzerTestOneInput(exact, len);
	free(exact);
	replayed++;
	return 0;
}

static int replay_folder(const char *folder)
{
	DIR *dir = opendir(folder);
	const struct dirent *entry;
	char path[4096];
	int err = 0;

	if (!dir) {
		perror(folder);
		return -1;
	}
	while ((entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		if ((size_t)snprintf(path, sizeof(path), "%s/%s", folder,
			    entry->d_name) >= sizeof(path) ||
			replay(path) != 0)
			err = -1;
	}
	(void)closedir(dir);
	return err;
}

int main(int argc, char **argv)
{
	const char *srcdir = getenv("srcdir");
	char folder[4096];
	int i, err = 0;

	(void)snprintf(folder, sizeof(folder), "%s/" FUZZ_CORPUS, srcdir ? srcdir : ".");
	if (argc < 2)
		err = replay_folder(folder);
	for (i = 1; i < argc; i++)
		if (replay(argv[i]) != 0)
			err = -1;
	(void)printf("%u inputs of %s\n", replayed,
		argc < 2 ? FUZZ_CORPUS : "the command line");
	return err != 0 || replayed == 0;
}
