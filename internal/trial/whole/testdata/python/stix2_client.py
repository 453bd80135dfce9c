"""Reads and writes a server with the TAXII source, sink and store of
python-stix2, and compares what went in with what came back."""

import datetime
import json
import sys

import stix2
from requests.exceptions import HTTPError
from stix2 import CompositeDataSource, Environment, Filter, TAXIICollectionSink, TAXIICollectionSource, TAXIICollectionStore
from stix2.datastore import DataSourceError
from taxii2client.v21 import Collection, Server, as_pages

from wanted import BOTH, NOWHERE, latest, same, told, version

DAY = datetime.timedelta(days=1)
FIRST = datetime.datetime(2023, 3, 1, 12, tzinfo=datetime.timezone.utc)


def plain(thing):
    """An object of the library, or what it leaves as it is, as the JSON that it stands for."""
    return json.loads(thing.serialize()) if hasattr(thing, "serialize") else thing


def read(thing):
    """What the library makes of the JSON of an object: it fills in, for one, which version a pattern is written in."""
    return plain(stix2.parse(thing, allow_custom=True))


def ordered(things):
    """Sources promise no order."""
    return sorted(map(plain, things), key=lambda thing: (thing["id"], version(thing) or ""))


def made():
    """Objects that the library itself makes, of each sort, one in three versions."""
    author = stix2.Identity(name="Hafenwacht – 港", identity_class="organization", created=FIRST, modified=FIRST)
    about = {"created_by_ref": author.id, "object_marking_refs": [stix2.TLP_GREEN.id]}
    indicator = stix2.Indicator(name="door", pattern="[ipv4-addr:value = '198.51.100.7']", pattern_type="stix", valid_from=FIRST,
                                created=FIRST, modified=FIRST, **about)
    second = indicator.new_version(name="back door", modified=FIRST + DAY)
    third = second.new_version(name="trap door", modified=FIRST + 2 * DAY)
    malware = stix2.Malware(name="tide", is_family=False, **about)
    address = stix2.IPv4Address(value="198.51.100.7")
    seen = stix2.ObservedData(first_observed=FIRST, last_observed=FIRST + DAY, number_observed=3, object_refs=[address.id], **about)
    custom = stix2.parse({"type": "x-berth", "spec_version": "2.1", "id": "x-berth--" + NOWHERE, "created": "2023-03-01T12:00:00.000Z",
                          "modified": "2023-03-01T12:00:00.000Z", "depth": 7.5}, allow_custom=True)
    versions = [indicator, second, third]
    others = [author, malware, address, seen, stix2.Relationship(indicator, "indicates", malware, **about), custom]
    return versions, others


def put(collection, versions, others):
    """Each of the ways in: an object, a dictionary, JSON, a list, a bundle; and the same again."""
    sink = TAXIICollectionSink(collection, allow_custom=True)
    author, malware, address, seen, relationship, custom = others
    sink.add(author)
    sink.add(plain(malware))
    sink.add(address.serialize())
    sink.add([seen, plain(custom)])
    sink.add(stix2.Bundle(relationship, *versions[:2]))
    sink.add(plain(stix2.Bundle(versions[2])))
    for _ in range(2):
        sink.add(stix2.Bundle(*versions, *[thing for thing in others if thing is not custom]).serialize())


def get(source, versions, others):
    """Single objects, and all of their versions."""
    for thing in versions[-1:] + others:
        same("the object " + plain(thing)["id"], plain(source.get(plain(thing)["id"])), plain(thing))
        same("as the library has it", type(source.get(plain(thing)["id"])), type(thing))
    same("an object that is not there", source.get("tool--" + NOWHERE), None)
    same("all versions", ordered(source.all_versions(versions[0].id)), ordered(versions))
    same("all versions of what is not there", source.all_versions("tool--" + NOWHERE), [])


def ask(source, collection, before, versions, others):
    """Filters that the server answers, and those that the library applies to what it got."""
    everything = before + [plain(thing) for thing in versions + others]
    now = [read(thing) for thing in latest(everything)]

    def both(what, filters, want):
        same(what, ordered(source.query([Filter(*f) for f in filters])), ordered(want))

    both("everything", [], now)
    both("a type", [("type", "=", "indicator")], [thing for thing in now if thing["type"] == "indicator"])
    both("two types", [("type", "=", "malware,identity")], [thing for thing in now if thing["type"] in ("malware", "identity")])
    both("types chosen here", [("type", "in", ["malware", "x-berth"])], [thing for thing in now if thing["type"] in ("malware", "x-berth")])
    both("no type", [("type", "=", "x-none")], [])
    wanted = {"id": versions[0].id, "type": "indicator"}
    both("an id", [("id", "=", wanted["id"])], versions[2:])
    both("an id and its type", [(name, "=", value) for name, value in wanted.items()], versions[2:])
    both("an id and another type", [("id", "=", wanted["id"]), ("type", "=", "malware")], [])
    for name, want in ("first", versions[:1]), ("last", versions[2:]), ("all", versions), ("first,last", versions[::2]):
        both("version " + name, [("id", "=", wanted["id"]), ("version", "=", name)], want)
    for thing in versions:
        both("one version", [("id", "=", thing.id), ("version", "=", version(plain(thing)))], [thing])
    both("a name, chosen here", [("type", "=", "indicator"), ("name", "=", "trap door")], versions[2:])
    both("since ever", [("added_after", "=", "1970-01-01T00:00:00Z")], now)
    records = [r for page in as_pages(collection.get_manifest, 50, version="all", spec_version=BOTH) for r in page["objects"]]
    same("the manifest", len(records), len(everything))
    both("what is new", [("added_after", "=", records[len(before) - 1]["date_added"])], [thing for thing in versions[2:] + others])
    both("nothing new", [("added_after", "=", records[-1]["date_added"])], [])


def raw(collection, versions, others):
    """What the server has is what the library sent, apart from where the spaces are."""
    things = [t for page in as_pages(collection.get_objects, 5, version="all") for t in page["objects"]]
    for thing in map(plain, versions + others):
        same("how often there is " + thing["id"], len([t for t in things if t == thing]), 1)


def together(collection, versions, malware):
    """The store, below an environment and in a federation."""
    store = TAXIICollectionStore(collection, allow_custom=True, items_per_page=4)
    same("through a store", plain(store.get(malware.id)), plain(malware))
    environment = Environment(store=store)
    same("related", [thing.id for thing in environment.related_to(versions[0])], [malware.id])
    same("relationships", [r.relationship_type for r in environment.relationships(malware)], ["indicates"])
    same("who made it", environment.creator_of(malware).name, "Hafenwacht – 港")
    federation = CompositeDataSource()
    federation.add_data_source(store.source)
    same("in a federation", plain(federation.get(versions[0].id)), plain(versions[2]))
    added = stix2.Tool(name="winch")
    environment.add(added)
    same("added through the environment", plain(environment.get(added.id)), plain(added))


def refusals(about, root):
    read_only, write_only = (next(c for c in root.collections if c.id == about[name]) for name in ("readonly", "writeonly"))
    same("a source of it", TAXIICollectionSource(read_only).collection, read_only)
    TAXIICollectionSink(write_only).add(stix2.Tool(name="boat hook"))
    who = {"user": about["user"], "password": about["password"], "verify": about["ca"]}
    for make, collection, cause in (
        (TAXIICollectionSink, read_only, "write access"),
        (TAXIICollectionSource, write_only, "read access"),
        (TAXIICollectionSource, Collection(root.url + "collections/" + NOWHERE, **who), "404"),
        (TAXIICollectionSource, Collection(read_only.url, **{**who, "password": "wrong"}), "401"),
    ):
        try:
            make(collection)
            sys.exit("no refusal: %s" % cause)
        except DataSourceError as refused:
            same("that %s is said" % cause, cause in str(refused.args), True)
    try:
        TAXIICollectionSource(read_only).query([Filter("added_after", "=", "yesterday")])
        sys.exit("no refusal: added_after")
    except HTTPError as refused:
        same("added_after", refused.response.status_code, 400)


def main():
    about, _ = told()
    root = Server(about["url"] + "/taxii2/", user=about["user"], password=about["password"], verify=about["ca"]).default
    collection = next(c for c in root.collections if c.id == about["collection"])
    before = [t for page in as_pages(collection.get_objects, 50, version="all", spec_version=BOTH) for t in page["objects"]]
    versions, others = made()
    put(collection, versions, others)
    for per_page in 3, 5000:
        source = TAXIICollectionSource(collection, items_per_page=per_page)
        get(source, versions, others)
        ask(source, collection, before, versions, others)
    raw(collection, versions, others)
    together(collection, versions, others[1])
    refusals(about, root)
    print("everything is as it should be: %d objects" % (len(before) + len(versions + others)))


main()
