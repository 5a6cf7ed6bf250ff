// The rows of ACL.
#pragma once

#include "weir/gateway/commands/rows.h"

namespace weir::gateway::rows {

inline constexpr std::string_view kUsersAreInTheFile =
    "Answers an error: users are configured in the file, which SIGHUP reads again.";

inline constexpr Row kAclRows[] = {
    Container("acl", "6.0.0", "A container for Access List Control commands."),
    Local("acl|cat", -2, kNoScript | kAlways, "6.0.0",
          "List the ACL categories or the commands inside a category.", c::AclCat),
    Local("acl|deluser", -3, kAdmin | kAlways, "6.0.0",
          "Remove the specified ACL users and the associated rules.", c::AclConfigured)
        .Differs(kUsersAreInTheFile),
    Local("acl|dryrun", -4, kAdmin | kAlways, "7.0.0",
          "Returns whether the user can execute the given command without executing the command.",
          c::AclDryrun),
    Local("acl|genpass", -2, kNoScript | kAlways, "6.0.0",
          "Generate a pseudorandom secure password to use for ACL users", c::AclGenpass),
    Local("acl|getuser", 3, kAdmin | kAlways, "6.0.0", "Get the rules for a specific ACL user.",
          c::AclGetuser)
        .Differs("Passwords are not shown, not even as hashes."),
    Local("acl|help", 2, kAlways, "6.0.0", "Show helpful text about the different subcommands.",
          c::Help),
    Local("acl|list", 2, kAdmin | kAlways, "6.0.0",
          "List the current ACL rules in ACL config file "
          "format.",
          c::AclList)
        .Differs("Passwords are not shown, not even as hashes."),
    Local("acl|load", 2, kAdmin | kAlways, "6.0.0", "Reload the ACLs from the configured ACL file.",
          c::AclConfigured)
        .Differs(kUsersAreInTheFile),
    Local("acl|save", 2, kAdmin | kAlways, "6.0.0",
          "Save the current ACL rules in the configured ACL file.", c::AclConfigured)
        .Differs(kUsersAreInTheFile),
    Local("acl|setuser", -3, kAdmin | kAlways, "6.0.0",
          "Modify or create the rules for a specific ACL user.", c::AclConfigured)
        .Differs(kUsersAreInTheFile),
    Local("acl|users", 2, kAdmin | kAlways, "6.0.0",
          "List the username of all the configured ACL rules.", c::AclUsers),
    Local("acl|whoami", 2, kNoScript | kAlways, "6.0.0",
          "Return the name of the user associated to the current connection.", c::AclWhoami),
};

}  // namespace weir::gateway::rows
