/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/config_text.h"

#include "memory.h"
#include "text.h"

#include <sys/stat.h>
#include <unistd.h>

/* A machine on which everything is right: one secret and one key, in the scratch directory. */
struct machine {
    struct config config;
    struct cluster_config cluster;
    struct buffer complaints;
};

#define NOBODY          65534 /* no file is his */
#define MACHINE_CLEANUP __attribute__((cleanup(machine_done)))

static void machine_done(struct machine *machine)
{
    buffer_done(&machine->complaints);
}

static void write_file(const char *name, const char *text, mode_t mode)
{
    assert_good(file_replace(scratch_path(name), text, strlen(text), mode, &err));
    assert_int_equal(chmod(scratch_path(name), mode), 0);
}

static void write_key(const char *name)
{
    struct key_pair *pair = key_pair_new();
    assert_good(key_pair_save(pair, scratch_path(name), &err));
    key_pair_free(pair);
}

static void machine_init(struct machine *machine)
{
    memset(machine, 0, sizeof(*machine));
    buffer_init(&machine->complaints, 64 * 1024);
    write_file("password", "secret\n", 0600);
    write_file("ca.pem", "certificates\n", 0644);
    write_key("controller.key");
    TEXT_COPY(machine->config.state_dir, scratch_path("state/shunt"));
    TEXT_COPY(machine->config.key_file, scratch_path("controller.key"));
    TEXT_COPY(machine->config.operator_key_file, scratch_path("operator.key"));
    TEXT_COPY(machine->config.redis.host, "redis.example.com");
    TEXT_COPY(machine->cluster.name, "git");
    TEXT_COPY(machine->cluster.credentials.password_file, scratch_path("password"));
    TEXT_COPY(machine->cluster.ca_file, scratch_path("ca.pem"));
    machine->config.clusters = &machine->cluster;
    machine->config.cluster_count = 1;
}

static void assert_complains(struct machine *machine, const char *what, const char *rule)
{
    size_t count = config_check_host(&machine->config, &machine->complaints);
    const char *text = buffer_text(&machine->complaints);
    if (count != 1 || !text_starts_with(text, what) || strstr(text, rule) == NULL)
        fail_msg("expected only '%s' with '%s' in:\n%s", what, rule, text);
    assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
}

static void assert_content(struct machine *machine)
{
    size_t count = config_check_host(&machine->config, &machine->complaints);
    if (count != 0)
        fail_msg("%s", buffer_text(&machine->complaints));
}

static void good_machine_gives_no_complaint(void **state)
{
    MACHINE_CLEANUP struct machine machine;
    (void)state;
    machine_init(&machine);
    assert_content(&machine);
    assert_int_equal(access(machine.config.state_dir, F_OK), -1);
}

static void missing_password_file_is_told(void **state)
{
    MACHINE_CLEANUP struct machine machine;
    (void)state;
    machine_init(&machine);
    TEXT_COPY(machine.cluster.credentials.password_file, scratch_path("nowhere"));
    assert_complains(&machine, "cluster git: credentials: ", "nowhere");
}

static void password_file_open_to_others_is_told(void **state)
{
    MACHINE_CLEANUP struct machine machine;
    (void)state;
    machine_init(&machine);
    assert_int_equal(chmod(machine.cluster.credentials.password_file, 0640), 0);
    assert_complains(&machine, "cluster git: credentials: ", "chmod");
}

static void empty_token_file_is_told(void **state)
{
    MACHINE_CLEANUP struct machine machine;
    (void)state;
    machine_init(&machine);
    write_file("token", "\n", 0600);
    machine.cluster.credentials.password_file[0] = '\0';
    TEXT_COPY(machine.cluster.credentials.token_file, scratch_path("token"));
    assert_complains(&machine, "cluster git: credentials: ", "empty");
}

static void environment_variable_that_is_not_set_is_told(void **state)
{
    MACHINE_CLEANUP struct machine machine;
    (void)state;
    machine_init(&machine);
    machine.cluster.credentials.password_file[0] = '\0';
    TEXT_COPY(machine.cluster.credentials.token_env, "SHUNT_TEST_TOKEN");
    assert_int_equal(unsetenv("SHUNT_TEST_TOKEN"), 0);
    assert_complains(&machine, "cluster git: credentials: ", "SHUNT_TEST_TOKEN: not set");
}

static void environment_variable_that_is_set_is_enough(void **state)
{
    MACHINE_CLEANUP struct machine machine;
    (void)state;
    machine_init(&machine);
    machine.cluster.credentials.password_file[0] = '\0';
    TEXT_COPY(machine.cluster.credentials.password_env, "SHUNT_TEST_PASSWORD");
    assert_int_equal(setenv("SHUNT_TEST_PASSWORD", "secret", 1), 0);
    assert_content(&machine);
    assert_int_equal(unsetenv("SHUNT_TEST_PASSWORD"), 0);
}

static void missing_authorities_are_told(void **state)
{
    MACHINE_CLEANUP struct machine machine;
    (void)state;
    machine_init(&machine);
    TEXT_COPY(machine.cluster.ca_file, scratch_path("nowhere.pem"));
    assert_complains(&machine, "cluster git: tls.ca_file: ", "nowhere.pem");
}

static void missing_controller_key_is_told(void **state)
{
    MACHINE_CLEANUP struct machine machine;
    (void)state;
    machine_init(&machine);
    assert_int_equal(unlink(machine.config.key_file), 0);
    assert_complains(&machine, "controller.key_file: ", "controller.key");
}

static void key_open_to_others_is_told(void **state)
{
    MACHINE_CLEANUP struct machine machine;
    (void)state;
    machine_init(&machine);
    assert_int_equal(chmod(machine.config.key_file, 0604), 0);
    assert_complains(&machine, "controller.key_file: ", "chmod");
}

static void key_file_that_holds_no_key_is_told(void **state)
{
    MACHINE_CLEANUP struct machine machine;
    (void)state;
    machine_init(&machine);
    write_file("controller.key", "my key\n", 0600);
    assert_complains(&machine, "controller.key_file: ", "controller.key");
}

static void operators_key_counts_only_where_it_is(void **state)
{
    MACHINE_CLEANUP struct machine machine;
    (void)state;
    machine_init(&machine);
    write_key("operator.key");
    assert_int_equal(chmod(machine.config.operator_key_file, 0644), 0);
    assert_complains(&machine, "operator.key_file: ", "chmod");
}

/* As when the controller and the CLI of its administrator share one configuration. */
static void operators_key_of_another_user_is_his_own_affair(void **state)
{
    MACHINE_CLEANUP struct machine machine;
    uid_t own = geteuid();
    (void)state;
    machine_init(&machine);
    write_key("operator.key");
    assert_int_equal(chmod(machine.config.operator_key_file, 0000), 0);
    if (own == 0)
        assert_int_equal(seteuid(NOBODY), 0);
    (void)config_check_host(&machine.config, &machine.complaints);
    assert_int_equal(seteuid(own), 0);
    assert_null(strstr(buffer_text(&machine.complaints), "operator.key_file"));
}

static void redis_files_are_looked_at(void **state)
{
    MACHINE_CLEANUP struct machine machine;
    (void)state;
    machine_init(&machine);
    TEXT_COPY(machine.config.redis.password_file, scratch_path("redis.password"));
    assert_complains(&machine, "redis.password_file: ", "redis.password");
    buffer_clear(&machine.complaints);
    machine.config.redis.password_file[0] = '\0';
    TEXT_COPY(machine.config.redis.sentinels.password_file, scratch_path("asker.password"));
    assert_complains(&machine, "redis.sentinel_password_file: ", "asker.password");
    buffer_clear(&machine.complaints);
    machine.config.redis.sentinels.password_file[0] = '\0';
    TEXT_COPY(machine.config.redis.cert_file, scratch_path("redis.crt"));
    assert_complains(&machine, "redis.tls.cert_file: ", "redis.crt");
}

static void embedded_redis_makes_the_key_itself(void **state)
{
    MACHINE_CLEANUP struct machine machine;
    (void)state;
    machine_init(&machine);
    write_file("redis-server", "#!/bin/sh\n", 0700);
    FREE_CLEANUP char *path = memory_text(getenv("PATH"));
    machine.config.is_embedded = true;
    assert_int_equal(unlink(machine.config.key_file), 0);
    assert_int_equal(setenv("PATH", scratch, 1), 0);
    assert_content(&machine);
    assert_int_equal(setenv("PATH", path != NULL ? path : "", 1), 0);
}

static void state_directory_below_a_file_is_told(void **state)
{
    MACHINE_CLEANUP struct machine machine;
    (void)state;
    machine_init(&machine);
    TEXT_COPY(machine.config.state_dir, scratch_path("password/shunt"));
    assert_complains(&machine, "controller.state_dir: ", "not a directory");
}

static void every_complaint_is_counted(void **state)
{
    MACHINE_CLEANUP struct machine machine;
    (void)state;
    machine_init(&machine);
    assert_int_equal(unlink(machine.config.key_file), 0);
    assert_int_equal(unlink(machine.cluster.credentials.password_file), 0);
    assert_int_equal(unlink(machine.cluster.ca_file), 0);
    machine.complaints.limit = 8; /* what does not fit is counted all the same */
    assert_int_equal(config_check_host(&machine.config, &machine.complaints), 3);
}

static int start(void **state)
{
    struct error err;
    (void)state;
    return keys_init(&err) ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_in_scratch(good_machine_gives_no_complaint),
        test_in_scratch(missing_password_file_is_told),
        test_in_scratch(password_file_open_to_others_is_told),
        test_in_scratch(empty_token_file_is_told),
        test_in_scratch(environment_variable_that_is_not_set_is_told),
        test_in_scratch(environment_variable_that_is_set_is_enough),
        test_in_scratch(missing_authorities_are_told),
        test_in_scratch(missing_controller_key_is_told),
        test_in_scratch(key_open_to_others_is_told),
        test_in_scratch(key_file_that_holds_no_key_is_told),
        test_in_scratch(operators_key_counts_only_where_it_is),
        test_in_scratch(operators_key_of_another_user_is_his_own_affair),
        test_in_scratch(redis_files_are_looked_at),
        test_in_scratch(embedded_redis_makes_the_key_itself),
        test_in_scratch(state_directory_below_a_file_is_told),
        test_in_scratch(every_complaint_is_counted),
    };
    return cmocka_run_group_tests_name("controller/config_check", tests, start, NULL);
}
