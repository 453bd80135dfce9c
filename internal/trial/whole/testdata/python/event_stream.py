"""Follows a Channel as an event stream with sseclient-py, which reads events and
leaves it to the caller to connect again. Prints each Message as a line of JSON,
and ends after as many as it is told. Its argument is a JSON file: url, ca, user,
password, count."""

import json
import sys
import time

import requests
import sseclient


def messages(about):
    """Message events, across as many connections as it takes."""
    session = requests.Session()
    session.auth = (about["user"], about["password"])
    last = None
    while True:
        headers = {"Accept": "text/event-stream"}
        if last:
            headers["Last-Event-ID"] = last
        try:
            with session.get(about["url"], headers=headers, stream=True, timeout=60) as answer:
                if answer.status_code != 503:  # that one comes from a server that stops
                    answer.raise_for_status()
                    for event in sseclient.SSEClient(answer).events():
                        last = event.id or last
                        if event.event == "message":
                            yield event
                        elif event.event != "end":
                            sys.exit("an event %s: %s" % (event.event, event.data))
        except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError):
            pass
        time.sleep(0.2)


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        about = json.load(file)
    for n, event in enumerate(messages(about), 1):
        message = json.loads(event.data)
        print(json.dumps({"last": event.id, "cursor": message["cursor"], "id": message["id"], "content": message["content"]}), flush=True)
        if n == about["count"]:
            return


main()
