#!/usr/bin/python3
"""Runs a service as its systemd unit says, in a chroot, on a machine where no systemd runs.

    unshare --mount unit_sandbox.py ROOT UNIT

What can keep a service from working is in force: its user, a file system that is read-only but for
its state directory, a /proc with nothing but processes, no capabilities, the system calls, address
families and memory protections that the unit allows. Stricter than systemd in one thing: a call
that is not allowed ends the service by SIGSYS, so that none goes unnoticed.
"""

import os
import re
import resource
import subprocess
import sys

import seccomp

PROT_WRITE_EXEC = 0x2 | 0x4
PROT_EXEC = 0x4
FAMILIES = {"AF_UNIX": 1, "AF_INET": 2, "AF_INET6": 10}
FAMILIES_END = 64
# systemd allows these whatever the unit says.
ALWAYS = {"@default", "execve"}


def settings(text):
    """Returns {name: [values]} of a unit's [Service] section."""
    section = re.search(r"^\[Service\]$(.*?)(?=^\[|\Z)", text, re.DOTALL | re.MULTILINE)[1]
    found = {}
    for name, value in re.findall(r"^(\w+)=(.*)$", section, re.MULTILINE):
        found.setdefault(name, []).append(value)
    return found


def call_sets():
    """Returns {"@set": members}, as this machine's systemd knows them."""
    listed = subprocess.run(["systemd-analyze", "--no-pager", "syscall-filter"],
                            capture_output=True, text=True, check=True).stdout
    sets, members = {}, set()
    for line in listed.splitlines():
        if re.match(r"@[\w-]+$", line):
            members = sets.setdefault(line, set())
        elif re.match(r" +[@\w-]+$", line):
            members.add(line.strip())
    return sets


def expand(names, sets):
    calls = set()
    for name in names:
        calls |= expand(sets[name], sets) if name.startswith("@") else {name}
    return calls


def allowed_calls(filters):
    sets = call_sets()
    allowed = set()
    for words in filters:
        if words.startswith("~"):
            allowed -= expand(words[1:].split(), sets)
        else:
            allowed |= expand(words.split(), sets)
    return allowed | expand(ALWAYS, sets)


def add_rule(rules, action, call, *arguments):
    try:
        rules.add_rule(action, call, *arguments)
    except RuntimeError:
        pass  # The list has the calls of all architectures; this one has none of that name.


def forbid_arguments(unit):
    """No memory that is written and executed, no address family but those of the unit."""
    rules = seccomp.SyscallFilter(seccomp.ALLOW)
    if unit["MemoryDenyWriteExecute"] == ["yes"]:
        rules.add_rule(seccomp.KILL_PROCESS, "mmap",
                       seccomp.Arg(2, seccomp.MASKED_EQ, PROT_WRITE_EXEC, PROT_WRITE_EXEC))
        rules.add_rule(seccomp.KILL_PROCESS, "mprotect",
                       seccomp.Arg(2, seccomp.MASKED_EQ, PROT_EXEC, PROT_EXEC))
    families = {FAMILIES[name] for name in unit["RestrictAddressFamilies"][0].split()}
    for family in set(range(FAMILIES_END)) - families:
        rules.add_rule(seccomp.KILL_PROCESS, "socket", seccomp.Arg(0, seccomp.EQ, family))
    rules.load()


def forbid_calls(calls):
    rules = seccomp.SyscallFilter(seccomp.KILL_PROCESS)
    for call in calls:
        add_rule(rules, seccomp.ALLOW, call)
    rules.load()


def lay_out_files(root, state):
    """Mounts what the service sees, in the mount namespace of this process alone."""
    def mount(*arguments):
        subprocess.run(["mount", *arguments], check=True)
    mount("--bind", root, root)
    mount("--bind", f"{root}{state}", f"{root}{state}")
    mount("-o", "remount,bind,ro", root)
    mount("-t", "proc", "-o", "subset=pid,hidepid=invisible", "proc", f"{root}/proc")
    mount("-t", "tmpfs", "-o", "mode=1777", "tmpfs", f"{root}/tmp")


def become(root, name):
    """Enters the root as the user `name` of its /etc/passwd; more open files must be asked for."""
    with open(f"{root}/etc/passwd", encoding="utf-8") as file:
        accounts = {account: (int(user), int(group))
                    for account, _, user, group, _ in (line.split(":", 4) for line in file)}
    user, group = accounts[name]
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, hard))
    os.chroot(root)
    os.chdir("/")
    os.setgroups([])
    os.setresgid(group, group, group)
    os.setresuid(user, user, user)


def main():
    root, name = sys.argv[1:]
    with open(f"{root}{name}", encoding="utf-8") as file:
        unit = settings(file.read())
    calls = allowed_calls(unit["SystemCallFilter"])
    lay_out_files(root, f"/var/lib/{unit['StateDirectory'][0]}")
    become(root, unit["User"][0])
    os.umask(int(unit["UMask"][0], 8))
    command = unit["ExecStart"][0].split()
    forbid_arguments(unit)
    forbid_calls(calls)
    os.execve(command[0], command, {"NOTIFY_SOCKET": os.environ["NOTIFY_SOCKET"]})


if __name__ == "__main__":
    main()
