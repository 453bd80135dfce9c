"""Reads and writes a server with taxii2-client, and compares what went in with
what came back. The one argument is a JSON file: url, ca, user, password,
default_root, collection, collections (what the user is to see), and content, a
file with an envelope that the collection does not hold yet."""

import collections
import datetime
import json
import sys

import requests
from taxii2client.v21 import Server, as_pages

# Types of STIX 2.1 that may lack spec_version.
OBSERVABLES = set(
    "artifact autonomous-system directory domain-name email-addr email-message file ipv4-addr ipv6-addr mac-addr mutex "
    "network-traffic process software url user-account windows-registry-key x509-certificate".split()
)
BOTH = ["2.0", "2.1"]
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


def same(what, got, want):
    if got == want:
        return
    if isinstance(got, list) and isinstance(want, list) and len(got) == len(want):
        i = next(i for i in range(len(got)) if got[i] != want[i])
        sys.exit("%s: %d of %d: got %.1000s\nwant %.1000s" % (what, i, len(got), got[i], want[i]))
    if isinstance(got, list) and isinstance(want, list):
        sys.exit("%s: %d, want %d; %.1000s" % (what, len(got), len(want), [x for x in got + want if x not in got or x not in want]))
    sys.exit("%s: got %.2000s\nwant %.2000s" % (what, got, want))


def spec_version(thing):
    if "spec_version" in thing:
        return thing["spec_version"]
    return "2.1" if thing["type"] in OBSERVABLES or "created" not in thing else "2.0"


def version(thing):
    """The version of an object, or None where it has none of its own."""
    return thing.get("modified") or thing.get("created")


def pages(call, per_request, of="objects", **filters):
    """All that is read in pages, each of which must be within its bounds."""
    things, count = [], 0
    for page in as_pages(call, per_request=per_request, **filters):
        part = page.get(of, [])
        if len(part) > per_request or page["more"] and not (part and page["next"]) or not page["more"] and "next" in page:
            sys.exit("a page of %d with more %s, next %s" % (len(part), page["more"], page.get("next")))
        things += part
        count += 1
    if count < len(things) // per_request:
        sys.exit("%d things in %d pages of %d" % (len(things), count, per_request))
    return things


def status_of(call, *args, **kwargs):
    """The HTTP status of the error that a call must end with."""
    try:
        call(*args, **kwargs)
    except requests.exceptions.HTTPError as error:
        return error.response.status_code
    sys.exit("no error")


def discover(about):
    server = Server(about["url"] + "/taxii2/", user=about["user"], password=about["password"], verify=about["ca"])
    if not server.title or server.default not in server.api_roots:
        sys.exit("title %r, default %r" % (server.title, server.default))
    same("the default API Root", server.default.url, about["url"] + about["default_root"])
    for root in server.api_roots:
        same("versions of " + root.url, root.versions, ["application/taxii+json;version=2.1"])
        if not root.title or root.max_content_length < 10_000_000:
            sys.exit("%s: title %r, max_content_length %r" % (root.url, root.title, root.max_content_length))
    seen = [[c.id, c.title, c.alias, c.can_read, c.can_write] for root in server.api_roots for c in root.collections]
    same("the collections", sorted(seen), sorted(about["collections"]))
    return server.default


def add(root, collection, content):
    """Adds the content in four envelopes, each twice."""
    part = (len(content) + 3) // 4
    for i in range(0, len(content), part):
        envelope = {"objects": content[i : i + part]}
        for body in envelope, json.dumps(envelope):
            status = collection.add_objects(body, wait_for_completion=True)
            same("a Status", [status.status, status.success_count, status.failure_count, status.pending_count],
                 ["complete", len(envelope["objects"]), 0, 0])
            same("its successes", [s["id"] for s in status.successes], [thing["id"] for thing in envelope["objects"]])
            same("the versions in it", [s["version"] for s in status.successes if s["id"].startswith("indicator")],
                 [version(thing) for thing in envelope["objects"] if thing["type"] == "indicator"])
            status.refresh()
            same("the same Status, asked for", [status.status, status.total_count], ["complete", len(envelope["objects"])])
            same("and by its id", root.get_status(status.id).success_count, len(envelope["objects"]))


def read(collection, before, content):
    everything = before + content
    same("all objects", pages(collection.get_objects, 20, version="all", spec_version=BOTH), everything)
    same("all objects, one at a time", pages(collection.get_objects, 1, version="all", spec_version=BOTH), everything)
    records = pages(collection.get_manifest, 20, version="all", spec_version=BOTH)
    same("the manifest", [r["id"] for r in records], [thing["id"] for thing in everything])
    for record, thing in zip(records, everything):
        if version(thing):
            same("a version in the manifest", record["version"], version(thing))
        same("a media type", record["media_type"], "application/stix+json;version=" + spec_version(thing))
    added = [r["date_added"] for r in records]
    same("the order of dates", added, sorted(set(added)))
    return records


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


def match(collection, everything, records):
    top = highest(everything)

    def both(what, per_request, want, **filters):
        """The same filters choose objects, and their records in the manifest."""
        same(what, pages(collection.get_objects, per_request, **filters), want)
        found = pages(collection.get_manifest, per_request, **filters)
        same("records of " + what, [[r["id"], r["version"]] for r in found if r["id"] in dated],
             [[thing["id"], version(thing)] for thing in want if version(thing)])
        same("all records of " + what, [r["id"] for r in found], [thing["id"] for thing in want])

    dated = {thing["id"] for thing in everything if version(thing)}
    if len(top) == len(everything):
        sys.exit("no object is there in two spec_versions")
    both("all versions", 50, top, version="all")
    both("the latest versions", 50, chosen(top, lambda v: v[-1:]))
    both("last", 50, chosen(top, lambda v: v[-1:]), version="last")
    both("first", 50, chosen(top, lambda v: v[:1]), version="first")
    both("first and last", 50, chosen(top, lambda v: [v[0], v[-1]]), version=["first", "last"])
    two = {thing["id"] for thing in everything if thing not in top}
    several = next(key for key, n in collections.Counter(thing["id"] for thing in everything).items() if n > 1 and key not in two)
    one = [thing for thing in everything if thing["id"] == several]
    for thing in one:
        both("a version", 5, [thing], id=several, version=version(thing))
        moment = datetime.datetime.strptime(version(thing), "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=datetime.timezone.utc)
        both("a version, as a time", 5, [thing], id=several, version=moment)
    for spec in BOTH:
        mine = [thing for thing in everything if spec_version(thing) == spec]
        both("spec_version " + spec, 20, chosen(mine, lambda v: v[-1:]), spec_version=spec)
        both("all of it", 20, mine, spec_version=spec, version="all")
    for types in ["indicator"], ["malware", "ipv4-addr", "relationship"], ["x-none"], ["vulnerability"]:
        mine = [thing for thing in everything if thing["type"] in types]
        both("types", 3, mine, type=types, version="all", spec_version=BOTH)
    ids = sorted({thing["id"] for thing in everything})[::7]
    both("ids", 4, [thing for thing in chosen(top, lambda v: v[-1:]) if thing["id"] in ids], id=ids)
    for i in 0, len(records) // 2, len(records) - 2, len(records) - 1:
        since = records[i]["date_added"]
        both("after " + since, 20, everything[i + 1 :], added_after=since, version="all", spec_version=BOTH)
        moment = datetime.datetime.strptime(since, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=datetime.timezone.utc)
        both("after the same, as a time", 20, everything[i + 1 :], added_after=moment, version="all", spec_version=BOTH)
    same("since ever", len(pages(collection.get_objects, 100, added_after=EPOCH, version="all", spec_version=BOTH)), len(everything))
    same("one object", collection.get_object(several)["objects"], chosen(one, lambda v: v[-1:]))
    same("all of one", pages(lambda **f: collection.get_object(several, **f), 1, version="all"), one)
    same("its versions", pages(lambda **f: collection.object_versions(several, **f), 1, of="versions"), [version(t) for t in one])
    return several


def delete(collection, everything, several):
    one = [thing for thing in everything if thing["id"] == several]
    collection.delete_object(several, version=version(one[0]))
    same("what is left of it", sorted(map(version, pages(lambda **f: collection.get_object(several, **f), 1, version="all"))),
         sorted(map(version, one[1:])))
    same("a version that is deleted", status_of(collection.get_object, several, version=version(one[0])), 404)
    collection.delete_object(several)
    for call in collection.get_object, collection.object_versions, collection.delete_object:
        same("an object that is deleted", status_of(call, several), 404)
    same("the others", {thing["id"] for thing in pages(collection.get_objects, 100, version="all", spec_version=BOTH)},
         {thing["id"] for thing in everything} - {several})
    same("a status that nobody has", status_of(collection._conn.get, collection.url + "../../status/" + "00000000-0000-4000-8000-000000000000/"), 404)


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        about = json.load(file)
    with open(about["content"], "rb") as file:
        content = json.load(file)["objects"]
    root = discover(about)
    collection = next(c for c in root.collections if c.id == about["collection"])
    before = pages(collection.get_objects, 20, version="all", spec_version=BOTH)
    add(root, collection, content)
    records = read(collection, before, content)
    several = match(collection, before + content, records)
    delete(collection, before + content, several)
    print("everything is as it should be: %d objects" % (len(before) + len(content)))


main()
