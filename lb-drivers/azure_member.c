/* SPDX-License-Identifier: Apache-2.0 */
#include "azure_member.h"

#include "check.h"
#include "text.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS  "0123456789"

/* Nothing that would end a part of a URL, or begin another. */
static bool is_name(const char *text)
{
    static const char allowed[] = LETTERS DIGITS "-_.()";
    bool is_path_step = text_equal(text, ".") || text_equal(text, "..");
    return text[0] != '\0' && text[strspn(text, allowed)] == '\0' && !is_path_step;
}

bool azure_is_ipv4(const char *address)
{
    struct in_addr parsed;
    return inet_pton(AF_INET, address, &parsed) == 1;
}

/* Labels of letters, digits and hyphens; what has digits and dots alone is no name. */
static bool is_host_name(const char *text)
{
    if (text[0] == '\0' || text[strspn(text, DIGITS ".")] == '\0')
        return false;
    for (const char *label = text;;) {
        size_t length = strspn(label, LETTERS DIGITS "-");
        if (length == 0 || label[0] == '-' || label[length - 1] == '-')
            return false;
        if (label[length] == '\0')
            return true;
        if (label[length] != '.')
            return false;
        label += length + 1;
    }
}

/* Takes the text up to the next slash, or its end, and steps over the slash. */
static bool take_name(const char **text, char name[AZURE_NAME])
{
    size_t length = strcspn(*text, "/");
    if (length >= AZURE_NAME)
        return false;
    memcpy(name, *text, length);
    name[length] = '\0';
    *text += length;
    if (**text == '/')
        ++*text;
    return is_name(name);
}

static const struct {
    const char *prefix;
    enum azure_member_kind kind;
    size_t parts;
} bound_kinds[] = {
    {"nic:", AZURE_INTERFACE, 3},
    {"vmss:", AZURE_INSTANCE, 5},
};

static bool parse_rest(const char *rest, struct azure_member *member)
{
    for (size_t i = 0; i < sizeof(bound_kinds) / sizeof(bound_kinds[0]); i++) {
        if (!text_starts_with(rest, bound_kinds[i].prefix))
            continue;
        size_t slashes = 0;
        for (const char *c = rest; *c != '\0'; c++)
            slashes += *c == '/';
        rest += strlen(bound_kinds[i].prefix);
        member->kind = bound_kinds[i].kind;
        for (size_t part = 0; part < bound_kinds[i].parts; part++)
            if (!take_name(&rest, member->parts[part]))
                return false;
        return slashes == bound_kinds[i].parts - 1;
    }
    member->kind = AZURE_ADDRESS;
    return TEXT_COPY(member->address, rest) && (azure_is_ipv4(rest) || is_host_name(rest));
}

bool azure_member_parse(const char *text, struct azure_member *ret_member, struct error *err)
{
    struct azure_member member = {0};
    const char *rest = text;

    if (TEXT_COPY(member.text, text) && take_name(&rest, member.pool) && rest != text &&
        rest[-1] == '/' && parse_rest(rest, &member)) {
        *ret_member = member;
        return true;
    }
    error_set(err, ERROR_INVALID, "'%.150s' is no member of an application gateway", text);
    error_hint(err, "write POOL/ADDRESS, POOL/nic:GROUP/INTERFACE/CONFIGURATION or "
                    "POOL/vmss:GROUP/SET/INSTANCE/INTERFACE/CONFIGURATION");
    return false;
}

/* A step of an id: a word that is fixed, or (NULL) a name. */
static bool take_step(const char **text, const char *word)
{
    char name[AZURE_NAME];
    if (**text != '/')
        return false;
    ++*text;
    size_t length = strcspn(*text, "/");
    if (length >= AZURE_NAME)
        return false;
    memcpy(name, *text, length);
    name[length] = '\0';
    *text += length;
    return word != NULL ? strcasecmp(name, word) == 0 : is_name(name);
}

bool azure_check_gateway_id(const char *id, struct error *err)
{
    static const char *const steps[] = {
        "subscriptions",       NULL, "resourceGroups", NULL, "providers", "Microsoft.Network",
        "applicationGateways", NULL};
    const char *rest = id;
    bool is_good = true;

    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]) && is_good; i++)
        is_good = take_step(&rest, steps[i]);
    if (is_good && *rest == '\0' && strlen(id) < AZURE_ID / 2)
        return true;
    error_set(err, ERROR_INVALID, "'%.200s' is no id of an application gateway", id);
    error_hint(err, "write /subscriptions/ID/resourceGroups/GROUP/providers/Microsoft.Network/"
                    "applicationGateways/NAME, as the portal's properties show it");
    return false;
}

/* Where the text "/subscriptions/S" of a checked id ends. */
static int subscription_length(const char *gateway_id)
{
    const char *name = strchr(gateway_id + 1, '/');
    CHECK(name != NULL);
    return (int)(name + 1 - gateway_id) + (int)strcspn(name + 1, "/");
}

void azure_member_resource_id(const struct azure_member *member, const char *gateway_id,
                              char ret_id[AZURE_ID])
{
    int length = subscription_length(gateway_id), written = 0;
    CHECK(member->kind != AZURE_ADDRESS);
    if (member->kind == AZURE_INTERFACE)
        written = snprintf(ret_id, AZURE_ID,
                           "%.*s/resourceGroups/%s/providers/Microsoft.Network/"
                           "networkInterfaces/%s",
                           length, gateway_id, member->parts[0], member->parts[1]);
    else
        written =
            snprintf(ret_id, AZURE_ID,
                     "%.*s/resourceGroups/%s/providers/Microsoft.Compute/"
                     "virtualMachineScaleSets/%s/virtualMachines/%s",
                     length, gateway_id, member->parts[0], member->parts[1], member->parts[2]);
    CHECK(written < AZURE_ID);
}

const char *azure_member_interface(const struct azure_member *member)
{
    return member->parts[member->kind == AZURE_INTERFACE ? 1 : 3];
}

const char *azure_member_configuration(const struct azure_member *member)
{
    return member->parts[member->kind == AZURE_INTERFACE ? 2 : 4];
}

void azure_member_configuration_id(const struct azure_member *member, const char *gateway_id,
                                   char ret_id[AZURE_ID])
{
    azure_member_resource_id(member, gateway_id, ret_id);
    if (member->kind == AZURE_INSTANCE)
        CHECK(text_append(ret_id, AZURE_ID, "/networkInterfaces/") &&
              text_append(ret_id, AZURE_ID, azure_member_interface(member)));
    CHECK(text_append(ret_id, AZURE_ID, "/ipConfigurations/") &&
          text_append(ret_id, AZURE_ID, azure_member_configuration(member)));
}
