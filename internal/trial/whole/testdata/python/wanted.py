"""What the tests of all clients share: what they are told, what is to be read of
what was added, and how the two are compared. A test gets one argument, a JSON
file: url, ca, user, password, default_root, collection (that the user may read
and write), readonly and writeonly (likewise), collections (all that the user
is to see), and content, a file with an envelope that the collection does not
hold yet."""

import collections
import json
import sys

# Types of STIX 2.1 that may lack spec_version.
OBSERVABLES = set(
    "artifact autonomous-system directory domain-name email-addr email-message file ipv4-addr ipv6-addr mac-addr mutex "
    "network-traffic process software url user-account windows-registry-key x509-certificate".split()
)
BOTH = ["2.0", "2.1"]
NOWHERE = "00000000-0000-4000-8000-000000000000"


def told():
    """What the test is about, and the objects that it is to add."""
    with open(sys.argv[1], encoding="utf-8") as file:
        about = json.load(file)
    with open(about["content"], "rb") as file:
        return about, json.load(file)["objects"]


def canonical(value):
    """The one way to write a value in JSON, in which 1, 1.0 and true differ."""
    return json.dumps(value, sort_keys=True, default=repr)


def same(what, got, want):
    """Ends the test unless two values are the same."""
    if got == want and (isinstance(got, set) or canonical(got) == canonical(want)):
        return
    if isinstance(got, list) and isinstance(want, list) and len(got) == len(want):
        i = next(i for i in range(len(got)) if canonical(got[i]) != canonical(want[i]))
        sys.exit("%s: %d of %d: got %.1000s\nwant %.1000s" % (what, i, len(got), got[i], want[i]))
    if isinstance(got, list) and isinstance(want, list):
        sys.exit("%s: %d, want %d; %.1000s" % (what, len(got), len(want), [x for x in got + want if x not in got or x not in want]))
    sys.exit("%s: got %.2000s\nwant %.2000s" % (what, got, want))


def error(what, got, status):
    """An error as every one of them is: got is its JSON."""
    same("http_status of " + what, got.get("http_status"), str(status))
    if not got.get("title"):
        sys.exit("%s: no title in %s" % (what, got))


def spec_version(thing):
    if "spec_version" in thing:
        return thing["spec_version"]
    return "2.1" if thing["type"] in OBSERVABLES or "created" not in thing else "2.0"


def version(thing):
    """The version of an object, or None where it has none of its own."""
    return thing.get("modified") or thing.get("created")


def chosen(content, pick):
    """Of each id and spec_version the versions that pick takes of the sorted ones, in the order of adding."""
    versions = collections.defaultdict(list)
    for thing in content:
        versions[thing["id"], spec_version(thing)].append(version(thing))
    wanted = {key: pick(sorted(v, key=str)) for key, v in versions.items()}
    return [thing for thing in content if version(thing) in wanted[thing["id"], spec_version(thing)]]


def highest(content):
    """What is in the highest spec_version of its id."""
    top = {}
    for thing in content:
        top[thing["id"]] = max(top.get(thing["id"], ""), spec_version(thing))
    return [thing for thing in content if spec_version(thing) == top[thing["id"]]]


def latest(content):
    """What is read where no version is asked for."""
    return chosen(highest(content), lambda v: v[-1:])
