/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scripts, the patterns, and what the words of a pattern become.
 */
#include "redis_chance.h"

#include "check.h"
#include "text.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

/* Times of expiry are far away or over: nothing expires in the real server while it is compared.
 * Limits with "~" are out of reach, since Redis trims by whole nodes. */
static const char *const patterns[] = {
    "PING",
    "PING %v",
    "PING a b",
    "GET %s",
    "GET %s",
    "GET",
    "SET %s %v",
    "SET %s %v",
    "set %s %v ex 1000000",
    "SET %s %v PX 1000000000 NX",
    "SET %s %v XX",
    "SET %s %v KEEPTTL",
    "SET %s %v NX",
    "SET %s %v NX XX",
    "SET %s %v EX",
    "SET %s %v EX abc",
    "SET %s %v PX 0",
    "SET %s %v EX -1",
    "SET %s %v EX 9223372036854775807",
    "SET %s %v PX 9223372036854775807",
    "SET %s %v EX 100 PX 100",
    "SET %s %v EX 100 KEEPTTL",
    "SET %s %v BOGUS",
    "SET %s",
    "DEL %s",
    "DEL %s %s %l",
    "DEL %x",
    "DEL",
    "EXISTS %s %l %x %s",
    "EXISTS %s",
    "EXPIRE %s 1000000",
    "EXPIRE %l 1000000",
    "EXPIRE %x 2000000",
    "EXPIRE %s 0",
    "EXPIRE %l -1",
    "EXPIRE %s abc",
    "EXPIRE %s 9223372036854775807",
    "EXPIRE %s -9223372036854775808",
    "PEXPIRE %s 1000000000",
    "PEXPIRE %s 9223372036854775807",
    "PEXPIRE %x -5",
    "EXPIRE %s",
    "TTL %s",
    "PTTL %s",
    "PTTL %l",
    "FLUSHALL NOW",
    "TYPE %s",
    "TYPE %x",
    "TYPE %l",
    "INCR %s",
    "INCR %s",
    "RPUSH %l %v",
    "RPUSH %l %v %v %n",
    "RPUSH %l",
    "LPOP %l",
    "LLEN %l",
    "LRANGE %l %n %n",
    "LRANGE %l %n %n",
    "LRANGE %l 0 -1",
    "LRANGE %l 0",
    "XADD %x %I f %v",
    "XADD %x %I f %v",
    "XADD %x %I f %v g %v",
    "XADD %x MAXLEN ~ 100000 %I f %v",
    "XADD %x MAXLEN = 20 %I f %v",
    "XADD %x MAXLEN 10 %I f %v",
    "XADD %x MAXLEN %n %I f %v",
    "XADD %x MAXLEN ~ -1 %I f %v",
    "XADD %x NOMKSTREAM %I f %v",
    "XADD %x %i f %v",
    "XADD %x %i f",
    "XADD %x %i f %v g",
    "XADD %x * f",
    "XADD %x MAXLEN 5 f v",
    "XADD %x BOGUS 1 f v",
    "XADD %x MAXLEN ~ 5",
    "XLEN %x",
    "XLEN",
    "XRANGE %x - +",
    "XRANGE %x %e %e",
    "XRANGE %x %e %e COUNT %n",
    "XRANGE %x %e + COUNT 2 COUNT %n",
    "XRANGE %x - + BOGUS 1",
    "XRANGE %x - + COUNT",
    "XRANGE %x -",
    "XREVRANGE %x + -",
    "XREVRANGE %x %e %e",
    "XREVRANGE %x + - COUNT %n",
    "XREVRANGE %x %e %e COUNT 2",
    "XGROUP CREATE %x %g 0 MKSTREAM",
    "XGROUP CREATE %x %g 0 MKSTREAM",
    "XGROUP CREATE %x %g $ MKSTREAM",
    "XGROUP CREATE %x %g %i",
    "XGROUP CREATE %x %g %i MKSTREAM",
    "XGROUP CREATE %x %g 0 BOGUS",
    "XGROUP CREATE %x %g",
    "XGROUP DESTROY %x %g",
    "XGROUP BOGUS %x %g",
    "XGROUP",
    "XREADGROUP GROUP %g %c COUNT 2 STREAMS %x >",
    "XREADGROUP GROUP %g %c COUNT 2 BLOCK 1 STREAMS %x >",
    "XREADGROUP GROUP %g %c COUNT 2 STREAMS %x %x > >",
    "XREADGROUP GROUP %g %c COUNT %n STREAMS %x %x > 0",
    "XREADGROUP GROUP %g %c COUNT %n STREAMS %x >",
    "XREADGROUP GROUP %g %c STREAMS %x 0",
    "XREADGROUP GROUP %g %c COUNT 2 STREAMS %x %i",
    "XREADGROUP GROUP %g %c COUNT 3 STREAMS %x %x %i %i",
    "XREADGROUP GROUP %g %c NOACK COUNT 1 STREAMS %x >",
    "XREADGROUP GROUP %g %c BLOCK -1 STREAMS %x >",
    "XREADGROUP GROUP %g %c BLOCK abc STREAMS %x >",
    "XREADGROUP GROUP %g %c COUNT 1 STREAMS %x x0 >",
    "XREADGROUP GROUP %g %c COUNT 1 BOGUS %x >",
    "XREADGROUP COUNT 1 COUNT 1 STREAMS %x >",
    "XREADGROUP GROUP %g STREAMS %x >",
    "XREADGROUP GROUP %g %c COUNT 2 COUNT",
    "XREAD COUNT %n STREAMS %x %i",
    "XREAD COUNT 2 BLOCK 1 STREAMS %x %i",
    "XREAD COUNT 2 STREAMS %x %x %i $",
    "XREAD STREAMS %x",
    "XREAD GROUP g c STREAMS %x >",
    "XREAD NOACK STREAMS %x 0",
    "XACK %x %g %i",
    "XACK %x %g %i %i %i",
    "XACK %x %g 1-1 1-2 1-3 2-1 2-2 2-3 3-1 3-2 3-3",
    "XACK %x %g",
    "XDEL %x %i",
    "XDEL %x %i %i %i",
    "XDEL %x",
    "XTRIM %x MAXLEN %n",
    "xtrim %x maxlen 3",
    "XTRIM %x MAXLEN = %n",
    "XTRIM %x MAXLEN ~ 100000",
    "XTRIM %x MAXLEN ~",
    "XTRIM %x MAXLEN %n %n",
    "XTRIM %x MAXLEN",
    "XTRIM %x BOGUS %n",
    "XTRIM %x",
    "NOSUCH",
    "NOSUCH %x %v",
    "EVAL @take 2 %s %s %v 1000000 %n 0",
    "EVAL @take 2 s0 s1 me 1000000 0 1",
    "EVALSHA #take 2 %s %s me 1000000 %n 1",
    "EVALSHA #take 2 %s %s %v %t %n 1",
    "EVAL @release 1 %s me",
    "EVALSHA #release 1 %s %v",
    "EVAL @append 4 %s %s %x %x %v %v 100000 %v body 0 %I",
    "EVALSHA #append 4 s0 s1 %x %x 1 1 100000 record body 0 %I",
    "EVAL @values 0",
    "EVAL @arguments 1 a b c",
    "EVAL @arguments %n a b c",
    "EVAL @arguments 0",
    "EVAL @numbers 2 %s %l",
    "EVAL @types 2 %s %x",
    "EVAL @entries 1 %x",
    "EVAL @caught 1 %s",
    "EVAL @given_on 1 %s",
    "EVAL @given_on 1 %x",
    "EVAL @raised 1 %s",
    "EVAL @raised 1 %x",
    "EVAL @raised_later 1 %l %n",
    "EVAL @half_done 1 %s %v",
    "EVAL @error_text 0",
    "EVAL @error_table 0",
    "EVAL @error_field 0",
    "EVAL @error_reply 0",
    "EVAL @error_reply_coded 0",
    "EVAL @error_reply_short 0",
    "EVAL @error_plain 0",
    "EVAL @status_reply 0",
    "EVAL @status 1 %s %v",
    "EVAL @global_read 0",
    "EVAL @global_write 0",
    "EVAL @no_call 0",
    "EVAL @no_pcall 0",
    "EVAL @bad_argument 0",
    "EVAL @unknown 0",
    "EVAL @unknown_caught 0",
    "EVAL @arity 0",
    "EVAL @nested 0",
    "EVAL @broken 0",
    "EVAL @lines 0",
    "EVAL @big 0",
    "EVAL @nothing 0",
    "EVAL @function 0",
    "EVAL @values",
    "EVALSHA 0123456789012345678901234567890123456789 0",
    "EVALSHA short 0",
    "SCRIPT LOAD @release",
    "SCRIPT LOAD @broken",
    "SCRIPT EXISTS #take #release #append none",
    "SCRIPT FLUSH",
    "SCRIPT BOGUS",
    "SCRIPT",
};

/* The first three are those of the controller, but for the ids of entries. */
static const struct {
    const char *name, *text;
} scripts[] = {
    {"take", "local holder = redis.call('GET', KEYS[1])\n"
             "if holder and holder ~= ARGV[1] then return {0, holder} end\n"
             "local epoch = tonumber(redis.call('GET', KEYS[2]) or '0')\n"
             "if not holder or ARGV[4] == '1' or epoch < tonumber(ARGV[3]) then\n"
             "  epoch = math.max(epoch, tonumber(ARGV[3])) + 1\n"
             "  redis.call('SET', KEYS[2], string.format('%d', epoch))\n"
             "end\n"
             "redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])\n"
             "return {1, string.format('%d', epoch)}\n"},
    {"release",
     "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end\n"
     "return 0\n"},
    {"append",
     "if redis.call('GET', KEYS[1]) ~= ARGV[1] or redis.call('GET', KEYS[2]) ~= ARGV[2] then\n"
     "  return -1\n"
     "end\n"
     "if ARGV[6] == '1' then redis.call('DEL', KEYS[3]) end\n"
     "if ARGV[4] ~= '' then\n"
     "  redis.call('XADD', KEYS[3], 'MAXLEN', '~', ARGV[3], ARGV[7], 'record', ARGV[4])\n"
     "end\n"
     "for i = 4, #KEYS do\n"
     "  redis.call('XADD', KEYS[i], 'MAXLEN', '~', 1000, ARGV[7], 'body', ARGV[5])\n"
     "end\n"
     "return 1\n"},
    {"values",
     "return {1, 2.9, -2.9, 'x', false, true, {ok = 'fine'}, {err = 'BAD x'}, {{}}, nil, 5}"},
    {"arguments", "return {KEYS, ARGV, #KEYS, #ARGV}"},
    {"numbers", "redis.call('SET', KEYS[1], 1.5) redis.call('RPUSH', KEYS[2], 3.0, 1e20, 0.1, -7)"
                " return redis.call('LRANGE', KEYS[2], 0, -1)"},
    {"types", "local function of(value) return type(value) end\n"
              "return {of(redis.call('GET', KEYS[1])), of(redis.call('XRANGE', KEYS[2], '-', '+')),"
              " of(redis.pcall('INCR', KEYS[1])), of(redis.call('PING')), redis.call('PING').ok}"},
    {"entries", "local entries = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 3)\n"
                "for i, entry in ipairs(entries) do entry[3] = #entry[2] end return entries"},
    {"caught", "local value = redis.pcall('INCR', KEYS[1])\n"
               "if type(value) == 'table' then return value.err end return value"},
    {"given_on", "return redis.pcall('GET', KEYS[1])"},
    {"raised", "local x = 1\nreturn redis.call('GET', KEYS[1])"},
    {"raised_later", "local function f() return redis.call('LRANGE', KEYS[1], 0, ARGV[1]) end\n"
                     "\nlocal x = f()\nreturn x"},
    {"half_done", "redis.call('SET', KEYS[1], ARGV[1]) redis.call('INCR', KEYS[1]) return 1"},
    {"error_text", "error('no good')"},
    {"error_table", "error({err = 'MINE of me'})"},
    {"error_field", "local x = nil\nreturn x.y"},
    {"error_reply", "return redis.error_reply('My Error')"},
    {"error_reply_coded", "return redis.error_reply('-My Error')"},
    {"error_reply_short", "return redis.error_reply('boom')"},
    {"error_plain", "return {err = 'boom'}"},
    {"status_reply", "return redis.status_reply('GOOD')"},
    {"status", "return redis.call('SET', KEYS[1], ARGV[1])"},
    {"global_read", "return nosuch"},
    {"global_write", "mine = 1"},
    {"no_call", "return redis.call()"},
    {"no_pcall", "return redis.pcall()"},
    {"bad_argument", "return redis.call('GET', {})"},
    {"unknown", "return redis.call('NOSUCH', 'x')"},
    {"unknown_caught", "return redis.pcall('NOSUCH', 'x')"},
    {"arity", "return redis.call('GET')"},
    {"nested", "return redis.call('EVAL', 'return 1', 0)"},
    {"broken", "return ("},
    {"lines", "return {ok = 'a\\r\\nb'}"},
    {"big", "return {2^53, 1e15, -1e15, 0}"},
    {"nothing", "local x = 1"},
    {"function", "return redis.call"},
};

#define COUNT_OF(rows) (sizeof(rows) / sizeof((rows)[0]))

static size_t find_script(const char *name)
{
    size_t index = 0;
    while (!text_equal(scripts[index].name, name))
        CHECK(++index < COUNT_OF(scripts));
    return index;
}

const char *redis_chance_script(const char *name)
{
    return scripts[find_script(name)].text;
}

const char *redis_chance_sha1(const char *name)
{
    static char sha1s[COUNT_OF(scripts)][41];
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    size_t index = find_script(name);
    const char *text = scripts[index].text;
    CHECK(EVP_Digest(text, strlen(text), digest, &size, EVP_sha1(), NULL) == 1);
    for (size_t i = 0; i < size; i++)
        snprintf(sha1s[index] + 2 * i, 3, "%02x", digest[i]);
    return sha1s[index];
}

static unsigned draw(struct redis_chance *chance, unsigned bound)
{
    chance->state ^= chance->state << 13;
    chance->state ^= chance->state >> 7;
    chance->state ^= chance->state << 17;
    return (unsigned)(chance->state >> 16) % bound;
}

static const char *draw_of(struct redis_chance *chance, const char *const *texts, unsigned count)
{
    return texts[draw(chance, count)];
}

#define DRAW_OF(chance, texts) draw_of((chance), (texts), COUNT_OF(texts))

/* Sometimes of another type than wanted, or missing. */
static const char *draw_key(struct redis_chance *chance, const char *const two[2])
{
    static const char *const any[] = {"s0", "l0", "x0", "missing"};
    return draw(chance, 16) == 0 ? DRAW_OF(chance, any) : two[draw(chance, 2)];
}

static const char *draw_id(struct redis_chance *chance, char text[REDIS_CHANCE_WORD_SIZE])
{
    static const char *const odd[] = {
        "0", "0-0", "5",    "abc", "5-",  "-5",  "$",
        "-", "+",   ">",    "(3",  "0-*", "4-*", "18446744073709551616",
        "",  "3-x", "5-2-1"};
    if (draw(chance, 8) == 0)
        return DRAW_OF(chance, odd);
    (void)snprintf(text, REDIS_CHANCE_WORD_SIZE, "%u-%u", draw(chance, chance->additions / 3 + 3),
                   draw(chance, 4));
    return text;
}

static const char *draw_end(struct redis_chance *chance, char text[REDIS_CHANCE_WORD_SIZE])
{
    static const char *const open[] = {"-",
                                       "+",
                                       "-",
                                       "+",
                                       "-",
                                       "+",
                                       "(7-1",
                                       "(2",
                                       "(0-0",
                                       "(x",
                                       "(18446744073709551615-18446744073709551615",
                                       "("};
    return draw(chance, 2) == 0 ? DRAW_OF(chance, open) : draw_id(chance, text);
}

static const char *next_id(struct redis_chance *chance, char text[REDIS_CHANCE_WORD_SIZE])
{
    chance->additions++;
    (void)snprintf(text, REDIS_CHANCE_WORD_SIZE, "%u-%u", chance->additions / 3,
                   chance->additions % 3 + 1);
    return text;
}

static const char *draw_number(struct redis_chance *chance)
{
    static const char *const numbers[] = {"0",    "1",    "2", "3", "5", "-1", "-2", "-3",
                                          "-100", "1000", "1", "2", "3", "0",  "5"};
    static const char *const odd[] = {"abc",
                                      "",
                                      "01",
                                      "-0",
                                      "1.5",
                                      "9223372036854775807",
                                      "9223372036854775808",
                                      "-9223372036854775808",
                                      "+1",
                                      " 1"};
    return draw(chance, 12) == 0 ? DRAW_OF(chance, odd) : DRAW_OF(chance, numbers);
}

/* Of expiry: far away, or wrong. */
static const char *draw_time(struct redis_chance *chance)
{
    static const char *const times[] = {"1000000", "1000000000", "2000000.0",          "0", "-1",
                                        "abc",     "",           "9223372036854775807"};
    return DRAW_OF(chance, times);
}

/* One word of a pattern: "%x" is drawn, "@name" is a script, "#name" its SHA1. */
static const char *draw_word(struct redis_chance *chance, const char *word,
                             char text[REDIS_CHANCE_WORD_SIZE])
{
    static const char *const values[] = {"", "1", "7", "-5", "9223372036854775807", "a b", "x"};
    static const char *const groups[] = {"g0", "g1", "g0", "g1", "g0", "nogroup"};
    static const char *const strings[] = {"s0", "s1"}, *const lists[] = {"l0", "l1"};
    static const char *const streams[] = {"x0", "x1"}, *const consumers[] = {"c0", "c1"};
    if (word[0] == '@')
        return redis_chance_script(word + 1);
    if (word[0] == '#')
        return redis_chance_sha1(word + 1);
    if (word[0] != '%')
        return word;
    switch (word[1]) {
    case 's':
        return draw_key(chance, strings);
    case 'l':
        return draw_key(chance, lists);
    case 'x':
        return draw_key(chance, streams);
    case 'v':
        return DRAW_OF(chance, values);
    case 'n':
        return draw_number(chance);
    case 't':
        return draw_time(chance);
    case 'g':
        return DRAW_OF(chance, groups);
    case 'c':
        return DRAW_OF(chance, consumers);
    case 'i':
        return draw_id(chance, text);
    case 'e':
        return draw_end(chance, text);
    default:
        return next_id(chance, text);
    }
}

size_t redis_chance_patterns(void)
{
    return COUNT_OF(patterns);
}

void redis_chance_draw_like(struct redis_chance *chance, size_t pattern)
{
    char *rest = NULL;
    chance->count = 0;
    chance->pattern = patterns[pattern];
    CHECK(TEXT_COPY(chance->words, chance->pattern));
    for (char *word = strtok_r(chance->words, " ", &rest); word != NULL;
         word = strtok_r(NULL, " ", &rest)) {
        CHECK(chance->count < REDIS_CHANCE_ARGUMENTS);
        chance->argv[chance->count] = draw_word(chance, word, chance->texts[chance->count]);
        chance->count++;
    }
}

void redis_chance_draw(struct redis_chance *chance)
{
    redis_chance_draw_like(chance, draw(chance, COUNT_OF(patterns)));
}
