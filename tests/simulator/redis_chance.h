/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random commands for comparing the simulated Redis with the real one: right ones and wrong ones,
 * over a few keys of each type. The same seed gives the same commands.
 */
#ifndef SHUNT_SIMULATOR_REDIS_CHANCE_H
#define SHUNT_SIMULATOR_REDIS_CHANCE_H

#include <stddef.h>
#include <stdint.h>

#define REDIS_CHANCE_ARGUMENTS 16
#define REDIS_CHANCE_WORD_SIZE 64

/* Begins with a state other than 0 and all else zeroed. */
struct redis_chance {
    uint64_t state;
    unsigned additions; /* ids grow with it */
    /* The command last drawn; argv points in here too: the struct must not move. */
    const char *pattern;
    size_t count;
    const char *argv[REDIS_CHANCE_ARGUMENTS];
    char words[256];
    char texts[REDIS_CHANCE_ARGUMENTS][REDIS_CHANCE_WORD_SIZE];
};

void redis_chance_draw(struct redis_chance *chance);

/* A command of this pattern. */
void redis_chance_draw_like(struct redis_chance *chance, size_t pattern);
size_t redis_chance_patterns(void);

/* The named script of those that the commands call. */
const char *redis_chance_script(const char *name);
const char *redis_chance_sha1(const char *name);

#endif
