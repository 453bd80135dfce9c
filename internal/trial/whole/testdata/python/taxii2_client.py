"""Reads and writes a server with taxii2-client, and compares what went in with
what came back."""

import collections
import datetime
import json
import sys

import requests
from taxii2client.exceptions import AccessError
from taxii2client.v20 import Server as Server20
from taxii2client.v21 import ApiRoot, Collection, Server, as_pages

from wanted import BOTH, NOWHERE, chosen, error, highest, latest, same, spec_version, told, version

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


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
    """The HTTP status of the error that a call must end with, and which is one of TAXII."""
    try:
        call(*args, **kwargs)
    except requests.exceptions.HTTPError as refused:
        answer = refused.response
        error(answer.url, answer.json(), answer.status_code)
        same("its media type", answer.headers["Content-Type"], "application/taxii+json;version=2.1")
        return answer.status_code
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
            status.wait_until_final(poll_interval=0)
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


def unlimited(collection, everything):
    """Without a limit, and with one above what the server gives, a client reads on until there is no more."""
    for per_request in 0, 1_000_000:
        parts = [page.get("objects", []) for page in as_pages(collection.get_objects, per_request, version="all", spec_version=BOTH)]
        same("pages of %d" % per_request, [thing for part in parts for thing in part], everything)
        if per_request == 0 and len(parts) < 3:
            sys.exit("%d pages without a limit" % len(parts))
    same("with all left to the server", collection.get_objects()["objects"], latest(everything)[:100])


def several_filters(collection, everything):
    """Values of one filter are alternatives; filters together narrow down."""
    some = latest(everything)
    kinds = {"indicator", "malware"}
    ids = [thing["id"] for thing in some if thing["type"] in kinds | {"identity"}][:9]
    want = [thing for thing in some if thing["type"] in kinds and thing["id"] in ids]
    if not 0 < len(want) < len(ids):
        sys.exit("%d of %d" % (len(want), len(ids)))
    same("types and ids", pages(collection.get_objects, 2, type=kinds, id=ids), want)


def refusals(about, root, collection, several):
    """What may not be done is refused by the client, and by the server where the client is told to go on."""
    who = {"user": about["user"], "password": about["password"], "verify": about["ca"]}
    read, write = (next(c for c in root.collections if c.id == about[name]) for name in ("readonly", "writeonly"))
    for call, *args in (read.add_objects, {"objects": []}), (read.delete_object, several), (write.get_objects,), (write.get_manifest,):
        try:
            call(*args)
            sys.exit("%s is not refused" % call)
        except AccessError:
            pass
    conn = collection._conn
    media = {"Accept": "application/taxii+json;version=2.1", "Content-Type": "application/taxii+json;version=2.1"}
    same("adding", status_of(conn.post, read.objects_url, headers=media, json={"objects": [{"type": "tool"}]}), 403)
    same("deleting", status_of(conn.delete, read.objects_url + several + "/", headers=media), 403)
    same("reading", status_of(conn.get, write.objects_url), 403)
    same("no password", status_of(Server(about["url"] + "/taxii2/", verify=about["ca"]).refresh), 401)
    same("a wrong password", status_of(Collection(collection.url, **{**who, "password": "wrong"}).refresh), 401)
    same("no Collection", status_of(Collection(root.url + "collections/" + NOWHERE, **who).refresh), 404)
    same("no API Root", status_of(ApiRoot(about["url"] + "/nowhere/", **who).refresh), 404)
    same("no object", status_of(collection.get_object, "tool--" + NOWHERE), 404)
    same("no Status", status_of(root.get_status, NOWHERE), 404)
    same("no time", status_of(collection.get_objects, added_after="yesterday"), 400)
    same("no cursor", status_of(lambda: conn.get(collection.objects_url, params={"next": "broken"})), 400)
    same("no version", status_of(collection.get_objects, version=["all", "first"]), 400)
    same("no envelope", status_of(collection.add_objects, b"{"), 422)
    same("TAXII 2.0", status_of(Server20(about["url"] + "/taxii2/", **who).refresh), 406)


def main():
    about, content = told()
    root = discover(about)
    collection = next(c for c in root.collections if c.id == about["collection"])
    before = pages(collection.get_objects, 20, version="all", spec_version=BOTH)
    add(root, collection, content)
    records = read(collection, before, content)
    unlimited(collection, before + content)
    several_filters(collection, before + content)
    several = match(collection, before + content, records)
    refusals(about, root, collection, several)
    delete(collection, before + content, several)
    print("everything is as it should be: %d objects" % (len(before) + len(content)))


main()
