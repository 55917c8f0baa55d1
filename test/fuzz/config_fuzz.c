/*
 * config_fuzz.c
 *	  Configuration files, in any shape.
 */
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "config.h"

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static int fd = -1;
	static char path[64];
	char *argv[] = {"inventory-relay", "--config", path, NULL};
	Buf error = {0};

	if (fd < 0)
	{
		fd = memfd_create("config", 0);
		snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	}
	if (ftruncate(fd, 0) < 0 || pwrite(fd, bytes, size, 0) < 0)
		abort();
	config_free(config_load(3, argv, NULL, &error));
	buf_free(&error);
	return 0;
}
