/*
 * site.c
 *	  The static files served at /.
 *
 * Hidden files and symbolic links are left out: what is served is what was
 * installed, not what it points to.
 */
#include "site.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buf.h"
#include "log.h"

/* A dashboard is below one megabyte; these bounds catch a wrong folder. */
#define SITE_MAX_FILES 1000
#define SITE_MAX_SIZE (16 * 1024 * 1024)
#define SITE_MAX_DEPTH 6

struct Site
{
	SiteFile *files;
	size_t file_count;
	size_t size;
};

static const char *
content_type_of(const char *path)
{
	static const char *const types[][2] = {
		{".html", "text/html; charset=utf-8"},
		{".js", "text/javascript; charset=utf-8"},
		{".mjs", "text/javascript; charset=utf-8"},
		{".css", "text/css; charset=utf-8"},
		{".json", "application/json"},
		{".map", "application/json"},
		{".webmanifest", "application/manifest+json"},
		{".svg", "image/svg+xml"},
		{".png", "image/png"},
		{".ico", "image/x-icon"},
		{".woff2", "font/woff2"},
		{".txt", "text/plain; charset=utf-8"},
	};
	const char *ending = strrchr(path, '.');

	for (size_t i = 0; ending && i < sizeof types / sizeof *types; i++)
		if (strcmp(ending, types[i][0]) == 0)
			return types[i][1];
	return "application/octet-stream";
}

static void
make_etag(char out[24], const Frame *bytes)
{
	uint64_t hash = 14695981039346656037u;
	const unsigned char *room = bytes->room + FRAME_HEADROOM;

	for (size_t i = 0; i < bytes->size; i++)
		hash = (hash ^ room[i]) * 1099511628211u;
	snprintf(out, 24, "\"%016llx\"", (unsigned long long) hash);
}

/* The whole file; NULL when it cannot be read or changes size meanwhile. */
static Frame *
read_file(int folder_fd, const char *name, size_t size)
{
	int fd = openat(folder_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	Frame *frame = fd < 0 ? NULL : frame_new(size);
	size_t done = 0;
	ssize_t got = 1;

	while (frame && done < size && got > 0)
	{
		got = read(fd, frame_bytes(frame) + done, size - done);
		if (got > 0)
			done += (size_t) got;
	}
	if (fd >= 0)
		close(fd);
	if (frame && done == size)
		return frame;
	frame_release(frame);
	return NULL;
}

static bool
add_file(Site *site, int folder_fd, const char *name, const char *path, size_t size)
{
	SiteFile *files = realloc(site->files, (site->file_count + 1) * sizeof *files);
	SiteFile *file;

	if (!files)
		return false;
	site->files = files;
	file = &files[site->file_count];
	*file = (SiteFile){
		.path = strdup(path),
		.content_type = content_type_of(path),
		.bytes = read_file(folder_fd, name, size),
	};
	if (!file->path || !file->bytes)
	{
		free(file->path);
		frame_release(file->bytes);
		return false;
	}
	make_etag(file->etag, file->bytes);
	site->file_count++;
	site->size += size;
	return true;
}

static bool read_folder(Site *site, int fd, const char *prefix, int depth);

static bool
read_entry(Site *site, int folder_fd, const char *name, const char *prefix, int depth)
{
	struct stat status;
	Buf path = {0};
	bool is_fine = true;

	if (name[0] == '.' || fstatat(folder_fd, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
		return true;
	buf_printf(&path, "%s/%s", prefix, name);
	if (S_ISDIR(status.st_mode))
	{
		int fd = openat(folder_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

		is_fine = fd < 0 || read_folder(site, fd, buf_text(&path), depth + 1);
	}
	else if (S_ISREG(status.st_mode))
	{
		is_fine = site->file_count < SITE_MAX_FILES && (size_t) status.st_size <= SITE_MAX_SIZE - site->size;
		if (is_fine && !add_file(site, folder_fd, name, buf_text(&path), (size_t) status.st_size))
			log_warning("could not read %s of the page folder", buf_text(&path));
	}
	buf_free(&path);
	return is_fine;
}

/* Takes the descriptor.  False when the folder holds more than a site would. */
static bool
read_folder(Site *site, int fd, const char *prefix, int depth)
{
	DIR *folder = fdopendir(fd);
	struct dirent *entry;
	bool is_fine = depth <= SITE_MAX_DEPTH;

	if (!folder)
	{
		close(fd);
		return true;
	}
	while (is_fine && (entry = readdir(folder)))
		is_fine = read_entry(site, dirfd(folder), entry->d_name, prefix, depth);
	closedir(folder);
	return is_fine;
}

Site *
site_new(const char *folder)
{
	Site *site = calloc(1, sizeof *site);
	int fd;

	if (!site || !*folder)
		return site;
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		log_warning("the page folder \"%s\" cannot be read: %s", folder, strerror(errno));
	else if (!read_folder(site, fd, "", 0))
		log_warning("the page folder \"%s\" holds too much; serving only part of it", folder);
	return site;
}

void
site_free(Site *site)
{
	if (!site)
		return;
	for (size_t i = 0; i < site->file_count; i++)
	{
		free(site->files[i].path);
		frame_release(site->files[i].bytes);
	}
	free(site->files);
	free(site);
}

const SiteFile *
site_find(const Site *site, const char *path)
{
	if (strcmp(path, "/") == 0)
		path = "/index.html";
	for (size_t i = 0; i < site->file_count; i++)
		if (strcmp(site->files[i].path, path) == 0)
			return &site->files[i];
	return NULL;
}

size_t
site_file_count(const Site *site)
{
	return site->file_count;
}
