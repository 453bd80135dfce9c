"""Reads and writes a server with cytaxii2, and compares what went in with what
came back. The client has no setting for a CA: it trusts what the environment
names in REQUESTS_CA_BUNDLE. It knows the latest versions alone, no manifest and
no DELETE, and gives errors as values."""

import datetime
import json
import sys

from cytaxii2 import cytaxii2

from wanted import NOWHERE, error, latest, same, told


def client(about, **kwargs):
    who = {"username": about["user"], "password": about["password"], **kwargs}
    return cytaxii2.cytaxii2(discovery_url=about["url"] + "/taxii2/", **who)


def good(what, answer, status=200):
    same(what, [answer["status"], answer["status_code"]], [True, status])
    return answer["response"]


def refused(what, answer, status):
    same(what, [answer["status"], answer["status_code"]], [False, status])
    error(what, answer["response"], status)


def discover(about):
    taxii = client(about)
    default = about["url"] + about["default_root"]
    discovery = good("discovery", taxii.discovery_request())
    same("default", discovery["default"], default)
    same("the API Root that it uses", taxii.get_api_root(), (default, False))
    same("that it is listed", default in discovery["api_roots"], True)
    same("versions", good("the API Root", taxii.root_discovery())["versions"], ["application/taxii+json;version=2.1"])
    listed = good("collections", taxii.collection_request())["collections"]
    seen = [[c["id"], c["title"], c.get("alias"), c["can_read"], c["can_write"]] for c in listed]
    same("the collections", sorted(seen), sorted(about["collections"]))
    for c in listed:
        same("one of them", good("a collection", taxii.collection_data_request(c["id"])), c)
    return taxii


def pages(taxii, collection, limit, **filters):
    """All that is read in pages, each of which must be within its bounds."""
    things, cursor = [], None
    while True:
        page = good("a page", taxii.poll_request(collection, limit=limit, next=cursor, **filters))
        part = page.get("objects", [])
        if len(part) > (limit or 100) or page["more"] and not (part and page["next"]) or not page["more"] and "next" in page:
            sys.exit("a page of %d with more %s, next %s" % (len(part), page["more"], page.get("next")))
        things += part
        if not page["more"]:
            return things
        cursor = page["next"]


def add(taxii, collection, content):
    """Adds the content as bundles, each as text and as bytes, and asks for the Status."""
    part = (len(content) + 2) // 3
    for i in range(0, len(content), part):
        objects = content[i : i + part]
        bundle = json.dumps({"type": "bundle", "id": "bundle--" + NOWHERE, "objects": objects}, ensure_ascii=False)
        for body in bundle, bundle.encode():
            status = good("an Add", taxii.inbox_request(collection, body), 202)
            same("its Status", [status["status"], status["success_count"], status["failure_count"]], ["complete", len(objects), 0])
            same("its successes", [s["id"] for s in status["successes"]], [thing["id"] for thing in objects])
            again = taxii.request_handler("GET", taxii.get_api_root()[0] + "status/" + status["id"] + "/")
            same("the same Status, asked for", good("a Status", again), status)


def read(taxii, collection, everything):
    want = latest(everything)
    for limit in None, 7, 50, 1_000:
        same("pages of %s" % limit, pages(taxii, collection, limit), want)
    for kinds in "indicator", "malware,ipv4-addr,relationship", "x-none":
        mine = [thing for thing in want if thing["type"] in kinds.split(",")]
        same("types " + kinds, pages(taxii, collection, 3, object_type=kinds), mine)
    ids = [thing["id"] for thing in want][::9]
    same("ids", pages(taxii, collection, 4, object_id=",".join(ids)), [thing for thing in want if thing["id"] in ids])
    some = {thing["id"] for thing in want if thing["type"] == "indicator"}
    same("ids and a type", pages(taxii, collection, 4, object_id=",".join(ids), object_type="indicator"),
         [thing for thing in want if thing["id"] in ids and thing["id"] in some])
    for after, left in ("1970-01-01T00:00:00.000000Z", want), ("2020-02-29T12:00:00+02:00", want), (tomorrow(), []):
        same("after " + after, pages(taxii, collection, 100, added_after=after), left)


def tomorrow():
    moment = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=1)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def later(taxii, collection, before):
    """What is added between two pages, and between two runs, comes once."""
    page = good("a page", taxii.poll_request(collection, limit=10))
    since = (datetime.datetime.now(datetime.timezone.utc)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    news = {"type": "tool", "spec_version": "2.1", "id": "tool--" + NOWHERE, "created": "2024-01-01T00:00:00.000Z",
            "modified": "2024-01-01T00:00:00.000Z", "name": "Kellerschlüssel – 鍵 🔑"}
    good("an Add", taxii.inbox_request(collection, json.dumps({"objects": [news]}, ensure_ascii=False)), 202)
    things, cursor = page["objects"], page["next"]
    while cursor:
        page = good("a page", taxii.poll_request(collection, limit=10, next=cursor))
        things, cursor = things + page["objects"], page.get("next")
    same("with what was added meanwhile", things, latest(before) + [news])
    same("since then", news in pages(taxii, collection, 100, added_after=since), True)


def refusals(about, taxii):
    refused("a wrong password", client(about, password="wrong").discovery_request(), 401)
    same("and so its default", client(about, password="wrong").get_api_root()[1], True)
    refused("TAXII 2.0", client(about, version=2.0).discovery_request(), 406)
    refused("no Collection", taxii.collection_data_request(NOWHERE), 404)
    refused("nothing there to read", taxii.poll_request(NOWHERE), 404)
    refused("reading", taxii.poll_request(about["writeonly"]), 403)
    refused("adding", taxii.inbox_request(about["readonly"], '{"objects":[{"type":"tool"}]}'), 403)
    refused("a bare object", taxii.inbox_request(about["collection"], '{"type":"tool"}'), 422)
    refused("no time", taxii.poll_request(about["collection"], added_after="yesterday"), 400)
    refused("no limit", taxii.poll_request(about["collection"], limit=-1), 400)
    refused("no cursor", taxii.poll_request(about["collection"], next="broken"), 400)


def main():
    about, content = told()
    taxii = discover(about)
    before = pages(taxii, about["collection"], 20)
    # Of what was there it shows the latest alone; an object of which older versions are there as well is still one.
    add(taxii, about["collection"], content)
    read(taxii, about["collection"], before + content)
    later(taxii, about["collection"], before + content)
    refusals(about, taxii)
    print("everything is as it should be: %d objects" % (len(before) + len(content)))


main()
