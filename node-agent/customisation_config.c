/* SPDX-License-Identifier: Apache-2.0 */
#include "customisation_config.h"

#include "bitbucket_config.h"
#include "text.h"

#include <fnmatch.h>

static const char *const manner_words[] = {
    [CUSTOMISATION_MERGE] = "merge",
    [CUSTOMISATION_COPY] = "copy",
    [CUSTOMISATION_KEEP_NEW] = "keep-new",
    [CUSTOMISATION_ASK] = "ask",
    NULL,
};

static const char *files_rule(const char *files)
{
    if (files[0] == '\0')
        return "a pattern such as app/robots.txt or \"*.jar\" is missing";
    if (files[0] == '/')
        return "a pattern begins below the install directory, and without a slash";
    return NULL;
}

static void read_rule(struct yaml_document *document, const struct yaml_node *item,
                      struct bitbucket_config *config)
{
    int manner = CUSTOMISATION_MERGE;
    if (yaml_kind(item) != YAML_MAP) {
        yaml_complain(document, item, "expected {files: PATTERN, do: merge|copy|keep-new|ask}");
        return;
    }
    if (config->rule_count == CUSTOMISATION_RULES) {
        yaml_complain(document, item, "more than %d rules", CUSTOMISATION_RULES);
        return;
    }
    struct customisation_rule *rule = &config->rules[config->rule_count];
    bool is_good = yaml_get_text(document, item, "files", true, rule->files, sizeof(rule->files));
    const char *wrong = is_good ? files_rule(rule->files) : NULL;
    if (wrong != NULL)
        config_complain(document, item, "files", wrong);
    if (yaml_get_word(document, item, "do", true, manner_words, &manner) && is_good) {
        rule->manner = (enum customisation_manner)manner;
        config->rule_count++;
    }
    yaml_complain_unknown(document, item);
}

void customisation_config_read(struct yaml_document *document, const struct yaml_node *section,
                               struct bitbucket_config *config)
{
    const struct yaml_node *list = yaml_get_list(document, section, "customisations", false);
    config_get_path(document, section, "artifacts", false, config->artifacts);
    for (size_t i = 0; list != NULL && i < yaml_count(list); i++)
        read_rule(document, yaml_item(list, i), config);
}

enum customisation_manner customisation_manner_of(const struct bitbucket_config *config,
                                                  const char *path)
{
    for (size_t i = 0; i < config->rule_count; i++)
        if (fnmatch(config->rules[i].files, path, 0) == 0)
            return config->rules[i].manner;
    return CUSTOMISATION_MERGE;
}

bool customisation_is_off(const struct bitbucket_config *config)
{
    return config->rule_count > 0 && text_equal(config->rules[0].files, "*") &&
           config->rules[0].manner == CUSTOMISATION_KEEP_NEW;
}
