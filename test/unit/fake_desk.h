/*
 * fake_desk.h
 *	  A desk whose questions the test answers.
 *
 * Stands in for desk.c and for the results of pg.c.
 */
#ifndef FAKE_DESK_H
#define FAKE_DESK_H

#include <stdbool.h>

#include "desk.h"

/* How many questions wait, and the first parameter of the oldest; "" without. */
unsigned fake_desk_count(void);
const char *fake_desk_parameter(void);

/* Whether questions are taken. */
void fake_desk_set_up(bool is_up);

/*
 * Answers the oldest question: with rows, each of columns divided by '|', an
 * empty one being null; or with an SQLSTATE; or, both NULL, with nothing.
 */
void fake_desk_answer(const char *const *rows, const char *sqlstate);

#endif
