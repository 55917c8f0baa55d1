/*
 * site_test.c
 *	  What of a folder is served, and what is not.
 */
#include "site.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log.h"
#include "tap.h"

static char folder[] = "/tmp/site_test_XXXXXX";

static void
write_file(const char *name, const char *text)
{
	char path[200];
	FILE *file;

	snprintf(path, sizeof path, "%s/%s", folder, name);
	file = fopen(path, "w");
	fputs(text, file);
	fclose(file);
}

static void
make_folder(void)
{
	char path[200];

	if (!mkdtemp(folder))
		abort();
	write_file("index.html", "<h1>hello</h1>");
	write_file("page.js", "1");
	write_file(".hidden", "secret");
	write_file("empty.css", "");
	snprintf(path, sizeof path, "%s/assets", folder);
	mkdir(path, 0700);
	write_file("assets/logo.svg", "<svg/>");
	snprintf(path, sizeof path, "%s/link.txt", folder);
	if (symlink("/etc/passwd", path) < 0)
		abort();
}

static void
remove_folder(void)
{
	char command[200];

	snprintf(command, sizeof command, "rm -rf %s", folder);
	if (system(command) != 0)
		note("the folder could not be removed");
}

static void
test_found(void)
{
	Site *site = site_new(folder);
	const SiteFile *file = site_find(site, "/");

	is_number(site_file_count(site), 4, "plain files are read, hidden ones and links are not");
	ok(file && file->bytes->size == 14 && memcmp(frame_bytes(file->bytes), "<h1>hello</h1>", 14) == 0,
	   "/ is the index, byte for byte");
	is_text(file->content_type, "text/html; charset=utf-8", "with its type");
	ok(file == site_find(site, "/index.html"), "under its own name too");
	file = site_find(site, "/assets/logo.svg");
	is_text(file ? file->content_type : NULL, "image/svg+xml", "folders within are served");
	file = site_find(site, "/empty.css");
	ok(file && file->bytes->size == 0, "an empty file is empty");
	ok(strcmp(site_find(site, "/page.js")->etag, site_find(site, "/index.html")->etag) != 0, "tags tell contents apart");
	site_free(site);
}

static void
test_not_found(void)
{
	static const char *const paths[] = {"", "index.html", "/index.htm", "/.hidden", "/link.txt", "/../site_test",
										"/assets", "/assets/", "/assets/../index.html", "//index.html", "/./index.html",
										"/INDEX.HTML", "/etc/passwd"};
	Site *site = site_new(folder);

	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
		ok(!site_find(site, paths[i]), "\"%s\" is not served", paths[i]);
	site_free(site);
}

static void
test_no_folder(void)
{
	Site *site = site_new("");

	is_number(site_file_count(site), 0, "without a folder nothing is served");
	site_free(site);
	log_configure(LOG_ERROR, false);
	site = site_new("/nonexistent");
	ok(site && site_file_count(site) == 0, "nor from one that is not there");
	site_free(site);
}

int
main(void)
{
	make_folder();
	test_found();
	test_not_found();
	test_no_folder();
	remove_folder();
	return tap_done();
}
