/*
 * site.h
 *	  The static files served at /.
 *
 * The folder is read into memory at start and on reload.  A request therefore
 * never touches the disk, and a path is either in the table or does not exist:
 * there is nothing to traverse.
 */
#ifndef SITE_H
#define SITE_H

#include <stddef.h>

#include "frame.h"

typedef struct Site Site;

typedef struct SiteFile
{
	char *path; /* "/page.js" */
	const char *content_type;
	char etag[24];
	Frame *bytes;
} SiteFile;

/* Never NULL but without memory; a folder that cannot be read is logged and empty. */
Site *site_new(const char *folder);
void site_free(Site *site);

/* "/" is /index.html.  NULL when there is no such file. */
const SiteFile *site_find(const Site *site, const char *path);

size_t site_file_count(const Site *site);

#endif
